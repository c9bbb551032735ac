/* SPDX-License-Identifier: MIT */
/*
 * gev/greenlet.h - the greenlet: a function with a stack of its own that is
 * switched to and away from by hand
 *
 * This is the core, usable alone as Python's greenlet is without gevent: there
 * is no scheduler here, no I/O and no clock. Each thread has a main greenlet
 * (what the thread ran anyway) and makes others. Exactly one is current.
 *
 *   static void *child(void *value)             // value of the first switch
 *   {
 *       gev_switch(gev_parent(NULL), value, &value);
 *       return value;                           // goes to the parent
 *   }
 *
 *   struct gev_greenlet *g = gev_greenlet_new(child, 0);
 *   gev_switch(g, "a", &v);                     // starts it; v is "a"
 *   gev_switch(g, "b", &v);                     // resumes it; v is "b"
 *   gev_unref(g);
 *
 * Stacks are copied. All ordinary greenlets of a thread run on the same
 * addresses, so a pointer to a local variable of one is meaningless while
 * another runs. Hand out heap memory, or use a private stack. gev refuses such
 * pointers with EFAULT wherever it would keep them.
 *
 * A greenlet belongs to the thread that made it and never leaves it.
 */
#ifndef GEV_GREENLET_H
#define GEV_GREENLET_H

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * enum gev_state - where in its life a greenlet is
 * @GEV_NEW:     made, not started
 * @GEV_ACTIVE:  started and switched away from
 * @GEV_CURRENT: the one that runs now in its thread
 * @GEV_DEAD:    its function returned, or it was ended
 */
enum gev_state { GEV_NEW, GEV_ACTIVE, GEV_CURRENT, GEV_DEAD };

/* Largest private stack one may ask for: 1 GiB. */
#define GEV_STACK_MAX ((size_t)1 << 30)

/**
 * gev_greenlet_new() - make a greenlet that is not started
 * @fn:            what it runs; gets the value of the first switch
 * @private_stack: 0: it shares the thread's run stack, and only its live bytes
 *                 are kept while it is switched out. Otherwise the size in
 *                 bytes (rounded up to pages, at most GEV_STACK_MAX) of a stack
 *                 of its own, whose addresses stay valid while it lives.
 *
 * The parent is the current greenlet, and lives as long as its child: a parent
 * whose own frame owns the child is not ended by dropping its handle. The caller
 * owns one reference. A new greenlet starts with errno 0.
 *
 * Switches:  never
 * Context:   any greenlet of a thread
 * Return:    the greenlet, or NULL with errno set:
 *              EINVAL  @fn is NULL or @private_stack too large
 *              ENOMEM  no memory for it, its stack or the thread's run stack
 * See:       greenlet.greenlet()
 */
GEV_API struct gev_greenlet *gev_greenlet_new(gev_fn *fn, size_t private_stack);

/**
 * gev_switch() - run another greenlet until somebody switches back
 * @to:        where to go: NEW (it starts with @value as argument), ACTIVE (its
 *             own gev_switch() returns @value), CURRENT (returns at once), or
 *             DEAD (its nearest living ancestor is meant, as in greenlet)
 * @value:     handed over as it is; not a pointer into a run stack
 * @ret_value: receives what is handed to the caller next, by whoever switches
 *             to it; may be NULL
 *
 * Switches:  yes
 * Context:   any greenlet of @to's thread, while its defers run too
 * Return:    0, or -1 with errno set:
 *              EFAULT     @value points into a run stack: nobody else could
 *                         read it
 *              EBUSY      @to waits in, or is queued by, the hub: only the hub
 *                         may resume it
 *              EPERM      @to belongs to another thread
 *              ECANCELED  the caller was told to end (its last reference is
 *                         gone): it must return
 *              ENOMEM     no room to keep the caller's stack bytes
 *              EINVAL     @to is NULL
 *              other      what gev_throw() threw into the caller, or the
 *                         error with which a child of the caller failed
 * See:       greenlet.switch()
 */
GEV_API int gev_switch(struct gev_greenlet *to, void *value, void **ret_value);

/**
 * gev_throw() - make another greenlet's pending gev_switch() fail
 * @to:        ACTIVE: its gev_switch() returns -1 with errno @err. NEW: it ends
 *             without having run, and its parent is told. DEAD: its nearest
 *             living ancestor gets the error; ECANCELED is dropped instead.
 * @err:       an errno value above 0; ECANCELED means "end, please" and
 *             is not an error for the parent of a greenlet that then ends
 * @ret_value: as in gev_switch()
 *
 * Switches:  yes, except for ECANCELED into a DEAD one
 * Context:   as gev_switch()
 * Return:    as gev_switch(); also EINVAL when @err is not 1 .. 65535
 * See:       greenlet.throw()
 */
GEV_API int gev_throw(struct gev_greenlet *to, int err, void **ret_value);

/**
 * gev_exit() - end the current greenlet as if its function had returned
 * @value: its result
 *
 * Runs what gev_defer() recorded, then goes to the nearest living ancestor.
 * C does not unwind: what the frames in between own is not released. In the
 * main greenlet it is exit(3) with status 0; on the hub and in a function called
 * about a greenlet's end, where nothing could end, it is abort(3).
 *
 * Switches:  yes, for good
 */
GEV_API __attribute__((noreturn)) void gev_exit(void *value);

/**
 * gev_fail() - say that the current greenlet ends with an error
 * @err: an errno value above 0; 0 takes an earlier one back
 *
 * Meant for "return gev_fail(EIO);". When the greenlet ends, its parent's
 * gev_switch() fails with @err; one that the hub runs is reported to the error
 * handler, and joiners read it with gev_error().
 *
 * Switches:  never
 * Return:    NULL
 */
GEV_API void *gev_fail(int err);

/**
 * gev_current() - the greenlet that runs now
 *
 * Switches:  never
 * Return:    borrowed; the thread's main greenlet outside all others; NULL with
 *            errno ENOMEM if the thread's first call found no memory
 * See:       greenlet.getcurrent()
 */
GEV_API struct gev_greenlet *gev_current(void);

/**
 * gev_parent() - the greenlet that goes on when this one ends
 * @g: a greenlet, or NULL for the current one
 *
 * Return:    borrowed; NULL for main and for the hub
 */
GEV_API struct gev_greenlet *gev_parent(const struct gev_greenlet *g);

/**
 * gev_set_parent() - choose another parent
 * @g:      a greenlet that is neither main nor the hub
 * @parent: its new parent; a reference is kept until @g is freed
 *
 * Return:    0, or -1 with errno set:
 *              EINVAL  NULL, or @g is main or the hub, or the chain of
 *                      parents would become a cycle
 *              EPERM   they are not both of the calling thread
 *              ENOMEM  the former parent, whose last reference this was, could
 *                      not be ended; all else is done
 */
GEV_API int gev_set_parent(struct gev_greenlet *g, struct gev_greenlet *parent);

/**
 * gev_state() - NEW, ACTIVE, CURRENT or DEAD
 * @g: a greenlet, or NULL for the current one
 */
GEV_API enum gev_state gev_state(const struct gev_greenlet *g);

/**
 * gev_error() - the errno with which a greenlet ended
 * @g: a greenlet
 *
 * Return:    0 while it lives and after a normal end; ECANCELED if it was
 *            ended before it ran; otherwise the value of gev_fail()
 */
GEV_API int gev_error(const struct gev_greenlet *g);

/**
 * gev_value() - what a greenlet's function returned
 * @g: a greenlet
 *
 * Return:    the result; NULL while it lives
 */
GEV_API void *gev_value(const struct gev_greenlet *g);

/**
 * gev_ref() - take a reference
 * @g: a greenlet of the calling thread
 *
 * Return:    @g
 */
GEV_API struct gev_greenlet *gev_ref(struct gev_greenlet *g);

/**
 * gev_unref() - drop a reference
 * @g: a greenlet, or NULL, which is fine
 *
 * The last one frees it. A suspended greenlet is ended first: ECANCELED is
 * thrown into it, its gev_switch() calls go on failing with that until it
 * returns, and then this call comes back. One that drops its own last
 * reference goes on, and is told to end at its next gev_switch().
 *
 * Switches:  only to end a suspended greenlet
 * Return:    0, or -1 with errno set, and nothing is dropped: EPERM (wrong
 *            thread; or an error handler drops a suspended one), ENOMEM (no
 *            room to switch to the one to be ended)
 */
GEV_API int gev_unref(struct gev_greenlet *g);

/**
 * gev_defer() - run a function when the current greenlet ends
 * @fn:  called on this greenlet, on every kind of end; the last recorded runs
 *       first. In the main greenlet: when gev_shutdown() is called.
 * @arg: for @fn; not a pointer into a run stack, since the frames are gone by
 *       then
 *
 * Switches:  never
 * Return:    0, or -1 with errno set:
 *              EINVAL  @fn is NULL
 *              EFAULT  @arg points into a run stack
 *              ENOMEM  no memory
 *              EPERM   called on the hub, or by an error handler on behalf of
 *                      a greenlet that has ended
 */
GEV_API int gev_defer(void (*fn)(void *arg), void *arg);

/**
 * gev_id() - a greenlet's number
 * @g: a greenlet, or NULL for the current one
 *
 * Counted from 1, which is main's, in each thread; not used again until 2^32
 * greenlets have been made.
 *
 * Return:    the number
 */
GEV_API uint32_t gev_id(const struct gev_greenlet *g);

/* Longest name kept, without the NUL: longer ones are cut. */
#define GEV_NAME_MAX 63

/**
 * gev_set_name() - name a greenlet, for reports
 * @g:    a greenlet that is not DEAD, or NULL for the current one
 * @name: copied, cut at GEV_NAME_MAX bytes; NULL takes the name away
 *
 * Return:    0, or -1 with errno set: ENOMEM; EPERM (@g is DEAD or of another
 *            thread)
 * See:       pthread_setname_np(3); Greenlet.name of gevent
 */
GEV_API int gev_set_name(struct gev_greenlet *g, const char *name);

/**
 * gev_name() - the name of a greenlet
 * @g: a greenlet, or NULL for the current one
 *
 * Return:    valid until it is named anew or freed; "" without a name
 */
GEV_API const char *gev_name(const struct gev_greenlet *g);

/**
 * enum gev_trace_event - what a trace hook is told
 * @GEV_TRACE_SWITCH: control goes from one greenlet to another with a value
 * @GEV_TRACE_THROW:  it goes with an error
 */
enum gev_trace_event { GEV_TRACE_SWITCH, GEV_TRACE_THROW };

/**
 * typedef gev_trace_fn - called before each transfer, on the stack of @from
 * @event: the kind of transfer
 * @from:  the greenlet that runs now; DEAD when it has just ended
 * @to:    the one that runs next
 * @arg:   as given to gev_set_trace()
 *
 * It must not switch.
 */
typedef void gev_trace_fn(enum gev_trace_event event,
                          const struct gev_greenlet *from,
                          const struct gev_greenlet *to, void *arg);

/**
 * gev_set_trace() - be told of every switch of this thread
 * @fn:  the hook, or NULL for none; there is one at a time
 * @arg: for @fn
 *
 * Return:    0, or -1 with errno ENOMEM
 * See:       greenlet.settrace()
 */
GEV_API int gev_set_trace(gev_trace_fn *fn, void *arg);

/**
 * gev_set_trace_all() - be told of every switch of all threads to come
 * @fn:  the hook that a thread has from its first use of gev on, until it calls
 *       gev_set_trace(); called in that thread. NULL for none
 * @arg: for @fn
 *
 * Threads that have used gev already are left as they are.
 *
 * Context:   before other threads use gev
 * See:       threading.settrace()
 */
GEV_API void gev_set_trace_all(gev_trace_fn *fn, void *arg);

/**
 * struct gev_greenlet_stats - what one greenlet costs
 *
 * Grows at its end only; see gev_greenlet_stats().
 */
struct gev_greenlet_stats {
    size_t image_bytes; /* bytes kept on the heap for its stack */
    size_t live_bytes;  /* stack bytes in use while switched out; 0 if it
                            runs, is new or dead */
    size_t dead_bytes;  /* of these, bytes that a wait to receive leaves
                            out */
    uint64_t switches;  /* times it was switched to, modulo 2^32 */
    int resident;       /* 1: its bytes are on its stack now */
};

/**
 * gev_greenlet_stats() - read what a greenlet costs
 * @g:    a greenlet of the calling thread
 * @ret:  filled in
 * @size: sizeof(struct gev_greenlet_stats) as the caller knows it
 *
 * Return:    0, or -1 with errno EINVAL
 */
GEV_API int gev_greenlet_stats(const struct gev_greenlet *g,
                               struct gev_greenlet_stats *ret, size_t size);

/**
 * gev_on_run_stack() - does a pointer point into stack bytes that move?
 * @p: any pointer
 *
 * Return:    1 if it must not be kept by anybody else, else 0
 */
GEV_API int gev_on_run_stack(const void *p);

GEV_END_DECLS

#endif
