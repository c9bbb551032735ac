/* SPDX-License-Identifier: MIT */
/*
 * The fields that say where a message ends, whom it is for and what becomes of
 * the connection.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

struct gev__http_field;
struct gev__http_head;

/**
 * gev__http_framing_field() - note what a field line says, if it matters
 * @h:     in its fields
 * @field: one of @h; a list around "chunked" becomes blanks in the buffer
 *
 * Return:    0, or -EBADMSG with the refusal noted
 */
int gev__http_framing_field(struct gev__http_head *h,
                            struct gev__http_field *field);

/**
 * gev__http_framing_finish() - decide, when the last field is known
 *
 * Return:    0, or -EBADMSG with the refusal noted
 */
int gev__http_framing_finish(struct gev__http_head *h);

#endif
