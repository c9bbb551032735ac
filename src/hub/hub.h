/* SPDX-License-Identifier: MIT */
/*
 * The hub's record, and the door through which every waiting call enters.
 *
 *      run turn                       poll
 *   +------------------------------+------------------------------+
 *   | resume the ready greenlets,  | libev asks the kernel; its   |--+
 *   | first come first served,     | callbacks wake greenlets:    |  |
 *   | until the queue is empty or  | they join the run queue      |  |
 *   | the turn is over             |                              |  |
 *   +------------------------------+------------------------------+  |
 *        ^                                                           |
 *        +-----------------------------------------------------------+
 */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gev/hub.h>

#include "core/greenlet.h"
#include "core/list.h"
#include "hub/loop.h"

/* gev_greenlet.hub_state: why nobody but the hub may resume it. */
enum gev__hub_state {
    GEV__FREE,    /* runs, or was switched away from by hand */
    GEV__PARKED,  /* waits for gev__wake() */
    GEV__QUEUED,  /* in the run queue */
    GEV__LATER,   /* in gev__hub.later */
    GEV__DROPPED, /* by a fork: never runs again in this process */
};

/* gev_greenlet.flags */
enum gev__greenlet_flag {
    GEV__SPAWNED = 1,  /* the hub has a reference and runs it */
    GEV__KILLED = 2,   /* gev_kill() was called */
    GEV__WAKEABLE = 4, /* parked; something outside may wake it */
    GEV__WATCHED = 8,  /* somebody joined it: its error is theirs to see */
    GEV__LISTED = 16,  /* parked, and in a list of waiters by its link */
    GEV__SERVES = 32,  /* its end is told to gev__hub.on_served */
    GEV__DEAF = 64,    /* parked; neither a kill nor time wakes it */
};

/* Calls that may do I/O before a greenlet yields to the others and to a poll.
   Sixteen reads and writes of 16 KiB take about 100 us. */
#define GEV__IO_COST   64
#define GEV__IO_BUDGET (16 * GEV__IO_COST)

/* A call that only moves memory costs so little that a poll for each sixteen
   of them would be most of it. */
#define GEV__MEMORY_COST 1

struct gev__fd;
struct gev__probe;

/**
 * struct gev__hub - a thread's hub
 */
struct gev__hub {
    struct gev__core *core;    /* the thread's greenlets */
    struct gev_greenlet *self; /* the hub's own: runs the loop */
    uint64_t serial;           /* tells it from the thread's former ones */
    struct gev__list ready;    /* run queue, of gev_greenlet.link */
    struct gev__list due;      /* the same, while polling: by time, and going
                                  before @left_over */
    struct gev__list later;    /* the same, after the next poll */
    struct gev__list calls;    /* of gev__call.link: to be made on the hub */
    struct gev__list parts;    /* of gev__part.link: kept by upper layers */
    size_t n_ready;            /* in the run queue, @due included */
    size_t n_due;              /* at its head: those that were in @due */
    size_t n_later;            /* in @later */
    int budget;                /* left to the one that runs */
    bool polling;              /* libev's callbacks are running */
    bool left_over;            /* … and the last turn did not resume all */
    bool users;                /* the last poll saw watchers of the user */
    bool interruptible;        /* main is in a gev_interruptible_begin() … */
    bool interrupted;          /* … and gev_interrupt() was called in it */
    uint32_t n_forks;          /* between the process that made it and this */
    bool forked;               /* in a child that has not looked yet */
    bool orphaned;             /* main was dropped by a fork */
    bool kept;                 /* in gev__hub_fork_keep() */
    bool tracking;             /* note spawners and when waits begin */
    size_t n_parked;           /* parked */
    size_t n_wakeable;         /* of these, with GEV__WAKEABLE; and one while
                                  @interruptible */
    size_t n_spawned;          /* with GEV__SPAWNED and alive */
    size_t n_timings;          /* greenlets that have a timer */
    size_t holds;              /* gev_hub_hold() */
    uint64_t resumes;          /* times a greenlet was resumed */
    uint64_t polls;            /* times the loop was polled */
    uint64_t budget_yields;    /* times the budget was used up */
    struct gev__loop loop;     /* libev */
    struct gev__fd **fds;      /* tables of GEV__FD_TABLE records each */
    size_t n_fd_tables;        /* how many tables @fds has room for */
    struct gev__list signals;  /* of gev__signo.link: watched ones */
    struct gev__probe *probe;  /* of the monitor, read by its handler */
    struct gev_hub *remote;    /* how other threads reach it, or NULL */
    void (*on_served)(struct gev_greenlet *g); /* of net: see GEV__SERVES */
    gev_error_fn *on_error;                    /* gev_set_error_handler() */
    void *on_error_arg;                        /* for it */
    gev_report_fn *report;                     /* gev_set_report() */
    void *report_arg;                          /* for it */
};

extern _Thread_local struct gev__hub *gev__hub_tls
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/**
 * gev__hub_start_slow() - gev__hub_start() when there is none, or after a fork
 */
int gev__hub_start_slow(struct gev__hub **ret);

/**
 * gev__hub_start() - the calling thread's hub, started if need be
 *
 * Return:    0, -ENOMEM, -EMFILE, -ENFILE, -ENOSYS
 */
static inline int gev__hub_start(struct gev__hub **ret)
{
    struct gev__hub *hub = gev__hub_tls;

    if (__builtin_expect(!hub || hub->forked, 0)) {
        int rc = gev__hub_start_slow(ret);

        assert(rc <= 0);
        return rc;
    }
    *ret = hub;
    return 0;
}

/**
 * gev__enter_slow() - gev__enter() when there is something to see to
 */
int gev__enter_slow(struct gev__hub **ret_hub);

/* Neither killed, nor out of time, nor the hub itself. */
static inline bool gev__is_undisturbed(const struct gev__hub *hub)
{
    return !hub->core->current->interrupt && hub->core->current != hub->self &&
           !hub->forked;
}

/**
 * gev__may_enter() - is there nothing to see to? Uses a bit of the budget.
 * @cost: GEV__IO_COST or GEV__MEMORY_COST
 */
static inline bool gev__may_enter(struct gev__hub *hub, int cost)
{
    return hub && (hub->budget -= cost) >= 0 &&
           !hub->core->current->interrupt &&
           hub->core->current != hub->self; /* a fork takes the budget away */
}

/**
 * gev__enter() - begin a call that may wait
 * @ret_hub: receives the thread's hub, started if need be
 *
 * Every public call that may wait goes through here first, so that a kill or
 * an expired scope is seen even if data is ready, and so that each call uses a
 * bit of the I/O budget: when that is gone the greenlet yields here.
 *
 * Switches:  when the budget is used up
 * Return:    0, -EPERM on the hub, -ECANCELED, -ETIMEDOUT, or what starting the
 *            hub gave
 */
static inline int gev__enter(struct gev__hub **ret_hub)
{
    struct gev__hub *hub = gev__hub_tls;

    if (__builtin_expect(!gev__may_enter(hub, GEV__IO_COST), 0)) {
        int rc = gev__enter_slow(ret_hub);

        assert(rc <= 0);
        return rc;
    }
    *ret_hub = hub;
    return 0;
}

/**
 * gev__ready_push() - a greenlet joins the run queue
 *
 * One that is on the run stack goes first while polling: it costs no copy.
 */
static inline void gev__ready_push(struct gev__hub *hub, struct gev_greenlet *g)
{
    g->hub_state = GEV__QUEUED;
    hub->n_ready++;
    if (hub->polling && g == hub->core->occupant) {
        gev__list_push_front(&hub->ready, &g->link);
    } else {
        gev__list_push(&hub->ready, &g->link);
    }
}

/* Counts one up for those who look from another thread, or a signal handler. */
static inline void gev__count_up(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/**
 * gev__hub_beat() - a number that changes whenever the hub comes round
 *
 * Context:   any thread
 */
static inline uint64_t gev__hub_beat(const struct gev__hub *hub)
{
    return __atomic_load_n(&hub->resumes, __ATOMIC_RELAXED) +
           __atomic_load_n(&hub->polls, __ATOMIC_RELAXED);
}

/**
 * gev__now() - seconds of CLOCK_MONOTONIC
 */
double gev__now(void);

/**
 * gev__report() - tell a human, by the thread's report function
 * @fmt: as printf(3); cut at some hundreds of bytes
 */
__attribute__((format(printf, 2, 3))) void gev__report(struct gev__hub *hub,
                                                       const char *fmt, ...);

/**
 * gev__to_stderr() - a gev_report_fn: the default
 */
void gev__to_stderr(const char *text, void *arg);

/**
 * gev__report_deadlock() - who waits for what, and nothing can wake them
 */
void gev__report_deadlock(struct gev__hub *hub);

/**
 * gev__hub_end() - gev_shutdown() for a thread that ends
 */
void gev__hub_end(void);

/**
 * gev__hub_fork_child() - after a fork: a new loop, and only the caller
 */
void gev__hub_fork_child(struct gev__hub *hub);

/**
 * gev__hub_fork_keep() - after a fork: a new loop, and everybody goes on
 */
void gev__hub_fork_keep(struct gev__hub *hub);

/**
 * gev__hub_watch_fork() - from now on notice forks of this process
 */
int gev__hub_watch_fork(void);

/**
 * gev__hub_is_borrowed() - is this the child of a vfork(2)?
 *
 * Then the hub and all greenlets are its parent's, which stands still. Nobody is
 * told of a vfork(2): it takes a system call to find out.
 */
bool gev__hub_is_borrowed(void);

/* on libev's callbacks, each in the file that owns what is called about */
void gev__fd_on_event(void *f, int events);
void gev__fd_on_gone(void *hub, int fd);
void gev__timing_on_timer(void *timing);
void gev__signal_on_signal(void *rec);
void gev__remote_on_async(void *hub);

/* when the hub ends, likewise */
void gev__fds_end(struct gev__hub *hub);
void gev__signals_end(struct gev__hub *hub);
void gev__remote_end(struct gev__hub *hub);

/* when the hub ends, and in the child of a fork: calls that are not made */
void gev__calls_drop(struct gev__hub *hub);

/* around a fork: keeps the table of signals still */
void gev__signal_lock(bool take_it);

/* in the child of a fork, likewise: nobody but the caller waits any more, unless
   they are kept */
void gev__fds_fork(struct gev__hub *hub);

/* in the child of a fork that keeps nobody: whoever waited for a signal is gone */
void gev__signals_fork(struct gev__hub *hub);

/* in the child of a fork, at once: calls asked for are the parent's to make */
void gev__remote_fork(struct gev__hub *hub);

#endif
