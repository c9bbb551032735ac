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

/* The byte of two digits, or -1; not 0, which would end the text. */
static int take_byte(const char **p, const char *end)
{
    int high = end - *p >= 2 ? digit((*p)[0]) : -1;
    int low = high >= 0 ? digit((*p)[1]) : -1;

    if (low < 0 || high + low == 0) {
        return -1;
    }
    *p += 2;
    return 16 * high + low;
}

int gev__percent_decode(char *to, const char *p, size_t n, bool plus)
{
    const char *end = p + n;

    while (p < end) {
        int c = (unsigned char)*p++;

        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            c = take_byte(&p, end);
        }
        if (c < 0) {
            return -EILSEQ;
        }
        *to++ = (char)c;
    }
    *to = '\0';
    return 0;
}
