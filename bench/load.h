/* SPDX-License-Identifier: MIT */
/*
 * load - what the parts of the load generator share: what the command line
 * says, the connections, and one stretch of load.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "client.h"
#include "hist.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* No reply for so long: the server is stuck. */
#define LOAD_STALL_MS 15000

/* What the command line says. */
struct load_options {
    const char *mode;      /* echo, connect, idle, flood, open */
    struct sockaddr_in to; /* the server */
    uint32_t n_conns;      /* connections in all */
    uint32_t n_busy;       /* the first so many of them send */
    uint32_t size;         /* bytes per message */
    double seconds;        /* measured window */
    double rate;           /* open: operations per second, over all */
    uint64_t n_ops;        /* or its length in operations, 0 for none */
    double warmup;         /* seconds before the window */
    pid_t pid;             /* server to read, 0 for none */
    bool reset;            /* end connections by a reset */
    bool interactive;      /* a window per line on stdin */
    bool http;             /* HTTP requests instead of messages to be echoed */
};

/* One stretch of load, from its first message to its last echo. */
struct load_phase {
    uint64_t deadline;   /* begin no operation after this, clock_ns() */
    uint64_t limit;      /* nor more than so many */
    uint64_t n_begun;    /* operations begun */
    uint64_t n_out;      /* of which still on their way */
    uint64_t begin, end; /* clock_ns() around it */
    struct hist latency; /* per operation */
};

extern struct load_options load_opt;
extern struct client *load_clients; /* load_opt.n_conns of them */
extern int load_epfd;               /* watches them all */

/**
 * load_closed() - run connections, each with one operation on its way
 * @p:     what ends it
 * @first: the connections
 * @n:     how many
 *
 * A connection begins its next operation when the last one is done, until the
 * phase is over; then the last echoes are awaited. In mode "connect" an
 * operation is connect, echo, close.
 */
void load_closed(struct load_phase *p, struct client *first, uint32_t n);

/**
 * load_open() - begin operations at a fixed rate, whatever the server does
 * @p:    what ends it; p->deadline must be finite
 * @rate: operations per second, spread over all busy connections
 *
 * Latency counts from the moment an operation was due, not from when its
 * connection was free for it, so a server that stalls is charged for all that
 * had to wait (no coordinated omission). The load spins: it never sleeps past
 * its time.
 */
void load_open(struct load_phase *p, double rate);

/**
 * load_flood() - one connection that is never empty in either direction
 *
 * As much as the socket takes is sent in pieces of load_opt.size bytes; what
 * comes back is read and compared.
 *
 * Return: bytes that came back
 */
uint64_t load_flood(void);

/** load_receive_event() - Return: true if @events end @c's operation */
bool load_receive_event(struct client *c, uint32_t events);

/** load_stalled() - say that @n echoes are missing, and end the process */
_Noreturn void load_stalled(uint64_t n);

#endif
