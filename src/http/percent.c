/* SPDX-License-Identifier: MIT */
/*
 * %XX: decoded once, and nothing that a C string could not hold.
 */
#include "http/percent.h"

#include <errno.h>

#include "http/chars.h"

static int digit(char c)
{
    if (!gev__ch_is(c, GEV__CH_HEX)) {
        return -1;
    }
    return c <= '9' ? c - '0' : gev__ch_lower(c) - 'a' + 10;
}

int gev__percent_decode(char *to, const char *p, size_t n, bool plus)
{
    const char *end = p + n;

    while (p < end) {
        char c = *p++;

        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int high = end - p >= 2 ? digit(p[0]) : -1;
            int low = high >= 0 ? digit(p[1]) : -1;

            c = (char)(16 * high + low);
            if (low < 0 || c == '\0') {
                return -EILSEQ;
            }
            p += 2;
        }
        *to++ = c;
    }
    *to = '\0';
    return 0;
}
