/* SPDX-License-Identifier: MIT */
/*
 * Range: which bytes of a file are wanted.
 */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdint.h>

/* What a Range field asks for. */
enum gev__http_range {
    GEV__HTTP_WHOLE,   /* all: no range, several, or not one as it should be */
    GEV__HTTP_PART,    /* one range */
    GEV__HTTP_OUTSIDE, /* one that begins behind the end: 416 */
};

/**
 * gev__http_range() - read a Range field
 * @value:     of it
 * @size:      of the file
 * @ret_first: first byte, for a part
 * @ret_n:     how many, for a part
 *
 * See:       RFC 9110 14.1.2, 14.2
 */
enum gev__http_range gev__http_range(const char *value, int64_t size,
                                     int64_t *ret_first, int64_t *ret_n);

#endif
