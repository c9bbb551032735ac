/* SPDX-License-Identifier: MIT */
/*
 * gev_signal, gev_signal_cancel, gev_sigwait: who is called, who has a signal,
 * and what is left afterwards
 */
#include "run.h"

#include <pthread.h>
#include <signal.h>

static void note_signal(int signo, void *arg)
{
    note(gev_is_hub() && signo == SIGUSR1 ? (char)(intptr_t)arg : '!');
}

/* Raises it and lets the hub see it. */
static void raise_and_poll(int signo)
{
    size_t had = run_log_len;

    raise(signo);
    for (int i = 0; i < 1000 && run_log_len == had; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
}

static void a_signal_calls_on_the_hub(void **state)
{
    struct gev_signal *s = gev_signal(SIGUSR1, note_signal, LETTER('a'));

    (void)state;
    assert_non_null(s);
    raise_and_poll(SIGUSR1);
    raise_and_poll(SIGUSR1);
    assert_string_equal(run_log, "aa");
    gev_signal_cancel(s);
}

static void several_watch_the_same_signal_in_order(void **state)
{
    struct gev_signal *a = gev_signal(SIGUSR1, note_signal, LETTER('a'));
    struct gev_signal *b = gev_signal(SIGUSR1, note_signal, LETTER('b'));
    struct gev_signal *c = gev_signal(SIGUSR1, note_signal, LETTER('c'));

    (void)state;
    raise_and_poll(SIGUSR1);
    gev_signal_cancel(b);
    raise_and_poll(SIGUSR1);
    assert_string_equal(run_log, "abcac");
    gev_signal_cancel(a);
    gev_signal_cancel(c);
}

static struct gev_signal *watchers[3];

static void cancel_them(int signo, void *arg)
{
    (void)signo;
    note((char)(intptr_t)arg);
    for (int i = 0; i < 3; i++) {
        gev_signal_cancel(watchers[i]);
        watchers[i] = NULL;
    }
}

static void a_callback_may_cancel_all_watchers(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        watchers[i] = gev_signal(SIGUSR1, cancel_them, LETTER('a' + i));
        assert_non_null(watchers[i]);
    }
    raise_and_poll(SIGUSR1);
    assert_string_equal(run_log, "a");
}

static void add_one(int signo, void *arg)
{
    struct gev_signal **ret = arg;

    note('a');
    *ret = gev_signal(signo, note_signal, LETTER('n'));
}

static void a_watcher_added_in_a_callback_waits_for_the_next(void **state)
{
    struct gev_signal *fresh = NULL;
    struct gev_signal *s = gev_signal(SIGUSR1, add_one, &fresh);

    (void)state;
    raise_and_poll(SIGUSR1);
    assert_string_equal(run_log, "a");
    gev_signal_cancel(s);
    raise_and_poll(SIGUSR1);
    assert_string_equal(run_log, "an");
    gev_signal_cancel(fresh);
}

static void former(int signo)
{
    (void)signo;
    note('f');
}

static void afterwards_the_former_disposition_is_back(void **state)
{
    struct sigaction act = {.sa_handler = former, .sa_flags = SA_RESTART};
    struct sigaction now;
    struct gev_signal *s;

    (void)state;
    sigaction(SIGUSR1, &act, NULL);
    s = gev_signal(SIGUSR1, note_signal, LETTER('a'));
    raise_and_poll(SIGUSR1);
    gev_signal_cancel(s);
    sigaction(SIGUSR1, NULL, &now);
    assert_ptr_equal(now.sa_handler, former);
    assert_int_equal(now.sa_flags & SA_RESTART, SA_RESTART);
    raise(SIGUSR1);
    assert_string_equal(run_log, "af");
    assert_fails(gev_sigwait(SIGUSR1, 0.001), ETIMEDOUT);
    sigaction(SIGUSR1, NULL, &now);
    assert_ptr_equal(now.sa_handler, former);
    signal(SIGUSR1, SIG_DFL);
}

static void shutdown_cancels_watchers(void **state)
{
    struct sigaction now;

    (void)state;
    signal(SIGUSR1, SIG_IGN);
    assert_non_null(gev_signal(SIGUSR1, note_signal, LETTER('a')));
    assert_int_equal(gev_shutdown(), 0);
    sigaction(SIGUSR1, NULL, &now);
    assert_ptr_equal(now.sa_handler, SIG_IGN);
    signal(SIGUSR1, SIG_DFL);
}

static void a_watcher_does_not_keep_run_going(void **state)
{
    struct gev_signal *s = gev_signal(SIGUSR1, note_signal, LETTER('a'));

    (void)state;
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    gev_signal_cancel(s);
}

static long watch_with_local(void *arg)
{
    int local = 0;

    (void)arg;
    return gev_signal(SIGUSR1, note_signal, &local) ? 0 : -1;
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    gev_signal_cancel(NULL);
    assert_no_pointer(gev_signal(SIGUSR1, NULL, NULL), EINVAL);
    assert_no_pointer(gev_signal(0, note_signal, NULL), EINVAL);
    assert_no_pointer(gev_signal(-1, note_signal, NULL), EINVAL);
    assert_no_pointer(gev_signal(1000, note_signal, NULL), EINVAL);
    assert_no_pointer(gev_signal(SIGKILL, note_signal, NULL), EINVAL);
    assert_no_pointer(gev_signal(SIGSTOP, note_signal, NULL), EINVAL);
    assert_no_pointer(gev_signal(32, note_signal, NULL), EINVAL);
    assert_fails(gev_sigwait(0, 1), EINVAL);
    assert_fails(gev_sigwait(SIGUSR1, -1), EINVAL);
    assert_fails(gev_sigwait(SIGUSR1, NAN), EINVAL);
    assert_outcome(in_greenlet(watch_with_local, NULL), -1, EFAULT);
}

struct try_both {
    int watch;
    int wait;
};

static void *try_the_signal(void *arg)
{
    struct try_both *t = arg;

    errno = 0;
    t->watch = gev_signal(SIGUSR1, note_signal, NULL) ? 0 : errno;
    t->wait = gev_sigwait(SIGUSR1, 0.01) == 0 ? 0 : errno;
    return NULL;
}

static struct try_both in_a_thread(void)
{
    struct try_both t;
    pthread_t id;

    assert_int_equal(pthread_create(&id, NULL, try_the_signal, &t), 0);
    pthread_join(id, NULL);
    return t;
}

static void one_thread_has_a_signal_at_a_time(void **state)
{
    struct gev_signal *s = gev_signal(SIGUSR1, note_signal, LETTER('a'));
    struct try_both t = in_a_thread();

    (void)state;
    assert_int_equal(t.watch, EBUSY);
    assert_int_equal(t.wait, EBUSY);
    raise_and_poll(SIGUSR1);
    assert_string_equal(run_log, "a"); /* it still works here */
    gev_signal_cancel(s);
    t = in_a_thread();
    assert_int_equal(t.watch, 0); /* the thread's end gives it back */
    s = gev_signal(SIGUSR1, note_signal, LETTER('b'));
    assert_non_null(s);
    gev_signal_cancel(s);
}

static long sigwait_1(void *arg)
{
    return gev_sigwait(SIGUSR1, *(double *)arg);
}

static void sigwait_waits_for_the_signal(void **state)
{
    double limit = 20;
    struct job j[2] = {{.fn = sigwait_1, .arg = &limit},
                       {.fn = sigwait_1, .arg = &limit}};
    struct gev_greenlet *g = job_start(&j[0]);
    struct gev_greenlet *h = job_start(&j[1]);

    (void)state;
    raise(SIGUSR1);
    finish(g);
    finish(h);
    assert_outcome(j[0].out, 0, 0);
    assert_outcome(j[1].out, 0, 0);
}

static void sigwait_ends_early(void **state)
{
    double limit = 20;
    struct job j = {.fn = sigwait_1, .arg = &limit};
    struct gev_greenlet *g = job_start(&j);
    int64_t id;

    (void)state;
    assert_int_equal(gev_kill(g, 20), 0);
    assert_outcome(j.out, -1, ECANCELED);
    gev_unref(g);
    assert_fails(gev_sigwait(SIGUSR1, 0), ETIMEDOUT);
    assert_fails(gev_sigwait(SIGUSR1, 0.005), ETIMEDOUT);
    id = gev_timeout_push(0.005);
    assert_fails(gev_sigwait(SIGUSR1, GEV_FOREVER), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_outcome(on_hub(sigwait_1, &limit), -1, EPERM);
}

static int waited;

static void wait_in_callback(int signo, void *arg)
{
    (void)signo;
    errno = 0;
    waited = gev_sleep(0.001) < 0 ? errno : 0;
    (void)gev_go(note_and_end, arg);
}

static void a_callback_may_spawn_but_not_wait(void **state)
{
    struct gev_signal *s = gev_signal(SIGUSR1, wait_in_callback, LETTER('s'));

    (void)state;
    raise_and_poll(SIGUSR1);
    assert_int_equal(waited, EPERM);
    assert_string_equal(run_log, "s");
    gev_signal_cancel(s);
}

static void a_real_time_signal_is_a_signal(void **state)
{
    (void)state;
    assert_fails(gev_sigwait(SIGRTMAX, 0.001), ETIMEDOUT);
}

struct storm {
    pthread_t target;
    _Atomic int stop;
};

static void *raise_without_end(void *arg)
{
    struct storm *s = arg;

    while (!s->stop) {
        pthread_kill(s->target, SIGUSR1);
    }
    return NULL;
}

/* libev puts SIG_DFL back before we put the former disposition back. */
static void an_ignored_signal_never_kills_in_between(void **state)
{
    struct storm s = {.target = pthread_self()};
    int n = getenv("GEV_TEST_SLOW") ? 50 : 2000;
    pthread_t t;

    (void)state;
    signal(SIGUSR1, SIG_IGN);
    assert_int_equal(pthread_create(&t, NULL, raise_without_end, &s), 0);
    for (int i = 0; i < n; i++) {
        (void)gev_sigwait(SIGUSR1, 0.0001);
    }
    s.stop = 1;
    pthread_join(t, NULL);
    signal(SIGUSR1, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signal_calls_on_the_hub),
        TEST(several_watch_the_same_signal_in_order),
        TEST(a_callback_may_cancel_all_watchers),
        TEST(a_watcher_added_in_a_callback_waits_for_the_next),
        TEST(afterwards_the_former_disposition_is_back),
        TEST(shutdown_cancels_watchers),
        TEST(a_watcher_does_not_keep_run_going),
        TEST(bad_arguments_are_refused),
        TEST(one_thread_has_a_signal_at_a_time),
        TEST(sigwait_waits_for_the_signal),
        TEST(sigwait_ends_early),
        TEST(a_callback_may_spawn_but_not_wait),
        TEST(a_real_time_signal_is_a_signal),
        TEST(an_ignored_signal_never_kills_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
