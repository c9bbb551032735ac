/* SPDX-License-Identifier: MIT */
/*
 * gev_interruptible_begin, gev_interruptible_end, gev_interrupt: main's wait ends
 * whenever the handler runs, nothing else does, and nothing is left behind
 */
#include "run.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

/* In the child nothing may be asserted: it ends with a line number, or 0. */
#define MUST(cond) ((cond) ? (void)0 : _exit(__LINE__ % 200 + 1))

static _Atomic int n_handled;

static void handle(int signo)
{
    (void)signo;
    errno = EDOM; /* a handler may, and gev_interrupt() does not */
    gev_interrupt();
    n_handled += errno == EDOM;
    errno = 0;
}

/* The signal comes by itself, while others run or everybody sleeps. */
static void alarm_soon(void)
{
    struct itimerval t = {.it_value = {0, 20000}};

    setitimer(ITIMER_REAL, &t, NULL);
}

static int begin_handled(void **state)
{
    struct sigaction act = {.sa_handler = handle, .sa_flags = SA_RESTART};

    n_handled = 0;
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGALRM, &act, NULL);
    return begin_test(state);
}

static int end_handled(void **state)
{
    signal(SIGUSR1, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    return end_test(state);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_handled, end_handled)

static void *interrupt(void *arg)
{
    note('i');
    gev_interrupt();
    return arg;
}

static void one_before_the_wait_ends_it(void **state)
{
    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    gev_interrupt();
    assert_fails(gev_sleep(GEV_FOREVER), EINTR);
    assert_int_equal(gev_interruptible_end(), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void one_while_parked_ends_the_wait(void **state)
{
    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_int_equal(gev_go(interrupt, NULL), 0);
    assert_fails(gev_sleep(GEV_FOREVER), EINTR);
    assert_string_equal(run_log, "i");
    assert_int_equal(gev_interruptible_end(), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void a_raised_signal_ends_the_next_wait(void **state)
{
    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    raise(SIGUSR1);
    assert_int_equal(n_handled, 1);
    assert_fails(gev_sleep(GEV_FOREVER), EINTR);
    assert_int_equal(gev_interruptible_end(), 1);
}

static void a_signal_ends_a_wait_in_the_kernel(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    alarm_soon();
    assert_fails(gev_wait_fd(fds[0], GEV_READ, GEV_FOREVER), EINTR);
    assert_int_equal(n_handled, 1);
    assert_int_equal(gev_interruptible_end(), 1);
    assert_fails(gev_wait_fd(fds[0], GEV_READ, 0.001), ETIMEDOUT);
    close(fds[0]);
    close(fds[1]);
}

static void *compute_until_handled(void *arg)
{
    volatile unsigned *n = arg;

    while (n_handled == 0) {
        ++*n;
    }
    note('c');
    return NULL;
}

static void a_signal_while_others_compute_ends_it_afterwards(void **state)
{
    unsigned n = 0;

    (void)state;
    assert_int_equal(gev_go(compute_until_handled, &n), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    alarm_soon();
    assert_fails(gev_sleep(GEV_FOREVER), EINTR);
    assert_string_equal(run_log, "c");
    assert_int_equal(gev_interruptible_end(), 1);
}

static void outside_it_is_nothing(void **state)
{
    (void)state;
    gev_interrupt(); /* without a hub */
    assert_int_equal(gev_sleep(0.001), 0);
    gev_interrupt();
    assert_int_equal(gev_sleep(0.001), 0);
    raise(SIGUSR1);
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_interruptible_end(), 0);
    raise(SIGUSR1);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(n_handled, 2);
}

static void what_nobody_waited_for_is_forgotten(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_interruptible_begin(), 0);
        gev_interrupt(); /* and the hub has not been told yet */
        assert_int_equal(gev_interruptible_end(), 1);
        assert_int_equal(gev_interruptible_begin(), 0);
        assert_int_equal(gev_sleep(0.001), 0);
        assert_int_equal(gev_interruptible_end(), 0);
    }
}

static void a_second_one_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_int_equal(gev_go(interrupt, NULL), 0);
    assert_int_equal(gev_go(interrupt, NULL), 0);
    assert_fails(gev_sleep(GEV_FOREVER), EINTR);
    gev_interrupt();
    assert_fails(gev_sleep(GEV_FOREVER), EINTR); /* until the end */
    assert_int_equal(gev_interruptible_end(), 1);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_string_equal(run_log, "ii");
}

static void *compute_2_ms(void *arg)
{
    for (double end = gev_now() + 0.002; gev_now() < end;) {
    }
    return arg;
}

static void a_result_that_was_there_first_stands(void **state)
{
    (void)state;
    gev_unref(gev_spawn_later(0.0005, interrupt, NULL));
    assert_int_equal(gev_go(compute_2_ms, NULL), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_int_equal(gev_sleep(0.001),
                     0); /* it ended before the greenlet ran */
    assert_string_equal(run_log, "i");
    assert_int_equal(gev_interruptible_end(), 1);
}

static void a_shield_does_not_keep_it_out(void **state)
{
    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_int_equal(gev_shield_begin(), 0);
    assert_int_equal(gev_go(interrupt, NULL), 0);
    assert_fails(gev_sleep(20), EINTR);
    assert_int_equal(gev_shield_end(), 0);
    assert_fails(gev_sleep(20), EINTR);
    assert_int_equal(gev_shield_begin(), 0);
    assert_int_equal(gev_interruptible_end(), 1);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_shield_end(), 0);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void an_expired_scope_comes_first(void **state)
{
    int64_t id = gev_timeout_push(0.001);

    (void)state;
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_interruptible_begin(), 0);
    gev_interrupt();
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_fails(gev_sleep(20), EINTR); /* it is not lost */
    assert_int_equal(gev_interruptible_end(), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

static void a_scope_that_expires_later_comes_first_too(void **state)
{
    int64_t id;

    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    gev_interrupt();
    id = gev_timeout_push(0);
    assert_int_equal(gev_shield_begin(), 0);
    assert_int_equal(gev_shield_end(), 0); /* the clock is looked at */
    assert_fails(gev_sleep(20), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_fails(gev_sleep(20), EINTR);
    assert_int_equal(gev_interruptible_end(), 1);
    assert_int_equal(gev_sleep(0.001), 0);
}

struct held {
    struct gev_lock *lock;
    struct gev_condition *condition;
};

static void *interrupt_with_the_lock(void *arg)
{
    struct held *h = arg;

    note(gev_lock_acquire(h->lock, GEV_FOREVER) == 0 ? 'l' : '!');
    gev_interrupt();
    (void)gev_sleep(0.01); /* main would like to have it back */
    gev_interrupt();       /* and is told again */
    (void)gev_sleep(0.01);
    note('r');
    gev_lock_release(h->lock);
    return NULL;
}

static void main_has_its_lock_back_nevertheless(void **state)
{
    struct held h = {.lock = gev_lock_new(0)};

    (void)state;
    h.condition = gev_condition_new(h.lock);
    assert_int_equal(gev_lock_acquire(h.lock, 1), 0);
    assert_int_equal(gev_go(interrupt_with_the_lock, &h), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_fails(gev_condition_wait(h.condition, 20), EINTR);
    assert_string_equal(run_log, "lr");
    assert_int_equal(gev_interruptible_end(), 1);
    gev_lock_release(h.lock);
    gev_condition_free(h.condition);
    gev_lock_free(h.lock);
}

static long sleep_a_little(void *arg)
{
    (void)arg;
    return gev_sleep(0.03);
}

static void other_greenlets_waits_go_on(void **state)
{
    struct job j = {.fn = sleep_a_little};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    alarm_soon();
    assert_fails(gev_join(g, GEV_FOREVER), EINTR);
    assert_int_equal(gev_interruptible_end(), 1);
    finish(g);
    assert_outcome(j.out, 0, 0);
}

static void keep_quiet(const char *text, void *arg)
{
    (void)text;
    (void)arg;
}

static void a_signal_can_wake_main_so_it_is_no_deadlock(void **state)
{
    (void)state;
    assert_int_equal(gev_set_report(keep_quiet, NULL), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    alarm_soon();
    assert_fails(gev_sleep(GEV_FOREVER), EINTR);
    assert_int_equal(gev_interruptible_end(), 1);
    assert_fails(gev_sleep(GEV_FOREVER), EDEADLK); /* now nothing can */
}

static long begin_elsewhere(void *arg)
{
    (void)arg;
    return gev_interruptible_begin();
}

static long end_elsewhere(void *arg)
{
    (void)arg;
    return gev_interruptible_end();
}

static void only_main_opens_it_and_once(void **state)
{
    (void)state;
    assert_fails(gev_interruptible_end(), EINVAL); /* without a hub */
    assert_int_equal(gev_init(), 0);
    assert_fails(gev_interruptible_end(), EINVAL);
    assert_outcome(in_greenlet(begin_elsewhere, NULL), -1, EPERM);
    assert_outcome(on_hub(begin_elsewhere, NULL), -1, EPERM);
    assert_int_equal(gev_interruptible_begin(), 0);
    assert_fails(gev_interruptible_begin(), EBUSY);
    assert_outcome(in_greenlet(begin_elsewhere, NULL), -1, EPERM);
    assert_outcome(in_greenlet(end_elsewhere, NULL), -1, EINVAL);
    assert_outcome(on_hub(end_elsewhere, NULL), -1, EINVAL);
    assert_int_equal(gev_interruptible_end(), 0);
    assert_fails(gev_interruptible_end(), EINVAL);
}

static void a_shutdown_closes_it(void **state)
{
    (void)state;
    assert_int_equal(gev_interruptible_begin(), 0);
    gev_interrupt();
    assert_int_equal(gev_shutdown(), 0);
    gev_interrupt();
    assert_int_equal(gev_sleep(0.001), 0);
    assert_fails(gev_interruptible_end(), EINVAL);
}

/* Calls in it do not yield for their budget: the caller may be a handler. */
static void in_it_main_does_not_yield(void **state)
{
    (void)state;
    assert_int_equal(gev_go(note_and_end, LETTER('o')), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(gev_checkpoint(), 0);
    }
    assert_string_equal(run_log, "");
    assert_int_equal(gev_interruptible_end(), 0);
    assert_int_equal(gev_checkpoint(), 0);
    assert_string_equal(run_log, "o");
}

static void it_works_in_the_child_of_a_fork(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_interruptible_begin(), 0);
    pid = fork();
    if (pid == 0) {
        errno = 0;
        alarm_soon();
        MUST(gev_sleep(GEV_FOREVER) == -1 && errno == EINTR);
        MUST(gev_interruptible_end() == 1);
        MUST(gev_interruptible_begin() == 0);
        raise(SIGUSR1);
        MUST(gev_sleep(GEV_FOREVER) == -1 && errno == EINTR);
        MUST(gev_interruptible_end() == 1);
        MUST(gev_set_report(keep_quiet, NULL) == 0);
        MUST(gev_sleep(GEV_FOREVER) == -1 && errno == EDEADLK);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(gev_sleep(0.001), 0); /* the child's is not the parent's */
    assert_int_equal(gev_interruptible_end(), 0);
}

static void *fork_here(void *arg)
{
    pid_t *pid = arg;

    *pid = fork();
    if (*pid == 0) { /* main is not in this process */
        gev_interrupt();
        MUST(gev_sleep(0.001) == 0);
        gev_interrupt();
        MUST(gev_sleep(0.001) == 0);
        signal(SIGALRM, SIG_DFL);
        alarm(10); /* with its end the process does, or waits for signals */
    }
    return NULL;
}

static void it_is_closed_where_main_was_dropped(void **state)
{
    struct gev_greenlet *g;
    int status = 0;
    pid_t pid = -1;

    (void)state;
    g = gev_spawn(fork_here, &pid);
    assert_int_equal(gev_interruptible_begin(), 0);
    finish(g);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(gev_interruptible_end(), 0);
}

/* A thread that answers each open section with one signal, sooner or later. */
struct sender {
    pthread_t target;
    _Atomic int turn; /* counted up by main: send one; -1: end */
};

static void *send_one_each(void *arg)
{
    struct sender *s = arg;
    int seen = 0;

    for (int turn; (turn = s->turn) >= 0;) {
        if (turn == seen) {
            continue;
        }
        for (volatile int i = 0; i < turn * 7 % 5000; i++) {
        }
        pthread_kill(s->target, SIGUSR1);
        seen = turn;
    }
    return NULL;
}

static void none_is_lost_whenever_it_comes(void **state)
{
    struct sender s = {.target = pthread_self()};
    int n = getenv("GEV_TEST_SLOW") ? 200 : 5000;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, send_one_each, &s), 0);
    for (int i = 1; i <= n; i++) {
        assert_int_equal(gev_interruptible_begin(), 0);
        s.turn = i;
        assert_fails(gev_sleep(GEV_FOREVER), EINTR); /* or it hangs */
        assert_int_equal(gev_interruptible_end(), 1);
        assert_int_equal(n_handled, i);
    }
    s.turn = -1;
    pthread_join(t, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_before_the_wait_ends_it),
        TEST(one_while_parked_ends_the_wait),
        TEST(a_raised_signal_ends_the_next_wait),
        TEST(a_signal_ends_a_wait_in_the_kernel),
        TEST(a_signal_while_others_compute_ends_it_afterwards),
        TEST(outside_it_is_nothing),
        TEST(what_nobody_waited_for_is_forgotten),
        TEST(a_second_one_changes_nothing),
        TEST(a_result_that_was_there_first_stands),
        TEST(a_shield_does_not_keep_it_out),
        TEST(an_expired_scope_comes_first),
        TEST(a_scope_that_expires_later_comes_first_too),
        TEST(main_has_its_lock_back_nevertheless),
        TEST(other_greenlets_waits_go_on),
        TEST(a_signal_can_wake_main_so_it_is_no_deadlock),
        TEST(only_main_opens_it_and_once),
        TEST(a_shutdown_closes_it),
        TEST(in_it_main_does_not_yield),
        TEST(it_works_in_the_child_of_a_fork),
        TEST(it_is_closed_where_main_was_dropped),
        TEST(none_is_lost_whenever_it_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
