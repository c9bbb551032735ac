/* SPDX-License-Identifier: MIT */
/*
 * poll, select, epoll_wait; children; names: while something fails
 *
 * As test_faults.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#include "faults.h"
#include "playing.h"

#define PLAY(ops, last) play(ops, sizeof(ops) / sizeof *(ops), last)

static void send_word(void)
{
    (void)!write(fds[1], out, 6);
}

static void nothing(void)
{
}

/* --- waiting --- */

static long call_poll(void)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};

    return poll(&p, 1, -1) == 1 ? p.revents : -1;
}

static long call_ppoll(void)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    sigset_t none;

    sigemptyset(&none);
    return ppoll(&p, 1, NULL, &none) == 1 ? p.revents : -1;
}

static long call_select(void)
{
    fd_set r;

    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    return select(fds[0] + 1, &r, NULL, NULL, NULL) == 1 ? FD_ISSET(fds[0], &r)
                                                         : -1;
}

static long call_pselect(void)
{
    fd_set r;
    sigset_t none;

    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    sigemptyset(&none);
    return pselect(fds[0] + 1, &r, NULL, NULL, NULL, &none) == 1
               ? FD_ISSET(fds[0], &r)
               : -1;
}

static long wait_with(int how)
{
    int ep = epoll_create1(0), n;
    struct epoll_event e = {.events = EPOLLIN}, got = {0};

    epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
    n = how == 0   ? epoll_wait(ep, &got, 1, -1)
        : how == 1 ? epoll_pwait(ep, &got, 1, -1, NULL)
                   : epoll_pwait2(ep, &got, 1, NULL, NULL);
    close(ep);
    return n == 1 ? (long)got.events : -1;
}

static long call_epoll_wait(void)
{
    return wait_with(0);
}

static long call_epoll_pwait(void)
{
    return wait_with(1);
}

static long call_epoll_pwait2(void)
{
    return wait_with(2);
}

static void waiting(void **state)
{
    static const struct op ops[] = {
        {"poll", unix_stream, call_poll, send_word, POLLIN, 0},
        {"ppoll", unix_stream, call_ppoll, send_word, POLLIN, 0},
        {"select", unix_stream, call_select, send_word, 1, 0},
        {"pselect", unix_stream, call_pselect, send_word, 1, 0},
        {"epoll_wait", unix_stream, call_epoll_wait, send_word, EPOLLIN, 0},
        {"epoll_pwait", unix_stream, call_epoll_pwait, send_word, EPOLLIN, 0},
        {"epoll_pwait2", unix_stream, call_epoll_pwait2, send_word, EPOLLIN, 0},
    };

    (void)state;
    PLAY(ops, FAULTS_MEMORY); /* a poll(2) that fails is theirs to tell */
}

/* --- sleeping --- */

static long call_usleep(void)
{
    return usleep(1000);
}

static long call_nanosleep(void)
{
    return nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static long call_clock_nanosleep(void)
{
    struct timespec t;

    if (clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1000000},
                        NULL) != 0) {
        return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void sleeping(void **state)
{
    static const struct op ops[] = {
        {"usleep", unix_stream, call_usleep, nothing, 0, 0},
        {"nanosleep", unix_stream, call_nanosleep, nothing, 0, 0},
        {"clock_nanosleep", unix_stream, call_clock_nanosleep, nothing, 0, 0},
    };

    (void)state;
    PLAY(ops, FAULTS_MEMORY);
}

static void a_section_that_cannot_be_noted_is_refused(void **state)
{
    (void)state;
    faults_arm(FAULTS_ONE, FAULT_gev_setspecific, 1, ENOMEM, false);
    assert_int_equal(gev_passthrough_begin(), -1);
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(faults_disarm(), 1);
    assert_int_equal(gev_passthrough_end(), -1);
    assert_int_equal(errno, EINVAL);
}

/* --- children --- */

/* One that ends, with 3, when the peer says so. */
static pid_t child(void)
{
    pid_t pid = fork();
    char c;

    if (pid == 0) {
        faults_disarm();
        close(fds[1]);
        (void)!read(fds[0], &c, 1);
        _exit(3);
    }
    return pid;
}

static void end_child(void)
{
    shutdown(fds[1], SHUT_WR);
}

static long status_of(pid_t pid, pid_t r, int *status)
{
    if (r == pid) {
        return WIFEXITED(*status) ? WEXITSTATUS(*status) : *status;
    }
    int err = errno;
    end_child();
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
    }
    errno = err;
    return -1;
}

static long call_waitpid(void)
{
    pid_t pid = child();
    int status = 0;

    return status_of(pid, waitpid(pid, &status, 0), &status);
}

static long call_wait(void)
{
    pid_t pid = child();
    int status = 0;

    return status_of(pid, wait(&status), &status);
}

static long call_wait3(void)
{
    pid_t pid = child();
    int status = 0;

    return status_of(pid, wait3(&status, 0, NULL), &status);
}

static long call_wait4(void)
{
    pid_t pid = child();
    int status = 0;

    return status_of(pid, wait4(pid, &status, 0, NULL), &status);
}

static long call_waitid(void)
{
    pid_t pid = child();
    siginfo_t info;

    if (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0) {
        return status_of(pid, -1, &info.si_status);
    }
    return info.si_status;
}

static long call_waitid_pidfd(void)
{
    pid_t pid = child();
    int fd = pidfd_open(pid, 0), r;
    siginfo_t info;

    r = waitid(P_PIDFD, (id_t)fd, &info, WEXITED);
    close(fd);
    return r < 0 ? status_of(pid, -1, &info.si_status) : info.si_status;
}

static long call_wait4_untraced(void)
{
    pid_t pid = child();
    int status = 0;

    return status_of(pid, wait4(pid, &status, WUNTRACED, NULL), &status);
}

/* The shell, too, ends when the peer says so: fds[0] is its input. */
static long call_system(void)
{
    char command[64];
    int status;

    snprintf(command, sizeof command, "read x <&%d; exit 3", fds[0]);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    status = system(command);
    return status < 0 ? -1 : WEXITSTATUS(status);
}

static long call_popen(void)
{
    FILE *f = popen("printf hello; exit 3", "re");
    int status;

    if (!f) {
        return -1;
    }
    while (fread(in, 1, 5, f) > 0) {
    }
    status = pclose(f);
    return status < 0 ? -1 : WEXITSTATUS(status);
}

static void no_child_is_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void children(void **state)
{
    static const struct op ops[] = {
        {"waitpid", unix_stream, call_waitpid, end_child, 3, 0},
        {"wait", unix_stream, call_wait, end_child, 3, 0},
        {"wait3", unix_stream, call_wait3, end_child, 3, 0},
        {"wait4", unix_stream, call_wait4, end_child, 3, 0},
        {"waitid", unix_stream, call_waitid, end_child, 3, 0},
        {"wait4, untraced", unix_stream, call_wait4_untraced, end_child, 3, 0},
        {"system", unix_stream, call_system, end_child, 3, 0},
    };
    static const struct op by_pidfd[] = {
        {"waitid, pidfd", unix_stream, call_waitid_pidfd, end_child, 3, 0},
    };

    (void)state;
    PLAY(ops, FAULTS_LOOKING);
    PLAY(by_pidfd, FAULTS_MEMORY); /* its own pidfd_open(2) is the test's */
    no_child_is_left();
}

/* What it takes to start a shell. */
static const int starting[] = {
    FAULT_posix_spawn,
    FAULT_posix_spawnattr_init,
    FAULT_posix_spawn_file_actions_init,
    FAULT_posix_spawn_file_actions_adddup2,
    FAULT_fdopen,
    FAULT_malloc,
    GEV__N_pipe2,
};

static void a_stream_that_cannot_be_opened_leaves_nothing(void **state)
{
    static const struct op op = {"popen", unix_stream, call_popen,
                                 nothing, 3,           0};

    (void)state;
    for (size_t i = 0; i < sizeof starting / sizeof *starting; i++) {
        struct round r = {.op = &op,
                          .of = FAULTS_ONE,
                          .one = starting[i],
                          .error = ENOMEM,
                          .may_fail = true};

        play_all(&r);
        assert_true(r.k > 1);
        no_child_is_left();
    }
}

/* As libc's: like a shell that exits with 127. */
static void a_shell_that_cannot_be_started_is_127(void **state)
{
    static const struct op op = {"system", unix_stream, call_system,
                                 nothing,  127,         0};
    struct sigaction before, after;

    (void)state;
    sigaction(SIGINT, NULL, &before);
    for (int i = 0; i < 2; i++) {
        struct round r = {.op = &op,
                          .of = FAULTS_ONE,
                          .one = starting[i],
                          .error = ENOMEM,
                          .sticky = true};

        play_one(&r);
        assert_int_equal(r.fired, 1);
    }
    sigaction(SIGINT, NULL, &after);
    assert_ptr_equal(after.sa_handler, before.sa_handler);
}

static FILE *stream;

static void *open_stream(void *arg)
{
    stream = popen("cat", "w");
    return arg;
}

static void *close_late(void *arg)
{
    while (gev_sleep(10) == 0) {
    }
    *(int *)arg = pclose(stream) == 0 ? 0 : errno;
    return NULL;
}

/* Its child may run for long: it is not waited for. */
static void a_killed_greenlets_pclose_does_not_block(void **state)
{
    static int err;
    struct gev_greenlet *g = gev_spawn(open_stream, NULL);
    pid_t pid;
    int held;

    (void)state;
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    gev_unref(g);
    assert_non_null(stream);
    held = dup(fileno(stream)); /* cat goes on reading */
    g = gev_spawn(close_late, &err);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, GEV_FOREVER), 0);
    gev_unref(g);
    assert_int_equal(err, ECANCELED);
    close(held);
    pid = waitpid(-1, NULL, 0);
    assert_true(pid > 0);
}

/* --- names --- */

static long call_gethostbyname(void)
{
    struct hostent host, *found = NULL;
    char buf[1024];
    int h_err = 0, rc;

    rc = gethostbyname_r("127.0.0.1", &host, buf, sizeof buf, &found, &h_err);
    if (rc == 0 && found) {
        return 0;
    }
    errno = h_err == TRY_AGAIN ? rc : EINVAL;
    return -1;
}

static void names(void **state)
{
    static const struct op op = {
        "gethostbyname_r", unix_stream, call_gethostbyname, nothing, 0, 0};
    struct round r = {
        .op = &op, .of = FAULTS_MEMORY, .error = ENOMEM, .may_fail = true};

    (void)state;
    play_all(&r);
    assert_true(r.k > 2);
}

static struct hostent *found[2];

static void *look_up(void *which)
{
    found[(intptr_t)which] = gethostbyname("127.0.0.1");
    return NULL;
}

/* The buffer of one must not be freed under the other. */
static void two_look_up_at_once(void **state)
{
    struct in_addr a;

    (void)state;
    for (intptr_t i = 0; i < 2; i++) {
        assert_int_equal(gev_go(look_up, (void *)i), 0);
    }
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_non_null(found[0]);
    assert_non_null(found[1]);
    memcpy(&a, found[1]->h_addr_list[0], sizeof a);
    assert_int_equal(a.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(faults_balance(), 1); /* the last one's buffer */
    for (long k = 1; k < 4; k++) {
        faults_arm(FAULTS_MEMORY, 0, k, ENOMEM, false);
        found[0] = gethostbyname("127.0.0.1");
        if (faults_disarm()) {
            assert_null(found[0]);
            assert_int_equal(h_errno, TRY_AGAIN);
        }
    }
    assert_int_equal(faults_balance(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting),
        cmocka_unit_test(sleeping),
        cmocka_unit_test(a_section_that_cannot_be_noted_is_refused),
        cmocka_unit_test(children),
        cmocka_unit_test(a_stream_that_cannot_be_opened_leaves_nothing),
        cmocka_unit_test(a_shell_that_cannot_be_started_is_127),
        cmocka_unit_test(a_killed_greenlets_pclose_does_not_block),
        cmocka_unit_test(names),
        cmocka_unit_test(two_look_up_at_once),
    };

    return play_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
