/* SPDX-License-Identifier: MIT */
/*
 * gev_server, gev_serve
 */
#include "run.h"

#include "serving.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "support/proc.h"
#include "support/sock.h"

static int kept_fd;
static int keep_result;

static void serves_connections(void **state)
{
    int port, fd[20];
    struct gev_server *s = started(echo, &n_handled, &port);
    int before = proc_n_fds();

    (void)state;
    for (int i = 0; i < 20; i++) {
        fd[i] = sock_connect(port);
    }
    for (int i = 0; i < 20; i++) {
        exchange(fd[i]);
    }
    assert_ptr_equal(seen_arg, &n_handled);
    assert_int_equal(stats_of(s).connections, 20);
    assert_int_equal(stats_of(s).accepted, 20);
    assert_int_equal(stats_of(s).listeners, 1);
    for (int i = 0; i < 20; i++) {
        gev_close(fd[i]);
    }
    await_connections(s, 0);
    assert_int_equal(n_handled, 20);
    assert_int_equal(proc_n_fds(), before);
    assert_int_equal(gev_server_stop(s, 1), 0);
    assert_int_equal(stats_of(s).listeners, 0);
    gev_server_free(s);
}

static void at_the_limit_connections_queue(void **state)
{
    int port, fd[6];
    struct gev_server *s = started(echo, NULL, &port);

    (void)state;
    assert_int_equal(gev_server_max_connections(s, 2), 0);
    for (int i = 0; i < 6; i++) {
        fd[i] = sock_connect(port);
    }
    await_connections(s, 2);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_int_equal(stats_of(s).accepted, 2);
    for (int i = 0; i < 4; i++) {
        exchange(fd[i]);
        gev_close(fd[i]);
    }
    exchange(fd[4]);
    exchange(fd[5]);
    assert_true(stats_of(s).pauses >= 1);
    assert_int_equal(stats_of(s).max_connections, 2);
    assert_int_equal(gev_server_max_connections(s, 0), 0);
    gev_close(fd[4]);
    gev_close(fd[5]);
    assert_int_equal(gev_server_stop(s, 5), 0);
    assert_int_equal(n_handled, 6);
    gev_server_free(s);
}

static void raising_the_limit_resumes(void **state)
{
    int port;
    struct gev_server *s = started(echo, NULL, &port);

    (void)state;
    assert_int_equal(gev_server_max_connections(s, 1), 0);
    int a = sock_connect(port), b = sock_connect(port);
    await_connections(s, 1);
    assert_int_equal(gev_server_max_connections(s, 2), 0);
    await_connections(s, 2);
    exchange(b);
    gev_close(a);
    gev_close(b);
    assert_int_equal(gev_server_stop(s, 5), 0);
    gev_server_free(s);
}

static void several_listeners_and_a_unix_path(void **state)
{
    char path[] = "/tmp/gev-test-XXXXXX", addr[64];
    struct gev_server *s = gev_server_new(echo, NULL);
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(addr, sizeof addr, "unix:%s/s", path);
    int a = gev_server_listen(s, "127.0.0.1:0", 5, 0);
    assert_true(a >= 0);
    assert_true(gev_server_listen(s, addr, 0, 0) >= 0);
    assert_int_equal(gev_server_start(s), 0);
    assert_int_equal(gev_server_start(s), 0);
    int c = gev_server_listen(s, "127.0.0.1:0", 0, 0); /* while it runs */
    assert_true(c >= 0);
    assert_int_equal(stats_of(s).listeners, 3);
    int f1 = sock_connect(sock_port(a)), f2 = gev_dial(addr, 5),
        f3 = sock_connect(sock_port(c));
    assert_true(f2 >= 0);
    exchange(f1);
    exchange(f2);
    exchange(f3);
    gev_close(f1);
    gev_close(f2);
    gev_close(f3);
    assert_int_equal(stat(addr + 5, &st), 0);
    assert_int_equal(gev_server_stop(s, 5), 0);
    assert_int_equal(stat(addr + 5, &st), -1);
    gev_server_free(s);
    assert_int_equal(rmdir(path), 0);
}

static void another_ones_unix_path_is_left_alone(void **state)
{
    char path[] = "/tmp/gev-test-XXXXXX", addr[64];
    struct gev_server *s = gev_server_new(echo, NULL);
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(addr, sizeof addr, "unix:%s/s", path);
    assert_true(gev_server_listen(s, addr, 0, 0) >= 0);
    assert_int_equal(unlink(addr + 5), 0);
    int other = gev_listen(addr, 0, 0);
    assert_true(other >= 0);
    gev_server_free(s);
    assert_int_equal(stat(addr + 5, &st), 0);
    gev_close(other);
    unlink(addr + 5);
    assert_int_equal(rmdir(path), 0);
}

static void keeper(int fd, const struct sockaddr *peer, void *arg)
{
    (void)peer;
    (void)arg;
    keep_result = gev_server_keep();
    kept_fd = fd;
    n_handled++;
}

static void a_kept_descriptor_stays_open(void **state)
{
    int port;
    struct gev_server *s = started(keeper, NULL, &port);
    int fd = sock_connect(port);
    char c;

    (void)state;
    for (int i = 0; i < 2000 && n_handled == 0; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    await_connections(s, 0);
    assert_int_equal(keep_result, 0);
    assert_int_equal(gev_write(kept_fd, "x", 1), 1);
    assert_int_equal(gev_read(fd, &c, 1), 1);
    gev_close(kept_fd);
    assert_fails(gev_server_keep(), EINVAL);
    assert_int_equal(gev_server_stop(s, 1), 0);
    gev_server_free(s);
    close(fd);
}

static void leaver(int fd, const struct sockaddr *peer, void *arg)
{
    (void)fd;
    (void)peer;
    (void)arg;
    n_handled++;
    gev_exit(NULL);
}

static void a_handler_that_exits_is_cleaned_up(void **state)
{
    int port;
    struct gev_server *s = started(leaver, NULL, &port);
    int fd = sock_connect(port);
    char c;

    (void)state;
    assert_int_equal(gev_read(fd, &c, 1), 0);
    await_connections(s, 0);
    gev_server_free(s);
    close(fd);
}

static void failed_listeners_end_run(void **state)
{
    struct gev_server *s = gev_server_new(echo, NULL);
    int fd = gev_server_listen(s, "127.0.0.1:0", 0, 0);

    (void)state;
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0); /* accept: EINVAL */
    assert_fails(gev_server_run(s), EINVAL);
    gev_server_free(s);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_server_stats st;
    struct gev_server *s = gev_server_new(echo, NULL);

    (void)state;
    errno = 0;
    assert_null(gev_server_new(NULL, NULL));
    assert_int_equal(errno, EINVAL);
    assert_fails(gev_server_listen(NULL, "127.0.0.1:0", 0, 0), EINVAL);
    assert_fails(gev_server_listen(s, NULL, 0, 0), EINVAL);
    assert_fails(gev_server_listen(s, "nonsense", 0, 0), EINVAL);
    assert_fails(gev_server_start(s), EINVAL);
    assert_fails(gev_server_start(NULL), EINVAL);
    assert_fails(gev_server_run(NULL), EINVAL);
    assert_fails(gev_server_run(s), EINVAL);
    assert_fails(gev_server_stop(NULL, 1), EINVAL);
    assert_fails(gev_server_stop(s, -1), EINVAL);
    assert_fails(gev_server_stop(s, NAN), EINVAL);
    assert_fails(gev_server_max_connections(NULL, 1), EINVAL);
    assert_fails(gev_server_stop_on_signals(NULL, 1), EINVAL);
    assert_fails(gev_server_stop_on_signals(s, -1), EINVAL);
    assert_fails(gev_server_stats(NULL, &st, sizeof st), EINVAL);
    assert_fails(gev_server_stats(s, NULL, sizeof st), EINVAL);
    assert_fails(gev_server_stats(s, &st, 0), EINVAL);
    gev_server_free(s);
    assert_fails(gev_serve("nonsense", echo, NULL), EINVAL);
    assert_fails(gev_serve("127.0.0.1:0", NULL, NULL), EINVAL);
}

/* In a child with few descriptors: clients that outnumber them are all served
 * in the end, and nothing spins. */
static void echo_once(int fd, const struct sockaddr *peer, void *arg)
{
    char c;

    (void)peer;
    (void)arg;
    if (gev_read(fd, &c, 1) == 1) {
        (void)gev_write(fd, &c, 1);
        (void)gev_sleep(0.02); /* holds its descriptor for a while */
    }
    n_handled++;
}

enum { FEW = 64, CLIENTS = 200 };

static int few_descriptors_server(int ready)
{
    struct rlimit few = {FEW, FEW};
    struct gev_server *s = gev_server_new(echo_once, NULL);
    int fd = gev_server_listen(s, "127.0.0.1:0", 0, 0);
    int port = fd >= 0 ? sock_port(fd) : -1;
    struct gev_server_stats st;

    if (setrlimit(RLIMIT_NOFILE, &few) < 0 || gev_server_start(s) < 0 ||
        write(ready, &port, sizeof port) != sizeof port) {
        return 1;
    }
    double cpu = proc_cpu(), until = gev_now() + 30;
    while (n_handled < CLIENTS && gev_now() < until) {
        gev_sleep(0.01);
    }
    cpu = proc_cpu() - cpu;
    gev_server_stats(s, &st, sizeof st);
    gev_server_free(s);
    if (n_handled != CLIENTS || st.shed != 0 || st.backoffs == 0) {
        fprintf(stderr, "handled %d shed %lu backoffs %lu\n", n_handled,
                (unsigned long)st.shed, (unsigned long)st.backoffs);
        return 2;
    }
    return cpu < 1.0 ? 0 : 3;
}

static void without_descriptors_all_are_served_in_the_end(void **state)
{
    int p[2], port, fd[CLIENTS], status;
    char c;

    (void)state;
    if (under_valgrind()) {
        skip();
    }
    assert_int_equal(pipe(p), 0);
    assert_true(gev_raise_fd_limit() > CLIENTS + FEW);
    assert_int_equal(gev_shutdown(), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        n_handled = 0;
        _exit(few_descriptors_server(p[1]));
    }
    assert_int_equal(read(p[0], &port, sizeof port), sizeof port);
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = sock_connect(port);
        assert_int_equal(write(fd[i], "x", 1), 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(read(fd[i], &c, 1), 1);
        close(fd[i]);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close_pair(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_connections),
        cmocka_unit_test(at_the_limit_connections_queue),
        cmocka_unit_test(raising_the_limit_resumes),
        cmocka_unit_test(several_listeners_and_a_unix_path),
        cmocka_unit_test(another_ones_unix_path_is_left_alone),
        cmocka_unit_test(a_kept_descriptor_stays_open),
        cmocka_unit_test(a_handler_that_exits_is_cleaned_up),
        cmocka_unit_test(failed_listeners_end_run),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(without_descriptors_all_are_served_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
