/* SPDX-License-Identifier: MIT */
/*
 * Connections: keep-alive, pipelining, versions, the end of the stream
 */
#include "serving.h"

#include <stdio.h>

static void a_request_is_answered(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask(GET_CLOSE);
    assert_status(200);
    assert_has("\r\nContent-Type: text/plain\r\n");
    assert_has("\r\nContent-Length: 2\r\n");
    assert_has("\r\nConnection: close\r\n");
    assert_has("\r\nDate: ");
    assert_body("ok");
    assert_int_equal(stats_of(s).requests, 1);
    assert_int_equal(stats_of(s).responses[2], 1);
    end(s);
}

static void a_connection_is_kept(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    for (int i = 0; i < 3; i++) {
        say(fd, GET);
        hear_until(fd, "ok");
        assert_status(200);
        assert_hasnt("Connection");
    }
    assert_int_equal(stats_of(s).connections, 1);
    assert_int_equal(stats_of(s).idle, 1);
    assert_int_equal(n_calls, 3);
    gev_close(fd);
    await(stats_of(s).connections == 0);
    end(s);
}

/* Numbers its answers, and gives the path back. */
static int say_path(struct gev_http *x, void *arg)
{
    char text[64];
    int n = snprintf(text, sizeof text, "<%s %d>", gev_http_path(x), ++n_calls);

    (void)arg;
    return gev_http_reply(x, 200, "text/plain", text, (size_t)n);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct gev_http_server *s = serve(say_path);
    char text[8192] = "";

    (void)state;
    for (int i = 0; i < 99; i++) {
        sprintf(text + strlen(text), "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    }
    strcat(text, "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ask(text);
    assert_int_equal(count("HTTP/1.1 200 OK\r\n"), 100);
    const char *at = got.text;
    for (int i = 0; i < 99; i++) {
        sprintf(text, "</%d %d>", i, i + 1);
        at = strstr(at, text);
        assert_non_null(at);
    }
    assert_has("</last 100>");
    end(s);
}

static void nothing_is_answered_after_close(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask(GET_CLOSE GET);
    assert_int_equal(count("HTTP/1.1"), 1);
    assert_int_equal(n_calls, 1);
    end(s);
}

static void http_1_0_is_closed_unless_kept(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    ask("GET / HTTP/1.0\r\n\r\n");
    assert_status(200);
    assert_has("Connection: close\r\n");
    say(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear_until(fd, "ok");
    assert_has("Connection: keep-alive\r\n");
    assert_has("Content-Length: 2\r\n");
    say(fd, "GET / HTTP/1.0\r\n\r\n");
    hear_end(fd);
    assert_status(200);
    gev_close(fd);
    end(s);
}

static void a_client_that_has_shut_its_side_is_answered(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    say(fd, GET GET);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    hear_end(fd);
    assert_int_equal(count("HTTP/1.1 200"), 2);
    gev_close(fd);
    end(s);
}

static void half_a_head_and_the_end_is_no_request(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client(), other = client();

    (void)state;
    say(fd, "GET / HT");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_string_equal(hear_end(fd), "");
    gev_close(fd);
    gev_close(other);
    await(stats_of(s).connections == 0);
    assert_int_equal(stats_of(s).refused, 0);
    end(s);
}

static void the_last_request_allowed_closes(void **state)
{
    struct gev_http_options o = options();
    o.max_requests = 2;
    struct gev_http_server *s = serve_with(say_ok, NULL, &o);

    (void)state;
    ask(GET GET GET);
    assert_int_equal(count("HTTP/1.1 200"), 2);
    assert_int_equal(count("Connection: close"), 1);
    end(s);
}

static void trace_and_options_of_the_server_need_no_handler(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_status(405);
    assert_int_equal(count("Allow: GET, "), 2);
    assert_has("HTTP/1.1 204 No Content\r\n");
    assert_int_equal(n_calls, 0);
    end(s);
}

static void empty_lines_between_requests_are_ignored(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    say(fd, GET "\r\n");
    hear_until(fd, "ok");
    await(stats_of(s).idle == 1);
    say(fd, "\r\n" GET_CLOSE);
    hear_end(fd);
    assert_status(200);
    assert_int_equal(n_calls, 2);
    gev_close(fd);
    end(s);
}

static void h2c_is_not_spoken(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" GET_CLOSE);
    assert_int_equal(count("HTTP/1.1 200"), 2);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered),
        TEST(a_connection_is_kept),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(nothing_is_answered_after_close),
        TEST(http_1_0_is_closed_unless_kept),
        TEST(a_client_that_has_shut_its_side_is_answered),
        TEST(half_a_head_and_the_end_is_no_request),
        TEST(the_last_request_allowed_closes),
        TEST(trace_and_options_of_the_server_need_no_handler),
        TEST(empty_lines_between_requests_are_ignored),
        TEST(h2c_is_not_spoken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
