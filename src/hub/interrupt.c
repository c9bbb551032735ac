/* SPDX-License-Identifier: MIT */
/*
 * An interrupt ends what main waits for, from a signal handler.
 *
 *   main     begin ---- enter ---- park ............... back, -EINTR ---- end
 *   handler     gev_interrupt(): noted, main->interrupt set, loop woken
 *   hub                            poll, on its ev_async: main is parked: wake
 *
 * Happy path: whenever the handler runs, one of three sees it: a call on its way
 * in, by gev_greenlet.interrupt; the park, likewise; or the hub, which libev
 * promises to tell of an ev_async that was sent before or while it sleeps.
 *
 * Failure modes
 *   a kill, an expired scope   theirs is the errno; gev__interrupt_update() puts
 *                              EINTR back when they are gone
 *   the wait ended by itself   its result stands; gev_interruptible_end() tells
 *   no bracket is open         nothing: @interrupted of an earlier one is not
 *                              looked at
 *
 * The handler may run between any two instructions of this thread. So the bits
 * are written in an order (the fences are for the compiler: one thread), and who
 * stores into main's interrupt looks at them after the store.
 */
#include <gev/signal.h>

#include <stdatomic.h>

#include "core/ret.h"
#include "hub/hub.h"
#include "hub/interrupt.h"
#include "hub/wait.h"

static void set(bool *bit, bool value)
{
    atomic_signal_fence(memory_order_seq_cst);
    __atomic_store_n(bit, value, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
}

static bool is_set(const bool *bit)
{
    return __atomic_load_n(bit, __ATOMIC_RELAXED);
}

/* A bracket is open and an interrupt has come. */
static bool is_due(const struct gev__hub *hub)
{
    return is_set(&hub->interruptible) && is_set(&hub->interrupted);
}

static int begin(void)
{
    struct gev__hub *hub;
    int rc = gev__hub_start(&hub);

    if (rc < 0) {
        return rc;
    }
    if (hub->core->current != hub->core->main) {
        return -EPERM;
    }
    if (hub->interruptible) {
        return -EBUSY;
    }
    hub->n_wakeable++; /* by a signal */
    set(&hub->interrupted, false);
    set(&hub->interruptible, true);
    return 0;
}

int gev_interruptible_begin(void)
{
    return (int)gev__ret(begin());
}

void gev__interrupt_close(struct gev__hub *hub)
{
    if (!hub->interruptible) {
        return;
    }
    set(&hub->interruptible, false);
    hub->n_wakeable--;
    if (hub->core->main->interrupt == EINTR) {
        hub->core->main->interrupt = 0;
    }
}

int gev_interruptible_end(void)
{
    struct gev__hub *hub = gev__hub_tls;

    if (!hub || !hub->interruptible || hub->core->current != hub->core->main) {
        return (int)gev__ret(-EINVAL);
    }
    gev__interrupt_close(hub);
    return is_set(&hub->interrupted);
}

void gev_interrupt(void)
{
    struct gev__hub *hub = gev__hub_tls;

    if (!hub || !is_set(&hub->interruptible)) {
        return;
    }
    set(&hub->interrupted, true);
    gev__interrupt_fold(hub, hub->core->main);
    gev__loop_wake(&hub->loop);
}

void gev__interrupt_fold(const struct gev__hub *hub, struct gev_greenlet *g)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (!g->interrupt && g == hub->core->main && is_due(hub)) {
        g->interrupt = EINTR;
    }
}

void gev__interrupt_on_async(struct gev__hub *hub)
{
    struct gev_greenlet *main = hub->core->main;

    if (is_due(hub) && main->hub_state == GEV__PARKED &&
        !(main->flags & GEV__DEAF)) {
        gev__wake(main, gev__seq(main), -main->interrupt);
    }
}
