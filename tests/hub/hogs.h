/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the monitor share: a report function that counts, and
 * greenlets that keep the hub until there has been a report.
 */
#ifndef TESTS_HUB_HOGS_H
#define TESTS_HUB_HOGS_H

#include "run.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include <gev/monitor.h>

#define KEEP  __attribute__((noinline, unused))
#define LIMIT 0.05

static char reports[65536];
static _Atomic int n_reports;
static int wake_fd = -1; /* gets a byte with each report */

/* On the monitor's thread; read once n_reports says so. */
static inline void keep_report(const char *text, void *arg)
{
    size_t len = strlen(reports);

    strncat(reports, text, sizeof reports - len - 1);
    if (wake_fd >= 0) {
        (void)!write(wake_fd, "r", 1);
    }
    atomic_fetch_add(arg ? (_Atomic int *)arg : &n_reports, 1);
}

static inline struct gev_monitor_options options(void)
{
    return (struct gev_monitor_options){
        .size = sizeof(struct gev_monitor_options), .report = keep_report};
}

static inline void start_monitor(double limit)
{
    struct gev_monitor_options o = options();

    assert_int_equal(gev_monitor_start(limit, &o), 0);
}

static int begin_monitor(void **state)
{
    reports[0] = '\0';
    atomic_store(&n_reports, 0);
    wake_fd = -1;
    return begin_test(state);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_monitor, end_test)

static inline void assert_reported(const char *what)
{
    if (!strstr(reports, what)) {
        print_error("no \"%s\" in:\n%s", what, reports);
    }
    assert_non_null(strstr(reports, what));
}

/* Function names need libdw. A loop may have no line: clang says 0. */
static inline void assert_named(const char *what)
{
    if (GEV_HAVE_LIBDW && dlopen("libdw.so.1", RTLD_LAZY)) {
        assert_reported(what);
    }
}

static volatile unsigned long spun; /* keeps calls from becoming jumps */

/* Keeps the CPU until there are so many reports, 20 seconds at most. */
KEEP static void spin_in_the_inner_function(int n)
{
    double end = gev_now() + 20;

    while (atomic_load(&n_reports) < n && (++spun % 1024 || gev_now() < end)) {
    }
}

KEEP static void call_it_deeply(int n, int depth)
{
    if (depth > 0) {
        call_it_deeply(n, depth - 1);
    } else {
        spin_in_the_inner_function(n);
    }
    spun++;
}

KEEP static void *handler(void *arg)
{
    (void)gev_set_name(NULL, "conn");
    call_it_deeply((int)(intptr_t)arg, 2);
    spun++;
    return NULL;
}

#endif
