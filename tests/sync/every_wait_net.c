/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls of the net layer
 */
#include "hub/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support/sock.h"
#include "sync/every_wait.h"

static int fds[2]; /* a pair of sockets; we are fds[0] */

static void begin_pair(void)
{
    sock_pair(fds, true);
}

static void begin_full(void)
{
    begin_pair();
    (void)sock_fill(fds[0]);
}

static void feed_pair(void)
{
    assert_int_equal(write(fds[1], "12345678", 8), 8);
}

static void drain_pair(void)
{
    char buf[65536];

    while (read(fds[1], buf, sizeof buf) > 0) {
    }
}

static void end_pair(void)
{
    assert_int_equal(gev_close(fds[0]), 0);
    assert_int_equal(gev_close(fds[1]), 0);
}

/* A call that reads or writes 8 bytes at buf, as one function. */
#define IO_CALL(name, call)                                                    \
    static long name##_call(double timeout)                                    \
    {                                                                          \
        char buf[8] = "1234567";                                               \
        struct iovec iov = {buf, sizeof buf};                                  \
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};                \
                                                                               \
        (void)timeout;                                                         \
        (void)msg;                                                             \
        return call;                                                           \
    }

IO_CALL(read, gev_read(fds[0], buf, sizeof buf))
IO_CALL(readv, gev_readv(fds[0], &iov, 1))
IO_CALL(readall, gev_readall(fds[0], buf, sizeof buf))
IO_CALL(recv, gev_recv(fds[0], buf, sizeof buf, 0))
IO_CALL(recvfrom, gev_recvfrom(fds[0], buf, sizeof buf, 0, NULL, NULL))
IO_CALL(recvmsg, gev_recvmsg(fds[0], &msg, 0))
IO_CALL(write, gev_write(fds[0], buf, sizeof buf))
IO_CALL(writev, gev_writev(fds[0], &iov, 1))
IO_CALL(writeall, gev_writeall(fds[0], buf, sizeof buf))
IO_CALL(writevall, gev_writevall(fds[0], &iov, 1))
IO_CALL(send, gev_send(fds[0], buf, sizeof buf, 0))
IO_CALL(sendto, gev_sendto(fds[0], buf, sizeof buf, 0, NULL, 0))
IO_CALL(sendmsg, gev_sendmsg(fds[0], &msg, 0))

static long wait_fd_call(double timeout)
{
    return gev_wait_fd(fds[0], GEV_READ, timeout);
}

/* Time that is up is 0 here, as it is with poll(2). */
static long poll_call(double timeout)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    int ms = timeout < INFINITY ? (int)(timeout * 1000) : -1;
    int rc = gev_poll(&p, 1, ms);

    if (rc == 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    return rc;
}

static long select_call(double timeout)
{
    struct timeval tv = {0};
    fd_set r;
    int rc;

    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    if (timeout < INFINITY) {
        tv.tv_usec = (long)(timeout * 1e6);
    }
    rc =
        gev_select(fds[0] + 1, &r, NULL, NULL, timeout < INFINITY ? &tv : NULL);
    if (rc == 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    return rc;
}

/* From a file to a socket that takes nothing. */
static int file;

static void begin_sendfile(void)
{
    begin_full();
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
}

static void end_sendfile(void)
{
    assert_int_equal(close(file), 0);
    end_pair();
}

static long sendfile_call(double timeout)
{
    off_t offset = 0;

    (void)timeout;
    return gev_sendfile(fds[0], file, &offset, 8);
}

static void feed_fd(void)
{
    char c = 'f';
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } u = {.bytes = {0}};
    struct iovec iov = {&c, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *cm;

    msg.msg_control = u.bytes;
    msg.msg_controllen = sizeof u.bytes;
    cm = CMSG_FIRSTHDR(&msg);
    cm->cmsg_level = SOL_SOCKET;
    cm->cmsg_type = SCM_RIGHTS;
    cm->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cm), &fds[1], sizeof(int));
    assert_int_equal(sendmsg(fds[1], &msg, 0), 1);
}

static long recv_fd_call(double timeout)
{
    int fd = gev_recv_fd(fds[0]);

    (void)timeout;
    return fd < 0 ? -1 : gev_close(fd);
}

static long send_fd_call(double timeout)
{
    (void)timeout;
    return gev_send_fd(fds[0], fds[1]);
}

/* Listeners. */
static int listener, port;

static void begin_listener(void)
{
    listener = sock_listen(&port);
}

static void connect_to_it(void)
{
    assert_int_equal(close(sock_connect(port)), 0);
}

static void end_listener(void)
{
    assert_int_equal(gev_close(listener), 0);
}

static long accept_call(double timeout)
{
    int fd = gev_accept(listener, NULL, NULL);

    (void)timeout;
    return fd < 0 ? -1 : gev_close(fd);
}

/* Streams over the pair. */
static struct gev_stream *stream;

static void begin_stream(void)
{
    begin_pair();
    stream = gev_stream_new(fds[0], 0);
    assert_non_null(stream);
}

static void feed_line(void)
{
    assert_int_equal(write(fds[1], "1234567\n", 8), 8);
}

static void end_stream(void)
{
    (void)gev_stream_close(stream);
    assert_int_equal(gev_close(fds[1]), 0);
}

static long stream_read_call(double timeout)
{
    char buf[8];

    (void)timeout;
    return gev_stream_read(stream, buf, sizeof buf);
}

static long stream_readn_call(double timeout)
{
    char buf[8];

    (void)timeout;
    return gev_stream_readn(stream, buf, sizeof buf);
}

static long stream_readline_call(double timeout)
{
    char *line;
    size_t len;

    (void)timeout;
    return gev_stream_readline(stream, 100, &line, &len);
}

static long stream_readuntil_call(double timeout)
{
    char *data;
    size_t len;

    (void)timeout;
    return gev_stream_readuntil(stream, "67\n", 100, &data, &len);
}

static long stream_peek_call(double timeout)
{
    const char *data;

    (void)timeout;
    return gev_stream_peek(stream, 8, &data);
}

static long stream_skip_call(double timeout)
{
    (void)timeout;
    return gev_stream_skip(stream, 8);
}

/* The same with a peer that takes nothing. */
static char large[20000]; /* more than a stream's buffer */

static void begin_full_stream(void)
{
    begin_full();
    stream = gev_stream_new(fds[0], 0);
    assert_non_null(stream);
}

static void end_full_stream(void)
{
    drain_pair();
    end_stream();
}

static long stream_write_call(double timeout)
{
    (void)timeout;
    return gev_stream_write(stream, large, sizeof large);
}

static long stream_writev_call(double timeout)
{
    struct iovec iov = {large, sizeof large};

    (void)timeout;
    return gev_stream_writev(stream, &iov, 1);
}

static long stream_printf_call(double timeout)
{
    (void)timeout;
    return gev_stream_printf(stream, "%20000d", 1);
}

static long call_vprintf(const char *format, ...)
{
    va_list ap;
    long r;

    va_start(ap, format);
    r = gev_stream_vprintf(stream, format, ap);
    va_end(ap);
    return r;
}

static long stream_vprintf_call(double timeout)
{
    (void)timeout;
    return call_vprintf("%20000d", 1);
}

static void begin_stream_sendfile(void)
{
    begin_full_stream();
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
}

static void end_stream_sendfile(void)
{
    assert_int_equal(close(file), 0);
    end_full_stream();
}

static long stream_sendfile_call(double timeout)
{
    off_t offset = 0;

    (void)timeout;
    return gev_stream_sendfile(stream, file, &offset, 8);
}

static long stream_flush_call(double timeout)
{
    (void)timeout;
    if (gev_stream_buffered(stream) == 0) {
        (void)gev_stream_write(stream, large, 8);
    }
    return gev_stream_flush(stream);
}

/* Children. */
static pid_t child;
static struct gev_process *process;

static void begin_process(void)
{
    const char *argv[] = {"sleep", "100", NULL};

    process = gev_process_new(argv, NULL);
    assert_non_null(process);
}

static void kill_process(void)
{
    assert_int_equal(gev_process_kill(process, SIGKILL), 0);
}

static void end_process(void)
{
    gev_process_free(process);
}

static long process_wait_call(double timeout)
{
    return gev_process_wait(process, NULL, timeout);
}

static void begin_child(void)
{
    child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    assert_true(child > 0);
}

static void kill_child(void)
{
    assert_int_equal(kill(child, SIGKILL), 0);
}

static void end_child(void)
{
    assert_int_equal(waitpid(child, NULL, 0), -1); /* it was waited for */
}

static long waitpid_call(double timeout)
{
    (void)timeout;
    return gev_waitpid(child, NULL, 0);
}

const struct wait_row waits_of_net[] = {
    WAIT_ROW(read, false, begin_pair, feed_pair, end_pair),
    WAIT_ROW(readv, false, begin_pair, feed_pair, end_pair),
    WAIT_ROW(readall, false, begin_pair, feed_pair, end_pair),
    WAIT_ROW(recv, false, begin_pair, feed_pair, end_pair),
    WAIT_ROW(recvfrom, false, begin_pair, feed_pair, end_pair),
    WAIT_ROW(recvmsg, false, begin_pair, feed_pair, end_pair),
    WAIT_ROW(recv_fd, false, begin_pair, feed_fd, end_pair),
    WAIT_ROW(write, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(writev, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(writeall, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(writevall, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(send, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(sendto, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(sendmsg, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(send_fd, false, begin_full, drain_pair, end_pair),
    WAIT_ROW(sendfile, false, begin_sendfile, drain_pair, end_sendfile),
    WAIT_ROW(wait_fd, true, begin_pair, feed_pair, end_pair),
    WAIT_ROW(poll, true, begin_pair, feed_pair, end_pair),
    WAIT_ROW(select, true, begin_pair, feed_pair, end_pair),
    WAIT_ROW(accept, false, begin_listener, connect_to_it, end_listener),
    WAIT_ROW(stream_read, false, begin_stream, feed_line, end_stream),
    WAIT_ROW(stream_readn, false, begin_stream, feed_line, end_stream),
    WAIT_ROW(stream_readline, false, begin_stream, feed_line, end_stream),
    WAIT_ROW(stream_readuntil, false, begin_stream, feed_line, end_stream),
    WAIT_ROW(stream_peek, false, begin_stream, feed_line, end_stream),
    WAIT_ROW(stream_skip, false, begin_stream, feed_line, end_stream),
    WAIT_ROW(stream_write, false, begin_full_stream, drain_pair,
             end_full_stream),
    WAIT_ROW(stream_writev, false, begin_full_stream, drain_pair,
             end_full_stream),
    WAIT_ROW(stream_printf, false, begin_full_stream, drain_pair,
             end_full_stream),
    WAIT_ROW(stream_vprintf, false, begin_full_stream, drain_pair,
             end_full_stream),
    WAIT_ROW(stream_sendfile, false, begin_stream_sendfile, drain_pair,
             end_stream_sendfile),
    WAIT_ROW(stream_flush, false, begin_full_stream, drain_pair,
             end_full_stream),
    WAIT_ROW(process_wait, true, begin_process, kill_process, end_process),
    WAIT_ROW(waitpid, false, begin_child, kill_child, end_child),
    {0},
};
