/* SPDX-License-Identifier: MIT */
/*
 * Things to wait for: one of each kind of the layers up to this one
 */
#ifndef TESTS_SYNC_THINGS_H
#define TESTS_SYNC_THINGS_H

#include "sync/run.h"

/* One thing of each kind, none of them ready. */
struct things {
    struct gev_greenlet *g;
    struct gev_event *e;
    struct gev_result *r;
    struct gev_semaphore *s;
    struct gev_waitgroup *wg;
    struct gev_waitable v[5];
};

static inline void things_make(struct things *t)
{
    t->g = gev_spawn(sleep_for_ever, NULL);
    t->e = gev_event_new();
    t->r = gev_result_new();
    t->s = gev_semaphore_new(0, 0);
    t->wg = gev_waitgroup_new();
    assert_int_equal(gev_waitgroup_add(t->wg, 1), 0);
    t->v[0] = gev_on_greenlet(t->g);
    t->v[1] = gev_on_event(t->e);
    t->v[2] = gev_on_result(t->r);
    t->v[3] = gev_on_semaphore(t->s);
    t->v[4] = gev_on_waitgroup(t->wg);
}

/* Makes one of them ready. */
static inline int things_fire(struct things *t, int i)
{
    switch (i) {
    case 0:
        return gev_kill(t->g, 0) | gev_yield();
    case 1:
        return gev_event_set(t->e);
    case 2:
        return gev_result_set(t->r, NULL);
    case 3:
        return gev_semaphore_release(t->s);
    default:
        return gev_waitgroup_done(t->wg);
    }
}

static inline void things_free(struct things *t)
{
    assert_int_equal(gev_kill(t->g, 20), 0);
    gev_unref(t->g);
    assert_int_equal(gev_event_free(t->e), 0);
    assert_int_equal(gev_result_free(t->r), 0);
    assert_int_equal(gev_semaphore_free(t->s), 0);
    assert_int_equal(gev_waitgroup_free(t->wg), 0);
}

#endif
