/* SPDX-License-Identifier: MIT */
/*
 * An HTTP server for the tests of libgev_curl, on a thread of its own, so that
 * curl_easy_perform() can be asked the same as gev_curl_perform().
 *
 *   /bytes/N    N bytes        /none     the connection is closed
 *   /delay/MS   "ok", later    /short    fewer bytes than it says
 *   /stall      nothing        /loop     a redirect to itself
 *   /chunks     in chunks      /missing  404
 *   POST        the body's length
 */
#ifndef TESTS_CURL_SERVING_H
#define TESTS_CURL_SERVING_H

#include "net/run.h"

#include <pthread.h>

#include "support/sock.h"

static struct {
    pthread_t thread;
    pthread_barrier_t ready;
    struct gev_hub *hub;
    struct gev_server *server;
    int port;
    int n_now;     /* connections that are open, for other threads to read */
    int n_waiting; /* requests in /delay or /stall */
    int max_waiting;
} serving;

static inline void count_waiting(int by)
{
    int n = __atomic_add_fetch(&serving.n_waiting, by, __ATOMIC_SEQ_CST);

    if (n > serving.max_waiting) {
        serving.max_waiting = n;
    }
}

static inline void answer(struct gev_stream *s, const char *path, long n_body)
{
    long n = 0;
    char c;

    if (sscanf(path, "/bytes/%ld", &n) == 1) {
        gev_stream_printf(s, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n",
                          n);
        while (n-- > 0) {
            gev_stream_write(s, "x", 1);
        }
    } else if (sscanf(path, "/delay/%ld", &n) == 1) {
        count_waiting(1);
        (void)gev_sleep((double)n * 1e-3);
        count_waiting(-1);
        gev_stream_printf(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    } else if (strcmp(path, "/stall") == 0) {
        count_waiting(1);
        (void)gev_stream_read(s, &c, 1); /* until it is closed */
        count_waiting(-1);
    } else if (strcmp(path, "/chunks") == 0) {
        gev_stream_printf(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                             "\r\n3\r\nabc\r\n");
        gev_stream_flush(s);
        (void)gev_sleep(0.01);
        gev_stream_printf(s, "4\r\ndefg\r\n0\r\n\r\n");
    } else if (strcmp(path, "/short") == 0) {
        gev_stream_printf(s, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx");
    } else if (strcmp(path, "/loop") == 0) {
        gev_stream_printf(s, "HTTP/1.1 302 Found\r\nLocation: /loop\r\n"
                             "Content-Length: 0\r\n\r\n");
    } else if (strcmp(path, "/missing") == 0) {
        gev_stream_printf(s, "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    } else if (strcmp(path, "/post") == 0) {
        gev_stream_printf(s,
                          "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
                          "%08ld",
                          n_body);
    }
    gev_stream_flush(s);
}

/* Reads a request's head and body. Return: the body's length, or -1. */
static inline long take_request(struct gev_stream *s, char path[64])
{
    long n_body = 0;
    char *line;
    int rc;

    if (gev_stream_readline(s, 4096, &line, NULL) != 1 ||
        sscanf(line, "%*s %63s", path) != 1) {
        return -1;
    }
    while ((rc = gev_stream_readline(s, 4096, &line, NULL)) == 1 && *line &&
           *line != '\r') {
        (void)sscanf(line, "Content-Length: %ld", &n_body);
    }
    return rc == 1 && gev_stream_skip(s, (size_t)n_body) == n_body ? n_body
                                                                   : -1;
}

static inline void serve_http(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_stream *s = gev_stream_new(fd, 0);
    char path[64] = "";
    long n_body;

    (void)peer;
    (void)arg;
    __atomic_add_fetch(&serving.n_now, 1, __ATOMIC_SEQ_CST);
    while (s && (n_body = take_request(s, path)) >= 0) {
        if (strcmp(path, "/none") == 0) {
            break;
        }
        answer(s, path, n_body);
        if (strcmp(path, "/short") == 0) {
            break;
        }
    }
    gev_server_keep();
    gev_stream_close(s);
    __atomic_add_fetch(&serving.n_now, -1, __ATOMIC_SEQ_CST);
}

static inline void *serving_thread(void *unused)
{
    int fd;

    serving.hub = gev_hub_get();
    serving.server = gev_server_new(serve_http, NULL);
    fd = gev_server_listen(serving.server, "127.0.0.1:0", 1024, 0);
    serving.port = sock_port(fd);
    pthread_barrier_wait(&serving.ready);
    (void)gev_server_run(serving.server);
    gev_server_free(serving.server);
    gev_hub_put(serving.hub);
    return unused;
}

static inline void *stop_serving(void *unused)
{
    (void)gev_server_stop(serving.server, 0);
    return unused;
}

static inline void on_serving_hub(void *unused)
{
    (void)gev_go(stop_serving, unused);
}

/* cmocka group fixtures. */
static inline int begin_serving(void **state)
{
    (void)state;
    memset(&serving, 0, sizeof serving);
    pthread_barrier_init(&serving.ready, NULL, 2);
    if (pthread_create(&serving.thread, NULL, serving_thread, NULL) != 0) {
        return -1;
    }
    pthread_barrier_wait(&serving.ready);
    return serving.port > 0 ? 0 : -1;
}

static inline int end_serving(void **state)
{
    (void)state;
    if (gev_call_threadsafe(serving.hub, on_serving_hub, NULL) < 0) {
        return -1;
    }
    pthread_join(serving.thread, NULL);
    pthread_barrier_destroy(&serving.ready);
    return 0;
}

/* Lets others run until a number of the server's is as wanted. */
static inline void await_served(const int *number, int wanted)
{
    for (int i = 0; i < 5000; i++) {
        if (__atomic_load_n(number, __ATOMIC_SEQ_CST) == wanted) {
            break;
        }
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_int_equal(__atomic_load_n(number, __ATOMIC_SEQ_CST), wanted);
}

#endif
