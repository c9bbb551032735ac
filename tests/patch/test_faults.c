/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls in a greenlet while memory, waits or looks fail
 *
 * Whatever fails once, or from some point on, the call does its job: it blocks for
 * real if it must. No byte is lost or sent twice, flags, errno and the number of
 * descriptors are as before, and no memory is kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>

#include "faults.h"
#include "playing.h"

#define PART 20 /* buffers of a long list */

#define PLAY(ops, last) play(ops, sizeof(ops) / sizeof *(ops), last)

/* --- receiving --- */

static void send_word(void)
{
    (void)!write(fds[1], out, 6);
}

static void send_in_parts(void)
{
    (void)!write(fds[1], out, 2);
    (void)!write(fds[1], out + 2, 1);
    (void)!write(fds[1], out + 3, 3);
}

static long call_read(void)
{
    return read(fds[0], in, 64);
}

static long call_readv(void)
{
    struct iovec v[PART];

    for (int i = 0; i < PART; i++) {
        v[i] = (struct iovec){in + i, 1};
    }
    return readv(fds[0], v, PART);
}

static long call_recv(void)
{
    return recv(fds[0], in, 64, 0);
}

static long call_recv_all(void)
{
    return recv(fds[0], in, 6, MSG_WAITALL);
}

static long call_peek_all(void)
{
    return recv(fds[0], in, 6, MSG_WAITALL | MSG_PEEK);
}

static long call_recvfrom(void)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;

    return recvfrom(fds[0], in, 64, 0, (struct sockaddr *)&from, &len);
}

static long call_recvmsg_all(void)
{
    struct iovec v[PART];
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 6};

    for (int i = 0; i < PART; i++) {
        v[i] = (struct iovec){in + i, 1};
    }
    return recvmsg(fds[0], &msg, MSG_WAITALL);
}

static long call_recvmmsg(void)
{
    struct iovec v[3] = {{in, 2}, {in + 2, 1}, {in + 3, 3}};
    struct mmsghdr mm[3];

    memset(mm, 0, sizeof mm);
    for (int i = 0; i < 3; i++) {
        mm[i].msg_hdr.msg_iov = &v[i];
        mm[i].msg_hdr.msg_iovlen = 1;
    }
    return recvmmsg(fds[0], mm, 3, 0, NULL);
}

static void receiving(void **state)
{
    static const struct op ops[] = {
        {"read, pipe", pipe_to_read, call_read, send_word, 6, 6},
        {"read, unix", unix_stream, call_read, send_word, 6, 6},
        {"read, tcp", tcp, call_read, send_word, 6, 6},
        {"readv, pipe", pipe_to_read, call_readv, send_word, 6, 6},
        {"readv, tcp", tcp, call_readv, send_word, 6, 6},
        {"recv", unix_stream, call_recv, send_word, 6, 6},
        {"recv all", unix_stream, call_recv_all, send_in_parts, 6, 6},
        {"recv all, tcp", tcp, call_recv_all, send_in_parts, 6, 6},
        {"peek all", tcp, call_peek_all, send_in_parts, 6, 6},
        {"recvfrom", unix_dgram, call_recvfrom, send_word, 6, 6},
        {"recvmsg all", unix_stream, call_recvmsg_all, send_in_parts, 6, 6},
        {"recvmmsg", unix_dgram, call_recvmmsg, send_in_parts, 3, 6},
    };

    (void)state;
    PLAY(ops, FAULTS_LOOKING);
}

/* --- sending --- */

static void take_all(void)
{
    for (size_t n = 0; n < BIG;) {
        ssize_t r = read(fds[1], in + n, BIG - n);
        if (r <= 0) {
            break;
        }
        n += (size_t)r;
    }
}

static long call_write(void)
{
    return write(fds[0], out, BIG);
}

static int many(struct iovec v[PART])
{
    for (size_t i = 0, at = 0; i < PART; i++) {
        size_t len = i == 0 || i == 3 ? 0 : BIG / PART;

        len = i == PART - 1 ? BIG - at : len;
        v[i] = (struct iovec){out + at, len};
        at += len;
    }
    return PART;
}

static long call_writev(void)
{
    struct iovec v[PART];

    return writev(fds[0], v, many(v));
}

static long call_send(void)
{
    return send(fds[0], out, BIG, 0);
}

static long call_sendto(void)
{
    return sendto(fds[0], out, BIG, 0, NULL, 0);
}

static long call_sendmsg(void)
{
    struct iovec v[PART];
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = (size_t)many(v)};

    return sendmsg(fds[0], &msg, 0);
}

static long call_sendmmsg(void)
{
    struct iovec v[2] = {{out, BIG / 2}, {out + BIG / 2, BIG / 2}};
    struct mmsghdr mm[2];

    memset(mm, 0, sizeof mm);
    mm[0].msg_hdr.msg_iov = &v[0];
    mm[1].msg_hdr.msg_iov = &v[1];
    mm[0].msg_hdr.msg_iovlen = mm[1].msg_hdr.msg_iovlen = 1;
    return sendmmsg(fds[0], mm, 2, 0) < 0
               ? -1
               : (long)mm[0].msg_len + (long)mm[1].msg_len;
}

static int file; /* holds @out */

static long call_sendfile(void)
{
    off_t at = 0;

    return sendfile(fds[0], file, &at, BIG);
}

static void send_pipeful(void)
{
    (void)!write(fds[1], out, 4096);
}

static long call_splice(void)
{
    int p[2];
    long n;

    if (pipe(p) < 0) {
        return -1;
    }
    n = splice(fds[0], NULL, p[1], NULL, 4096, 0);
    if (n > 0) {
        n = read(p[0], in, 4096);
    }
    close(p[0]);
    close(p[1]);
    return n;
}

static void sending(void **state)
{
    static const struct op ops[] = {
        {"write, pipe", pipe_to_write, call_write, take_all, BIG, BIG},
        {"write, unix", unix_stream, call_write, take_all, BIG, BIG},
        {"write, tcp", tcp, call_write, take_all, BIG, BIG},
        {"writev, pipe", pipe_to_write, call_writev, take_all, BIG, BIG},
        {"writev, unix", unix_stream, call_writev, take_all, BIG, BIG},
        {"send", tcp, call_send, take_all, BIG, BIG},
        {"sendto", unix_stream, call_sendto, take_all, BIG, BIG},
        {"sendmsg", unix_stream, call_sendmsg, take_all, BIG, BIG},
        {"sendmsg, tcp", tcp, call_sendmsg, take_all, BIG, BIG},
        {"sendmmsg", unix_stream, call_sendmmsg, take_all, BIG, BIG},
        {"sendfile", tcp, call_sendfile, take_all, BIG, BIG},
        {"splice, in", tcp, call_splice, send_pipeful, 4096, 4096},
    };
    char name[] = "/tmp/test_faults-XXXXXX";

    (void)state;
    file = mkstemp(name);
    unlink(name);
    assert_int_equal(write(file, out, BIG), BIG);
    PLAY(ops, FAULTS_LOOKING);
    close(file);
}

/* --- connecting --- */

static struct sockaddr_storage address;
static socklen_t address_len;

/* fds[0] listens. */
static void listen_tcp(int pair[2])
{
    struct sockaddr_in *sa = (struct sockaddr_in *)&address;

    *sa = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    address_len = sizeof *sa;
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(pair[0], (struct sockaddr *)sa, sizeof *sa), 0);
    assert_int_equal(listen(pair[0], 1), 0);
    getsockname(pair[0], (struct sockaddr *)sa, &address_len);
}

static void call_up(void)
{
    (void)!connect(fds[1], (struct sockaddr *)&address, address_len);
}

static long call_accept(void)
{
    int fd = accept(fds[0], NULL, NULL);

    return fd < 0 ? fd : close(fd);
}

static long call_accept4(void)
{
    int fd = accept4(fds[0], NULL, NULL, SOCK_CLOEXEC);

    return fd < 0 ? fd : close(fd);
}

/* fds[1] listens, and its backlog is full. */
static int in_backlog;

static void full_backlog(int pair[2])
{
    struct sockaddr_un *sa = (struct sockaddr_un *)&address;

    memset(&address, 0, sizeof address);
    sa->sun_family = AF_UNIX; /* the kernel chooses a name */
    if (in_backlog) {
        close(in_backlog);
    }
    pair[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    pair[1] = socket(AF_UNIX, SOCK_STREAM, 0);
    in_backlog = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(pair[1], (struct sockaddr *)sa, sizeof(sa_family_t)),
                     0);
    address_len = sizeof address;
    getsockname(pair[1], (struct sockaddr *)sa, &address_len);
    assert_int_equal(listen(pair[1], 0), 0);
    assert_int_equal(connect(in_backlog, (struct sockaddr *)sa, address_len),
                     0);
}

static void make_room(void)
{
    int fd = accept(fds[1], NULL, NULL);

    close(fd);
    close(in_backlog);
    in_backlog = dup(0); /* the count of descriptors is compared */
}

static long call_connect(void)
{
    return connect(fds[0], (struct sockaddr *)&address, address_len);
}

static void listen_for_us(int pair[2])
{
    int l;

    listen_tcp(pair);
    l = pair[0];
    pair[0] = pair[1];
    pair[1] = l;
}

static void nothing(void)
{
}

static void connecting(void **state)
{
    static const struct op ops[] = {
        {"accept", listen_tcp, call_accept, call_up, 0, 0},
        {"accept4", listen_tcp, call_accept4, call_up, 0, 0},
        {"connect", listen_for_us, call_connect, nothing, 0, 0},
    };
    static const struct op full[] = {
        {"connect, full", full_backlog, call_connect, make_room, 0, 0},
    };

    (void)state;
    PLAY(ops, FAULTS_LOOKING);
    PLAY(full, FAULTS_LOOKING);
}

/* Kernels before 6.4 cannot read or write a pipe without blocking. */
static void old_kernels(void **state)
{
    static const struct op ops[] = {
        {"read", pipe_to_read, call_read, send_word, 6, 6},
        {"readv", pipe_to_read, call_readv, send_word, 6, 6},
        {"write", pipe_to_write, call_write, take_all, BIG, BIG},
        {"writev", pipe_to_write, call_writev, take_all, BIG, BIG},
    };
    static const int lost[] = {FAULT_preadv2, FAULT_pwritev2};

    (void)state;
    for (int i = 0; i < 8; i++) {
        struct round r = {.op = &ops[i / 2],
                          .of = FAULTS_ONE,
                          .one = lost[i / 2 / 2],
                          .error = EOPNOTSUPP,
                          .sticky = i % 2};

        play_all(&r);
    }
}

/* What the system calls themselves refuse is told, or ends the call after a part. */
static void refused(void **state)
{
    static const struct {
        struct op op;
        int one;
    } cases[] = {
        {{"recv", tcp, call_read, send_word, 6, 6}, GEV__N_recv},
        {{"recvmsg", tcp, call_readv, send_word, 6, 6}, GEV__N_recvmsg},
        {{"preadv2", pipe_to_read, call_read, send_word, 6, 6}, FAULT_preadv2},
        {{"recvfrom", unix_stream, call_recv_all, send_in_parts, 6, 6},
         GEV__N_recvfrom},
        {{"peek", tcp, call_peek_all, send_in_parts, 6, 6}, GEV__N_recvfrom},
        {{"recvmsg all", tcp, call_recvmsg_all, send_in_parts, 6, 6},
         GEV__N_recvmsg},
        {{"recvmmsg", unix_dgram, call_recvmmsg, send_in_parts, 3, 6},
         GEV__N_recvmmsg},
        {{"send", tcp, call_write, take_all, BIG, BIG}, GEV__N_send},
        {{"pwritev2", pipe_to_write, call_write, take_all, BIG, BIG},
         FAULT_pwritev2},
        {{"sendto", tcp, call_send, take_all, BIG, BIG}, GEV__N_sendto},
        {{"sendmsg", tcp, call_writev, take_all, BIG, BIG}, GEV__N_sendmsg},
        {{"sendmmsg", unix_stream, call_sendmmsg, take_all, BIG, BIG},
         GEV__N_sendmsg},
        {{"splice", tcp, call_splice, send_pipeful, 4096, 4096}, GEV__N_splice},
        {{"accept4", listen_tcp, call_accept, call_up, 0, 0}, GEV__N_accept4},
        {{"connect", listen_for_us, call_connect, nothing, 0, 0},
         GEV__N_connect},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct round r = {.op = &cases[i].op,
                          .of = FAULTS_ONE,
                          .one = cases[i].one,
                          .error = EIO,
                          .may_fail = true};

        play_all(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receiving),  cmocka_unit_test(sending),
        cmocka_unit_test(connecting), cmocka_unit_test(old_kernels),
        cmocka_unit_test(refused),
    };

    return play_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
