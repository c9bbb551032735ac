/* SPDX-License-Identifier: MIT */
/*
 * Writing a response, for handlers and for the connection.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "http/exchange.h"

/**
 * gev__http_head_out() - put the head of the response into x->out
 * @type:   Content-Type, or NULL
 * @length: of the body, or -1: not known
 *
 * Settles how the body is delimited and whether the connection stays.
 *
 * Return:    0, -ENOMEM, or as gev__http_flush()
 */
int gev__http_head_out(struct gev_http *x, const char *type, int64_t length);

/**
 * gev__http_inform() - put an informational response into x->out
 *
 * Return:    as gev__http_head_out()
 */
int gev__http_inform(struct gev_http *x, int code);

/**
 * gev__http_value_ok() - may this be a field's value?
 */
bool gev__http_value_ok(const char *value);

/**
 * gev__http_reply() - gev_http_reply(), giving -Exxx
 */
int gev__http_reply(struct gev_http *x, int code, const char *type,
                    const void *body, size_t n);

/**
 * gev__http_reply_error() - gev_http_error(), giving -Exxx
 */
int gev__http_reply_error(struct gev_http *x, int code, const char *text);

/**
 * gev__http_close_chunk() - write the size of the chunk that is open, if any
 */
void gev__http_close_chunk(struct gev_http *x);

/**
 * gev__http_finish() - the handler has returned: end what it has written
 *
 * Return:    0; -EMSGSIZE if it is not what was promised; or as
 *            gev__http_flush()
 */
int gev__http_finish(struct gev_http *x);

/**
 * gev__http_take_back() - drop what was written, if nothing of it has left
 *
 * Return:    whether another response may be written
 */
bool gev__http_take_back(struct gev_http *x);

#endif
