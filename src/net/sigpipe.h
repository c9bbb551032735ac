/* SPDX-License-Identifier: MIT */
/*
 * No SIGPIPE from one system call.
 *
 * sendfile(2) and splice(2) have no MSG_NOSIGNAL, and the kernel raises the signal
 * in the calling thread. So it is blocked around the call, and one that the call
 * made is taken off before it is let through again.
 */
#ifndef NET_SIGPIPE_H
#define NET_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

/**
 * struct gev__sigpipe - what is to be put back
 */
struct gev__sigpipe {
    sigset_t before; /* the thread's mask */
};

/**
 * gev__sigpipe_block() - from here on it is not delivered to this thread
 */
void gev__sigpipe_block(struct gev__sigpipe *sp);

/**
 * gev__sigpipe_restore() - as it was before
 * @raised: the call may have raised it: it failed with EPIPE, or moved less than
 *          it was asked to. The kernel gives the count then, and the signal
 *          nevertheless, if the peer went away between two of its steps.
 *
 * errno is as before.
 */
void gev__sigpipe_restore(const struct gev__sigpipe *sp, bool raised);

#endif
