/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several things, one after the other in order of completion.
 *
 * Happy path: all are linked at the beginning; next takes the first of those
 * that are done, or parks until there is one.
 *
 * Failure modes: it is freed while a greenlet waits in it: EBADF; that greenlet
 * is counted inside, and gives the memory back.
 */
#include <gev/wait.h>

#include "core/ret.h"
#include "sync/waits.h"

/* A struct gev_iwait is a struct gev__waits, under a name for users. */
static struct gev__waits *waits(struct gev_iwait *it)
{
    return (struct gev__waits *)it;
}

static struct gev__waits *
begin(struct gev__hub *hub, const struct gev_waitable *v, size_t n, int *ret_rc)
{
    struct gev__waits *w = gev__waits_new(hub, n, false);

    *ret_rc = w ? 0 : -ENOMEM;
    for (size_t i = 0; i < n && *ret_rc == 0; i++) {
        *ret_rc = gev__waits_look(&v[i]);
        if (*ret_rc >= 0) {
            *ret_rc = gev__waits_add(w, &v[i], i);
        }
    }
    if (*ret_rc < 0 && w) {
        gev__waits_free(w);
        return NULL;
    }
    return w;
}

struct gev_iwait *gev_iwait_new(const struct gev_waitable *v, size_t n)
{
    struct gev__hub *hub;
    struct gev__waits *w = NULL;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && !v && n) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        w = begin(hub, v, n, &rc);
    }
    return gev__ret(rc) < 0 ? NULL : (struct gev_iwait *)w;
}

/* Takes the first that is done; -EBADF if it is gone. */
static int take(struct gev__waits *w, size_t *ret_index)
{
    const struct gev__wait_link *l = GEV__CONTAINER(
        gev__list_shift(&w->done), struct gev__wait_link, call.link);

    w->n_done--;
    w->n_given++;
    if (ret_index) {
        *ret_index = l->index;
    }
    return l->gone ? -EBADF : 1;
}

static int next(struct gev__hub *hub, struct gev__waits *w, size_t *ret_index,
                double timeout)
{
    int rc = 0;

    if (w->g) {
        return -EBUSY;
    }
    if (w->n_given == w->n) {
        return 0;
    }
    if (!w->n_done) {
        w->object.n_inside++;
        rc = timeout == 0 ? -ETIMEDOUT : gev__waits_park(hub, w, 1, timeout);
        if (rc == 0) { /* it may have been freed after it woke us */
            rc = w->object.freed ? -EBADF : take(w, ret_index);
        }
        gev__object_leave(&w->object);
        return rc;
    }
    return take(w, ret_index);
}

int gev_iwait_next(struct gev_iwait *it, size_t *ret_index, double timeout)
{
    struct gev__waits *w = waits(it);
    struct gev__hub *hub;
    int rc = gev__object_enter(w ? &w->object : NULL, timeout, &hub);

    return (int)gev__ret(rc < 0 ? rc : next(hub, w, ret_index, timeout));
}

int gev_iwait_free(struct gev_iwait *it)
{
    struct gev__waits *w = waits(it);
    int rc = w ? gev__object_check(&w->object) : 0;

    if (w && rc == 0) {
        gev__waits_cancel(w);
        if (w->g) {
            gev__wake(w->g, w->seq, -EBADF);
        }
        gev__object_free(&w->object);
    }
    return (int)gev__ret(rc);
}
