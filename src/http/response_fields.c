/* SPDX-License-Identifier: MIT */
/*
 * What a handler says of its response before it writes it
 *
 * Names and values are checked here, so nothing that could split a response
 * ever gets into a head. How the body is delimited and what becomes of the
 * connection is not the handler's to say in fields: see set_managed().
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/ret.h"
#include "http/chars.h"
#include "http/response.h"

bool gev__http_value_ok(const char *value)
{
    const char *end = value + strlen(value);
    const char *p = gev__ch_find_ctl(value, end);

    while (p < end && *p == '\t') { /* the only one that may be in there */
        p = gev__ch_find_ctl(p + 1, end);
    }
    return p == end;
}

static bool name_ok(const char *name)
{
    const char *end = name + strlen(name);

    return end > name && end - name < 256 &&
           gev__ch_skip(name, end, GEV__CH_TOKEN) == end;
}

static int set_length(struct gev_http *x, int64_t n)
{
    if (n < 0) {
        return -EINVAL;
    }
    if (x->re.stage != GEV__HTTP_NOTHING) {
        return -EALREADY;
    }
    x->re.promised = n;
    x->re.promised_set = true;
    return 0;
}

/* 1*DIGIT that fits. Return: the number, or -EINVAL. */
static int64_t number(const char *s)
{
    int64_t n = 0;

    if (*s == '\0' || strlen(s) > 18) {
        return -EINVAL;
    }
    for (; *s; s++) {
        if (*s < '0' || *s > '9') {
            return -EINVAL;
        }
        n = 10 * n + (*s - '0');
    }
    return n;
}

/* Fields that are the server's business. Return: 1 if it is none of them. */
static int set_managed(struct gev_http *x, const char *name, const char *value)
{
    if (strcasecmp(name, "content-length") == 0) {
        if (!value) {
            x->re.promised = -1;
            x->re.promised_set = false;
            return 0;
        }
        return set_length(x, number(value));
    }
    if (strcasecmp(name, "connection") == 0) {
        if (!value || strcasecmp(value, "close") != 0) {
            return -EINVAL;
        }
        x->re.close = true;
        return 0;
    }
    if (strcasecmp(name, "transfer-encoding") == 0 ||
        strcasecmp(name, "keep-alive") == 0) {
        return -EINVAL;
    }
    return 1;
}

static void remove_field(struct gev__http_response *re, const char *name)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < re->n_fields; i++) {
        if (strcasecmp(re->fields[i].name, name) != 0) {
            re->fields[n++] = re->fields[i];
        }
    }
    re->n_fields = n;
}

static int grow(struct gev_http *x)
{
    struct gev__http_response *re = &x->re;
    uint32_t max = re->max_fields ? 2 * re->max_fields : 8;
    struct gev__http_out_field *f =
        gev__arena_alloc(&x->arena, max * sizeof *f);

    if (!f) {
        return -ENOMEM;
    }
    if (re->n_fields > 0) {
        memcpy(f, re->fields, re->n_fields * sizeof *f);
    }
    re->fields = f;
    re->max_fields = max;
    return 0;
}

static int add(struct gev_http *x, const char *name, const char *value)
{
    struct gev__http_response *re = &x->re;
    size_t name_len = strlen(name), value_len = strlen(value);
    struct gev__http_out_field f = {.name_len = (uint32_t)name_len,
                                    .value_len = (uint32_t)value_len};

    if (value_len > UINT32_MAX / 4 ||
        (re->n_fields == re->max_fields && grow(x) < 0)) {
        return -ENOMEM;
    }
    f.name = gev__arena_copy(&x->arena, name, name_len);
    f.value = gev__arena_copy(&x->arena, value, value_len);
    if (!f.name || !f.value) {
        return -ENOMEM;
    }
    re->fields[re->n_fields++] = f;
    return 0;
}

static int set(struct gev_http *x, const char *name, const char *value,
               bool replace)
{
    bool date;
    int rc;

    if (!name || !name_ok(name) || (value && !gev__http_value_ok(value)) ||
        (!value && !replace)) {
        return -EINVAL;
    }
    if (x->re.stage != GEV__HTTP_NOTHING) {
        return -EALREADY;
    }
    rc = set_managed(x, name, value);
    if (rc <= 0) {
        return rc;
    }
    date = strcasecmp(name, "date") == 0;
    rc = value ? add(x, name, value) : 0;
    if (rc < 0) {
        return rc;
    }
    if (replace || date) { /* the new one is the last */
        uint32_t keep = value ? 1 : 0;
        struct gev__http_out_field f = {0};

        if (keep) {
            f = x->re.fields[--x->re.n_fields];
        }
        remove_field(&x->re, name);
        if (keep) {
            x->re.fields[x->re.n_fields++] = f;
        }
    }
    if (date) {
        x->re.own_date = value != NULL;
    }
    if (strcasecmp(name, "server") == 0) {
        x->re.own_server = value != NULL;
    }
    return 0;
}

int gev_http_set(struct gev_http *x, const char *name, const char *value)
{
    return (int)gev__ret(set(x, name, value, true));
}

int gev_http_add(struct gev_http *x, const char *name, const char *value)
{
    return (int)gev__ret(set(x, name, value, false));
}

int gev_http_set_length(struct gev_http *x, int64_t n)
{
    return (int)gev__ret(set_length(x, n));
}

int gev_http_status(struct gev_http *x, int code)
{
    if (code < 200 || code > 599) {
        return (int)gev__ret(-EINVAL);
    }
    if (x->re.stage != GEV__HTTP_NOTHING) {
        return (int)gev__ret(-EALREADY);
    }
    x->re.code = code;
    x->re.chosen = true;
    return 0;
}
