/* SPDX-License-Identifier: MIT */
/*
 * What outlives what: servers freed while a stop is on its way, connections
 * that linger or change hands, handlers that fork
 */
#include "acting.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <gev/stream.h>

#include "http/exchange.h"
#include "http/server.h"
#include "net/bufpool.h"

/* A signal has spawned who is to stop it, and who is not there any more. */
static void a_stop_may_come_after_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct gev_http_server *s = serve(say_ok);

        assert_int_equal(gev_http_server_stop_on_signals(s, 0), 0);
        raise(SIGTERM);
        for (int turns = 0; turns < i % 4; turns++) {
            assert_int_equal(gev_yield(), 0);
        }
        gev_http_server_free(s);
        assert_int_equal(gev_sleep(0.001), 0);
    }
}

static void lingering_may_last_for_ever(void **state)
{
    struct gev_http_options o = options();
    struct gev_http_server *s;
    int fd;

    (void)state;
    o.linger_timeout = GEV_FOREVER;
    s = serve_with(say_ok, NULL, &o);
    fd = client();
    say(fd, "GET / HTTP/9.9\r\n\r\n");
    hear_end(fd);
    assert_status(505);
    for (int i = 0; i < 3; i++) { /* a reset would show at the second one */
        assert_int_equal(gev_write(fd, "x", 1), 1);
        assert_int_equal(gev_sleep(0.01), 0);
    }
    assert_int_equal(stats_of(s).connections, 1);
    gev_close(fd);
    await(stats_of(s).connections == 0);
    end(s);
}

static void lingering_holds_no_buffers(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev__bufpool_stats now;
    int fds[20];

    (void)state;
    for (int i = 0; i < 20; i++) {
        fds[i] = client();
        say(fds[i], GET_CLOSE);
        hear_end(fds[i]);
    }
    assert_int_equal(stats_of(s).connections, 20);
    gev__bufpool_stats(&now);
    assert_int_equal(now.in_use, 0);
    for (int i = 0; i < 20; i++) {
        gev_close(fds[i]);
    }
    end(s);
}

static size_t buffers_in_use(void)
{
    struct gev__bufpool_stats now;

    gev__bufpool_stats(&now);
    return now.in_use;
}

static int wait_and_say_ok(struct gev_http *x, void *arg)
{
    return gev_sleep(0.01) < 0 ? -1 : say_ok(x, arg);
}

/* Those of the exchange that the next request gets, however many there were. */
static void idle_connections_share_one_pair_of_buffers(void **state)
{
    struct gev_http_server *s = serve(wait_and_say_ok);
    int fds[20];

    (void)state;
    for (int i = 0; i < 20; i++) {
        fds[i] = client();
        say(fds[i], GET);
    }
    for (int i = 0; i < 20; i++) { /* all of them are in the handler at once */
        hear_until(fds[i], "ok");
    }
    await(stats_of(s).idle == 20);
    assert_int_equal(buffers_in_use(), 2);
    assert_non_null(s->spare->in.p);
    for (struct gev_http *x = s->spare->next; x; x = x->next) {
        assert_null(x->in.p);
        assert_null(x->out.p);
    }
    for (int i = 0; i < 20; i++) {
        gev_close(fds[i]);
    }
    end(s);
    await(buffers_in_use() == 0); /* the sweeper is the last to let it go */
}

static void large_buffers_are_not_kept(void **state)
{
    static char fields[12000];
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    memset(fields, 'a', sizeof fields - 1);
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    say(fd, fields);
    say(fd, "\r\n\r\n");
    hear_until(fd, "ok");
    await(stats_of(s).idle == 1);
    assert_int_equal(buffers_in_use(), 0);
    say(fd, GET);
    hear_until(fd, "ok");
    await(stats_of(s).idle == 1);
    assert_int_equal(buffers_in_use(), 2);
    gev_close(fd);
    end(s);
    await(buffers_in_use() == 0);
}

static int send_much(struct gev_http *x)
{
    static char data[8 << 20];

    return keep(gev_http_reply(x, 200, NULL, data, sizeof data));
}

/* Of a UNIX socket nobody tells how much went through it. */
static void a_steady_reader_of_a_unix_socket_is_not_too_slow(void **state)
{
    struct gev_http_options o = options();
    struct gev_http_server *s;
    static char taken[50000];
    size_t all = 0;
    int fds[2];
    ssize_t n = 1;

    (void)state;
    o.header_timeout = 0.1; /* ticks of 10 ms */
    o.min_rate = 1000000;
    s = serve_with(do_act, NULL, &o);
    s->clock.limits.grace = 8;
    act = send_much;
    n_out = 0;
    sock_pair(fds, true);
    assert_int_equal(gev_http_server_adopt(s, fds[1]), 0);
    say(fds[0], GET_CLOSE);
    while (n > 0) {
        n = gev_read(fds[0], taken, sizeof taken);
        all += n > 0 ? (size_t)n : 0;
        assert_int_equal(gev_sleep(0.004), 0);
    }
    assert_outcome(out[0], 0, out[0].err);
    assert_true(all > (size_t)8 << 20);
    gev_close(fds[0]);
    end(s);
}

static int read_it_all(struct gev_http *x)
{
    const void *p;
    ssize_t n;

    while ((n = gev_http_view(x, &p)) > 0) {
    }
    keep((int)n);
    return n < 0 ? -1 : gev_http_reply(x, 200, NULL, "ok", 2);
}

/* The rate is an average: who was fast may pause, who never began may not. */
static void who_was_fast_may_pause(void **state)
{
    struct gev_http_options o = options();
    struct gev_http_server *s;
    static char some[5000];

    (void)state;
    memset(some, 'x', sizeof some - 1);
    o.header_timeout = 0.1;
    o.min_rate = 1000;
    s = serve_with(do_act, NULL, &o);
    s->clock.limits.grace = 10;
    act = read_it_all;
    n_out = 0;
    for (int fast = 0; fast < 2; fast++) {
        int fd = client();

        say(fd, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                "Content-Length: 5000\r\n\r\n");
        if (fast) {
            await(n_calls == 2);
            say(fd, some);
            assert_int_equal(gev_sleep(0.5), 0);
            say(fd, "x");
        }
        hear_end(fd);
        assert_status(fast ? 200 : 408);
        gev_close(fd);
    }
    assert_int_equal(stats_of(s).timeouts, 1);
    end(s);
}

static int take_it(struct gev_http *x)
{
    const struct gev_stream_ops *ops;
    const void *left;
    void *ctx;
    size_t n;
    char c[8];

    keep(gev_http_take(x, &ops, &ctx, &left, &n));
    keep((int)gev_http_read(x, c, 2));
    keep(gev_http_take(x, &ops, &ctx, &left, &n));
    keep((int)gev_http_read(x, c, 2));
    if (keep(gev_http_take(x, &ops, &ctx, &left, &n)) < 0) {
        return -1;
    }
    keep((int)n);
    keep((int)gev_http_read(x, c, 2)); /* it is over */
    struct iovec v = {(void *)(uintptr_t)left, n};
    return ops->writev(ctx, &v, 1) < 0 ? -1 : 0;
}

/* Else a body would be taken for what was said after the upgrade. */
static void a_body_is_read_before_a_connection_is_taken(void **state)
{
    (void)state;
    answered(take_it, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
                      "bodyleft");
    assert_string_equal(got.text, "left");
    assert_outcome(out[0], -1, EBUSY);
    assert_int_equal(out[1].r, 2);
    assert_outcome(out[2], -1, EBUSY);
    assert_int_equal(out[3].r, 2);
    assert_int_equal(out[4].r, 0);
    assert_int_equal(out[5].r, 4);
    assert_int_equal(out[6].r, 0);
}

static pid_t child;

static int fork_and_return(struct gev_http *x)
{
    keep(0);
    child = fork();
    return gev_http_reply(x, 200, NULL, child ? "parent" : "child!", 6);
}

/* The child has a copy of the connection, and must not speak on it. */
static void the_child_of_a_handler_does_not_answer(void **state)
{
    int status;

    (void)state;
    answered(fork_and_return, GET GET_CLOSE);
    assert_int_equal(n_out, 2);
    assert_int_equal(count("HTTP/1.1 200"), 2);
    assert_int_equal(count("parent"), 2);
    assert_int_equal(count("child!"), 0);
    while (waitpid(-1, &status, 0) > 0) {
        assert_true(WIFEXITED(status));
    }
}

static char reported[1024];
static int n_reports;

static void on_report(const char *text, void *arg)
{
    (void)arg;
    n_reports++;
    strncpy(reported, text, sizeof reported - 1);
}

static int say_nothing(struct gev_http *x)
{
    (void)x;
    return 0;
}

static void a_silent_handler_is_reported(void **state)
{
    struct gev_http_server *s = serve(do_act);

    (void)state;
    act = say_nothing;
    n_reports = 0;
    assert_int_equal(gev_set_report(on_report, NULL), 0);
    for (int i = 0; i < 20; i++) {
        ask("GET /some/where HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_status(500);
    }
    assert_int_equal(gev_set_report(NULL, NULL), 0);
    assert_true(n_reports >= 1 && n_reports < 10); /* one a second */
    assert_non_null(strstr(reported, "GET /some/where"));
    end(s);
}

static void what_is_cut_off_is_counted_once(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = read_it_all;
    n_out = 0;
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    gev_close(fd);
    await(n_out);
    await(stats_of(s).connections == 0);
    assert_outcome(out[0], -1, ECONNRESET);
    assert_int_equal(stats_of(s).aborted, 1);
    end(s);
}

static void only_streams_are_adopted(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    assert_int_equal(gev_http_server_adopt(s, fds[0]), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    close(fds[1]);
    end(s);
}

static int leave_an_expired_scope(struct gev_http *x)
{
    (void)gev_timeout_push(0.001);
    keep(gev_sleep(0.02));
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

/* It would make every later wait of the connection fail. */
static void an_expired_scope_ends_with_its_handler(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = leave_an_expired_scope;
    n_out = 0;
    for (int i = 0; i < 2; i++) {
        say(fd, GET);
        hear_until(fd, "ok");
        assert_status(200);
        assert_outcome(out[i], -1, ETIMEDOUT);
    }
    gev_close(fd);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_may_come_after_the_end),
        cmocka_unit_test(lingering_may_last_for_ever),
        cmocka_unit_test(lingering_holds_no_buffers),
        cmocka_unit_test(idle_connections_share_one_pair_of_buffers),
        cmocka_unit_test(large_buffers_are_not_kept),
        cmocka_unit_test(a_steady_reader_of_a_unix_socket_is_not_too_slow),
        cmocka_unit_test(who_was_fast_may_pause),
        cmocka_unit_test(a_body_is_read_before_a_connection_is_taken),
        cmocka_unit_test(the_child_of_a_handler_does_not_answer),
        cmocka_unit_test(a_silent_handler_is_reported),
        cmocka_unit_test(what_is_cut_off_is_counted_once),
        cmocka_unit_test(only_streams_are_adopted),
        cmocka_unit_test(an_expired_scope_ends_with_its_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
