/* SPDX-License-Identifier: MIT */
/*
 * What the tests of child processes share: children made with plain fork(2) that
 * end when they are told to, a greenlet that ticks meanwhile, and a look at what
 * is left behind.
 */
#ifndef TESTS_NET_CHILDREN_H
#define TESTS_NET_CHILDREN_H

#include "run.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "support/proc.h"

#define SOON 20.0 /* seconds: reached only if something is lost */

/* A child of ours that ends when it is sent a byte. */
struct cued {
    pid_t pid;
    int fd;
};

/* Forks one that exits with @code, or, above 255, kills itself by code - 256. */
static inline pid_t fork_exiting(int code)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (code > 255) {
            raise(code - 256);
        }
        _exit(code);
    }
    assert_true(pid > 0);
    return pid;
}

/* Forks one that does so when end_cued() is called. */
static inline struct cued fork_cued(int code)
{
    int fds[2];
    struct cued c;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    c.pid = fork();
    if (c.pid == 0) {
        char byte;

        while (read(fds[0], &byte, 1) < 0) {
        }
        if (code > 255) {
            raise(code - 256);
        }
        _exit(code);
    }
    assert_true(c.pid > 0);
    close(fds[0]);
    c.fd = fds[1];
    return c;
}

static inline void end_cued(struct cued *c)
{
    assert_int_equal(write(c->fd, "", 1), 1); /* others have the end, too */
    close(c->fd);
}

/* Whether a child is there, ended or not, that nobody has reaped. */
static inline bool is_unreaped(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info,
                  WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0;
}

/* Waits, blocking, until it can be reaped. */
static inline void await_zombie(pid_t pid)
{
    siginfo_t info;

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* No child, ended or not, is left. */
static inline void assert_no_children(void)
{
    siginfo_t info;

    errno = 0;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1);
    assert_int_equal(errno, ECHILD);
}

/* Lets the hub run until @cond holds. */
#define eventually(cond)                                                       \
    do {                                                                       \
        for (int n_ = 0; n_ < 10000 && !(cond); n_++) {                        \
            assert_int_equal(gev_sleep(0.001), 0);                             \
        }                                                                      \
        assert_true(cond);                                                     \
    } while (0)

/* Ticks until it is killed. */
static inline void *tick(void *arg)
{
    int *ticks = arg;

    while (gev_sleep(0.001) == 0) {
        ++*ticks;
    }
    return NULL;
}

/* cmocka fixtures: no descriptor, child or handler is left by a test. */
static int fds_before;

static inline int begin_children(void **state)
{
    (void)state;
    errno = 0;
    fds_before = proc_n_fds();
    return 0;
}

static inline int end_children(void **state)
{
    struct sigaction now;

    (void)state;
    if (gev_shutdown() < 0 || proc_n_fds() != fds_before) {
        print_error("%d descriptors, %d before\n", proc_n_fds(), fds_before);
        return -1;
    }
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        print_error("children are left\n");
        return -1;
    }
    return sigaction(SIGCHLD, NULL, &now) < 0 || now.sa_handler != SIG_DFL;
}

#define TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, begin_children, end_children)

#endif
