/* SPDX-License-Identifier: MIT */
/*
 * The model's objects: what an operation comes to at once
 */
#include "model_state.h"

struct model m;

const struct op *op_of(int who)
{
    return &m.p->actions[who].ops[m.tasks[who].op];
}

/* Ends a wait: out of all lines, into the run queue. */
void wake(int who, int result)
{
    for (int i = 0; i < N_QUEUES; i++) {
        remove_task(&m.q[i].getters, who);
        remove_task(&m.q[i].putters, who);
        remove_task(&m.q[i].joiners, who);
    }
    for (int i = 0; i < N_CHANNELS; i++) {
        remove_task(&m.ch[i].senders, who);
        remove_task(&m.ch[i].receivers, who);
    }
    remove_task(&m.acquirers, who);
    remove_task(&m.waiters, who);
    m.tasks[who].state = READY;
    m.tasks[who].wake = result;
    push(&m.ready, who, 0);
}

void wake_line(struct line *l, int result)
{
    while (l->n) {
        wake(l->v[0], result);
    }
}

static int n_free(int i)
{
    int n = m.q[i].items.n - m.q[i].n_promised;

    return n > 0 ? n : 0;
}

static bool has_room(int i)
{
    return !m.p->maxsize[i] || n_free(i) < m.p->maxsize[i];
}

/* Where in the array the item is that comes out next. */
static int next_item(int i)
{
    const struct line *l = &m.q[i].items;
    int best = 0;

    if (i == 1) {
        return l->n - 1;
    }
    for (int k = 1; i == 2 && k < l->n; k++) {
        if (l->v[k] / 4 < l->v[best] / 4) { /* of equal ones the oldest */
            best = k;
        }
    }
    return best;
}

void settle(int i)
{
    for (;;) {
        if (n_free(i) && m.q[i].getters.n) {
            m.q[i].n_promised++;
            wake(m.q[i].getters.v[0], 0);
        } else if (m.q[i].putters.n && has_room(i)) {
            push(&m.q[i].items, m.q[i].putters.item[0], 0);
            m.q[i].n_unfinished++;
            wake(m.q[i].putters.v[0], 0);
        } else {
            return;
        }
    }
}

int take(int i, bool stays)
{
    int at = next_item(i);
    int value = m.q[i].items.v[at];

    if (!stays) {
        remove_at(&m.q[i].items, at);
    }
    settle(i);
    return value;
}

void finish_tasks(int i, int n)
{
    m.q[i].n_unfinished -= n;
    if (m.q[i].n_unfinished < 0) { /* dropped after its task_done */
        m.q[i].n_unfinished = 0;
    }
    if (!m.q[i].n_unfinished) {
        wake_line(&m.q[i].joiners, 0);
    }
}

/* The operations: 1 done, with @rc and @value; 0: it would have to wait. */
static int try_queue(const struct op *op, int *rc, int *value)
{
    int i = op->object;

    *rc = 0;
    if (op->what == PUT) {
        if (m.q[i].closed) {
            *rc = -EPIPE;
        } else if (has_room(i)) {
            push(&m.q[i].items, op->value, 0);
            m.q[i].n_unfinished++;
            settle(i);
        } else {
            return 0;
        }
    } else if (op->what == TASK_DONE) {
        *rc = m.q[i].n_unfinished ? 0 : -EINVAL;
        if (*rc == 0) {
            finish_tasks(i, 1);
        }
    } else if (op->what == JOIN) {
        return !m.q[i].n_unfinished;
    } else if (n_free(i)) {
        *value = take(i, op->what == PEEK);
    } else {
        *rc = -EPIPE;
        return m.q[i].closed;
    }
    return 1;
}

/* Completes the first wait in a line of a channel; gives its value. */
static int meet(struct line *l, int value)
{
    int who = l->v[0];
    int i = l->item[0];

    if (op_of(who)->what == RECV || (op_of(who)->what == CHOOSE && i == 0)) {
        m.tasks[who].value = value;
    }
    value = op_of(who)->value;
    wake(who, i);
    return value;
}

static int try_send(int c, int value, int *rc)
{
    *rc = m.ch[c].closed ? -EPIPE : 0;
    if (*rc == 0 && m.ch[c].receivers.n) {
        meet(&m.ch[c].receivers, value);
    } else if (*rc == 0 && m.ch[c].items.n < m.p->capacity[c]) {
        push(&m.ch[c].items, value, 0);
    } else {
        return *rc != 0;
    }
    return 1;
}

static int try_recv(int c, int *rc, int *value)
{
    *rc = 0;
    if (m.ch[c].items.n) {
        *value = m.ch[c].items.v[0];
        remove_at(&m.ch[c].items, 0);
        if (m.ch[c].senders.n) {
            push(&m.ch[c].items, meet(&m.ch[c].senders, 0), 0);
        }
    } else if (m.ch[c].senders.n) {
        *value = meet(&m.ch[c].senders, 0);
    } else {
        *rc = -EPIPE;
        return m.ch[c].closed;
    }
    return 1;
}

static int try_choose(struct op *op, int *rc, int *value)
{
    int c = op->object;
    bool may_recv = m.ch[c].items.n || m.ch[c].senders.n || m.ch[c].closed;

    if (may_recv) {
        op->other = -1; /* or it could be either */
        try_recv(c, rc, value);
        *rc = *rc < 0 ? 10 : 0;
        return 1;
    }
    if (op->other >= 0 && try_send(op->other, op->value, rc)) {
        *rc = *rc < 0 ? 11 : 1;
        return 1;
    }
    return 0;
}

static int try_other(const struct op *op, int *rc)
{
    *rc = 0;
    if (op->what == ACQUIRE) {
        return m.units > 0 ? m.units-- : 0;
    }
    if (op->what == RELEASE) {
        if (m.acquirers.n) {
            wake(m.acquirers.v[0], 0);
        } else {
            m.units++;
        }
    } else if (op->what == SET) {
        bool any = m.waiters.n > 0;

        m.set = true;
        wake_line(&m.waiters, 0);
        if (any) {
            m.woken_until = m.n_resumed + m.ready.n;
        }
    } else if (op->what == CLEAR) {
        m.set = false;
    } else {
        return m.set;
    }
    return 1;
}

int try_op(struct op *op, int *rc, int *value)
{
    switch (op->what) {
    case SEND:
        return try_send(op->object, op->value, rc);
    case RECV:
        return try_recv(op->object, rc, value);
    case CHOOSE:
        return try_choose(op, rc, value);
    case ACQUIRE:
    case RELEASE:
    case SET:
    case CLEAR:
    case WAIT:
        return try_other(op, rc);
    default:
        return try_queue(op, rc, value);
    }
}
