/* SPDX-License-Identifier: MIT */
/*
 * The hub: a coroutine that takes turns between the run queue and the loop.
 *
 * Happy path: resume what is ready, poll, repeat; block in the poll when
 * nothing is ready. A turn of the queue is bounded in number and time, so that
 * I/O and time limits are seen to however many greenlets yield to each other or
 * compute.
 *
 * Failure modes: nothing is ready and nothing could ever wake anybody: main
 * gets EDEADLK (its gev_run(): success) with a report. A child of a fork in
 * which main was dropped exits when its last greenlet ends.
 */
#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/image.h"
#include "core/ret.h"
#include "core/stack.h"
#include "core/switch.h"
#include "hub/call.h"
#include "hub/fd.h"
#include "hub/held.h"
#include "hub/link.h"
#include "hub/spawn.h"
#include "hub/timing.h"
#include "hub/wait.h"

/* A turn of the run queue: how long, see is_over(). */
#define TURN_MAX     4096 /* resumes after those of the first ones */
#define TURN_SECONDS 1e-3 /* once the first ones have run */
#define LONG_SECONDS 5e-3 /* before that; and the more of them, the longer: … */
#define POLL_SECONDS 4e-6 /* … each may cost the poll 60 ns */

/* Looks at the clock, each of which costs as much as a resume. */
#define FIRST_LOOK   4    /* resumes until then: most turns are over by then */
#define LOOK_MAX     64   /* resumes between two, at the most */
#define LOOK_SECONDS 2e-4 /* as far apart as they ought to be */

_Thread_local struct gev__hub *gev__hub_tls;

static _Thread_local uint64_t n_hubs; /* that this thread has had */

static const struct gev__loop_calls loop_calls = {
    .io = gev__fd_on_event,
    .timer = gev__timing_on_timer,
    .signal = gev__signal_on_signal,
    .async = gev__remote_on_async,
    .gone = gev__fd_on_gone,
};

static inline void resume(struct gev__hub *hub, struct gev_greenlet *g)
{
    void *value = g->slot;

    g->hub_state = GEV__FREE;
    hub->budget = GEV__IO_BUDGET;
    gev__switch_resume(hub->core, hub->self, g, value);
}

/* The ones after the next are wanted soon. */
static inline __attribute__((always_inline)) void prefetch(struct gev__hub *hub)
{
    struct gev__list *next = hub->ready.next;
    const struct gev_greenlet *g =
        GEV__CONTAINER(next->next, struct gev_greenlet, link);

    __builtin_prefetch(g); /* 88 bytes: two lines */
    __builtin_prefetch(&g->flags);
    if (next != &hub->ready) {
        g = GEV__CONTAINER(next, struct gev_greenlet, link);
        gev__image_prefetch(g);
    }
}

/* What a turn knows of itself. */
struct turn {
    size_t n_first; /* greenlets that were ready when it began */
    size_t n;       /* resumes until the next look at the clock */
    size_t every;   /* of these, since the last one */
    double begin;   /* time of the first look, or 0 */
    double last;    /* of the last one */
};

/* A poll finds the descriptors of all that are still queued ready again, so those
   that were ready first all run in one turn, unless they compute for so long that
   the poll is nothing beside it: then others' time limits and descriptors are seen
   to in between. What they wake, and what yields, runs while there is time. */
static __attribute__((noinline)) bool is_over(struct turn *t)
{
    double now = gev__now();
    double limit = TURN_SECONDS;

    if (t->n <= t->n_first) {
        limit = LONG_SECONDS + POLL_SECONDS * (double)t->n_first;
    } else if (t->n > t->n_first + TURN_MAX) {
        return true;
    }
    if (t->begin == 0) {
        t->begin = now;
        t->every = FIRST_LOOK;
    } else if (now - t->last < LOOK_SECONDS && t->every < LOOK_MAX) {
        t->every *= 2;
    } else if (now - t->last > 2 * LOOK_SECONDS && t->every > 1) {
        t->every /= 2;
    }
    t->last = now;
    t->n += t->every;
    return now - t->begin > limit;
}

static void run_turn(struct gev__hub *hub)
{
    size_t left = hub->n_due + FIRST_LOOK; /* resumes until the next look */
    struct turn t = {.n_first = hub->n_ready, .n = left};

    while (hub->n_ready) {
        struct gev_greenlet *g = GEV__CONTAINER(gev__list_shift(&hub->ready),
                                                struct gev_greenlet, link);

        hub->n_ready--;
        gev__count_up(&hub->resumes);
        prefetch(hub);
        resume(hub, g);
        if (--left > 0) {
            continue;
        }
        if (is_over(&t)) {
            return;
        }
        left = t.every;
    }
}

/* Whose time has come goes before what the last turn has left over. The time of
   the next turn begins after them, so that neither keeps the other from running. */
static void let_due_first(struct gev__hub *hub)
{
    gev__list_splice(&hub->due, &hub->ready);
    gev__list_splice(&hub->ready, &hub->due);
}

static bool poll_loop(struct gev__hub *hub, bool block)
{
    bool users;

    gev__count_up(&hub->polls);
    hub->polling = true;
    hub->left_over = hub->n_ready > 0;
    hub->n_due = 0;
    users = gev__loop_poll(&hub->loop, block);
    hub->polling = false;
    hub->users = users;
    if (hub->n_due) {
        let_due_first(hub);
    }
    gev__list_splice(&hub->ready, &hub->later);
    hub->n_ready += hub->n_later;
    hub->n_later = 0;
    if (hub->forked) {
        gev__hub_fork_child(hub); /* by a callback */
    }
    return users;
}

/* Nothing is ready and nothing can wake anybody: main is told. */
static void give_up(struct gev__hub *hub)
{
    struct gev__core *core = hub->core;
    struct gev_greenlet *main = core->main;
    int result = -EDEADLK;

    if (hub->orphaned) {
        _exit(EXIT_SUCCESS);
    }
    if (main->hub_state == GEV__PARKED && main->reason == GEV__WAIT_RUN) {
        result = 0;
    }
    if (result < 0 || hub->n_parked > 1) {
        gev__report_deadlock(hub);
    }
    if (main->hub_state == GEV__PARKED) {
        gev__wake(main, gev__seq(main), result);
        return;
    }
    main->slot = NULL; /* it is in a gev_switch(), which fails */
    main->saved_errno = EDEADLK;
    gev__switch_resume(core, hub->self, main, (void *)(intptr_t)-1);
}

static void *hub_main(void *arg)
{
    struct gev__hub *hub = gev__hub_tls;

    (void)arg;
    for (;;) {
        bool block;

        gev__calls_run(hub);
        run_turn(hub);
        block = !hub->n_ready && !hub->n_later && gev__list_empty(&hub->calls);
        if (!block || hub->n_wakeable || hub->holds) {
            poll_loop(hub, block);
        } else if (poll_loop(hub, false)) {
            poll_loop(hub, !hub->n_ready && gev__list_empty(&hub->calls));
        } else if (!hub->n_ready && gev__list_empty(&hub->calls)) {
            give_up(hub);
        }
    }
    return NULL;
}

/* Core tells of each end. */
static void on_end(struct gev_greenlet *g)
{
    struct gev__hub *hub = gev__hub_tls;
    bool watched;

    if (hub->forked) {
        gev__hub_fork_child(hub); /* its first gev call is its end */
    }
    watched = g->flags & GEV__WATCHED;
    if (g->extra) {
        gev__timing_free(hub, g);
        watched |= !gev__list_empty(&g->extra->joiners);
        gev__wake_all(&g->extra->joiners, 0);
        if (g->extra->more) {
            gev__links_fire(hub, &g->extra->more->links);
            watched |= gev__links_told(hub, g);
            gev__held_give_up(g);
        }
    }
    if (!(g->flags & GEV__SPAWNED)) {
        return;
    }
    if (g->err && g->err != ECANCELED && !watched) {
        gev__greenlet_failed(hub, g);
    }
    if (g->flags & GEV__SERVES) {
        hub->on_served(g);
    }
    hub->n_spawned--;
    gev__greenlet_drop(hub->core, g);
}

/* Nobody has a handle of a parked or queued one any more. */
static void orphan(struct gev_greenlet *g)
{
    gev__kill(gev__hub_tls, g);
}

static void tell_strange_mode(struct gev__hub *hub)
{
    const char *mode = hub->core->strange_mode;

    if (mode) {
        gev__report(
            hub,
            "gev: GEV_STACK=%s is none of shared, evict, private: it is "
            "not heeded\n",
            mode);
    }
}

static int start(struct gev__hub **ret)
{
    const char *track = getenv("GEV_TRACK");
    struct gev__core *core;
    struct gev__hub *hub;
    int rc = gev__core_start(&core);

    if (rc < 0) {
        return rc;
    }
    hub = calloc(1, sizeof *hub);
    if (!hub) {
        return -ENOMEM;
    }
    hub->core = core;
    hub->serial = ++n_hubs;
    hub->tracking = track && strcmp(track, "0") != 0;
    gev__list_init(&hub->ready);
    gev__list_init(&hub->due);
    gev__list_init(&hub->later);
    gev__list_init(&hub->calls);
    gev__list_init(&hub->parts);
    gev__list_init(&hub->signals);
    rc = gev__hub_watch_fork();
    if (rc < 0) {
        goto err_free;
    }
    rc = gev__loop_init(&hub->loop, &loop_calls, hub);
    if (rc < 0) {
        goto err_free;
    }
    hub->self = gev__greenlet_make(core, hub_main, GEV__HUB_STACK_SIZE);
    if (!hub->self) {
        rc = -ENOMEM;
        goto err_loop;
    }
    core->n_alive--; /* it is not one of those that are counted */
    core->n_made--;
    core->hub = hub->self;
    core->on_end = on_end;
    core->orphan = orphan;
    core->on_exit = gev__hub_end;
    core->hub_control = gev__arch_control();
    hub->budget = GEV__IO_BUDGET;
    gev__hub_tls = hub;
    tell_strange_mode(hub);
    *ret = hub;
    return 0;

err_loop:
    gev__loop_fini(&hub->loop);
err_free:
    free(hub);
    return rc;
}

int gev__hub_start_slow(struct gev__hub **ret)
{
    struct gev__hub *hub = gev__hub_tls;
    int saved_errno = errno;
    int rc;

    if (!hub) {
        rc = start(ret);
        errno = saved_errno;
        return rc;
    }
    gev__hub_fork_child(hub);
    *ret = hub;
    return 0;
}

int gev_init(void)
{
    struct gev__hub *hub;

    return (int)gev__ret(gev__hub_start(&hub));
}

int gev_run(double timeout)
{
    struct gev__hub *hub;
    struct gev__wait w = {.reason = GEV__WAIT_RUN};
    int rc;

    if (!gev__secs_ok(timeout)) {
        return (int)gev__ret(-EINVAL);
    }
    rc = gev__enter(&hub);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (hub->core->current != hub->core->main) {
        return (int)gev__ret(-EPERM);
    }
    w.deadline = gev__deadline(timeout);
    rc = gev__park(hub, &w);
    if (rc == -ETIMEDOUT && !hub->core->current->interrupt &&
        gev__list_empty(&hub->ready) && !hub->n_wakeable && !hub->holds &&
        !hub->users) {
        rc = 0; /* time is up, and so is everything else */
    }
    return (int)gev__ret(rc);
}

int gev_is_hub(void)
{
    const struct gev__hub *hub = gev__hub_tls;

    return hub && hub->core->current == hub->self;
}

struct ev_loop *gev_loop(void)
{
    struct gev__hub *hub;

    if (gev__ret(gev__hub_start(&hub)) < 0) {
        return NULL;
    }
    return hub->loop.ev;
}

int gev_hub_hold(void)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        hub->holds++;
    }
    return (int)gev__ret(rc);
}

int gev_hub_release(void)
{
    struct gev__hub *hub = gev__hub_tls;

    if (!hub || !hub->holds) {
        return (int)gev__ret(-EINVAL);
    }
    hub->holds--;
    return 0;
}

int gev_stats(struct gev_stats *ret, size_t size)
{
    struct gev__hub *hub;
    struct gev_stats s = {0};
    int rc = gev__hub_start(&hub);

    if (rc < 0 || !ret) {
        return (int)gev__ret(rc < 0 ? rc : -EINVAL);
    }
    s.greenlets = hub->core->n_alive;
    s.ready = hub->n_ready + hub->n_later;
    s.waiting = hub->n_parked;
    s.image_bytes = hub->core->image_bytes;
    s.spawned = hub->core->n_made;
    s.switches = hub->resumes;
    s.evictions = hub->core->evictions;
    s.polls = hub->polls;
    s.budget_yields = hub->budget_yields;
    memset(ret, 0, size);
    memcpy(ret, &s, size < sizeof s ? size : sizeof s);
    return 0;
}
