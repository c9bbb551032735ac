/* SPDX-License-Identifier: MIT */
/*
 * A thread's core: made at the first call, freed when the thread ends. Here the
 * environment is read, and here are the calls that only look at things.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/greenlet.h"
#include "core/image.h"
#include "core/overflow.h"
#include "core/ret.h"
#include "core/sanitize.h"
#include "core/stack.h"

_Thread_local struct gev__core *gev__core_tls;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static int once_rc;
static gev_trace_fn *trace_all; /* gev_set_trace_all() */
static void *trace_all_arg;     /* for it */

/* The thread ends: what is left is killed by the hub, then freed here. */
static void on_thread_end(void *arg)
{
    struct gev__core *core = arg;

    if (core != gev__core_tls) {
        return;
    }
    if (core->on_exit) {
        core->on_exit();
    }
    if (gev__core_tls) {
        gev__core_end();
    }
}

static void init_process(void)
{
    gev__image_classes_init();
    once_rc = -pthread_key_create(&thread_end, on_thread_end);
}

static void read_environment(struct gev__core *core)
{
    const char *stack = getenv("GEV_STACK");
    const char *wipe = getenv("GEV_WIPE");
    const char *debug = getenv("GEV_DEBUG");

    core->asan = gev__asan_present();
    core->valgrind = RUNNING_ON_VALGRIND;
    if (core->asan || (stack && strcmp(stack, "private") == 0)) {
        core->mode = GEV__MODE_PRIVATE;
    } else if (stack && strcmp(stack, "evict") == 0) {
        core->mode = GEV__MODE_EVICT;
    }
    if (stack && strcmp(stack, "shared") != 0 && strcmp(stack, "evict") != 0 &&
        strcmp(stack, "private") != 0) {
        core->strange_mode = stack;
    }
    if (debug && strcmp(debug, "0") != 0) {
        core->wipe = GEV__WIPE_PATTERN;
    } else if (wipe && strcmp(wipe, "0") != 0) {
        core->wipe = GEV__WIPE_ZERO;
    }
    core->trace = trace_all;
    core->trace_arg = trace_all_arg;
    core->hooks = core->trace || core->asan || core->mode == GEV__MODE_EVICT;
}

/* ASan wants to know where the thread's own stack is. */
static void find_main_stack(struct gev__core *core)
{
    pthread_attr_t attr;
    void *low;

    if (!core->asan || pthread_getattr_np(pthread_self(), &attr) != 0) {
        return;
    }
    if (pthread_attr_getstack(&attr, &low, &core->main_size) == 0) {
        core->main_low = low;
    }
    pthread_attr_destroy(&attr);
}

static int make_main(struct gev__core *core)
{
    struct gev_greenlet *g = gev__slab_alloc(&core->slabs, 0, sizeof *g);

    if (!g) {
        return -ENOMEM;
    }
    *g = (struct gev_greenlet){.refs = 1, .kind = GEV__NATIVE};
    g->id = ++core->last_id;
    g->life = GEV__STARTED;
    gev__list_init(&g->link);
    core->main = g;
    core->current = g;
    return 0;
}

static int start(struct gev__core **ret)
{
    struct gev__core *core;
    int rc;

    pthread_once(&once, init_process);
    if (once_rc < 0) {
        return -ENOMEM;
    }
    core = calloc(1, sizeof *core);
    if (!core) {
        return -ENOMEM;
    }
    core->errno_at = &errno;
    read_environment(core);
    find_main_stack(core);
    gev__slabs_init(&core->slabs);
    rc = gev__stacks_init(core);
    if (rc < 0) {
        goto err_free;
    }
    rc = make_main(core);
    if (rc < 0) {
        goto err_stacks;
    }
    if (pthread_setspecific(thread_end, core) != 0) {
        rc = -ENOMEM;
        goto err_slabs;
    }
    gev__core_tls = core;
    gev__overflow_watch();
    *ret = core;
    return 0;

err_slabs:
    gev__slabs_fini(&core->slabs);
err_stacks:
    gev__stacks_fini(core);
err_free:
    free(core);
    return rc;
}

int gev__core_start(struct gev__core **ret)
{
    int saved_errno;
    int rc;

    if (__builtin_expect(gev__core_tls != NULL, 1)) {
        *ret = gev__core_tls;
        return 0;
    }
    saved_errno = errno;
    rc = start(ret);
    errno = saved_errno;
    return rc;
}

struct each_call {
    struct gev__core *core;
    void (*fn)(struct gev_greenlet *g, void *arg);
    void *arg;
};

/* Records that are free now were left DEAD. */
static void each_object(void *object, void *arg)
{
    struct gev_greenlet *g = object;
    struct each_call *call = arg;

    if (g->life != GEV__DEAD && g != call->core->main && g != call->core->hub) {
        call->fn(g, call->arg);
    }
}

void gev__greenlet_each(struct gev__core *core,
                        void (*fn)(struct gev_greenlet *g, void *arg),
                        void *arg)
{
    struct each_call call = {.core = core, .fn = fn, .arg = arg};

    gev__slab_each(&core->slabs, 0, each_object, &call);
}

static void put_down_one(struct gev_greenlet *g, void *arg)
{
    if (g->life == GEV__STARTED && !g->hub_state) {
        gev_ref(g);
        (void)gev__greenlet_put_down(arg, g);
        gev__greenlet_drop(arg, g);
    }
}

void gev__core_put_down_all(struct gev__core *core)
{
    gev__greenlet_each(core, put_down_one, core);
}

/* What a record has outside the slabs. Free ones have no extra. */
static void release_one(void *object, void *arg)
{
    struct gev_greenlet *g = object;

    if (g->life == GEV__NEW) {
        gev__greenlet_end_new(arg, g, ECANCELED);
    }
    gev__greenlet_free_extra(g);
}

void gev__core_end(void)
{
    struct gev__core *core = gev__core_tls;

    gev__core_put_down_all(core);
    gev__overflow_unwatch();
    gev__greenlet_run_defers(core->main);
    if (core->on_exit) {
        core->on_exit(); /* a defer has started a hub */
    }
    gev__slab_each(&core->slabs, 0, release_one, core);
    pthread_setspecific(thread_end, NULL);
    gev__core_tls = NULL;
    gev__slabs_fini(&core->slabs);
    gev__stacks_fini(core);
    free(core);
}

int gev_on_run_stack(const void *p)
{
    struct gev__core *core = gev__core_get();

    return core && gev__on_run_stack(core, p);
}

int gev_set_trace(gev_trace_fn *fn, void *arg)
{
    struct gev__core *core;
    int rc = gev__core_start(&core);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    core->trace = fn;
    core->trace_arg = arg;
    core->hooks = fn || core->asan || core->mode == GEV__MODE_EVICT;
    return 0;
}

void gev_set_trace_all(gev_trace_fn *fn, void *arg)
{
    trace_all = fn;
    trace_all_arg = arg;
}

int gev_greenlet_stats(const struct gev_greenlet *g,
                       struct gev_greenlet_stats *ret, size_t size)
{
    struct gev__core *core = gev__core_get();
    struct gev_greenlet_stats s = {0};

    if (!g || !ret || !core || !gev__greenlet_is_mine(core, g)) {
        errno = EINVAL;
        return -1;
    }
    s.image_bytes =
        g->kind == GEV__SHARED ? gev__image_size[g->image_class] : 0;
    s.live_bytes = gev__live_bytes(core, g);
    s.dead_bytes = g->dead_low - g->dead_high;
    s.switches = g->switches;
    s.resident = g == core->current || g == core->occupant ||
                 (g->kind != GEV__SHARED && g->life == GEV__STARTED);
    memset(ret, 0, size);
    memcpy(ret, &s, size < sizeof s ? size : sizeof s);
    return 0;
}
