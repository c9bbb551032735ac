/* SPDX-License-Identifier: MIT */
/*
 * close, dup, fcntl and what else changes what a descriptor number means
 *
 * Nothing here waits. Whoever waits for a number that is closed is woken with
 * EBADF, and what was known of it is forgotten, before libc's function is called.
 *
 * The child of a vfork(2) runs in its parent's memory but closes its own
 * descriptors: there nothing is noted.
 */
#include "patch/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "patch/closes.h"
#include "patch/guard.h"
#include "patch/kind.h"
#include "patch/process.h"
#include "patch/real.h"

#define BOOKS gev__guard_books(GEV__F_fd, __builtin_return_address(0))

/* The number means something else, to all threads. */
static void changed(int fd)
{
    gev__closes_note(fd);
    (void)gev_fd_forget(fd);
}

static void forget(int fd)
{
    if (fd >= 0) {
        gev__kind_forget(fd);
        changed(fd);
    }
}

static void copied(int from, int to)
{
    if (to >= 0 && to != from) {
        changed(to);
        gev__kind_copy(from, to);
    }
}

int gev__fd_made(int fd, const void *caller)
{
    if (fd >= 0) {
        gev__kind_forget(fd);
        if (gev__guard_books(GEV__F_fd, caller)) {
            changed(fd);
        }
    }
    return fd;
}

/* For an interposed function. */
#define MADE(fd) gev__fd_made(fd, __builtin_return_address(0))

GEV__INTERPOSED int close(int fd)
{
    if (BOOKS) {
        forget(fd);
    }
    return GEV__REAL(close)(fd);
}

/* libc closes inside itself; and the number may be watched. A popen(3) stream's is
   its pclose(3), as in libc. */
GEV__INTERPOSED int fclose(FILE *f)
{
    int saved = errno;

    if (f && gev__process_has(f)) {
        return pclose(f);
    }
    if (f && BOOKS) {
        forget(fileno(f)); /* -1 for a stream in memory */
        errno = saved;
    }
    return GEV__REAL(fclose)(f);
}

static void forget_range(unsigned first, unsigned last)
{
    gev__kind_forget_range(first, last);
    gev__closes_note_range(first, last);
    (void)gev_fd_forget_range(first, last);
}

GEV__INTERPOSED int close_range(unsigned first, unsigned last, int flags)
{
    if (first <= last && !(flags & CLOSE_RANGE_CLOEXEC) && BOOKS) {
        forget_range(first, last);
    }
    return GEV__REAL(close_range)(first, last, flags);
}

GEV__INTERPOSED void closefrom(int first)
{
    if (BOOKS) {
        forget_range(first < 0 ? 0 : (unsigned)first, ~0u);
    }
    GEV__REAL(closefrom)(first);
}

GEV__INTERPOSED int dup(int fd)
{
    int to = GEV__REAL(dup)(fd);

    if (to >= 0 && BOOKS) {
        copied(fd, to);
    }
    return to;
}

GEV__INTERPOSED int dup2(int from, int to)
{
    bool books = BOOKS;
    int r;

    if (books && from != to && GEV__REAL(fcntl)(from, F_GETFD) >= 0) {
        forget(to);
    }
    r = GEV__REAL(dup2)(from, to);
    if (r >= 0 && books) {
        copied(from, to);
    }
    return r;
}

GEV__INTERPOSED int dup3(int from, int to, int flags)
{
    bool books = BOOKS;
    int r;

    if (books && from != to && GEV__REAL(fcntl)(from, F_GETFD) >= 0) {
        forget(to);
    }
    r = GEV__REAL(dup3)(from, to, flags);
    if (r >= 0 && books) {
        copied(from, to);
    }
    return r;
}

/* O_NONBLOCK was set or cleared; of listeners it is remembered: see block.c. */
static void note_flag(int fd, bool on)
{
    if (gev__kind_has(fd, GEV__KIND_LISTENER)) {
        gev__kind_note_file(fd, on);
    }
}

static void note_fcntl(int fd, int command, long arg, int result)
{
    if (result < 0) {
        return;
    }
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
        copied(fd, result);
    } else if (command == F_SETFL) {
        note_flag(fd, (arg & O_NONBLOCK) != 0);
    }
}

/* Its third argument is a long or a pointer, or is not there and not looked at:
   whatever it is goes on as it came. */
GEV__INTERPOSED int fcntl(int fd, int command, ...)
{
    bool books = BOOKS;
    va_list args;
    void *arg;
    int r;

    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    r = GEV__REAL(fcntl)(fd, command, arg);
    if (books) {
        note_fcntl(fd, command, (long)(intptr_t)arg, r);
    }
    return r;
}

GEV__INTERPOSED int fcntl64(int fd, int command, ...)
{
    bool books = BOOKS;
    va_list args;
    void *arg;
    int r;

    va_start(args, command);
    arg = va_arg(args, void *);
    va_end(args);
    r = GEV__REAL(fcntl64)(fd, command, arg);
    if (books) {
        note_fcntl(fd, command, (long)(intptr_t)arg, r);
    }
    return r;
}

GEV__INTERPOSED int ioctl(int fd, unsigned long request, ...)
{
    bool books = request == FIONBIO && BOOKS;
    va_list args;
    void *arg;
    int r;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    r = GEV__REAL(ioctl)(fd, request, arg);
    if (r >= 0 && books) {
        note_flag(fd, *(const int *)arg != 0);
    }
    return r;
}

GEV__INTERPOSED int setsockopt(int fd, int level, int option, const void *value,
                               socklen_t len)
{
    int r = GEV__REAL(setsockopt)(fd, level, option, value, len);

    if (r == 0 && level == SOL_SOCKET && option == SO_RCVLOWAT && BOOKS) {
        gev__kind_note(fd, GEV__KIND_LOWAT, true);
    }
    return r;
}

GEV__INTERPOSED int listen(int fd, int backlog)
{
    int r = GEV__REAL(listen)(fd, backlog), flags;

    if (r == 0 && BOOKS) {
        flags = GEV__REAL(fcntl)(fd, F_GETFL);
        gev__kind_note(fd, GEV__KIND_LISTENER, true);
        gev__kind_note(fd, GEV__KIND_NONBLOCK, (flags & O_NONBLOCK) != 0);
    }
    return r;
}

GEV__INTERPOSED int socket(int domain, int type, int protocol)
{
    return MADE(GEV__REAL(socket)(domain, type, protocol));
}

GEV__INTERPOSED int socketpair(int domain, int type, int protocol, int fds[2])
{
    int r = GEV__REAL(socketpair)(domain, type, protocol, fds);

    if (r == 0) {
        MADE(fds[0]);
        MADE(fds[1]);
    }
    return r;
}

GEV__INTERPOSED int pipe(int fds[2])
{
    int r = GEV__REAL(pipe)(fds);

    if (r == 0) {
        MADE(fds[0]);
        MADE(fds[1]);
    }
    return r;
}

GEV__INTERPOSED int pipe2(int fds[2], int flags)
{
    int r = GEV__REAL(pipe2)(fds, flags);

    if (r == 0) {
        MADE(fds[0]);
        MADE(fds[1]);
    }
    return r;
}

/* libuv closes so. What a call does not take is not looked at, as in libc. */
GEV__INTERPOSED long syscall(long number, ...)
{
    bool closes = number == SYS_close || number == SYS_close_range;
    long a[6];
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    if (closes && BOOKS) {
        if (number == SYS_close) {
            forget((int)a[0]);
        } else if (!((unsigned)a[2] & CLOSE_RANGE_CLOEXEC)) {
            forget_range((unsigned)a[0], (unsigned)a[1]);
        }
    }
    return GEV__REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
