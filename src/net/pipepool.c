/* SPDX-License-Identifier: MIT */
/*
 * Pipes are kept since making one and enlarging it costs more than moving a
 * short message through it. Few are: each relay needs one only while bytes are
 * on the way, and descriptors are scarce.
 *
 * Failure modes
 *   no descriptors        the caller moves the bytes through a buffer
 *   F_SETPIPE_SZ refused  (pipe-user-pages-soft, pipe(7)) it stays at its size
 *   fork                  the child would share the pipes' bytes with its
 *                         parent: it closes its copies, and makes its own
 */
#include "net/pipepool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/part.h"

#define KEEP 8

/* A hub's empty pipes. */
struct pool {
    struct gev__part part;
    size_t n;
    struct gev__pipe pipe[KEEP];
};

static void close_pipe(struct gev__pipe p)
{
    int saved = errno;

    (void)close(p.rd);
    (void)close(p.wr);
    errno = saved;
}

static void close_all(struct pool *pool)
{
    while (pool->n > 0) {
        close_pipe(pool->pipe[--pool->n]);
    }
}

static void on_fork(struct gev__part *part)
{
    close_all(GEV__CONTAINER(part, struct pool, part));
}

static void on_end(struct gev__part *part)
{
    on_fork(part);
    free(GEV__CONTAINER(part, struct pool, part));
}

static const struct gev__part_kind kind = {.end = on_end, .fork = on_fork};

static struct pool *pool_of(struct gev__hub *hub)
{
    struct gev__part *part = gev__part_find(hub, &kind);

    return part ? GEV__CONTAINER(part, struct pool, part) : NULL;
}

static int make_pipe(struct gev__pipe *ret)
{
    int saved = errno, fds[2], err;

    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
        err = -errno;
        errno = saved;
        return err;
    }
    (void)fcntl(fds[1], F_SETPIPE_SZ, (int)GEV__PIPE_SIZE);
    errno = saved;
    ret->rd = fds[0];
    ret->wr = fds[1];
    return 0;
}

int gev__pipe_get(struct gev__hub *hub, struct gev__pipe *ret)
{
    struct pool *pool = pool_of(hub);

    if (pool && pool->n > 0) {
        *ret = pool->pipe[--pool->n];
        return 0;
    }
    return make_pipe(ret);
}

void gev__pipe_put(struct gev__hub *hub, struct gev__pipe p, bool empty)
{
    struct pool *pool = empty ? pool_of(hub) : NULL;

    if (empty && !pool) {
        pool = calloc(1, sizeof *pool);
        if (pool) {
            gev__part_add(hub, &pool->part, &kind);
        }
    }
    if (!pool || pool->n == KEEP) {
        close_pipe(p);
        return;
    }
    pool->pipe[pool->n++] = p;
}

size_t gev__pipe_count(void)
{
    struct pool *pool = gev__hub_tls ? pool_of(gev__hub_tls) : NULL;

    return pool ? pool->n : 0;
}
