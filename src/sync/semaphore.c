/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: a count, and a line that is empty while the count is above 0.
 *
 * Happy path: a release with somebody in line wakes the first and leaves the
 * count at 0, so the unit is his before anybody else can ask for it.
 *
 * Failure modes: whatever else ends a wait takes the greenlet out of the line
 * first, so it is handed nothing; one that was handed a unit has it, whatever
 * happens before it runs. Freed: EBADF.
 */
#include <gev/semaphore.h>

#include <limits.h>

#include "core/ret.h"
#include "sync/line.h"
#include "sync/object.h"
#include "sync/waitable.h"

struct gev_semaphore {
    struct gev__object object;
    struct gev__list waiters; /* of gev_greenlet.link; empty if @value > 0 */
    struct gev__list links;   /* of gev__call.link */
    unsigned value;           /* units that are free */
    unsigned limit;           /* most that may be */
};

struct gev_semaphore *gev_semaphore_new(unsigned value, unsigned limit)
{
    struct gev_semaphore *s;

    if (limit && value > limit) {
        errno = EINVAL;
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (!s) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&s->object, "semaphore");
    gev__list_init(&s->waiters);
    gev__list_init(&s->links);
    s->value = value;
    s->limit = limit ? limit : UINT_MAX;
    return s;
}

int gev_semaphore_free(struct gev_semaphore *s)
{
    int rc = s ? gev__object_check(&s->object) : 0;

    if (s && rc == 0) {
        gev__wake_all(&s->waiters, -EBADF);
        gev__waitable_gone(gev__hub_tls, &s->links);
        gev__object_free(&s->object);
    }
    return (int)gev__ret(rc);
}

int gev_semaphore_acquire(struct gev_semaphore *s, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(s ? &s->object : NULL, timeout, &hub);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (s->value > 0) {
        s->value--;
        return 0;
    }
    return (int)gev__ret(gev__line_wait(hub, &s->object, &s->waiters, timeout));
}

int gev_semaphore_release(struct gev_semaphore *s)
{
    int rc = s ? gev__object_check(&s->object) : -EINVAL;
    struct gev_greenlet *first;

    if (rc == 0 && s->value == s->limit) {
        rc = -EOVERFLOW;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    first = gev__line_first(&s->waiters);
    if (first) {
        gev__wake(first, gev__seq(first), 0);
        return 0;
    }
    s->value++;
    gev__links_fire(gev__hub_tls, &s->links);
    return 0;
}

unsigned gev_semaphore_value(const struct gev_semaphore *s)
{
    return s ? s->value : 0;
}

static int look(void *object, struct gev__list **ret_links)
{
    struct gev_semaphore *s = object;
    int rc = gev__object_check(&s->object);

    if (ret_links) {
        *ret_links = &s->links;
    }
    return rc < 0 ? rc : s->value > 0;
}

static const struct gev_waitable_kind kind = {.look = look};

struct gev_waitable gev_on_semaphore(struct gev_semaphore *s)
{
    return (struct gev_waitable){&kind, s};
}
