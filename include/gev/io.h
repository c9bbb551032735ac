/* SPDX-License-Identifier: MIT */
/*
 * gev/io.h - reading, writing and waiting on any descriptor
 *
 * The calls of POSIX with gev_ in front, on plain int descriptors. They look
 * as if they blocked, and let other greenlets run meanwhile. A descriptor that
 * gev did not open keeps its flags and still never blocks the process: sockets
 * are used with MSG_DONTWAIT, pipes and terminals are waited for first, regular
 * files go straight through.
 *
 * A stream has one reading and one writing greenlet at a time; a second one
 * gets EBUSY. Datagram sockets and listeners queue them, first come first
 * served. Any number may gev_wait_fd(), gev_poll() or gev_select() besides.
 *
 * Besides the five errors in gev.h, each waiting call here can fail with
 *
 *   EBUSY      another greenlet reads (writes) this stream already
 *   EBADF      not open, or closed by gev_close() while this greenlet waited
 *   ETIMEDOUT  the descriptor's own limit (gev_settimeout()) passed
 *   EPERM      also: the descriptor cannot be waited for
 *   ENOMEM     also: the kernel has no room to watch it (epoll_ctl(2), ENOSPC)
 *   others     as the system call of that name
 *
 * Close descriptors with gev_close(). One that was closed by other means, in a
 * library say, is made known with gev_fd_forget().
 */
#ifndef GEV_IO_H
#define GEV_IO_H

#include <poll.h>
#include <sys/select.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/* What to wait for; may be combined. */
#define GEV_READ  1
#define GEV_WRITE 2

/**
 * gev_read() - read what has arrived, waiting for the first byte
 * @fd:  open descriptor, borrowed; at most one greenlet reads it at a time
 * @buf: room for @len bytes; its contents are not preserved while waiting
 * @len: size of @buf in bytes, 0 .. SSIZE_MAX
 *
 * Gives what one read(2) gives: it does not wait to fill @buf. Bytes beyond
 * the count are unspecified after any return, 0 and -1 included: while a
 * greenlet waits, a buffer on its own stack is not saved (which is why it costs
 * nothing). Where that happened a NUL is put after the count if there is room.
 *
 * Switches:  only if nothing has arrived, or the I/O budget is used up
 * Context:   any greenlet, not the hub
 * Return:    1 .. @len bytes now in @buf; 0 at end of stream or for @len 0;
 *            -1 with errno as said at the top
 * See:       read(2); gevent.socket.socket.recv()
 */
GEV_API ssize_t gev_read(int fd, void *buf, size_t len);

/**
 * gev_readv() - gev_read() into several buffers
 * @iov: as readv(2); the buffers are not preserved while waiting
 * @n:   how many, 0 .. IOV_MAX
 *
 * Return:    as gev_read(); EINVAL as readv(2)
 */
GEV_API ssize_t gev_readv(int fd, const struct iovec *iov, int n);

/**
 * gev_readall() - read until the buffer is full or the stream ends
 *
 * Switches:  as gev_read(), perhaps several times
 * Return:    @len; fewer bytes when it ended short: errno is then 0 for the
 *            end of the stream, else what stopped it; -1 with errno when
 *            nothing was read at all because of an error
 */
GEV_API ssize_t gev_readall(int fd, void *buf, size_t len);

/**
 * gev_write() - write what the descriptor takes, waiting until it takes some
 * @fd:  open descriptor; at most one greenlet writes it at a time
 * @buf: @len bytes; on this greenlet's own stack is fine
 * @len: 0 .. SSIZE_MAX
 *
 * It may write less than @len, as write(2) on a non-blocking descriptor; on a
 * pipe that blocks at most PIPE_BUF bytes. Never raises SIGPIPE on a socket.
 *
 * Switches:  only if it takes nothing now, or the I/O budget is used up
 * Return:    1 .. @len; 0 for @len 0; -1 with errno
 * See:       write(2)
 */
GEV_API ssize_t gev_write(int fd, const void *buf, size_t len);

/**
 * gev_writev() - gev_write() from several buffers
 *
 * Return:    as gev_write(); EINVAL as writev(2)
 */
GEV_API ssize_t gev_writev(int fd, const struct iovec *iov, int n);

/**
 * gev_writeall() - write everything
 *
 * Switches:  as gev_write(), perhaps several times
 * Return:    @len; fewer bytes when it ended short, errno says why; -1 with
 *            errno when nothing was written
 * See:       gevent.socket.socket.sendall()
 */
GEV_API ssize_t gev_writeall(int fd, const void *buf, size_t len);

/**
 * gev_writevall() - write everything from several buffers
 * @iov: changed while it goes on; unspecified afterwards
 * @n:   how many, 0 .. IOV_MAX
 *
 * Switches:  as gev_write(), perhaps several times
 * Return:    as gev_writeall(), for the sum of the lengths
 */
GEV_API ssize_t gev_writevall(int fd, struct iovec *iov, int n);

/**
 * gev_sendfile() - copy from a file to a descriptor inside the kernel
 * @out:    where to; a stream socket or pipe
 * @in:     where from: what sendfile(2) takes, a regular file as a rule
 * @offset: where to begin, advanced by what was sent; NULL uses and moves the
 *          file's own offset
 * @n:      bytes at most
 *
 * Goes on until @n bytes or the end of @in.
 *
 * Switches:  as gev_write()
 * Return:    bytes sent; fewer than @n at the end of @in (errno 0) or when it
 *            ended short (errno says why); -1 with errno when nothing was sent
 * See:       sendfile(2)
 */
GEV_API ssize_t gev_sendfile(int out, int in, off_t *offset, size_t n);

/**
 * gev_close() - close a descriptor, waking who waits on it
 * @fd: the descriptor; it is closed even if -1 is returned, except for EBADF
 *
 * Greenlets that wait on it return -1 with EBADF. Data already written is sent
 * as close(2) does.
 *
 * If the open file lives on elsewhere (dup(2), fork(2), gev_send_fd()), epoll
 * goes on reporting it. The first such event has libev make a new epoll set:
 * measured, 2,001 epoll_ctl(2) with 2,000 watched descriptors, once per such
 * close. shutdown(2) before the close spares that where the peer allows it.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    0, or -1 with errno as close(2)
 */
GEV_API int gev_close(int fd);

/**
 * gev_fd_forget() - say that a descriptor number means something new
 * @fd: a number that was closed, or replaced with dup2(2), behind gev's back
 *
 * Waiters are woken with EBADF, as by gev_close(). Call it before the number
 * is used anew with gev, best before the close(2).
 *
 * Switches:  never
 * Return:    0, or -1 with errno EBADF for a negative number
 */
GEV_API int gev_fd_forget(int fd);

/**
 * gev_fd_forget_range() - gev_fd_forget() of many, before a close_range(2)
 * @first: the first number
 * @last:  the last number; ~0u for all from @first on
 *
 * Takes as long as there are numbers that were waited for, however large @last is.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL: @last is less than @first
 */
GEV_API int gev_fd_forget_range(unsigned first, unsigned last);

/**
 * gev_settimeout() - a time limit for each read and each write of a descriptor
 * @fd: open descriptor
 * @rd: seconds for one gev_read() and the like, accept included
 * @wr: seconds for one gev_write() and the like, connect included
 *
 * Each call gets the whole limit, a full-length form for all of it.
 * GEV_FOREVER, the default, is none; 0 makes calls that would wait fail with
 * ETIMEDOUT. Forgotten when the descriptor is closed.
 *
 * Switches:  never
 * Return:    0, or -1 with errno set: EBADF, EINVAL, ENOMEM
 * See:       socket.settimeout()
 */
GEV_API int gev_settimeout(int fd, double rd, double wr);

/**
 * gev_wait_fd() - wait until a descriptor is ready
 * @fd:      open descriptor; any number of greenlets may
 * @events:  GEV_READ, GEV_WRITE or both
 * @timeout: seconds; 0 asks
 *
 * Ready means that a call would not block; it may still fail or find the data
 * taken. Regular files are always ready.
 *
 * Switches:  unless it is ready or @timeout is 0
 * Return:    the events that are ready, above 0, or -1 with errno (ETIMEDOUT
 *            when none was in time)
 * See:       gevent.socket.wait()
 */
GEV_API int gev_wait_fd(int fd, int events, double timeout);

/**
 * gev_poll() - poll(2) that lets others run
 * @fds: as poll(2): negative descriptors are passed over, POLLNVAL does not
 *       wait, duplicates are allowed
 * @n:   how many
 * @ms:  milliseconds, negative for no limit
 *
 * The answers are the kernel's own. A positive answer that was there at once
 * uses I/O budget, so a loop over it cannot keep others from running.
 *
 * Switches:  unless something is ready or @ms is 0
 * Return:    as poll(2); EINVAL for more descriptors than RLIMIT_NOFILE. One
 *            that gev_close() closes meanwhile is POLLNVAL, or EBADF if its
 *            number is in use again
 * See:       poll(2)
 */
GEV_API int gev_poll(struct pollfd *fds, nfds_t n, int ms);

/**
 * gev_select() - select(2) that lets others run
 * @n:       highest descriptor + 1; may exceed FD_SETSIZE if the sets are that
 *           large
 * @r, @w, @x: as select(2), each may be NULL
 * @timeout: NULL for no limit; the time left is stored in it, as Linux does
 *
 * On error the sets are unchanged. See gev_poll().
 *
 * Switches:  unless something is ready or @timeout is 0
 * Return:    as select(2)
 * See:       select(2); gevent.select.select()
 */
GEV_API int gev_select(int n, fd_set *r, fd_set *w, fd_set *x,
                       struct timeval *timeout);

/**
 * gev_pipe() - a pipe with both ends non-blocking and close-on-exec
 *
 * Return:    0, or -1 with errno as pipe2(2)
 */
GEV_API int gev_pipe(int ret_fds[2]);

GEV_END_DECLS

#endif
