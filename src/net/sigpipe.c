/* SPDX-License-Identifier: MIT */
/*
 * No SIGPIPE from one system call: see the header.
 */
#include "net/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

void gev__sigpipe_block(struct gev__sigpipe *sp)
{
    sigset_t sigpipe;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &sigpipe, &sp->before) != 0) {
        sigemptyset(&sp->before); /* UNTESTED: fails only for a bad argument */
    }
}

/* Takes a pending one off this thread. */
static void consume(void)
{
    static const struct timespec at_once;
    sigset_t sigpipe;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR) {
    }
}

void gev__sigpipe_restore(const struct gev__sigpipe *sp, bool raised)
{
    int saved = errno;

    if (!sigismember(&sp->before, SIGPIPE)) {
        if (raised) {
            consume();
        }
        pthread_sigmask(SIG_SETMASK, &sp->before, NULL);
    }
    errno = saved;
}
