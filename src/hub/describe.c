/* SPDX-License-Identifier: MIT */
/*
 * What a greenlet does, in words: for reports, run info and the backdoor.
 */
#include "hub/describe.h"

#include <stdio.h>

#include "core/ret.h"
#include "hub/fd.h"
#include "hub/wait.h"
#include <gev/debug.h>

void gev__who(const struct gev_greenlet *g, char buf[GEV__WHO_SIZE])
{
    const struct gev__more *m = g->extra ? g->extra->more : NULL;
    const char *name = m && m->name ? m->name : NULL;

    if (!name && g->kind == GEV__NATIVE) {
        name = "main";
    }
    if (name) {
        (void)snprintf(buf, GEV__WHO_SIZE, "greenlet %u \"%s\"", g->id, name);
    } else {
        (void)snprintf(buf, GEV__WHO_SIZE, "greenlet %u", g->id);
    }
}

/* One that is parked: its slot is what it waits for. */
static void describe_wait(const struct gev_greenlet *g, char *buf, size_t size)
{
    int n = (int)(intptr_t)g->slot;
    const struct gev__fd *f = g->slot;

    switch ((enum gev__reason)g->reason) {
    case GEV__WAIT_READ:
        (void)snprintf(buf, size, "waits to read descriptor %d", f->fd);
        break;
    case GEV__WAIT_WRITE:
        (void)snprintf(buf, size, "waits to write descriptor %d", f->fd);
        break;
    case GEV__WAIT_FDS:
        (void)snprintf(buf, size, "waits for several descriptors");
        break;
    case GEV__WAIT_SLEEP:
        (void)snprintf(buf, size, "sleeps");
        break;
    case GEV__WAIT_JOIN:
        (void)snprintf(buf, size, "waits for the end of greenlet %u",
                       ((const struct gev_greenlet *)g->slot)->id);
        break;
    case GEV__WAIT_SIGNAL:
        (void)snprintf(buf, size, "waits for signal %d", n);
        break;
    case GEV__WAIT_RUN:
        (void)snprintf(buf, size, "is in gev_run()");
        break;
    case GEV__WAIT_LATER:
        (void)snprintf(buf, size, "starts later");
        break;
    case GEV__WAIT_OTHER:
        if (g->slot) {
            (void)snprintf(buf, size, "waits for %s %p",
                           *(const char *const *)g->slot, g->slot);
            break;
        }
        /* fall through */
    case GEV__WAIT_NONE:
        (void)snprintf(buf, size, "waits");
        break;
    }
}

void gev__describe(const struct gev__hub *hub, const struct gev_greenlet *g,
                   char *buf, size_t size)
{
    if (g->hub_state == GEV__PARKED) {
        describe_wait(g, buf, size);
    } else if (g == hub->core->current) {
        (void)snprintf(buf, size, "runs");
    } else if (g->life == GEV__DEAD) {
        (void)snprintf(buf, size, "is dead");
    } else if (g->hub_state == GEV__QUEUED) {
        (void)snprintf(buf, size,
                       g->life == GEV__NEW ? "starts now" : "is ready");
    } else if (g->hub_state == GEV__LATER) {
        (void)snprintf(buf, size, "is ready after the next poll");
    } else if (g->life == GEV__NEW) {
        (void)snprintf(buf, size, "is new");
    } else {
        (void)snprintf(buf, size, "was switched away from by hand");
    }
}

int gev_describe(const struct gev_greenlet *g, char *buf, size_t size)
{
    struct gev__hub *hub;
    int saved_errno = errno;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && (!buf || !size)) {
        rc = -EINVAL;
    }
    if (rc == 0 && !g) {
        g = hub->core->current;
    }
    if (rc == 0 && !gev__greenlet_is_mine(hub->core, g)) {
        rc = -EPERM;
    }
    if (rc == 0) {
        gev__describe(hub, g, buf, size);
        errno = saved_errno;
    }
    return (int)gev__ret(rc);
}
