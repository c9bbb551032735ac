/* SPDX-License-Identifier: MIT */
/*
 * A model of queues, channels, semaphores and events: what random programs must
 * do, by plain arrays and a run queue that is an array too
 *
 * A program is a list of actions of main. Some spawn a greenlet with a few
 * operations. model_run() says which operation comes to which result, in order.
 */
#ifndef TESTS_SYNC_MODEL_H
#define TESTS_SYNC_MODEL_H

#include <stdbool.h>

enum { MAX_ACTIONS = 60, MAX_OPS = 3, MAX_LOG = 400, MAIN = -1 };
enum { N_QUEUES = 3, N_CHANNELS = 2 }; /* FIFO, LIFO, priority */
enum { SETTLING_YIELDS = 40 };

/* What a greenlet, or main, does to an object. */
enum what {
    PUT,
    GET,
    PEEK,
    TASK_DONE,
    JOIN,
    SEND,
    RECV,
    CHOOSE, /* receive from @object or send to @other, channels */
    ACQUIRE,
    RELEASE,
    SET,
    CLEAR,
    WAIT,
    N_WHATS
};

/* How long it may wait. */
enum limit { TRY, LIMITED, FOREVER };

struct op {
    enum what what;   /* what to do */
    enum limit limit; /* how long to wait */
    int object;       /* number of the queue or channel */
    int other;        /* CHOOSE: number of the channel to send to, or -1 */
    int value;        /* to put or to send: 1, 2, ... */
};

enum act {
    SPAWN,    /* a greenlet with these operations */
    DO,       /* the first operation, by main, which does not wait */
    KILL,     /* the greenlet of an earlier action */
    YIELD,    /* let others run */
    SHUTDOWN, /* a queue; value 1: immediately */
    CLOSE,    /* a channel */
    EXPIRE    /* let others run, then wait until all limits are over */
};

struct action {
    enum act act; /* what main does */
    int target;   /* KILL: which action; SHUTDOWN, CLOSE: which object */
    int value;    /* SHUTDOWN: immediately? */
    int n_ops;    /* in @ops */
    struct op ops[MAX_OPS]; /* one after the other, until one times out */
};

struct program {
    int n;                              /* actions */
    int maxsize[N_QUEUES];              /* 0: no limit */
    int capacity[N_CHANNELS];           /* 0: rendezvous */
    struct action actions[MAX_ACTIONS]; /* then: settle, free all, settle */
};

/* An operation that came to its end. */
struct entry {
    int who;   /* action that spawned it, or MAIN */
    int op;    /* which of its operations; of main: which action */
    int rc;    /* 0 or -errno; CHOOSE: the case, 10 + case if closed, or
                  20 + case if freed */
    int value; /* that was received, or 0 */
};

struct history {
    int n;                         /* entries */
    struct entry entries[MAX_LOG]; /* in the order in which they happened */
};

/**
 * model_run() - what the program must do
 *
 * Where a choice would be open the program is changed, so that it is not.
 */
void model_run(struct program *p, struct history *h);

#endif
