/* SPDX-License-Identifier: MIT */
/*
 * Answering with a file that is open.
 */
#ifndef HTTP_FILE_SEND_H
#define HTTP_FILE_SEND_H

#include "http/conditions.h"
#include "http/file_cache.h"

/**
 * gev__http_file_send() - send it, or a part, as the request's conditions say
 *
 * @f must be referenced: this may switch. Its lines stay in x->re.
 *
 * Return:    0; -ESTALE if it was truncated and nothing was written; or as
 *            gev__http_reply(), gev_http_send_fd()
 */
int gev__http_file_send(struct gev_http *x,
                        const struct gev__http_conditions *c,
                        const struct gev__http_file *f);

#endif
