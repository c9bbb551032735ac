/* SPDX-License-Identifier: MIT */
/*
 * Bodies of requests as handlers read them, and what follows for the connection
 */
#include "serving.h"

#include <stdio.h>

#define POST(n) "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " #n "\r\n"
#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
#define CLOSE   "Connection: close\r\n\r\n"

static struct outcome last; /* of the handler's last read */
static size_t n_read;

/* Reads in small pieces and gives it all back in brackets. */
static int echo(struct gev_http *x, void *arg)
{
    char *text = gev_http_alloc(x, 1000);
    size_t n = 1;
    ssize_t r;

    (void)arg;
    n_calls++;
    text[0] = '[';
    while ((r = gev_http_read(x, text + n, 3)) > 0) {
        n += (size_t)r;
    }
    last = (struct outcome){r, errno};
    n_read = n - 1;
    text[n++] = ']';
    return r < 0 ? -1 : gev_http_reply(x, 200, NULL, text, n);
}

static void a_body_ends_where_it_says(void **state)
{
    struct gev_http_server *s = serve(echo);

    (void)state;
    ask(POST(5) "\r\nHELLO" GET CHUNKED
                "\r\n5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n" POST(2) CLOSE "zz");
    assert_int_equal(count("HTTP/1.1 200"), 4);
    const char *at = strstr(got.text, "[HELLO]");
    assert_non_null(at);
    assert_non_null(at = strstr(at, "[]"));
    assert_non_null(at = strstr(at, "[abcdef]"));
    assert_non_null(strstr(at, "[zz]"));
    end(s);
}

static void a_body_may_come_byte_by_byte(void **state)
{
    const char text[] = CHUNKED CLOSE "3;x=\"y\"\r\nabc\r\n0\r\nT: v\r\n\r\n";
    struct gev_http_server *s = serve(echo);
    int fd = client();

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(gev_write(fd, text + i, 1), 1);
        assert_int_equal(gev_yield(), 0);
    }
    hear_end(fd);
    assert_body("[abc]");
    gev_close(fd);
    end(s);
}

/* Answers without a look at the body. */
static void an_unread_body_is_skipped_if_it_is_short(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    say(fd, POST(10000) "\r\n");
    hear_until(fd, "ok"); /* before the body has come */
    assert_hasnt("Connection: close");
    char *text = calloc(1, 10001);
    memset(text, 'x', 10000);
    say(fd, text);
    say(fd, GET_CLOSE);
    hear_end(fd);
    assert_int_equal(count("HTTP/1.1 200"), 1);
    free(text);
    gev_close(fd);
    end(s);
}

static void an_unread_long_body_closes(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask(POST(100000) "\r\n");
    assert_status(200);
    assert_has("Connection: close\r\n");
    end(s);
}

/* Writes 10 MiB, as far as the peer takes it. */
static void *writer(void *arg)
{
    static char zeros[65536];
    int fd = (int)(intptr_t)arg;

    for (int i = 0; i < 160; i++) {
        if (gev_writeall(fd, zeros, sizeof zeros) < 0) {
            break;
        }
    }
    return NULL;
}

static void a_413_can_be_read_by_a_client_that_is_still_sending(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int fd = client();

    (void)state;
    say(fd, POST(10485760) "\r\n");
    struct gev_greenlet *g = gev_spawn(writer, (void *)(intptr_t)fd);
    hear_until(fd, "Large\n");
    assert_status(413);
    assert_has("Connection: close\r\n");
    assert_int_equal(n_calls, 0);
    gev_close(fd);
    finish(g);
    end(s);
}

static void a_client_that_expects_is_told_to_continue_once(void **state)
{
    struct gev_http_server *s = serve(echo);
    int fd = client();

    (void)state;
    say(fd, POST(5) "Expect: 100-continue\r\n" CLOSE);
    hear_until(fd, "\r\n\r\n");
    assert_string_equal(got.text, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "HE");
    assert_int_equal(gev_yield(), 0);
    say(fd, "LLO");
    hear_end(fd);
    assert_status(200);
    assert_hasnt("100 Continue");
    assert_body("[HELLO]");
    gev_close(fd);
    ask(POST(5) "Expect: 100-continue\r\n" CLOSE "HELLO");
    assert_status(200);
    end(s);
}

static void without_a_read_nobody_is_told_to_continue(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask(POST(5) "Expect: 100-continue\r\n\r\n");
    assert_status(200);
    assert_has("Connection: close\r\n");
    ask(POST(5) "Expect: x\r\n\r\n");
    assert_status(417);
    end(s);
}

static void a_body_cut_short_is_an_error(void **state)
{
    struct gev_http_server *s = serve(echo);
    int fd = client();

    (void)state;
    say(fd, POST(10) "\r\nHELLO");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_string_equal(hear_end(fd), "");
    assert_outcome(last, -1, ECONNRESET);
    assert_int_equal(n_read, 5);
    gev_close(fd);
    end(s);
}

static void bad_chunks_are_400(void **state)
{
    struct gev_http_server *s = serve(echo);

    (void)state;
    ask(CHUNKED "\r\n5\r\nHELLOX\r\n0\r\n\r\n" GET);
    assert_status(400);
    assert_outcome(last, -1, EBADMSG);
    assert_int_equal(count("HTTP/1.1"), 1);
    assert_int_equal(n_calls, 1);
    end(s);
}

/* A limit of its own: 4 bytes. */
static int limited(struct gev_http *x, void *arg)
{
    (void)gev_http_body_limit(x, 4);
    return echo(x, arg);
}

static void a_handler_may_limit_the_body(void **state)
{
    struct gev_http_server *s = serve(limited);

    (void)state;
    ask(CHUNKED "\r\n5\r\nHELLO\r\n0\r\n\r\n");
    assert_status(413);
    assert_outcome(last, -1, EFBIG);
    ask(POST(5) "\r\nHELLO");
    assert_status(413);
    ask(POST(4) CLOSE "HELL");
    assert_body("[HELL]");
    end(s);
}

static size_t all_max;

static int read_all(struct gev_http *x, void *arg)
{
    void *data = NULL;
    ssize_t n = gev_http_read_all(x, all_max, &data);

    (void)arg;
    last = (struct outcome){n, errno};
    if (n < 0) {
        return gev_http_error(x, 413, "too much\n");
    }
    n_read = strlen(data);
    return gev_http_reply(x, 200, NULL, data, (size_t)n);
}

static void a_body_can_be_read_as_a_whole(void **state)
{
    struct gev_http_server *s = serve(read_all);

    (void)state;
    all_max = 5;
    ask(POST(5) CLOSE "HELLO");
    assert_body("HELLO");
    assert_int_equal(n_read, 5);
    ask(CHUNKED CLOSE "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_body("abcde");
    ask(GET_CLOSE);
    assert_body("");
    all_max = 4;
    ask(POST(5) CLOSE "HELLO");
    assert_status(413);
    assert_outcome(last, -1, EFBIG);
    ask(CHUNKED CLOSE "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_outcome(last, -1, EFBIG);
    assert_body("too much\n");
    end(s);
}

static int trailers(struct gev_http *x, void *arg)
{
    const char *before = gev_http_trailer(x, "X-T"), *after;
    const void *p;

    (void)arg;
    while (gev_http_view(x, &p) > 0) {
    }
    after = gev_http_trailer(x, "x-t");
    n_calls += before == NULL;
    return gev_http_reply(x, 200, NULL, after, after ? strlen(after) : 0);
}

static void trailers_can_be_read_after_the_body(void **state)
{
    struct gev_http_server *s = serve(trailers);

    (void)state;
    ask(CHUNKED CLOSE "1\r\nx\r\n0\r\nX-T: value\r\n\r\n");
    assert_body("value");
    assert_int_equal(n_calls, 1);
    ask(POST(1) CLOSE "x");
    assert_body("");
    end(s);
}

static int facts(struct gev_http *x, void *arg)
{
    const char *path = gev_http_path(x), *name = "?", *value = "?";
    socklen_t len = 0;
    const struct sockaddr *peer = gev_http_peer(x, &len);

    (void)arg;
    gev_http_header_at(x, 1, &name, &value);
    return gev_http_printf(
        x, "%s|%s|%s|%s|%s|%d|%s|%s|%s|%s|%d|%ld|%d|%d", gev_http_method(x),
        gev_http_target(x), path ? path : "-", gev_http_query(x),
        gev_http_host(x), gev_http_minor(x),
        gev_http_header(x, "x-A") ? gev_http_header(x, "x-A") : "-", name,
        value, gev_http_header(x, "X-B") ? "+" : "-",
        peer->sa_family == AF_INET, (long)len, (int)gev_http_length(x),
        gev_http_header_at(x, 9, NULL, NULL));
}

static void a_request_can_be_looked_at(void **state)
{
    struct gev_http_server *s = serve(facts);

    (void)state;
    ask("GET /a%20b/%2e?q=%41&r HTTP/1.1\r\nHost: h:80\r\nX-A: \t1 2 "
        "\r\n" CLOSE);
    assert_has("GET|/a%20b/%2e?q=%41&r|/a b/.|q=%41&r|h:80|1|1 2|X-A|1 2|-|1|16"
               "|0|-1");
    ask("PUT http://x:8?q HTTP/1.1\r\nHost: y\r\nX-B: \r\nX-A:\r\n"
        "Transfer-Encoding: chunked\r\n" CLOSE "0\r\n\r\n");
    assert_has("PUT|http://x:8?q|/|q|x:8|1||X-B||+|1|16|-1|-1");
    ask("GET /%00 HTTP/1.0\r\nA: b\r\nX-A: c\r\n\r\n");
    assert_has("GET|/%00|-|||0|c|X-A|c|-|1|16|0|-1");
    ask("GET /%4 HTTP/1.0\r\nA: b\r\n\r\n");
    assert_has("GET|/%4|-|||0|-|?|?|-|");
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_ends_where_it_says),
        TEST(a_body_may_come_byte_by_byte),
        TEST(an_unread_body_is_skipped_if_it_is_short),
        TEST(an_unread_long_body_closes),
        TEST(a_413_can_be_read_by_a_client_that_is_still_sending),
        TEST(a_client_that_expects_is_told_to_continue_once),
        TEST(without_a_read_nobody_is_told_to_continue),
        TEST(a_body_cut_short_is_an_error),
        TEST(bad_chunks_are_400),
        TEST(a_handler_may_limit_the_body),
        TEST(a_body_can_be_read_as_a_whole),
        TEST(trailers_can_be_read_after_the_body),
        TEST(a_request_can_be_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
