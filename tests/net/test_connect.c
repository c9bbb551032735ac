/* SPDX-License-Identifier: MIT */
/*
 * gev_connect, gev_dial, gev_dial_udp
 */
#include "run.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/sock.h"

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static const char *address(int port)
{
    static char buf[32];

    snprintf(buf, sizeof buf, "127.0.0.1:%d", port);
    return buf;
}

static void dial_connects(void **state)
{
    int port, l = sock_listen(&port), on = 0;
    socklen_t len = sizeof on;

    (void)state;
    errno = 4711;
    int fd = gev_dial(address(port), 5);
    assert_true(fd >= 0);
    assert_int_equal(errno, 4711);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_true(on);
    gev_close(fd);
    close(l);
}

static void refused_is_econnrefused(void **state)
{
    struct sockaddr_in sa = loopback(sock_closed_port());
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_fails(gev_dial(address(ntohs(sa.sin_port)), 5), ECONNREFUSED);
    assert_fails(gev_connect(fd, (struct sockaddr *)&sa, sizeof sa),
                 ECONNREFUSED);
    gev_close(fd);
    assert_fails(gev_dial("unix:/nonexistent/x", 5), ENOENT);
    assert_fails(gev_dial("unix:@gev-nobody-listens", 5), ECONNREFUSED);
}

static void blocking_socket_keeps_its_flags(void **state)
{
    int port, l = sock_listen(&port);
    struct sockaddr_in sa = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(gev_connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_fails(gev_connect(fd, (struct sockaddr *)&sa, sizeof sa), EISCONN);
    gev_close(fd);
    close(l);
}

static void datagram_sockets_connect_at_once(void **state)
{
    int peer = gev_listen_udp("127.0.0.1:0", 0);
    char c;

    (void)state;
    assert_true(peer >= 0);
    int fd = gev_dial_udp(address(sock_port(peer)));
    assert_true(fd >= 0);
    assert_int_equal(gev_write(fd, "x", 1), 1);
    assert_int_equal(gev_read(peer, &c, 1), 1);
    gev_close(fd);
    gev_close(peer);
}

static long job_dial(struct job *j)
{
    return gev_dial(j->arg, GEV_FOREVER);
}

/* A UNIX listener with a full backlog: connect(2) gives EAGAIN, and no event
 * tells when there is room again. */
static void full_unix_backlog_is_waited_for(void **state)
{
    char addr[64];
    int n = 0, fd[16], c;
    struct job j = {.fn = job_dial, .arg = addr};

    (void)state;
    snprintf(addr, sizeof addr, "unix:@gev-test-%d", (int)getpid());
    int l = gev_listen(addr, 1, 0);
    assert_true(l >= 0);
    while (n < 16 && (fd[n] = gev_dial(addr, 0)) >= 0) {
        n++;
    }
    assert_in_range(n, 1, 15);
    assert_int_equal(errno, ETIMEDOUT);
    assert_fails(gev_dial(addr, 0.02), ETIMEDOUT);
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_false(j.done);
    c = gev_accept(l, NULL, NULL);
    assert_true(c >= 0);
    job_join(g);
    assert_true(j.out.r >= 0);
    gev_close((int)j.out.r);
    gev_close(c);
    while (n > 0) {
        gev_close(fd[--n]);
    }
    gev_close(l);
}

static long job_connect(struct job *j)
{
    return gev_connect(j->fd, j->arg, sizeof(struct sockaddr_in));
}

/* A listener whose queue is full: Linux drops what asks to connect, so the
 * caller waits. Port in @ret_port; @ret_filler is the one that fills it. */
static int full_listener(int *ret_port, int *ret_filler)
{
    int l = sock_listen(ret_port);

    assert_int_equal(listen(l, 0), 0);
    *ret_filler = sock_connect(*ret_port);
    return l;
}

static void waiting_connect_ends(void **state)
{
    int port, filler, l = full_listener(&port, &filler);
    struct sockaddr_in sa = loopback(port);
    struct job j = {.fn = job_connect, .arg = &sa};

    (void)state;
    int fd = j.fd = socket(AF_INET, SOCK_STREAM, 0);
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_fails(gev_connect(fd, (struct sockaddr *)&sa, sizeof sa), EBUSY);
    assert_int_equal(gev_close(fd), 0);
    job_join(g);
    assert_outcome(j.out, -1, EBADF);
    assert_fails(gev_dial(address(port), 0), ETIMEDOUT);
    assert_fails(gev_dial(address(port), 0.02), ETIMEDOUT);
    fd = j.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(gev_settimeout(fd, GEV_FOREVER, 0.02), 0);
    assert_outcome(job_run(&j), -1, ETIMEDOUT);
    gev_close(fd);
    j.done = false;
    fd = j.fd = socket(AF_INET, SOCK_STREAM, 0);
    g = job_start(&j);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    gev_close(fd);
    close(l);
    close(filler);
}

static void an_attempt_given_up_can_be_joined(void **state)
{
    int port, filler, l = full_listener(&port, &filler);
    struct sockaddr_in sa = loopback(port);
    struct job j = {.fn = job_connect, .arg = &sa};

    (void)state;
    int fd = j.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(gev_settimeout(fd, GEV_FOREVER, 0.02), 0);
    assert_outcome(job_run(&j), -1, ETIMEDOUT);
    close(accept(l, NULL, NULL)); /* room for the SYN that is sent again */
    assert_int_equal(gev_settimeout(fd, GEV_FOREVER, 10), 0);
    assert_outcome(job_run(&j), 0, 0);
    gev_close(fd);
    close(l);
    close(filler);
}

static void bad_arguments_are_refused(void **state)
{
    struct sockaddr_in sa = loopback(1);
    int p[2];

    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_fails(gev_connect(-1, (struct sockaddr *)&sa, sizeof sa), EBADF);
    assert_fails(gev_connect(p[0], (struct sockaddr *)&sa, sizeof sa),
                 ENOTSOCK);
    close_pair(p);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_fails(gev_connect(fd, NULL, 0), EINVAL);
    gev_close(fd);
    assert_fails(gev_dial(NULL, 1), EINVAL);
    assert_fails(gev_dial("localhost", 1), EINVAL);
    assert_fails(gev_dial("127.0.0.1:1", -1), EINVAL);
    assert_fails(gev_dial("127.0.0.1:1", NAN), EINVAL);
    assert_fails(gev_dial_udp(NULL), EINVAL);
    assert_fails(gev_dial_udp("x"), EINVAL);
}

static long dial_on_hub(void *arg)
{
    return gev_dial(arg, 1);
}

static void the_hub_may_not_dial(void **state)
{
    (void)state;
    assert_outcome(run_on_hub(dial_on_hub, (void *)(uintptr_t) "127.0.0.1:1"),
                   -1, EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dial_connects),
        cmocka_unit_test(refused_is_econnrefused),
        cmocka_unit_test(blocking_socket_keeps_its_flags),
        cmocka_unit_test(datagram_sockets_connect_at_once),
        cmocka_unit_test(full_unix_backlog_is_waited_for),
        cmocka_unit_test(waiting_connect_ends),
        cmocka_unit_test(an_attempt_given_up_can_be_joined),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(the_hub_may_not_dial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
