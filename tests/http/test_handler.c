/* SPDX-License-Identifier: MIT */
/*
 * Handlers that fail, leave scopes open, defer, wait, are killed, take over
 */
#include "serving.h"

#include <stdio.h>

#include <gev/stream.h>

static int how;
static struct outcome last;

static int fails(struct gev_http *x, void *arg)
{
    (void)arg;
    n_calls++;
    if (how == 1) {
        gev_http_write(x, "abc", 3); /* not sent yet */
    } else if (how >= 2) {
        gev_http_write(x, "abc", 3);
        gev_http_flush(x);
    }
    return -1;
}

static void a_failure_is_500_before_anything_was_sent(void **state)
{
    struct gev_http_server *s = serve(fails);

    (void)state;
    for (how = 0; how < 2; how++) {
        ask(GET GET_CLOSE);
        assert_int_equal(count("HTTP/1.1 500 Internal Server Error\r\n"), 2);
        assert_hasnt("abc");
    }
    assert_int_equal(stats_of(s).responses[5], 4);
    end(s);
}

static void a_failure_after_output_cuts_the_response_off(void **state)
{
    struct gev_http_server *s = serve(fails);

    (void)state;
    how = 2;
    ask(GET GET);
    assert_status(200);
    assert_body("3\r\nabc\r\n"); /* no last chunk */
    assert_int_equal(n_calls, 1);
    assert_int_equal(stats_of(s).aborted, 1);
    ask("GET / HTTP/1.0\r\n\r\n"); /* by a reset: hear() stops at any error */
    assert_body("abc");
    assert_int_equal(stats_of(s).aborted, 2);
    end(s);
}

static int leave_scopes(struct gev_http *x, void *arg)
{
    (void)arg;
    n_calls++;
    (void)gev_timeout_push(0.001);
    (void)gev_shield_begin();
    (void)gev_timeout_push(0.001);
    (void)gev_sleep(0.01);
    (void)gev_shield_begin();
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

static void scopes_left_open_are_closed(void **state)
{
    struct gev_http_server *s = serve(leave_scopes);
    int fd = client();

    (void)state;
    for (int i = 0; i < 3; i++) {
        say(fd, GET);
        hear_until(fd, "ok");
        assert_status(200);
        await(stats_of(s).idle == 1);
    }
    gev_close(fd);
    end(s);
}

static int with_own_limit(struct gev_http *x, void *arg)
{
    int64_t limit = gev_timeout_push(0.01);
    char c;

    (void)arg;
    last.r = gev_http_read(x, &c, 1);
    last.err = errno;
    n_calls = gev_timeout_pop(limit);
    /* It was the handler's own limit: the body can still be read. */
    return gev_http_read(x, &c, 1) == 1 ? gev_http_reply(x, 200, NULL, &c, 1)
                                        : -1;
}

static void a_handlers_own_limit_breaks_nothing(void **state)
{
    struct gev_http_server *s = serve(with_own_limit);
    int fd = client();

    (void)state;
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    await(n_calls == 1);
    assert_outcome(last, -1, ETIMEDOUT);
    say(fd, "x" GET_CLOSE);
    hear_until(fd, "x");
    assert_status(200);
    gev_close(fd);
    end(s);
}

static void note_it(void *arg)
{
    note(*(const char *)arg);
}

static char letters[] = "abc";

static int defer(struct gev_http *x, void *arg)
{
    char local = 'x';

    (void)arg;
    n_calls++;
    for (int i = 0; i < 3; i++) {
        if (gev_http_defer(x, note_it, &letters[i]) < 0) {
            return -1;
        }
    }
    last.r = gev_http_defer(x, note_it, &local);
    last.err = errno;
    if (how == 1) {
        (void)gev_sleep(GEV_FOREVER);
        return -1;
    }
    if (how == 2) {
        gev_exit(NULL);
    }
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

static void deferred_calls_run_after_each_request(void **state)
{
    struct gev_http_server *s = serve(defer);

    (void)state;
    how = 0;
    ask(GET GET_CLOSE);
    assert_int_equal(count("HTTP/1.1 200"), 2);
    assert_string_equal(run_log, "cbacba");
    assert_outcome(last, -1, EFAULT);
    end(s);
}

static void deferred_calls_run_when_the_handler_is_killed(void **state)
{
    struct gev_http_server *s = serve(defer);
    int fd = client();

    (void)state;
    how = 1;
    say(fd, GET);
    await(n_calls == 1);
    assert_string_equal(run_log, "");
    assert_int_equal(gev_http_server_stop(s, 0.01), 0);
    assert_string_equal(run_log, "cba");
    hear_end(fd);
    assert_status(500);
    assert_has("Connection: close\r\n");
    gev_close(fd);
    gev_http_server_free(s);
}

static void deferred_calls_run_when_the_handler_exits(void **state)
{
    struct gev_http_server *s = serve(defer);

    (void)state;
    how = 2;
    assert_string_equal(ask(GET), "");
    await(stats_of(s).connections == 0);
    assert_string_equal(run_log, "cba");
    end(s);
}

/* Takes the connection over, and says what it got with the request. */
static int upgrade(struct gev_http *x, void *arg)
{
    const struct gev_stream_ops *ops;
    const void *left;
    void *ctx;
    size_t n;
    struct iovec v[2] = {{(void *)(uintptr_t) "101!", 4}};
    char buf[10];

    (void)arg;
    n_calls++;
    if (gev_http_take(x, &ops, &ctx, &left, &n) < 0) {
        return -1;
    }
    last.r = gev_http_reply(x, 200, NULL, NULL, 0);
    last.err = errno;
    v[1] = (struct iovec){(void *)(uintptr_t)left, n};
    if (ops->writev(ctx, v, 2) < 0 || ops->wait(ctx) < 0) {
        return -1;
    }
    v[0] = (struct iovec){buf, 0};
    ssize_t r = ops->read(ctx, buf, sizeof buf);
    v[0].iov_len = r > 0 ? (size_t)r : 0;
    return ops->writev(ctx, v, 1) < 0 ? -1 : 0;
}

static void a_handler_can_take_the_connection_over(void **state)
{
    struct gev_http_server *s = serve(upgrade);
    int fd = client();

    (void)state;
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
            "Upgrade: echo\r\n\r\nleft");
    hear_until(fd, "101!left");
    say(fd, "more");
    assert_string_equal(hear_end(fd), "more");
    assert_outcome(last, -1, EALREADY);
    gev_close(fd);
    end(s);
}

static int wait_for_main(struct gev_http *x, void *arg)
{
    const char *path = gev_http_path(x);

    (void)arg;
    note(path[1]);
    if (path[1] == 's') {
        (void)gev_sleep(0.05);
    }
    note((char)(path[1] - 32));
    return gev_http_reply(x, 200, NULL, path, strlen(path));
}

static void a_slow_handler_keeps_the_order(void **state)
{
    struct gev_http_server *s = serve(wait_for_main);

    (void)state;
    ask("GET /s HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_string_equal(run_log, "sSfF");
    assert_true(strstr(got.text, "\r\n\r\n/s") <
                strstr(got.text, "\r\n\r\n/f"));
    end(s);
}

static size_t big_size;

static int allocate(struct gev_http *x, void *arg)
{
    char *small = gev_http_alloc(x, 10), *big = gev_http_alloc(x, big_size);

    (void)arg;
    n_calls += (uintptr_t)small % 16 == 0 && (uintptr_t)big % 16 == 0;
    if (!small || !big) {
        return -1;
    }
    memset(big, 'x', big_size);
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

static void memory_lasts_as_long_as_the_request(void **state)
{
    struct gev_http_server *s = serve(allocate);

    (void)state;
    for (big_size = 1; big_size < 1 << 20; big_size *= 4) {
        ask(GET_CLOSE);
        assert_status(200);
    }
    assert_int_equal(n_calls, 10);
    end(s);
}

/* Writes for ever; tells what stopped it. */
static int pour(struct gev_http *x, void *arg)
{
    static char data[16384];

    (void)arg;
    while (gev_http_write(x, data, sizeof data) == 0) {
        n_calls++;
    }
    last.r = -1;
    last.err = errno;
    return -1;
}

static void a_reset_ends_a_stream_without_a_signal(void **state)
{
    struct gev_http_server *s = serve(pour);
    int fd = client();

    (void)state;
    last.r = 0;
    say(fd, GET);
    hear(fd, 1000);
    sock_reset(fd);
    await(last.r == -1);
    assert_true(last.err == ECONNRESET || last.err == EPIPE);
    await(stats_of(s).connections == 0);
    assert_int_equal(stats_of(s).aborted, 1);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failure_is_500_before_anything_was_sent),
        TEST(a_failure_after_output_cuts_the_response_off),
        TEST(scopes_left_open_are_closed),
        TEST(a_handlers_own_limit_breaks_nothing),
        TEST(deferred_calls_run_after_each_request),
        TEST(deferred_calls_run_when_the_handler_is_killed),
        TEST(deferred_calls_run_when_the_handler_exits),
        TEST(a_handler_can_take_the_connection_over),
        TEST(a_slow_handler_keeps_the_order),
        TEST(memory_lasts_as_long_as_the_request),
        TEST(a_reset_ends_a_stream_without_a_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
