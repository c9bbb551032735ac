/* SPDX-License-Identifier: MIT */
/*
 * fork(2): the child runs only the caller, and the parent does not notice
 */
#include "run.h"

#include <signal.h>
#include <sys/wait.h>

#include "support/sock.h"

/* In the child nothing may be asserted: it ends with a line number, or 0. */
#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond)) {                                                         \
            _exit(__LINE__ % 200 + 1);                                         \
        }                                                                      \
    } while (0)

static int exit_of(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (gev_sleep(0.001) < 0) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void *tick(void *arg)
{
    int *ticks = arg;

    for (;;) {
        ++*ticks;
        if (gev_sleep(0.001) < 0) {
            return NULL;
        }
    }
}

static void in_the_child_of_main_the_others_do_not_run(void **state)
{
    int ticks = 0;
    int before;
    pid_t pid;

    (void)state;
    assert_int_equal(gev_go(tick, &ticks), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('x')), 0);
    pid = fork(); /* one waits, one is NEW */
    if (pid == 0) {
        int seen = ticks;

        MUST(gev_sleep(0.02) == 0);
        MUST(ticks == seen && run_log_len == 0);
        MUST(gev_go(note_and_end, LETTER('c')) == 0);
        MUST(gev_run(20) == 0);
        MUST(strcmp(run_log, "c") == 0);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    before = ticks;
    assert_int_equal(gev_sleep(0.02), 0);
    assert_true(ticks > before); /* the parent goes on */
    assert_string_equal(run_log, "x");
}

static void shutdown_in_the_child_runs_nobody_else(void **state)
{
    int ticks = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(gev_go(tick, &ticks), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('x')), 0);
    pid = fork();
    if (pid == 0) {
        int seen = ticks;

        MUST(gev_shutdown() == 0);
        MUST(ticks == seen && run_log_len == 0);
        MUST(gev_sleep(0.001) == 0); /* anew */
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
}

static void *defer_and_wait(void *arg)
{
    (void)gev_defer(note_letter, LETTER('d'));
    (void)gev_sleep(GEV_FOREVER);
    return arg;
}

static void shutdown_in_the_child_runs_nobodys_defers(void **state)
{
    pid_t pid;

    (void)state;
    assert_int_equal(gev_go(defer_and_wait, NULL), 0);
    assert_int_equal(gev_yield(), 0);
    pid = fork();
    if (pid == 0) {
        MUST(gev_shutdown() == 0);
        MUST(run_log_len == 0);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "d");
}

/* The caller is a greenlet. */
static int result_pipe[2];

static void *fork_in_greenlet(void *arg)
{
    pid_t *pid = arg;

    *pid = fork();
    if (*pid == 0) {
        char c = gev_sleep(0.01) == 0 && run_log_len == 0 ? 'k' : '!';

        (void)!write(result_pipe[1], &c, 1);
        return NULL; /* here the child ends, too */
    }
    note('p');
    return NULL;
}

static void a_greenlets_child_exits_when_it_ends(void **state)
{
    pid_t pid = -1;
    char c = 0;

    (void)state;
    assert_int_equal(pipe(result_pipe), 0);
    finish(gev_spawn(fork_in_greenlet, &pid));
    assert_int_equal(exit_of(pid), 0);
    assert_int_equal(read(result_pipe[0], &c, 1), 1);
    assert_int_equal(c, 'k');
    assert_string_equal(run_log, "p");
    close(result_pipe[0]);
    close(result_pipe[1]);
}

static int pair[2];

static void *wait_readable(void *arg)
{
    note(gev_wait_fd(pair[0], GEV_READ, 20) == GEV_READ ? 'r' : '!');
    return arg;
}

static void the_childs_loop_is_its_own(void **state)
{
    struct gev_greenlet *g;
    pid_t pid;

    (void)state;
    sock_pair(pair, true);
    g = gev_spawn(wait_readable, NULL);
    assert_int_equal(gev_sleep(0.002), 0); /* registered */
    pid = fork();
    if (pid == 0) {
        MUST(gev_sleep(0.001) == 0);
        MUST(gev_close(pair[0]) == 0); /* must not reach the parent's epoll */
        MUST(gev_sleep(0.001) == 0);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    assert_string_equal(run_log, "");
    assert_int_equal(write(pair[1], "x", 1), 1);
    finish(g);
    assert_string_equal(run_log, "r");
    gev_close(pair[0]);
    gev_close(pair[1]);
}

static void the_child_may_wait_for_descriptors(void **state)
{
    pid_t pid;

    (void)state;
    sock_pair(pair, true);
    assert_fails(gev_wait_fd(pair[0], GEV_READ, 0.001), ETIMEDOUT);
    pid = fork();
    if (pid == 0) {
        char c;

        MUST(gev_read(pair[0], &c, 1) == 1 && c == 'f');
        MUST(gev_write(pair[0], "b", 1) == 1);
        _exit(0);
    }
    assert_int_equal(gev_write(pair[1], "f", 1), 1);
    assert_int_equal(exit_of(pid), 0);
    gev_close(pair[0]);
    gev_close(pair[1]);
}

static void scopes_of_the_caller_go_with_it(void **state)
{
    int64_t id = gev_timeout_push(0.05);
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        MUST(gev_sleep(20) == -1 && errno == ETIMEDOUT);
        MUST(gev_timeout_pop(id) == 1);
        _exit(0);
    }
    assert_int_equal(gev_timeout_pop(id), 0);
    assert_int_equal(exit_of(pid), 0);
}

static void calls_from_threads_are_made_once(void **state)
{
    struct gev_hub *hub = gev_hub_get();
    pid_t pid;

    (void)state;
    assert_int_equal(gev_call_threadsafe(hub, note_letter, LETTER('c')), 0);
    pid = fork();
    if (pid == 0) {
        MUST(gev_sleep(0.005) == 0);
        MUST(run_log_len == 0); /* it is the parent's to make */
        MUST(gev_call_threadsafe(hub, note_letter, LETTER('n')) == 0);
        MUST(gev_sleep(0.005) == 0);
        MUST(strcmp(run_log, "n") == 0);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    assert_string_equal(run_log, "c");
    gev_hub_put(hub);
}

static void note_signal(int signo, void *arg)
{
    (void)signo;
    note((char)(intptr_t)arg);
}

static void *wait_signal(void *arg)
{
    return (void *)(intptr_t)(gev_sigwait(SIGUSR1, GEV_FOREVER) +
                              (arg != NULL));
}

static void who_waited_for_a_signal_does_not_in_the_child(void **state)
{
    struct gev_greenlet *g = gev_spawn(wait_signal, NULL);
    struct sigaction act;
    pid_t pid;

    (void)state;
    assert_int_equal(gev_yield(), 0);
    pid = fork();
    if (pid == 0) {
        gev_unref(g);
        MUST(gev_sleep(0.001) == 0);
        MUST(sigaction(SIGUSR1, NULL, &act) == 0);
        MUST(act.sa_handler == SIG_DFL); /* as nobody does */
        MUST(gev_shutdown() == 0);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(gev_join(g, 5), 0);
    assert_null(gev_value(g));
    gev_unref(g);
}

static void signals_reach_the_child(void **state)
{
    struct gev_signal *s = gev_signal(SIGUSR1, note_signal, LETTER('s'));
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        MUST(gev_sleep(0.001) == 0);
        raise(SIGUSR1);
        MUST(gev_sleep(0.005) == 0);
        MUST(strcmp(run_log, "s") == 0);
        gev_signal_cancel(s);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    assert_string_equal(run_log, "");
    gev_signal_cancel(s);
}

static void *fork_and_die(void *arg)
{
    pid_t *pid = arg;

    *pid = fork();
    return NULL; /* the child makes no call at all */
}

static void a_greenlets_child_that_calls_nothing_ends_too(void **state)
{
    pid_t pid = -1;
    pid_t self = getpid();

    (void)state;
    finish(gev_spawn(fork_and_die, &pid));
    if (getpid() != self) {
        _exit(77); /* main must not go on twice */
    }
    assert_int_equal(exit_of(pid), 0);
}

static void fork_on_hub(void *arg)
{
    pid_t *pid = arg;

    *pid = fork();
}

static void a_callbacks_child_ends_after_it(void **state)
{
    struct gev_hub *hub = gev_hub_get();
    pid_t self = getpid();
    pid_t pid = -1;

    (void)state;
    assert_int_equal(gev_call_threadsafe(hub, fork_on_hub, &pid), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    if (getpid() != self) {
        _exit(77);
    }
    assert_int_equal(exit_of(pid), 0);
    gev_hub_put(hub);
}

static void in_the_child_the_others_are_dead(void **state)
{
    struct gev_greenlet *g = gev_spawn(defer_and_wait, NULL);
    struct gev_greenlet *h = gev_spawn(note_and_end, LETTER('h'));
    pid_t pid;

    (void)state;
    assert_int_equal(gev_kill(h, 0), 0);
    gev_unref(h);
    h = gev_spawn_later(20, note_and_end, LETTER('h'));
    assert_int_equal(gev_yield(), 0);
    pid = fork();
    if (pid == 0) {
        MUST(gev_yield() == 0);
        MUST(gev_state(g) == GEV_DEAD && gev_state(h) == GEV_DEAD);
        MUST(gev_join(g, GEV_FOREVER) == 0 && gev_kill(h, 1) == 0);
        MUST(gev_unref(g) == 0 && gev_unref(h) == 0);
        MUST(gev_shutdown() == 0 && run_log_len == 0);
        _exit(0);
    }
    assert_int_equal(exit_of(pid), 0);
    assert_int_equal(gev_kill(g, 20), 0);
    assert_string_equal(run_log, "d");
    assert_int_equal(gev_kill(h, 20), 0);
    gev_unref(g);
    gev_unref(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_the_child_of_main_the_others_do_not_run),
        TEST(shutdown_in_the_child_runs_nobody_else),
        TEST(shutdown_in_the_child_runs_nobodys_defers),
        TEST(a_greenlets_child_exits_when_it_ends),
        TEST(the_childs_loop_is_its_own),
        TEST(the_child_may_wait_for_descriptors),
        TEST(scopes_of_the_caller_go_with_it),
        TEST(calls_from_threads_are_made_once),
        TEST(who_waited_for_a_signal_does_not_in_the_child),
        TEST(signals_reach_the_child),
        TEST(a_greenlets_child_that_calls_nothing_ends_too),
        TEST(a_callbacks_child_ends_after_it),
        TEST(in_the_child_the_others_are_dead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
