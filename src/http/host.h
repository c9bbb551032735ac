/* SPDX-License-Identifier: MIT */
/*
 * "host:port" as it stands in Host and in targets.
 */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include <stdbool.h>
#include <stddef.h>

/**
 * gev__http_host_valid() - is it uri-host [ ":" port ], RFC 9110 7.2?
 * @p:         the bytes; no control characters
 * @len:       how many
 * @with_port: whether a port must be there, as CONNECT has it
 *
 * The host must not be empty. A comma is refused though RFC 3986 allows it in a
 * name: it is what two Host lines become where somebody merges them.
 */
bool gev__http_host_valid(const char *p, size_t len, bool with_port);

#endif
