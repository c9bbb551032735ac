/* SPDX-License-Identifier: MIT */
/*
 * gev_choose(): one of several sends and receives.
 *
 * Happy path: the cases are looked at once; of those that are possible one is
 * drawn and done. If none is, each gets a record in the line of its channel,
 * with a copy of what it sends, and the greenlet parks. Whoever meets one of
 * the records completes that case and ends the wait with its index; from then
 * on the other records are passed over. The greenlet takes them all out when it
 * runs, and copies what it received.
 *
 * Failure modes: no memory for a record (those made before are given back);
 * time, a kill (none of the cases is done); a channel is closed or freed (its
 * case is chosen, with that error).
 */
#include <limits.h>

#include "sync/channel.h"

/* xorshift, one per thread: a draw must be cheap, not secret. */
static uint32_t draw(void)
{
    static _Thread_local uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static bool is_possible(const struct gev_case *c)
{
    struct gev_channel *ch = c->channel;

    if (ch->closed) {
        return true;
    }
    return c->op == GEV_SEND
               ? gev__channel_first(&ch->receivers) || ch->n < ch->capacity
               : ch->n || gev__channel_first(&ch->senders);
}

/* Draws one of those that are possible; -1 if none is. */
static int draw_case(const struct gev_case *cases, size_t n)
{
    uint32_t n_possible = 0;
    int chosen = -1;

    for (size_t i = 0; i < n; i++) {
        if (!cases[i].channel || !is_possible(&cases[i])) {
            continue;
        }
        n_possible++;
        if (n_possible == 1 || draw() % n_possible == 0) {
            chosen = (int)i;
        }
    }
    return chosen;
}

static int do_case(struct gev_case *c)
{
    return c->op == GEV_SEND ? gev__channel_try_send(c->channel, c->value)
                             : gev__channel_try_recv(c->channel, c->ret_value);
}

static int check(const struct gev_case *c)
{
    const void *value = c->op == GEV_SEND ? c->value : c->ret_value;

    if (c->op != GEV_SEND && c->op != GEV_RECV) {
        return -EINVAL;
    }
    if (!c->channel) {
        return 0;
    }
    if (!value && c->channel->item_size) {
        return -EINVAL;
    }
    return gev__object_check(&c->channel->object);
}

static int check_all(const struct gev_case *cases, size_t n, double timeout)
{
    if ((!cases && n) || n > INT_MAX || !gev__secs_ok(timeout)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        int rc = check(&cases[i]);

        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* The channels must outlive the yield of an entry. */
static void hold_all(const struct gev_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (cases[i].channel) {
            cases[i].channel->object.n_inside++;
        }
    }
}

/* Gives the index of a case whose channel was freed meanwhile, or -1. */
static int let_go_all(const struct gev_case *cases, size_t n)
{
    int freed = -1;

    for (size_t i = 0; i < n; i++) {
        if (cases[i].channel) {
            freed = cases[i].channel->object.freed ? (int)i : freed;
            gev__object_leave(&cases[i].channel->object);
        }
    }
    return freed;
}

/* Puts a record into the line of each case; the first, chained, or NULL. */
static struct gev__waiter *line_up(struct gev__hub *hub,
                                   const struct gev_case *cases, size_t n)
{
    struct gev__waiter *all = NULL;

    for (size_t i = 0; i < n; i++) {
        struct gev_channel *ch = cases[i].channel;
        struct gev__waiter *w;

        if (!ch) {
            continue;
        }
        if (gev__waiter_reserve(ch) < 0) {
            goto err_records;
        }
        w = gev__waiter_take(hub, ch);
        w->index = (int)i;
        w->next = all;
        all = w;
        if (cases[i].op == GEV_SEND) {
            gev__channel_copy(ch, w->value, cases[i].value);
            gev__list_push(&ch->senders, &w->link);
        } else {
            gev__list_push(&ch->receivers, &w->link);
        }
    }
    return all;

err_records:
    while (all) {
        struct gev__waiter *w = all;

        all = w->next;
        gev__list_remove(&w->link);
        gev__waiter_give(w);
    }
    return NULL;
}

static void finish_case(struct gev_case *chosen, const struct gev__waiter *w)
{
    chosen->error = w->error;
    if (!w->error && chosen->op == GEV_RECV) {
        gev__channel_copy(w->ch, chosen->ret_value, w->value);
    }
}

/* Takes the records out, and the value of the chosen one. */
static void collect(struct gev__waiter *all, struct gev_case *cases, int chosen)
{
    while (all) {
        struct gev__waiter *w = all;

        all = w->next;
        if (w->index == chosen) {
            finish_case(&cases[chosen], w);
        } else { /* the chosen one was taken out of its line */
            gev__list_remove(&w->link);
        }
        gev__waiter_give(w);
    }
}

static bool any_channel(const struct gev_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (cases[i].channel) {
            return true;
        }
    }
    return false;
}

static int wait_for_one(struct gev__hub *hub, struct gev_case *cases, size_t n,
                        double timeout)
{
    static const char *const name = "choice among channels";
    struct gev__waiter *all = line_up(hub, cases, n);
    int chosen;

    if (!all && any_channel(cases, n)) {
        return -ENOMEM;
    }
    chosen = gev__park_as(hub, GEV__WAIT_OTHER, (void *)(uintptr_t)&name,
                          gev__deadline(timeout), NULL);
    collect(all, cases, chosen);
    return chosen;
}

/* As gev__object_begin(); @ret_freed: a case whose channel went, or -1. */
static int enter(const struct gev_case *cases, size_t n, double timeout,
                 struct gev__hub **ret_hub, int *ret_freed)
{
    int rc;

    *ret_freed = -1;
    *ret_hub = gev__hub_tls;
    if (__builtin_expect(gev__may_enter(*ret_hub, GEV__MEMORY_COST), 1)) {
        return 0;
    }
    rc = gev__hub_start(ret_hub);
    if (rc < 0 || gev__only_tries(*ret_hub, timeout)) {
        return rc;
    }
    hold_all(cases, n);
    rc = gev__enter_slow(ret_hub);
    *ret_freed = let_go_all(cases, n);
    return rc;
}

int gev_choose(struct gev_case *cases, size_t n, double timeout)
{
    struct gev__hub *hub;
    int chosen;
    int rc = check_all(cases, n, timeout);

    if (rc == 0) {
        rc = enter(cases, n, timeout, &hub, &chosen);
    }
    if (rc != 0) {
        return (int)gev__ret(rc);
    }
    if (chosen >= 0) {
        cases[chosen].error = EBADF;
        return chosen;
    }
    chosen = draw_case(cases, n);
    if (chosen >= 0) {
        rc = do_case(&cases[chosen]);
        cases[chosen].error = rc < 0 ? -rc : 0;
        return chosen;
    }
    if (timeout == 0) {
        return (int)gev__ret(-ETIMEDOUT);
    }
    return (int)gev__ret(wait_for_one(hub, cases, n, timeout));
}
