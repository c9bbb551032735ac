/* SPDX-License-Identifier: MIT */
/*
 * Answering with a file that is open
 *
 * Happy path of a small one: its lines of the head are copied behind the status
 * line, pread(2) puts its bytes behind them, and what was collected leaves with
 * one send(2). A large one: the head with MSG_MORE, then sendfile(2) in steps.
 *
 * Failure modes
 *   truncated since fstat(2)   small: -ESTALE, nothing was written. Large: the
 *                              connection is aborted
 */
#include "http/file_send.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "http/range.h"
#include "http/response.h"
#include "http/transport.h"

/* What is kept free in the output buffer for a head. */
#define HEAD_ROOM ((size_t)1 << 10)

/* Fields that a file has of itself take the place of those set before. */
static void replace_fields(struct gev_http *x, const struct gev__http_file *f)
{
    static const char *const names[] = {
        "Content-Type", "Content-Encoding", "Content-Range", "Last-Modified",
        "ETag",         "Accept-Ranges",    "Vary",
    };

    if (x->re.n_fields == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)gev_http_set(x, names[i], NULL);
    }
    if (f->dir->cache_control) {
        (void)gev_http_set(x, "Cache-Control", NULL);
    }
}

/* Reads a part of the file. Return: 0; -ESTALE if there is less of it. */
static int read_at(const struct gev__http_file *f, char *p, size_t n,
                   int64_t offset)
{
    int saved = errno;
    ssize_t got = pread(f->fd, p, n, offset);

    errno = saved;
    return got == (ssize_t)n ? 0 : -ESTALE;
}

/* Into the output buffer, behind the head. Return: 0; -ESTALE if it is not what
   it was, and nothing was written; or -Exxx. */
static int send_small(struct gev_http *x, const struct gev__http_file *f,
                      int64_t first, size_t n)
{
    int rc = gev__http_room(x, HEAD_ROOM + f->n_fields + n);

    rc = rc < 0 ? rc : gev__http_head_out(x, NULL, (int64_t)n);
    if (rc < 0) {
        return rc;
    }
    x->re.stage = GEV__HTTP_DONE;
    if (x->re.no_body || n == 0) {
        return 0;
    }
    rc = gev__http_room(x, n); /* it is there, or fields of ours took it */
    if (rc < 0) {
        return rc;
    }
    if (read_at(f, x->out.p + x->out.len, n, first) == 0) {
        x->out.len += n;
        x->re.written = n;
        return 0;
    }
    if (!gev__http_take_back(x)) {
        x->c->broken = true; /* UNTESTED: only if fields took the room */
        return -EIO;
    }
    return -ESTALE;
}

static int send_part(struct gev_http *x, const struct gev__http_file *f,
                     int64_t first, int64_t n)
{
    int saved = errno, rc = 0;

    x->re.lines = f->fields;
    x->re.n_lines = f->n_fields;
    if (n <= GEV__HTTP_FILE_COPIED) {
        return send_small(x, f, first, (size_t)n);
    }
    if (gev_http_set_length(x, n) < 0 ||
        gev_http_send_fd(x, f->fd, first, n) < 0) {
        rc = -errno;
        errno = saved;
    }
    return rc;
}

/* "bytes 0-99/1234", or without a range. */
static int set_content_range(struct gev_http *x, int64_t first, int64_t n,
                             int64_t size)
{
    char text[80];

    if (n > 0) {
        (void)snprintf(text, sizeof text, "bytes %lld-%lld/%lld",
                       (long long)first, (long long)(first + n - 1),
                       (long long)size);
    } else {
        (void)snprintf(text, sizeof text, "bytes */%lld", (long long)size);
    }
    return gev_http_set(x, "Content-Range", text) < 0 ? -errno : 0;
}

/* The part that @range asks for, and its field. Return: 206, 416, 0 for the whole
   of it, or -Exxx. */
static int choose_part(struct gev_http *x, const char *range, int64_t size,
                       int64_t *ret_first, int64_t *ret_n)
{
    int rc;

    switch (gev__http_range(range, size, ret_first, ret_n)) {
    case GEV__HTTP_OUTSIDE:
        rc = set_content_range(x, 0, 0, size);
        return rc < 0 ? rc : 416;
    case GEV__HTTP_PART:
        rc = set_content_range(x, *ret_first, *ret_n, size);
        return rc < 0 ? rc : 206;
    case GEV__HTTP_WHOLE:
        break;
    }
    return 0;
}

/* Only validators and the like: 304. */
static int send_not_modified(struct gev_http *x, const struct gev__http_file *f)
{
    x->re.lines = f->fields + f->n_content;
    x->re.n_lines = f->n_fields - f->n_content;
    return gev__http_reply(x, 304, NULL, NULL, 0);
}

int gev__http_file_send(struct gev_http *x,
                        const struct gev__http_conditions *c,
                        const struct gev__http_file *f)
{
    const struct gev__http_validators v = {f->etag, f->modified,
                                           f->st.st_mtim.tv_sec};
    int64_t first = 0, n = f->st.st_size;
    int code = gev__http_conditions_check(x, c, &v), rc = 0;

    if (code == 412) {
        return gev__http_reply_error(x, 412, NULL);
    }
    replace_fields(x, f);
    if (code == 304) {
        return send_not_modified(x, f);
    }
    /* RFC 9110 14.2: with other methods than GET a range MUST be ignored. */
    if (x->head.method == GEV__HTTP_GET && gev__http_conditions_range(c, &v)) {
        rc = choose_part(x, c->range, f->st.st_size, &first, &n);
    }
    if (rc < 0 || rc == 416) {
        return rc < 0 ? rc : gev__http_reply_error(x, 416, NULL);
    }
    x->re.code = rc ? rc : code;
    return send_part(x, f, first, n);
}
