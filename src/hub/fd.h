/* SPDX-License-Identifier: MIT */
/*
 * What the hub knows of each descriptor number, and waiting for one.
 *
 * A record is made when a number is first used with gev and stays; its
 * generation grows when the number is closed. Watchers are not torn down after
 * each wait: in the steady state waiting costs no system call.
 */
#ifndef HUB_FD_H
#define HUB_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include "core/list.h"
#include "hub/hub.h"
#include "hub/loop.h"

struct gev__call;
struct gev__fd_more;

#define GEV__FD_TABLE 64 /* records to a table */

/**
 * enum gev__fd_kind - how a descriptor is to be used
 */
enum gev__fd_kind {
    GEV__FD_UNKNOWN,  /* not looked at since the number was (re)opened */
    GEV__FD_STREAM,   /* stream socket: MSG_DONTWAIT, one reader, one writer */
    GEV__FD_DGRAM,    /* datagram or seqpacket socket: waiters queue */
    GEV__FD_LISTENER, /* listening socket: waiters queue */
    GEV__FD_PIPE, /* pipe, tty, eventfd …: can be polled, no flags a call */
    GEV__FD_FILE, /* regular file, directory …: always ready */
};

/**
 * struct gev__fd - a descriptor number, 80 bytes
 */
struct gev__fd {
    struct gev__io_watch rd;     /* libev's watcher for reading */
    struct gev_greenlet *reader; /* who is in a read call (streams, pipes) */
    struct gev_greenlet *writer; /* who is in a write call */
    struct gev__fd_more *more;   /* what few descriptors need, or NULL */
    int fd;                      /* the number */
    uint32_t generation : 24;    /* grows at each close; may wrap */
    uint32_t kind : 3;           /* enum gev__fd_kind */
    uint32_t nonblock : 1;       /* O_NONBLOCK is set: gev opened it, or the
                                    look at it showed so */
    uint32_t drained : 1;        /* the last read was short: nothing is left */
    uint32_t rd_fresh : 1;       /* rd must be set anew before it starts */
    uint32_t rd_waits : 1;       /* @reader is parked for reading */
    uint32_t wr_waits : 1;       /* @writer is parked for writing */
};

/**
 * struct gev__fd_more - what few descriptors need
 */
struct gev__fd_more {
    struct gev__io_watch wr;    /* libev's watcher for writing */
    struct gev__list readers;   /* of gev_greenlet.link: queued, not streams */
    struct gev__list writers;   /* likewise */
    struct gev__list observers; /* of gev__observer.link */
    double rd_timeout;          /* gev_settimeout(); INFINITY for none */
    double wr_timeout;
    bool wr_fresh; /* @wr must be set anew before it starts */
};

/**
 * gev__fd_more() - that part of a record, made if need be
 *
 * Return:    NULL without memory
 */
struct gev__fd_more *gev__fd_more(struct gev__fd *f);

/**
 * gev__fd_get() - the record of an open descriptor
 * @hub: the thread's hub
 * @fd:  a number
 * @ret: the record; stays at its address as long as the hub
 *
 * Looks at the descriptor (fstat, getsockopt, fcntl) the first time in its
 * generation.
 *
 * Return:    0, -EBADF, -ENOMEM
 */
static inline int gev__fd_get(struct gev__hub *hub, int fd,
                              struct gev__fd **ret);

/**
 * gev__fd_get_slow() - gev__fd_get() for the first use of a descriptor
 */
int gev__fd_get_slow(struct gev__hub *hub, int fd, struct gev__fd **ret);

/* The record of a descriptor that has been looked at, or NULL. */
static inline struct gev__fd *gev__fd_known(const struct gev__hub *hub, int fd)
{
    size_t i = (size_t)(unsigned)fd / GEV__FD_TABLE;
    struct gev__fd *f;

    if (__builtin_expect(i >= hub->n_fd_tables || !hub->fds[i], 0)) {
        return NULL;
    }
    f = &hub->fds[i][(unsigned)fd % GEV__FD_TABLE];
    return __builtin_expect(f->kind != GEV__FD_UNKNOWN, 1) ? f : NULL;
}

static inline int gev__fd_get(struct gev__hub *hub, int fd,
                              struct gev__fd **ret)
{
    struct gev__fd *f = gev__fd_known(hub, fd);

    if (__builtin_expect(!f, 0)) {
        return gev__fd_get_slow(hub, fd, ret);
    }
    *ret = f;
    return 0;
}

/**
 * gev__fd_opened() - a descriptor that gev itself has just opened
 * @kind: what it is, so nobody has to look
 *
 * It is non-blocking. Any record of the number's former life is forgotten.
 *
 * Return:    0 or -ENOMEM
 */
int gev__fd_opened(struct gev__hub *hub, int fd, enum gev__fd_kind kind);

/**
 * gev__fd_refresh() - the record was wrong (ENOTSOCK, EBADF): look anew
 */
void gev__fd_refresh(struct gev__hub *hub, struct gev__fd *f);

/**
 * gev__fd_unwatchable() - the kernel had no room to watch it
 *
 * libev has stopped its watchers. Everybody who waits on it gets ENOMEM, and
 * the next wait tries anew.
 */
void gev__fd_unwatchable(struct gev__fd *f);

/**
 * gev__fd_closing() - wake everybody who waits on a number with EBADF
 *
 * The number's watchers are stopped and its generation grows. Also for numbers
 * that have no record. Never fails.
 */
void gev__fd_closing(struct gev__hub *hub, int fd);

/**
 * gev__fd_wait() - wait until a descriptor can be read or written
 * @f:        its record
 * @event:    GEV__LOOP_READ or GEV__LOOP_WRITE, the values of GEV_READ and
 *            GEV_WRITE
 * @deadline: absolute, INFINITY for none
 * @dead_buf: for reading: the buffer that the read will overwrite, or NULL
 * @dead_len: its size
 *
 * The caller holds the record's reader (writer) slot for streams and pipes;
 * for the others waiters queue first come first served, and one is woken at a
 * time.
 *
 * Switches:  yes
 * Return:    0, -EBADF (closed meanwhile), -EPERM (cannot be polled), or as
 *            gev__park()
 */
int gev__fd_wait(struct gev__hub *hub, struct gev__fd *f, int event,
                 double deadline, void *dead_buf, size_t dead_len);

/**
 * gev__fd_timeouts() - what gev_settimeout() said
 * @ret_rd, @ret_wr: seconds, INFINITY for none
 */
void gev__fd_timeouts(const struct gev__fd *f, double *ret_rd, double *ret_wr);

/**
 * gev__fd_set_timeouts() - gev_settimeout()
 *
 * Return:    0 or -ENOMEM
 */
int gev__fd_set_timeouts(struct gev__fd *f, double rd, double wr);

/**
 * struct gev__observer - one greenlet's interest in one descriptor
 *
 * On the heap, owned by the waiting call.
 */
struct gev__observer {
    struct gev__list link;  /* in gev__fd_more.observers */
    struct gev_greenlet *g; /* who waits */
    struct gev__call *call; /* to be made soon instead of waking @g; or NULL */
    struct gev__fd *f;      /* what for; NULL while not attached */
    uint32_t seq;           /* of which wait */
    int events;             /* GEV__LOOP_READ | _WRITE */
    int fired;              /* those that came; GEV__FD_CLOSED */
};

#define GEV__FD_CLOSED 4 /* in fired: gev_close() came in between */

/**
 * gev__observer_tell() - wake the one who observes, or have its call made
 */
void gev__observer_tell(struct gev__observer *o);

/**
 * gev__fd_observe() - have the current greenlet's next wait end on readiness
 * @o:      its @events and @call are set by the caller, the rest here
 *
 * Several observers, also of one greenlet, may watch a descriptor. The wait
 * itself is a gev__park() with reason GEV__WAIT_FDS and wakeable 1; the result
 * is 1, and the observers say which fired. It is level-triggered: an event
 * that is already there ends the wait in the next loop iteration. With a @call
 * nobody waits: it is made after each poll that finds an event, and once when
 * the descriptor is closed.
 *
 * Return:    0, -ENOMEM, -EPERM (cannot be polled: always ready)
 */
int gev__fd_observe(struct gev__hub *hub, struct gev__fd *f,
                    struct gev__observer *o);

/**
 * gev__fd_unobserve() - undo; fine for one that is not attached
 */
void gev__fd_unobserve(struct gev__observer *o);

#endif
