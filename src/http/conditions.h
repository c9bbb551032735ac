/* SPDX-License-Identifier: MIT */
/*
 * What a request for a file says besides the file's name.
 */
#ifndef HTTP_CONDITIONS_H
#define HTTP_CONDITIONS_H

#include <stdbool.h>
#include <time.h>

#include "http/exchange.h"

/**
 * struct gev__http_conditions - values of the fields, NULL where there is none
 *
 * Of fields that may come as several lines each is looked at: see
 * gev__http_conditions_listed().
 */
struct gev__http_conditions {
    const char *match;            /* If-Match */
    const char *none_match;       /* If-None-Match */
    const char *modified_since;   /* If-Modified-Since */
    const char *unmodified_since; /* If-Unmodified-Since */
    const char *if_range;         /* If-Range */
    const char *range;            /* Range, unless it came twice */
    bool gzip;                    /* Accept-Encoding prefers it */
};

/**
 * struct gev__http_validators - what conditions are compared with
 */
struct gev__http_validators {
    const char *etag;     /* a strong one */
    const char *modified; /* Last-Modified as it is sent */
    time_t mtime;         /* the same */
};

/**
 * gev__http_conditions_read() - find them in a request
 */
void gev__http_conditions_read(const struct gev_http *x,
                               struct gev__http_conditions *ret);

/**
 * gev__http_conditions_check() - shall the file be sent?
 *
 * Return:    200: yes; 304; 412
 * See:       RFC 9110 13.2.2
 */
int gev__http_conditions_check(const struct gev_http *x,
                               const struct gev__http_conditions *c,
                               const struct gev__http_validators *v);

/**
 * gev__http_conditions_range() - does Range count?
 *
 * See:       RFC 9110 13.1.5
 */
bool gev__http_conditions_range(const struct gev__http_conditions *c,
                                const struct gev__http_validators *v);

#endif
