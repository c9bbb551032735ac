/* SPDX-License-Identifier: MIT */
/*
 * What is told to humans: deadlocks, greenlets that failed, greenlets that
 * refuse to end. One function receives it all; the default writes to stderr.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/ret.h"
#include "hub/fd.h"
#include "hub/hub.h"
#include "hub/spawn.h"
#include "hub/wait.h"

#define MAX_LISTED 32 /* greenlets named in a report */

static void to_stderr(const char *text, void *arg)
{
    size_t len = strlen(text);

    (void)arg;
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);

        if (n <= 0) {
            return;
        }
        text += n;
        len -= (size_t)n;
    }
}

void gev__report(struct gev__hub *hub, const char *fmt, ...)
{
    char text[512];
    int saved_errno = errno;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (hub->report) {
        hub->report(text, hub->report_arg);
    } else {
        to_stderr(text, NULL);
    }
    errno = saved_errno;
}

void gev__greenlet_failed(struct gev__hub *hub, struct gev_greenlet *g)
{
    g->interrupt = EPERM; /* so its calls look closer and find it DEAD */
    if (hub->on_error) {
        hub->on_error(g, g->err, hub->on_error_arg);
        return;
    }
    gev__report(hub, "gev: greenlet %p failed: %s\n", (void *)g,
                strerrorname_np(g->err) ? strerrorname_np(g->err)
                                        : "unknown error");
}

/* "reads descriptor 5" and the like. */
static void describe(const struct gev_greenlet *g, char *buf, size_t size)
{
    int n = (int)(intptr_t)g->slot;
    const struct gev__fd *f = g->slot;

    switch ((enum gev__reason)g->reason) {
    case GEV__WAIT_READ:
        snprintf(buf, size, "waits to read descriptor %d", f->fd);
        break;
    case GEV__WAIT_WRITE:
        snprintf(buf, size, "waits to write descriptor %d", f->fd);
        break;
    case GEV__WAIT_FDS:
        snprintf(buf, size, "waits for several descriptors");
        break;
    case GEV__WAIT_SLEEP:
        snprintf(buf, size, "sleeps");
        break;
    case GEV__WAIT_JOIN:
        snprintf(buf, size, "waits for the end of greenlet %p", g->slot);
        break;
    case GEV__WAIT_SIGNAL:
        snprintf(buf, size, "waits for signal %d", n);
        break;
    case GEV__WAIT_RUN:
        snprintf(buf, size, "is in gev_run()");
        break;
    case GEV__WAIT_LATER:
        snprintf(buf, size, "starts later");
        break;
    case GEV__WAIT_OTHER:
        if (g->slot) {
            snprintf(buf, size, "waits for %s %p",
                     *(const char *const *)g->slot, g->slot);
            break;
        }
        /* fall through */
    case GEV__WAIT_NONE:
        snprintf(buf, size, "waits");
        break;
    }
}

struct listing {
    struct gev__hub *hub;
    unsigned n; /* listed so far */
};

static void list_one(struct gev_greenlet *g, void *arg)
{
    struct listing *l = arg;
    char what[80];

    if (g->hub_state != GEV__PARKED || ++l->n > MAX_LISTED) {
        return;
    }
    describe(g, what, sizeof what);
    gev__report(l->hub, "  greenlet %p %s\n", (void *)g, what);
}

void gev__report_deadlock(struct gev__hub *hub)
{
    struct listing l = {.hub = hub};
    const struct gev_greenlet *main = hub->core->main;
    char what[80];

    gev__report(hub,
                "gev: deadlock: nothing is left that could wake anybody\n");
    if (main->hub_state == GEV__PARKED) {
        describe(main, what, sizeof what);
        gev__report(hub, "  main %s\n", what);
    }
    gev__greenlet_each(hub->core, list_one, &l);
    if (l.n > MAX_LISTED) {
        gev__report(hub, "  and %u more\n", l.n - MAX_LISTED);
    }
}

int gev_set_error_handler(gev_error_fn *fn, void *arg)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        hub->on_error = fn;
        hub->on_error_arg = arg;
    }
    return (int)gev__ret(rc);
}

int gev_set_report(gev_report_fn *fn, void *arg)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        hub->report = fn;
        hub->report_arg = arg;
    }
    return (int)gev__ret(rc);
}
