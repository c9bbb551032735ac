/* SPDX-License-Identifier: MIT */
/*
 * How much of a request is read before it is refused.
 */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stdint.h>

struct gev__http_limits {
    uint32_t max_request_line; /* bytes without CRLF; more is 414 */
    uint32_t max_head;         /* bytes, the last CRLF included; 431 */
    uint32_t max_field_line;   /* bytes without CRLF; 431 */
    uint32_t max_fields;       /* field lines; 431 */
    uint32_t max_chunk_line;   /* bytes without CRLF; 400 */
    uint32_t max_overhead;     /* bytes around chunks, before it counts; 400 */
    int64_t max_body;          /* decoded bytes; 413 */
};

/* clang-format off */
#define GEV__HTTP_LIMITS_DEFAULT                                               \
    {                                                                          \
        .max_request_line = 8 << 10,                                           \
        .max_head = 32 << 10,                                                  \
        .max_field_line = 16 << 10,                                            \
        .max_fields = 100,                                                     \
        .max_chunk_line = 256,                                                 \
        .max_overhead = 100 << 10,                                             \
        .max_body = 8 << 20,                                                   \
    }
/* clang-format on */

#endif
