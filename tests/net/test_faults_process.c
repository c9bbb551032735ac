/* SPDX-License-Identifier: MIT */
/*
 * One call of the system fails while children are started, talked to and waited
 * for: every scenario against every fault, and no child, descriptor or byte is
 * lost
 */
#include "faults.h"

#include <signal.h>
#include <sys/wait.h>

static const char *const cat_argv[] = {"cat", NULL};
static const char *const true_argv[] = {"/bin/true", NULL};

/* No child is left; one that was killed may take a moment. */
static void want_no_children(void)
{
    int n = 0;

    while (waitpid(-1, NULL, WNOHANG) != -1 && n++ < 5000) {
        (void)gev_sleep(0.001);
    }
    want(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    errno = 0;
}

static struct gev_process *start(const char *const *argv, int in, int out)
{
    struct gev_process_options o = {.size = sizeof o, .in = in, .out = out};
    struct gev_process *p;

    do {
        p = gev_process_new(argv, &o);
    } while (refused(p ? 0 : -1));
    return p;
}

static pid_t plain_child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        _exit(5);
    }
    return pid;
}

static pid_t again_waitpid(pid_t pid, int *status)
{
    pid_t r;

    do {
        r = gev_waitpid(pid, status, 0);
    } while (refused(r));
    return r;
}

/* One that has a while to run yet, so that it is waited for. */
static void wait_for_children(void)
{
    struct gev_process *p;
    int status = 0, foreign;
    pid_t a = plain_child(), b = plain_child(), c = plain_child();

    arm();
    want(again_waitpid(a, &status) == a && WEXITSTATUS(status) == 5);
    p = start(cat_argv, GEV_PROCESS_PIPE, 0);
    int r = p ? gev_process_close(p, 0) : -1;
    want(r == 0);
    do {
        r = gev_process_wait(p, &status, LIMIT);
    } while (refused(r));
    want(r == 0 && status == 0);
    gev_process_free(p);
    want(again_waitpid(b, &status) == b && WEXITSTATUS(status) == 5);
    disarm();
    want(waitpid(c, &foreign, 0) == c && WEXITSTATUS(foreign) == 5);
    want_no_children();
}

/* Told by fcntl(2) that a pidfd was closed by somebody, gev leaves the number
   alone; where that is a lie it stays open. */
#define LIES FAULT_FCNTL

static void children_are_waited_for_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all_but(wait_for_children, LIES) >= 10);
}

static void wait_for_any(void)
{
    int status = 0;
    pid_t a;

    arm();
    a = plain_child();
    want(again_waitpid(-1, &status) == a && WEXITSTATUS(status) == 5);
    disarm();
    want_no_children();
}

static void any_child_is_waited_for_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all_but(wait_for_any, FAULT_FORK | LIES) >= 5);
}

static void talk(void)
{
    static char data[100000];
    struct gev_process *p;
    struct gev_process_io io = {
        .size = sizeof io, .in = data, .in_size = sizeof data};
    int r;

    arm();
    p = start(cat_argv, GEV_PROCESS_PIPE, GEV_PROCESS_PIPE);
    do {
        r = gev_process_communicate(p, &io, LIMIT);
    } while (refused(r));
    gev_process_free(p);
    disarm();
    want(r == 0 && io.out_size == sizeof data && io.status == 0);
    want(r < 0 || memcmp(io.out, data, sizeof data) == 0);
    if (r == 0) {
        free(io.out);
    }
    want_no_children();
}

/* A write that failed for good is given up only by who asked for it. */
static void everything_goes_both_ways_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all_but(talk, LIES) >= 20);
}

static void run_one(void)
{
    int r;

    arm();
    do {
        r = gev_process_run(true_argv, NULL, NULL, LIMIT);
    } while (refused(r));
    disarm();
    want(r == 0);
    want_no_children();
}

static void a_program_is_run_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all_but(run_one, LIES) >= 10);
}

static void fork_one(void)
{
    pid_t pid;
    int status = 1;

    arm();
    do {
        pid = gev_fork(0);
    } while (pid != 0 && refused(pid));
    if (pid == 0) {
        _exit(0);
    }
    want(again_waitpid(pid, &status) == pid);
    disarm();
    want(status == 0);
    want_no_children();
}

static void a_fork_that_fails_changes_nothing(void **state)
{
    (void)state;
    assert_true(against(fork_one, FAULT_FORK, EAGAIN) == 1);
    assert_true(against(fork_one, FAULT_FORK, ENOMEM) == 1);
}

/* Neither a pidfd nor SIGCHLD: who was started is killed and reaped. */
static void one_that_cannot_be_noticed_does_not_run(void **state)
{
    struct gev_process *p;

    (void)state;
    assert_int_equal(gev_init(), 0);
    fault_arm_from(FAULT_PIDFD | FAULT_SIGNAL, 1, EMFILE);
    errno = 0;
    p = gev_process_new(cat_argv, NULL);
    int err = errno;
    assert_true(fault_disarm());
    assert_null(p);
    assert_int_equal(err, EMFILE);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(gev_shutdown(), 0);
}

static void without_pidfds_sigchld_does_it(void **state)
{
    enum { N = 20 };
    struct gev_process *p[N];
    int status;

    (void)state;
    assert_int_equal(gev_init(), 0);
    fault_arm_from(FAULT_PIDFD, 1, ENOSYS);
    for (int i = 0; i < N; i++) {
        p[i] = gev_process_new(cat_argv,
                               &(struct gev_process_options){
                                   .size = sizeof(struct gev_process_options),
                                   .in = GEV_PROCESS_PIPE});
        assert_non_null(p[i]);
    }
    assert_int_equal(gev_process_wait(p[0], NULL, 0.005) == -1, 1);
    for (int i = 0; i < N; i++) {
        assert_int_equal(gev_process_kill(p[i], 0), 0);
        assert_int_equal(gev_process_close(p[i], 0), 0);
    }
    for (int i = N; i-- > 0;) {
        assert_int_equal(gev_process_wait(p[i], &status, LIMIT), 0);
        assert_int_equal(status, 0);
        errno = 0;
        assert_int_equal(gev_process_kill(p[i], SIGTERM), -1);
        assert_int_equal(errno, ESRCH);
        gev_process_free(p[i]);
    }
    pid_t pid = plain_child();
    assert_int_equal(gev_waitpid(pid, &status, 0), pid);
    assert_true(fault_disarm());
    assert_int_equal(gev_shutdown(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_are_waited_for_in_the_end),
        cmocka_unit_test(any_child_is_waited_for_in_the_end),
        cmocka_unit_test(everything_goes_both_ways_in_the_end),
        cmocka_unit_test(a_program_is_run_in_the_end),
        cmocka_unit_test(a_fork_that_fails_changes_nothing),
        cmocka_unit_test(one_that_cannot_be_noticed_does_not_run),
        cmocka_unit_test(without_pidfds_sigchld_does_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
