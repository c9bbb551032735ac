/* SPDX-License-Identifier: MIT */
/*
 * Each allocation and each system call that fails in turn: the connection may be
 * lost, the server is not, nothing leaks, and no half response passes for whole
 */
#include "serving.h"

#include <fcntl.h>
#include <netinet/in.h>

#include "support/fault.h"

#define REQUESTS                                                               \
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"        \
    "5\r\nHELLO\r\n0\r\nX-T: v\r\n\r\n"                                        \
    "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"                                       \
    "GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static int n_deferred;

static void count_it(void *arg)
{
    (void)arg;
    n_deferred++;
}

/* Uses what there is; gives up at the first error. */
static int busy(struct gev_http *x, void *arg)
{
    const char *path = gev_http_path(x);
    void *data;

    (void)arg;
    if (!path || gev_http_defer(x, count_it, NULL) < 0) {
        return -1;
    }
    n_calls++;
    if (gev_http_read_all(x, 10000, &data) < 0 ||
        gev_http_set(x, "X-Path", path) < 0 || !gev_http_alloc(x, 6000)) {
        return -1;
    }
    if (path[1] == 'b') {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int r = fd < 0 ? -1 : gev_http_send_fd(x, fd, 0, 40000);

        close(fd);
        return r;
    }
    if (path[1] == 'c') {
        return gev_http_reply(x, 200, NULL, "last", 4);
    }
    return gev_http_printf(x, "%s", (char *)data);
}

/* One round of a client that puts up with anything. Return: what it got, in
   got, is all there is. */
static bool try_to_ask(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)served_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ssize_t r = -1;

    got.len = 0;
    got.text[0] = '\0';
    if (fd >= 0 && gev_connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 &&
        gev_writeall(fd, REQUESTS, sizeof REQUESTS - 1) > 0) {
        while ((r = gev_read(fd, got.text + got.len,
                             sizeof got.text - 1 - got.len)) > 0) {
            got.len += (size_t)r;
        }
    }
    if (fd >= 0) {
        gev_close(fd);
    }
    return r == 0 && got.len > 40000 &&
           memcmp(got.text + got.len - 8, "\r\n\r\nlast", 8) == 0;
}

/* One round. Return: whether the fault was met. */
static bool one(struct gev_http_server *s, unsigned kinds, long k, int err)
{
    n_calls = 0;
    n_deferred = 0;
    fault_arm(kinds, k, err);
    bool all = try_to_ask();
    bool met = fault_disarm();
    await(stats_of(s).connections == 0);
    assert_int_equal(n_deferred, n_calls);
    assert_true(met || all);
    return met;
}

/* Has the k-th call of some kinds fail, until there is no k-th. */
static void every_one(unsigned kinds, int err)
{
    struct gev_http_server *s = serve(busy);
    int64_t limit = gev_timeout_push(30);
    long k = 1;

    assert_true(try_to_ask()); /* what is made once is there by now */
    while (one(s, kinds, k, err)) {
        k++;
    }
    assert_true(k > 1);
    assert_true(try_to_ask());
    assert_int_equal(gev_timeout_pop(limit), 0);
    end(s);
}

/* The same with a new server, and a new hub, each time. */
static void every_one_anew(unsigned kinds, int err)
{
    bool met = true;
    long k;

    for (k = 1; met; k++) {
        struct gev_http_server *s = serve(busy);
        met = one(s, kinds, k, err);
        assert_true(try_to_ask());
        end(s);
        assert_int_equal(gev_shutdown(), 0);
    }
    assert_true(k > 10);
}

static void allocations(void **state)
{
    int fds;

    (void)state;
    every_one(FAULT_ALLOC, ENOMEM);
    assert_int_equal(gev_shutdown(), 0);
    fds = proc_n_fds();
    every_one_anew(FAULT_ALLOC, ENOMEM);
    assert_int_equal(proc_n_fds(), fds);
}

static void sending(void **state)
{
    (void)state;
    every_one(FAULT_SEND, ECONNRESET);
    every_one(FAULT_SEND, EAGAIN);
    every_one(FAULT_SEND, EINTR);
    every_one(FAULT_SENDFILE, EIO);
}

static void receiving(void **state)
{
    (void)state;
    every_one(FAULT_RECV, ECONNRESET);
    every_one(FAULT_RECV, EAGAIN);
    every_one(FAULT_RECV, EINTR);
}

static void opening_and_accepting(void **state)
{
    (void)state;
    every_one(FAULT_OPEN | FAULT_ACCEPT, EMFILE);
    every_one(FAULT_SOCKOPT, EINVAL);
}

/* Servers themselves: made or not, nothing is left over. */
static void making_a_server(void **state)
{
    int fds = proc_n_fds();

    (void)state;
    assert_int_equal(gev_init(), 0);
    fds = proc_n_fds();
    for (long k = 1;; k++) {
        assert_true(k < 100);
        fault_arm(FAULT_ALLOC | FAULT_SOCKET | FAULT_BIND | FAULT_LISTEN, k,
                  ENOMEM);
        struct gev_http_server *s =
            gev_http_server_new("127.0.0.1:0", busy, NULL, NULL);
        int r = s ? gev_http_server_start(s) : -1;
        gev_http_server_free(s);
        if (!fault_disarm()) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(gev_yield(), 0);
    }
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(proc_n_fds(), fds);
}

/* A request of usual size, once one was served, allocates nothing. */
static void the_steady_state_allocates_nothing(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    for (int i = 0; i < 100; i++) {
        if (i == 10) {
            fault_count_reset();
        }
        say(fd, GET);
        hear_until(fd, "ok");
    }
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
    assert_int_equal(fault_count(FAULT_EPOLL), 0);
    gev_close(fd);
    end(s);
}

/* 64 answers leave in one call. */
static void answers_of_one_segment_leave_together(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    char text[64 * sizeof GET] = "";
    int fd = client();

    (void)state;
    for (int i = 0; i < 64; i++) {
        strcat(text, GET);
    }
    say(fd, GET);
    hear_until(fd, "ok");
    fault_count_reset();
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    await(n_calls == 65);
    assert_int_equal(fault_count(FAULT_SEND), 1);
    assert_true(fault_count(FAULT_RECV) <= 2);
    gev_close(fd);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(allocations),
        TEST(sending),
        TEST(receiving),
        TEST(opening_and_accepting),
        TEST(making_a_server),
        TEST(the_steady_state_allocates_nothing),
        TEST(answers_of_one_segment_leave_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
