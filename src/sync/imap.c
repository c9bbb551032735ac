/* SPDX-License-Identifier: MIT */
/*
 * Calls of one function for a stream of items, side by side.
 *
 * Happy path: a feeder greenlet asks the source for items and spawns a task for
 * each, as long as there are not too many that nobody has taken. A task's
 * record hangs on its greenlet's end; then it is done, and whoever waits for a
 * result is woken. In order, a result is ready when the first task is done;
 * unordered, when any is.
 *
 * Failure modes: the source or a spawn fails: the feeder notes the error and
 * ends, and it is told after the results there are. The iteration is freed: the
 * feeder and the tasks are killed; the feeder's is the last look at it. It
 * outlives its hub: EBADF, and only its records are freed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <gev/hub.h>

#include "core/ret.h"
#include "hub/call.h"
#include "hub/spawn.h"
#include "sync/group.h"
#include "sync/object.h"

#define MAX_AHEAD 64 /* tasks under way or not taken */

struct gev_imap {
    struct gev__object object;   /* first: see sync/object.h */
    struct gev_group *group;     /* borrowed; NULL for none */
    gev_fn *fn;                  /* called with each item */
    gev_source_fn *source;       /* gives them */
    void *arg;                   /* for it */
    bool unordered;              /* as they are ready */
    bool fed;                    /* no more tasks will come */
    int err;                     /* why, if not for want of items */
    size_t ahead;                /* tasks at a time */
    size_t n_tasks;              /* in the two lists, or being spawned */
    struct gev__list running;    /* of task.link; ordered: done ones too */
    struct gev__list done;       /* unordered: of task.link */
    struct gev__list feeding;    /* of gev_greenlet.link: the feeder */
    struct gev__list taking;     /* of gev_greenlet.link: want a result */
    struct gev_greenlet *feeder; /* referenced */
    uint64_t serial;             /* of the hub that these belong to */
};

struct task {
    struct gev__call call;  /* fires when it has ended */
    struct gev__list link;  /* in one of the two lists */
    struct gev_imap *imap;  /* whose */
    struct gev_greenlet *g; /* referenced */
    bool done;              /* it has ended */
};

static void wake_first(struct gev__list *waiters)
{
    struct gev_greenlet *g;

    if (!gev__list_empty(waiters)) {
        g = GEV__CONTAINER(waiters->next, struct gev_greenlet, link);
        gev__wake(g, gev__seq(g), 0);
    }
}

/* The task whose result is to be taken next, or NULL if there is none yet. */
static struct task *first_done(const struct gev_imap *imap)
{
    const struct gev__list *l = imap->unordered ? &imap->done : &imap->running;
    struct task *t = GEV__CONTAINER(l->next, struct task, link);

    return gev__list_empty(l) || !t->done ? NULL : t;
}

static void finish_task(struct task *t)
{
    struct gev_imap *imap = t->imap;

    t->done = true;
    if (imap->unordered) {
        gev__list_remove(&t->link);
        gev__list_push(&imap->done, &t->link);
    }
    if (first_done(imap)) {
        wake_first(&imap->taking);
    }
}

static void on_task_end(struct gev__call *call)
{
    finish_task(GEV__CONTAINER(call, struct task, call));
}

static void drop_task(struct task *t)
{
    gev__call_cancel(&t->call);
    gev__list_remove(&t->link);
    gev_unref(t->g);
    free(t);
}

/* Hangs a task on the greenlet's end; the reference is the task's. */
static int watch(struct gev_imap *imap, struct gev_greenlet *g)
{
    struct gev__list *links = gev__greenlet_links(g);
    struct task *t = links ? malloc(sizeof *t) : NULL;

    if (!t) {
        gev__kill(gev__hub_tls, g); /* NEW: it never runs */
        gev_unref(g);
        return -ENOMEM;
    }
    *t = (struct task){.imap = imap, .g = g};
    g->flags |= GEV__WATCHED;
    gev__call_init(&t->call, on_task_end);
    gev__list_push(&imap->running, &t->link);
    if (g->life == GEV__DEAD) { /* by a gev_group_kill() that is under way */
        finish_task(t);
    } else {
        gev__list_push(links, &t->call.link);
    }
    return 0;
}

static int spawn_task(struct gev_imap *imap, void *item)
{
    struct gev_greenlet *g = NULL;
    int rc;

    if (imap->group) {
        rc = gev__group_spawn(imap->group, imap->fn, item, &g);
    } else {
        g = gev_spawn(imap->fn, item);
        rc = g ? 0 : gev__err();
    }
    if (rc == 0 && imap->object.freed) {
        gev__kill(gev__hub_tls, g);
        gev_unref(g);
        rc = -EBADF;
    }
    return rc < 0 ? rc : watch(imap, g);
}

/* Waits until another task may be spawned. */
static int wait_for_room(struct gev_imap *imap)
{
    int rc = 0;

    while (rc == 0 && !imap->object.freed && imap->n_tasks >= imap->ahead) {
        rc = gev__park_as(gev__hub_tls, GEV__WAIT_OTHER, imap, INFINITY,
                          &imap->feeding);
    }
    return rc == 0 && imap->object.freed ? -EBADF : rc;
}

static int feed(struct gev_imap *imap)
{
    for (;;) {
        void *item = NULL;
        int rc = wait_for_room(imap);

        if (rc == 0) {
            rc = imap->source(imap->arg, &item);
            rc = rc < 0 ? gev__err() : rc;
        }
        if (rc <= 0 || imap->object.freed) {
            return rc;
        }
        imap->n_tasks++;
        rc = spawn_task(imap, item);
        if (rc < 0) {
            imap->n_tasks--;
            return rc;
        }
    }
}

static void *feeder_main(void *arg)
{
    struct gev_imap *imap = arg;
    int rc = feed(imap);

    imap->fed = true;
    imap->err = -rc;
    if (!imap->object.freed) {
        gev__wake_all(&imap->taking, 0);
    }
    gev__object_leave(&imap->object);
    return NULL;
}

static int check_new(const struct gev_group *group, unsigned flags,
                     const void *arg)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc == 0 && (flags & ~(unsigned)GEV_UNORDERED)) {
        rc = -EINVAL;
    }
    if (rc == 0 && gev__on_run_stack(hub->core, arg)) {
        rc = -EFAULT;
    }
    if (rc == 0 && group) {
        rc = gev__object_check((const struct gev__object *)(const void *)group);
    }
    return rc;
}

/* The hub has ended, and the memory of its greenlets with it. */
static bool is_stale(const struct gev_imap *imap)
{
    return gev__hub_tls->serial != imap->serial;
}

static int start_feeder(struct gev_imap *imap)
{
    imap->serial = gev__hub_tls->serial;
    imap->feeder = gev_spawn(feeder_main, imap);
    if (!imap->feeder) {
        return gev__err();
    }
    imap->object.n_inside++;
    return 0;
}

struct gev_imap *gev_imap_new(struct gev_group *group, gev_fn *fn,
                              gev_source_fn *source, void *arg, unsigned flags)
{
    struct gev_imap *imap;
    int rc = fn && source ? check_new(group, flags, arg) : -EINVAL;

    if (gev__ret(rc) < 0) {
        return NULL;
    }
    imap = calloc(1, sizeof *imap);
    if (!imap) {
        (void)gev__ret(-ENOMEM);
        return NULL;
    }
    gev__object_init(&imap->object, "imap");
    gev__list_init(&imap->running);
    gev__list_init(&imap->done);
    gev__list_init(&imap->feeding);
    gev__list_init(&imap->taking);
    imap->group = group;
    imap->fn = fn;
    imap->source = source;
    imap->arg = arg;
    imap->unordered = flags & GEV_UNORDERED;
    imap->ahead = group ? gev__group_max(group) : MAX_AHEAD;
    imap->ahead = imap->ahead < MAX_AHEAD ? imap->ahead : MAX_AHEAD;
    rc = start_feeder(imap);
    if (gev__ret(rc) < 0) {
        free(imap);
        return NULL;
    }
    return imap;
}

/* 1 with a task that is done, 0 when there are no more, or -Exxx. */
static int wait_for_task(struct gev__hub *hub, struct gev_imap *imap,
                         double timeout, struct task **ret)
{
    double deadline = timeout > 0 ? gev__deadline(timeout) : 0;
    int rc = 0;

    while (rc == 0 && !(*ret = first_done(imap))) {
        if (imap->fed && imap->n_tasks == 0) {
            return -imap->err;
        }
        if (timeout == 0) {
            return -ETIMEDOUT;
        }
        rc = gev__park_as(hub, GEV__WAIT_OTHER, imap, deadline, &imap->taking);
        if (rc == 0 && imap->object.freed) {
            rc = -EBADF;
        }
    }
    return rc < 0 ? rc : 1;
}

/* Hands out a result, and lets the feeder and the next taker go on. */
static void take(struct gev_imap *imap, struct task *t, void **ret_result,
                 int *ret_error)
{
    if (ret_result) {
        *ret_result = gev_value(t->g);
    }
    if (ret_error) {
        *ret_error = gev_error(t->g);
    }
    drop_task(t);
    imap->n_tasks--;
    wake_first(&imap->feeding);
    if (first_done(imap)) {
        wake_first(&imap->taking);
    } else if (imap->fed && imap->n_tasks == 0) {
        gev__wake_all(&imap->taking, 0);
    }
}

int gev_imap_next(struct gev_imap *imap, void **ret_result, int *ret_error,
                  double timeout)
{
    struct gev__hub *hub = NULL;
    struct task *t;
    int rc = imap ? gev__object_check(&imap->object) : -EINVAL;

    if (rc == 0 && is_stale(imap)) {
        rc = -EBADF;
    }
    if (rc == 0) {
        rc = gev__object_enter(&imap->object, timeout, &hub);
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    imap->object.n_inside++;
    rc = wait_for_task(hub, imap, timeout, &t);
    if (rc > 0) {
        take(imap, t, ret_result, ret_error);
    } else if (rc < 0 && !imap->object.freed && first_done(imap)) {
        wake_first(&imap->taking); /* what it was woken for is another's */
    }
    assert(rc < 0 || !imap->object.freed);
    gev__object_leave(&imap->object);
    return (int)gev__ret(rc);
}

static void kill_tasks(struct gev__list *tasks)
{
    while (!gev__list_empty(tasks)) {
        struct task *t =
            GEV__CONTAINER(gev__list_shift(tasks), struct task, link);

        gev__kill(gev__hub_tls, t->g);
        drop_task(t);
    }
}

static void forget_tasks(struct gev__list *tasks)
{
    while (!gev__list_empty(tasks)) {
        free(GEV__CONTAINER(gev__list_shift(tasks), struct task, link));
    }
}

/* Nobody is left who could be killed, or be inside. */
static void free_stale(struct gev_imap *imap)
{
    forget_tasks(&imap->running);
    forget_tasks(&imap->done);
    free(imap);
}

int gev_imap_free(struct gev_imap *imap)
{
    struct gev_greenlet *feeder;
    int rc;

    if (!imap) {
        return 0;
    }
    rc = gev__object_check(&imap->object);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (is_stale(imap)) {
        free_stale(imap);
        return 0;
    }
    feeder = imap->feeder;
    if (feeder->life == GEV__NEW) {
        imap->object.n_inside--; /* it never will be */
    }
    gev__kill(gev__hub_tls, feeder);
    gev_unref(feeder);
    kill_tasks(&imap->running);
    kill_tasks(&imap->done);
    gev__wake_all(&imap->taking, -EBADF);
    gev__object_free(&imap->object);
    return 0;
}

/* The items of gev_map(), on the heap: the caller's may be on a run stack. */
struct items {
    size_t n;
    size_t i; /* given so far */
    void *v[];
};

static int next_of_items(void *arg, void **ret_item)
{
    struct items *items = arg;

    if (items->i == items->n) {
        return 0;
    }
    *ret_item = items->v[items->i++];
    return 1;
}

/* Takes all results in order; stops at the first error. */
static int collect(struct gev_imap *imap, void **ret_results)
{
    size_t i = 0;

    for (;;) {
        void *result;
        int err;
        int rc = gev_imap_next(imap, &result, &err, INFINITY);

        if (rc <= 0) {
            return rc < 0 ? gev__err() : 0;
        }
        if (err) {
            return -err;
        }
        if (ret_results) {
            ret_results[i++] = result;
        }
    }
}

static int map(struct gev_group *group, gev_fn *fn, struct items *items,
               void **ret_results)
{
    struct gev_imap *imap = gev_imap_new(group, fn, next_of_items, items, 0);
    int rc;

    if (!imap) {
        return -errno;
    }
    rc = collect(imap, ret_results);
    /* Ours alone, so still there. The feeder will not ask for items any more.
       NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    gev_imap_free(imap);
    return rc;
}

int gev_map(struct gev_group *group, gev_fn *fn, void *const *items, size_t n,
            void **ret_results)
{
    int saved_errno = errno;
    struct items *copy;
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    for (size_t i = 0; rc == 0 && items && i < n; i++) {
        rc = gev__on_run_stack(hub->core, items[i]) ? -EFAULT : 0;
    }
    if (rc == 0 && !items && n) {
        rc = -EINVAL;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    copy = malloc(sizeof *copy + n * sizeof copy->v[0]);
    if (!copy) {
        return (int)gev__ret(-ENOMEM);
    }
    *copy = (struct items){.n = n};
    if (n) {
        memcpy(copy->v, items, n * sizeof copy->v[0]);
    }
    rc = map(group, fn, copy, ret_results);
    free(copy);
    errno = saved_errno;
    return (int)gev__ret(rc);
}
