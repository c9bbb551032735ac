/* SPDX-License-Identifier: MIT */
/*
 * Parameters and cookies: looked for when they are asked for, decoded into the
 * exchange's memory, never kept otherwise.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <gev/http_form.h>

#include "core/ret.h"
#include "http/arena.h"
#include "http/exchange.h"
#include "http/percent.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

/* A piece of what was sent. */
struct piece {
    const char *p;
    size_t len;
};

struct pair {
    struct piece name;
    struct piece value;
};

/* The next pair at *@at that is not empty; moves *@at behind it. */
static bool next_pair(const char **at, struct pair *ret)
{
    while (**at == '&') {
        ++*at;
    }
    if (**at == '\0') {
        return false;
    }
    ret->name = (struct piece){*at, strcspn(*at, "=&")};
    *at += ret->name.len;
    ret->value = (struct piece){*at, 0};
    if (**at == '=') {
        ++*at;
        ret->value = (struct piece){*at, strcspn(*at, "&")};
        *at += ret->value.len;
    }
    return true;
}

static int decode(struct gev_http *x, struct piece s, const char **ret)
{
    char *copy = gev__arena_alloc(&x->arena, s.len + 1);

    if (!copy) {
        return -ENOMEM;
    }
    *ret = copy;
    return gev__percent_decode(copy, s.p, s.len, true);
}

/* Is that its name? Nothing is kept of those that it is not: a form may have
   hundreds of thousands of them. */
static bool is_named(struct piece s, const char *name)
{
    while (s.len > 0 && *name) {
        size_t n = *s.p == '%' && s.len >= 3 ? 3 : 1;
        char c[4]; /* a byte and a NUL, or what was not decoded */

        if (gev__percent_decode(c, s.p, n, true) < 0 || c[0] != *name) {
            return false;
        }
        s.p += n;
        s.len -= n;
        name++;
    }
    return s.len == 0 && *name == '\0';
}

const char *gev_http_param(struct gev_http *x, const char *encoded,
                           const char *name)
{
    const char *value = NULL;
    struct pair pair;
    int rc = -ENOENT;

    while (next_pair(&encoded, &pair)) {
        if (is_named(pair.name, name)) {
            rc = decode(x, pair.value, &value);
            break;
        }
    }
    return gev__ret(rc) < 0 ? NULL : value;
}

int gev_http_param_at(struct gev_http *x, const char *encoded, size_t i,
                      const char **ret_name, const char **ret_value)
{
    const char *name;
    const char *value;
    struct pair pair;
    int rc;

    do {
        if (!next_pair(&encoded, &pair)) {
            return (int)gev__ret(-ENOENT);
        }
    } while (i-- > 0);
    rc = decode(x, pair.name, &name);
    if (rc == 0) {
        rc = decode(x, pair.value, &value);
    }
    if (rc == 0 && ret_name) {
        *ret_name = name;
    }
    if (rc == 0 && ret_value) {
        *ret_value = value;
    }
    return (int)gev__ret(rc);
}

static bool is_form(const char *type)
{
    size_t n = strlen(FORM_TYPE);

    return type && strncasecmp(type, FORM_TYPE, n) == 0 &&
           strchr(" \t;", type[n]); /* its end, too */
}

int gev_http_form(struct gev_http *x, size_t max, char **ret_form)
{
    void *data;
    ssize_t n;

    if (!is_form(gev_http_header(x, "Content-Type"))) {
        return (int)gev__ret(-EPROTOTYPE);
    }
    n = gev_http_read_all(x, max, &data);
    if (n < 0) {
        return -1;
    }
    if (memchr(data, '\0', (size_t)n)) {
        return (int)gev__ret(-EILSEQ);
    }
    *ret_form = data;
    return 0;
}

static struct piece without_blanks_behind(const char *p, size_t len)
{
    while (len && strchr(" \t", p[len - 1])) {
        len--;
    }
    return (struct piece){p, len};
}

/* The cookie's value in one field, "a=b; c=d"; .p is NULL if it is not there. */
static struct piece find_cookie(const char *field, const char *name)
{
    size_t n = strlen(name);

    while (*field) {
        field += strspn(field, " \t;");
        if (strncmp(field, name, n) == 0 && field[n] == '=') {
            field += n + 1;
            return without_blanks_behind(field, strcspn(field, ";"));
        }
        field += strcspn(field, ";");
    }
    return (struct piece){NULL, 0};
}

const char *gev_http_cookie(struct gev_http *x, const char *name)
{
    const struct gev__http_head *head = &x->head;
    struct piece v = {NULL, 0};
    const char *copy;

    for (int i = gev__http_head_find(head, "Cookie", 0); i >= 0 && !v.p;
         i = gev__http_head_find(head, "Cookie", (unsigned)i + 1)) {
        v = find_cookie(gev__http_head_str(head, head->fields[i].value), name);
    }
    if (!v.p) {
        (void)gev__ret(-ENOENT);
        return NULL;
    }
    if (v.len >= 2 && v.p[0] == '"' && v.p[v.len - 1] == '"') {
        v = (struct piece){v.p + 1, v.len - 2};
    }
    copy = gev__arena_copy(&x->arena, v.p, v.len);
    (void)gev__ret(copy ? 0 : -ENOMEM);
    return copy;
}
