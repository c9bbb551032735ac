/* SPDX-License-Identifier: MIT */
/*
 * Events: a flag and a line of greenlets, each in it by its own link.
 *
 * Happy path: a wait on a clear event parks in the line; setting wakes the
 * whole line, in order.
 *
 * Failure modes: whatever else ends a wait takes the greenlet out of the line.
 * Freed: EBADF. A wait that finds the flag set looks whether those that it woke
 * are still in the run queue, and if so goes behind them; without room for its
 * image it goes first after all.
 */
#include <gev/event.h>

#include "core/ret.h"
#include "sync/line.h"
#include "sync/object.h"
#include "sync/waitable.h"

struct gev_event {
    struct gev__object object;
    struct gev__list waiters; /* of gev_greenlet.link */
    struct gev__list links;   /* of gev__call.link */
    uint64_t woken_until;     /* gev__hub.resumes when all it woke have run */
    bool set;                 /* the flag */
};

struct gev_event *gev_event_new(void)
{
    struct gev_event *e = calloc(1, sizeof *e);

    if (!e) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&e->object, "event");
    gev__list_init(&e->waiters);
    gev__list_init(&e->links);
    return e;
}

int gev_event_free(struct gev_event *e)
{
    int rc = e ? gev__object_check(&e->object) : 0;

    if (e && rc == 0) {
        gev__wake_all(&e->waiters, -EBADF);
        gev__waitable_gone(gev__hub_tls, &e->links);
        gev__object_free(&e->object);
    }
    return (int)gev__ret(rc);
}

int gev_event_set(struct gev_event *e)
{
    int rc = e ? gev__object_check(&e->object) : -EINVAL;

    if (rc == 0 && !e->set) {
        struct gev__hub *hub = gev__hub_tls;

        e->set = true;
        if (!gev__list_empty(&e->waiters)) {
            gev__wake_all(&e->waiters, 0);
            e->woken_until = hub->resumes + hub->n_ready;
        }
        gev__links_fire(hub, &e->links);
    }
    return (int)gev__ret(rc);
}

int gev_event_clear(struct gev_event *e)
{
    int rc = e ? gev__object_check(&e->object) : -EINVAL;

    if (rc == 0) {
        e->set = false;
    }
    return (int)gev__ret(rc);
}

int gev_event_is_set(const struct gev_event *e)
{
    return e && e->set;
}

static int wait_for(struct gev__hub *hub, struct gev_event *e, double timeout)
{
    if (!e->set) {
        return gev__line_wait(hub, &e->object, &e->waiters, timeout);
    }
    if (timeout > 0 && hub->resumes < e->woken_until) {
        (void)gev__requeue(hub);
    }
    return 0;
}

int gev_event_wait(struct gev_event *e, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(e ? &e->object : NULL, timeout, &hub);

    return (int)gev__ret(rc < 0 ? rc : wait_for(hub, e, timeout));
}

static int look(void *object, struct gev__list **ret_links)
{
    struct gev_event *e = object;
    int rc = gev__object_check(&e->object);

    if (ret_links) {
        *ret_links = &e->links;
    }
    return rc < 0 ? rc : e->set;
}

static const struct gev_waitable_kind kind = {.look = look};

struct gev_waitable gev_on_event(struct gev_event *e)
{
    return (struct gev_waitable){&kind, e};
}
