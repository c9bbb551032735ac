/* SPDX-License-Identifier: MIT */
/*
 * A server for tests, and a client that sends bytes and reads what comes back
 *
 * The client is main, with gev's own calls, so that the server runs meanwhile.
 * Handlers store what they saw; main checks it.
 */
#ifndef TESTS_HTTP_SERVING_H
#define TESTS_HTTP_SERVING_H

#include "hub/run.h"

#include <sys/socket.h>

#include "support/sock.h"

/* A request that asks to be answered with "ok" by say_ok(). */
#define GET       "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_CLOSE "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

/* What a client has received. */
struct answer {
    char text[65536]; /* and a NUL */
    size_t len;
};

static struct answer got;
static int n_calls;
static int served_port;

static inline struct gev_http_options options(void)
{
    struct gev_http_options o;

    gev_http_options_init(&o, sizeof o);
    return o;
}

static inline struct gev_http_server *
serve_with(gev_http_handler *handler, void *arg,
           const struct gev_http_options *o)
{
    struct gev_http_server *s = gev_http_server_new(NULL, handler, arg, o);

    assert_non_null(s);
    int fd = gev_http_server_listen(s, "127.0.0.1:0");
    assert_true(fd >= 0);
    served_port = sock_port(fd);
    assert_int_equal(gev_http_server_start(s), 0);
    n_calls = 0;
    return s;
}

static inline struct gev_http_server *serve(gev_http_handler *handler)
{
    return serve_with(handler, NULL, NULL);
}

static inline struct gev_http_stats stats_of(const struct gev_http_server *s)
{
    struct gev_http_stats st;

    assert_int_equal(gev_http_server_stats(s, &st, sizeof st), 0);
    return st;
}

/* Ends a server within a second. */
static inline void end(struct gev_http_server *s)
{
    assert_int_equal(gev_http_server_stop(s, 1), 0);
    assert_int_equal(stats_of(s).connections, 0);
    gev_http_server_free(s);
}

static inline int client(void)
{
    return sock_connect(served_port);
}

static inline void say(int fd, const char *text)
{
    assert_int_equal(gev_writeall(fd, text, strlen(text)), strlen(text));
}

/* Reads until @n bytes are there, the stream ends, or a second passes. */
static __attribute__((noinline, unused)) void hear(int fd, size_t n)
{
    int64_t limit = gev_timeout_push(20);
    ssize_t r = 1;

    while (got.len < n && got.len < sizeof got.text - 1 && r > 0) {
        r = gev_read(fd, got.text + got.len, sizeof got.text - 1 - got.len);
        got.len += r > 0 ? (size_t)r : 0;
    }
    got.text[got.len] = '\0';
    assert_int_equal(gev_timeout_pop(limit), 0);
}

/* Reads all that comes until the connection is closed. */
static inline const char *hear_end(int fd)
{
    got.len = 0;
    hear(fd, sizeof got.text);
    return got.text;
}

/* Reads until @end is at the end of what came. */
static inline const char *hear_until(int fd, const char *last)
{
    size_t n = strlen(last);

    got.len = 0;
    for (;;) {
        size_t before = got.len;

        hear(fd, got.len + 1);
        if (got.len == before ||
            (got.len >= n && memcmp(got.text + got.len - n, last, n) == 0)) {
            return got.text;
        }
    }
}

/* Says something on a new connection and hears all of the answer. */
static inline const char *ask(const char *text)
{
    int fd = client();

    say(fd, text);
    hear_end(fd);
    gev_close(fd);
    return got.text;
}

/* How often a piece of text is in what came. */
static inline int count(const char *piece)
{
    int n = 0;

    for (const char *p = got.text; (p = strstr(p, piece)); p++) {
        n++;
    }
    return n;
}

/* The status of the first response, or -1. */
static inline int status(void)
{
    return strncmp(got.text, "HTTP/1.1 ", 9) == 0 ? atoi(got.text + 9) : -1;
}

/* The body of the first response. */
static inline const char *body(void)
{
    const char *p = strstr(got.text, "\r\n\r\n");

    return p ? p + 4 : "";
}

#define assert_has(piece)   assert_non_null(strstr(got.text, piece))
#define assert_hasnt(piece) assert_null(strstr(got.text, piece))
#define assert_status(code) assert_int_equal(status(), code)
#define assert_body(text)   assert_string_equal(body(), text)

/* Lets others run until something is so. */
#define await(what)                                                            \
    do {                                                                       \
        for (int await_i = 0; await_i < 10000 && !(what); await_i++) {         \
            assert_int_equal(gev_sleep(0.001), 0);                             \
        }                                                                      \
        assert_true(what);                                                     \
    } while (0)

static inline int say_ok(struct gev_http *x, void *arg)
{
    (void)arg;
    n_calls++;
    return gev_http_reply(x, 200, "text/plain", "ok", 2);
}

#endif
