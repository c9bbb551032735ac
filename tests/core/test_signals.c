/* SPDX-License-Identifier: MIT */
/*
 * A signal may come at any instruction of a switch: its handler runs on the
 * stack of that moment and must find room there and harm nothing
 *
 * A timer sends SIGALRM many thousand times a second while greenlets of
 * different depths switch; all frames are checked.
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "core/note.h"
#include "support/proc.h"

#define N_GREENLETS 8
#define ENOUGH      2000 /* signals, if the machine is that fast */

static struct gev_greenlet *top;        /* the test's own greenlet */
static volatile sig_atomic_t n_signals; /* handled so far */
static volatile sig_atomic_t n_odd;     /* handlers that saw something wrong */
static bool running;                    /* greenlets go on */

/* Uses the stack, floating point and errno, as handlers do. */
static void on_alarm(int signo)
{
    volatile unsigned char bytes[1024];
    volatile double x = 1.5;
    int saved_errno = errno;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(0xa0 + signo);
    }
    x = x * 2 + bytes[5];
    errno = (int)x;
    n_odd += !gev_current() || bytes[1023] != (unsigned char)(0xa0 + signo);
    n_signals++;
    errno = saved_errno;
}

static void set_timer(long usec)
{
    struct itimerval t = {{0, usec}, {0, usec}};

    setitimer(ITIMER_REAL, &t, NULL);
}

static int setup(void **state)
{
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

    (void)state;
    top = gev_current();
    n_signals = 0;
    n_odd = 0;
    running = true;
    return sigaction(SIGALRM, &sa, NULL);
}

static int teardown(void **state)
{
    (void)state;
    set_timer(0);
    return signal(SIGALRM, SIG_DFL) == SIG_ERR;
}

/* Cells at several depths; gives the number of switches, or -1 if a cell was
   overwritten. */
static long cells_at(int depth, int key)
{
    volatile long cells[20];
    long n = 0;

    for (int i = 0; i < 20; i++) {
        cells[i] = key * 1000L + i;
    }
    do {
        long below = depth > 0 ? cells_at(depth - 1, key + 1) : 1;

        if (depth == 0) {
            gev_switch(top, NULL, NULL);
        }
        n = below < 0 || n < 0 ? -1 : n + below;
        for (int i = 0; i < 20; i++) {
            n = cells[i] == key * 1000L + i ? n : -1;
        }
    } while (running && n >= 0 && n % 5 != 0);
    return n;
}

static void *switch_in_cells(void *value)
{
    intptr_t me = num_of(value);
    long n = 0;

    while (running && n >= 0) {
        n = cells_at((int)me % 5, (int)me);
    }
    return num(n >= 0);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Switches among the greenlets until there were enough signals, but not for
   more than two seconds. */
static long storm(struct gev_greenlet *const *g)
{
    double end = now() + 2;
    long n_switches = 0;

    set_timer(50);
    while (n_signals < ENOUGH && now() < end) {
        for (int round = 0; round < 100; round++) {
            for (int i = 0; i < N_GREENLETS; i++) {
                n_switches += gev_switch(g[i], num(i), NULL) == 0;
            }
        }
    }
    set_timer(0);
    return n_switches;
}

static void run_storm(size_t private_stack)
{
    struct gev_greenlet *g[N_GREENLETS];
    long n_switches;

    for (int i = 0; i < N_GREENLETS; i++) {
        g[i] = gev_greenlet_new(switch_in_cells, i % 2 ? private_stack : 0);
        assert_non_null(g[i]);
    }
    n_switches = storm(g);
    running = false;
    for (int i = 0; i < N_GREENLETS; i++) {
        while (gev_state(g[i]) != GEV_DEAD) {
            assert_int_equal(gev_switch(g[i], NULL, NULL), 0);
        }
        assert_int_equal(num_of(gev_value(g[i])), 1);
        gev_unref(g[i]);
    }
    assert_true(n_switches >= proc_scale(50000));
    assert_true(n_signals >= proc_scale(500));
    assert_int_equal(n_odd, 0);
}

static void a_signal_storm_harms_no_switch(void **state)
{
    (void)state;
    run_storm(0);
}

static void a_signal_storm_harms_no_switch_to_private_stacks(void **state)
{
    (void)state;
    run_storm(64 << 10);
}

static void *give_back(void *value)
{
    return value;
}

static void a_signal_storm_harms_no_start_nor_end(void **state)
{
    double end = now() + 2;
    long n = 0;

    (void)state;
    set_timer(50);
    while (n_signals < ENOUGH && now() < end) {
        struct gev_greenlet *g = gev_greenlet_new(give_back, 0);
        void *v = NULL;

        gev_switch(g, num(n), &v);
        assert_int_equal(num_of(v), n);
        gev_unref(g);
        n++;
    }
    set_timer(0);
    assert_true(n >= proc_scale(10000));
    assert_int_equal(n_odd, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signal_storm_harms_no_switch, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_signal_storm_harms_no_switch_to_private_stacks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_storm_harms_no_start_nor_end,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
