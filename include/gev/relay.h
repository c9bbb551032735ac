/* SPDX-License-Identifier: MIT */
/*
 * gev/relay.h - moving bytes from one descriptor to another, as proxies do
 *
 * Between sockets and pipes the bytes stay inside the kernel (splice(2)); for
 * other descriptors they go through a buffer. The receiver's pace is the
 * sender's: no more than a pipe's worth is ever on the way. A relay that waits
 * for bytes holds neither a pipe nor a buffer.
 */
#ifndef GEV_RELAY_H
#define GEV_RELAY_H

#include <gev/base.h>

GEV_BEGIN_DECLS

/* Flags of gev_relay(). */
#define GEV_RELAY_NO_SHUTDOWN 1u /* the end is not passed on */

/**
 * gev_relay() - move bytes until the end of the stream
 * @from:      stream socket, pipe, file, terminal: read to its end
 * @to:        likewise: all of it is written there
 * @flags:     GEV_RELAY_…
 * @ret_bytes: receives how many bytes @to has taken, also when it fails; may be
 *             NULL
 *
 * At the end of @from, @to gets shutdown(2) with SHUT_WR if it is a socket;
 * neither is closed. Time limits are those of the calls that it stands for:
 * gev_settimeout() of @from for each wait for bytes, of @to for each wait for
 * room, and scopes. What was read and could not be delivered is lost when it
 * fails.
 *
 * Switches:  yes
 * Return:    0 when @from has ended, or -1 with errno set:
 *              EINVAL  unknown flags, datagram sockets
 *              EBUSY   another greenlet reads @from or writes @to
 *              EBADF   closed meanwhile
 *              other   as gev_read() and gev_write()
 * See:       splice(2)
 */
GEV_API int gev_relay(int from, int to, unsigned flags, uint64_t *ret_bytes);

/**
 * gev_relay_both() - join two connections until both directions have ended
 * @a, @b:    connected stream sockets
 * @idle:     seconds without a byte in either direction after which it fails
 *            with ETIMEDOUT; GEV_FOREVER for no limit
 * @ret_bytes: receives the bytes from @a to @b and from @b to @a, also when
 *            it fails; may be NULL
 *
 * The end of one direction is passed on and the other goes on (half-close). An
 * error in one ends both. The second direction runs in a greenlet of its own.
 *
 * Switches:  yes
 * Return:    0 when both have ended, or -1 with errno: that of the direction
 *            that failed first, as gev_relay(); as gev_spawn(); EINVAL for a
 *            bad @idle
 */
GEV_API int gev_relay_both(int a, int b, double idle, uint64_t ret_bytes[2]);

GEV_END_DECLS

#endif
