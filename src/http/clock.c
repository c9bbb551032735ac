/* SPDX-License-Identifier: MIT */
/*
 * Time limits of all connections, for next to nothing
 *
 * Time is counted in ticks, by one greenlet per server, the sweeper. So a limit
 * is a sum of integers: no clock is read and no timer is moved for a request.
 * Ticks that come late, because the process was busy, are late for everybody:
 * no client is blamed for it.
 *
 *      slots   [ 0 ][ 1 ][ 2 ] ... [63]        tick t looks at slot t % 64
 *                |         |
 *              conns     conns that are to be looked at in that tick
 *
 * A connection stays in its slot while its deadline moves away, which it does
 * with each request. When its slot's turn comes, it either has passed, or the
 * connection goes to the slot of its deadline, or as far as the wheel reaches.
 * Only a deadline nearer than its slot moves it at once.
 *
 * Happy path: 10,000 connections with a request each second and a limit of 15 s
 * are moved once in 12 s each.
 *
 * Failure modes
 *   the limit has passed   the greenlet that waits in the transport is woken with
 *                          ETIMEDOUT, and finds c->expired
 *   it is not parked       it has been woken already: looked at again next tick
 *   slow to take bytes     what the peer acknowledged tells whether any moved:
 *                          the deadline goes on from there
 *   no memory to sleep     the sweeper ends; the next connection starts it anew
 */
#include "http/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/greenlet.h"
#include "http/exchange.h"
#include "hub/wait.h"

/* Seconds in which nobody is too slow for the minimum rate. */
#define RATE_GRACE 10.0

#define TICK_MIN 0.01
#define TICK_MAX 0.2

static uint64_t in_ticks(const struct gev__http_clock *k, double secs)
{
    return secs < 1e9 ? (uint64_t)ceil(secs / k->tick) : GEV__HTTP_NEVER;
}

void gev__http_clock_init(struct gev_http_server *s)
{
    struct gev__http_clock *k = &s->clock;
    double least = fmin(fmin(s->o.header_timeout, s->o.body_timeout),
                        fmin(s->o.write_timeout, s->o.idle_timeout));

    least = fmin(least, s->o.linger_timeout) / 10;
    k->tick = fmin(fmax(least, TICK_MIN), TICK_MAX);
    gev__list_init(&k->sleepers);
    for (int i = 0; i < GEV__HTTP_SLOTS; i++) {
        gev__list_init(&k->slots[i]);
    }
    k->limits = (struct gev__http_ticks){
        .header = in_ticks(k, s->o.header_timeout),
        .body = in_ticks(k, s->o.body_timeout),
        .write = in_ticks(k, s->o.write_timeout),
        .idle = in_ticks(k, s->o.idle_timeout),
        .linger = in_ticks(k, s->o.linger_timeout),
        .grace = in_ticks(k, RATE_GRACE),
    };
}

/* Puts a connection into the slot of its deadline, or the farthest. */
static void put(struct gev__http_conn *c)
{
    struct gev__http_clock *k = &c->server->clock;
    uint64_t last = k->now + GEV__HTTP_SLOTS - 1;

    c->check = c->deadline < last ? c->deadline : last;
    if (c->check <= k->now) {
        c->check = k->now + 1;
    }
    gev__list_push(&k->slots[c->check % GEV__HTTP_SLOTS], &c->link);
}

void gev__http_clock_add(struct gev__http_conn *c)
{
    put(c);
}

void gev__http_clock_move(struct gev__http_conn *c)
{
    gev__list_remove(&c->link);
    put(c);
}

/* Ends its wait, if it is still waiting. */
static void wake(struct gev__http_conn *c, int err)
{
    gev__wake(c->waiter, gev__seq(c->waiter), err);
}

static bool is_parked(const struct gev__http_conn *c)
{
    return c->waiter && c->waiter->hub_state == GEV__PARKED;
}

/* Bytes that the peer has taken so far, as far as the kernel tells: of UNIX
   sockets it tells what is queued, which changes if something is taken, but not
   how much went through. Return: whether it is a count. */
static bool taken(const struct gev__http_conn *c, uint64_t *ret)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int fd = c->ops->fd ? c->ops->fd(c->ctx) : -1, left = 0;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
        *ret = info.tcpi_bytes_acked;
        return true;
    }
    if (ioctl(fd, SIOCOUTQ, &left) < 0) {
        left = 0;
    }
    *ret = (uint64_t)left;
    return false;
}

/* Is a client that is slow to take bytes too slow? If not, when to look next
   is set. */
static bool is_stuck(struct gev__http_conn *c)
{
    const struct gev_http_server *s = c->server;
    const struct gev__http_clock *k = &s->clock;
    struct gev__http_slow *w = &c->x->slow;
    uint64_t now, waited = k->now - w->since;
    bool counted = taken(c, &now);

    if (!w->looked) {
        *w = (struct gev__http_slow){
            .looked = true, .first = now, .last = now, .since = k->now};
        w->moved = k->now;
    } else {
        if (now != w->last) {
            w->last = now;
            w->moved = k->now;
        }
        if (k->now - w->moved >= k->limits.write) {
            return true;
        }
        if (s->o.min_rate && counted && waited >= k->limits.grace &&
            (double)(now - w->first) <
                (double)s->o.min_rate * (double)waited * k->tick) {
            return true;
        }
    }
    gev__http_limit(c, GEV__HTTP_OUT, gev__http_look_after(s));
    return false;
}

/* The time has come to look at a connection. */
static void look(struct gev__http_conn *c)
{
    struct gev_http_server *s = c->server;
    int saved = errno;

    if (c->deadline > s->clock.now) {
        put(c);
        return;
    }
    if (!is_parked(c)) {
        c->deadline = s->clock.now + 1;
    } else if (c->state != GEV__HTTP_OUT || is_stuck(c)) {
        c->deadline = GEV__HTTP_NEVER;
        c->expired = true;
        wake(c, -ETIMEDOUT);
    }
    if (gev__list_empty(&c->link)) {
        put(c);
    }
    errno = saved;
}

static void set_date(struct gev_http_server *s)
{
    time_t now = time(NULL);

    if (now != s->date) {
        char *p = s->preamble + sizeof "Date: " - 1, after;

        s->date = now;
        after = p[GEV__HTTP_DATE_LEN];
        gev__http_date(now, p);
        p[GEV__HTTP_DATE_LEN] = after;
    }
}

static void tick(struct gev_http_server *s)
{
    struct gev__http_clock *k = &s->clock;
    struct gev__list due;

    k->now++;
    set_date(s);
    gev__list_init(&due);
    gev__list_splice(&due, &k->slots[k->now % GEV__HTTP_SLOTS]);
    while (!gev__list_empty(&due)) {
        look(
            GEV__CONTAINER(gev__list_shift(&due), struct gev__http_conn, link));
    }
}

/* Until there is a connection. Return: 0 or -Exxx. */
static int wait_for_work(struct gev_http_server *s)
{
    struct gev__hub *hub;
    int rc = gev__enter(&hub);

    if (rc < 0) {
        return rc;
    }
    s->clock.parked = true;
    rc = gev__server_wait(hub, &s->clock.sleepers, INFINITY);
    s->clock.parked = false;
    return rc;
}

static void *sweeper_main(void *arg)
{
    struct gev_http_server *s = arg;
    int rc = 0;

    while (rc == 0 && !(s->freed && s->stats.connections == 0)) {
        if (s->stats.connections == 0) {
            rc = wait_for_work(s);
        } else {
            rc = gev_sleep(s->clock.tick);
            tick(s);
        }
    }
    (void)gev_unref(s->clock.sweeper);
    s->clock.sweeper = NULL;
    gev__http_server_unref(s);
    return NULL;
}

void gev__http_clock_wake(struct gev_http_server *s)
{
    if (s->clock.parked) {
        gev__wake_all(&s->clock.sleepers, 0);
    }
}

int gev__http_clock_start(struct gev_http_server *s)
{
    if (s->clock.parked || !s->clock.sweeper) {
        set_date(s); /* it has not been kept */
    }
    if (s->clock.sweeper) {
        gev__http_clock_wake(s);
        return 0;
    }
    s->clock.sweeper = gev_spawn(sweeper_main, s);
    if (!s->clock.sweeper) {
        return -errno;
    }
    s->refs++;
    return 0;
}

static void stop_idle(const struct gev__list *slot)
{
    for (struct gev__list *p = slot->next; p != slot; p = p->next) {
        struct gev__http_conn *c =
            GEV__CONTAINER(p, struct gev__http_conn, link);

        if (c->state == GEV__HTTP_IDLE && is_parked(c)) {
            c->told = true;
            wake(c, -ETIMEDOUT);
        }
    }
}

void gev__http_clock_stop_idle(struct gev_http_server *s)
{
    for (int i = 0; i < GEV__HTTP_SLOTS; i++) {
        stop_idle(&s->clock.slots[i]);
    }
}
