/* SPDX-License-Identifier: MIT */
/*
 * The fields behind the last chunk.
 */
#ifndef HTTP_TRAILER_H
#define HTTP_TRAILER_H

#include <stddef.h>
#include <sys/types.h>

struct gev__http_body;

/**
 * gev__http_trailer_scan() - look at what has arrived of the section
 * @b:   behind the last chunk's line
 * @buf: the section's first byte
 * @len: bytes there
 *
 * Return:    length of the section with its empty line, once that is there; 0
 *            if more is needed; or -EBADMSG with the refusal noted
 */
ssize_t gev__http_trailer_scan(struct gev__http_body *b, char *buf, size_t len);

/**
 * gev__http_trailer_keep() - copy a complete section, and list its fields
 * @b:   its scan is done
 * @buf: the section
 * @len: its length
 *
 * Return:    0, or -ENOMEM with the refusal noted
 */
int gev__http_trailer_keep(struct gev__http_body *b, const char *buf,
                           size_t len);

#endif
