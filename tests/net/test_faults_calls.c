/* SPDX-License-Identifier: MIT */
/*
 * A failing system call and the calls of net that move no stream: connections,
 * datagrams, descriptors passed on, poll and select, settings. See faults.h.
 */
#include "faults.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N_DATAGRAMS = 6, N_POLLED = 4 };

/* Who meets whom where. */
static struct {
    const char *at;
    char addr[GEV_ADDRSTRLEN];
    int listener;
    bool connects; /* gev_connect() on a socket of the guest's own */
    bool met;
} m;

static int again_listen(const char *at)
{
    int fd;

    do {
        fd = gev_listen(at, 0, 0);
    } while (refused(fd));
    return fd;
}

static void again_sockname(int fd, char *buf, size_t size)
{
    int r;

    do {
        r = gev_sockname(fd, buf, size);
    } while (refused(r));
}

/* A connection that was taken without memory to know it is closed: its client
 * sees that, as any client must. */
static void *host(void *unused)
{
    char c;

    while (!m.met) {
        int fd = gev_accept(m.listener, NULL, NULL);
        if (fd < 0 && (m.met || !refused(fd))) {
            break;
        }
        if (fd >= 0) {
            if (gev_read(fd, &c, 1) == 1) {
                (void)gev_write(fd, &c, 1);
            }
            close_once(fd);
        }
    }
    return unused;
}

/* Connects a plain, blocking socket. */
static int connect_plain(void)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int fd, r;

    want(gev_addr_parse(m.addr, &sa, &len) == 0);
    do {
        fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    } while (refused(fd));
    do {
        r = gev_connect(fd, (struct sockaddr *)&sa, len);
    } while (refused(r));
    return fd;
}

static int dial(void)
{
    int fd;

    if (m.connects) {
        return connect_plain();
    }
    do {
        fd = gev_dial(m.addr, LIMIT);
    } while (refused(fd));
    return fd;
}

static void *guest(void *unused)
{
    char peer[GEV_ADDRSTRLEN], c = 'x';
    int n_tries = 0, r;

    while (!m.met && n_tries++ < MAX_TRIES) {
        int fd = dial();
        do {
            r = gev_peername(fd, peer, sizeof peer);
        } while (refused(r));
        m.met = gev_write(fd, &c, 1) == 1 && gev_read(fd, &c, 1) == 1;
        close_once(fd);
    }
    want(m.met && (n_tries == 1 || !round_.again));
    close_once(m.listener); /* ends the host */
    return unused;
}

static void meeting(void)
{
    struct gev_greenlet *h, *g;

    m.met = false;
    arm();
    m.listener = again_listen(m.at);
    again_sockname(m.listener, m.addr, sizeof m.addr);
    h = go(host, NULL);
    g = go(guest, NULL);
    join(g);
    join(h);
    disarm();
}

static void connections_over_tcp_are_made_in_the_end(void **state)
{
    (void)state;
    m.at = "127.0.0.1:0";
    m.connects = false;
    assert_true(against_all(meeting) >= 40);
}

static void plain_sockets_are_connected_in_the_end(void **state)
{
    (void)state;
    m.at = "127.0.0.1:0";
    m.connects = true;
    assert_true(against_all(meeting) >= 40);
}

static void abstract_unix_connections_are_made_in_the_end(void **state)
{
    char at[64];

    (void)state;
    snprintf(at, sizeof at, "unix:@gev-faults-%d", (int)getpid());
    m.at = at;
    m.connects = false;
    assert_true(against_all(meeting) >= 30);
}

/* The path of the round before is stale each time. Where that cannot be found
 * out the address counts as in use. */
static void a_stale_path_is_replaced_in_the_end(void **state)
{
    char path[] = "/tmp/gev-faults-XXXXXX", at[64];

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(at, sizeof at, "unix:%s/s", path);
    m.at = at;
    m.connects = false;
    round_.also = EADDRINUSE;
    assert_true(against_all(meeting) >= 30);
    round_.also = 0;
    assert_int_equal(unlink(at + sizeof "unix:" - 1), 0);
    assert_int_equal(rmdir(path), 0);
}

static void every_address_falls_back_to_ipv4(void **state)
{
    (void)state;
    m.at = ":0";
    m.connects = false;
    assert_true(against(meeting, FAULT_SOCKET, EAFNOSUPPORT) >= 1);
    assert_true(against(meeting, FAULT_BIND, EADDRNOTAVAIL) >= 1);
}

static int udp;

/* Sends each datagram back to who sent it. */
static void *reflect(void *unused)
{
    for (int i = 0; i < N_DATAGRAMS; i++) {
        struct sockaddr_storage sa;
        socklen_t len;
        char buf[16];
        ssize_t n, r;

        do {
            len = sizeof sa;
            n = gev_recvfrom(udp, buf, sizeof buf, 0, (struct sockaddr *)&sa,
                             &len);
        } while (refused(n));
        do {
            r = gev_sendto(udp, buf, (size_t)n, 0, (struct sockaddr *)&sa, len);
        } while (refused(r));
        want(n == r);
    }
    return unused;
}

static void send_and_receive(int fd, char first)
{
    char out[3] = {first, 'b', 'c'}, in[8];
    struct iovec v = {out, 3}, w = {in, sizeof in};
    struct msghdr to = {.msg_iov = &v, .msg_iovlen = 1};
    struct msghdr from = {.msg_iov = &w, .msg_iovlen = 1};
    ssize_t n;

    do {
        n = gev_sendmsg(fd, &to, 0);
    } while (refused(n));
    want(n == 3);
    do {
        n = gev_recvmsg(fd, &from, 0);
    } while (refused(n));
    want(n == 3 && memcmp(in, out, 3) == 0);
}

static void datagrams(void)
{
    char addr[GEV_ADDRSTRLEN];
    struct gev_greenlet *g;
    int fd;

    arm();
    do {
        udp = gev_listen_udp("127.0.0.1:0", 0);
    } while (refused(udp));
    again_sockname(udp, addr, sizeof addr);
    do {
        fd = gev_dial_udp(addr);
    } while (refused(fd));
    g = go(reflect, NULL);
    for (int i = 0; i < N_DATAGRAMS; i++) {
        send_and_receive(fd, (char)('0' + i));
    }
    join(g);
    close_once(fd);
    close_once(udp);
    disarm();
}

static void no_datagram_is_lost_or_sent_twice(void **state)
{
    (void)state;
    assert_true(against_all(datagrams) >= 60);
}

static int channel[2];

static void *receive_fd(void *unused)
{
    ssize_t n;
    int fd;

    do {
        fd = gev_recv_fd(channel[0]);
    } while (refused(fd));
    do {
        n = gev_write(fd, "passed", 6);
    } while (refused(n));
    close_once(fd);
    return unused;
}

static void pass_a_pipe(void)
{
    struct gev_greenlet *g;
    int fds[2], r;
    char buf[6];
    ssize_t n;

    arm();
    do {
        r = gev_socketpair(SOCK_STREAM, channel);
    } while (refused(r));
    do {
        r = gev_pipe(fds);
    } while (refused(r));
    g = go(receive_fd, NULL);
    do {
        r = gev_send_fd(channel[1], fds[1]);
    } while (refused(r));
    do {
        n = gev_read(fds[0], buf, sizeof buf);
    } while (refused(n));
    want(n == 6 && memcmp(buf, "passed", 6) == 0);
    join(g);
    for (int i = 0; i < 2; i++) {
        close_once(fds[i]);
        close_once(channel[i]);
    }
    disarm();
}

static void a_descriptor_is_passed_once(void **state)
{
    (void)state;
    assert_true(against_all(pass_a_pipe) >= 40);
}

static int idle[2], busy[2];

static void *write_later(void *unused)
{
    ssize_t n;
    int r;

    for (int i = 0; i < 3; i++) {
        do {
            r = gev_yield();
        } while (refused(r));
    }
    do {
        n = gev_write(busy[1], "x", 1);
    } while (refused(n));
    return unused;
}

/* A descriptor twice, and events that need an epoll instance of their own. */
static void *poll_both(void *unused)
{
    struct pollfd p[N_POLLED] = {{.fd = idle[0], .events = POLLIN},
                                 {.fd = busy[0], .events = POLLIN},
                                 {.fd = idle[0], .events = POLLRDHUP},
                                 {.fd = idle[1], .events = POLLPRI}};
    int r;

    do {
        r = gev_poll(p, N_POLLED, (int)LIMIT * 1000);
    } while (refused(r));
    want(r == 1);
    want(!p[0].revents && p[1].revents == POLLIN && !p[2].revents);
    return unused;
}

static void *select_both(void *unused)
{
    struct timeval limit = {(time_t)LIMIT, 0};
    fd_set rd, ex;
    int r;

    FD_ZERO(&rd);
    FD_ZERO(&ex);
    FD_SET(idle[0], &rd);
    FD_SET(busy[0], &rd);
    FD_SET(idle[1], &ex);
    for (;;) { /* on error the sets are as they were */
        r = gev_select(FD_SETSIZE, &rd, NULL, &ex, &limit);
        if (!refused(r)) {
            break;
        }
        want(FD_ISSET(idle[0], &rd) && FD_ISSET(busy[0], &rd));
        want(FD_ISSET(idle[1], &ex));
    }
    want(r == 1 && FD_ISSET(busy[0], &rd) && !FD_ISSET(idle[0], &rd));
    return unused;
}

static void *wait_for_one(void *unused)
{
    int r;

    do {
        r = gev_wait_fd(busy[0], GEV_READ, LIMIT);
    } while (refused(r));
    want(r == GEV_READ);
    return unused;
}

/* All three wait for the same byte. */
static void observe(void)
{
    struct gev_greenlet *g[4];

    sock_pair(idle, true);
    sock_pair(busy, false);
    arm();
    g[0] = go(poll_both, NULL);
    g[1] = go(select_both, NULL);
    g[2] = go(wait_for_one, NULL);
    g[3] = go(write_later, NULL);
    for (int i = 0; i < 4; i++) {
        join(g[i]);
    }
    disarm();
    close_pair(idle);
    close_pair(busy);
}

static void poll_and_select_answer_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all(observe) >= 30);
}

static void set_and_forget(void)
{
    int fds[2], r;
    char c;

    sock_pair(fds, false);
    arm();
    do { /* both anew: an EBADF means closed, and limits are forgotten then */
        r = gev_settimeout(fds[0], 0.001, 1);
        if (r == 0) {
            r = (int)gev_read(fds[0], &c, 1);
        }
    } while (r < 0 && errno != ETIMEDOUT && refused(r));
    want(r < 0 && errno == ETIMEDOUT);
    want(gev_fd_forget(fds[0]) == 0);
    do {
        r = gev_shutdown_fd(fds[1], SHUT_WR);
    } while (refused(r));
    do {
        r = (int)gev_read(fds[0], &c, 1);
    } while (refused(r));
    want(r == 0);
    do {
        r = gev_raise_fd_limit() > 0 ? 0 : -1;
    } while (refused(r));
    close_once(fds[0]);
    close_once(fds[1]);
    disarm();
}

static void settings_are_made_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all(set_and_forget) >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_over_tcp_are_made_in_the_end),
        cmocka_unit_test(plain_sockets_are_connected_in_the_end),
        cmocka_unit_test(abstract_unix_connections_are_made_in_the_end),
        cmocka_unit_test(a_stale_path_is_replaced_in_the_end),
        cmocka_unit_test(every_address_falls_back_to_ipv4),
        cmocka_unit_test(no_datagram_is_lost_or_sent_twice),
        cmocka_unit_test(a_descriptor_is_passed_once),
        cmocka_unit_test(poll_and_select_answer_in_the_end),
        cmocka_unit_test(settings_are_made_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
