/* SPDX-License-Identifier: MIT */
/*
 * sleep, usleep, nanosleep, clock_nanosleep
 *
 * A sleep that a signal ends early gives the time left, and so does one that a kill or
 * a scope ends.
 */
#include <errno.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include <gev/hub.h>

#include "patch/guard.h"
#include "patch/interrupt.h"
#include "patch/real.h"

#define NSEC_PER_SEC 1000000000L
#define USEC_PER_SEC 1e6
#define DOZE         1.0 /* between looks at a clock that may be set */

static double secs_of(const struct timespec *t)
{
    return (double)t->tv_sec + (double)t->tv_nsec / NSEC_PER_SEC;
}

static bool is_time(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < NSEC_PER_SEC;
}

/* gev_sleep(); the system's where a wait was left by longjmp(3), and without memory.
   Return: 0, or the errno. */
static int doze(struct gev__eintr *e, double secs)
{
    int saved = errno, rc = 0;

    if (gev__eintr_enter(e) < 0 || gev__eintr_leave(e, gev_sleep(secs)) < 0) {
        rc = errno;
    }
    if (rc == EDEADLK || rc == ENOMEM) {
        struct timespec t = {.tv_sec = (time_t)secs};

        t.tv_nsec = (long)((secs - (double)t.tv_sec) * NSEC_PER_SEC);
        rc = GEV__REAL(nanosleep)(&t, NULL) < 0 ? errno : 0;
    }
    errno = saved;
    return rc;
}

static void store_left(struct timespec *t, double until)
{
    double left = until - gev_now();

    if (!t) {
        return;
    }
    left = left > 0 ? left : 0;
    t->tv_sec = (time_t)left;
    t->tv_nsec = (long)((left - (double)t->tv_sec) * NSEC_PER_SEC);
}

/* Return: 0, or the errno with what is left in @left. */
static int sleep_for(const struct timespec *t, struct timespec *left)
{
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);
    double until = gev_now() + secs_of(t);
    int rc = doze(&e, secs_of(t));

    if (rc) {
        store_left(left, until);
    }
    return rc;
}

/* Whole seconds left of a sleep that ended early. After a signal libc drops the part
   of a second; a kill is always told. */
static unsigned whole_left(double until, int why)
{
    double left = fmax(until - gev_now(), 0);

    return (unsigned)(why == EINTR ? left : ceil(left));
}

GEV__INTERPOSED unsigned sleep(unsigned secs)
{
    int go = GEV__GUARD(time, sleep), rc;
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);
    double until;

    if (go == GEV__PASS) {
        return GEV__REAL(sleep)(secs);
    }
    until = gev_now() + secs;
    gev__count_waited(GEV__N_sleep);
    rc = go < 0 ? errno : doze(&e, secs);
    if (rc) {
        errno = rc;
    }
    return rc ? whole_left(until, rc) : 0;
}

GEV__INTERPOSED int usleep(useconds_t usec)
{
    int go = GEV__GUARD(time, usleep), rc;
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(usleep)(usec);
    }
    gev__count_waited(GEV__N_usleep);
    rc = doze(&e, usec / USEC_PER_SEC);
    if (rc) {
        errno = rc;
    }
    return rc ? -1 : 0;
}

GEV__INTERPOSED int nanosleep(const struct timespec *t, struct timespec *left)
{
    int go = GEV__GUARD(time, nanosleep), rc;

    if (go == GEV__COOPERATE && (!t || !is_time(t))) {
        go = GEV__PASS; /* to be refused */
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(nanosleep)(t, left);
    }
    gev__count_waited(GEV__N_nanosleep);
    rc = sleep_for(t, left);
    if (rc) {
        errno = rc;
    }
    return rc ? -1 : 0;
}

/* Until a clock says so; it may be set meanwhile. */
static int sleep_until(clockid_t clock, const struct timespec *t)
{
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);
    struct timespec now;
    double left;
    int rc = 0;

    while (rc == 0) {
        clock_gettime(clock, &now);
        left = (double)(t->tv_sec - now.tv_sec) +
               (double)(t->tv_nsec - now.tv_nsec) / NSEC_PER_SEC;
        if (left <= 0) {
            return 0;
        }
        rc = doze(&e, left < DOZE || clock == CLOCK_MONOTONIC ? left : DOZE);
    }
    return rc;
}

GEV__INTERPOSED int clock_nanosleep(clockid_t clock, int flags,
                                    const struct timespec *t,
                                    struct timespec *left)
{
    int go = GEV__GUARD(time, clock_nanosleep);

    if (go == GEV__COOPERATE &&
        (!t || !is_time(t) || (flags & ~TIMER_ABSTIME) ||
         (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME &&
          clock != CLOCK_BOOTTIME && clock != CLOCK_TAI))) {
        go = GEV__PASS;
    }
    if (go != GEV__COOPERATE) {
        return go < 0 ? errno
                      : GEV__REAL(clock_nanosleep)(clock, flags, t, left);
    }
    gev__count_waited(GEV__N_clock_nanosleep);
    return flags & TIMER_ABSTIME ? sleep_until(clock, t) : sleep_for(t, left);
}
