/* SPDX-License-Identifier: MIT */
/*
 * Dates as HTTP writes them.
 */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdbool.h>
#include <time.h>

#define GEV__HTTP_DATE_LEN 29

/**
 * gev__http_date() - an IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT"
 * @t:   seconds since 1970; years 1970 to 9999
 * @ret: GEV__HTTP_DATE_LEN bytes and a NUL
 *
 * See:       RFC 9110 5.6.7
 */
void gev__http_date(time_t t, char ret[GEV__HTTP_DATE_LEN + 1]);

/**
 * gev__http_date_parse() - a date in one of the three formats of RFC 9110 5.6.7
 * @s:   IMF-fixdate, that of RFC 850 or of asctime(3)
 * @ret: seconds since 1970
 *
 * Return:    false for anything else
 */
bool gev__http_date_parse(const char *s, time_t *ret);

#endif
