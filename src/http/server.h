/* SPDX-License-Identifier: MIT */
/*
 * The records of an HTTP server, its connections and their time limits.
 *
 *      gev_http_server ---- net: gev_server, listeners, greenlets
 *        |  clock            ticks; who is too slow
 *        |  spare            exchanges that nobody uses now
 *        +- gev__http_conn   with its greenlet, small: all that an idle
 *             |              connection has
 *             +- gev_http    while a request is read or answered, with buffers
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include <gev/http_server.h>
#include <gev/stream.h>

#include "core/list.h"
#include "http/date.h"
#include "http/limits.h"
#include "net/server.h"

struct gev_greenlet;

/* Slots of the wheel; see clock.c. */
#define GEV__HTTP_SLOTS 64

/* A deadline that never comes. */
#define GEV__HTTP_NEVER UINT64_MAX

/* What a connection waits for, and so which limit holds. */
enum gev__http_state {
    GEV__HTTP_BUSY, /* for nothing of ours: the handler runs */
    GEV__HTTP_IDLE, /* for a request to begin */
    GEV__HTTP_IN,   /* for more of a head or body, or to linger */
    GEV__HTTP_OUT,  /* for the client to take what is sent */
};

/* Time limits in ticks. */
struct gev__http_ticks {
    uint64_t header, body, write, idle, linger;
    uint64_t grace; /* before the minimum rate counts */
};

/**
 * struct gev__http_clock - time in ticks, and what is due when
 */
struct gev__http_clock {
    uint64_t now;                 /* ticks since the server was made */
    double tick;                  /* seconds between them */
    struct gev_greenlet *sweeper; /* referenced; NULL if it does not run */
    bool parked;                  /* it waits for a first connection */
    struct gev__list sleepers;    /* of gev_greenlet.link: the sweeper */
    struct gev__list slots[GEV__HTTP_SLOTS]; /* of gev__http_conn.link */
    struct gev__http_ticks limits;
};

/**
 * struct gev__http_record - a response, for the access log
 *
 * Strings are NULL where the request was too broken to have them.
 */
struct gev__http_record {
    const struct sockaddr *peer;
    socklen_t peer_len;
    const char *method, *target;
    int minor;           /* of HTTP/1.x */
    int status;          /* what was answered */
    uint64_t bytes;      /* of the body */
    double seconds;      /* from the head's last byte to the response's */
    const char *referer; /* or NULL */
    const char *agent;   /* or NULL */
    bool aborted;        /* it was cut off */
};

/* Called after each response; must not wait. */
typedef void gev__http_log_fn(const struct gev__http_record *r, void *arg);

/**
 * struct gev_http_server
 */
struct gev_http_server {
    struct gev_server *net;
    gev_http_handler *handler; /* the user's */
    void *arg;                 /* for it */
    size_t refs;               /* the user, each connection, the sweeper */
    bool stopping;
    bool freed; /* by the user */
    struct gev_http_options o;
    struct gev__http_limits limits; /* the part of them for heads and bodies */
    struct gev__http_clock clock;
    struct gev_http *spare; /* chain of free exchanges */
    size_t n_spare;
    size_t n_idle; /* connections with nothing begun */
    struct gev_http_stats stats;
    gev__http_log_fn *log;          /* or NULL */
    void *log_arg;                  /* for it … */
    void (*log_end)(void *log_arg); /* … which is not needed any more */
    time_t date;                    /* what the preamble says */
    time_t complained;              /* the @date when a silent handler was
                                       reported */
    size_t preamble_len;
    char preamble[]; /* "Date: ...\r\n", "Server: ...\r\n" */
};

/**
 * struct gev__http_conn - a connection; the room beside its struct gev__conn
 */
struct gev__http_conn {
    struct gev_http_server *server; /* referenced */
    const struct gev_stream_ops *ops;
    void *ctx;                   /* for it */
    struct gev_http *x;          /* while there is anything to keep */
    struct gev_greenlet *waiter; /* the last to wait in @ops */
    struct gev__list link;       /* in a slot of the clock */
    uint64_t deadline;           /* tick after which it is too late */
    uint64_t check;      /* tick of its slot, never after @deadline … */
    uint32_t n_requests; /* heads that were read */
    uint8_t skipped;     /* bytes of empty lines since the last request */
    uint8_t state;       /* enum gev__http_state … */
    bool expired : 1;    /* … and its limit has passed */
    bool told : 1;       /* woken, since the server stops */
    bool broken : 1;     /* nothing more can be sent */
};

/**
 * gev__http_server_unref() - the last one frees it
 */
void gev__http_server_unref(struct gev_http_server *s);

/**
 * gev__http_conn_main() - serve a connection: the handler of s->net
 */
void gev__http_conn_main(int fd, const struct sockaddr *peer, void *server);

/* Its gev__server_hooks. */
void gev__http_conn_begin(struct gev__conn *c);
void gev__http_conn_end(struct gev__conn *c);

/* The connection's record in the layer below. */
static inline struct gev__conn *gev__http_conn_net(struct gev__http_conn *c)
{
    return GEV__CONTAINER(c, struct gev__conn, room);
}

#endif
