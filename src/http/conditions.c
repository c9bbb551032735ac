/* SPDX-License-Identifier: MIT */
/*
 * Conditions of a request: "only if it has changed", "only if it has not"
 *
 * One pass over the fields, since most requests have none of them. A date that
 * is the very string that was sent needs no parsing; one that cannot be parsed
 * is as if it were not there.
 */
#include "http/conditions.h"

#include <string.h>

#include "http/accept.h"
#include "http/chars.h"
#include "http/date.h"
#include "http/etag.h"

static const char *value_of(const struct gev_http *x, uint32_t i)
{
    return gev__http_head_str(&x->head, x->head.fields[i].value);
}

static bool named(const struct gev_http *x, uint32_t i, const char *lower,
                  size_t n)
{
    return gev__http_field_is(x->head.buf, &x->head.fields[i], lower, n);
}

#define NAMED(x, i, literal) named(x, i, literal, sizeof(literal) - 1)

/* Range, If-... */
static void read_field(const struct gev_http *x, uint32_t i,
                       struct gev__http_conditions *c)
{
    const char **to = NULL;

    switch (x->head.fields[i].name.len) {
    case 5:
        to = NAMED(x, i, "range") ? &c->range : NULL;
        break;
    case 8:
        to = NAMED(x, i, "if-range")   ? &c->if_range
             : NAMED(x, i, "if-match") ? &c->match
                                       : NULL;
        break;
    case 13:
        to = NAMED(x, i, "if-none-match") ? &c->none_match : NULL;
        break;
    case 15:
        c->gzip |= NAMED(x, i, "accept-encoding") &&
                   gev__http_accepts_gzip(value_of(x, i));
        break;
    case 17:
        to = NAMED(x, i, "if-modified-since") ? &c->modified_since : NULL;
        break;
    case 19:
        to = NAMED(x, i, "if-unmodified-since") ? &c->unmodified_since : NULL;
        break;
    default:
        break;
    }
    if (to) {
        /* Two ranges are no range. */
        *to = to == &c->range && *to ? "" : value_of(x, i);
    }
}

void gev__http_conditions_read(const struct gev_http *x,
                               struct gev__http_conditions *ret)
{
    *ret = (struct gev__http_conditions){0};
    for (uint32_t i = 0; i < x->head.n_fields; i++) {
        read_field(x, i, ret);
    }
}

/* Is the tag in one of the lines of this name? */
static bool listed(const struct gev_http *x, const char *name, const char *tag,
                   bool weak)
{
    int i = gev__http_head_find(&x->head, name, 0);

    while (i >= 0) {
        if (gev__http_etag_listed(value_of(x, (uint32_t)i), tag, weak)) {
            return true;
        }
        i = gev__http_head_find(&x->head, name, (uint32_t)i + 1);
    }
    return false;
}

/* Was it last changed after @date? @otherwise if that is not a date. */
static bool changed_since(const char *date,
                          const struct gev__http_validators *v, bool otherwise)
{
    time_t t;

    if (strcmp(date, v->modified) == 0) {
        return false;
    }
    return gev__http_date_parse(date, &t) ? v->mtime > t : otherwise;
}

int gev__http_conditions_check(const struct gev_http *x,
                               const struct gev__http_conditions *c,
                               const struct gev__http_validators *v)
{
    if (c->match) {
        if (!listed(x, "if-match", v->etag, false)) {
            return 412;
        }
    } else if (c->unmodified_since &&
               changed_since(c->unmodified_since, v, false)) {
        return 412;
    }
    if (c->none_match) {
        return listed(x, "if-none-match", v->etag, true) ? 304 : 200;
    }
    if (c->modified_since && !changed_since(c->modified_since, v, true)) {
        return 304;
    }
    return 200;
}

bool gev__http_conditions_range(const struct gev__http_conditions *c,
                                const struct gev__http_validators *v)
{
    const char *s = c->if_range;

    if (!c->range || !s) {
        return c->range != NULL;
    }
    if (*s == '"' || *s == 'W') {
        return strcmp(s, v->etag) == 0;
    }
    /* RFC 9110 8.8.2.2: strong only if it cannot change within that second. */
    return strcmp(s, v->modified) == 0 && v->mtime < time(NULL) - 1;
}
