/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls of the hub
 */
#include "hub/run.h"

#include <signal.h>

#include "sync/every_wait.h"

static struct gev_greenlet *other; /* a greenlet that sleeps for ever */

static void begin_other(void)
{
    other = gev_spawn(sleep_for_ever, NULL);
    assert_int_equal(gev_yield(), 0);
}

static void end_other_now(void)
{
    assert_int_equal(gev_kill(other, 0), 0);
}

static void end_other(void)
{
    assert_int_equal(gev_kill(other, 10), 0);
    gev_unref(other);
}

static long join_call(double timeout)
{
    return gev_join(other, timeout);
}

static long joinall_call(double timeout)
{
    struct gev_greenlet *v[] = {NULL, other};

    return gev_joinall(v, 2, timeout);
}

/* One that is deaf to a kill until it is woken. */
static struct gev_event *enough;

static void *shielded(void *arg)
{
    (void)gev_shield_begin();
    (void)gev_event_wait(arg, GEV_FOREVER);
    (void)gev_shield_end();
    return NULL;
}

static void begin_shielded(void)
{
    enough = gev_event_new();
    other = gev_spawn(shielded, enough);
    assert_int_equal(gev_yield(), 0);
}

static void set_enough(void)
{
    assert_int_equal(gev_event_set(enough), 0);
}

static void end_shielded(void)
{
    set_enough();
    end_other();
    assert_int_equal(gev_event_free(enough), 0);
}

static long kill_call(double timeout)
{
    return gev_kill(other, timeout);
}

static long killall_call(double timeout)
{
    return gev_killall(&other, 1, timeout);
}

static void nothing(void)
{
}

/* Long enough to be seen waiting. */
static long sleep_call(double timeout)
{
    (void)timeout;
    return gev_sleep(0.02);
}

static long sigwait_call(double timeout)
{
    return gev_sigwait(SIGUSR1, timeout);
}

static void raise_it(void)
{
    assert_int_equal(raise(SIGUSR1), 0);
}

const struct wait_row waits_of_hub[] = {
    WAIT_ROW(sleep, false, nothing, nothing, nothing),
    WAIT_ROW(join, true, begin_other, end_other_now, end_other),
    WAIT_ROW(joinall, true, begin_other, end_other_now, end_other),
    WAIT_ROW(kill, false, begin_shielded, set_enough, end_shielded),
    WAIT_ROW(killall, false, begin_shielded, set_enough, end_shielded),
    WAIT_ROW(sigwait, true, nothing, raise_it, nothing),
    {0},
};
