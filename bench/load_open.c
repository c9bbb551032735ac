/* SPDX-License-Identifier: MIT */
/*
 * load_open - the open loop: operation k is due at begin + k / rate.
 *
 * It belongs to connection k mod n. One that is still busy then gets it as soon
 * as it is free; its latency counts from when it was due all the same.
 */
#include "load.h"

#include "clock.h"

#include <sched.h>
#include <string.h>
#include <sys/epoll.h>

#define MAX_EVENTS 1024

/* Where the schedule stands. */
struct schedule {
    double interval; /* nanoseconds between operations */
    uint64_t n_due;  /* operations whose time has come */
    uint64_t n_all;  /* operations in all */
};

/* When operation @k is due. */
static uint64_t due(const struct load_phase *p, const struct schedule *s,
                    uint64_t k)
{
    return p->begin + (uint64_t)((double)k * s->interval);
}

/* Begins the connection's next operation, if it is due. */
static void begin_if_due(struct load_phase *p, const struct schedule *s,
                         struct client *c)
{
    uint64_t k = c->n_begun * load_opt.n_busy + (uint64_t)(c - load_clients);

    if (c->busy || k >= s->n_due) {
        return;
    }
    c->busy = true;
    c->n_begun++;
    c->start = due(p, s, k);
    p->n_begun++;
    client_send(c, load_epfd, load_opt.size);
}

static void advance(struct load_phase *p, struct schedule *s, uint64_t now)
{
    while (s->n_due < s->n_all && due(p, s, s->n_due) <= now) {
        uint64_t k = s->n_due++;
        begin_if_due(p, s, &load_clients[k % load_opt.n_busy]);
    }
}

static void on_done(struct load_phase *p, const struct schedule *s,
                    struct client *c)
{
    hist_add(&p->latency, clock_ns() - c->start);
    c->busy = false;
    begin_if_due(p, s, c);
}

void load_open(struct load_phase *p, double rate)
{
    static struct epoll_event events[MAX_EVENTS];
    uint64_t heard = clock_ns();

    p->begin = heard;
    struct schedule s = {.interval = 1e9 / rate};
    s.n_all = (uint64_t)((double)(p->deadline - p->begin) / s.interval);
    for (uint32_t i = 0; i < load_opt.n_busy; i++) {
        load_clients[i].n_begun = 0;
    }
    while (p->latency.n < s.n_all) {
        uint64_t now = clock_ns();
        advance(p, &s, now);
        int n = epoll_wait(load_epfd, events, MAX_EVENTS, 0);
        if (n == 0) {
            /* The kernel delivers to this core by a thread of its own when
             * there is much: a load that spins keeps it waiting for 4 ms. */
            sched_yield();
        }
        for (int i = 0; i < n; i++) {
            if (load_receive_event(events[i].data.ptr, events[i].events)) {
                on_done(p, &s, events[i].data.ptr);
            }
        }
        heard = n > 0 || p->latency.n == p->n_begun ? now : heard;
        if (now - heard > LOAD_STALL_MS * 1000000ull) {
            load_stalled(p->n_begun - p->latency.n);
        }
    }
    p->end = clock_ns();
}
