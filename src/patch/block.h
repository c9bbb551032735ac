/* SPDX-License-Identifier: MIT */
/*
 * A blocking call, made of attempts that do not block:
 *
 *   attempt --- a result, or an error -----------------------------> done
 *      | EAGAIN                                ^
 *      v                                       |
 *   the program's O_NONBLOCK? --- yes: EAGAIN -+
 *      | no                                    |
 *   wait, others run --- time is up: EAGAIN ---+
 *      |                 killed: ECANCELED
 *      +--> attempt again
 *
 * The flag and the socket's own time limit are asked of the kernel when it turns
 * out that there is something to wait for, and not kept.
 */
#ifndef PATCH_BLOCK_H
#define PATCH_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "patch/interrupt.h"
#include "patch/kind.h"
#include "patch/names.h"

/**
 * struct gev__block - a call in progress, on its caller's stack
 */
struct gev__block {
    enum gev__name name; /* whose call it is, for the counters */
    enum gev__kind kind; /* of @fd */
    int fd;              /* the descriptor */
    int events;          /* GEV_READ or GEV_WRITE */
    int flags;           /* MSG_… of the call */
    int nowait;          /* MSG_DONTWAIT; 0: the next attempt may block */
    void *buf;           /* what the call is about */
    size_t len;          /* bytes there, or entries */
    void *arg;           /* address, message … */
    socklen_t *arg_len;  /* length of an address that is received */
    double deadline;     /* valid if @begun */
    bool begun;          /* it has waited: flag and limit are known */
    bool part;           /* it has moved bytes: an error is the next call's */
    struct gev__eintr eintr; /* valid if @begun */
    const void *caller;      /* whose code called */
    bool tried;              /* the first attempt was made already */
    int first_errno;         /* what it said, if it failed */
    ssize_t first;           /* what it gave */
};

/**
 * typedef gev__attempt_fn - try once; as the system call, with errno
 */
typedef ssize_t gev__attempt_fn(struct gev__block *b);

/**
 * gev__block_begin() - note when the wait that begins has to end
 */
void gev__block_begin(struct gev__block *b);

/**
 * gev__block_wait() - after an attempt gave EAGAIN: wait until the next one
 *
 * Where gev cannot wait (no memory, a descriptor that epoll does not take) the
 * next attempt blocks for real.
 *
 * Switches:  yes
 * Return:    0: try again; -1 with errno: EAGAIN (the program asked for it, or
 *            the socket's time limit passed), EBADF, ECANCELED, ETIMEDOUT, EINTR
 */
int gev__block_wait(struct gev__block *b);

/**
 * gev__block_nap() - the same where no event says when to try again
 * @secs: until then
 *
 * Where gev cannot wait, or nothing may switch, the next attempt blocks for real.
 *
 * Switches:  yes
 * Return:    as gev__block_wait()
 */
int gev__block_nap(struct gev__block *b, double secs);

/**
 * gev__block_more() - before the next part of a call that has moved some bytes
 *
 * A socket that gave or took a part has no more for now: waits. From here on an
 * error that comes meanwhile stays pending, as the kernel leaves it to the next
 * call when it has a count to return.
 *
 * Switches:  yes
 * Return:    0: try; -1: return the count
 */
int gev__block_more(struct gev__block *b);

/**
 * gev__block_run() - attempts and waits until there is a result
 *
 * The first attempt is left out if the call has made it, as those do that are made
 * most: what does not wait then needs no record.
 *
 * Return:    as the attempt; errno is as before when it succeeded
 */
ssize_t gev__block_run(struct gev__block *b, gev__attempt_fn *attempt);

/**
 * gev__block_expired() - did a wait end with a scope's ETIMEDOUT, or its own?
 */
bool gev__block_expired(void);

#endif
