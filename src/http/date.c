/* SPDX-License-Identifier: MIT */
/*
 * Dates as HTTP writes them, whatever the locale
 */
#include "http/date.h"

#include <string.h>

/* @n digits of @value, with leading zeros. */
static char *put_digits(char *p, int value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return p + n;
}

static char *put(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    return p + n;
}

void gev__http_date(time_t t, char ret[GEV__HTTP_DATE_LEN + 1])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {.tm_mday = 1};
    char *p = ret;

    gmtime_r(&t, &tm);
    p = put(p, days + 3 * (size_t)tm.tm_wday, 3);
    p = put(p, ", ", 2);
    p = put_digits(p, tm.tm_mday, 2);
    p = put(p, " ", 1);
    p = put(p, months + 3 * (size_t)tm.tm_mon, 3);
    p = put(p, " ", 1);
    p = put_digits(p, tm.tm_year + 1900, 4);
    p = put(p, " ", 1);
    p = put_digits(p, tm.tm_hour, 2);
    p = put(p, ":", 1);
    p = put_digits(p, tm.tm_min, 2);
    p = put(p, ":", 1);
    p = put_digits(p, tm.tm_sec, 2);
    memcpy(p, " GMT", 5);
}
