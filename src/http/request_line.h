/* SPDX-License-Identifier: MIT */
/*
 * The first line of a request.
 */
#ifndef HTTP_REQUEST_LINE_H
#define HTTP_REQUEST_LINE_H

#include <stdint.h>

struct gev__http_head;

/**
 * gev__http_request_line() - check the line and note its facts
 * @h:   its line is the request line
 * @end: offset of the line's CR
 *
 * A minor version above 1 becomes 1 in the buffer, for the parser.
 *
 * Return:    0, or -EBADMSG with the refusal noted
 */
int gev__http_request_line(struct gev__http_head *h, uint32_t end);

#endif
