/* SPDX-License-Identifier: MIT */
/*
 * What a hostile reading of the code found: a greenlet that was woken for a
 * descriptor must not touch the number's next life, and a peer cannot make
 * gev_recv_fd() take more than it hands out.
 */
#include "net/run.h"

#include <sys/socket.h>

/* The number that is waited on, and the pair that takes it over. */
struct reuse {
    int fd;
    int trigger;
    int next[2];
    ssize_t (*call)(int fd);
    ssize_t n;
    int err;
    char buf[64];
};

static struct reuse now;

static ssize_t call_read(int fd)
{
    return gev_read(fd, now.buf, sizeof now.buf);
}

static ssize_t call_recv(int fd)
{
    return gev_recv(fd, now.buf, sizeof now.buf, 0);
}

static ssize_t call_write(int fd)
{
    return gev_write(fd, "mine", 4);
}

static void *waiter(void *arg)
{
    (void)arg;
    now.n = now.call(now.fd);
    now.err = errno;
    return NULL;
}

/* Runs after the waiter was woken and before it goes on: it is on the run
   stack when both become ready, so it goes first. */
static void *closer(void *arg)
{
    char byte;

    (void)arg;
    (void)gev_read(now.trigger, &byte, 1);
    (void)gev_close(now.fd);
    (void)gev_socketpair(SOCK_STREAM, now.next);
    (void)!write(now.next[1], "SECRET", 6);
    return NULL;
}

static void reuse_after_wake(ssize_t (*call)(int fd), int type, bool full)
{
    char fill[4096] = {0};
    struct gev_greenlet *w, *c;
    int pair[2], trigger[2];

    assert_int_equal(gev_socketpair(type, pair), 0);
    assert_int_equal(gev_socketpair(SOCK_STREAM, trigger), 0);
    while (full && send(pair[0], fill, sizeof fill, MSG_DONTWAIT) > 0) {
    }
    now = (struct reuse){.fd = pair[0], .trigger = trigger[0], .call = call};
    w = gev_spawn(waiter, NULL);
    assert_int_equal(gev_yield(), 0);
    c = gev_spawn(closer, NULL);
    assert_int_equal(gev_sleep(0.01), 0);
    if (full) {
        while (recv(pair[1], fill, sizeof fill, MSG_DONTWAIT) > 0) {
        }
    } else {
        assert_int_equal(write(pair[1], "old", 3), 3);
    }
    assert_int_equal(write(trigger[1], "t", 1), 1);
    assert_int_equal(gev_join(c, 5), 0);
    assert_int_equal(gev_join(w, 5), 0);
    gev_unref(w);
    gev_unref(c);
    assert_int_equal(now.next[0], pair[0]); /* or it would prove nothing */
    /* It may have been first: then the old bytes are its. */
    if (now.n >= 0) {
        assert_string_not_equal(now.buf, "SECRET");
    } else {
        assert_int_equal(now.err, EBADF);
    }
    if (full) { /* nothing of it went to the new peer */
        assert_int_equal(recv(now.next[1], fill, 1, MSG_DONTWAIT), -1);
    }
    close(pair[1]);
    gev_close(now.next[0]);
    gev_close(now.next[1]);
    gev_close(trigger[0]);
    gev_close(trigger[1]);
}

static void read_woken_then_reused(void **state)
{
    (void)state;
    reuse_after_wake(call_read, SOCK_STREAM, false);
}

static void recv_woken_then_reused(void **state)
{
    (void)state;
    reuse_after_wake(call_recv, SOCK_STREAM, false);
}

static void datagram_woken_then_reused(void **state)
{
    (void)state;
    reuse_after_wake(call_recv, SOCK_DGRAM, false);
}

static void write_woken_then_reused(void **state)
{
    (void)state;
    reuse_after_wake(call_write, SOCK_STREAM, true);
}

static int count_open(void)
{
    int n = 0;

    for (int fd = 0; fd < 64; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

static void two_descriptors_in_a_message(void **state)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {.room = {0}};
    char byte = 0;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control.room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    int pair[2], sent[2], before;

    (void)state;
    assert_int_equal(gev_socketpair(SOCK_STREAM, pair), 0);
    assert_int_equal(gev_pipe(sent), 0);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof sent);
    memcpy(CMSG_DATA(c), sent, sizeof sent);
    assert_int_equal(sendmsg(pair[1], &msg, 0), 1);
    before = count_open();
    assert_int_equal(gev_recv_fd(pair[0]), -1);
    assert_int_equal(errno, EBADMSG);
    assert_int_equal(count_open(), before);
    for (int i = 0; i < 2; i++) {
        gev_close(pair[i]);
        gev_close(sent[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_woken_then_reused),
        cmocka_unit_test(recv_woken_then_reused),
        cmocka_unit_test(datagram_woken_then_reused),
        cmocka_unit_test(write_woken_then_reused),
        cmocka_unit_test(two_descriptors_in_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
