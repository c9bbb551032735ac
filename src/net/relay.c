/* SPDX-License-Identifier: MIT */
/*
 * gev_relay: one direction
 *
 * Bytes are taken up and set down; nothing is taken up while something is still
 * carried. What carries them is chosen when there is something to take up, and
 * put away before waiting for more:
 *
 *   from --splice--> pipe --splice--> to        sockets and pipes
 *   from ---recv---> buffer --send--> to        all else; no pipe to be had
 *
 *      +-> take up --EAGAIN--> put away, wait for @from --+
 *      |      | n > 0                                     |
 *      |   set down --EAGAIN--> wait for @to --+          |
 *      |      | nothing left   ^---------------+          |
 *      +------+-------------------------------------------+
 *
 * A splice(2) into a pipe that is empty can only say EAGAIN for want of bytes,
 * and one out of a pipe that is not can only for want of room: so it is known
 * whom to wait for.
 *
 * Readers' and writers' slots are held while waiting only, as by a loop of reads
 * and writes: a slot held while waiting for the other end would keep the hub
 * from stopping a watcher that fires.
 *
 * Failure modes
 *   killed, timed out, reset   a pipe with bytes in it is closed, not kept
 *   no pipe (EMFILE …)         the buffer, and a pipe is tried again next time
 *   splice refuses (EINVAL)    the buffer from then on; what is in the pipe is
 *                              read out into one
 *   closed meanwhile           a generation differs: EBADF, nothing is touched
 */
#include "net/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/bufpool.h"
#include "net/io.h"
#include "net/nonblock.h"
#include "net/pipepool.h"
#include "net/sigpipe.h"

/* What carries the bytes. */
enum carrier { NOTHING, PIPE, BUFFER };

/* A relay in progress, on its greenlet's stack. */
struct relay {
    struct gev__io from;
    struct gev__io to;
    uint32_t from_generation;
    uint32_t to_generation;
    struct gev__relay_pair *pair; /* or NULL */
    uint64_t *bytes;              /* delivered */
    enum carrier by;
    bool splices;          /* both ends can */
    struct gev__pipe pipe; /* @by PIPE */
    char *buf;             /* @by BUFFER */
    size_t size;           /* of @buf */
    size_t begin;          /* of what is carried, in @buf */
    size_t n;              /* bytes carried */
};

/* Whether splice(2) takes it. */
static bool can_splice(const struct gev__fd *f)
{
    struct stat st;
    int saved = errno;
    bool fifo = f->kind == GEV__FD_PIPE && fstat(f->fd, &st) == 0 &&
                S_ISFIFO(st.st_mode);

    errno = saved;
    return f->kind == GEV__FD_STREAM || fifo;
}

static void put_away(struct relay *r)
{
    if (r->by == PIPE) {
        gev__pipe_put(r->from.hub, r->pipe, r->n == 0);
    } else if (r->by == BUFFER) {
        gev__buf_put(r->buf, r->size);
    }
    r->by = NOTHING;
}

static int take_buffer(struct relay *r, size_t size)
{
    char *buf = gev__buf_get(size);

    if (!buf) {
        return -ENOMEM;
    }
    r->buf = buf;
    r->size = size;
    r->begin = 0;
    r->by = BUFFER;
    return 0;
}

static int choose(struct relay *r)
{
    if (r->splices && gev__pipe_get(r->from.hub, &r->pipe) == 0) {
        r->by = PIPE;
        return 0;
    }
    return take_buffer(r, GEV__BUF_MAX);
}

/* @f is the end that is not our pipe. */
static ssize_t try_splice(const struct gev__fd *f, int in, int out, size_t n)
{
    struct gev__nonblock nb;
    int saved = errno;
    ssize_t r = gev__nonblock_begin(&nb, f);

    if (r < 0) {
        return r;
    }
    r = gev__io_done(
        splice(in, NULL, out, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK),
        saved);
    gev__nonblock_end(&nb);
    return r;
}

static ssize_t splice_in(struct relay *r)
{
    ssize_t n =
        try_splice(r->from.f, r->from.f->fd, r->pipe.wr, GEV__PIPE_SIZE);

    if (n == -EAGAIN) {
        r->from.f->drained = true;
    }
    return n;
}

static ssize_t splice_out(struct relay *r)
{
    struct gev__sigpipe sp;
    ssize_t n;

    gev__sigpipe_block(&sp);
    n = try_splice(r->to.f, r->pipe.rd, r->to.f->fd, r->n);
    gev__sigpipe_restore(&sp, n < 0 ? n == -EPIPE : (size_t)n < r->n);
    return n;
}

/* From the pipe into a buffer, since it cannot go on from there. */
static int unload(struct relay *r)
{
    struct gev__pipe pipe = r->pipe;
    int rc = take_buffer(r, r->n);

    if (rc < 0) {
        return rc;
    }
    r->splices = false;
    rc = read(pipe.rd, r->buf, r->n) == (ssize_t)r->n ? 0 : -EIO;
    gev__pipe_put(r->from.hub, pipe, rc == 0);
    return rc;
}

/* Return: bytes now carried; 0 at the end; -Exxx. */
static ssize_t take_up(struct relay *r)
{
    ssize_t n = r->by == NOTHING ? choose(r) : 0;

    if (n < 0) {
        return n;
    }
    if (r->by == PIPE) {
        n = splice_in(r);
        if (n == -EINVAL) {
            r->splices = false;
            put_away(r);
            return -EINTR; /* try again, by a buffer */
        }
    } else {
        r->from.buf = r->buf;
        r->from.len = r->size;
        n = gev__io_try_read(&r->from);
        r->from.buf = NULL;
        r->begin = 0;
    }
    if (n > 0) {
        r->n = (size_t)n;
    }
    return n;
}

/* Return: bytes delivered, or -Exxx. */
static ssize_t set_down(struct relay *r)
{
    ssize_t n;

    if (r->by == PIPE) {
        n = splice_out(r);
        if (n == -EINVAL) {
            n = unload(r);
            return n < 0 ? n : -EINTR;
        }
    } else {
        r->to.buf = r->buf + r->begin;
        r->to.len = r->n;
        n = gev__io_try_write(&r->to);
    }
    if (n > 0) {
        r->begin += (size_t)n;
        r->n -= (size_t)n;
        *r->bytes += (uint64_t)n;
        if (r->pair) {
            r->pair->last = gev__now();
        }
    }
    return n;
}

/* What may have happened while others ran. */
static int look_again(const struct relay *r)
{
    if (r->pair && r->pair->err) {
        return -ECANCELED;
    }
    return r->from.f->generation == r->from_generation &&
                   r->to.f->generation == r->to_generation
               ? 0
               : -EBADF;
}

/* Waits on one end. A pair's time is not up while the other direction moves. */
static int wait_for(struct relay *r, struct gev__io *io, int event)
{
    const struct gev__relay_pair *pair = r->pair;
    double idle_at = pair ? pair->last + pair->idle : INFINITY;
    int rc, rc2;

    if (*gev__io_slot(io->f, event)) {
        return -EBUSY;
    }
    io->deadline = 0;
    if (gev__io_deadline(io, event) > idle_at) {
        io->deadline = idle_at;
    }
    rc = gev__io_wait(io, event);
    rc2 = look_again(r);
    if (rc2 < 0) {
        return rc2;
    }
    if (rc == -ETIMEDOUT && pair && io->deadline == idle_at &&
        !gev__core_get()->current->interrupt &&
        gev__now() < pair->last + pair->idle) {
        return 0;
    }
    if (rc == 0 && event == GEV_READ) {
        io->f->drained = false;
    }
    return rc;
}

/* One step of the picture above. Return: 1 to go on, 0 at the end, -Exxx. */
static int step(struct relay *r)
{
    ssize_t n;

    if (r->n == 0) {
        n = r->from.f->drained ? -EAGAIN : take_up(r);
        if (n == -EAGAIN) {
            put_away(r);
            n = wait_for(r, &r->from, GEV_READ);
            return n < 0 ? (int)n : 1;
        }
        if (n <= 0) {
            return n == -EINTR || gev__io_stale(&r->from, n) ? 1 : (int)n;
        }
    }
    n = set_down(r);
    if (n == -EAGAIN) {
        n = wait_for(r, &r->to, GEV_WRITE);
    }
    return n >= 0 || n == -EINTR || gev__io_stale(&r->to, n) ? 1 : (int)n;
}

static int run(struct relay *r)
{
    int rc;

    do {
        rc = step(r);
        if (rc > 0) {
            int rc2 = gev__enter(&r->from.hub);
            rc2 = rc2 < 0 ? rc2 : look_again(r);
            rc = rc2 < 0 ? rc2 : rc;
        }
    } while (rc > 0);
    put_away(r);
    return rc;
}

static bool is_datagram(const struct gev__fd *f)
{
    return f->kind == GEV__FD_DGRAM;
}

static int begin(struct relay *r, int from, int to)
{
    int rc = gev__io_begin(from, &r->from.hub, &r->from.f);

    r->to.hub = r->from.hub;
    if (rc == 0) {
        rc = gev__fd_get(r->to.hub, to, &r->to.f);
    }
    if (rc < 0) {
        return rc;
    }
    if (is_datagram(r->from.f) || is_datagram(r->to.f)) {
        return -EINVAL;
    }
    r->from.f->drained = false; /* look once, also where there is no time */
    r->from_generation = r->from.f->generation;
    r->to_generation = r->to.f->generation;
    r->splices = can_splice(r->from.f) && can_splice(r->to.f);
    return 0;
}

int gev__relay(int from, int to, unsigned flags, struct gev__relay_pair *pair,
               uint64_t *bytes)
{
    struct relay r = {.pair = pair, .bytes = bytes};
    int saved = errno, rc = begin(&r, from, to);

    if (rc == 0 && (r.from.f->reader || r.to.f->writer)) {
        rc = -EBUSY;
    }
    if (rc == 0) {
        rc = run(&r);
    }
    if (rc == 0 && !(flags & GEV_RELAY_NO_SHUTDOWN) &&
        r.to.f->kind == GEV__FD_STREAM && shutdown(to, SHUT_WR) < 0) {
        rc = errno == ENOTCONN ? 0 : -errno; /* the peer has gone: no news */
    }
    errno = saved;
    return rc;
}

int gev_relay(int from, int to, unsigned flags, uint64_t *ret_bytes)
{
    uint64_t bytes = 0;
    int rc = -EINVAL;

    if (!(flags & ~GEV_RELAY_NO_SHUTDOWN)) {
        rc = gev__relay(from, to, flags, NULL, &bytes);
    }
    if (ret_bytes) {
        *ret_bytes = bytes;
    }
    return (int)gev__ret(rc);
}
