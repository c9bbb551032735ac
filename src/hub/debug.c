/* SPDX-License-Identifier: MIT */
/*
 * gev/debug.h: looking at greenlets, one or all.
 */
#include <gev/debug.h>

#include <stdlib.h>

#include "core/ret.h"
#include "hub/runinfo.h"

struct walk {
    int (*fn)(struct gev_greenlet *g, void *arg);
    void *arg;
    int result;
};

static void visit(struct gev_greenlet *g, void *arg)
{
    struct walk *w = arg;

    if (w->result == 0) {
        w->result = w->fn(g, w->arg);
    }
}

int gev_each(int (*fn)(struct gev_greenlet *g, void *arg), void *arg)
{
    struct walk w = {.fn = fn, .arg = arg};
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && !fn) {
        rc = -EINVAL;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    visit(hub->core->main, &w);
    gev__greenlet_each(hub->core, visit, &w);
    return w.result;
}

struct search {
    uint32_t id;
    struct gev_greenlet *found;
};

static int compare(struct gev_greenlet *g, void *arg)
{
    struct search *s = arg;

    if (g->id == s->id) {
        s->found = g;
    }
    return s->found != NULL;
}

struct gev_greenlet *gev_find(uint32_t id)
{
    struct search s = {.id = id};

    if (gev_each(compare, &s) == 0) {
        errno = ESRCH;
    }
    return s.found;
}

/* Writes @text out and frees it; @rc is what making it gave. */
static int hand_out(FILE *out, int rc, char *text, size_t len, int saved_errno)
{
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    errno = 0;
    if (fwrite(text, 1, len, out) < len || fflush(out) != 0) {
        rc = errno ? -errno : -EIO;
    }
    free(text);
    errno = saved_errno;
    return (int)gev__ret(rc);
}

__attribute__((noinline)) int gev_print_run_info(FILE *out)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    struct gev__hub *hub;
    char *text = NULL;
    size_t len = 0;
    int saved_errno = errno;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && !out) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = gev__run_info(hub, true, caller, &text, &len);
    }
    return hand_out(out, rc, text, len, saved_errno);
}

__attribute__((noinline)) int gev_print_backtrace(FILE *out,
                                                  const struct gev_greenlet *g)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    struct gev__hub *hub;
    char *text = NULL;
    size_t len = 0;
    int saved_errno = errno;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && !out) {
        rc = -EINVAL;
    }
    if (rc == 0 && !g) {
        g = hub->core->current;
    }
    if (rc == 0 && !gev__greenlet_is_mine(hub->core, g)) {
        rc = -EPERM;
    }
    if (rc == 0) {
        rc = gev__backtrace_text(hub, g, caller, &text, &len);
    }
    return hand_out(out, rc, text, len, saved_errno);
}
