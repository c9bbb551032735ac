/* SPDX-License-Identifier: MIT */
/*
 * gev_listen, gev_listen_udp, gev_accept
 */
#include "run.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "support/proc.h"
#include "support/sock.h"

static int option(int fd, int level, int name)
{
    int v = -1;
    socklen_t len = sizeof v;

    return getsockopt(fd, level, name, &v, &len) < 0 ? -1 : v;
}

static long job_accept(struct job *j)
{
    return gev_accept(j->fd, NULL, NULL);
}

static void listener_has_its_options(void **state)
{
    (void)state;
    errno = 4711;
    int fd = gev_listen("127.0.0.1:0", 0, GEV_REUSEPORT);
    assert_true(fd >= 0);
    assert_int_equal(errno, 4711);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    int c = sock_connect(sock_port(fd)), a = gev_accept(fd, NULL, NULL);
    assert_true(a >= 0);
    assert_true(option(a, IPPROTO_TCP, TCP_NODELAY) > 0);
    assert_true(fcntl(a, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(a, F_GETFD) & FD_CLOEXEC);
    gev_close(a);
    gev_close(fd);
    close(c);
}

static void every_address_takes_ipv4(void **state)
{
    (void)state;
    int fd = gev_listen(":0", 0, 0);
    assert_true(fd >= 0);
    int c = sock_connect(sock_port(fd)), a = gev_accept(fd, NULL, NULL);
    assert_true(a >= 0);
    gev_close(a);
    gev_close(fd);
    close(c);
    fd = gev_listen("[::]:0", 0, GEV_IPV6ONLY);
    if (fd >= 0) {
        assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        gev_close(fd);
    }
}

static void busy_port_is_eaddrinuse(void **state)
{
    char addr[32];
    int port, l = sock_listen(&port);

    (void)state;
    snprintf(addr, sizeof addr, "127.0.0.1:%d", port);
    assert_fails(gev_listen(addr, 0, 0), EADDRINUSE);
    close(l);
    assert_fails(gev_listen("192.0.2.1:1", 0, 0), EADDRNOTAVAIL);
}

static void stale_unix_path_is_replaced(void **state)
{
    char dir[] = "/tmp/gev-test-XXXXXX", addr[64];
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(addr, sizeof addr, "unix:%s/s", dir);
    int a = gev_listen(addr, 0, 0);
    assert_true(a >= 0);
    assert_fails(gev_listen(addr, 0, 0), EADDRINUSE);
    gev_close(a);
    assert_int_equal(stat(addr + 5, &st), 0);
    a = gev_listen(addr, 0, 0);
    assert_true(a >= 0);
    gev_close(a);
    unlink(addr + 5);
    a = open(addr + 5, O_CREAT | O_WRONLY, 0600);
    close(a);
    assert_fails(gev_listen(addr, 0, 0), EADDRINUSE);
    assert_int_equal(stat(addr + 5, &st), 0);
    unlink(addr + 5);
    a = gev_listen_udp(addr, 0);
    assert_true(a >= 0);
    assert_fails(gev_listen_udp(addr, 0), EADDRINUSE);
    gev_close(a);
    a = gev_listen_udp(addr, 0);
    assert_true(a >= 0);
    gev_close(a);
    unlink(addr + 5);
    rmdir(dir);
}

static void inherited_listener_is_taken_over(void **state)
{
    char addr[32];
    int port, l = sock_listen(&port), fds[2];

    (void)state;
    snprintf(addr, sizeof addr, "fd:%d", l);
    assert_int_equal(gev_listen(addr, 0, 0), l);
    assert_true(fcntl(l, F_GETFL) & O_NONBLOCK);
    int c = sock_connect(port), a = gev_accept(l, NULL, NULL);
    assert_true(a >= 0);
    snprintf(addr, sizeof addr, "fd:%d", a);
    assert_fails(gev_listen(addr, 0, 0), EINVAL);
    assert_int_equal(pipe(fds), 0);
    snprintf(addr, sizeof addr, "fd:%d", fds[0]);
    assert_fails(gev_listen(addr, 0, 0), ENOTSOCK);
    close_pair(fds);
    assert_fails(gev_listen(addr, 0, 0), EBADF);
    assert_fails(gev_listen("fd:", 0, 0), EINVAL);
    assert_fails(gev_listen("fd:-1", 0, 0), EINVAL);
    assert_fails(gev_listen("fd:3x", 0, 0), EINVAL);
    gev_close(a);
    gev_close(l);
    close(c);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    assert_fails(gev_listen(NULL, 0, 0), EINVAL);
    assert_fails(gev_listen("x", 0, 0), EINVAL);
    assert_fails(gev_listen("127.0.0.1:0", -1, 0), EINVAL);
    assert_fails(gev_listen("127.0.0.1:0", 0, 128), EINVAL);
    assert_fails(gev_listen_udp(NULL, 0), EINVAL);
    assert_fails(gev_listen_udp("127.0.0.1", 0), EINVAL);
    assert_fails(gev_listen_udp("127.0.0.1:0", 128), EINVAL);
}

static void accept_waits_and_gives_the_address(void **state)
{
    int port, l = sock_listen(&port);
    struct job j = {.fn = job_accept, .fd = l};
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;

    (void)state;
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    int c = sock_connect(port);
    job_join(g);
    assert_true(j.out.r >= 0);
    gev_close((int)j.out.r);
    int d = sock_connect(port);
    int a = gev_accept(l, (struct sockaddr *)&sa, &len);
    assert_true(a >= 0);
    assert_int_equal(len, sizeof sa);
    assert_int_equal(ntohs(sa.sin_port), sock_port(d));
    gev_close(a);
    gev_close(l);
    close(c);
    close(d);
}

static void accepters_queue(void **state)
{
    int port, l = sock_listen(&port), c[3];
    struct job j[3];
    struct gev_greenlet *g[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        j[i] = (struct job){.fn = job_accept, .fd = l};
        g[i] = job_start(&j[i]);
        assert_false(j[i].done);
    }
    for (int i = 0; i < 3; i++) {
        c[i] = sock_connect(port);
        job_join(g[i]); /* first come first served */
        assert_true(j[i].out.r >= 0);
        assert_true(i == 2 || !j[i + 1].done);
    }
    for (int i = 0; i < 3; i++) {
        gev_close((int)j[i].out.r);
        close(c[i]);
    }
    gev_close(l);
}

static void waiting_accept_ends(void **state)
{
    int l = sock_listen(NULL);
    struct job j = {.fn = job_accept, .fd = l};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(gev_settimeout(l, 0.01, GEV_FOREVER), 0);
    assert_fails(gev_accept(l, NULL, NULL), ETIMEDOUT);
    assert_int_equal(gev_settimeout(l, 0, GEV_FOREVER), 0);
    assert_fails(gev_accept(l, NULL, NULL), ETIMEDOUT);
    assert_int_equal(gev_settimeout(l, GEV_FOREVER, GEV_FOREVER), 0);
    g = job_start(&j);
    assert_int_equal(gev_close(l), 0);
    job_join(g);
    assert_outcome(j.out, -1, EBADF);
}

static void accept_on_what_is_no_listener(void **state)
{
    int fds[2], p[2];
    struct sockaddr sa;

    (void)state;
    sock_tcp_pair(fds);
    assert_int_equal(pipe(p), 0);
    assert_fails(gev_accept(fds[0], NULL, NULL), EINVAL);
    assert_fails(gev_accept(p[0], NULL, NULL), ENOTSOCK);
    assert_fails(gev_accept(-1, NULL, NULL), EBADF);
    assert_fails(gev_accept(fds[0], &sa, NULL), EFAULT);
    close_pair(fds);
    close_pair(p);
}

static void socket_that_listens_later_is_noticed(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct job j = {.fn = job_accept, .fd = fd};

    (void)state;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(gev_settimeout(fd, 5, 5), 0);
    assert_fails(gev_accept(fd, NULL, NULL), EINVAL);
    assert_int_equal(listen(fd, 1), 0);
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    int c = sock_connect(sock_port(fd));
    job_join(g);
    assert_true(j.out.r >= 0);
    gev_close((int)j.out.r);
    gev_close(fd);
    close(c);
}

static void seqpacket_connections_keep_messages_apart(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    socklen_t len = sizeof sa.sun_family + 20;
    char buf[8];

    (void)state;
    snprintf(sa.sun_path + 1, 20, "gev-seq-%d", (int)getpid());
    int l = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    int c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(l, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(l, 5), 0);
    assert_int_equal(gev_connect(c, (struct sockaddr *)&sa, len), 0);
    int a = gev_accept(l, NULL, NULL);
    assert_true(a >= 0);
    assert_int_equal(gev_write(c, "ab", 2), 2);
    assert_int_equal(gev_write(c, "cde", 3), 3);
    assert_int_equal(gev_readall(a, buf, sizeof buf), 2);
    assert_int_equal(gev_recv(a, buf, sizeof buf, MSG_WAITALL), 3);
    gev_close(a);
    gev_close(c);
    gev_close(l);
}

static long accept_on_hub(void *arg)
{
    return gev_accept(*(int *)arg, NULL, NULL);
}

static void the_hub_may_not_accept(void **state)
{
    int l = sock_listen(NULL);

    (void)state;
    assert_outcome(run_on_hub(accept_on_hub, &l), -1, EPERM);
    gev_close(l);
}

static int accept_without_descriptors(void)
{
    int port, l = sock_listen(&port), c = sock_connect(port), n = 0, fd[64];
    struct rlimit few = {32, 32};

    if (gev_init() < 0 || setrlimit(RLIMIT_NOFILE, &few) < 0) {
        return 1;
    }
    while (n < 64 && (fd[n] = dup(c)) >= 0) {
        n++;
    }
    if (gev_accept(l, NULL, NULL) != -1 || errno != EMFILE) {
        return 2;
    }
    close(fd[n - 1]);
    return gev_accept(l, NULL, NULL) >= 0 ? 0 : 3;
}

static void without_descriptors_it_is_emfile(void **state)
{
    int status;

    (void)state;
    if (under_valgrind()) {
        skip();
    }
    assert_int_equal(gev_shutdown(), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(accept_without_descriptors());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listener_has_its_options),
        cmocka_unit_test(every_address_takes_ipv4),
        cmocka_unit_test(busy_port_is_eaddrinuse),
        cmocka_unit_test(stale_unix_path_is_replaced),
        cmocka_unit_test(inherited_listener_is_taken_over),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(accept_waits_and_gives_the_address),
        cmocka_unit_test(accepters_queue),
        cmocka_unit_test(waiting_accept_ends),
        cmocka_unit_test(accept_on_what_is_no_listener),
        cmocka_unit_test(socket_that_listens_later_is_noticed),
        cmocka_unit_test(seqpacket_connections_keep_messages_apart),
        cmocka_unit_test(the_hub_may_not_accept),
        cmocka_unit_test(without_descriptors_it_is_emfile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
