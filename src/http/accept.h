/* SPDX-License-Identifier: MIT */
/*
 * Accept-Encoding: does the client want gzip?
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stdbool.h>

/**
 * gev__http_accepts_gzip() - is gzip accepted, and no less than identity?
 * @value: of Accept-Encoding
 *
 * See:       RFC 9110 12.5.3
 */
bool gev__http_accepts_gzip(const char *value);

#endif
