/* SPDX-License-Identifier: MIT */
/*
 * A connection of a server: its greenlet and what is cleaned up after it
 *
 * Happy path: start() spawns; the handler returns; the hub tells on_served(),
 * which closes the descriptor and tells the server.
 *
 * Failure modes
 *   no memory to spawn        the connection is closed, the caller counts it
 *   killed before it started  the hub tells on_served() all the same
 *   handler calls gev_exit()  likewise
 */
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "core/greenlet.h"
#include "core/ret.h"
#include "hub/spawn.h"
#include "hub/wait.h"
#include "net/server.h"

static struct gev__conn *conn_of(struct gev_greenlet *g)
{
    return (struct gev__conn *)(void *)g->extra->data;
}

/* The greenlet has ended, or will never run: undo gev__conn_start(). */
static void on_served(struct gev_greenlet *g)
{
    struct gev__conn *c = conn_of(g);
    struct gev_server *s = c->server;

    if (s->hooks) {
        s->hooks->end(c);
    }
    if (!c->kept) {
        (void)gev_close(c->fd);
    }
    s->stats.connections--;
    gev__wake_all(&s->paused, 0);
    gev__server_wake(s);
    gev__server_unref(s);
}

static void *conn_main(void *arg)
{
    struct gev__conn *c = arg;

    c->server->handler(c->fd, gev__conn_peer(c), c->server->arg);
    return NULL;
}

/* Bytes kept of an address. The handler is not told its length, so that of a
 * UNIX one, which has no fixed length, gets all its room. */
static size_t peer_room(const struct sockaddr *peer, socklen_t len)
{
    return peer->sa_family == AF_UNIX ? sizeof(struct sockaddr_un) + 1 : len;
}

static int start(struct gev_server *s, int fd, const struct sockaddr *peer,
                 socklen_t len)
{
    size_t room = peer_room(peer, len);
    size_t extra = s->hooks ? s->hooks->room : 0;
    struct gev__hub *hub;
    struct gev__conn *c;
    void *data;
    int rc = gev__hub_start(&hub);

    if (rc < 0) {
        return rc;
    }
    hub->on_served = on_served;
    rc = gev__spawn_with(hub, conn_main, sizeof *c + extra + room, GEV__SERVES,
                         &data);
    if (rc < 0) {
        return rc;
    }
    c = data;
    *c = (struct gev__conn){.server = s, .fd = fd, .peer_len = (uint8_t)room};
    memset(c->room, 0, extra + room);
    memcpy(c->room + extra, peer, len < room ? len : room);
    gev__server_ref(s);
    s->stats.connections++;
    if (s->hooks) {
        s->hooks->begin(c);
    }
    return 0;
}

int gev__conn_start(struct gev_server *s, int fd, const struct sockaddr *peer,
                    socklen_t len)
{
    int rc = start(s, fd, peer, len);

    if (rc < 0) {
        (void)gev_close(fd);
    }
    return rc;
}

struct killing {
    struct gev__hub *hub;
    struct gev_server *server;
};

static void kill_one(struct gev_greenlet *g, void *arg)
{
    const struct killing *k = arg;

    if ((g->flags & GEV__SERVES) && conn_of(g)->server == k->server &&
        !conn_of(g)->stopping && g != k->hub->core->current) {
        gev__kill(k->hub, g);
    }
}

void gev__conn_kill_all(struct gev_server *s)
{
    struct killing k = {.server = s};

    if (s->stats.connections == 0 || gev__hub_start(&k.hub) < 0) {
        return;
    }
    gev__server_ref(s); /* the last connection may be the last reference */
    gev__greenlet_each(k.hub->core, kill_one, &k);
    gev__server_unref(s);
}

struct gev__conn *gev__conn_current(void)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev_greenlet *g = hub ? hub->core->current : NULL;

    return g && (g->flags & GEV__SERVES) ? conn_of(g) : NULL;
}

int gev_server_keep(void)
{
    struct gev__conn *c = gev__conn_current();

    if (!c) {
        return (int)gev__ret(-EINVAL);
    }
    c->kept = true;
    return 0;
}
