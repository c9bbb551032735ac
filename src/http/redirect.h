/* SPDX-License-Identifier: MIT */
/*
 * Sending a client to where it should have asked.
 */
#ifndef HTTP_REDIRECT_H
#define HTTP_REDIRECT_H

#include <gev/http.h>

/**
 * gev__http_add_slash() - answer: the same target with a "/" behind its path
 *
 * 301; 308 unless it is GET or HEAD, so that the method stays. The target must
 * not begin with "//": that would be a host.
 *
 * Return:    as gev_http_redirect()
 */
int gev__http_add_slash(struct gev_http *x);

#endif
