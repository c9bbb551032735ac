/* SPDX-License-Identifier: MIT */
/*
 * libc's names in greenlets, attacked: descriptors that go away or change under who
 * waits for them, kills and limits in the middle of every call
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#define TEST(name) cmocka_unit_test(name)
#define BIG        (1 << 20)

static int fds[2];
static char big[BIG];

static void make_pair(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void close_pair(void)
{
    close(fds[0]);
    close(fds[1]);
}

static int make_listener(struct sockaddr_in *sa)
{
    socklen_t len = sizeof *sa;
    int l = socket(AF_INET, SOCK_STREAM, 0);

    *sa = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(l, (struct sockaddr *)sa, len), 0);
    assert_int_equal(listen(l, 64), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)sa, &len), 0);
    return l;
}

/* --- calls that wait for fds[0], and what they gave --- */

typedef long call_fn(void);

struct waiter {
    call_fn *call;
    long result;
    int err;
    struct gev_greenlet *g;
};

static long do_read(void)
{
    char c;

    return read(fds[0], &c, 1);
}

static long do_recvmsg(void)
{
    char c;
    struct iovec v = {&c, 1};
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};

    return recvmsg(fds[0], &msg, 0);
}

static long do_poll(void)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};

    return poll(&p, 1, -1) < 0 ? -1 : p.revents;
}

static long do_select(void)
{
    fd_set r;

    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    return select(fds[0] + 1, &r, NULL, NULL, NULL);
}

static int epfd;

static long do_epoll(void)
{
    struct epoll_event e;

    return epoll_wait(epfd, &e, 1, -1);
}

static int listener;

static long do_accept(void)
{
    return accept(listener, NULL, NULL);
}

static long do_sleep(void)
{
    return usleep(60 * 1000000);
}

static long do_waitpid(void)
{
    return waitpid(-1, NULL, 0);
}

static long do_write(void)
{
    return write(fds[0], big, BIG);
}

static void *wait_in_call(void *arg)
{
    struct waiter *w = arg;

    errno = 0;
    w->result = w->call();
    w->err = errno;
    return NULL;
}

static void start(struct waiter *w, call_fn *call)
{
    w->call = call;
    w->g = gev_spawn(wait_in_call, w);
    assert_non_null(w->g);
    assert_int_equal(gev_sleep(0.001), 0); /* it waits now */
    assert_int_equal(gev_state(w->g), GEV_ACTIVE);
}

static void end(struct waiter *w, long result, int err)
{
    assert_int_equal(gev_join(w->g, 10), 0);
    gev_unref(w->g);
    assert_int_equal(w->result, result);
    assert_int_equal(w->err, err);
}

static void close_ends_every_wait(void **state)
{
    static struct waiter w[5];
    struct sockaddr_in sa;

    (void)state;
    make_pair();
    listener = make_listener(&sa);
    epfd = epoll_create1(0);
    start(&w[0], do_recvmsg);
    start(&w[1], do_poll);
    start(&w[2], do_select);
    start(&w[3], do_accept);
    start(&w[4], do_epoll);
    close(fds[0]);
    close(listener);
    close(epfd);
    end(&w[0], -1, EBADF);
    end(&w[1], POLLNVAL, 0);
    end(&w[2], -1, EBADF);
    end(&w[3], -1, EBADF);
    end(&w[4], -1, EBADF);
    close(fds[1]);
}

/* The number means something new: who waited is told, and it can be waited for. */
static void replaced(int (*replace)(int from, int to))
{
    static struct waiter w;
    int other[2];

    make_pair();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    start(&w, do_read);
    assert_int_equal(replace(other[0], fds[0]), fds[0]);
    end(&w, -1, EBADF);
    start(&w, do_read);
    assert_int_equal(write(other[1], "x", 1), 1);
    end(&w, 1, 0);
    close_pair();
    close(other[0]);
    close(other[1]);
}

static int with_dup3(int from, int to)
{
    return dup3(from, to, O_CLOEXEC);
}

static int with_dup(int from, int to)
{
    close(to);
    return dup(from);
}

static int with_dupfd(int from, int to)
{
    close(to);
    return fcntl(from, F_DUPFD, to);
}

static int with_close_range(int from, int to)
{
    assert_int_equal(close_range((unsigned)to, (unsigned)to, 0), 0);
    return dup2(from, to);
}

static void a_number_that_is_replaced_wakes_its_waiters(void **state)
{
    (void)state;
    replaced(dup2);
    replaced(with_dup3);
    replaced(with_dup);
    replaced(with_dupfd);
    replaced(with_close_range);
}

static void closefrom_wakes_who_waits_above(void **state)
{
    static struct waiter w;
    int high = 150;

    (void)state;
    make_pair();
    assert_int_equal(dup2(fds[0], high), high);
    close(fds[0]);
    fds[0] = high;
    start(&w, do_read);
    closefrom(high);
    end(&w, -1, EBADF);
    close(fds[1]);
}

static void *close_it(void *arg)
{
    close(fds[0]);
    return arg;
}

/* A thread without a hub closes it; the number is used again here. */
static void a_number_closed_in_another_thread_can_be_waited_for(void **state)
{
    static struct waiter w;
    pthread_t t;
    int number;

    (void)state;
    for (int i = 0; i < 3; i++) {
        make_pair();
        number = fds[0];
        start(&w, do_read);
        assert_int_equal(write(fds[1], "x", 1), 1);
        end(&w, 1, 0);
        assert_int_equal(pthread_create(&t, NULL, close_it, NULL), 0);
        assert_int_equal(pthread_join(t, NULL), 0);
        close(fds[1]);
        make_pair();
        assert_int_equal(fds[0], number);
        start(&w, do_read);
        assert_int_equal(write(fds[1], "x", 1), 1);
        end(&w, 1, 0);
        close_pair();
    }
}

static void *use_a_hub(void *arg)
{
    int own[2];
    struct pollfd p = {.events = POLLIN};

    if (gev_init() == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, own) == 0) {
        p.fd = own[0];
        if (poll(&p, 1, 1) == 0) {
            *(int *)arg = gev_shutdown();
        }
        close(own[0]);
        close(own[1]);
    }
    return NULL;
}

/* libev closes its descriptors through close(2): they are not the hub's any more. */
static void a_thread_with_a_hub_may_end(void **state)
{
    pthread_t t[4];
    int rc[4] = {-1, -1, -1, -1};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, use_a_hub, &rc[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(rc[i], 0);
    }
}

/* --- kills and limits --- */

static call_fn *const waits[] = {do_read,  do_recvmsg, do_poll,  do_select,
                                 do_epoll, do_accept,  do_sleep, do_waitpid};

static void kill_ends_every_wait_and_nothing_is_lost(void **state)
{
    static struct waiter w;
    struct sockaddr_in sa;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        gev_passthrough_begin();
        pause();
    }
    make_pair();
    listener = make_listener(&sa);
    epfd = epoll_create1(0);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        start(&w, waits[i]);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(gev_kill(w.g, GEV_FOREVER), 0);
        end(&w, -1, ECANCELED);
        assert_int_equal(do_read(), 1); /* nobody took it */
        assert_int_equal(recv(fds[0], big, 1, MSG_DONTWAIT), -1);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(do_waitpid(), child);
    close(epfd);
    close(listener);
    close_pair();
}

static void a_scope_that_ends_a_write_leaves_its_count(void **state)
{
    int64_t scope;
    long sent, got = 0;
    ssize_t n;

    (void)state;
    make_pair();
    scope = gev_timeout_push(0.02);
    sent = do_write();
    assert_true(sent > 0 && sent < BIG);
    assert_int_equal(do_write(), -1);
    assert_int_equal(errno, ETIMEDOUT);
    gev_timeout_pop(scope);
    while ((n = recv(fds[1], big, BIG, MSG_DONTWAIT)) > 0) {
        got += n;
    }
    assert_int_equal(got, sent);
    close_pair();
}

static long do_ppoll(const int which)
{
    struct pollfd p = {.fd = fds[which], .events = POLLIN};
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, which ? SIGUSR1 : SIGUSR2);
    return ppoll(&p, 1, NULL, &mask);
}

static long ppoll_first(void)
{
    return do_ppoll(0);
}

static long ppoll_second(void)
{
    return do_ppoll(1);
}

/* They begin and end in the same order, so that masks are not put back in turn. */
static void masks_of_two_that_overlap_do_not_stay(void **state)
{
    static struct waiter w[2];
    sigset_t before, after;

    (void)state;
    make_pair();
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    start(&w[0], ppoll_first);
    start(&w[1], ppoll_second);
    assert_int_equal(write(fds[1], "x", 1), 1);
    end(&w[0], 1, 0);
    assert_int_equal(write(fds[0], "x", 1), 1);
    end(&w[1], 1, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&after, SIGUSR1),
                     sigismember(&before, SIGUSR1));
    assert_int_equal(sigismember(&after, SIGUSR2),
                     sigismember(&before, SIGUSR2));
    close_pair();
}

/* --- two writers of one stream --- */

static void *write_much(void *byte)
{
    char much[65536];

    memset(much, (int)(intptr_t)byte, sizeof much);
    return (void *)(intptr_t)write(fds[0], much, sizeof much);
}

/* As between threads parts may alternate, but no byte is lost or doubled. */
static void two_big_writes_to_one_socket_both_arrive(void **state)
{
    struct gev_greenlet *g[2];
    int count[2] = {0, 0}, size = 4096;
    char part[4096];
    ssize_t n;

    (void)state;
    make_pair();
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    for (intptr_t i = 0; i < 2; i++) {
        g[i] = gev_spawn(write_much, (void *)('a' + i));
    }
    while (count[0] + count[1] < 2 * 65536 &&
           (n = read(fds[1], part, sizeof part)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            count[part[i] - 'a']++;
        }
    }
    assert_int_equal(count[0], 65536);
    assert_int_equal(count[1], 65536);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gev_join(g[i], GEV_FOREVER), 0);
        assert_int_equal((intptr_t)gev_value(g[i]), 65536);
        gev_unref(g[i]);
    }
    close_pair();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(close_ends_every_wait),
        TEST(a_number_that_is_replaced_wakes_its_waiters),
        TEST(closefrom_wakes_who_waits_above),
        TEST(a_number_closed_in_another_thread_can_be_waited_for),
        TEST(a_thread_with_a_hub_may_end),
        TEST(kill_ends_every_wait_and_nothing_is_lost),
        TEST(a_scope_that_ends_a_write_leaves_its_count),
        TEST(masks_of_two_that_overlap_do_not_stay),
        TEST(two_big_writes_to_one_socket_both_arrive),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
