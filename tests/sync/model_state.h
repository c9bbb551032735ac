/* SPDX-License-Identifier: MIT */
/*
 * What the model's two files share: its state
 */
#ifndef TESTS_SYNC_MODEL_STATE_H
#define TESTS_SYNC_MODEL_STATE_H

#include <errno.h>
#include <string.h>

#include "model.h"

enum state { NEW, READY, PARKED, DEAD };

/* A line, a run queue, the items of a queue. */
struct line {
    int n;             /* how many */
    int v[MAX_LOG];    /* first come first */
    int item[MAX_LOG]; /* what goes along */
};

struct task {
    enum state state; /* where in its life */
    int op;           /* which operation */
    bool killed;      /* and so are all its operations */
    int wake;         /* what its wait came to */
    int value;        /* received */
    bool requeued;    /* in an event's wait that is over */
};

struct model {
    struct program *p;
    struct history *h;
    struct task tasks[MAX_ACTIONS];
    struct line ready; /* of actions, or MAIN */
    long n_resumed;    /* as the hub counts */
    struct {
        struct line items, getters, putters, joiners;
        int n_promised, n_unfinished;
        bool closed;
    } q[N_QUEUES];
    struct {
        struct line items, senders, receivers; /* item: case of a choice */
        bool closed;
    } ch[N_CHANNELS];
    struct line acquirers, waiters;
    int units;
    bool set;
    long woken_until;
};

extern struct model m;

static inline void push(struct line *l, int v, int item)
{
    l->v[l->n] = v;
    l->item[l->n++] = item;
}

static inline void remove_at(struct line *l, int i)
{
    l->n--;
    for (; i < l->n; i++) {
        l->v[i] = l->v[i + 1];
        l->item[i] = l->item[i + 1];
    }
}

static inline void remove_task(struct line *l, int who)
{
    for (int i = l->n - 1; i >= 0; i--) {
        if (l->v[i] == who) {
            remove_at(l, i);
        }
    }
}

/* The operation that a task is in. */
const struct op *op_of(int who);

/* Ends a wait: out of all lines, into the run queue. */
void wake(int who, int result);
void wake_line(struct line *l, int result);

/* Queue @i: an item or a promise has gone, who can goes on. */
void settle(int i);

/* The next item of queue @i, which is there. */
int take(int i, bool stays);

/* @n items of queue @i have been dealt with. */
void finish_tasks(int i, int n);

/* Does an operation: 1 done, with @rc and @value; 0: it would have to wait. */
int try_op(struct op *op, int *rc, int *value);

#endif
