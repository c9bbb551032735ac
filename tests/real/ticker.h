/* SPDX-License-Identifier: MIT */
/*
 * A greenlet that ticks beside what a test does, and what the programs of this
 * folder say at their end, for the scripts to read
 */
#ifndef TESTS_REAL_TICKER_H
#define TESTS_REAL_TICKER_H

#include <dirent.h>
#include <math.h>
#include <stdio.h>

#include <gev.h>

#define TICK 0.005 /* seconds */

static double ticker_latest; /* seconds */
static double ticker_ours;   /* the same without what follows */

/* Seconds that this thread was ready to run and another program ran. */
static inline double stolen(void)
{
    unsigned long long ns = 0;
    FILE *f = fopen("/proc/thread-self/schedstat", "r");

    if (f) {
        (void)fscanf(f, "%*u %llu", &ns);
        fclose(f);
    }
    return (double)ns * 1e-9;
}
static struct gev_greenlet *ticker_greenlet;

static inline void *ticker_run(void *unused)
{
    double due = gev_now() + TICK, before = stolen();

    while (gev_sleep(TICK) == 0) {
        double late = gev_now() - due, after = stolen();

        ticker_latest = fmax(ticker_latest, late);
        ticker_ours = fmax(ticker_ours, late - (after - before));
        due = gev_now() + TICK;
        before = after;
    }
    return unused;
}

static inline void ticker_start(void)
{
    ticker_latest = 0;
    ticker_greenlet = gev_spawn(ticker_run, NULL);
}

/* Ends it; says how late its latest tick was. */
static inline void ticker_stop(void)
{
    (void)gev_kill(ticker_greenlet, GEV_FOREVER);
    gev_unref(ticker_greenlet);
    printf("tick_ms %.1f\nours_ms %.1f\n", ticker_latest * 1e3,
           ticker_ours * 1e3);
}

/* How many threads this process has. */
static inline int n_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = -2; /* . and .. */

    while (d && readdir(d)) {
        n++;
    }
    if (d) {
        closedir(d);
    }
    return n;
}

#endif
