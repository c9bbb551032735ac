/* SPDX-License-Identifier: MIT */
/*
 * A server's time limits, and its date.
 */
#ifndef HTTP_CLOCK_H
#define HTTP_CLOCK_H

#include "http/server.h"

/**
 * gev__http_clock_init() - from s->o; nothing runs yet
 */
void gev__http_clock_init(struct gev_http_server *s);

/**
 * gev__http_clock_start() - a connection begins: have the sweeper run
 *
 * Return:    0 or -Exxx as gev_spawn()
 */
int gev__http_clock_start(struct gev_http_server *s);

/**
 * gev__http_clock_add() - put a connection into the wheel
 */
void gev__http_clock_add(struct gev__http_conn *c);

/**
 * gev__http_clock_move() - its deadline is before its check: a slot earlier on
 */
void gev__http_clock_move(struct gev__http_conn *c);

/**
 * gev__http_clock_stop_idle() - tell idle connections that the server stops
 */
void gev__http_clock_stop_idle(struct gev_http_server *s);

/**
 * gev__http_clock_wake() - let a parked sweeper look
 */
void gev__http_clock_wake(struct gev_http_server *s);

/* How often a client that is slow to take bytes is looked at. */
static inline uint64_t gev__http_look_after(const struct gev_http_server *s)
{
    const struct gev__http_ticks *t = &s->clock.limits;
    uint64_t least = s->o.min_rate && t->grace < t->write ? t->grace : t->write;

    return least < GEV__HTTP_NEVER ? least / 8 : GEV__HTTP_NEVER;
}

/**
 * gev__http_limit() - from now on a connection waits, so long at most
 * @state: what for
 * @ticks: of struct gev__http_ticks, or GEV__HTTP_NEVER
 *
 * Costs nothing but a few stores, unless this limit is nearer than the last.
 */
static inline void gev__http_limit(struct gev__http_conn *c,
                                   enum gev__http_state state, uint64_t ticks)
{
    uint64_t now = c->server->clock.now;

    c->state = (uint8_t)state;
    /* The tick that is under way does not count. */
    c->deadline = ticks < GEV__HTTP_NEVER ? now + ticks + 1 : GEV__HTTP_NEVER;
    if (__builtin_expect(c->deadline < c->check, 0)) {
        gev__http_clock_move(c);
    }
}

#endif
