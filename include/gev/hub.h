/* SPDX-License-Identifier: MIT */
/*
 * gev/hub.h - greenlets that a loop runs: spawn, sleep, join, kill
 *
 * Each thread has at most one hub: a coroutine with a stack of its own that
 * runs a libev loop and resumes greenlets when what they wait for has come.
 * It starts by itself at the first call that needs it.
 *
 * The five errors that every waiting call shares stand in gev.h.
 */
#ifndef GEV_HUB_H
#define GEV_HUB_H

#include <gev/base.h>
#include <gev/greenlet.h>

GEV_BEGIN_DECLS

struct ev_loop;
struct gev_hub;

/**
 * gev_spawn() - start a greenlet that the hub runs
 * @fn:  what it runs
 * @arg: its argument; not a pointer into a run stack
 *
 * It joins the end of the run queue: the caller goes on first. Its handle is
 * the caller's to gev_unref(), which does not end it: the hub has a reference
 * of its own.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the greenlet, or NULL with errno set:
 *              EINVAL  @fn is NULL
 *              EFAULT  @arg points into a run stack: see gev_spawn_copy()
 *              ENOMEM  no memory
 *              EMFILE, ENFILE  the hub could not start
 * See:       gevent.spawn()
 */
GEV_API struct gev_greenlet *gev_spawn(gev_fn *fn, void *arg);

/**
 * gev_spawn_copy() - gev_spawn() with a copy of the argument
 * @fn:   what it runs; its argument is the copy, 16-byte aligned, freed after
 *        the greenlet's end
 * @data: copied before this call returns; may point anywhere
 * @size: bytes at @data
 *
 * Return:    as gev_spawn()
 */
GEV_API struct gev_greenlet *gev_spawn_copy(gev_fn *fn, const void *data,
                                            size_t size);

/**
 * gev_spawn_private() - gev_spawn() on a stack of its own
 * @fn:         what it runs
 * @arg:        its argument
 * @stack_size: bytes; see gev_greenlet_new()
 *
 * For code that hands out the address of its locals.
 *
 * Return:    as gev_spawn(); EINVAL also for @stack_size 0 or too large
 */
GEV_API struct gev_greenlet *gev_spawn_private(gev_fn *fn, void *arg,
                                               size_t stack_size);

/**
 * gev_spawn_later() - gev_spawn() after a while
 * @secs: at least this long, 0 .. GEV_FOREVER (then only a kill ends it)
 * @fn:   what it runs
 * @arg:  its argument
 *
 * Killed before its time, it never runs.
 *
 * Return:    as gev_spawn(); EINVAL also for a negative @secs
 * See:       gevent.spawn_later()
 */
GEV_API struct gev_greenlet *gev_spawn_later(double secs, gev_fn *fn,
                                             void *arg);

/**
 * gev_go() - gev_spawn() without a handle
 *
 * Return:    0, or -1 with errno as gev_spawn()
 */
GEV_API int gev_go(gev_fn *fn, void *arg);

/**
 * gev_go_copy() - gev_spawn_copy() without a handle
 *
 * Return:    0, or -1 with errno as gev_spawn()
 */
GEV_API int gev_go_copy(gev_fn *fn, const void *data, size_t size);

/**
 * gev_yield() - let the others run
 *
 * The caller goes to the end of the run queue. I/O is polled now and then, not
 * at each call.
 *
 * Switches:  yes, if there is anything else to run
 * Return:    0, or -1 with errno
 * See:       gevent.sleep(0)
 */
GEV_API int gev_yield(void);

/**
 * gev_sleep() - do nothing for a while
 * @secs: at least this long; 0 is gev_yield()
 *
 * Switches:  yes
 * Return:    0, or -1 with errno (EINVAL for a negative or NaN @secs)
 * See:       gevent.sleep()
 */
GEV_API int gev_sleep(double secs);

/**
 * gev_checkpoint() - what every call of gev that may wait does first
 *
 * For loops that compute, and for calls that wait by other means: sees a kill
 * or an expired scope, and uses a bit of the I/O budget, so that the others get
 * their share. Starts no hub.
 *
 * Switches:  when the budget is used up
 * Context:   anywhere, any thread
 * Return:    0; 1 where nothing may wait: in a thread without a hub, on the hub,
 *            when it would switch in the child of a vfork(2);
 *            or -1 with errno set: ECANCELED, ETIMEDOUT
 */
GEV_API int gev_checkpoint(void);

/**
 * gev_join() - wait until a greenlet has ended
 * @g:       a greenlet that the hub runs, of this thread, not the caller
 * @timeout: seconds; 0 only asks
 *
 * Read its outcome with gev_error() and gev_value().
 *
 * Switches:  unless it has ended already or @timeout is 0
 * Return:    0 when it has ended, or -1 with errno set:
 *              ETIMEDOUT  it lives on (or a scope expired)
 *              EDEADLK    @g is the caller
 *              EINVAL     NULL or bad @timeout
 *              EPERM      @g is of another thread
 * See:       gevent.Greenlet.join()
 */
GEV_API int gev_join(struct gev_greenlet *g, double timeout);

/**
 * gev_joinall() - wait until all of several greenlets have ended
 * @v:       handles; NULLs are passed over
 * @n:       how many
 * @timeout: seconds for all of them together
 *
 * Return:    0 when all have ended, or -1 with errno as gev_join()
 */
GEV_API int gev_joinall(struct gev_greenlet *const *v, size_t n,
                        double timeout);

/**
 * gev_kill() - make a greenlet end
 * @g:       the greenlet, of this thread, not main or the hub
 * @timeout: how long to wait for its end; 0 does not wait
 *
 * Level-triggered, since C does not unwind: from now on each of its calls that
 * may wait fails with ECANCELED until it ends. One that has not started never
 * runs. Killing a dead one does nothing; killing oneself only marks.
 *
 * Switches:  unless @timeout is 0, @g is dead or the caller
 * Return:    0 when it has ended (or, with @timeout 0 or @g the caller, was
 *            told to), or -1 with errno as gev_join()
 * See:       gevent.kill()
 */
GEV_API int gev_kill(struct gev_greenlet *g, double timeout);

/**
 * gev_killall() - gev_kill() several, then join them
 *
 * Return:    as gev_joinall(); with @timeout 0 always 0
 */
GEV_API int gev_killall(struct gev_greenlet *const *v, size_t n,
                        double timeout);

/**
 * gev_shield_begin() - let clean-up code wait
 *
 * Until the matching gev_shield_end() a kill, and the expiry of scopes that
 * were pushed before, do not interrupt this greenlet. Nests.
 *
 * Switches:  never
 * Return:    0, or -1 with errno ENOMEM
 */
GEV_API int gev_shield_begin(void);

/**
 * gev_shield_end() - undo the last gev_shield_begin()
 *
 * Timeout scopes pushed since and not popped are popped.
 *
 * Return:    0, or -1 with errno EINVAL (there is none)
 */
GEV_API int gev_shield_end(void);

/**
 * gev_run() - wait in main until nothing is left to do
 * @timeout: seconds at most
 *
 * "Nothing" means no greenlet that runs, and no timer, I/O, signal or hold that
 * could wake one. Greenlets that wait for each other for ever are then
 * reported (see gev_set_report()) and left as they are.
 *
 * Switches:  yes
 * Context:   main
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  there is still something to do
 *              EPERM      not main
 * See:       gevent.wait() without arguments
 */
GEV_API int gev_run(double timeout);

/**
 * gev_init() - start this thread's hub now
 *
 * Optional: any call that needs the hub starts it.
 *
 * Return:    0, or -1 with errno set: ENOMEM, EMFILE, ENFILE
 */
GEV_API int gev_init(void);

/**
 * gev_shutdown() - end this thread's hub
 *
 * Kills all greenlets, gives each the chance to end, runs their defers and
 * frees everything. Open descriptors are not closed. It happens by itself when
 * a thread ends, not when the process exits. Afterwards gev can be used anew.
 *
 * Switches:  yes
 * Context:   main
 * Return:    0, or -1 with errno set:
 *              EPERM  not main
 *              EBUSY  a greenlet refused to end within a second (it ignores
 *                     ECANCELED or is shielded); it is reported, and its
 *                     memory kept
 */
GEV_API int gev_shutdown(void);

/**
 * gev_now() - the time that durations are measured with
 *
 * Return:    seconds of CLOCK_MONOTONIC, read anew at each call
 */
GEV_API double gev_now(void);

/**
 * gev_is_hub() - is this code running on the hub, where nothing may wait?
 */
GEV_API int gev_is_hub(void);

/**
 * gev_loop() - the libev loop of this thread's hub
 *
 * For watchers of one's own. Their callbacks run on the hub: they may spawn and
 * wake, not wait. A watcher keeps gev_run() going unless ev_unref() is called.
 * Do not call ev_run(), ev_break() or ev_loop_destroy() on it.
 *
 * Return:    the loop, or NULL with errno as gev_init()
 */
GEV_API struct ev_loop *gev_loop(void);

/**
 * gev_hub_hold() - something that gev does not know of will wake a greenlet
 *
 * While held, "nothing is left to do" is never concluded.
 *
 * Return:    0, or -1 with errno as gev_init()
 */
GEV_API int gev_hub_hold(void);

/**
 * gev_hub_release() - undo one gev_hub_hold()
 *
 * Return:    0, or -1 with errno EINVAL (none is held)
 */
GEV_API int gev_hub_release(void);

/**
 * gev_hub_get() - a handle by which other threads reach this thread's hub
 *
 * Return:    a reference, to be dropped with gev_hub_put() by any thread; NULL
 *            with errno as gev_init()
 */
GEV_API struct gev_hub *gev_hub_get(void);

/**
 * gev_hub_put() - drop a handle
 * @hub: the handle, or NULL
 *
 * Context:   any thread
 */
GEV_API void gev_hub_put(struct gev_hub *hub);

/**
 * gev_call_threadsafe() - have a function called on another thread's hub
 * @hub: the hub's handle
 * @fn:  called there once, soon, in the order of the calls; must not wait
 * @arg: for @fn; not a pointer into a run stack
 *
 * Calls that are still pending when that hub ends are dropped.
 *
 * Switches:  never
 * Context:   any thread, with or without gev; not a signal handler
 * Return:    0, or -1 with errno set:
 *              ESRCH   that hub has ended: @fn is not called
 *              EFAULT  @arg points into a run stack of this thread
 *              ENOMEM  no memory
 *              EINVAL  NULL
 * See:       loop.async of gevent; asyncio's call_soon_threadsafe()
 */
GEV_API int gev_call_threadsafe(struct gev_hub *hub, void (*fn)(void *arg),
                                void *arg);

/**
 * gev_call_soon() - have a function called on the hub, before greenlets run next
 * @fn:  called once, in the order of the calls; must not wait
 * @arg: for @fn; not a pointer into a run stack
 *
 * Calls that are still to be made when the hub ends are dropped.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    0, or -1 with errno set: EINVAL (@fn is NULL), EFAULT, ENOMEM, or
 *            as gev_init()
 * See:       loop.run_callback() of gevent
 */
GEV_API int gev_call_soon(void (*fn)(void *arg), void *arg);

/**
 * typedef gev_error_fn - called when a greenlet failed and nobody watches
 * @g:   the greenlet, DEAD; borrowed for the call
 * @err: what gev_fail() said
 * @arg: as given to gev_set_error_handler()
 *
 * Runs on the ending greenlet, after its defers; must not wait.
 */
typedef void gev_error_fn(struct gev_greenlet *g, int err, void *arg);

/**
 * gev_set_error_handler() - choose what happens when a greenlet fails
 * @fn:  the handler of this thread, or NULL for the default, which reports
 *       one line
 * @arg: for @fn
 *
 * Return:    0, or -1 with errno as gev_init()
 * See:       gevent's hub.handle_error()
 */
GEV_API int gev_set_error_handler(gev_error_fn *fn, void *arg);

/**
 * typedef gev_report_fn - receives what gev has to tell a human
 * @text: one or more whole lines, NUL-terminated, valid for the call
 * @arg:  as given to gev_set_report()
 */
typedef void gev_report_fn(const char *text, void *arg);

/**
 * gev_set_report() - choose where reports go (deadlock, failed greenlets)
 * @fn:  called with each report of this thread; NULL for the default, which
 *       writes to stderr
 * @arg: for @fn
 *
 * Return:    0, or -1 with errno as gev_init()
 */
GEV_API int gev_set_report(gev_report_fn *fn, void *arg);

/**
 * struct gev_stats - what this thread's gev is doing
 *
 * Grows at its end only; see gev_stats().
 */
struct gev_stats {
    size_t greenlets;       /* not dead, main and hub left out */
    size_t ready;           /* in the run queue */
    size_t waiting;         /* parked by the hub */
    size_t image_bytes;     /* heap bytes given to stack images */
    uint64_t spawned;       /* greenlets ever made */
    uint64_t switches;      /* times the hub resumed one */
    uint64_t evictions;     /* times stack bytes were copied out */
    uint64_t polls;         /* times the loop asked the kernel */
    uint64_t budget_yields; /* times the I/O budget made one yield */
};

/**
 * gev_stats() - read the counters of this thread
 * @ret:  filled in
 * @size: sizeof(struct gev_stats) as the caller knows it
 *
 * Return:    0, or -1 with errno EINVAL, or as gev_init()
 */
GEV_API int gev_stats(struct gev_stats *ret, size_t size);

GEV_END_DECLS

#endif
