/* SPDX-License-Identifier: MIT */
/*
 * Files in threads: one record for all calls, with the arguments, the data and
 * the outcome, so that a thread never touches anything of a greenlet's.
 *
 * Happy path: the record is made, the call made by a thread, its outcome (and
 * data) copied out by the caller.
 *
 * Failure modes: killed or out of time: the record is freed when the thread is
 * done with it; a descriptor that was opened for nobody is closed, and one that
 * was to be closed is, by whoever frees the record.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gev/file.h>

#include "core/ret.h"
#include "hub/fd.h"
#include "hub/wait.h"
#include "sync/offload.h"

struct file_job {
    struct gev__offload o;
    ssize_t n;      /* what the call returned, or -Exxx */
    int fd;         /* argument; -1: none */
    int flags;      /* of open */
    mode_t mode;    /* of open */
    size_t len;     /* of data */
    off_t offset;   /* of pread, pwrite */
    struct stat st; /* of stat, fstat */
    char data[];    /* bytes to write or read, or the path */
};

static struct file_job *of(struct gev__offload *o)
{
    return GEV__CONTAINER(o, struct file_job, o);
}

static ssize_t outcome(ssize_t n)
{
    return n < 0 ? -errno : n;
}

static void do_open(struct gev__offload *o)
{
    struct file_job *f = of(o);

    f->n = outcome(open(f->data, f->flags | O_CLOEXEC, f->mode));
}

/* Opened, and nobody is there to take it. */
static void undo_open(struct gev__offload *o)
{
    if (o->job.ran && of(o)->n >= 0) {
        close((int)of(o)->n);
    }
}

static void do_pread(struct gev__offload *o)
{
    struct file_job *f = of(o);

    f->n = outcome(pread(f->fd, f->data, f->len, f->offset));
}

static void do_pwrite(struct gev__offload *o)
{
    struct file_job *f = of(o);

    f->n = outcome(pwrite(f->fd, f->data, f->len, f->offset));
}

static void do_fsync(struct gev__offload *o)
{
    of(o)->n = outcome(fsync(of(o)->fd));
}

static void do_fdatasync(struct gev__offload *o)
{
    of(o)->n = outcome(fdatasync(of(o)->fd));
}

static void do_stat(struct gev__offload *o)
{
    of(o)->n = outcome(stat(of(o)->data, &of(o)->st));
}

static void do_fstat(struct gev__offload *o)
{
    of(o)->n = outcome(fstat(of(o)->fd, &of(o)->st));
}

static void do_close(struct gev__offload *o)
{
    of(o)->n = outcome(close(of(o)->fd));
}

/* It is closed whatever happens. */
static void undo_close(struct gev__offload *o)
{
    if (!o->job.ran) {
        do_close(o);
    }
}

/* A record with room for @len bytes. Return: 0, -ENOMEM or as gev__enter(). */
static int begin(struct gev__hub **ret_hub, const char *name, size_t len,
                 struct file_job **ret)
{
    struct file_job *f;
    int rc = gev__enter(ret_hub);

    if (rc < 0) {
        return rc;
    }
    f = len < PTRDIFF_MAX - sizeof *f ? malloc(sizeof *f + len) : NULL;
    if (!f) {
        return -ENOMEM;
    }
    memset(f, 0, sizeof *f);
    f->o.name = name;
    f->fd = -1;
    f->len = len;
    *ret = f;
    return 0;
}

/* The same with a path in it. */
static int begin_path(struct gev__hub **ret_hub, const char *name,
                      const char *path, struct file_job **ret)
{
    size_t len = path ? strlen(path) + 1 : 0;
    struct file_job *f;
    int rc = begin(ret_hub, name, len, &f);

    if (rc < 0) {
        return rc;
    }
    if (!path) {
        free(f);
        return -EFAULT;
    }
    memcpy(f->data, path, len);
    *ret = f;
    return 0;
}

static int run(struct gev__hub *hub, struct file_job *f,
               void (*fn)(struct gev__offload *o))
{
    f->o.fn = fn;
    return gev__offload_run(hub, &f->o, INFINITY);
}

/* What a call returns after run() gave @rc; below 0 @f is gone. */
static ssize_t finish(int rc, struct file_job *f)
{
    ssize_t n = rc;

    if (rc == 0) {
        n = f->n;
        free(f);
    }
    return gev__ret(n);
}

int gev_file_open(const char *path, int flags, mode_t mode)
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin_path(&hub, "file open", path, &f);

    if (rc == 0) {
        f->flags = flags;
        f->mode = mode;
        f->o.undo = undo_open;
        rc = run(hub, f, do_open);
    }
    if (rc == 0 && f->n >= 0) {
        gev__fd_closing(hub, (int)f->n); /* whatever the number was before */
    }
    return (int)finish(rc, f);
}

ssize_t gev_file_pread(int fd, void *buf, size_t len, off_t offset)
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin(&hub, "file read", len, &f);

    if (rc == 0) {
        f->fd = fd;
        f->offset = offset;
        rc = run(hub, f, do_pread);
    }
    if (rc == 0 && f->n > 0) {
        memcpy(buf, f->data, (size_t)f->n);
    }
    return finish(rc, f);
}

ssize_t gev_file_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin(&hub, "file write", len, &f);

    if (rc == 0) {
        f->fd = fd;
        f->offset = offset;
        if (len > 0) {
            memcpy(f->data, buf, len);
        }
        rc = run(hub, f, do_pwrite);
    }
    return finish(rc, f);
}

/* A call that has a descriptor only. */
static int with_fd(int fd, const char *name, void (*fn)(struct gev__offload *o))
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin(&hub, name, 0, &f);

    if (rc == 0) {
        f->fd = fd;
        rc = run(hub, f, fn);
    }
    return (int)finish(rc, f);
}

int gev_file_fsync(int fd)
{
    return with_fd(fd, "file fsync", do_fsync);
}

int gev_file_fdatasync(int fd)
{
    return with_fd(fd, "file fdatasync", do_fdatasync);
}

/* After run() gave @rc. */
static int finish_stat(int rc, struct file_job *f, struct stat *ret)
{
    if (rc == 0 && f->n == 0) {
        *ret = f->st;
    }
    return (int)finish(rc, f);
}

int gev_file_stat(const char *path, struct stat *ret)
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin_path(&hub, "file stat", path, &f);

    if (rc == 0) {
        rc = run(hub, f, do_stat);
    }
    return finish_stat(rc, f, ret);
}

int gev_file_fstat(int fd, struct stat *ret)
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin(&hub, "file stat", 0, &f);

    if (rc == 0) {
        f->fd = fd;
        rc = run(hub, f, do_fstat);
    }
    return finish_stat(rc, f, ret);
}

/* By a thread if one takes it. Only -EPERM leaves it open. */
static int close_file(int fd)
{
    struct gev__hub *hub;
    struct file_job *f = NULL;
    int rc = begin(&hub, "file close", 0, &f);

    if (rc == -EPERM) {
        return rc;
    }
    if (gev__hub_tls) {
        gev__fd_closing(gev__hub_tls, fd);
    }
    if (rc < 0) { /* killed, out of time or memory: it is closed all the same */
        return close(fd) < 0 ? -errno : rc;
    }
    f->fd = fd;
    f->o.must_run = true;
    f->o.undo = undo_close;
    rc = run(hub, f, do_close);
    if (rc == 0) {
        rc = (int)f->n;
        free(f);
    }
    return rc == -EAGAIN ? 0 : rc; /* closed at once, by undo_close() */
}

int gev_file_close(int fd)
{
    int saved = errno, rc;

    if (fd < 0) {
        return (int)gev__ret(-EBADF);
    }
    rc = close_file(fd);
    errno = saved;
    return (int)gev__ret(rc);
}
