/* SPDX-License-Identifier: MIT */
/*
 * Which handler answers which path.
 *
 * Routes are sorted by pattern. A path is looked up as it is, then cut behind
 * each of its slashes, from the last to the first, and looked up again: the
 * first that is found is the longest that fits.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gev/http_mux.h>

#include "core/greenlet.h"
#include "core/ret.h"
#include "http/redirect.h"

struct entry {
    char *method; /* NULL: any other */
    gev_http_handler *handler;
    void *arg;
};

struct route {
    char *pattern;
    size_t len;
    struct entry *entries; /* at most one per method */
    size_t n_entries;
};

struct gev_http_mux {
    struct route *routes; /* sorted by pattern */
    size_t n_routes;
    size_t longest; /* of the patterns */
};

#define EVERYTHING "/*"

struct gev_http_mux *gev_http_mux_new(void)
{
    struct gev_http_mux *mux = calloc(1, sizeof *mux);

    (void)gev__ret(mux ? 0 : -ENOMEM);
    return mux;
}

static void free_route(struct route *r)
{
    for (size_t i = 0; i < r->n_entries; i++) {
        free(r->entries[i].method);
    }
    free(r->entries);
    free(r->pattern);
}

void gev_http_mux_free(struct gev_http_mux *mux)
{
    if (!mux) {
        return;
    }
    for (size_t i = 0; i < mux->n_routes; i++) {
        free_route(&mux->routes[i]);
    }
    free(mux->routes);
    free(mux);
}

/* Below 0, 0 or above: [p, p + len) before, equal to or after the pattern. */
static int compare(const char *p, size_t len, const struct route *r)
{
    int order = memcmp(p, r->pattern, len < r->len ? len : r->len);

    return order ? order : (len > r->len) - (len < r->len);
}

/* Where this pattern is, or would be. */
static size_t lower_bound(const struct gev_http_mux *mux, const char *p,
                          size_t len)
{
    size_t low = 0;
    size_t high = mux->n_routes;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (compare(p, len, &mux->routes[mid]) > 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct route *find(const struct gev_http_mux *mux, const char *p,
                          size_t len)
{
    size_t i = lower_bound(mux, p, len);

    if (i < mux->n_routes && compare(p, len, &mux->routes[i]) == 0) {
        return &mux->routes[i];
    }
    return NULL;
}

/* Makes room for a route without entries; NULL without memory. */
static struct route *insert(struct gev_http_mux *mux, const char *pattern)
{
    size_t len = strlen(pattern);
    size_t i = lower_bound(mux, pattern, len);
    struct route r = {.pattern = strdup(pattern), .len = len};
    struct route *routes =
        realloc(mux->routes, (mux->n_routes + 1) * sizeof *routes);

    if (routes) {
        mux->routes = routes;
    }
    if (!r.pattern || !routes) {
        free(r.pattern);
        return NULL;
    }
    memmove(&routes[i + 1], &routes[i], (mux->n_routes - i) * sizeof *routes);
    routes[i] = r;
    mux->n_routes++;
    mux->longest = len > mux->longest ? len : mux->longest;
    return &routes[i];
}

static struct entry *entry_of(const struct route *r, const char *method)
{
    for (size_t i = 0; i < r->n_entries; i++) {
        const char *m = r->entries[i].method;

        if (method && m ? strcmp(method, m) == 0 : method == m) {
            return &r->entries[i];
        }
    }
    return NULL;
}

static int add_entry(struct route *r, const char *method,
                     gev_http_handler *handler, void *arg)
{
    struct entry e = {.handler = handler, .arg = arg};
    struct entry *entries =
        realloc(r->entries, (r->n_entries + 1) * sizeof *entries);

    if (entries) {
        r->entries = entries;
        e.method = method ? strdup(method) : NULL;
    }
    if (!entries || (method && !e.method)) {
        return -ENOMEM;
    }
    entries[r->n_entries++] = e;
    return 0;
}

static int check_add(const char *method, const char *pattern, const void *arg)
{
    const struct gev__core *core = gev__core_get();

    if (!pattern || pattern[0] != '/' || (method && !method[0])) {
        return -EINVAL;
    }
    return core && gev__on_run_stack(core, arg) ? -EFAULT : 0;
}

static int add(struct gev_http_mux *mux, const char *method,
               const char *pattern, gev_http_handler *handler, void *arg)
{
    struct route *r = find(mux, pattern, strlen(pattern));

    if (r && entry_of(r, method)) {
        return -EEXIST;
    }
    if (!r) {
        r = insert(mux, pattern);
    }
    return r ? add_entry(r, method, handler, arg) : -ENOMEM;
}

int gev_http_mux_add(struct gev_http_mux *mux, const char *method,
                     const char *pattern, gev_http_handler *handler, void *arg)
{
    int rc = mux && handler ? check_add(method, pattern, arg) : -EINVAL;

    return (int)gev__ret(rc < 0 ? rc : add(mux, method, pattern, handler, arg));
}

/* A route that lost its first entry to ENOMEM is none. */
static const struct route *used(const struct route *r)
{
    return r && r->n_entries ? r : NULL;
}

/* The longest pattern that fits. */
static const struct route *match(const struct gev_http_mux *mux,
                                 const char *path)
{
    size_t len = strlen(path);
    const struct route *r = used(find(mux, path, len));

    if (len > mux->longest) { /* so long a piece of it is no pattern */
        len = mux->longest + 1;
    }
    while (!r && len > 1) {
        if (path[--len - 1] == '/' && len > 1) {
            r = used(find(mux, path, len));
        }
    }
    return r ? r : used(find(mux, EVERYTHING, strlen(EVERYTHING)));
}

static const struct entry *choose(const struct route *r, const char *method)
{
    const struct entry *e = entry_of(r, method);

    if (!e && strcmp(method, "HEAD") == 0) {
        e = entry_of(r, "GET");
    }
    return e ? e : entry_of(r, NULL);
}

/* Allow: the methods that there are handlers for. */
static int set_allow(struct gev_http *x, const struct route *r)
{
    size_t size = sizeof "OPTIONS, HEAD";
    char *allow, *p;

    for (size_t i = 0; i < r->n_entries; i++) {
        size += strlen(r->entries[i].method) + 2;
    }
    allow = gev_http_alloc(x, size);
    if (!allow) {
        return -1;
    }
    p = stpcpy(allow, "OPTIONS");
    for (size_t i = 0; i < r->n_entries; i++) {
        p = stpcpy(stpcpy(p, ", "), r->entries[i].method);
    }
    if (entry_of(r, "GET") && !entry_of(r, "HEAD")) {
        stpcpy(p, ", HEAD");
    }
    return gev_http_set(x, "Allow", allow);
}

static int refuse_method(struct gev_http *x, const struct route *r)
{
    if (set_allow(x, r) < 0) {
        return -1;
    }
    if (strcmp(gev_http_method(x), "OPTIONS") == 0) {
        return gev_http_reply(x, 204, NULL, NULL, 0);
    }
    return gev_http_error(x, 405, NULL);
}

/* Does only the "/" at its end lack? */
static bool lacks_slash(const struct gev_http_mux *mux, struct gev_http *x,
                        const char *path)
{
    size_t len = strlen(path);
    const char *target = gev_http_target(x);
    char *longer, *end;

    if (target[0] != '/' || target[1] == '/') {
        return false;
    }
    longer = gev_http_alloc(x, len + 1);
    if (!longer) {
        return false;
    }
    end = mempcpy(longer, path, len);
    *end = '/';
    return used(find(mux, longer, len + 1));
}

int gev_http_mux_handler(struct gev_http *x, void *mux)
{
    const char *path = gev_http_path(x);
    const struct route *r;
    const struct entry *e;

    if (!path) {
        return errno == EILSEQ ? gev_http_error(x, 400, NULL) : -1;
    }
    r = match(mux, path);
    if ((!r || strcmp(r->pattern, path) != 0) && lacks_slash(mux, x, path)) {
        return gev__http_add_slash(x);
    }
    if (!r) {
        return gev_http_error(x, 404, NULL);
    }
    e = choose(r, gev_http_method(x));
    return e ? e->handler(x, e->arg) : refuse_method(x, r);
}
