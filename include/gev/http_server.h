/* SPDX-License-Identifier: MIT */
/*
 * gev/http_server.h - who listens, limits and stops for the handlers of
 * gev/http.h
 *
 * Every limit has a default that suits a server on the open internet. What
 * breaks one is answered with the status that says so, and the connection is
 * closed once the client had the time to read it.
 */
#ifndef GEV_HTTP_SERVER_H
#define GEV_HTTP_SERVER_H

#include <sys/types.h>

#include <gev/base.h>
#include <gev/http.h>

GEV_BEGIN_DECLS

struct gev_http_server;

/**
 * struct gev_http_options - limits of a server; grows at its end only
 *
 * Filled in by gev_http_options_init(). Durations are in seconds; GEV_FOREVER
 * is no limit. They are kept to within a tenth of the shortest one.
 */
struct gev_http_options {
    size_t struct_size;     /* set by gev_http_options_init() */
    int backlog;            /* as gev_listen(): 0 for its default */
    unsigned listen_flags;  /* as gev_listen(): GEV_REUSEPORT ... */
    size_t max_line;        /* request line: 8 KiB; more is 414 */
    size_t max_head;        /* request line and fields: 32 KiB; more is 431 */
    size_t max_headers;     /* fields: 100; more is 431 */
    int64_t max_body;       /* 8 MiB; more is 413 */
    size_t max_drain;       /* of a body nobody read, to keep the connection:
                               64 KiB */
    size_t max_connections; /* 10,000, then they queue in the kernel; 0: no
                               limit */
    unsigned max_requests;  /* on a connection: 10,000; 0: no limit */
    unsigned min_rate;      /* bytes per second of a body that a client must
                               send, and take (not of UNIX sockets), on average;
                               it counts once the client was waited for during
                               10 s, so nor does silence last longer: 512; 0:
                               none */
    double header_timeout;  /* first to last byte of a head: 10; then 408 */
    double body_timeout;    /* without a byte of a body: 30; then 408. So long a
                               pause has who was fast before, see min_rate */
    double write_timeout;   /* without a byte taken: 30; then it is aborted.
                               Likewise */
    double idle_timeout;    /* between requests: 15; then it is closed */
    double linger_timeout;  /* after an error, for the client to read it: 2 */
    const char *server;     /* Server field, copied; NULL: none */
};

/**
 * gev_http_options_init() - fill in the defaults
 * @o:    the options
 * @size: sizeof(struct gev_http_options) as the caller knows it
 */
GEV_API void gev_http_options_init(struct gev_http_options *o, size_t size);

/**
 * gev_http_server_new() - a server
 * @addr:    where to listen, as gev_listen(); NULL: see
 *           gev_http_server_listen()
 * @handler: called for each request
 * @arg:     for @handler; not a pointer into a run stack
 * @o:       limits, copied; NULL for the defaults
 *
 * Return:    the server, or NULL with errno set: EINVAL (no handler, options
 *            that make no sense), EFAULT, ENOMEM, ENOTSUP (the HTTP parser that
 *            is linked does not pass its self-test), or as gev_listen()
 */
GEV_API struct gev_http_server *
gev_http_server_new(const char *addr, gev_http_handler *handler, void *arg,
                    const struct gev_http_options *o);

/**
 * gev_http_server_free() - stop at once and free, as gev_server_free()
 * @s: a server, or NULL
 *
 * Handlers still running are killed; they may end after this call.
 */
GEV_API void gev_http_server_free(struct gev_http_server *s);

/**
 * gev_http_server_listen() - listen at one more address
 *
 * Return:    the listening descriptor, owned by the server; or -1 with errno as
 *            gev_server_listen()
 */
GEV_API int gev_http_server_listen(struct gev_http_server *s, const char *addr);

/**
 * gev_http_server_adopt() - serve a connection that somebody else accepted
 * @fd: a connected stream socket, taken over: closed also on failure
 *
 * Return:    0, or -1 with errno: EINVAL, EBADF, ENOTCONN, ENOMEM
 */
GEV_API int gev_http_server_adopt(struct gev_http_server *s, int fd);

/**
 * gev_http_server_start() - begin to accept, as gev_server_start()
 */
GEV_API int gev_http_server_start(struct gev_http_server *s);

/**
 * gev_http_server_stop() - stop, gracefully
 * @s:     a server
 * @grace: seconds that requests under way have
 *
 * Listeners and idle connections are closed at once. Requests that have begun
 * to arrive are answered, with "Connection: close"; what overstays is killed.
 *
 * Switches:  while there are connections
 * Return:    as gev_server_stop()
 */
GEV_API int gev_http_server_stop(struct gev_http_server *s, double grace);

/**
 * gev_http_server_run() - start, and wait until it is stopped
 *
 * Return:    as gev_server_run()
 */
GEV_API int gev_http_server_run(struct gev_http_server *s);

/**
 * gev_http_server_stop_on_signals() - let SIGINT and SIGTERM stop it
 *
 * A second signal kills what is still running at once.
 *
 * Return:    as gev_server_stop_on_signals()
 */
GEV_API int gev_http_server_stop_on_signals(struct gev_http_server *s,
                                            double grace);

/**
 * struct gev_http_stats - what a server has done; grows at its end only
 */
struct gev_http_stats {
    size_t connections;    /* open ones */
    size_t idle;           /* of these, between requests */
    uint64_t accepted;     /* connections ever taken */
    uint64_t requests;     /* handed to the handler */
    uint64_t responses[6]; /* finished ones, by hundreds: [2] is 2xx */
    uint64_t refused;      /* not HTTP, or beyond a limit: 4xx or 5xx */
    uint64_t timeouts;     /* times a client was too slow */
    uint64_t aborted;      /* responses cut off */
    uint64_t bytes_in;     /* received */
    uint64_t bytes_out;    /* sent */
};

/**
 * gev_http_server_stats() - read the counters
 * @ret:  filled in
 * @size: sizeof(struct gev_http_stats) as the caller knows it
 *
 * Return:    0, or -1 with errno EINVAL
 */
GEV_API int gev_http_server_stats(const struct gev_http_server *s,
                                  struct gev_http_stats *ret, size_t size);

GEV_END_DECLS

#endif
