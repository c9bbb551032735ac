/* SPDX-License-Identifier: MIT */
/*
 * Range: "bytes=0-99", "bytes=100-", "bytes=-50"
 *
 * Several ranges would need a multipart answer, and are a way to make a server
 * work hard; RFC 9110 14.2 lets one answer with the whole.
 */
#include "http/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "http/chars.h"

/* 1*DIGIT, INT64_MAX for what is larger. Return: whether there was a digit. */
static bool number(const char **p, int64_t *ret)
{
    int64_t n = 0;
    const char *s = *p;

    for (; gev__ch_is(*s, GEV__CH_DIGIT); s++) {
        int digit = *s - '0';

        n = n > (INT64_MAX - digit) / 10 ? INT64_MAX : 10 * n + digit;
    }
    if (s == *p) {
        return false;
    }
    *p = s;
    *ret = n;
    return true;
}

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

/* "-50": the last ones. */
static enum gev__http_range suffix(const char *p, int64_t size, int64_t *ret)
{
    int64_t n;

    p++;
    if (!number(&p, &n) || *skip_space(p) != '\0') {
        return GEV__HTTP_WHOLE;
    }
    *ret = n < size ? n : size;
    return *ret > 0 ? GEV__HTTP_PART : GEV__HTTP_OUTSIDE;
}

enum gev__http_range gev__http_range(const char *value, int64_t size,
                                     int64_t *ret_first, int64_t *ret_n)
{
    int64_t first, last = INT64_MAX, n;
    const char *p;

    if (strncasecmp(value, "bytes=", 6) != 0) {
        return GEV__HTTP_WHOLE;
    }
    p = skip_space(value + 6);
    if (*p == '-') {
        enum gev__http_range r = suffix(p, size, &n);

        if (r == GEV__HTTP_PART) {
            *ret_first = size - n;
            *ret_n = n;
        }
        return r;
    }
    if (!number(&p, &first) || *p++ != '-') {
        return GEV__HTTP_WHOLE;
    }
    bool has_last = number(&p, &last);
    if (*skip_space(p) != '\0' || (has_last && last < first)) {
        return GEV__HTTP_WHOLE;
    }
    if (first >= size) {
        return GEV__HTTP_OUTSIDE;
    }
    *ret_first = first;
    *ret_n = (last < size ? last + 1 : size) - first;
    return GEV__HTTP_PART;
}
