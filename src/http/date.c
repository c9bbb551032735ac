/* SPDX-License-Identifier: MIT */
/*
 * Dates as HTTP writes them, whatever the locale
 */
#include "http/date.h"

#include <locale.h>
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

/* A year of two digits is in the past if it would be 50 years ahead. */
static time_t nearest(struct tm *tm)
{
    time_t t = timegm(tm);
    struct tm now;
    time_t today = time(NULL);

    gmtime_r(&today, &now);
    if (tm->tm_year > now.tm_year + 50) {
        tm->tm_year -= 100;
        t = timegm(tm);
    }
    return t;
}

bool gev__http_date_parse(const char *s, time_t *ret)
{
    static const char *const formats[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    };
    /* glibc has this one ready: no memory, nothing to free. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    for (size_t i = 0; c && i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {0};
        const char *end = strptime_l(s, formats[i], &tm, c);

        if (end && *end == '\0') {
            *ret = i == 1 ? nearest(&tm) : timegm(&tm);
            return true;
        }
    }
    return false;
}
