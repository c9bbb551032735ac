/* SPDX-License-Identifier: MIT */
/*
 * Wait groups: a count, and a line that is woken whole when it comes to 0.
 *
 * Happy path: wait parks in the line while the count is above 0.
 *
 * Failure modes: whatever else ends a wait takes the greenlet out of the line.
 * Freed: EBADF.
 */
#include <gev/waitgroup.h>

#include "core/ret.h"
#include "sync/line.h"
#include "sync/object.h"
#include "sync/waitable.h"

struct gev_waitgroup {
    struct gev__object object;
    struct gev__list waiters; /* of gev_greenlet.link */
    struct gev__list links;   /* of gev__call.link */
    long count;               /* what is left to be done, not negative */
};

struct gev_waitgroup *gev_waitgroup_new(void)
{
    struct gev_waitgroup *wg = calloc(1, sizeof *wg);

    if (!wg) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&wg->object, "wait group");
    gev__list_init(&wg->waiters);
    gev__list_init(&wg->links);
    return wg;
}

int gev_waitgroup_free(struct gev_waitgroup *wg)
{
    int rc = wg ? gev__object_check(&wg->object) : 0;

    if (wg && rc == 0) {
        gev__wake_all(&wg->waiters, -EBADF);
        gev__waitable_gone(gev__hub_tls, &wg->links);
        gev__object_free(&wg->object);
    }
    return (int)gev__ret(rc);
}

int gev_waitgroup_add(struct gev_waitgroup *wg, long n)
{
    int rc = wg ? gev__object_check(&wg->object) : -EINVAL;
    long sum = 0;

    if (rc == 0 && __builtin_add_overflow(wg->count, n, &sum)) {
        rc = -EOVERFLOW; /* upwards only: the count is not negative */
    } else if (rc == 0 && sum < 0) {
        rc = -EINVAL;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    wg->count = sum;
    if (sum == 0) {
        gev__wake_all(&wg->waiters, 0);
        gev__links_fire(gev__hub_tls, &wg->links);
    }
    return 0;
}

int gev_waitgroup_done(struct gev_waitgroup *wg)
{
    return gev_waitgroup_add(wg, -1);
}

long gev_waitgroup_count(const struct gev_waitgroup *wg)
{
    return wg ? wg->count : 0;
}

int gev_waitgroup_wait(struct gev_waitgroup *wg, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(wg ? &wg->object : NULL, timeout, &hub);

    if (rc < 0 || wg->count == 0) {
        return (int)gev__ret(rc);
    }
    return (int)gev__ret(
        gev__line_wait(hub, &wg->object, &wg->waiters, timeout));
}

static int look(void *object, struct gev__list **ret_links)
{
    struct gev_waitgroup *wg = object;
    int rc = gev__object_check(&wg->object);

    if (ret_links) {
        *ret_links = &wg->links;
    }
    return rc < 0 ? rc : wg->count == 0;
}

static const struct gev_waitable_kind kind = {.look = look};

struct gev_waitable gev_on_waitgroup(struct gev_waitgroup *wg)
{
    return (struct gev_waitable){&kind, wg};
}
