/* SPDX-License-Identifier: MIT */
/*
 * sendfile: file to descriptor inside the kernel
 *
 * sendfile(2) has no flags, so two things that send(2) is told per call must be
 * arranged around it:
 *
 *   not to block    where @out's O_NONBLOCK is not set, it is for the instant of
 *                   the call
 *   no SIGPIPE      see net/sigpipe.h
 *
 * Failure modes
 *   error after some bytes   the bytes count; errno says what stopped it
 *   the file is shorter      the bytes count; errno is 0
 */
#include "net/io.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>

#include "net/nonblock.h"
#include "net/sigpipe.h"

/* Bytes per step: what a loop over a fast peer sends between budget checks. */
#define STEP ((size_t)1 << 20)

struct source {
    int in;
    off_t *offset;
};

static ssize_t sendfile_quietly(int out, const struct source *src, size_t n)
{
    struct gev__sigpipe sp;

    gev__sigpipe_block(&sp);
    ssize_t r = sendfile(out, src->in, src->offset, n);
    gev__sigpipe_restore(&sp, r < 0 ? errno == EPIPE : (size_t)r < n);
    return r;
}

static size_t step(const struct gev__io *io)
{
    return io->len < STEP ? io->len : STEP;
}

static ssize_t try_sendfile(struct gev__io *io)
{
    size_t n = step(io);
    struct gev__nonblock nb;
    int saved = errno;
    int rc = gev__nonblock_begin(&nb, io->f);

    if (rc < 0) {
        return rc;
    }
    ssize_t r = gev__io_done(sendfile_quietly(io->f->fd, io->arg, n), saved);
    gev__nonblock_end(&nb);
    return r;
}

/*
 * Until all is sent, the file ends or an error comes. Return: bytes sent.
 *
 * After less than it was asked for @out is full, nearly always: what is tried at
 * once goes in crumbs, or finds pages of the file only to drop them for EAGAIN.
 * So it waits first; at the file's end that costs a turn of the loop.
 */
static size_t send_all(struct gev__io *io, int *ret_err)
{
    size_t len = io->len, done = 0;
    bool full = false;

    *ret_err = 0;
    while (done < len) {
        io->len = len - done;
        ssize_t n = full ? -EAGAIN : try_sendfile(io);

        if (n < 0) {
            n = gev__io_retry(io, GEV_WRITE, try_sendfile, full, n);
        }
        if (n <= 0) {
            *ret_err = (int)n;
            break;
        }
        full = (size_t)n < step(io) && gev__io_slotted(io->f);
        done += (size_t)n;
        if (done < len && !full && (*ret_err = gev__io_again(io)) < 0) {
            break;
        }
    }
    return done;
}

ssize_t gev_sendfile(int out, int in, off_t *offset, size_t n)
{
    struct source src = {.in = in, .offset = offset};
    struct gev__io io = {.len = n, .arg = &src};
    int err = gev__io_begin(out, &io.hub, &io.f);

    if (err == 0 && n > SSIZE_MAX) {
        err = -EINVAL;
    }
    if (err == 0) {
        err = gev__io_hold(&io, GEV_WRITE);
    }
    if (err < 0) {
        return gev__ret(err);
    }
    size_t done = send_all(&io, &err);
    gev__io_release(&io, GEV_WRITE);
    if (done < n) {
        if (done == 0 && err < 0) {
            return gev__ret(err);
        }
        errno = -err;
    }
    return (ssize_t)done;
}
