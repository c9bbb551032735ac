/* SPDX-License-Identifier: MIT */
/*
 * Calls on the hub from other threads that cannot fail for want of memory: the
 * record is the caller's own.
 */
#ifndef HUB_REMOTE_H
#define HUB_REMOTE_H

#include <stdbool.h>

struct gev_hub;

/**
 * struct gev__remote - a call that another thread may ask for
 */
struct gev__remote {
    struct gev__remote *next;           /* of the hub's list */
    void (*fn)(struct gev__remote *r);  /* called on the hub */
    void (*drop)(struct gev__remote *); /* it will not be; may be NULL */
    bool asked;                         /* in the list; under the hub's lock */
};

/**
 * gev__remote_call() - have it made; nothing if it has been asked for already
 *
 * Context:   any thread, with a reference of @hub
 * Return:    0, or -ESRCH when that hub has ended
 */
int gev__remote_call(struct gev_hub *hub, struct gev__remote *r);

/**
 * gev__remote_cancel() - take it back; fine if it was made or never asked for
 */
void gev__remote_cancel(struct gev_hub *hub, struct gev__remote *r);

#endif
