/* SPDX-License-Identifier: MIT */
/*
 * A whole HTTP connection: any bytes, cut anywhere, to the real server
 *
 * The first byte seeds how the rest is cut. The rest goes to a server over a
 * socketpair, each piece once the piece before it was read, and then the end of
 * the stream. Whole, byte by byte, cut at and in each CRLF and at random, the
 * answers must be the same bytes, but for Date and "100 Continue", which need
 * not be sent once the body is there. They must be whole responses, never more
 * than there were requests, none behind "Connection: close"; and the connection
 * must end.
 *
 * What the handler does is chosen by the first letter of the path.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <gev.h>

#include "hub/hub.h"

enum { MAX_BYTES = 1 << 14, MAX_ANSWER = 1 << 20, ENOUGH = 100 };

/* Pieces of a delivery that is byte by byte; longer inputs get larger ones. */
enum { MAX_PIECES = 500 };

enum cut { WHOLE, BYTES, AT_CRLF, IN_CRLF, RANDOM, N_CUTS };

/* What came back from one delivery. */
struct answer {
    char *p;
    size_t len;
    bool cut_off; /* by the server, in the middle of a response */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gev_http_server *server;

static void must(bool is_so, const char *what)
{
    if (!is_so) {
        (void)fprintf(stderr, "not so: %s\n", what);
        abort();
    }
}

/* ---- the handler -------------------------------------------------------- */

/* All of the request, as text. */
static int tell(struct gev_http *x, const char *body, size_t n)
{
    const char *name, *value, *trailer = gev_http_trailer(x, "x-t");
    char *text = gev_http_alloc(x, n + 8192);
    const char *path = gev_http_path(x);
    size_t len = 0;

    if (!text) {
        return -1;
    }
    len += (size_t)sprintf(text, "%s %s|%s|%s|%d\n", gev_http_method(x),
                           gev_http_target(x), path ? path : "-",
                           gev_http_host(x), gev_http_minor(x));
    for (size_t i = 0; gev_http_header_at(x, i, &name, &value) == 0; i++) {
        len += (size_t)sprintf(text + len, "%s=%s\n", name, value);
    }
    len += (size_t)sprintf(text + len, "trailer %s\n", trailer ? trailer : "-");
    memcpy(text + len, body, n);
    return gev_http_reply(x, 200, "text/plain", text, len + n);
}

/* The body in small pieces, of unknown length. */
static int stream(struct gev_http *x, const char *body, size_t n)
{
    (void)gev_http_printf(x, "it is ");
    for (size_t i = 0; i < n; i += 7) {
        if (gev_http_write(x, body + i, n - i < 7 ? n - i : 7) < 0) {
            return -1;
        }
    }
    return gev_http_flush(x);
}

/* Counts the body without keeping it. */
static int count(struct gev_http *x)
{
    const void *piece;
    char text[32];
    size_t all = 0;
    ssize_t n;

    while ((n = gev_http_view(x, &piece)) > 0) {
        all += (size_t)n;
    }
    if (n < 0) {
        return -1;
    }
    int len = snprintf(text, sizeof text, "%zu bytes", all);
    return gev_http_reply(x, 200, "text/plain", text, (size_t)len);
}

/* What needs the body. */
static int read_and_answer(struct gev_http *x, char what)
{
    void *body;
    ssize_t n = gev_http_read_all(x, 4000, &body);

    if (n < 0) {
        return errno == EFBIG ? gev_http_error(x, 413, NULL) : -1;
    }
    switch (what) {
    case 'w':
        return stream(x, body, (size_t)n);
    case 'x': /* fails when something was written */
        (void)stream(x, body, (size_t)n);
        return -1;
    case 'c':
        return gev_http_reply(x, 204, NULL, body, (size_t)n);
    default:
        return tell(x, body, (size_t)n);
    }
}

static int handle(struct gev_http *x, void *arg)
{
    const char *path = gev_http_path(x);
    char what, byte;

    (void)arg;
    (void)gev_http_set(x, "Method", gev_http_method(x));
    what = path && path[0] == '/' ? path[1] : '\0';
    if (gev_http_header(x, "Expect")) {
        /* If nobody reads, it depends on what has come already whether the
           connection is kept. */
        what = '\0';
    }
    switch (what) {
    case 's': /* does not read the body */
        return gev_http_reply(x, 200, NULL, "skipped", 7);
    case 'o': /* reads a byte of it */
        return gev_http_read(x, &byte, 1) < 0
                   ? -1
                   : gev_http_reply(x, 200, NULL, "one", 3);
    case 'n':
        return 0;
    case 'i':
        (void)gev_http_inform(x, 103);
        return gev_http_error(x, 404, NULL);
    case 't':
        (void)gev_yield();
        return gev_http_redirect(x, 303, "/");
    case 'v':
        return count(x);
    default:
        return read_and_answer(x, what);
    }
}

static void begin(void)
{
    struct gev_http_options o;

    gev_http_options_init(&o, sizeof o);
    o.max_line = 300;
    o.max_head = 2000;
    o.max_headers = 20;
    o.max_body = 5000;
    o.max_drain = 100;
    o.max_requests = 30;
    server = gev_http_server_new(NULL, handle, NULL, &o);
    must(server != NULL, "a server");
}

/* ---- one delivery ------------------------------------------------------- */

/* Where the piece that begins at @at ends. */
static size_t piece_end(const char *p, size_t at, size_t len, enum cut cut,
                        uint32_t *seed)
{
    const char *cr;
    size_t end;

    switch (cut) {
    case WHOLE:
        return len;
    case BYTES:
        end = at + 1 + len / MAX_PIECES;
        return end < len ? end : len;
    case RANDOM:
        *seed = *seed * 1664525 + 1013904223;
        end = at + 1 + (*seed >> 24) % (*seed >> 16 & 1 ? 64 : 4);
        return end < len ? end : len;
    default:
        cr = at + 1 < len ? memmem(p + at, len - at, "\r\n", 2) : NULL;
        if (!cr) {
            return len;
        }
        end = (size_t)(cr - p) + (cut == IN_CRLF ? 1 : 2);
        return end;
    }
}

/* Lets the server see what has come, and run: whose I/O budget is used up goes
   on after the next poll. */
static void let_others_run(int fd)
{
    gev__hub_tls->budget = 0;
    (void)gev_wait_fd(fd, GEV_WRITE, 0);
}

/* Until the server has read what is there, or does not want it. */
static void let_it_read(int fd)
{
    int left = 1;

    for (int i = 0; i < ENOUGH && left > 0; i++) {
        let_others_run(fd);
        if (ioctl(fd, SIOCOUTQ, &left) < 0) {
            return;
        }
    }
}

static void deliver(int fd, const char *p, size_t len, enum cut cut,
                    uint32_t seed)
{
    size_t at = 0;

    while (at < len) {
        size_t end = piece_end(p, at, len, cut, &seed);
        if (gev_writeall(fd, p + at, end - at) < 0) {
            return; /* it has closed the connection */
        }
        at = end;
        let_it_read(fd);
    }
    (void)shutdown(fd, SHUT_WR);
}

static void collect(int fd, struct answer *a)
{
    int64_t limit = gev_timeout_push(20);
    ssize_t n;

    a->len = 0;
    do {
        must(a->len < MAX_ANSWER, "an answer within limits");
        n = gev_read(fd, a->p + a->len, MAX_ANSWER - a->len);
        a->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    must(gev_timeout_pop(limit) == 0, "the connection ends");
}

/* Removes what may differ. */
static void normalise(struct answer *a)
{
    static const char date[] = "\r\nDate: ", go[] = "HTTP/1.1 100 Continue\r\n"
                                                    "\r\n";
    char *p = a->p, *end = p + a->len;

    while ((p = memmem(p, (size_t)(end - p), date, sizeof date - 1))) {
        p += sizeof date - 1;
        for (int i = 0; i < 29 && p < end; i++) {
            *p++ = 'x';
        }
    }
    p = a->p;
    while ((p = memmem(p, (size_t)(end - p), go, sizeof go - 1))) {
        memmove(p, p + sizeof go - 1, (size_t)(end - p) - (sizeof go - 1));
        end -= sizeof go - 1;
    }
    a->len = (size_t)(end - a->p);
}

static struct answer ask(const char *p, size_t len, enum cut cut, uint32_t seed)
{
    struct answer a = {.p = malloc(MAX_ANSWER)};
    struct gev_http_stats before, after;
    int fds[2];

    must(a.p && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0,
         "a socketpair");
    (void)gev_http_server_stats(server, &before, sizeof before);
    must(gev_http_server_adopt(server, fds[0]) == 0, "adopted");
    deliver(fds[1], p, len, cut, seed);
    collect(fds[1], &a);
    for (int i = 0; i < ENOUGH; i++) {
        (void)gev_http_server_stats(server, &after, sizeof after);
        if (after.connections == 0) {
            break;
        }
        let_others_run(fds[1]);
    }
    must(gev_close(fds[1]) == 0, "closed");
    must(after.connections == 0, "it forgets the connection");
    a.cut_off = after.aborted != before.aborted;
    normalise(&a);
    return a;
}

/* ---- what came back ----------------------------------------------------- */

/* A field of a head; NULL if it is not there. */
static const char *field(const char *head, const char *name)
{
    const char *end = strstr(head, "\r\n\r\n"), *p = strstr(head, name);

    return p && p < end ? p + strlen(name) : NULL;
}

/* The end of a chunked body, or NULL. */
static const char *skip_chunks(const char *p)
{
    for (;;) {
        char *end;
        size_t n = strtoul(p, &end, 16);
        if (end == p || memcmp(end, "\r\n", 2) != 0) {
            return NULL;
        }
        p = end + 2;
        if (n == 0) {
            return memcmp(p, "\r\n", 2) == 0 ? p + 2 : NULL;
        }
        if (memchr(p, '\0', n) || memcmp(p + n, "\r\n", 2) != 0) {
            return NULL;
        }
        p += n + 2;
    }
}

/* The end of the response at @p, or NULL if it is not whole. */
static const char *skip_response(const char *p, const char *end)
{
    const char *body = strstr(p, "\r\n\r\n"), *length, *method;
    int code = atoi(p + sizeof "HTTP/1.1");

    if (!body) {
        return NULL;
    }
    body += 4;
    length = field(p, "\r\nContent-Length: ");
    method = field(p, "\r\nMethod: ");
    must(!length || !field(p, "\r\nTransfer-Encoding: "), "one framing");
    if (code < 200 || code == 204 || code == 304 ||
        (method && strncmp(method, "HEAD\r", 5) == 0)) {
        return body;
    }
    if (field(p, "\r\nTransfer-Encoding: chunked\r")) {
        return skip_chunks(body);
    }
    if (length) {
        size_t n = strtoul(length, NULL, 10);
        return n <= (size_t)(end - body) ? body + n : NULL;
    }
    must(field(p, "\r\nConnection: close\r") != NULL, "ends with the stream");
    return end;
}

static size_t occurrences(const char *p, size_t len, const char *what)
{
    const char *end = p + len;
    size_t n = 0;

    for (; (p = memmem(p, (size_t)(end - p), what, strlen(what))); p++) {
        n++;
    }
    return n;
}

/* Whole responses, not too many. */
static void check(struct answer *a, const char *request, size_t len)
{
    const char *p = a->p, *end = p + a->len;
    size_t n = 0;

    /* Text from here on: a body may hold NUL, but then it is not looked for. */
    for (size_t i = 0; i < a->len; i++) {
        a->p[i] = a->p[i] ? a->p[i] : '0';
    }
    must(a->len < MAX_ANSWER, "room for a NUL");
    a->p[a->len] = '\0';
    while (p < end) {
        bool last = false;
        must(strncmp(p, "HTTP/1.1 ", 9) == 0, "a status line");
        last = field(p, "\r\nConnection: close\r") != NULL;
        n += p[9] > '1';
        p = skip_response(p, end);
        if (!p) {
            must(a->cut_off, "whole responses");
            break;
        }
        must(!last || p == end, "nothing behind the last response");
    }
    /* Each has a version, but for one that is refused before. */
    must(n <= occurrences(request, len, "HTTP/") + 1, "a request for each");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer whole;

    if (size < 1 || size > MAX_BYTES) {
        return 0;
    }
    if (!server) {
        begin();
    }
    const char *p = (const char *)data + 1;
    whole = ask(p, size - 1, WHOLE, 0);
    for (enum cut cut = BYTES; cut < N_CUTS; cut++) {
        struct answer a = ask(p, size - 1, cut, data[0]);
        if (a.len != whole.len || memcmp(a.p, whole.p, a.len) != 0) {
            (void)fprintf(stderr, "whole: %.*s\n--- cut (%d): %.*s\n",
                          (int)whole.len, whole.p, cut, (int)a.len, a.p);
            must(false, "the same however it is cut");
        }
        free(a.p);
    }
    check(&whole, p, size - 1);
    free(whole.p);
    return 0;
}
