/* SPDX-License-Identifier: MIT */
/*
 * A failing system call loses no byte and no descriptor: streams and pipes
 *
 * Every way to send against a way to receive, over every kind of descriptor. See
 * faults.h; test_faults_calls.c has the other calls of net, test_faults_server.c
 * the server.
 */
#include "faults.h"

#include <sys/mman.h>
#include <sys/socket.h>

enum {
    N_BYTES = 24000,
    PUT_AT_ONCE = 5000,
    GET_AT_ONCE = 1900,
    SMALL_BUFFER = 4096,
};

static char data[N_BYTES]; /* what is sent */
static int file = -1;      /* the same, for gev_sendfile() */

typedef ssize_t put_fn(int fd, const char *p, size_t n);
typedef ssize_t get_fn(int fd, char *p, size_t n);

/* The stream of the scenario. */
static struct {
    void (*open)(int fds[2]); /* fds[0] receives */
    put_fn *put;
    get_fn *get;
    int fds[2];
    size_t n_put, n_got;
} s;

/* Takes the first half as a buffer of its own. */
static int halves(const char *p, size_t n, struct iovec v[2])
{
    v[0] = (struct iovec){(void *)(uintptr_t)p, n / 2};
    v[1] = (struct iovec){(void *)(uintptr_t)(p + n / 2), n - n / 2};
    return 2;
}

static ssize_t put_write(int fd, const char *p, size_t n)
{
    return gev_write(fd, p, n);
}

static ssize_t put_writev(int fd, const char *p, size_t n)
{
    struct iovec v[2];

    return gev_writev(fd, v, halves(p, n, v));
}

static ssize_t put_writeall(int fd, const char *p, size_t n)
{
    return gev_writeall(fd, p, n);
}

static ssize_t put_writevall(int fd, const char *p, size_t n)
{
    struct iovec v[2];

    return gev_writevall(fd, v, halves(p, n, v));
}

static ssize_t put_send(int fd, const char *p, size_t n)
{
    return gev_send(fd, p, n, 0);
}

static ssize_t put_sendto(int fd, const char *p, size_t n)
{
    return gev_sendto(fd, p, n, 0, NULL, 0);
}

static ssize_t put_sendmsg(int fd, const char *p, size_t n)
{
    struct iovec v[2];
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};

    halves(p, n, v);
    return gev_sendmsg(fd, &msg, 0);
}

static ssize_t put_sendfile(int fd, const char *p, size_t n)
{
    off_t begin = p - data, at = begin;
    ssize_t r = gev_sendfile(fd, file, &at, n);
    int saved = errno;

    want(at - begin == (r < 0 ? 0 : r));
    errno = saved;
    return r;
}

static ssize_t get_read(int fd, char *p, size_t n)
{
    return gev_read(fd, p, n);
}

static ssize_t get_readv(int fd, char *p, size_t n)
{
    struct iovec v[2];

    return gev_readv(fd, v, halves(p, n, v));
}

static ssize_t get_readall(int fd, char *p, size_t n)
{
    return gev_readall(fd, p, n);
}

static ssize_t get_recv(int fd, char *p, size_t n)
{
    return gev_recv(fd, p, n, 0);
}

static ssize_t get_recv_all(int fd, char *p, size_t n)
{
    return gev_recv(fd, p, n, MSG_WAITALL);
}

static ssize_t get_recvfrom(int fd, char *p, size_t n)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    return gev_recvfrom(fd, p, n, 0, (struct sockaddr *)&sa, &len);
}

static ssize_t get_recvmsg(int fd, char *p, size_t n)
{
    struct iovec v[2];
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};

    halves(p, n, v);
    return gev_recvmsg(fd, &msg, 0);
}

static ssize_t get_recvmsg_all(int fd, char *p, size_t n)
{
    struct iovec v[2];
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};

    halves(p, n, v);
    return gev_recvmsg(fd, &msg, MSG_WAITALL);
}

static void shrink_buffers(int fds[2])
{
    int size = SMALL_BUFFER;

    for (int i = 0; i < 2; i++) { /* a fault may hit it: then it stays large */
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        (void)setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

/* Descriptors that gev opened are made while armed, the others before. */
static void open_gev_pair(int fds[2])
{
    int r;

    arm();
    do {
        r = gev_socketpair(SOCK_STREAM, fds);
    } while (refused(r));
    shrink_buffers(fds);
}

static void open_plain_pair(int fds[2])
{
    sock_pair(fds, false);
    shrink_buffers(fds);
    arm();
}

/* With its own buffers: small windows of TCP are slow by design. */
static void open_tcp(int fds[2])
{
    sock_tcp_pair(fds);
    arm();
}

static void open_gev_pipe(int fds[2])
{
    int r;

    arm();
    do {
        r = gev_pipe(fds);
    } while (refused(r));
    (void)fcntl(fds[1], F_SETPIPE_SZ, SMALL_BUFFER);
}

static void open_plain_pipe(int fds[2])
{
    want(pipe(fds) == 0);
    (void)fcntl(fds[1], F_SETPIPE_SZ, SMALL_BUFFER);
    arm();
}

static void *sender(void *unused)
{
    while (s.n_put < N_BYTES) {
        size_t left = N_BYTES - s.n_put;
        ssize_t n = s.put(s.fds[1], data + s.n_put,
                          left < PUT_AT_ONCE ? left : PUT_AT_ONCE);
        if (n < 0 && !refused(n)) {
            break;
        }
        s.n_put += n > 0 ? (size_t)n : 0;
    }
    close_once(s.fds[1]);
    return unused;
}

static void *receiver(void *unused)
{
    char buf[GET_AT_ONCE];
    ssize_t n;

    while ((n = s.get(s.fds[0], buf, sizeof buf)) != 0) {
        if (n < 0 && !refused(n)) {
            break;
        }
        if (n < 0) {
            continue;
        }
        size_t room = N_BYTES - s.n_got;
        want((size_t)n <= room && memcmp(buf, data + s.n_got, (size_t)n) == 0);
        s.n_got += (size_t)n <= room ? (size_t)n : room;
    }
    return unused;
}

static void transfer(void)
{
    struct gev_greenlet *from, *to;

    s.n_put = 0;
    s.n_got = 0;
    s.open(s.fds);
    to = go(receiver, NULL);
    from = go(sender, NULL);
    join(from);
    join(to);
    close_once(s.fds[0]);
    disarm();
    want(s.n_put == N_BYTES);
    want(s.n_got == N_BYTES);
}

static put_fn *const socket_puts[] = {
    put_write, put_writev, put_writeall, put_writevall,
    put_send,  put_sendto, put_sendmsg,  put_sendfile,
};

static get_fn *const socket_gets[] = {
    get_read,     get_readv,    get_readall, get_recv,
    get_recv_all, get_recvfrom, get_recvmsg, get_recvmsg_all,
};

static put_fn *const pipe_puts[] = {
    put_write, put_writev, put_writeall, put_writevall, put_sendfile,
};

static get_fn *const pipe_gets[] = {
    get_read, get_readv, get_readall, get_readv, get_read,
};

static void over(void (*open_both)(int fds[2]), put_fn *const *puts,
                 get_fn *const *gets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s.open = open_both;
        s.put = puts[i];
        s.get = gets[i];
        assert_true(against_all(transfer) >= 20);
    }
}

static void unix_streams_of_gev_lose_nothing(void **state)
{
    (void)state;
    over(open_gev_pair, socket_puts, socket_gets, 8);
}

static void foreign_blocking_streams_lose_nothing(void **state)
{
    (void)state;
    over(open_plain_pair, socket_puts, socket_gets, 8);
}

static void tcp_streams_lose_nothing(void **state)
{
    (void)state;
    over(open_tcp, socket_puts, socket_gets, 8);
}

static void pipes_of_gev_lose_nothing(void **state)
{
    (void)state;
    over(open_gev_pipe, pipe_puts, pipe_gets, 5);
}

static void foreign_blocking_pipes_lose_nothing(void **state)
{
    (void)state;
    over(open_plain_pipe, pipe_puts, pipe_gets, 5);
}

static int make_data(void **state)
{
    (void)state;
    for (int i = 0; i < N_BYTES; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    file = memfd_create("gev-faults", MFD_CLOEXEC);
    return write(file, data, N_BYTES) == N_BYTES ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unix_streams_of_gev_lose_nothing),
        cmocka_unit_test(foreign_blocking_streams_lose_nothing),
        cmocka_unit_test(tcp_streams_lose_nothing),
        cmocka_unit_test(pipes_of_gev_lose_nothing),
        cmocka_unit_test(foreign_blocking_pipes_lose_nothing),
    };

    return cmocka_run_group_tests(tests, make_data, NULL);
}
