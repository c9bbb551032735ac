/* SPDX-License-Identifier: MIT */
/*
 * An access log: lines are put together in memory, a greenlet writes them
 *
 * Happy path: a response adds its line behind the others. The first one starts
 * the writer, which sleeps for the interval, or until there are 8 KiB, takes the
 * buffer, leaves the other one, and writes. With nothing more to write it ends.
 *
 *   fill  | lines |              <- responses          swapped
 *   out   | lines being written | -> write(2)          by the writer
 *
 * Failure modes
 *   the pipe is full            64 KiB are kept, then lines are lost, counted
 *   write(2) fails              the lines of this buffer are lost, counted
 *   the pipe's reader has gone  EPIPE, as any other error; no SIGPIPE
 *   no memory for the writer    tried again at the next line
 *   killed (gev_shutdown())     what is left is written, for a second at most
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gev/event.h>
#include <gev/http_log.h>
#include <gev/hub.h>
#include <gev/io.h>
#include <gev/signal.h>
#include <gev/timeout.h>

#include "core/ret.h"
#include "http/log_line.h"
#include "http/server.h"
#include "net/sigpipe.h"

/* Lines kept while they cannot be written. */
#define KEPT ((size_t)64 << 10)

/* Lines worth a write(2). */
#define ENOUGH ((size_t)8 << 10)

/* What a killed writer has for its last words. */
#define LAST_WORDS 1.0

struct gev_http_log {
    size_t refs;                 /* the user, servers, the writer */
    char *path;                  /* NULL: standard output */
    int fd;                      /* owned unless @path is NULL */
    bool regular;                /* @fd is a file that never makes us wait */
    bool closed;                 /* by the user */
    bool reopen;                 /* the writer shall */
    double interval;             /* seconds */
    struct gev_signal *signal;   /* that reopens it, or NULL */
    struct gev_event *wake;      /* the writer shall not sleep on */
    struct gev_event *moved;     /* @done has grown */
    struct gev_greenlet *writer; /* or NULL */
    char *fill;                  /* lines that nobody writes yet … */
    size_t n;                    /* … bytes */
    char *out;                   /* lines that are being written */
    uint64_t done;               /* lines written, or lost */
    struct gev__log_date date;   /* as the last line had it */
    struct gev_http_log_stats stats;
};

void gev_http_log_options_init(struct gev_http_log_options *o, size_t size)
{
    const struct gev_http_log_options defaults = {
        .struct_size = size,
        .interval = 1,
    };

    if (!o) {
        return;
    }
    if (size > sizeof defaults) { /* a caller newer than this library */
        memset(o, 0, size);
    }
    memcpy(o, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

static void unref(struct gev_http_log *log)
{
    if (--log->refs > 0) {
        return;
    }
    gev_event_free(log->wake);
    gev_event_free(log->moved);
    if (log->path && log->fd >= 0) {
        gev_close(log->fd);
    }
    free(log->path);
    free(log->fill);
    free(log->out);
    free(log);
}

/* ---- the writer --------------------------------------------------------- */

static void failed(struct gev_http_log *log, int err)
{
    log->stats.errors++;
    log->stats.last_error = err;
}

/* A FIFO without a reader must not stop us: ENXIO. */
static int open_file(const char *path)
{
    return open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        0640);
}

static void set_fd(struct gev_http_log *log, int fd)
{
    struct stat st;

    log->fd = fd;
    log->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void reopen(struct gev_http_log *log)
{
    int fd = open_file(log->path), saved = errno;

    log->reopen = false;
    if (fd < 0) {
        failed(log, saved);
        return;
    }
    gev_close(log->fd);
    set_fd(log, fd);
}

static uint64_t count_lines(const char *p, size_t n)
{
    const char *end = p + n;
    uint64_t lines = 0;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
        lines++;
        p++;
    }
    return lines;
}

/* One write(2), which waits first where that may help. Return: bytes, or
   -Exxx. */
static ssize_t write_some(const struct gev_http_log *log, const char *p,
                          size_t n)
{
    struct gev__sigpipe sp;
    ssize_t sent;

    if (!log->regular) {
        if (gev_wait_fd(log->fd, GEV_WRITE, GEV_FOREVER) < 0) {
            return -errno;
        }
        n = n < PIPE_BUF ? n : PIPE_BUF; /* that much fits: pipe(7) */
    }
    gev__sigpipe_block(&sp);
    sent = write(log->fd, p, n);
    gev__sigpipe_restore(&sp, sent < 0 && errno == EPIPE);
    if (sent < 0) {
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    }
    return sent;
}

/* Writes what there is. */
static void write_lines(struct gev_http_log *log)
{
    char *p = log->fill;
    size_t n = log->n, at = 0;
    ssize_t sent = 0;

    log->fill = log->out;
    log->out = p;
    log->n = 0;
    while (at < n && sent >= 0) {
        sent = write_some(log, p + at, n - at);
        at += sent > 0 ? (size_t)sent : 0;
    }
    if (sent < 0) {
        failed(log, (int)-sent);
        log->stats.lost += count_lines(p + at, n - at);
    }
    log->done += count_lines(p, n);
    gev_event_set(log->moved);
    gev_event_clear(log->moved);
}

/* Told to end: writes what is left, if that does not take long. */
static void write_last(struct gev_http_log *log)
{
    int64_t limit;

    if (gev_shield_begin() < 0) {
        return; /* UNTESTED: no memory in the middle of the end */
    }
    limit = gev_timeout_push(LAST_WORDS);
    write_lines(log);
    if (limit > 0) {
        gev_timeout_pop(limit);
    }
    gev_shield_end();
}

static void *writer(void *arg)
{
    struct gev_http_log *log = arg;

    while (log->n > 0 || log->reopen) {
        if (gev_event_wait(log->wake, log->interval) < 0 &&
            errno != ETIMEDOUT) {
            write_last(log);
            break;
        }
        gev_event_clear(log->wake);
        write_lines(log);
        if (log->reopen) {
            reopen(log);
        }
    }
    gev_unref(log->writer);
    log->writer = NULL;
    unref(log);
    return NULL;
}

/* Sees to it that there is a writer, if that is possible. */
static void have_writer(struct gev_http_log *log)
{
    int saved = errno;

    if (log->writer) {
        return;
    }
    log->writer = gev_spawn(writer, log);
    errno = saved;
    if (log->writer) {
        log->refs++;
    }
}

/* ---- lines -------------------------------------------------------------- */

static void on_record(const struct gev__http_record *r, void *arg)
{
    struct gev_http_log *log = arg;

    if (log->closed) {
        return;
    }
    log->stats.lines++;
    if (log->n > KEPT) {
        log->stats.lost++;
        log->done++;
        return;
    }
    log->n += gev__log_line(log->fill + log->n, r, &log->date);
    have_writer(log);
    if (log->n >= ENOUGH) {
        gev_event_set(log->wake);
    }
}

static void on_server_end(void *arg)
{
    unref(arg);
}

int gev_http_server_log(struct gev_http_server *s, struct gev_http_log *log)
{
    if (!s) {
        return (int)gev__ret(-EINVAL);
    }
    if (log) {
        log->refs++;
    }
    if (s->log_end) {
        s->log_end(s->log_arg);
    }
    s->log = log ? on_record : NULL;
    s->log_end = log ? on_server_end : NULL;
    s->log_arg = log;
    return 0;
}

/* ---- made and freed ----------------------------------------------------- */

static void on_signal(int signo, void *arg)
{
    (void)signo;
    (void)gev_http_log_reopen(arg);
}

static int read_options(struct gev_http_log_options *to,
                        const struct gev_http_log_options *o)
{
    gev_http_log_options_init(to, sizeof *to);
    if (!o) {
        return 0;
    }
    if (o->struct_size < sizeof(size_t)) {
        return -EINVAL;
    }
    memcpy(to, o, o->struct_size < sizeof *to ? o->struct_size : sizeof *to);
    return to->interval >= 0 && to->reopen_signal >= 0 ? 0 : -EINVAL;
}

static int setup(struct gev_http_log *log, const char *path,
                 const struct gev_http_log_options *o)
{
    bool is_file = path && strcmp(path, "-") != 0;
    int fd;

    log->interval = o->interval;
    log->path = is_file ? strdup(path) : NULL;
    log->fill = malloc(KEPT + GEV__LOG_LINE_MAX);
    log->out = malloc(KEPT + GEV__LOG_LINE_MAX);
    log->wake = gev_event_new();
    log->moved = gev_event_new();
    if ((is_file && !log->path) || !log->fill || !log->out || !log->wake ||
        !log->moved) {
        return -ENOMEM;
    }
    fd = is_file ? open_file(path) : STDOUT_FILENO;
    if (fd < 0) {
        return -errno;
    }
    set_fd(log, fd);
    if (is_file && o->reopen_signal) {
        log->signal = gev_signal(o->reopen_signal, on_signal, log);
        return log->signal ? 0 : -errno;
    }
    return 0;
}

struct gev_http_log *gev_http_log_new(const char *path,
                                      const struct gev_http_log_options *o)
{
    struct gev_http_log_options options;
    struct gev_http_log *log = NULL;
    int rc = read_options(&options, o), saved = errno;

    if (rc == 0) {
        log = calloc(1, sizeof *log);
        rc = log ? 0 : -ENOMEM;
    }
    if (log) {
        log->refs = 1;
        log->fd = -1;
        rc = setup(log, path, &options);
        errno = saved;
    }
    if (rc < 0 && log) {
        unref(log);
    }
    return gev__ret(rc) < 0 ? NULL : log;
}

void gev_http_log_free(struct gev_http_log *log)
{
    int saved = errno;

    if (!log) {
        return;
    }
    gev_signal_cancel(log->signal);
    log->signal = NULL;
    log->closed = true;
    (void)gev_http_log_flush(log, LAST_WORDS);
    unref(log);
    errno = saved;
}

/* ---- the rest ----------------------------------------------------------- */

int gev_http_log_reopen(struct gev_http_log *log)
{
    if (!log || !log->path) {
        return (int)gev__ret(-EINVAL);
    }
    log->reopen = true;
    have_writer(log);
    gev_event_set(log->wake);
    return 0;
}

int gev_http_log_flush(struct gev_http_log *log, double timeout)
{
    int saved = errno, rc = log && timeout >= 0 ? 0 : -EINVAL;
    double end = gev_now() + timeout;
    uint64_t wanted = rc == 0 ? log->stats.lines : 0;

    while (rc == 0 && log->done < wanted) {
        double left = end - gev_now();

        have_writer(log);
        gev_event_set(log->wake);
        if (gev_event_wait(log->moved, left > 0 ? left : 0) < 0) {
            rc = -errno;
        }
    }
    errno = saved;
    return (int)gev__ret(rc);
}

int gev_http_log_stats(const struct gev_http_log *log,
                       struct gev_http_log_stats *ret, size_t size)
{
    if (!log || !ret || size == 0) {
        return (int)gev__ret(-EINVAL);
    }
    if (size > sizeof *ret) { /* a caller newer than this library */
        memset(ret, 0, size);
        size = sizeof *ret;
    }
    memcpy(ret, &log->stats, size);
    return 0;
}
