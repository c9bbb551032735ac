/* SPDX-License-Identifier: MIT */
/*
 * Bytes between an exchange's buffers and its connection
 *
 * Happy path of a keep-alive request: one recv(2) into a buffer that is taken
 * after the wait, one send(2) of all that was answered. On a plain descriptor
 * send(2) is tried at once, outside the table of functions: nearly always the
 * socket takes everything, and no limit needs to be set for that.
 *
 * Failure modes
 *   the client is slow      the clock wakes the waiting call: ETIMEDOUT and
 *                           c->expired
 *   the client has gone     ECONNRESET, EPIPE; no SIGPIPE
 *   part of it was sent     whatever the reason, the connection is broken: what
 *                           would follow is not what the client expects
 *   no memory for a buffer  nothing is lost but the connection
 */
#include "http/transport.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/clock.h"
#include "http/response.h"
#include "hub/hub.h"
#include "net/bufpool.h"
#include "net/stream.h"

/* A body's buffer, if it does not go behind the head. */
#define BODY_SIZE ((size_t)32 << 10)

/* Room below which receiving is not worth while. */
#define ROOM_MIN ((size_t)1 << 10)

/* What one sendfile call gets, so that the limits see progress. */
#define FILE_STEP ((int64_t)1 << 20)

/* Bytes dropped while lingering. */
#define LINGER_MAX ((size_t)1 << 20)

/* Puts the bytes that are not used yet into a new buffer. */
static int move_to(struct gev__http_in *in, size_t size)
{
    size_t n = in->end - in->at;
    char *p = gev__buf_get(size);

    if (!p) {
        return -ENOMEM;
    }
    if (in->p) {
        memcpy(p, in->p + in->at, n);
    }
    if (in->floor > 0) { /* the head is in the old one */
        in->kept = in->p;
        in->kept_size = in->size;
    } else {
        gev__buf_put(in->p, in->size);
    }
    in->p = p;
    in->size = gev__buf_size(size);
    in->floor = 0;
    in->at = 0;
    in->end = n;
    return 0;
}

/* Sees to room for receiving. */
static int make_room(struct gev__http_in *in)
{
    size_t n = in->end - in->at;

    if (!in->p) {
        return move_to(in, GEV__BUF_SIZE);
    }
    if (n == 0) {
        in->at = in->floor;
        in->end = in->floor;
    }
    if (in->size - in->end >= ROOM_MIN) {
        return 0;
    }
    if (in->floor > 0) {
        return move_to(in, n < BODY_SIZE / 2 ? BODY_SIZE : 2 * n);
    }
    if (in->at > 0) {
        memmove(in->p, in->p + in->at, n);
        in->at = 0;
        in->end = n;
    }
    return in->size - in->end >= ROOM_MIN ? 0 : move_to(in, 2 * in->size);
}

ssize_t gev__http_receive(struct gev_http *x)
{
    struct gev__http_in *in = &x->in;
    ssize_t n = make_room(in);
    int saved = errno;

    if (n < 0) {
        return n;
    }
    n = x->c->ops->read(x->c->ctx, in->p + in->end, in->size - in->end);
    if (n < 0) {
        n = -errno;
        errno = saved;
        return n;
    }
    in->end += (size_t)n;
    x->c->server->stats.bytes_in += (uint64_t)n;
    return n;
}

/* Takes @n bytes off the front of some pieces. */
static struct iovec *advance(struct iovec *v, int *n_left, size_t n)
{
    while (*n_left > 0 && n >= v->iov_len) {
        n -= v->iov_len;
        v++;
        --*n_left;
    }
    if (*n_left > 0) {
        v->iov_base = (char *)v->iov_base + n;
        v->iov_len -= n;
    }
    return v;
}

/* Uses a bit of the I/O budget, as each call must. A greenlet that was killed
   may only send what is complete, which does not go on for ever. */
static bool may_send(const struct gev_http *x)
{
    struct gev__hub *hub = gev__hub_tls;

    return --hub->budget >= 0 &&
           (!hub->core->current->interrupt || x->re.stage == GEV__HTTP_DONE);
}

/* One attempt that does not wait. Return: bytes sent; 0 also for errors, which
   the call that follows meets again. */
static size_t send_now(const struct gev_http *x, struct iovec *v, int n,
                       int more)
{
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | more;
    const struct gev__http_conn *c = x->c;
    int fd, saved = errno;
    ssize_t sent;

    if (c->ops != &gev__fd_stream_ops || !may_send(x)) {
        return 0;
    }
    fd = c->ops->fd(c->ctx);
    if (n == 1) {
        sent = send(fd, v->iov_base, v->iov_len, flags);
    } else {
        struct msghdr msg = {.msg_iov = v, .msg_iovlen = (size_t)n};
        sent = sendmsg(fd, &msg, flags);
    }
    errno = saved;
    return sent > 0 ? (size_t)sent : 0;
}

/* A call that sends has come back. Return: 0 or -Exxx. */
static int sent_all(struct gev__http_conn *c, ssize_t n, size_t total,
                    int saved)
{
    int err = errno;

    errno = saved;
    gev__http_limit(c, GEV__HTTP_BUSY, GEV__HTTP_NEVER);
    if (n >= 0 && (size_t)n == total) {
        return 0;
    }
    c->broken = true;
    if (c->expired || c->x->re.until_close) { /* FIN would say: that is all */
        gev__http_reset_peer(c);
    }
    if (c->expired) {
        c->server->stats.timeouts++;
        return -ETIMEDOUT;
    }
    return err ? -err : -EIO;
}

static void begin_sending(struct gev_http *x)
{
    x->slow.looked = false;
    x->c->waiter = gev__hub_tls->core->current;
    gev__http_limit(x->c, GEV__HTTP_OUT, gev__http_look_after(x->c->server));
}

static __attribute__((noinline)) int
send_rest(struct gev_http *x, struct iovec *v, int n, size_t total)
{
    int saved = errno;
    ssize_t sent;

    begin_sending(x);
    errno = 0;
    sent = x->c->ops->writev(x->c->ctx, v, n);
    return sent_all(x->c, sent, total, saved);
}

/* @more: MSG_MORE if something follows at once, or 0. */
static int send_pieces(struct gev_http *x, struct iovec *v, int n, int more)
{
    struct gev__http_conn *c = x->c;
    size_t total = 0, sent;

    if (c->broken) {
        return -EPIPE;
    }
    for (int i = 0; i < n; i++) {
        total += v[i].iov_len;
    }
    x->re.sent |= x->out.len > x->out.mark || n > 1;
    x->out.len = 0;
    x->out.mark = 0;
    c->server->stats.bytes_out += total;
    sent = send_now(x, v, n, more);
    if (__builtin_expect(sent == total, 1)) {
        return 0;
    }
    v = advance(v, &n, sent);
    return send_rest(x, v, n, total - sent);
}

int gev__http_flush(struct gev_http *x)
{
    struct iovec v = {x->out.p, x->out.len};

    return x->out.len ? send_pieces(x, &v, 1, 0) : 0;
}

/* Sends what others wait for: all but a response that has begun and of which
   nothing has left. It can still be taken back if the body turns out bad. */
static int flush_before(struct gev_http *x)
{
    struct gev__http_out *out = &x->out;
    size_t keep = out->len - out->mark, n = out->mark;
    struct iovec v = {out->p, n};
    int rc = 0;

    if (x->re.stage != GEV__HTTP_STREAM || x->re.sent) {
        gev__http_close_chunk(x);
        return gev__http_flush(x);
    }
    if (n > 0) {
        out->len = n;
        rc = send_pieces(x, &v, 1, 0);
        memmove(out->p, out->p + n, keep);
        out->len = keep;
        out->chunk -= out->chunk ? n : 0;
    }
    return rc;
}

/* Waits for bytes within the limit that is set. */
static int wait_for_bytes(struct gev__http_conn *c)
{
    int saved = errno, rc;

    c->waiter = gev__hub_tls->core->current;
    rc = c->ops->wait ? c->ops->wait(c->ctx) : 0;
    if (c->expired) {
        errno = saved;
        return -ETIMEDOUT;
    }
    if (rc < 0) {
        rc = -errno;
        errno = saved;
    }
    return rc;
}

ssize_t gev__http_fill(struct gev_http *x, uint64_t ticks)
{
    struct gev__http_conn *c = x->c;
    ssize_t n = x->out.len ? flush_before(x) : 0;

    if (n < 0) {
        return n;
    }
    gev__http_limit(c, GEV__HTTP_IN, ticks);
    do {
        n = wait_for_bytes(c);
        n = n < 0 ? n : gev__http_receive(x);
    } while (n == -EAGAIN);
    gev__http_limit(c, GEV__HTTP_BUSY, GEV__HTTP_NEVER);
    return n;
}

int gev__http_send_with(struct gev_http *x, const struct iovec *more, int n)
{
    struct iovec v[3] = {{x->out.p, x->out.len}};

    memcpy(v + 1, more, (size_t)n * sizeof *more);
    return send_pieces(x, v, 1 + n, 0);
}

/* Sends with the table's sendfile, in steps. */
static int send_steps(struct gev_http *x, int fd, off_t offset, int64_t n)
{
    struct gev__http_conn *c = x->c;
    int rc = 0;

    while (rc == 0 && n > 0) {
        size_t step = (size_t)(n < FILE_STEP ? n : FILE_STEP);
        int saved = errno;

        begin_sending(x);
        errno = EIO; /* unless it knows better */
        ssize_t sent = c->ops->sendfile(c->ctx, fd, &offset, step);
        if (sent > 0) {
            c->server->stats.bytes_out += (uint64_t)sent;
        }
        if (errno == 0) {
            errno = EIO; /* the end of the file */
        }
        rc = sent_all(c, sent, step, saved);
        n -= (int64_t)step;
    }
    return rc;
}

/* Sends by way of the buffer. */
static int send_copies(struct gev_http *x, int fd, off_t offset, int64_t n)
{
    int rc = gev__http_room(x, 1);

    while (rc == 0 && n > 0) {
        size_t room = x->out.size - x->out.len;
        size_t step = (size_t)n < room ? (size_t)n : room;
        int saved = errno;
        ssize_t got = pread(fd, x->out.p + x->out.len, step, offset);

        if (got <= 0) {
            rc = got < 0 ? -errno : -EIO;
            errno = saved;
            return rc;
        }
        x->out.len += (size_t)got;
        offset += got;
        n -= got;
        rc = n > 0 && x->out.len == x->out.size ? gev__http_flush(x) : 0;
    }
    return rc;
}

int gev__http_send_file(struct gev_http *x, int fd, off_t offset, int64_t n)
{
    int rc;

    if (x->c->broken) {
        return -EPIPE;
    }
    if (!x->c->ops->sendfile || n <= GEV__HTTP_FILE_COPIED) {
        return send_copies(x, fd, offset, n);
    }
    /* The head waits in the kernel for the file's first bytes. */
    struct iovec head = {x->out.p, x->out.len};
    rc = head.iov_len ? send_pieces(x, &head, 1, MSG_MORE) : 0;
    x->re.sent = true;
    return rc < 0 ? rc : send_steps(x, fd, offset, n);
}

int gev__http_room(struct gev_http *x, size_t n)
{
    struct gev__http_out *out = &x->out;
    int rc;

    if (__builtin_expect(out->size - out->len >= n && out->p, 1)) {
        return 0;
    }
    if (out->len > 0) {
        rc = gev__http_flush(x);
        if (rc < 0) {
            return rc;
        }
    }
    if (out->size < n || !out->p) {
        size_t size = n > GEV__HTTP_OUT_SIZE ? n : GEV__HTTP_OUT_SIZE;
        char *p = gev__buf_get(size);

        if (!p) {
            return -ENOMEM;
        }
        gev__buf_put(out->p, out->size);
        out->p = p;
        out->size = gev__buf_size(size);
    }
    return 0;
}

void gev__http_linger(struct gev_http *x)
{
    struct gev__http_conn *c = x->c;
    uint64_t ticks = c->server->clock.limits.linger;
    uint64_t until = ticks < GEV__HTTP_NEVER ? c->server->clock.now + ticks
                                             : GEV__HTTP_NEVER;
    size_t total = 0;
    ssize_t n = 1;

    if (gev__http_flush(x) < 0 || !c->ops->shutdown ||
        c->ops->shutdown(c->ctx) < 0) {
        return;
    }
    gev__http_reset(x); /* nobody needs the head any more */
    while (n > 0 && total < LINGER_MAX && c->server->clock.now <= until) {
        gev__http_drop_buffers(x); /* thousands may linger at once */
        n = gev__http_fill(
            x, ticks == GEV__HTTP_NEVER ? ticks : until - c->server->clock.now);
        total += n > 0 ? (size_t)n : 0;
    }
}

void gev__http_reset_peer(struct gev__http_conn *c)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int fd = c->ops->fd ? c->ops->fd(c->ctx) : -1, saved = errno;

    if (fd >= 0 &&
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0) {
        errno = saved; /* UNTESTED: then it is an ordinary close */
    }
}
