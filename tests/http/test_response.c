/* SPDX-License-Identifier: MIT */
/*
 * Responses: whole, with a promised length, in pieces; fields; no body where
 * there must not be one
 */
#include "acting.h"

#include <stdio.h>

#define HEAD_CLOSE "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static int reply_twice(struct gev_http *x)
{
    keep(gev_http_set(x, "X-A", "1"));
    keep(gev_http_set(x, "x-a", "2"));
    keep(gev_http_add(x, "X-A", "3"));
    keep(gev_http_set(x, "Content-Type", "text/html"));
    keep(gev_http_reply(x, 201, "text/plain", "abc", 3));
    keep(gev_http_reply(x, 200, NULL, "d", 1));
    keep(gev_http_set(x, "X-B", "1"));
    keep(gev_http_status(x, 404));
    keep(gev_http_write(x, "e", 1));
    return 0;
}

static void fields_are_set_added_and_replaced(void **state)
{
    (void)state;
    answered(reply_twice, GET_CLOSE);
    assert_status(201);
    assert_has("HTTP/1.1 201 Created\r\n");
    assert_hasnt("X-A: 1");
    assert_has("x-a: 2\r\nX-A: 3\r\n");
    assert_int_equal(count("Content-Type"), 1);
    assert_has("Content-Type: text/plain\r\n");
    assert_body("abc");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(out[i].r, 0);
    }
    for (int i = 5; i < 9; i++) { /* the head is out */
        assert_outcome(out[i], -1, EALREADY);
    }
}

static int set_bad_fields(struct gev_http *x)
{
    keep(gev_http_set(x, "X", "a\r\nSet-Cookie: x"));
    keep(gev_http_set(x, "X", "a\nb"));
    keep(gev_http_set(x, "X Y", "a"));
    keep(gev_http_set(x, "", "a"));
    keep(gev_http_set(x, "X:", "a"));
    keep(gev_http_add(x, "X", NULL));
    keep(gev_http_set(x, "Transfer-Encoding", "chunked"));
    keep(gev_http_set(x, "Connection", "keep-alive"));
    keep(gev_http_set(x, "Content-Length", "+1"));
    keep(gev_http_set(x, "Content-Length", ""));
    keep(gev_http_reply(x, 200, "a\r\nb", "a", 1));
    keep(gev_http_reply(x, 99, NULL, "a", 1));
    keep(gev_http_status(x, 100));
    keep(gev_http_set_length(x, -1));
    keep(gev_http_redirect(x, 302, "/a\r\nX: y"));
    keep(gev_http_redirect(x, 200, "/a"));
    return gev_http_reply(x, 200, NULL, "x", 1);
}

static void what_could_split_a_response_is_refused(void **state)
{
    (void)state;
    answered(set_bad_fields, GET_CLOSE);
    assert_status(200);
    assert_hasnt("Cookie");
    assert_hasnt("X:");
    assert_int_equal(n_out, 16);
    for (int i = 0; i < 16; i++) {
        assert_outcome(out[i], -1, EINVAL);
    }
}

/* Each byte in each place of a value, short and long. */
static int set_each_byte(struct gev_http *x)
{
    size_t n_wrong = 0;

    for (int c = 1; c < 256; c++) {
        bool good = c == '\t' || (c >= 0x20 && c != 0x7f);

        for (size_t at = 0; at < 20; at++) {
            char value[] = "a\tb\t12345678901234567";

            value[at] = (char)c;
            n_wrong += (gev_http_set(x, "X-Any", value) == 0) != good;
        }
    }
    errno = 0;
    keep((int)n_wrong);
    gev_http_set(x, "X-Any", NULL);
    return gev_http_reply(x, 200, NULL, "x", 1);
}

static void values_hold_text_and_tabs_and_nothing_else(void **state)
{
    (void)state;
    answered(set_each_byte, GET_CLOSE);
    assert_status(200);
    assert_outcome(out[0], 0, 0);
}

static int close_and_remove(struct gev_http *x)
{
    keep(gev_http_set(x, "X-A", "1"));
    keep(gev_http_set(x, "X-A", NULL));
    keep(gev_http_set(x, "Date", "never"));
    keep(gev_http_set(x, "Connection", "Close"));
    keep(gev_http_set(x, "Content-Length", "2"));
    keep(gev_http_reply(x, 0, NULL, "abc", 3)); /* not what was promised */
    return gev_http_reply(x, 0, NULL, "ab", 2);
}

static void managed_fields_are_managed(void **state)
{
    (void)state;
    answered(close_and_remove, GET);
    assert_status(200);
    assert_hasnt("X-A");
    assert_int_equal(count("Date: "), 1);
    assert_has("Date: never\r\n");
    assert_int_equal(count("Connection: close\r\n"), 1);
    assert_body("ab");
    assert_outcome(out[5], -1, EINVAL);
}

static int write_pieces(struct gev_http *x)
{
    keep(gev_http_write(x, "Hello", 5));
    keep(gev_http_write(x, NULL, 0));
    keep(gev_http_printf(x, ", %s %d", "World", 7));
    keep(gev_http_flush(x));
    keep(gev_http_printf(x, "%300d", 1));
    return 0;
}

static void pieces_are_chunked(void **state)
{
    (void)state;
    answered(write_pieces, GET_CLOSE);
    assert_has("Transfer-Encoding: chunked\r\n");
    assert_hasnt("Content-Length");
    assert_int_equal(strncmp(body(), "e\r\nHello, World 7\r\n12c\r\n  ", 26),
                     0);
    assert_string_equal(body() + strlen(body()) - 8, "1\r\n0\r\n\r\n");
    for (int i = 0; i < n_out; i++) {
        assert_int_equal(out[i].r, 0);
    }
}

static void pieces_end_with_the_connection_on_1_0(void **state)
{
    char spaces[301];

    (void)state;
    answered(write_pieces, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_hasnt("Transfer-Encoding");
    assert_hasnt("Content-Length");
    assert_has("Connection: close\r\n");
    snprintf(spaces, sizeof spaces, "%300d", 1);
    assert_int_equal(strncmp(body(), "Hello, World 7", 14), 0);
    assert_string_equal(body() + 14, spaces);
}

static int promise(struct gev_http *x)
{
    keep(gev_http_set_length(x, 5));
    keep(gev_http_write(x, "Hel", 3));
    keep(gev_http_write(x, "lo!", 3)); /* one too many */
    keep(gev_http_write(x, "lo", 2));
    return 0;
}

static void a_promised_length_is_kept(void **state)
{
    (void)state;
    answered(promise, GET_CLOSE);
    assert_has("Content-Length: 5\r\n");
    assert_body("Hello");
    assert_outcome(out[2], -1, EMSGSIZE);
    assert_int_equal(out[3].r, 0);
}

static int promise_too_much(struct gev_http *x)
{
    gev_http_set_length(x, 10);
    gev_http_write(x, "Hello", 5);
    return gev_http_flush(x);
}

static void a_broken_promise_aborts(void **state)
{
    struct gev_http_server *s = serve(do_act);

    (void)state;
    act = promise_too_much;
    ask(GET GET);
    assert_int_equal(count("HTTP/1.1"), 1);
    assert_body("Hello");
    assert_int_equal(stats_of(s).aborted, 1);
    end(s);
}

static char large[200000];

static int reply_large(struct gev_http *x)
{
    return gev_http_reply(x, 200, NULL, large, sizeof large);
}

static int write_large(struct gev_http *x)
{
    for (size_t i = 0; i < sizeof large; i += 40000) {
        if (gev_http_write(x, large + i, 40000) < 0) {
            return -1;
        }
    }
    return 0;
}

static int write_small(struct gev_http *x)
{
    for (size_t i = 0; i < sizeof large; i += 10) {
        if (gev_http_write(x, large + i, 10) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Reads a response's body by its framing; checks it against large[]. */
static void check_large(int fd, bool chunked)
{
    char *text = malloc(400000), *p;
    size_t n = 0, at = 0;
    ssize_t r;

    assert_non_null(text);
    while ((r = gev_read(fd, text + n, 399999 - n)) > 0) {
        n += (size_t)r;
    }
    text[n] = '\0';
    p = strstr(text, "\r\n\r\n") + 4;
    for (size_t size; chunked && (size = strtoul(p, &p, 16)) > 0;) {
        p += 2;
        assert_true(at + size <= sizeof large);
        assert_memory_equal(p, large + at, size);
        p += size;
        assert_memory_equal(p, "\r\n", 2);
        p += 2;
        at += size;
    }
    if (!chunked) {
        at = (size_t)(text + n - p);
        assert_memory_equal(p, large, sizeof large);
    }
    assert_int_equal(at, sizeof large);
    free(text);
}

static void large_bodies_arrive(void **state)
{
    int (*const ways[])(struct gev_http *) = {reply_large, write_large,
                                              write_small};
    struct gev_http_server *s = serve(do_act);

    (void)state;
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (char)('a' + i % 23);
    }
    for (int i = 0; i < 3; i++) {
        int fd = client();

        act = ways[i];
        say(fd, GET_CLOSE);
        check_large(fd, i > 0);
        gev_close(fd);
    }
    assert_true(stats_of(s).bytes_out > 3 * sizeof large);
    end(s);
}

static int write_behind_a_large_head(struct gev_http *x)
{
    char *value = gev_http_alloc(x, 70001);

    memset(value, 'v', 70000);
    value[70000] = '\0';
    gev_http_set(x, "X-Large", value);
    return write_small(x);
}

/* Its buffer is larger than a chunk may be. */
static void pieces_behind_a_large_head_arrive(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = write_behind_a_large_head;
    memset(large, 'x', sizeof large);
    say(fd, GET_CLOSE);
    check_large(fd, true);
    gev_close(fd);
    end(s);
}

static int reply_no_content(struct gev_http *x)
{
    return gev_http_reply(x, 204, NULL, "abc", 3);
}

static int reply_not_modified(struct gev_http *x)
{
    gev_http_set_length(x, 7);
    return gev_http_reply(x, 304, NULL, "abc", 3);
}

static int reply_reset(struct gev_http *x)
{
    return gev_http_reply(x, 205, NULL, "abc", 3);
}

static void some_statuses_have_no_body(void **state)
{
    (void)state;
    answered(reply_no_content, GET GET_CLOSE);
    assert_int_equal(count("HTTP/1.1 204 No Content\r\n"), 2);
    assert_hasnt("Content-Length");
    assert_hasnt("abc");
    answered(reply_not_modified, GET GET_CLOSE);
    assert_int_equal(count("HTTP/1.1 304"), 2);
    assert_int_equal(count("Content-Length: 7\r\n"), 2);
    assert_hasnt("abc");
    answered(reply_reset, GET GET_CLOSE);
    assert_int_equal(count("HTTP/1.1 205"), 2);
    assert_int_equal(count("Content-Length: 0\r\n"), 2);
    assert_hasnt("abc");
}

static int reply_hello(struct gev_http *x)
{
    return gev_http_reply(x, 200, "text/plain", "Hello", 5);
}

static void head_is_get_without_a_body(void **state)
{
    (void)state;
    answered(reply_hello, HEAD_CLOSE);
    assert_has("Content-Length: 5\r\n");
    assert_body("");
    answered(write_pieces, HEAD_CLOSE);
    assert_has("Transfer-Encoding: chunked\r\n");
    assert_body("");
    answered(promise, HEAD_CLOSE);
    assert_has("Content-Length: 5\r\n");
    assert_body("");
}

static int choose(struct gev_http *x)
{
    return gev_http_status(x, 202);
}

static int nothing(struct gev_http *x)
{
    (void)x;
    return 0;
}

static void silence_is_a_status_that_was_chosen_or_500(void **state)
{
    (void)state;
    answered(choose, GET_CLOSE);
    assert_status(202);
    assert_has("Content-Length: 0\r\n");
    answered(nothing, GET_CLOSE);
    assert_status(500);
}

static int redirect(struct gev_http *x)
{
    return gev_http_redirect(x, 308, "/else?a=b");
}

static int hint(struct gev_http *x)
{
    keep(gev_http_set(x, "Link", "</a>; rel=preload"));
    keep(gev_http_inform(x, 103));
    keep(gev_http_inform(x, 101));
    return gev_http_reply(x, 200, NULL, "x", 1);
}

static void redirects_and_early_hints(void **state)
{
    (void)state;
    answered(redirect, GET_CLOSE);
    assert_has("HTTP/1.1 308 Permanent Redirect\r\n");
    assert_has("Location: /else?a=b\r\n");
    answered(hint, GET_CLOSE);
    assert_int_equal(strncmp(got.text,
                             "HTTP/1.1 103 Early Hints\r\n"
                             "Link: </a>; rel=preload\r\n\r\n"
                             "HTTP/1.1 200 OK\r\n",
                             70),
                     0);
    assert_int_equal(count("Link"), 2);
    assert_outcome(out[2], -1, EINVAL);
    answered(hint, "GET / HTTP/1.0\r\n\r\n");
    assert_status(200);
}

static int name_itself(struct gev_http *x)
{
    gev_http_set(x, "Server", "handler");
    return gev_http_reply(x, 200, NULL, "x", 1);
}

static void a_server_can_have_a_name(void **state)
{
    struct gev_http_options o = options();
    o.server = "gev/test";
    struct gev_http_server *s = serve_with(say_ok, NULL, &o);

    (void)state;
    ask(GET_CLOSE);
    assert_has("Server: gev/test\r\n");
    end(s);
    s = serve_with(do_act, NULL, &o);
    act = name_itself;
    ask(GET_CLOSE);
    assert_int_equal(count("Server: "), 1);
    assert_has("Server: handler\r\n");
    end(s);
    o.server = "a\r\nb";
    assert_no_pointer(gev_http_server_new(NULL, say_ok, NULL, &o), EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fields_are_set_added_and_replaced),
        TEST(what_could_split_a_response_is_refused),
        TEST(values_hold_text_and_tabs_and_nothing_else),
        TEST(managed_fields_are_managed),
        TEST(pieces_are_chunked),
        TEST(pieces_end_with_the_connection_on_1_0),
        TEST(a_promised_length_is_kept),
        TEST(a_broken_promise_aborts),
        TEST(large_bodies_arrive),
        TEST(pieces_behind_a_large_head_arrive),
        TEST(some_statuses_have_no_body),
        TEST(head_is_get_without_a_body),
        TEST(silence_is_a_status_that_was_chosen_or_500),
        TEST(redirects_and_early_hints),
        TEST(a_server_can_have_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
