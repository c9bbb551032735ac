/* SPDX-License-Identifier: MIT */
/*
 * A server's records, shared by the files that stop it, accept for it and run
 * its handlers.
 *
 *              gev_server
 *              /        \
 *      listener ...    conn ...        one greenlet each
 *
 *   NEW --start--> RUNNING --stop, free, the last listener fails--> STOPPED
 *
 * The server lives as long as anybody refers to it: the user, each greenlet of
 * a listener or connection, each call that waits in it.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <gev/server.h>
#include <gev/signal.h>

#include "core/list.h"

struct gev__conn;
struct gev__hub;
struct gev_greenlet;

enum gev__server_state {
    GEV__SERVER_NEW,
    GEV__SERVER_RUNNING,
    GEV__SERVER_STOPPED
};

#define GEV__SERVER_N_SIGNALS 2

/* What a server of a higher layer keeps with each connection, and is told. */
struct gev__server_hooks {
    size_t room; /* bytes for it with each connection, cleared */
    void (*begin)(struct gev__conn *c); /* it is about to be served */
    void (*end)(struct gev__conn *c);   /* it was, or never will be; the
                                           descriptor is still open */
    void (*stop)(struct gev_server *s); /* it stops; perhaps again */
};

struct gev_server {
    gev_handler *handler;                  /* the user's */
    void *arg;                             /* for it */
    const struct gev__server_hooks *hooks; /* or NULL */
    size_t refs;                           /* see the top */
    enum gev__server_state state;
    int spare;                  /* descriptor to shed with, or -1 */
    int error;                  /* -Exxx of the last listener that failed */
    size_t n_stops;             /* calls of gev_server_stop() under way */
    size_t n_inside;            /* of these, made by own handlers */
    struct gev__list listeners; /* of gev__listener.link: open ones */
    struct gev__list paused;    /* of gev_greenlet.link: acceptors that wait for
                                  a handler to end */
    struct gev__list waiters;   /* of gev_greenlet.link: in stop and run */
    double grace;               /* for signals */
    unsigned n_signals;         /* that came */
    struct gev_signal *signals[GEV__SERVER_N_SIGNALS]; /* watched, or NULL */
    struct gev_server_stats stats; /* its counts are the ones in use */
};

/* A listening socket and who accepts from it. */
struct gev__listener {
    struct gev__list link;         /* in gev_server.listeners while open */
    struct gev_server *server;     /* borrowed, as long as it is in the list;
                                  referenced by @acceptor */
    struct gev_greenlet *acceptor; /* referenced; NULL before the start */
    int fd;                        /* -1: closed */
    double delay;                  /* of the last back-off; 0: all is well */
    char *path;                    /* UNIX path to unlink, or NULL */
    dev_t dev;                     /* what was made there … */
    ino_t ino; /* … so that nothing else is unlinked … */
    pid_t pid; /* … and not by the child of a fork */
};

/* A connection: the data of the greenlet that serves it. Small, since there is
   one per idle connection. */
struct gev__conn {
    struct gev_server *server; /* referenced */
    int fd;                    /* the connection */
    bool kept;                 /* gev_server_keep() was called */
    bool stopping;             /* its handler is in gev_server_stop() */
    uint8_t peer_len;          /* bytes of the address */
    _Alignas(8) char room[];   /* gev__server_hooks.room bytes, and then the
                                  address */
};

/* What the hooks' owner keeps with a connection. */
static inline void *gev__conn_room(struct gev__conn *c)
{
    return c->room;
}

/* The peer's address; of UNIX ones all of a sockaddr_un, padded with NUL. */
static inline const struct sockaddr *gev__conn_peer(const struct gev__conn *c)
{
    size_t room = c->server->hooks ? c->server->hooks->room : 0;

    return (const struct sockaddr *)(const void *)(c->room + room);
}

/**
 * gev__server_ref(), gev__server_unref() - who refers to it; the last one frees
 */
void gev__server_ref(struct gev_server *s);
void gev__server_unref(struct gev_server *s);

/**
 * gev__server_wait() - wait in one of a server's lists
 * @waiters:  &s->paused or &s->waiters
 * @deadline: absolute, INFINITY for none
 *
 * Switches:  yes
 * Return:    0 when woken, or as gev__park()
 */
int gev__server_wait(struct gev__hub *hub, struct gev__list *waiters,
                     double deadline);

/**
 * gev__server_wake() - something changed: let gev_server_stop(), _run() look
 */
void gev__server_wake(struct gev_server *s);

/**
 * gev__listener_start() - spawn its acceptor
 *
 * Return:    0 or -Exxx as gev_spawn()
 */
int gev__listener_start(struct gev__listener *l);

/**
 * gev__listener_undo_start() - take back a start whose acceptor has not run
 */
void gev__listener_undo_start(struct gev__listener *l);

/**
 * gev__listener_open() - listen and join the server's list
 * @ret: the listener
 *
 * Return:    0 or -Exxx
 */
int gev__listener_open(struct gev_server *s, const char *addr, int backlog,
                       unsigned flags, struct gev__listener **ret);

/**
 * gev__listener_close() - close it, unlink its path
 *
 * Its acceptor, if there is one, ends and frees it; else this call does.
 */
void gev__listener_close(struct gev__listener *l);

/**
 * gev__conn_start() - serve a connection in a greenlet of its own
 * @fd: taken over: closed also on failure
 *
 * Return:    0 or -Exxx as gev_spawn()
 */
int gev__conn_start(struct gev_server *s, int fd, const struct sockaddr *peer,
                    socklen_t len);

/**
 * gev__conn_kill_all() - kill handlers, without waiting for their ends
 *
 * Those that are in gev_server_stop(), and the caller, are left out.
 */
void gev__conn_kill_all(struct gev_server *s);

/**
 * gev__conn_current() - the connection that the current greenlet serves
 *
 * Return:    NULL if it is no handler
 */
struct gev__conn *gev__conn_current(void);

#endif
