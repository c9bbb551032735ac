/* SPDX-License-Identifier: MIT */
/*
 * gev/signal.h - signals as calls on the hub, or as something to wait for
 *
 * One hub of the process has a signal at a time. Handlers run later, on the
 * hub or in the waiting greenlet, never in signal context, so they may do
 * anything.
 */
#ifndef GEV_SIGNAL_H
#define GEV_SIGNAL_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_signal;

/**
 * gev_signal() - have a function called when a signal has come
 * @signo: the signal
 * @fn:    called on the hub: may spawn and wake, not wait
 * @arg:   for @fn; not a pointer into a run stack
 *
 * Several may watch the same signal in one thread. It does not keep gev_run()
 * going, nor does it save main from EDEADLK. A former handler of SIGCHLD, which
 * is often not the program's alone, goes on being called; of others not.
 *
 * Switches:  never
 * Return:    to be given to gev_signal_cancel(), or NULL with errno set:
 *              EINVAL  @fn is NULL, or @signo cannot be caught
 *              EBUSY   another thread's hub has this signal
 *              EFAULT  @arg points into a run stack
 *              ENOMEM  no memory; or as gev_init()
 * See:       gevent.signal_handler()
 */
GEV_API struct gev_signal *
gev_signal(int signo, void (*fn)(int signo, void *arg), void *arg);

/**
 * gev_signal_cancel() - stop watching
 * @s: from gev_signal(), freed by this call; or NULL
 *
 * After the last one the signal has its former disposition.
 */
GEV_API void gev_signal_cancel(struct gev_signal *s);

/**
 * gev_sigwait() - wait for a signal
 * @signo:   the signal
 * @timeout: seconds
 *
 * The signal is watched while this call waits; afterwards its former
 * disposition is back unless somebody else watches it. Counts as something
 * that can wake main.
 *
 * Switches:  yes
 * Return:    0 when it has come, or -1 with errno as gev_signal(), and
 *            ETIMEDOUT
 * See:       sigwait(3)
 */
GEV_API int gev_sigwait(int signo, double timeout);

/**
 * gev_interruptible_begin() - from here on gev_interrupt() ends main's waits
 *
 * Only for code that has to fail with EINTR as system calls do when a signal's
 * handler has run; libgev_patch is built on it. To be told of a signal take
 * gev_signal() or gev_sigwait(), to stop a server gev_server_stop_on_signals().
 *
 * A gev_interrupt() of before is forgotten. Several calls may stand between this
 * and gev_interruptible_end(); those that need not wait let nobody else run,
 * however many there are. Sections do not nest. Meanwhile main never gets EDEADLK: a
 * signal may come.
 *
 * Switches:  never
 * Context:   main
 * Return:    0, or -1 with errno set:
 *              EPERM   not on main
 *              EBUSY   a section is open already; the caller may be a handler
 *                      that has interrupted it
 *              other   as gev_init()
 */
GEV_API int gev_interruptible_begin(void);

/**
 * gev_interruptible_end() - undo
 *
 * Switches:  never
 * Return:    1 if gev_interrupt() was called meanwhile, 0 if not; -1 with errno
 *            EINVAL (it is not open, or not main calls)
 */
GEV_API int gev_interruptible_end(void);

/**
 * gev_interrupt() - end what main waits for with EINTR
 *
 * The wait in progress, or if there is none each one that begins before
 * gev_interruptible_end(), shielded or not; also when what it waits for is there.
 * A kill and an expired scope come first. Outside of such a section, in a thread
 * without a hub, and called again: nothing. errno is kept.
 *
 * Switches:  never
 * Context:   main's thread; a signal handler, whatever it has interrupted there
 */
GEV_API void gev_interrupt(void);

GEV_END_DECLS

#endif
