/* SPDX-License-Identifier: MIT */
/*
 * A line of an access log.
 */
#ifndef HTTP_LOG_LINE_H
#define HTTP_LOG_LINE_H

#include <stddef.h>
#include <time.h>

#include "http/server.h"

/* What a field of the request may become, escaped. */
#define GEV__LOG_FIELD_MAX ((size_t)4 << 10)

/* The longest line: three such fields, and the rest. */
#define GEV__LOG_LINE_MAX (3 * GEV__LOG_FIELD_MAX + 512)

/**
 * struct gev__log_date - the date of a line, made once a second
 */
struct gev__log_date {
    time_t t;      /* 0: none yet */
    char text[40]; /* "[22/Nov/2026:15:24:22 +0000] " */
    size_t len;
};

/**
 * gev__log_line() - put a line together
 * @p: room for GEV__LOG_LINE_MAX bytes
 *
 * Return:    its length; no NUL
 */
size_t gev__log_line(char *p, const struct gev__http_record *r,
                     struct gev__log_date *date);

#endif
