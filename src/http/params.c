/* SPDX-License-Identifier: MIT */
/*
 * Parameters
 *
 * Nobody here needs what they say. They are checked because what a loose reader
 * passes over may hide the end of a line from it.
 */
#include "http/params.h"

#include "http/chars.h"

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    return p;
}

/* Behind the closing quote, or NULL. @p is behind the opening one. */
static const char *skip_quoted(const char *p, const char *end)
{
    for (;;) {
        p = gev__ch_skip(p, end, GEV__CH_QUOTED);
        if (p < end && *p == '"') {
            return p + 1;
        }
        if (end - p < 2 || *p != '\\' || !gev__ch_is(p[1], GEV__CH_TEXT)) {
            return NULL;
        }
        p += 2;
    }
}

/* Behind a token or a quoted string, or NULL. */
static const char *skip_value(const char *p, const char *end)
{
    if (p < end && *p == '"') {
        return skip_quoted(p + 1, end);
    }
    const char *q = gev__ch_skip(p, end, GEV__CH_TOKEN);
    return q > p ? q : NULL;
}

/* Behind name and value, or NULL. @p is behind the semicolon. */
static const char *skip_param(const char *p, const char *end)
{
    p = skip_blanks(p, end);
    const char *q = gev__ch_skip(p, end, GEV__CH_TOKEN);
    if (q == p) {
        return NULL;
    }
    p = skip_blanks(q, end);
    if (p == end || *p != '=') {
        return q;
    }
    return skip_value(skip_blanks(p + 1, end), end);
}

bool gev__http_params_valid(const char *p, const char *end)
{
    while (p && p < end) {
        p = skip_blanks(p, end);
        if (p == end || *p != ';') {
            return false;
        }
        p = skip_param(p + 1, end);
    }
    return p != NULL;
}
