/* SPDX-License-Identifier: MIT */
/*
 * An exchange: a request as it was read, and its response as it is written.
 *
 * A connection has one from the first byte of a request until there is nothing
 * left to answer. Then it goes back to the server, with its buffers, and serves
 * the next connection: while handlers do not wait, all connections use the same
 * few kilobytes, which the cache likes.
 *
 *   in    | head, kept     | what was used | bytes not looked at | room |
 *         0                floor           at                    end    size
 *
 * The head stays where it is until the handler has returned, since strings are
 * pieces of it. If it leaves too little room for the body, the body gets a
 * buffer of its own and the head's is @kept.
 *
 *   out   | earlier responses | this one, as far as it is not sent |
 *         0                   mark                                 len   size
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <gev/http.h>

#include "http/arena.h"
#include "http/body.h"
#include "http/head.h"
#include "http/server.h"

/* Bytes collected before they are sent; one buffer of the pool. */
#define GEV__HTTP_OUT_SIZE ((size_t)16 << 10)

struct gev__http_in {
    char *p;      /* from the pool, or NULL */
    size_t size;  /* of it */
    size_t floor; /* end of what must stay */
    size_t at;    /* first byte not used yet */
    size_t end;   /* end of what was received */
    char *kept;   /* former buffer with the head in it, or NULL */
    size_t kept_size;
};

struct gev__http_out {
    char *p;      /* from the pool, or NULL */
    size_t size;  /* of it */
    size_t len;   /* bytes to be sent */
    size_t mark;  /* where this response begins, if nothing of it was sent */
    size_t chunk; /* where the chunk that is open begins; 0: none */
};

/* What a client that is slow to take bytes has taken; see clock.c. */
struct gev__http_slow {
    bool looked;    /* the rest is valid */
    uint64_t first; /* bytes taken at the first look … */
    uint64_t since; /* … in this tick */
    uint64_t last;  /* bytes taken at the last look */
    uint64_t moved; /* tick of the last look that found more */
};

/* How far the request's body has been read. */
enum gev__http_body_state {
    GEV__HTTP_BODY_NONE,   /* there is none, or all of it was read */
    GEV__HTTP_BODY_UNREAD, /* not begun */
    GEV__HTTP_BODY_READING,
    GEV__HTTP_BODY_FAILED, /* see error */
};

struct gev__http_in_body {
    uint8_t state;     /* enum gev__http_body_state */
    bool had;          /* @decoder is of this request */
    int error;         /* errno of further reads when FAILED */
    int status;        /* to answer with then; 0: no answer */
    int64_t max;       /* content bytes at most */
    const char *piece; /* content not given out yet … */
    size_t len;        /* … and how much */
    size_t used;       /* bytes of the buffer to drop with it */
    uint64_t received; /* bytes, for the minimum rate … */
    uint64_t waited;   /* … and ticks spent waiting for them */
    struct gev__http_body decoder;
};

/* How far the response has come. */
enum gev__http_stage {
    GEV__HTTP_NOTHING, /* of the head */
    GEV__HTTP_STREAM,  /* the head, and pieces of the body */
    GEV__HTTP_DONE,    /* all of it */
    GEV__HTTP_TAKEN,   /* by the handler */
};

/* A field of the response; strings are in the arena. */
struct gev__http_out_field {
    const char *name;
    const char *value;
    uint32_t name_len;
    uint32_t value_len;
};

struct gev__http_response {
    uint8_t stage;                      /* enum gev__http_stage */
    bool chosen;                        /* gev_http_status() was called */
    bool sent;                          /* part of it has left */
    bool own_date;                      /* the handler set Date */
    bool own_server;                    /* the handler set Server */
    bool close;                         /* the connection ends with it */
    bool no_body;                       /* HEAD, 204, 304 … */
    bool chunked;                       /* the body is */
    bool until_close;                   /* the body ends with the connection */
    bool promised_set;                  /* gev_http_set_length() */
    bool aborted;                       /* it was cut off */
    int code;                           /* status */
    int64_t promised;                   /* bytes of the body; -1: not known */
    uint64_t written;                   /* bytes of the body so far */
    struct gev__http_out_field *fields; /* in the arena */
    uint32_t n_fields;
    uint32_t max_fields;
    const char *lines; /* more of the head, ready; borrowed, or NULL … */
    size_t n_lines;    /* … bytes */
};

/**
 * struct gev_http - an exchange
 */
struct gev_http {
    struct gev__http_conn *c;
    struct gev_http *next; /* in gev_http_server.spare */
    struct gev__http_in in;
    struct gev__http_out out;
    struct gev__http_response re;
    struct gev__arena arena;
    const char *path; /* decoded, or NULL: not yet */
    const char *host; /* copied out of the target, or NULL: not yet */
    double began;     /* for the log */
    bool complete;    /* the head is: the request may be looked at */
    bool continued;   /* "100 Continue" is sent, or need not be */
    struct gev__http_slow slow;
    struct gev__http_head head;
    struct gev__http_in_body body;
    struct gev__http_field fields[]; /* of the head: limits.max_fields */
};

/**
 * gev__http_take() - an exchange for a connection, made if none is spare
 *
 * Return:    NULL without memory
 */
struct gev_http *gev__http_take(struct gev__http_conn *c);

/**
 * gev__http_give() - give a connection's exchange back
 */
void gev__http_give(struct gev__http_conn *c);

/**
 * gev__http_drop_buffers() - give its buffers back, whatever is in them
 */
void gev__http_drop_buffers(struct gev_http *x);

/**
 * gev__http_spare_free() - free all spare ones
 */
void gev__http_spare_free(struct gev_http_server *s);

/**
 * gev__http_reset() - be ready for the next request on the same connection
 *
 * What was deferred runs. Bytes received and bytes to be sent stay.
 */
void gev__http_reset(struct gev_http *x);

/**
 * gev__http_log() - a response is over: count it, and tell the access log
 */
void gev__http_log(struct gev_http *x);

#endif
