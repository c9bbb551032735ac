/* SPDX-License-Identifier: MIT */
/*
 * gev_process_new: what a child gets, what it does not, and what is refused
 */
#include "processes.h"

static void its_pipes_are_plain_descriptors(void **state)
{
    struct gev_process *p =
        start(SH("read x; echo got $x; echo oops >&2"),
              OPTIONS(.in = GEV_PROCESS_PIPE, .out = GEV_PROCESS_PIPE,
                      .err = GEV_PROCESS_PIPE));

    (void)state;
    for (int i = 0; i < 3; i++) {
        int fd = gev_process_fd(p, i);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    assert_int_equal(gev_writeall(gev_process_fd(p, 0), "it\n", 3), 3);
    assert_string_equal(output_of(p, 1), "got it\n");
    assert_string_equal(output_of(p, 2), "oops\n");
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

static void the_childs_ends_are_blocking(void **state)
{
    (void)state;
    assert_string_equal(
        says("python3 -c 'import os; print(os.get_blocking(0),"
             " os.get_blocking(1))' 0<&0",
             (struct gev_process_options){.in = GEV_PROCESS_NULL}),
        "True True\n");
}

static void streams_can_be_null_merged_or_a_descriptor(void **state)
{
    int fds[2];
    char buf[64] = "";

    (void)state;
    assert_string_equal(
        says("cat; echo a; echo b >&2",
             (struct gev_process_options){.in = GEV_PROCESS_NULL,
                                          .err = GEV_PROCESS_STDOUT}),
        "a\nb\n");
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(run(SH("echo x; echo y >&2"),
                         OPTIONS(.out = GEV_PROCESS_NULL, .err = fds[1])),
                     0);
    close(fds[1]);
    assert_int_equal(read(fds[0], buf, sizeof buf), 2);
    assert_string_equal(buf, "y\n");
    close(fds[0]);
}

/* Descriptors among 0, 1 and 2 may be given in any order. */
static void streams_can_be_swapped(void **state)
{
    int fds[2], saved[3];
    char buf[64] = "";

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
    }
    dup2(fds[1], 2); /* here 2 is the pipe: there it is to be 1 */
    struct gev_process *p =
        gev_process_new(SH("echo one; echo two >&2"),
                        OPTIONS(.out = 2, .err = 1, .in = GEV_PROCESS_NULL));
    dup2(saved[2], 2);
    assert_non_null(p);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
    assert_int_equal(read(fds[0], buf, sizeof buf), 4);
    assert_string_equal(buf, "one\n");
    close_pair(fds);
    for (int i = 0; i < 3; i++) {
        close(saved[i]);
    }
}

static void it_works_without_standard_streams(void **state)
{
    int saved[3];
    struct gev_process *p;

    (void)state;
    assert_int_equal(gev_init(), 0); /* its own descriptors are above 2 */
    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
        gev_fd_forget(i);
    }
    p = gev_process_new(SH("read x; echo $x; echo $x$x >&2"),
                        OPTIONS(.in = GEV_PROCESS_PIPE, .out = GEV_PROCESS_PIPE,
                                .err = GEV_PROCESS_PIPE));
    struct gev_process_io io = {.size = sizeof io, .in = "q\n", .in_size = 2};
    int rc = p ? gev_process_communicate(p, &io, SOON) : -2;
    gev_process_free(p);
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
        gev_fd_forget(i);
    }
    assert_int_equal(rc, 0);
    assert_string_equal(io.out, "q\n");
    assert_string_equal(io.err, "qq\n");
    free(io.out);
    free(io.err);
}

static void environment_folder_and_file_are_the_childs(void **state)
{
    const char *const env[] = {"GREETING=hello", NULL};

    (void)state;
    assert_string_equal(
        says("echo $GREETING $HOME; pwd",
             (struct gev_process_options){.env = env, .cwd = "/proc"}),
        "hello\n/proc\n");
    setenv("GEV_TEST_VAR", "here", 1);
    assert_string_equal(says("echo $GEV_TEST_VAR $0",
                             (struct gev_process_options){.file = "sh"}),
                        "here /bin/sh\n");
    unsetenv("GEV_TEST_VAR");
}

static void only_the_standard_streams_are_inherited(void **state)
{
    int leak = open("/dev/null", O_RDONLY);
    char line[64];
    int fd = fcntl(leak, F_DUPFD, 30);

    (void)state;
    snprintf(line, sizeof line, "ls /proc/self/fd | grep -c '^%d$' || :", fd);
    assert_string_equal(says(line, (struct gev_process_options){0}), "0\n");
    assert_string_equal(
        says(line, (struct gev_process_options){.flags = GEV_PROCESS_KEEP_FDS}),
        "1\n");
    close(leak);
    close(fd);
}

static void group_and_session_are_its_own_if_asked(void **state)
{
    static const struct {
        unsigned flags;
        bool group, session;
    } cases[] = {
        {0, false, false},
        {GEV_PROCESS_NEW_GROUP, true, false},
        {GEV_PROCESS_NEW_SESSION, true, true},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct gev_process *p =
            start(ARGS("cat"),
                  OPTIONS(.in = GEV_PROCESS_PIPE, .flags = cases[i].flags));
        pid_t pid = gev_process_pid(p);
        assert_int_equal(getpgid(pid), cases[i].group ? pid : getpgrp());
        assert_int_equal(getsid(pid), cases[i].session ? pid : getsid(0));
        gev_process_close(p, 0);
        assert_int_equal(exit_of(p), 0);
        gev_process_free(p);
    }
}

static void signals_are_as_a_program_expects_them(void **state)
{
    sigset_t all, former;

    (void)state;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &all, &former);
    const char *masks = says("grep -E 'Sig(Blk|Ign)' /proc/self/status",
                             (struct gev_process_options){0});
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    signal(SIGPIPE, SIG_DFL);
    assert_non_null(strstr(masks, "SigBlk:\t0000000000000000"));
    const char *ign = strstr(masks, "SigIgn:\t");
    assert_non_null(ign);
    unsigned long bits = strtoul(ign + 8, NULL, 16);
    assert_int_equal(bits & (1UL << (SIGPIPE - 1)), 0);
}

static void a_failure_to_execute_is_told_here(void **state)
{
    (void)state;
    errno = 0;
    assert_null(gev_process_new(ARGS("/nonexistent"), NULL));
    assert_int_equal(errno, ENOENT);
    assert_null(gev_process_new(ARGS("no-such-program-anywhere"), NULL));
    assert_int_equal(errno, ENOENT);
    assert_null(gev_process_new(ARGS("/etc/passwd"), NULL));
    assert_int_equal(errno, EACCES);
    assert_null(gev_process_new(ARGS("true"), OPTIONS(.cwd = "/nonexistent")));
    assert_int_equal(errno, ENOENT);
    assert_null(
        gev_process_new(ARGS("true"), OPTIONS(.flags = GEV_PROCESS_NO_PATH)));
    assert_int_equal(errno, ENOENT); /* there is no ./true */
    assert_null(gev_process_new(
        ARGS("/nonexistent"),
        OPTIONS(.in = GEV_PROCESS_PIPE, .out = GEV_PROCESS_PIPE)));
    assert_int_equal(errno, ENOENT);
    assert_no_children();
}

static void a_bad_description_is_refused(void **state)
{
    struct gev_process_options small = {.size = 8};
    int closed;

    (void)state;
    assert_int_equal(gev_init(), 0); /* or it would take the number */
    closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(closed);
    static const struct {
        const struct gev_process_options o;
        int err;
    } cases[] = {
        {{.size = 0}, EINVAL},
        {{.size = 1 << 20}, EINVAL},
        {{.size = sizeof small, .flags = 0x8000}, EINVAL},
        {{.size = sizeof small, .in = -3}, EINVAL},
        {{.size = sizeof small, .out = GEV_PROCESS_STDOUT}, EINVAL},
        {{.size = sizeof small, .err = -4}, EINVAL},
        {{.size = sizeof small, .out = 1000}, EBADF},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        errno = 0;
        assert_null(gev_process_new(ARGS("true"), &cases[i].o));
        assert_int_equal(errno, cases[i].err);
    }
    assert_null(gev_process_new(ARGS("true"), &small));
    assert_int_equal(errno, EINVAL);
    assert_null(gev_process_new(ARGS("true"), OPTIONS(.in = closed)));
    assert_int_equal(errno, EBADF);
    assert_null(gev_process_new(NULL, NULL));
    assert_int_equal(errno, EINVAL);
    assert_null(gev_process_new((const char *const[]){NULL}, NULL));
    assert_int_equal(errno, EINVAL);
    assert_no_children();
}

static void bad_handles_and_limits_are_refused(void **state)
{
    struct gev_process *p = start(ARGS("true"), NULL);

    (void)state;
    gev_process_free(NULL);
    assert_fails(gev_process_wait(NULL, NULL, 1), EINVAL);
    assert_fails(gev_process_wait(p, NULL, -1), EINVAL);
    assert_fails(gev_process_wait(p, NULL, NAN), EINVAL);
    assert_fails(gev_process_kill(NULL, 0), EINVAL);
    assert_fails(gev_process_kill(p, 1000), EINVAL);
    assert_fails(gev_process_fd(NULL, 0), EBADF);
    assert_fails(gev_process_fd(p, 0), EBADF);
    assert_fails(gev_process_fd(p, 3), EBADF);
    assert_fails(gev_process_fd(p, -1), EBADF);
    assert_fails(gev_process_close(p, 1), EBADF);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_pipes_are_plain_descriptors),
        TEST(the_childs_ends_are_blocking),
        TEST(streams_can_be_null_merged_or_a_descriptor),
        TEST(streams_can_be_swapped),
        TEST(it_works_without_standard_streams),
        TEST(environment_folder_and_file_are_the_childs),
        TEST(only_the_standard_streams_are_inherited),
        TEST(group_and_session_are_its_own_if_asked),
        TEST(signals_are_as_a_program_expects_them),
        TEST(a_failure_to_execute_is_told_here),
        TEST(a_bad_description_is_refused),
        TEST(bad_handles_and_limits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
