/* SPDX-License-Identifier: MIT */
/*
 * The fence around libev: loop.c is the one file that sees <ev.h>.
 *
 * Watchers are stored here as plain bytes, embedded in the records of those who
 * own them, so nothing is allocated per watcher.
 */
#ifndef HUB_LOOP_H
#define HUB_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct gev__hub;

/* An ev_io, an ev_timer, an ev_signal. */
struct gev__io_watch {
    uint64_t bytes[6];
};
struct gev__timer_watch {
    uint64_t bytes[6];
};
struct gev__signal_watch {
    uint64_t bytes[6];
};

/* What has come, or is waited for. The values of GEV_READ and GEV_WRITE. */
#define GEV__LOOP_READ  1
#define GEV__LOOP_WRITE 2
#define GEV__LOOP_ERROR 4

/**
 * struct gev__loop_calls - whom the loop calls, all on the hub
 */
struct gev__loop_calls {
    void (*io)(void *owner, int events); /* a watcher's owner; again and
                                                  again until it is stopped */
    void (*timer)(void *owner);          /* a timer's; it has stopped */
    void (*signal)(void *owner);         /* a signal watcher's */
    void (*async)(void *hub);            /* after gev__loop_wake() */
    void (*gone)(void *hub, int fd);     /* closed behind gev's back */
};

/**
 * struct gev__loop - a libev loop and what belongs to it
 */
struct gev__loop {
    struct ev_loop *ev;                  /* the loop */
    const struct gev__loop_calls *calls; /* whom to call */
    void *hub;                           /* for calls->async and ->gone */
    uint64_t async[6];                   /* an ev_async */
    bool asleep;      /* in the kernel; kept only if asked for */
    int n_active;     /* watchers of ours that are active */
    int *changed;     /* fds whose registration may change at the next poll */
    size_t n_changed; /* how many */
    uint8_t *is_changed; /* per fd: listed in @changed */
    size_t n_fds;        /* room in both */
    size_t n_timers;     /* what libev's memory is reserved for */
};

/**
 * gev__loop_init() - make a loop
 * @calls: borrowed for its life
 * @hub:   handed to them
 *
 * Return:    0, -ENOMEM, -EMFILE, -ENFILE, or -ENOSYS without epoll
 */
int gev__loop_init(struct gev__loop *l, const struct gev__loop_calls *calls,
                   void *hub);

/**
 * gev__loop_fini() - destroy it; all watchers are stopped
 */
void gev__loop_fini(struct gev__loop *l);

/**
 * gev__loop_fork() - in the child of a fork: register everything anew
 */
void gev__loop_fork(struct gev__loop *l);

/**
 * gev__loop_wake() - make a poll under way, or the next one, return
 *
 * Context:   any thread
 */
void gev__loop_wake(struct gev__loop *l);

/**
 * gev__loop_poll() - one iteration: ask the kernel, call what is due
 * @block: wait until something comes
 *
 * Descriptors closed behind gev's back are dropped first: libev would abort.
 *
 * Return:    whether watchers of the user are active
 */
bool gev__loop_poll(struct gev__loop *l, bool block);

/**
 * gev__loop_watch_sleep() - keep gev__loop.asleep, or stop doing so
 *
 * It is written around each epoll_wait(2), for others to read atomically.
 */
void gev__loop_watch_sleep(struct gev__loop *l, bool on);

/**
 * gev__loop_reserve() - memory for what libev may need while it cannot fail
 * @fds:    descriptor numbers that will be watched, at the most
 * @timers: timers that will be active at once, at the most
 *
 * Return:    0 or -ENOMEM
 */
int gev__loop_reserve(struct gev__loop *l, size_t fds, size_t timers);

/**
 * gev__io_init() - prepare a watcher
 * @owner: handed to calls->io
 */
void gev__io_init(struct gev__io_watch *w, void *owner);

/**
 * gev__io_start() - watch a descriptor; fine if it is being watched
 * @event: GEV__LOOP_READ or GEV__LOOP_WRITE
 * @fresh: the number means something new: register it whatever was known.
 *         Otherwise stopping and starting within an iteration costs nothing.
 */
void gev__io_start(struct gev__loop *l, struct gev__io_watch *w, int fd,
                   int event, bool fresh);

/**
 * gev__io_recheck() - see before the next poll whether a descriptor is open
 */
void gev__io_recheck(struct gev__loop *l, int fd);

/**
 * gev__io_stop() - stop watching; fine if it is not
 */
void gev__io_stop(struct gev__loop *l, struct gev__io_watch *w);

/**
 * gev__io_active() - is it watching?
 */
bool gev__io_active(const struct gev__io_watch *w);

/**
 * gev__timer_init() - prepare a timer
 */
void gev__timer_init(struct gev__timer_watch *w, void *owner);

/**
 * gev__timer_start() - call it once after @secs; a running one is moved
 */
void gev__timer_start(struct gev__loop *l, struct gev__timer_watch *w,
                      double secs);

/**
 * gev__timer_stop() - forget it; fine if it does not run
 */
void gev__timer_stop(struct gev__loop *l, struct gev__timer_watch *w);

/**
 * gev__signal_start() - watch a signal
 *
 * No other loop may watch it.
 */
void gev__signal_start(struct gev__loop *l, struct gev__signal_watch *w,
                       int signo, void *owner);

/**
 * gev__signal_feed() - a signal has come, says a handler that replaced libev's
 *
 * Context:   a signal handler, any thread
 */
void gev__signal_feed(int signo);

/**
 * gev__signal_stop() - undo
 */
void gev__signal_stop(struct gev__loop *l, struct gev__signal_watch *w);

#endif
