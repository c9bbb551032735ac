/* SPDX-License-Identifier: MIT */
/*
 * probe [OPTIONS] ADDR - a server whose handlers do what checklist.py asks by
 * the path: stream, wait, fail, break the rules, tell what they saw.
 *
 * Each response of a handler has the field X-Handler; so one without it was the
 * server's own. What a handler cannot tell its client, since that has gone, it
 * notes: GET /notes tells all notes to another one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include <gev.h>

enum { TEXT = 65536 };

static char notes[TEXT];

/* Adds a line to the notes: the request's query, and what happened. */
static void note(const char *who, const char *what)
{
    size_t len = strlen(notes);

    (void)snprintf(notes + len, sizeof notes - len, "%s %s\n", who, what);
}

static void note_end(void *who)
{
    note(who, "ended");
}

static const char *error_name(int err)
{
    const char *name = strerrorname_np(err);

    return name ? name : "?";
}

/* All of the request, as text; with an exclamation mark for what is wrong. */
static int see(struct gev_http *x)
{
    const char *path = gev_http_path(x), *name, *value;
    char *text = gev_http_alloc(x, TEXT);
    void *body;
    ssize_t n = gev_http_read_all(x, TEXT / 2, &body);
    const char *trailer = gev_http_trailer(x, "X-T");
    size_t len;

    if (!text || n < 0) {
        return -1;
    }
    len = (size_t)snprintf(text, TEXT,
                           "%s %s HTTP/1.%d\npath %s\nquery %s\n"
                           "host %s\n",
                           gev_http_method(x), gev_http_target(x),
                           gev_http_minor(x), path ? path : "!",
                           gev_http_query(x), gev_http_host(x));
    for (size_t i = 0; gev_http_header_at(x, i, &name, &value) == 0; i++) {
        len += (size_t)snprintf(text + len, TEXT - len, "field %s=[%s]\n", name,
                                value);
    }
    len += (size_t)snprintf(
        text + len, TEXT - len, "length %lld\ntrailer %s\nbody ",
        (long long)gev_http_length(x), trailer ? trailer : "-");
    memcpy(text + len, body, (size_t)n);
    return gev_http_reply(x, 200, "text/plain", text, len + (size_t)n);
}

static int wait_a_while(struct gev_http *x)
{
    char text[64];
    double begin;

    (void)gev_sleep(0); /* for a time that is new */
    begin = gev_now();
    if (gev_sleep(0.2) < 0) {
        return -1;
    }
    int n = snprintf(text, sizeof text, "%.6f %.6f", begin, gev_now());
    return gev_http_reply(x, 200, "text/plain", text, (size_t)n);
}

static int stream(struct gev_http *x)
{
    static const char *const pieces[] = {"one ", "two ", "three"};

    for (size_t i = 0; i < 3; i++) {
        if (gev_http_write(x, pieces[i], strlen(pieces[i])) < 0 ||
            gev_http_flush(x) < 0 || gev_yield() < 0) {
            return -1;
        }
    }
    return 0;
}

/* Writes much, and notes what comes of it. */
static int write_much(struct gev_http *x, int left)
{
    static char piece[65536];
    char *who = gev_http_alloc(x, 64);

    if (!who) {
        return -1;
    }
    (void)snprintf(who, 64, "%s", gev_http_query(x));
    (void)gev_http_defer(x, note_end, who);
    for (; left > 0; left -= (int)sizeof piece) {
        if (gev_http_write(x, piece, sizeof piece) < 0) {
            note(who, error_name(errno));
            return -1;
        }
    }
    note(who, "written");
    return 0;
}

static int big(struct gev_http *x)
{
    return write_much(x, 10 << 20);
}

static int page(struct gev_http *x)
{
    return write_much(x, 256 << 10);
}

/* Reads the body, and notes how that ends. */
static int read_it(struct gev_http *x)
{
    const void *piece;
    char text[64];
    size_t all = 0;
    ssize_t n;

    while ((n = gev_http_view(x, &piece)) > 0) {
        all += (size_t)n;
    }
    if (n < 0) {
        (void)snprintf(text, sizeof text, "%s after %zu", error_name(errno),
                       all);
        note(gev_http_query(x), text);
        return -1;
    }
    int len = snprintf(text, sizeof text, "%zu bytes", all);
    return gev_http_reply(x, 200, "text/plain", text, (size_t)len);
}

/* Tries what must not be possible; says what errno was. */
static int break_rules(struct gev_http *x)
{
    static const char *const bad[][2] = {
        {"X", "a\r\nSet-Cookie: x"},
        {"X", "a\nb"},
        {"X", "a\rb"},
        {"X", "a\x7f"},
        {"X", "\x01"},
        {"X Y", "a"},
        {"", "a"},
        {"X:", "a"},
        {"X\r\nY", "a"},
        {"Transfer-Encoding", "chunked"},
        {"Content-Length", "5x"},
        {"Keep-Alive", "timeout=5"},
        {"Connection", "upgrade"},
    };
    char text[1024] = "";
    size_t len = 0;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int set = gev_http_set(x, bad[i][0], bad[i][1]), err = errno;
        int add = gev_http_add(x, bad[i][0], bad[i][1]);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s ",
                                set < 0 ? error_name(err) : "set",
                                add < 0 ? "" : "+added");
    }
    return gev_http_reply(x, 200, "text/plain", text, len);
}

/* /own/...: fields that are the server's business. */
static int own(struct gev_http *x, const char *what)
{
    if (strcmp(what, "length") == 0) {
        (void)gev_http_set(x, "Content-Length", "5");
        return gev_http_write(x, "HELLO", 5);
    }
    if (strcmp(what, "more") == 0) {
        (void)gev_http_set(x, "Content-Length", "5");
        note("own", gev_http_write(x, "HELLO!", 6) < 0 ? error_name(errno)
                                                       : "written");
        return -1;
    }
    if (strcmp(what, "less") == 0) {
        (void)gev_http_set(x, "Content-Length", "50");
        return gev_http_write(x, "HELLO", 5);
    }
    (void)gev_http_set(x, "Connection", "close");
    return gev_http_reply(x, 200, "text/plain", "bye", 3);
}

static int put(const struct gev_stream_ops *ops, void *ctx, const void *data,
               size_t n)
{
    struct iovec v = {(void *)(uintptr_t)data, n};

    return ops->writev(ctx, &v, 1) == (ssize_t)n ? 0 : -1;
}

/* Leaves HTTP: all that comes is sent back. */
static int take(struct gev_http *x)
{
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Connection: upgrade\r\nUpgrade: echo\r\n\r\n";
    const struct gev_stream_ops *ops;
    const void *left;
    void *ctx;
    char buf[512];
    size_t n_left;
    ssize_t n = 0;

    if (gev_http_take(x, &ops, &ctx, &left, &n_left) < 0 ||
        put(ops, ctx, head, sizeof head - 1) < 0 ||
        (n_left > 0 && put(ops, ctx, left, n_left) < 0)) {
        return -1;
    }
    while (ops->wait(ctx) == 0 && (n = ops->read(ctx, buf, sizeof buf)) > 0) {
        if (put(ops, ctx, buf, (size_t)n) < 0) {
            return -1;
        }
    }
    return (int)n;
}

/* Keeps the thread for itself: what nobody should do. */
static int spin(struct gev_http *x)
{
    struct timespec now, begin;

    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000 +
                 (now.tv_nsec - begin.tv_nsec) / 1000000 <
             400);
    return gev_http_reply(x, 200, "text/plain", "spun", 4);
}

static int fail_late(struct gev_http *x)
{
    if (gev_http_write(x, "partial", 7) == 0) {
        (void)gev_http_flush(x);
    }
    return -1;
}

/* /code/NNN: that status, with a body where there must not be one. */
static int code(struct gev_http *x, const char *number)
{
    if (strcmp(number, "202") == 0) {
        (void)gev_http_status(x, 202);
        return 0;
    }
    if (strcmp(number, "304") == 0) {
        (void)gev_http_set(x, "ETag", "\"a\"");
    }
    return gev_http_reply(x, atoi(number), "text/plain", "a body", 6);
}

static int by_name(struct gev_http *x, const char *name)
{
    static const struct {
        const char *name;
        int (*fn)(struct gev_http *x);
    } all[] = {
        {"see", see},         {"sleep", wait_a_while},
        {"stream", stream},   {"big", big},
        {"page", page},       {"read", read_it},
        {"bad", break_rules}, {"spin", spin},
        {"take", take},       {"fail-late", fail_late},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return all[i].fn(x);
        }
    }
    return gev_http_error(x, 404, NULL);
}

static int handle(struct gev_http *x, void *arg)
{
    const char *path = gev_http_path(x);

    (void)arg;
    (void)gev_http_set(x, "X-Handler", "yes");
    if (!path) {
        return gev_http_error(x, 400, "the path");
    }
    if (strcmp(path, "/") == 0 || strcmp(path, "/p") == 0) {
        return see(x);
    }
    if (strcmp(path, "/ignore") == 0) {
        return gev_http_reply(x, 200, "text/plain", "ignored", 7);
    }
    if (strcmp(path, "/notes") == 0) {
        return gev_http_reply(x, 200, "text/plain", notes, strlen(notes));
    }
    if (strcmp(path, "/inform") == 0) {
        (void)gev_http_set(x, "Link", "</a>; rel=preload");
        (void)gev_http_inform(x, 103);
        return gev_http_reply(x, 200, "text/plain", "informed", 8);
    }
    if (strcmp(path, "/nothing") == 0 || strcmp(path, "/fail") == 0) {
        return path[1] == 'n' ? 0 : -1;
    }
    if (strncmp(path, "/code/", 6) == 0) {
        return code(x, path + 6);
    }
    return strncmp(path, "/own/", 5) == 0 ? own(x, path + 5)
                                          : by_name(x, path + 1);
}

/* Takes "--name value" pairs. Return: the index of the first other argument. */
static int set_options(struct gev_http_options *o, char **argv)
{
    int i = 1;

    for (; argv[i] && strncmp(argv[i], "--", 2) == 0 && argv[i + 1]; i += 2) {
        const char *name = argv[i] + 2;
        double v = atof(argv[i + 1]);
        if (strcmp(name, "header-timeout") == 0) {
            o->header_timeout = v;
        } else if (strcmp(name, "body-timeout") == 0) {
            o->body_timeout = v;
        } else if (strcmp(name, "write-timeout") == 0) {
            o->write_timeout = v;
        } else if (strcmp(name, "idle-timeout") == 0) {
            o->idle_timeout = v;
        } else if (strcmp(name, "max-connections") == 0) {
            o->max_connections = (size_t)v;
        } else if (strcmp(name, "max-requests") == 0) {
            o->max_requests = (unsigned)v;
        } else if (strcmp(name, "max-body") == 0) {
            o->max_body = (int64_t)v;
        }
    }
    return i;
}

int main(int argc, char **argv)
{
    struct gev_http_options o;
    struct gev_http_server *server;
    char real[GEV_ADDRSTRLEN];
    int fd, i;

    (void)argc;
    gev_http_options_init(&o, sizeof o);
    i = set_options(&o, argv);
    server = gev_http_server_new(NULL, handle, NULL, &o);
    fd = server && argv[i] ? gev_http_server_listen(server, argv[i]) : -1;
    if (fd < 0 || gev_http_server_stop_on_signals(server, 5) < 0) {
        perror("probe");
        return 1;
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    if (gev_http_server_run(server) < 0) {
        perror("probe");
        return 1;
    }
    gev_http_server_free(server);
    return 0;
}
