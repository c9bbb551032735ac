/* SPDX-License-Identifier: MIT */
/*
 * gev_process_wait, _kill, _free: who hears of a child's end, and what is left
 * behind
 */
#include "processes.h"

#include <pthread.h>

static void exit_codes_and_signals_are_told(void **state)
{
    (void)state;
    assert_int_equal(run(ARGS("true"), NULL), 0);
    assert_int_equal(run(ARGS("false"), NULL), 1);
    assert_int_equal(run(SH("exit 42"), NULL), 42);
    assert_int_equal(run(SH("kill -9 $$"), NULL), -SIGKILL);
}

static void a_child_runs_while_others_do(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    int ticks = 0;
    struct gev_greenlet *t = gev_spawn(tick, &ticks);
    struct job j = {.fn = job_wait, .arg = p};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    eventually(ticks > 5);
    assert_false(j.done);
    assert_int_equal(gev_process_close(p, 0), 0);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    assert_int_equal(j.flags, 0);
    assert_int_equal(gev_kill(t, SOON), 0);
    gev_unref(t);
    gev_process_free(p);
}

static void any_number_waits_any_number_of_times(void **state)
{
    struct gev_process *p =
        start(SH("read x; exit 3"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j[3];
    struct gev_greenlet *g[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        j[i] = (struct job){.fn = job_wait, .arg = p};
        g[i] = job_start(&j[i]);
    }
    assert_int_equal(gev_process_close(p, 0), 0);
    for (int i = 0; i < 3; i++) {
        job_join(g[i]);
        assert_outcome(j[i].out, 0, 0);
        assert_int_equal(WEXITSTATUS(j[i].flags), 3);
    }
    assert_int_equal(exit_of(p), 3);
    assert_int_equal(gev_process_wait(p, NULL, 0), 0);
    gev_process_free(p);
}

static void kill_reaches_it_and_then_nobody(void **state)
{
    struct gev_process *p = start(ARGS("sleep", "100"), NULL);
    pid_t pid = gev_process_pid(p);

    (void)state;
    errno = ENOTTY;
    assert_int_equal(gev_process_kill(p, 0), 0);
    assert_int_equal(gev_process_kill(p, SIGTERM), 0);
    assert_int_equal(errno, ENOTTY);
    assert_int_equal(exit_of(p), -SIGTERM);
    assert_fails(gev_process_kill(p, SIGTERM), ESRCH);
    assert_int_equal(gev_process_pid(p), pid);
    gev_process_free(p);
}

static void a_limit_and_a_kill_leave_the_child_running(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j = {.fn = job_wait, .arg = p};
    struct gev_greenlet *g = job_start(&j);
    int64_t id;

    (void)state;
    assert_int_equal(gev_kill(g, SOON), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_fails(gev_process_wait(p, NULL, 0.005), ETIMEDOUT);
    assert_fails(gev_process_wait(p, NULL, 0), ETIMEDOUT);
    id = gev_timeout_push(0.005);
    assert_fails(gev_process_wait(p, NULL, SOON), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    gev_process_close(p, 0);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

static void the_hub_reaps_it_if_nobody_waits(void **state)
{
    struct gev_process *p = start(ARGS("true"), NULL);
    pid_t pid = gev_process_pid(p);

    (void)state;
    eventually(!is_unreaped(pid));
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

static void freed_while_it_runs_it_goes_on_and_is_reaped(void **state)
{
    int in[2], out[2];
    char buf[8];

    (void)state;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct gev_process *p =
        start(SH("read x; echo $x$x"), OPTIONS(.in = in[0], .out = out[1]));
    pid_t pid = gev_process_pid(p);
    gev_process_free(p);
    assert_int_equal(gev_sleep(0.005), 0);
    assert_true(is_unreaped(pid));
    assert_int_equal(gev_writeall(in[1], "x\n", 2), 2);
    eventually(!is_unreaped(pid));
    assert_int_equal(gev_read(out[0], buf, sizeof buf), 3);
    assert_memory_equal(buf, "xx\n", 3);
    close_pair(in);
    close_pair(out);
}

static void freed_while_somebody_waits_he_gets_ebadf(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j[2] = {{.fn = job_wait, .arg = p}, {.fn = job_wait, .arg = p}};
    struct gev_greenlet *g = job_start(&j[0]), *h = job_start(&j[1]);
    pid_t pid = gev_process_pid(p);

    (void)state;
    gev_process_free(p);
    job_join(g);
    job_join(h);
    assert_outcome(j[0].out, -1, EBADF);
    assert_outcome(j[1].out, -1, EBADF);
    eventually(!is_unreaped(pid)); /* its input has ended */
}

static void freed_by_one_of_two_that_its_end_woke(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j[2] = {{.fn = job_wait, .arg = p}, {.fn = job_wait, .arg = p}};
    struct gev_greenlet *g = job_start(&j[0]), *h = job_start(&j[1]);

    (void)state;
    gev_process_close(p, 0);
    while (!j[0].done && gev_yield() == 0) {
    }
    gev_process_free(p);
    job_join(g);
    job_join(h);
    assert_outcome(j[0].out, 0, 0);
    assert_true(j[1].out.r == 0 || j[1].out.err == EBADF);
}

static void one_of_plain_fork_is_never_reaped(void **state)
{
    pid_t foreign = fork_exiting(9);
    int status = 0;

    (void)state;
    await_zombie(foreign);
    assert_int_equal(run(ARGS("true"), NULL), 0);
    assert_int_equal(gev_sleep(0.005), 0);
    assert_int_equal(waitpid(foreign, &status, 0), foreign);
    assert_int_equal(WEXITSTATUS(status), 9);
}

static void waitpid_for_any_hands_its_status_over(void **state)
{
    struct gev_process *p =
        start(SH("read x; exit 5"), OPTIONS(.in = GEV_PROCESS_PIPE));
    int status = 0;

    (void)state;
    gev_process_close(p, 0);
    await_zombie(gev_process_pid(p));
    assert_int_equal(gev_waitpid(-1, &status, 0), gev_process_pid(p));
    assert_int_equal(WEXITSTATUS(status), 5);
    assert_int_equal(exit_of(p), 5);
    gev_process_free(p);
}

static void a_status_that_a_stranger_took_is_echild(void **state)
{
    struct gev_process *p = start(ARGS("true"), NULL);

    (void)state;
    assert_int_equal(waitpid(gev_process_pid(p), NULL, 0), gev_process_pid(p));
    assert_fails(gev_process_wait(p, NULL, SOON), ECHILD);
    assert_fails(gev_process_kill(p, SIGTERM), ESRCH);
    gev_process_free(p);
}

static void with_sigchld_ignored_the_status_is_lost(void **state)
{
    struct gev_process *p;

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    p = gev_process_new(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    assert_non_null(p);
    gev_process_close(p, 0);
    assert_fails(gev_process_wait(p, NULL, SOON), ECHILD);
    gev_process_free(p);
    signal(SIGCHLD, SIG_DFL);
}

static void it_survives_the_hub(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    int fd = gev_process_fd(p, 0);

    (void)state;
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(gev_process_kill(p, 0), 0);
    assert_int_equal(gev_process_fd(p, 0), fd);
    gev_process_close(p, 0);
    assert_int_equal(exit_of(p), 0); /* a new hub */
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

static void a_freed_one_that_outlives_the_hub_leaks_nothing(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    pid_t pid = gev_process_pid(p);

    (void)state;
    gev_process_free(p); /* cat ends, but nobody has seen that yet */
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static long wait_on_hub(void *arg)
{
    return gev_process_wait(arg, NULL, 0);
}

static long new_on_hub(void *arg)
{
    struct gev_process *p = gev_process_new(ARGS("true"), NULL);

    *(struct gev_process **)arg = p;
    return p ? 0 : -1;
}

static void on_the_hub_it_can_be_started_not_waited_for(void **state)
{
    struct gev_process *p = NULL;

    (void)state;
    assert_outcome(run_on_hub(new_on_hub, &p), 0, 0);
    assert_outcome(run_on_hub(wait_on_hub, p), -1, EPERM);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

static void *use_in_thread(void *arg)
{
    struct job *j = arg;

    (void)job_main(j);
    gev_process_free(j->arg); /* does nothing */
    return NULL;
}

static void another_thread_is_refused(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j = {.fn = job_wait, .arg = p};
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, use_in_thread, &j), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_outcome(j.out, -1, EPERM);
    gev_process_close(p, 0);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

static void a_process_keeps_main_from_edeadlk_while_it_waits(void **state)
{
    struct gev_process *p = start(ARGS("sleep", "0.02"), NULL);

    (void)state;
    assert_int_equal(gev_process_wait(p, NULL, GEV_FOREVER), 0);
    gev_process_free(p);
}

static void the_first_of_several_to_end_is_found(void **state)
{
    struct gev_process *p[3];
    struct gev_waitable v[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        p[i] = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
        v[i] = gev_on_process(p[i]);
    }
    assert_fails(gev_wait_any(v, 3, 0.005), ETIMEDOUT);
    gev_process_close(p[1], 0);
    assert_int_equal(gev_wait_any(v, 3, SOON), 1);
    assert_int_equal(gev_wait_any(v, 3, 0), 1);
    gev_process_close(p[0], 0);
    gev_process_close(p[2], 0);
    assert_int_equal(gev_wait_all(v, 3, SOON), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(exit_of(p[i]), 0);
        gev_process_free(p[i]);
    }
}

static long job_wait_any(struct job *j)
{
    struct gev_waitable v = gev_on_process(j->arg);

    return gev_wait_any(&v, 1, SOON);
}

static void freed_while_it_is_one_of_several_is_ebadf(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j = {.fn = job_wait_any, .arg = p};
    struct gev_greenlet *g = job_start(&j);
    pid_t pid = gev_process_pid(p);

    (void)state;
    gev_process_free(p);
    job_join(g);
    assert_outcome(j.out, -1, EBADF);
    eventually(!is_unreaped(pid));
}

/* The pidfd is closed behind its back: SIGCHLD takes over. */
static void a_lost_pidfd_is_made_up_for(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job j = {.fn = job_wait, .arg = p};
    struct gev_greenlet *g = job_start(&j);
    char path[64], target[64] = "";
    int n = 0;

    (void)state;
    assert_int_equal(gev_sleep(0.002), 0);
    for (int fd = 3; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        memset(target, 0, sizeof target);
        if (readlink(path, target, sizeof target - 1) > 0 &&
            strstr(target, "[pidfd]")) {
            gev_close(fd);
            n++;
        }
    }
    assert_int_equal(n, 1);
    assert_int_equal(gev_sleep(0.002), 0);
    assert_false(j.done);
    assert_int_equal(gev_process_kill(p, SIGTERM), 0);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    assert_int_equal(WTERMSIG(j.flags), SIGTERM);
    gev_process_free(p);
}

static void two_hundred_at_once(void **state)
{
    enum { N = 200 };
    static struct gev_process *p[N];
    static struct job j[N];
    struct gev_greenlet *g[N];
    int n = (int)proc_scale(N);
    char line[32];

    (void)state;
    for (int i = 0; i < n; i++) {
        snprintf(line, sizeof line, "exit %d", i);
        p[i] = start(ARGS("/bin/sh", "-c", line), NULL);
        j[i] = (struct job){.fn = job_wait, .arg = p[i]};
        g[i] = gev_spawn(job_main, &j[i]);
    }
    for (int i = 0; i < n; i++) {
        job_join(g[i]);
        assert_outcome(j[i].out, 0, 0);
        assert_int_equal(WEXITSTATUS(j[i].flags), i);
        gev_process_free(p[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_codes_and_signals_are_told),
        TEST(a_child_runs_while_others_do),
        TEST(any_number_waits_any_number_of_times),
        TEST(kill_reaches_it_and_then_nobody),
        TEST(a_limit_and_a_kill_leave_the_child_running),
        TEST(the_hub_reaps_it_if_nobody_waits),
        TEST(freed_while_it_runs_it_goes_on_and_is_reaped),
        TEST(freed_while_somebody_waits_he_gets_ebadf),
        TEST(freed_by_one_of_two_that_its_end_woke),
        TEST(one_of_plain_fork_is_never_reaped),
        TEST(waitpid_for_any_hands_its_status_over),
        TEST(a_status_that_a_stranger_took_is_echild),
        TEST(with_sigchld_ignored_the_status_is_lost),
        TEST(it_survives_the_hub),
        TEST(a_freed_one_that_outlives_the_hub_leaks_nothing),
        TEST(on_the_hub_it_can_be_started_not_waited_for),
        TEST(another_thread_is_refused),
        TEST(a_process_keeps_main_from_edeadlk_while_it_waits),
        TEST(the_first_of_several_to_end_is_found),
        TEST(freed_while_it_is_one_of_several_is_ebadf),
        TEST(a_lost_pidfd_is_made_up_for),
        TEST(two_hundred_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
