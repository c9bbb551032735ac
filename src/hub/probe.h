/* SPDX-License-Identifier: MIT */
/*
 * The probe: catches a hub's thread in the act. Another thread asks, a signal
 * interrupts the hub's, its handler notes who runs and where.
 */
#ifndef HUB_PROBE_H
#define HUB_PROBE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <gev/greenlet.h>

#include "hub/unwind.h"

struct gev__hub;

/* gev__probe.state */
enum gev__probe_state {
    GEV__PROBE_IDLE,   /* nobody asks */
    GEV__PROBE_ASKED,  /* the signal is under way */
    GEV__PROBE_BUSY,   /* the handler is at it */
    GEV__PROBE_TAKEN,  /* what follows is filled in */
    GEV__PROBE_PASSED, /* too late: the hub has come round */
    GEV__PROBE_AGAIN,  /* in the middle of a switch: ask again */
};

/**
 * struct gev__probe - one per hub that is watched
 *
 * The handler writes between BUSY and TAKEN, the asking thread the rest.
 */
struct gev__probe {
    _Atomic int state;           /* enum gev__probe_state */
    sem_t done;                  /* posted by the handler */
    pthread_t thread;            /* whom to interrupt */
    int signo;                   /* with what */
    uint64_t beat;               /* asked for: gev__hub_beat() as it was */
    bool lenient;                /* the stack pointer may be anywhere */
    uint32_t id;                 /* of who runs */
    bool is_hub;                 /* that is the hub itself: a callback */
    bool is_main;                /* that is main */
    char name[GEV_NAME_MAX + 1]; /* its name, or "" */
    struct gev__trace trace;     /* where it is */
};

/**
 * gev__probe_open() - prepare the calling thread's hub for being caught
 * @p:     zeroed
 * @signo: the signal
 *
 * Return:    0, -EINVAL
 */
int gev__probe_open(struct gev__hub *hub, struct gev__probe *p, int signo);

/**
 * gev__probe_close() - undo, on the hub's thread, when nobody asks any more
 */
void gev__probe_close(struct gev__hub *hub, struct gev__probe *p);

/**
 * gev__probe_forget() - gev__probe_close() in the child of a fork, where nobody
 *                       asks
 */
void gev__probe_forget(struct gev__hub *hub, struct gev__probe *p);

/**
 * gev__probe_take() - interrupt the hub's thread; @p then says what it does
 * @beat: of gev__hub_beat(), when the asking thread looked
 *
 * Context:   another thread
 * Return:    1: taken; 0: the hub has come round by now; -EAGAIN: no answer
 *            (the thread blocks the signal or is in the kernel for good)
 */
int gev__probe_take(struct gev__probe *p, uint64_t beat);

/* around a fork: keeps the table of handlers still */
void gev__probe_lock(bool take_it);

#endif
