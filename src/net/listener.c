/* SPDX-License-Identifier: MIT */
/*
 * A server's listener: a greenlet that accepts, and when not to
 *
 * Happy path: accept, spawn a handler, again; after 64 in a row the others have
 * their turn. At max_connections the acceptor waits for a handler to end, and
 * connections queue in the kernel.
 *
 * Failure modes
 *   EMFILE, ENFILE, ENOBUFS, ENOMEM
 *        A handler that ends will free what lacks: accepting pauses until one
 *        does, or for 10 ms, doubling to 1 s; connections queue in the kernel.
 *        Where no handler runs, or the pause has grown to 1 s without a success,
 *        nothing of ours will free a descriptor: what has queued is shed, taken
 *        with the spare one and closed, so that clients are told.
 *   EBADF, EINVAL, ENOTSOCK   the listener is gone: it ends. With the last one
 *        the server is stopped.
 *   killed (gev_shutdown())   it ends
 *   any other                 as EMFILE, without shedding
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "hub/wait.h"
#include "net/accept.h"
#include "net/listen.h"
#include "net/server.h"

#define BURST     64 /* accepts, or sheds, before the others have their turn */
#define DELAY_MIN 0.010
#define DELAY_MAX 1.0

#define UNIX_PREFIX "unix:"

/* Remembers which file bind(2) made, so that stopping removes no other. */
static int remember_path(struct gev__listener *l, const char *addr)
{
    const char *path = addr + sizeof UNIX_PREFIX - 1;
    struct stat st;

    if (strncmp(addr, UNIX_PREFIX, sizeof UNIX_PREFIX - 1) != 0 ||
        path[0] == '@' || lstat(path, &st) < 0) {
        return 0;
    }
    l->path = strdup(path);
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    l->pid = getpid();
    return l->path ? 0 : -ENOMEM;
}

static void unlink_path(struct gev__listener *l)
{
    struct stat st;
    int saved = errno;

    if (l->path && l->pid == getpid() && lstat(l->path, &st) == 0 &&
        st.st_dev == l->dev && st.st_ino == l->ino) {
        (void)unlink(l->path);
    }
    free(l->path);
    l->path = NULL;
    errno = saved;
}

int gev__listener_open(struct gev_server *s, const char *addr, int backlog,
                       unsigned flags, struct gev__listener **ret)
{
    struct gev__listener *l = calloc(1, sizeof *l);
    int rc;

    if (!l) {
        return -ENOMEM;
    }
    rc = gev__listen(addr, backlog, flags);
    if (rc < 0) {
        free(l);
        return rc;
    }
    l->server = s;
    l->fd = rc;
    gev__list_push(&s->listeners, &l->link);
    s->stats.listeners++;
    rc = remember_path(l, addr);
    if (rc < 0) {
        gev__listener_close(l);
        return rc;
    }
    *ret = l;
    return 0;
}

/* Frees one whose greenlet has ended, or was never there. */
static void listener_free(struct gev__listener *l)
{
    struct gev_greenlet *acceptor = l->acceptor;
    struct gev_server *s = l->server;

    free(l);
    if (acceptor) {
        (void)gev_unref(acceptor);
        gev__server_unref(s);
    }
}

void gev__listener_close(struct gev__listener *l)
{
    if (l->fd >= 0) {
        unlink_path(l);
        (void)gev_close(l->fd);
        l->fd = -1;
        gev__list_remove(&l->link);
        l->server->stats.listeners--;
        gev__wake_all(&l->server->paused, 0);
    }
    if (l->acceptor && gev_state(l->acceptor) == GEV_NEW) {
        (void)gev_kill(l->acceptor, 0); /* the hub may end before it runs */
    }
    if (!l->acceptor || gev_state(l->acceptor) == GEV_DEAD) {
        listener_free(l);
    }
}

/* Takes connections with the spare descriptor and closes them. */
static void shed(struct gev__listener *l)
{
    struct gev_server *s = l->server;

    if (s->spare < 0) {
        return;
    }
    close(s->spare);
    for (int i = 0; i < BURST; i++) {
        int fd = gev__accept_now(l->fd);
        if (fd < 0) {
            break;
        }
        close(fd);
        s->stats.shed++;
    }
    int saved = errno;
    s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    errno = saved;
}

/* Accepting failed with @err: pauses. Return: 0 or -Exxx as gev__park(). */
static int back_off(struct gev__listener *l, int err)
{
    struct gev_server *s = l->server;
    bool no_fds = err == -EMFILE || err == -ENFILE;
    struct gev__hub *hub;
    int rc;

    s->stats.backoffs++;
    if (no_fds && (s->stats.connections == 0 || l->delay >= DELAY_MAX)) {
        shed(l);
    }
    l->delay = l->delay > 0 ? fmin(2 * l->delay, DELAY_MAX) : DELAY_MIN;
    rc = gev__enter(&hub);
    if (rc == 0) {
        rc = gev__server_wait(hub, &s->paused, gev__deadline(l->delay));
    }
    return rc == -ETIMEDOUT || rc == -ENOMEM ? 0 : rc; /* then go on at once */
}

/* Whether accepting may go on. Waits while the server is full. */
static int wait_for_room(struct gev__listener *l)
{
    struct gev_server *s = l->server;
    struct gev__hub *hub;
    int rc = 0;

    if (!s->stats.max_connections ||
        s->stats.connections < s->stats.max_connections) {
        return 0;
    }
    s->stats.pauses++;
    while (rc == 0 && l->fd >= 0 && s->stats.max_connections &&
           s->stats.connections >= s->stats.max_connections) {
        rc = gev__enter(&hub);
        if (rc == 0) {
            rc = gev__server_wait(hub, &s->paused, INFINITY);
        }
    }
    return rc;
}

static bool is_fatal(int err)
{
    return err == -EBADF || err == -EINVAL || err == -ENOTSOCK ||
           err == -EOPNOTSUPP || err == -ECANCELED;
}

/* Takes one connection. Return: 0, or -Exxx when the listener is to end. */
static int accept_one(struct gev__listener *l)
{
    struct gev_server *s = l->server;
    struct sockaddr_storage peer;
    struct sockaddr *sa = (struct sockaddr *)&peer;
    socklen_t len = sizeof peer;
    int fd = gev__accept(l->fd, sa, &len, &s->stats.aborted);

    if (fd >= 0) {
        s->stats.accepted++;
        fd = gev__conn_start(s, fd, sa, len);
        if (fd < 0) {
            s->stats.shed++;
        }
    }
    if (fd >= 0) {
        l->delay = 0;
        return 0;
    }
    return is_fatal(fd) ? fd : back_off(l, fd);
}

/* The acceptor is through. A listener that failed may be the last one. */
static void acceptor_end(struct gev__listener *l, int err)
{
    struct gev_server *s = l->server;

    if (l->fd >= 0) { /* nobody told it to end */
        s->error = err == -ECANCELED ? s->error : err;
        unlink_path(l);
        (void)gev_close(l->fd);
        l->fd = -1;
        gev__list_remove(&l->link);
        if (--s->stats.listeners == 0) {
            s->state = GEV__SERVER_STOPPED;
        }
    }
    gev__server_wake(s);
    listener_free(l);
}

static void *acceptor_main(void *arg)
{
    struct gev__listener *l = arg;
    unsigned n = 0;
    int rc = 0;

    while (rc == 0 && l->fd >= 0) {
        rc = wait_for_room(l);
        if (rc == 0 && l->fd >= 0) {
            rc = accept_one(l);
        }
        if (rc == 0 && ++n % BURST == 0 && gev_yield() < 0) {
            rc = errno == ENOMEM ? 0 : -errno;
        }
    }
    acceptor_end(l, rc);
    return NULL;
}

int gev__listener_start(struct gev__listener *l)
{
    l->acceptor = gev_spawn(acceptor_main, l);
    if (!l->acceptor) {
        return -errno;
    }
    gev__server_ref(l->server);
    return 0;
}

void gev__listener_undo_start(struct gev__listener *l)
{
    if (l->acceptor) {
        (void)gev_kill(l->acceptor, 0); /* it is NEW: it never runs */
        (void)gev_unref(l->acceptor);
        l->acceptor = NULL;
        gev__server_unref(l->server);
    }
}
