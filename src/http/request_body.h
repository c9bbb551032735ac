/* SPDX-License-Identifier: MIT */
/*
 * Reading a request's body, for handlers and for the connection.
 */
#ifndef HTTP_REQUEST_BODY_H
#define HTTP_REQUEST_BODY_H

#include "http/exchange.h"

/**
 * gev__http_body_begin() - the head is complete: is there a body?
 */
void gev__http_body_begin(struct gev_http *x);

/**
 * gev__http_body_drain() - read and drop what the handler left
 *
 * Switches:  yes; what is in x->out is sent first
 * Return:    whether the end was reached, within o.max_drain bytes
 */
bool gev__http_body_drain(struct gev_http *x);

/**
 * gev__http_body_over() - has all of it been read, or is there none?
 *
 * All that a length announced counts, though nobody read on to the end.
 */
bool gev__http_body_over(struct gev_http *x);

/**
 * gev__http_body_is_long() - is so much left that the connection will close?
 */
bool gev__http_body_is_long(const struct gev_http *x);

#endif
