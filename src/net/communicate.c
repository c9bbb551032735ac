/* SPDX-License-Identifier: MIT */
/*
 * communicate: feed a child and take what it prints, all at once
 *
 * Happy path: one greenlet does all three pipes in turn without blocking, and
 * waits for any of them when none moves; so a child that prints while it is
 * being fed cannot stand still. Then it waits for the child's end.
 *
 *   pump() -- something moved --+        gev__enter() each time: kill, limits,
 *     |  ^----------------------+        budget
 *     | nothing moved, pipes open ----> gev__watch_wait() ----> pump()
 *     | all pipes have ended
 *   gev__process_wait(), results
 *
 * Failure modes
 *   input closed early (EPIPE)  as if all was written; SIGPIPE is held back
 *   killed, out of time, over the limit, no memory
 *                               what came so far stays with the process, and
 *                               the next call goes on
 *   freed by somebody meanwhile EBADF; a reference keeps the record
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <gev/process.h>

#include "hub/wait.h"
#include "net/observe.h"
#include "net/process.h"

#define FIRST_ROOM 4096

/* write(2) without SIGPIPE. -Exxx; errno is as before. */
static ssize_t write_quietly(int fd, const void *buf, size_t len)
{
    int saved = errno;
    sigset_t set, former;
    ssize_t n;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, &former);
    n = write(fd, buf, len);
    if (n < 0) {
        n = -errno;
    }
    if (n == -EPIPE && !sigismember(&former, SIGPIPE)) {
        (void)sigtimedwait(&set, NULL, &(struct timespec){0}); /* take it */
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    errno = saved;
    return n;
}

/* read(2). -Exxx; errno is as before. */
static ssize_t read_some(int fd, void *buf, size_t len)
{
    int saved = errno;
    ssize_t n = read(fd, buf, len);

    if (n < 0) {
        n = -errno;
        errno = saved;
    }
    return n;
}

/* Not now, but perhaps later? */
static bool is_later(ssize_t n)
{
    return n == -EAGAIN || n == -EINTR;
}

/* Feeds its input. 1: something moved, 0: not now, or -Exxx. */
static int feed(struct gev_process *p, const struct gev_process_io *io)
{
    size_t left = io->in_size > p->n_written ? io->in_size - p->n_written : 0;
    ssize_t n = 0;

    if (p->fds[0] < 0) {
        return 0;
    }
    if (left > 0) {
        n = write_quietly(p->fds[0], (const char *)io->in + p->n_written, left);
    }
    if (n > 0) {
        p->n_written += (size_t)n;
    }
    if (left == 0 || n == -EPIPE) {
        (void)gev_process_close(p, 0);
        return 1;
    }
    return n > 0 ? 1 : is_later(n) ? (n == -EINTR) : (int)n;
}

/* Room for at least one byte more, and a NUL. */
static int make_room(struct gev__taken *t)
{
    size_t room = t->room ? 2 * t->room : FIRST_ROOM;
    char *data;

    if (t->room > t->size + 1) {
        return 0;
    }
    data = realloc(t->data, room);
    if (!data) {
        return -ENOMEM;
    }
    t->data = data;
    t->room = room;
    return 0;
}

/* Takes what it printed. One byte over @limit is read, and kept, to know that
   there is more. 1: something moved, 0: not now, or -Exxx. */
static int take(struct gev_process *p, int i, size_t limit)
{
    struct gev__taken *t = &p->taken[i];
    size_t total = p->taken[0].size + p->taken[1].size, len;
    ssize_t n;
    int rc;

    if (p->fds[i + 1] < 0) {
        return 0;
    }
    if (total > limit) {
        return -EMSGSIZE;
    }
    rc = make_room(t);
    if (rc < 0) {
        return rc;
    }
    len = t->room - 1 - t->size;
    if (len > limit - total) {
        len = limit - total + 1; /* @len is above that: no overflow */
    }
    n = read_some(p->fds[i + 1], t->data + t->size, len);
    if (n > 0) {
        t->size += (size_t)n;
        return total + (size_t)n > limit ? -EMSGSIZE : 1;
    }
    if (n == 0) {
        (void)gev_process_close(p, i + 1);
        return 1;
    }
    return is_later(n) ? (n == -EINTR) : (int)n;
}

/* All three once. 1: something moved, 0: nothing, or -Exxx. */
static int pump(struct gev_process *p, const struct gev_process_io *io)
{
    size_t limit = io->limit ? io->limit : GEV_PROCESS_LIMIT;
    int fed, out, err;

    fed = feed(p, io);
    out = fed < 0 ? 0 : take(p, 0, limit);
    err = fed < 0 || out < 0 ? 0 : take(p, 1, limit);
    if (fed < 0 || out < 0 || err < 0) {
        return fed < 0 ? fed : out < 0 ? out : err;
    }
    return fed | out | err;
}

/* Waits until one of the open pipes may move. 1, or -Exxx. */
static int wait_pipes(struct gev__hub *hub, struct gev_process *p,
                      double deadline)
{
    struct gev__watch *w = gev__watch_new(hub, 3);
    int rc = w ? 0 : -ENOMEM;

    for (int i = 0; i < 3 && rc == 0; i++) {
        if (p->fds[i] >= 0) {
            rc = gev__watch_add(w, p->fds[i], i == 0 ? POLLOUT : POLLIN);
        }
    }
    if (rc == 0) {
        rc = gev__watch_wait(w, deadline);
        rc = rc == 0 ? -ETIMEDOUT : rc;
    }
    gev__watch_free(w);
    if (rc == -EBADF && !p->freed) {
        rc = 1; /* gev_process_close() by somebody else: look again */
    }
    return rc;
}

static bool any_open(const struct gev_process *p)
{
    return p->fds[0] >= 0 || p->fds[1] >= 0 || p->fds[2] >= 0;
}

/* Until all pipes have ended. 0 or -Exxx. */
static int move_all(struct gev__hub *hub, struct gev_process *p,
                    const struct gev_process_io *io, double deadline)
{
    int rc = 0;

    while (rc >= 0 && any_open(p)) {
        rc = pump(p, io);
        if (rc == 0) {
            rc = wait_pipes(hub, p, deadline);
        }
        if (rc >= 0) {
            rc = gev__enter(&hub);
        }
        if (p->freed) {
            rc = -EBADF;
        }
    }
    return rc;
}

/* Hands over what was taken. */
static void give(struct gev_process *p, struct gev_process_io *io)
{
    for (int i = 0; i < 2; i++) {
        struct gev__taken *t = &p->taken[i];

        if (t->data) {
            t->data[t->size] = '\0';
        }
        *(i ? &io->err : &io->out) = t->data;
        *(i ? &io->err_size : &io->out_size) = t->size;
        *t = (struct gev__taken){0};
    }
    p->n_written = 0;
    io->status = p->status;
}

static int communicate(struct gev__hub *hub, struct gev_process *p,
                       struct gev_process_io *io, double timeout)
{
    double deadline = gev__deadline(timeout);
    int rc = gev__process_look(hub, p);

    if (rc >= 0 && p->busy) {
        rc = -EBUSY;
    }
    if (rc < 0) {
        return rc;
    }
    gev__process_ref(p);
    p->busy = true;
    for (int i = 0; i < 2 && rc >= 0; i++) {
        rc = p->fds[i + 1] < 0 ? 0 : make_room(&p->taken[i]);
    }
    if (rc >= 0) {
        rc = move_all(hub, p, io, deadline);
    }
    if (rc >= 0) {
        rc = gev__process_wait(hub, p, deadline);
    }
    if (rc == 0) {
        give(p, io);
    }
    p->busy = false;
    gev__process_drop(p);
    return rc;
}

static bool io_ok(const struct gev_process_io *io)
{
    return io->size == sizeof *io && (io->in || io->in_size == 0);
}

int gev_process_communicate(struct gev_process *p, struct gev_process_io *io,
                            double timeout)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc == 0 && (!p || !io || !io_ok(io) || !gev__secs_ok(timeout))) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = communicate(hub, p, io, timeout);
    }
    return (int)gev__ret(rc);
}

static int run(const char *const *argv, const struct gev_process_options *opt,
               struct gev_process_io *io, double timeout)
{
    struct gev_process *p = gev_process_new(argv, opt);
    int saved;

    if (!p) {
        return -1;
    }
    if (gev_process_communicate(p, io, timeout) < 0) {
        saved = errno;
        (void)gev_process_kill(p, SIGKILL);
        gev_process_free(p);
        errno = saved;
        return -1;
    }
    gev_process_free(p);
    return 0;
}

int gev_process_run(const char *const *argv,
                    const struct gev_process_options *options,
                    struct gev_process_io *io, double timeout)
{
    struct gev_process_options opt = {
        .size = sizeof opt, .in = GEV_PROCESS_NULL, .out = GEV_PROCESS_PIPE};
    struct gev_process_io own = {.size = sizeof own};
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc == 0 && ((io && !io_ok(io)) || !gev__secs_ok(timeout) ||
                    (options && options->size != sizeof opt))) {
        rc = -EINVAL;
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (options) {
        opt = *options;
    }
    if (io && io->in) {
        opt.in = GEV_PROCESS_PIPE;
    }
    rc = run(argv, &opt, io ? io : &own, timeout);
    free(own.out);
    free(own.err);
    return rc;
}
