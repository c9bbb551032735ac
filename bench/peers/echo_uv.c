/* SPDX-License-Identifier: MIT */
/*
 * echo_uv - the echo server on libuv: completion callbacks, one loop.
 *
 * One read buffer for all connections, since each read is answered before the
 * next begins: uv_try_write() as libuv's documentation advises for small
 * writes, and a queued uv_write() with a copy only for what did not fit.
 */
#include "peers/listener.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* A connection, and what its peer has not taken yet. */
struct conn {
    uv_tcp_t tcp;     /* first: the handle is the connection */
    uv_write_t write; /* of the rest */
    char *rest;       /* the copy being written, or NULL */
};

static void on_closed(uv_handle_t *h)
{
    struct conn *c = (struct conn *)h;

    free(c->rest);
    free(c);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    static char shared[ECHO_BUFFER];

    (void)h, (void)hint;
    *buf = uv_buf_init(shared, sizeof shared);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static void on_written(uv_write_t *w, int status)
{
    struct conn *c = w->data;

    free(c->rest);
    c->rest = NULL;
    if (status == 0) {
        uv_read_start((uv_stream_t *)c, on_alloc, on_read);
    } else if (!uv_is_closing((uv_handle_t *)c)) {
        uv_close((uv_handle_t *)c, on_closed);
    }
}

static void write_rest(struct conn *c, const char *data, size_t n)
{
    uv_buf_t buf;

    c->rest = malloc(n);
    if (!c->rest) {
        uv_close((uv_handle_t *)c, on_closed);
        return;
    }
    memcpy(c->rest, data, n);
    buf = uv_buf_init(c->rest, (unsigned)n);
    c->write.data = c;
    uv_read_stop((uv_stream_t *)c);
    uv_write(&c->write, (uv_stream_t *)c, &buf, 1, on_written);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = (struct conn *)s;

    if (n == 0) {
        return;
    }
    uv_buf_t out = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);
    int done = n > 0 ? uv_try_write(s, &out, 1) : (int)n;
    if (done < 0 && done != UV_EAGAIN) {
        uv_close((uv_handle_t *)s, on_closed);
        return;
    }
    done = done < 0 ? 0 : done;
    if (done < n) {
        write_rest(c, buf->base + done, (size_t)(n - done));
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct conn *c = status == 0 ? calloc(1, sizeof *c) : NULL;

    if (!c) {
        return;
    }
    uv_tcp_init(listener->loop, &c->tcp);
    if (uv_accept(listener, (uv_stream_t *)c) < 0) {
        uv_close((uv_handle_t *)c, on_closed);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)c, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;

    uv_tcp_init(loop, &listener);
    if (uv_tcp_open(&listener, listener_open(argc, argv)) < 0 ||
        uv_listen((uv_stream_t *)&listener, 4096, on_connection) < 0) {
        die("uv_listen");
    }
    return uv_run(loop, UV_RUN_DEFAULT);
}
