/* SPDX-License-Identifier: MIT */
/*
 * The model's run queue and main: every rule of the headers once, without
 * regard to speed
 */
#include "model_state.h"

static void line_up(int who, const struct op *op)
{
    switch (op->what) {
    case PUT:
        push(&m.q[op->object].putters, who, op->value);
        break;
    case GET:
    case PEEK:
        push(&m.q[op->object].getters, who, 0);
        break;
    case JOIN:
        push(&m.q[op->object].joiners, who, 0);
        break;
    case SEND:
        push(&m.ch[op->object].senders, who, 0);
        break;
    case RECV:
        push(&m.ch[op->object].receivers, who, 0);
        break;
    case CHOOSE:
        push(&m.ch[op->object].receivers, who, 0);
        if (op->other >= 0) {
            push(&m.ch[op->other].senders, who, 1);
        }
        break;
    case ACQUIRE:
        push(&m.acquirers, who, 0);
        break;
    default:
        push(&m.waiters, who, 0);
    }
    m.tasks[who].state = PARKED;
}

static bool never_waits(enum what what)
{
    return what == TASK_DONE || what == RELEASE || what == SET || what == CLEAR;
}

static void note(int who, int op, int rc, int value)
{
    m.h->entries[m.h->n++] = (struct entry){who, op, rc, value};
}

/* After that a task does no more. */
static bool is_last(int rc)
{
    return rc == -ETIMEDOUT || rc == -EBADF || rc >= 20;
}

/* Begins operations until one has to wait. */
static void go_on(int who)
{
    struct task *t = &m.tasks[who];
    struct action *a = &m.p->actions[who];

    for (; t->op < a->n_ops; t->op++) {
        struct op *op = &a->ops[t->op];
        int rc = -ECANCELED, value = 0;

        if (t->killed && !never_waits(op->what)) {
        } else if (!try_op(op, &rc, &value)) {
            if (op->limit != TRY) {
                line_up(who, op);
                return;
            }
            rc = -ETIMEDOUT;
        } else if (op->what == WAIT && op->limit != TRY && rc == 0 &&
                   m.n_resumed < m.woken_until && !t->requeued) {
            t->requeued = true; /* behind those that were woken */
            t->state = READY;
            push(&m.ready, who, 0);
            return;
        }
        note(who, t->op, rc, rc < 0 ? 0 : value);
        if (is_last(rc)) {
            break;
        }
    }
    t->state = DEAD;
}

/* A wait is over: what does the operation come to? */
static int result_of(struct task *t, const struct op *op)
{
    int i = op->object;

    t->value = op->what == RECV || op->what == CHOOSE ? t->value : 0;
    if (t->wake == 0 && (op->what == GET || op->what == PEEK)) {
        m.q[i].n_promised--;
        if (t->killed) {
            settle(i);
            return -ECANCELED;
        }
        if (!m.q[i].items.n) {
            return -EPIPE;
        }
        t->value = take(i, op->what == PEEK);
    }
    return t->wake;
}

static void resume(int who)
{
    struct task *t = &m.tasks[who];

    m.n_resumed++;
    if (t->state == NEW) {
        go_on(who);
        return;
    }
    if (t->requeued) {
        t->requeued = false;
        note(who, t->op, 0, 0);
    } else {
        int rc = result_of(t, op_of(who));

        note(who, t->op, rc, rc < 0 ? 0 : t->value);
        if (is_last(rc)) {
            t->state = DEAD;
            return;
        }
    }
    t->value = 0;
    t->op++;
    go_on(who);
}

static void run_until_main(void)
{
    push(&m.ready, MAIN, 0);
    for (;;) {
        int who = m.ready.v[0];

        remove_at(&m.ready, 0);
        if (who == MAIN) {
            m.n_resumed++;
            return;
        }
        resume(who);
    }
}

static void settle_all(void)
{
    for (int i = 0; i < SETTLING_YIELDS; i++) {
        run_until_main();
    }
}

static void kill_task(int who)
{
    struct task *t = &m.tasks[who];

    if (m.p->actions[who].act != SPAWN || t->state == DEAD) {
        return;
    }
    t->killed = true;
    if (t->state == NEW) {
        remove_task(&m.ready, who);
        t->state = DEAD;
    } else if (t->state == PARKED) {
        wake(who, -ECANCELED);
    }
}

static void expire_limits(void)
{
    for (int who = 0; who < m.p->n; who++) {
        if (m.p->actions[who].act == SPAWN && m.tasks[who].state == PARKED &&
            op_of(who)->limit == LIMITED) {
            wake(who, -ETIMEDOUT);
        }
    }
}

static void shut_down(int i, bool immediate)
{
    m.q[i].closed = true;
    wake_line(&m.q[i].putters, -EPIPE);
    wake_line(&m.q[i].getters, -EPIPE);
    if (immediate) {
        int n = m.q[i].items.n;

        m.q[i].items.n = 0;
        finish_tasks(i, n);
    }
}

static void end_line(struct line *l, int result)
{
    while (l->n) {
        bool chose = op_of(l->v[0])->what == CHOOSE;

        int choice = l->item[0] + (result == -EBADF ? 20 : 10);

        wake(l->v[0], chose ? choice : result);
    }
}

static void free_all(void)
{
    for (int i = 0; i < N_QUEUES; i++) {
        wake_line(&m.q[i].getters, -EBADF);
        wake_line(&m.q[i].joiners, -EBADF);
        wake_line(&m.q[i].putters, -EBADF);
    }
    for (int i = 0; i < N_CHANNELS; i++) {
        end_line(&m.ch[i].receivers, -EBADF);
        end_line(&m.ch[i].senders, -EBADF);
    }
    wake_line(&m.acquirers, -EBADF);
    wake_line(&m.waiters, -EBADF);
}

static void act(int i)
{
    struct action *a = &m.p->actions[i];
    int rc = 0, value = 0;

    switch (a->act) {
    case SPAWN:
        push(&m.ready, i, 0);
        break;
    case DO:
        rc = try_op(&a->ops[0], &rc, &value) ? rc : -ETIMEDOUT;
        note(MAIN, i, rc, rc < 0 ? 0 : value);
        break;
    case KILL:
        kill_task(a->target);
        break;
    case YIELD:
        run_until_main();
        break;
    case SHUTDOWN:
        shut_down(a->target, a->value);
        break;
    case CLOSE:
        m.ch[a->target].closed = true;
        end_line(&m.ch[a->target].receivers, -EPIPE);
        end_line(&m.ch[a->target].senders, -EPIPE);
        break;
    case EXPIRE:
        settle_all();
        expire_limits();
        settle_all();
    }
}

void model_run(struct program *p, struct history *h)
{
    memset(&m, 0, sizeof m);
    memset(h, 0, sizeof *h);
    m.p = p;
    m.h = h;
    for (int i = 0; i < p->n; i++) {
        act(i);
    }
    settle_all();
    free_all();
    settle_all();
}
