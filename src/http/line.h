/* SPDX-License-Identifier: MIT */
/*
 * Where a line ends: at CRLF, and at nothing else.
 */
#ifndef HTTP_LINE_H
#define HTTP_LINE_H

#include "http/chars.h"

/**
 * gev__http_line_end() - look for the CRLF of a line
 * @buf:  what @at counts from
 * @at:   how far the line was looked at; moves on, to the CR if it is complete
 * @end:  how far it may be looked at
 * @tabs: whether HTAB may be in it
 *
 * Return:    1 if it is complete; 0 if more is needed; -1 if there is another
 *            control character in it, or a CR without LF
 */
static inline int gev__http_line_end(const char *buf, uint32_t *at, size_t end,
                                     bool tabs)
{
    const char *stop = buf + end;
    const char *p = gev__ch_find_ctl(buf + *at, stop);

    while (p < stop && *p == '\t' && tabs) {
        p = gev__ch_find_ctl(p + 1, stop);
    }
    *at = (uint32_t)(p - buf);
    if (p == stop || (*p == '\r' && p + 1 == stop)) {
        return 0;
    }
    return *p == '\r' && p[1] == '\n' ? 1 : -1;
}

#endif
