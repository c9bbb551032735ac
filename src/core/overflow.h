/* SPDX-License-Identifier: MIT */
/*
 * A stack overflow names the greenlet before the process dies of it.
 */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

/**
 * gev__overflow_watch() - from now on, in this thread
 *
 * Gives the thread an alternate signal stack if it has none, and the process,
 * once, a SIGSEGV handler that hands on every fault that is not in a guard.
 * Does nothing where that is not possible.
 */
void gev__overflow_watch(void);

/**
 * gev__overflow_unwatch() - take the alternate signal stack away again
 */
void gev__overflow_unwatch(void);

#endif
