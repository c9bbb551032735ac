/* SPDX-License-Identifier: MIT */
/*
 * SIGCHLD, shared: one handler that tells libev and calls who was there first.
 *
 * Happy path: libev installs its handler, ours takes its place. A child changes:
 * ours tells libev, then calls the former one as the kernel would have.
 *
 * Failure modes: the program installs a handler of its own meanwhile (it stays,
 * and is what is left behind); sigaction(2) refuses (libev's handler stays: the
 * former one is not called meanwhile).
 */
#include "hub/sigchld.h"

#include <errno.h>
#include <stdbool.h>

#include "hub/loop.h"

/* Flags that say how the program wants its handler to be called, or children to
   be treated. */
#define KEPT_FLAGS (SA_ONSTACK | SA_NODEFER | SA_NOCLDWAIT)

/* Whom to call. One hub of the process has SIGCHLD at a time, and this is
   written while neither handler is installed. */
static struct sigaction first;
static bool installed; /* else libev's handler is */

static bool is_function(const struct sigaction *a)
{
    return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN;
}

/* Does @first want to hear of this? SA_NOCLDSTOP: of ends only. */
static bool is_wanted(const siginfo_t *info)
{
    bool stop = info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED;

    return is_function(&first) && !(stop && (first.sa_flags & SA_NOCLDSTOP));
}

static void handle(int signo, siginfo_t *info, void *context)
{
    int saved = errno;

    gev__signal_feed(signo);
    if (!is_wanted(info)) {
        errno = saved;
        return;
    }
    if (first.sa_flags & SA_SIGINFO) {
        first.sa_sigaction(signo, info, context);
    } else {
        first.sa_handler(signo);
    }
    errno = saved;
}

void gev__sigchld_share(const struct sigaction *former)
{
    struct sigaction act = {.sa_sigaction = handle,
                            .sa_mask = former->sa_mask,
                            .sa_flags = SA_SIGINFO | SA_RESTART};

    act.sa_flags |= former->sa_flags & KEPT_FLAGS;
    if (is_function(former) && !(former->sa_flags & SA_RESTART)) {
        act.sa_flags &= ~SA_RESTART;
    }
    if (former->sa_handler == SIG_IGN) {
        act.sa_flags |= SA_NOCLDWAIT; /* sigaction(2): the same, and told */
    }
    first = *former;
    installed = sigaction(SIGCHLD, &act, NULL) == 0;
}

void gev__sigchld_replaced(struct sigaction *former)
{
    struct sigaction now;

    if (installed && sigaction(SIGCHLD, NULL, &now) == 0 &&
        now.sa_sigaction != handle) {
        *former = now;
    }
    installed = false;
}
