/* SPDX-License-Identifier: MIT */
/*
 * gev_monitor_start: no false alarm, and starting and stopping, forks, threads,
 * and the signal, which others may use too
 */
#include "hogs.h"

#include <sys/wait.h>

#include "support/fault.h"

static void an_idle_hub_is_no_hog(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleep_for_ever, NULL);

    (void)state;
    start_monitor(LIMIT);
    assert_int_equal(gev_sleep(10 * LIMIT), 0);
    assert_int_equal(gev_monitor_stop(), 0);
    assert_string_equal(reports, "");
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void main_alone_keeps_nobody_waiting(void **state)
{
    double end = gev_now() + 10 * LIMIT;

    (void)state;
    start_monitor(LIMIT);
    while (gev_now() < end) {
        spun++;
    }
    assert_int_equal(gev_monitor_stop(), 0);
    assert_string_equal(reports, "");
}

static void *work_in_pieces(void *arg)
{
    double end = gev_now() + 0.8;

    while (gev_now() < end) {
        double piece = gev_now() + 0.01;

        while (gev_now() < piece) {
            spun++;
        }
        (void)gev_yield();
    }
    return arg;
}

/* A child that works in pieces, and is stopped for longer than the limit. */
static void a_process_that_was_stopped_has_no_hog(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        struct gev_monitor_options o = options();
        struct gev_greenlet *g;

        (void)!gev_monitor_start(0.25, &o);
        g = gev_spawn(work_in_pieces, NULL);
        (void)gev_join(g, 20);
        (void)gev_monitor_stop();
        _exit(atomic_load(&n_reports));
    }
    assert_true(child > 0);
    usleep(200000);
    assert_int_equal(kill(child, SIGSTOP), 0);
    usleep(600000);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void it_can_be_started_and_stopped_again_and_again(void **state)
{
    (void)state;
    assert_fails(gev_monitor_stop(), EINVAL);
    for (int i = 0; i < 50; i++) {
        start_monitor(0.001);
        assert_fails(gev_monitor_start(1, NULL), EBUSY);
        assert_int_equal(gev_yield(), 0);
        assert_int_equal(gev_monitor_stop(), 0);
    }
    assert_fails(gev_monitor_stop(), EINVAL);
    start_monitor(1); /* the end of the hub stops it */
}

static void a_childs_monitor_is_its_own(void **state)
{
    pid_t child;
    int status;

    (void)state;
    start_monitor(LIMIT);
    child = fork();
    if (child == 0) {
        struct gev_monitor_options o = options();
        int wrong = gev_monitor_stop() == 0; /* it was not inherited */

        wrong |= gev_monitor_start(LIMIT, &o) < 0;
        (void)gev_join(gev_spawn(handler, LETTER(1)), 20);
        wrong |= atomic_load(&n_reports) != 1;
        wrong |= gev_monitor_stop() < 0;
        _exit(wrong);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(gev_monitor_stop(), 0);
}

static void *hub_of_its_own(void *arg)
{
    struct gev_monitor_options o = options();
    struct gev_greenlet *g;

    o.arg = arg;
    if (gev_monitor_start(LIMIT, &o) < 0) {
        return NULL;
    }
    g = gev_spawn(sleep_for_ever, NULL);
    (void)gev_yield();
    while (atomic_load((_Atomic int *)arg) < 1) {
        spun++;
    }
    (void)gev_monitor_stop();
    (void)gev_kill(g, 20);
    gev_unref(g);
    return arg;
}

static void each_thread_has_a_monitor(void **state)
{
    static _Atomic int told[2];
    pthread_t threads[2];
    void *ok;

    (void)state;
    for (int i = 0; i < 2; i++) {
        atomic_store(&told[i], 0);
        assert_int_equal(
            pthread_create(&threads[i], NULL, hub_of_its_own, &told[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &ok), 0);
        assert_ptr_equal(ok, &told[i]);
    }
}

static volatile sig_atomic_t n_urgent;

static void on_urgent(int signo)
{
    (void)signo;
    n_urgent++;
}

static void other_peoples_signals_are_handed_on(void **state)
{
    struct sigaction sa = {.sa_handler = on_urgent};
    struct sigaction now;

    (void)state;
    n_urgent = 0;
    assert_int_equal(sigaction(SIGURG, &sa, NULL), 0);
    start_monitor(LIMIT);
    raise(SIGURG);
    assert_int_equal(n_urgent, 1);
    finish(gev_spawn(handler, LETTER(1)));
    assert_int_equal(n_urgent, 1); /* that was the monitor's */
    assert_int_equal(gev_monitor_stop(), 0);
    assert_int_equal(sigaction(SIGURG, NULL, &now), 0);
    assert_ptr_equal(now.sa_handler, on_urgent);
    signal(SIGURG, SIG_DFL);
}

static void another_signal_will_do(void **state)
{
    struct gev_monitor_options o = options();

    (void)state;
    o.signo = SIGUSR2;
    assert_int_equal(gev_monitor_start(LIMIT, &o), 0);
    finish(gev_spawn(handler, LETTER(1)));
    assert_named("spin_in_the_inner_function() ");
}

static void a_thread_that_blocks_the_signal_is_reported_without(void **state)
{
    struct sigaction sa = {.sa_handler = on_urgent};
    sigset_t set;

    (void)state;
    n_urgent = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    assert_int_equal(sigaction(SIGURG, &sa, NULL), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    start_monitor(LIMIT);
    finish(gev_spawn(handler, LETTER(1)));
    assert_reported("its thread does not take signal");
    assert_int_equal(gev_monitor_stop(), 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    assert_int_equal(n_urgent, 0); /* the late one went nowhere */
    signal(SIGURG, SIG_DFL);
}

static void a_start_that_fails_leaves_nothing(void **state)
{
    struct gev_monitor_options o = options();
    struct sigaction now;

    (void)state;
    o.max_rss = SIZE_MAX / 2;
    assert_int_equal(gev_init(), 0);
    for (long k = 1;; k++) {
        int r;

        errno = 0;
        fault_arm(FAULT_ALLOC | FAULT_THREAD | FAULT_SIGNAL, k, EAGAIN);
        r = gev_monitor_start(1, &o);
        if (!fault_disarm()) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(r, -1);
        assert_true(errno == EAGAIN || errno == ENOMEM);
        assert_fails(gev_monitor_stop(), EINVAL);
        assert_int_equal(sigaction(SIGURG, NULL, &now), 0);
        assert_true(now.sa_handler == SIG_DFL);
    }
    assert_int_equal(gev_monitor_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_idle_hub_is_no_hog),
        TEST(main_alone_keeps_nobody_waiting),
        TEST(a_process_that_was_stopped_has_no_hog),
        TEST(it_can_be_started_and_stopped_again_and_again),
        TEST(a_childs_monitor_is_its_own),
        TEST(each_thread_has_a_monitor),
        TEST(other_peoples_signals_are_handed_on),
        TEST(another_signal_will_do),
        TEST(a_thread_that_blocks_the_signal_is_reported_without),
        TEST(a_start_that_fails_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
