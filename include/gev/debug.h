/* SPDX-License-Identifier: MIT */
/*
 * gev/debug.h - seeing what the greenlets of a thread do
 *
 *   gev_print_run_info(stderr);
 *
 * prints every greenlet: number, name, state, what it waits for, how many bytes
 * are kept for it, and where it is, as a C backtrace. With gev_set_tracking()
 * also since when it waits and who spawned whom. docs/seeing.md shows it all.
 */
#ifndef GEV_DEBUG_H
#define GEV_DEBUG_H

#include <stdio.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_set_tracking() - note who spawns whom and since when they wait
 * @on: 1 or 0
 *
 * Of this thread, from now on. It costs up to 112 bytes a greenlet and 10 ns a
 * wait, so it is off, unless GEV_TRACK=1 is in the environment.
 *
 * Switches:  never
 * Return:    what it was, or -1 with errno as gev_init()
 */
GEV_API int gev_set_tracking(int on);

/**
 * gev_each() - call a function for each greenlet of this thread
 * @fn:  gets main first, then all others that are not DEAD, in no order; the
 *       hub's own is left out. It must not wait. Other than 0 ends the walk.
 * @arg: for @fn
 *
 * Greenlets that @fn makes may or may not be seen.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    what @fn returned last, or -1 with errno set: EINVAL (@fn is
 *            NULL), or as gev_init()
 */
GEV_API int gev_each(int (*fn)(struct gev_greenlet *g, void *arg), void *arg);

/**
 * gev_find() - the greenlet with a number
 * @id: of gev_id()
 *
 * It looks at all of them.
 *
 * Switches:  never
 * Return:    borrowed, or NULL with errno set: ESRCH (there is none, or it is
 *            DEAD), or as gev_init()
 */
GEV_API struct gev_greenlet *gev_find(uint32_t id);

/**
 * gev_describe() - what a greenlet does, in words
 * @g:    a greenlet, or NULL for the current one
 * @buf:  receives "waits to read descriptor 5", "sleeps", "is ready" …
 * @size: bytes at @buf; longer text is cut
 *
 * Switches:  never
 * Return:    0, or -1 with errno set: EINVAL (no room), EPERM (of another
 *            thread), or as gev_init()
 */
GEV_API int gev_describe(const struct gev_greenlet *g, char *buf, size_t size);

/**
 * gev_print_backtrace() - where a greenlet is, as a C backtrace
 * @out: where to
 * @g:   a greenlet, or NULL for the current one
 *
 * Names come from the symbol tables of the program and its libraries, static
 * functions included, lines from their debug information, by way of libdw
 * (elfutils), which is loaded at the first call if it is installed. Without it,
 * or where gev was built without it, the innermost frame of a greenlet that is
 * switched out is shown, and only exported functions have names.
 *
 * It reads files and takes milliseconds.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    0, or -1 with errno set:
 *              EPERM   @g is of another thread
 *              EINVAL  @out is NULL
 *              ENOMEM  no memory
 *              other   as fwrite(3), gev_init()
 */
GEV_API int gev_print_backtrace(FILE *out, const struct gev_greenlet *g);

/**
 * gev_print_run_info() - all greenlets of this thread, with backtraces
 * @out: where to; written to once all is known
 *
 * Those that were spawned by another one stand below it, indented, if tracking
 * is on. A backtrace that was shown before is not repeated: "as greenlet 7".
 *
 * Switches:  never, unless writing to @out does
 * Context:   anywhere, the hub included
 * Return:    as gev_print_backtrace()
 * See:       gevent.util.print_run_info()
 */
GEV_API int gev_print_run_info(FILE *out);

GEV_END_DECLS

#endif
