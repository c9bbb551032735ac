/* SPDX-License-Identifier: MIT */
/*
 * EINTR: a blocking call of main ends when the handler of a signal has run.
 *
 * The trampoline of sigaction.c counts handlers as they run, and ends main's wait if one
 * is open that such a handler ends. A call compares the count with what it was when
 * the call began (gev__guard() noted it): so no signal is lost between two waits of
 * one call, nor while others run before the first.
 *
 *   guard: mark --- attempt, EAGAIN --- enter ... wait ... leave --- attempt ---
 *                                         |
 *                            counted since the mark: EINTR
 *
 * Calls of other greenlets are not interrupted: the kernel, too, has one thread run
 * the handler, the main one if it can.
 */
#ifndef PATCH_INTERRUPT_H
#define PATCH_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* Which calls a handler ends, see signal(7). */
enum gev__ends {
    GEV__NOTHING,        /* none: system(3); nothing waits */
    GEV__UNLESS_RESTART, /* read(2), accept(2) …: not if it has SA_RESTART */
    GEV__ALWAYS, /* poll(2), nanosleep(2) …, and sockets' time limits */
};

/* Handlers that this thread has run, modulo 2^32. Each question is answered by one
   of the counts: a handler may run between looks at two. */
struct gev__handled {
    uint32_t all;
    uint32_t ending; /* of these, without SA_RESTART */
};

/**
 * struct gev__interrupts - what handlers and waits of a thread know of each other
 */
struct gev__interrupts {
    struct gev__handled handled; /* written by handlers */
    struct gev__handled mark;    /* @handled when the call in progress began */
    enum gev__ends open;         /* what main waits in */
};

extern _Thread_local struct gev__interrupts gev__interrupts
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/**
 * struct gev__eintr - a call that may be interrupted, on its caller's stack
 */
struct gev__eintr {
    struct gev__handled mark; /* from gev__interrupts, before anything waits */
    enum gev__ends by;        /* by which handlers */
    bool open;                /* between enter and leave */
};

/**
 * gev__eintr_begin() - a call that waits: to be made before its first wait
 */
static inline struct gev__eintr gev__eintr_begin(enum gev__ends by)
{
    return (struct gev__eintr){.mark = gev__interrupts.mark, .by = by};
}

/**
 * gev__eintr_part() - a part is done: a handler with SA_RESTART ends it, too
 *
 * The system returns the count; there is no call to restart.
 */
static inline void gev__eintr_part(struct gev__eintr *e)
{
    if (!e->by) {
        *e = gev__eintr_begin(GEV__ALWAYS);
    }
    e->by = GEV__ALWAYS;
}

/**
 * gev__eintr_enter() - a wait begins
 *
 * Return:    0; -1 with errno EINTR (a handler has run), or EDEADLK: such a wait was
 *            left by longjmp(3), and the hub cannot be waited in: the real call is to
 */
int gev__eintr_enter(struct gev__eintr *c);

/**
 * gev__eintr_leave() - it is over
 * @r: what it gave
 *
 * Return:    @r; where gev could not wait, and a handler has run, errno is EINTR
 */
int gev__eintr_leave(struct gev__eintr *c, int r);

/**
 * gev__interrupts_note() - a handler is about to run
 * @restarts: it has SA_RESTART
 *
 * Context:   a signal handler; errno is kept
 */
void gev__interrupts_note(bool restarts);

#endif
