/* SPDX-License-Identifier: MIT */
/*
 * gev/server.h - a greenlet per connection
 *
 *   static void echo(int fd, const struct sockaddr *peer, void *arg)
 *   {
 *       char buf[16384];
 *       ssize_t n;
 *       while ((n = gev_read(fd, buf, sizeof buf)) > 0 &&
 *              gev_writeall(fd, buf, (size_t)n) == n)
 *           ;
 *   }
 *
 *   int main(void) { return gev_serve("127.0.0.1:8888", echo, NULL) < 0; }
 *
 * A flood cannot hurt: at most max_connections handlers run at once, accepting
 * pauses meanwhile. Without descriptors (EMFILE, ENFILE) accepting pauses until
 * a handler ends or a back-off of 10 ms, doubling to 1 s, is over; where no
 * handler runs, or after the longest pause, waiting connections are shed: taken
 * with a spare descriptor and closed.
 */
#ifndef GEV_SERVER_H
#define GEV_SERVER_H

#include <sys/socket.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_server;

/**
 * typedef gev_handler - serves one connection, in a greenlet of its own
 * @fd:   the connection, closed by the server when the handler returns unless
 *        gev_server_keep() was called
 * @peer: the peer's address; valid until the handler returns, in this greenlet.
 *        Its length follows from its family; a UNIX one is NUL-padded to
 *        sizeof(struct sockaddr_un)
 * @arg:  as given to gev_server_new()
 */
typedef void gev_handler(int fd, const struct sockaddr *peer, void *arg);

/**
 * gev_server_new() - a server that does not listen yet
 * @handler: called for each connection
 * @arg:     for @handler; not a pointer into a run stack
 *
 * Return:    the server, or NULL with errno set: EINVAL, EFAULT, ENOMEM
 */
GEV_API struct gev_server *gev_server_new(gev_handler *handler, void *arg);

/**
 * gev_server_free() - stop at once and free
 * @s: a server, or NULL
 *
 * Listeners are closed and handlers still running are killed, as by
 * gev_server_stop(s, 0); they may end after this call, which does not wait. To be
 * called before gev_shutdown(), which takes their greenlets away.
 *
 * Switches:  never
 */
GEV_API void gev_server_free(struct gev_server *s);

/**
 * gev_server_max_connections() - limit the handlers that run at once
 * @s: a server
 * @n: the limit; 0, the default, is none
 *
 * At the limit the listeners are left alone, so connections queue in the
 * kernel, and go on when a handler ends. May be changed at any time.
 *
 * Return:    0, or -1 with errno EINVAL
 */
GEV_API int gev_server_max_connections(struct gev_server *s, size_t n);

/**
 * gev_server_listen() - add a listener
 * @s:       a server, running or not
 * @addr:    as gev_listen()
 * @backlog: as gev_listen()
 * @flags:   as gev_listen()
 *
 * Return:    the listening descriptor, owned by the server, or -1 with errno
 *            as gev_listen() or gev_spawn(); EINVAL once it is stopped
 */
GEV_API int gev_server_listen(struct gev_server *s, const char *addr,
                              int backlog, unsigned flags);

/**
 * gev_server_start() - begin to accept
 *
 * Connections made since gev_server_listen() have queued in the kernel.
 *
 * Switches:  never
 * Return:    0, or -1 with errno: EINVAL (no listener, or stopped), or as
 *            gev_spawn()
 */
GEV_API int gev_server_start(struct gev_server *s);

/**
 * gev_server_stop() - stop accepting, wait for the handlers, then kill
 * @s:     a server
 * @grace: seconds that running handlers have to end by themselves;
 *         GEV_FOREVER never kills
 *
 * A handler that waits for its client's next request is running, too: its wait
 * fails with ECANCELED when the grace is over, and a last word needs
 * gev_shield_begin(). Handlers that overstay are killed and waited for. Listeners are closed
 * first; a UNIX path that gev_listen() made is unlinked. With @grace 0 on the
 * hub or where waiting is not possible the kills are not waited for.
 *
 * Switches:  while handlers run
 * Return:    0, or -1 with errno as gev_join()
 */
GEV_API int gev_server_stop(struct gev_server *s, double grace);

/**
 * gev_server_run() - start, and wait until it is stopped
 * @s: a server
 *
 * Switches:  yes
 * Return:    0 after gev_server_stop() has done its work, or -1 with errno as
 *            gev_server_start(), gev_join()
 */
GEV_API int gev_server_run(struct gev_server *s);

/**
 * gev_server_stop_on_signals() - let SIGINT and SIGTERM stop it
 * @s:     a server
 * @grace: as in gev_server_stop()
 *
 * A second signal kills what is still running at once.
 *
 * Return:    0, or -1 with errno as gev_signal()
 */
GEV_API int gev_server_stop_on_signals(struct gev_server *s, double grace);

/**
 * gev_server_keep() - this handler's descriptor is not closed for it
 *
 * Called by the handler, which then owns the descriptor; it may hand it to
 * another greenlet. It no longer counts as a connection when the handler ends.
 *
 * Return:    0, or -1 with errno EINVAL (not in a handler)
 */
GEV_API int gev_server_keep(void);

/**
 * struct gev_server_stats - what a server has done; grows at its end only
 */
struct gev_server_stats {
    size_t connections;     /* handlers that run now */
    size_t max_connections; /* the limit; 0: none */
    size_t listeners;       /* open ones */
    uint64_t accepted;      /* connections ever taken */
    uint64_t shed;          /* taken and closed at once: no descriptor or no
                               memory to serve them */
    uint64_t aborted;       /* ECONNABORTED while they queued */
    uint64_t backoffs;      /* times accepting paused after an error */
    uint64_t pauses;        /* times it paused at the limit */
};

/**
 * gev_server_stats() - read the counters
 * @s:    a server
 * @ret:  filled in
 * @size: sizeof(struct gev_server_stats) as the caller knows it
 *
 * Return:    0, or -1 with errno EINVAL
 */
GEV_API int gev_server_stats(const struct gev_server *s,
                             struct gev_server_stats *ret, size_t size);

/**
 * gev_serve() - the whole of a simple server
 * @addr:    where to listen
 * @handler: called for each connection
 * @arg:     for @handler
 *
 * Raises the descriptor limit to the hard limit, listens, serves until SIGINT
 * or SIGTERM, gives handlers ten seconds, and comes back.
 *
 * Switches:  yes
 * Return:    0 after a signal, or -1 with errno as the calls it is made of
 */
GEV_API int gev_serve(const char *addr, gev_handler *handler, void *arg);

/**
 * gev_raise_fd_limit() - set RLIMIT_NOFILE to its hard limit
 *
 * Return:    the limit now in force, or -1 with errno as setrlimit(2)
 */
GEV_API long gev_raise_fd_limit(void);

GEV_END_DECLS

#endif
