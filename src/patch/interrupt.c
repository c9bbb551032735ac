/* SPDX-License-Identifier: MIT */
/*
 * Waits of main that handlers end; the hub's part is gev/signal.h.
 *
 * A handler may run anywhere here: @open is set after the hub's section is open and
 * cleared before it is closed, and what came before is found by the count.
 */
#include "patch/interrupt.h"

#include <errno.h>
#include <stdatomic.h>

#include <gev/signal.h>

_Thread_local struct gev__interrupts gev__interrupts
    __attribute__((tls_model("initial-exec")));

static void set_open(enum gev__ends by)
{
    atomic_signal_fence(memory_order_seq_cst);
    __atomic_store_n(&gev__interrupts.open, by, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Has a handler run since the call began that ends it? */
static bool is_interrupted(const struct gev__eintr *c)
{
    const struct gev__handled *now = &gev__interrupts.handled;

    atomic_signal_fence(memory_order_seq_cst);
    switch (c->by) {
    case GEV__ALWAYS:
        return now->all != c->mark.all;
    case GEV__UNLESS_RESTART:
        return now->ending != c->mark.ending;
    default:
        return false;
    }
}

static void close_section(struct gev__eintr *c)
{
    int saved = errno;

    set_open(GEV__NOTHING);
    c->open = false;
    (void)gev_interruptible_end();
    errno = saved;
}

int gev__eintr_enter(struct gev__eintr *c)
{
    int saved = errno;

    if (gev_interruptible_begin() < 0) {
        bool nested = errno == EBUSY;

        errno = nested ? EDEADLK : saved; /* else a greenlet's: it just waits */
        return nested ? -1 : 0;
    }
    c->open = true;
    set_open(c->by);
    if (is_interrupted(c)) {
        close_section(c);
        errno = EINTR;
        return -1;
    }
    return 0;
}

int gev__eintr_leave(struct gev__eintr *c, int r)
{
    if (c->open) {
        close_section(c);
        if (r < 0 && (errno == EDEADLK || errno == ENOMEM) &&
            is_interrupted(c)) {
            errno = EINTR;
        }
    }
    return r;
}

void gev__interrupts_note(bool restarts)
{
    struct gev__interrupts *i = &gev__interrupts;

    __atomic_add_fetch(&i->handled.all, 1, __ATOMIC_RELAXED); /* they nest */
    __atomic_add_fetch(&i->handled.ending, !restarts, __ATOMIC_RELAXED);
    if (i->open == GEV__ALWAYS ||
        (i->open == GEV__UNLESS_RESTART && !restarts)) {
        gev_interrupt();
    }
}
