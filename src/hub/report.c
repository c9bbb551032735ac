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
#include "hub/describe.h"
#include "hub/hub.h"
#include "hub/spawn.h"

#define MAX_LISTED 32 /* greenlets named in a report */

void gev__to_stderr(const char *text, void *arg)
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
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (hub->report) {
        hub->report(text, hub->report_arg);
    } else {
        gev__to_stderr(text, NULL);
    }
    errno = saved_errno;
}

void gev__greenlet_failed(struct gev__hub *hub, struct gev_greenlet *g)
{
    char who[GEV__WHO_SIZE];

    g->interrupt = EPERM; /* so its calls look closer and find it DEAD */
    if (hub->on_error) {
        hub->on_error(g, g->err, hub->on_error_arg);
        return;
    }
    gev__who(g, who);
    gev__report(hub, "gev: %s failed: %s\n", who,
                strerrorname_np(g->err) ? strerrorname_np(g->err)
                                        : "unknown error");
}

struct listing {
    struct gev__hub *hub;
    unsigned n; /* listed so far */
};

static void list_one(struct gev_greenlet *g, void *arg)
{
    struct listing *l = arg;
    char who[GEV__WHO_SIZE];
    char what[80];

    if (g->hub_state != GEV__PARKED || ++l->n > MAX_LISTED) {
        return;
    }
    gev__who(g, who);
    gev__describe(l->hub, g, what, sizeof what);
    gev__report(l->hub, "  %s %s\n", who, what);
}

void gev__report_deadlock(struct gev__hub *hub)
{
    struct listing l = {.hub = hub};
    const struct gev_greenlet *main = hub->core->main;
    char what[80];

    gev__report(hub,
                "gev: deadlock: nothing is left that could wake anybody\n");
    if (main->hub_state == GEV__PARKED) {
        gev__describe(hub, main, what, sizeof what);
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
