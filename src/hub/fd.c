/* SPDX-License-Identifier: MIT */
/*
 * Descriptor records: made, looked at, closed. fd_wait.c waits for them.
 *
 * Happy path: accept or socket tells what it opened, and nobody has to look;
 * gev_close() ends the record's generation, and the next life of the number
 * registers anew.
 *
 * Failure modes: somebody waits when it is closed (EBADF); it is closed behind
 * our back (noticed before the next poll that would touch it, or when a call
 * gives ENOTSOCK or EBADF).
 */
#include "hub/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "hub/wait.h"

#define TABLE GEV__FD_TABLE

struct gev__fd_more *gev__fd_more(struct gev__fd *f)
{
    struct gev__fd_more *m = f->more;

    if (m) {
        return m;
    }
    m = calloc(1, sizeof *m);
    if (!m) {
        return NULL;
    }
    gev__io_init(&m->wr, f);
    gev__list_init(&m->readers);
    gev__list_init(&m->writers);
    gev__list_init(&m->observers);
    m->rd_timeout = INFINITY;
    m->wr_timeout = INFINITY;
    m->wr_fresh = true;
    f->more = m;
    return m;
}

/* A table of records, none of them looked at yet. */
static struct gev__fd *new_table(int first)
{
    struct gev__fd *t = calloc(TABLE, sizeof *t);

    if (!t) {
        return NULL;
    }
    for (int i = 0; i < TABLE; i++) {
        t[i].fd = first + i;
        t[i].rd_fresh = true;
        gev__io_init(&t[i].rd, &t[i]);
    }
    return t;
}

static int grow_tables(struct gev__hub *hub, size_t want)
{
    size_t n = hub->n_fd_tables ? hub->n_fd_tables : 16;
    struct gev__fd **fds;

    while (n <= want) {
        n *= 2;
    }
    fds = realloc(hub->fds, n * sizeof(struct gev__fd *));
    if (!fds) {
        return -ENOMEM;
    }
    for (size_t i = hub->n_fd_tables; i < n; i++) {
        fds[i] = NULL;
    }
    hub->fds = fds;
    hub->n_fd_tables = n;
    return 0;
}

/* The record of a number, made if need be; it may be UNKNOWN. */
static int record(struct gev__hub *hub, int fd, struct gev__fd **ret)
{
    size_t i = (size_t)fd / TABLE;

    if (i >= hub->n_fd_tables || !hub->fds[i]) {
        int rc = gev__loop_reserve(&hub->loop, (i + 1) * TABLE, 0);

        if (rc == 0 && i >= hub->n_fd_tables) {
            rc = grow_tables(hub, i);
        }
        if (rc < 0) {
            return rc;
        }
        hub->fds[i] = new_table((int)i * TABLE);
        if (!hub->fds[i]) {
            return -ENOMEM;
        }
    }
    *ret = &hub->fds[i][(size_t)fd % TABLE];
    return 0;
}

/* What kind of socket? */
static enum gev__fd_kind socket_kind(int fd)
{
    int type = SOCK_STREAM;
    int listens = 0;
    socklen_t len = sizeof type;

    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
    if (type != SOCK_STREAM && type != SOCK_SEQPACKET) {
        return GEV__FD_DGRAM;
    }
    len = sizeof listens;
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    if (listens) {
        return GEV__FD_LISTENER;
    }
    return type == SOCK_STREAM ? GEV__FD_STREAM : GEV__FD_DGRAM;
}

/* Looks at a descriptor: its kind and flags. */
static int look(struct gev__fd *f)
{
    int saved_errno = errno;
    int flags = fcntl(f->fd, F_GETFL);
    struct stat st;

    if (flags < 0 || fstat(f->fd, &st) < 0) {
        errno = saved_errno;
        return -EBADF;
    }
    f->nonblock = (flags & O_NONBLOCK) != 0;
    if (S_ISSOCK(st.st_mode)) {
        f->kind = socket_kind(f->fd) & 7u;
    } else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
               S_ISBLK(st.st_mode)) {
        f->kind = GEV__FD_FILE;
    } else {
        f->kind = GEV__FD_PIPE;
    }
    errno = saved_errno;
    return 0;
}

int gev__fd_get_slow(struct gev__hub *hub, int fd, struct gev__fd **ret)
{
    struct gev__fd *f;
    int rc;

    if (fd < 0 || fcntl(fd, F_GETFD) < 0) {
        return -EBADF;
    }
    rc = record(hub, fd, &f);
    if (rc == 0 && f->kind == GEV__FD_UNKNOWN) {
        rc = look(f);
    }
    if (rc == 0) {
        *ret = f;
    }
    return rc;
}

int gev__fd_opened(struct gev__hub *hub, int fd, enum gev__fd_kind kind)
{
    struct gev__fd *f;
    int rc = record(hub, fd, &f);

    if (rc < 0) {
        return rc;
    }
    if (f->kind != GEV__FD_UNKNOWN) {
        gev__fd_closing(hub, fd); /* it was closed behind our back */
    }
    f->kind = kind & 7u;
    f->nonblock = true;
    return 0;
}

void gev__fd_refresh(struct gev__hub *hub, struct gev__fd *f)
{
    struct gev_greenlet *reader = f->reader;
    struct gev_greenlet *writer = f->writer;
    double rd, wr;

    gev__fd_timeouts(f, &rd, &wr);
    gev__fd_closing(hub, f->fd);
    f->reader = reader;
    f->writer = writer;
    if (look(f) < 0) {
        f->kind = GEV__FD_UNKNOWN;
    } else if (rd < INFINITY || wr < INFINITY) {
        /* UNTESTED: without memory the limits of a misused number are lost */
        (void)gev__fd_set_timeouts(f, rd, wr);
    }
}

/* Everybody who waits on it goes on with @result. */
static void wake_everybody(struct gev__fd *f, int result)
{
    struct gev__fd_more *m = f->more;

    if (f->rd_waits) {
        gev__wake(f->reader, gev__seq(f->reader), result);
    }
    if (f->wr_waits) {
        gev__wake(f->writer, gev__seq(f->writer), result);
    }
    if (!m) {
        return;
    }
    gev__wake_all(&m->readers, result);
    gev__wake_all(&m->writers, result);
    while (!gev__list_empty(&m->observers)) {
        struct gev__observer *o = GEV__CONTAINER(gev__list_shift(&m->observers),
                                                 struct gev__observer, link);

        o->fired |= GEV__FD_CLOSED;
        o->f = NULL;
        gev__observer_tell(o);
    }
}

void gev__fd_unwatchable(struct gev__fd *f)
{
    f->rd_fresh = true;
    if (f->more) {
        f->more->wr_fresh = true;
    }
    wake_everybody(f, -ENOMEM);
}

static struct gev__fd *existing(const struct gev__hub *hub, int fd)
{
    size_t i = (size_t)fd / TABLE;

    if (fd < 0 || i >= hub->n_fd_tables || !hub->fds[i]) {
        return NULL;
    }
    return &hub->fds[i][(size_t)fd % TABLE];
}

void gev__fd_closing(struct gev__hub *hub, int fd)
{
    struct gev__fd *f = existing(hub, fd);

    if (!f || f->kind == GEV__FD_UNKNOWN) {
        return;
    }
    gev__io_stop(&hub->loop, &f->rd);
    if (f->more) {
        gev__io_stop(&hub->loop, &f->more->wr);
    }
    wake_everybody(f, -EBADF);
    free(f->more);
    f->more = NULL;
    f->reader = NULL;
    f->writer = NULL;
    f->generation++;
    f->kind = GEV__FD_UNKNOWN;
    f->nonblock = false;
    f->drained = false;
    f->rd_fresh = true;
}

void gev__fd_on_gone(void *hub, int fd)
{
    gev__fd_closing(hub, fd);
}

/* Calls @fn for every record there is. */
static void each(struct gev__hub *hub,
                 void (*fn)(struct gev__hub *, struct gev__fd *))
{
    for (size_t i = 0; i < hub->n_fd_tables; i++) {
        for (int k = 0; hub->fds[i] && k < TABLE; k++) {
            fn(hub, &hub->fds[i][k]);
        }
    }
}

static void end_one(struct gev__hub *hub, struct gev__fd *f)
{
    gev__io_stop(&hub->loop, &f->rd);
    if (f->more) {
        gev__io_stop(&hub->loop, &f->more->wr);
    }
    free(f->more);
}

void gev__fds_end(struct gev__hub *hub)
{
    each(hub, end_one);
    for (size_t i = 0; i < hub->n_fd_tables; i++) {
        free(hub->fds[i]);
    }
    free(hub->fds);
    hub->fds = NULL; /* libev closes its own after this, through libgev_patch */
    hub->n_fd_tables = 0;
}

/* Nobody waits on it but perhaps the caller, who does not wait now. */
static void fork_one(struct gev__hub *hub, struct gev__fd *f)
{
    struct gev_greenlet *self = hub->core->current;

    if (gev__io_active(&f->rd) || (f->more && gev__io_active(&f->more->wr))) {
        gev__io_recheck(&hub->loop, f->fd); /* libev will register it anew */
    }
    if (hub->kept) {
        return;
    }
    f->rd_waits = false;
    f->wr_waits = false;
    f->reader = f->reader == self ? self : NULL;
    f->writer = f->writer == self ? self : NULL;
    if (f->more) {
        gev__list_init(&f->more->readers);
        gev__list_init(&f->more->writers);
        while (!gev__list_empty(&f->more->observers)) {
            GEV__CONTAINER(gev__list_shift(&f->more->observers),
                           struct gev__observer, link)
                ->f = NULL;
        }
    }
}

void gev__fds_fork(struct gev__hub *hub)
{
    each(hub, fork_one);
}
