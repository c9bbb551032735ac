/* SPDX-License-Identifier: MIT */
/*
 * load_closed - the closed loop: who has its answer asks again.
 */
#include "load.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 1024

static bool connects(void)
{
    return strcmp(load_opt.mode, "connect") == 0;
}

static bool phase_open(const struct load_phase *p, uint64_t now)
{
    return p->n_begun < p->limit && now < p->deadline;
}

static void op_begin(struct load_phase *p, struct client *c, uint64_t now)
{
    c->start = now;
    p->n_begun++;
    p->n_out++;
    if (connects()) {
        client_connect(c, load_epfd, &load_opt.to, load_opt.reset);
    }
    client_send(c, load_epfd, load_opt.size);
}

static void op_end(struct load_phase *p, struct client *c)
{
    if (connects()) {
        close(c->fd);
        c->id += load_opt.n_conns; /* another pattern and source for the next */
    }
    uint64_t now = clock_ns();
    p->n_out--;
    hist_add(&p->latency, now - c->start);
    if (phase_open(p, now)) {
        op_begin(p, c, now);
    }
}

bool load_receive_event(struct client *c, uint32_t events)
{
    if (events & EPOLLOUT) {
        client_send(c, load_epfd, load_opt.size);
    }
    return events & ~(uint32_t)EPOLLOUT && client_receive(c, load_opt.size);
}

void load_stalled(uint64_t n)
{
    fprintf(stderr, "load: %llu echoes missing after %d s\n",
            (unsigned long long)n, LOAD_STALL_MS / 1000);
    exit(1);
}

void load_closed(struct load_phase *p, struct client *first, uint32_t n)
{
    static struct epoll_event events[MAX_EVENTS];

    p->begin = clock_ns();
    for (uint32_t i = 0; i < n && phase_open(p, p->begin); i++) {
        op_begin(p, &first[i], clock_ns());
    }
    while (p->n_out > 0) {
        int n_ready = epoll_wait(load_epfd, events, MAX_EVENTS, LOAD_STALL_MS);
        if (n_ready == 0) {
            load_stalled(p->n_out);
        }
        for (int i = 0; i < n_ready; i++) {
            if (load_receive_event(events[i].data.ptr, events[i].events)) {
                op_end(p, events[i].data.ptr);
            }
        }
    }
    p->end = clock_ns();
}
