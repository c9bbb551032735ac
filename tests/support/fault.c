/* SPDX-License-Identifier: MIT */
/*
 * Fault injection by the linker
 *
 * -Wl,--wrap=read turns a reference to read() into one to __wrap_read(), and one
 * to __real_read() into libc's. Only undefined references of the objects being
 * linked are changed: gev's static library and the test. Shared libraries keep
 * calling libc directly. So each wrapper below counts, fails if it is its turn,
 * and otherwise calls the real one.
 */
#include "support/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define N_KINDS 32

static _Thread_local struct {
    unsigned kinds; /* armed ones; 0: nothing armed */
    long left;      /* calls of these kinds until the one that fails */
    int err;
    bool sticky; /* the ones after it fail too */
    bool fired;
    long count[N_KINDS];
} fault;

static void arm(unsigned kinds, long k, int err, bool sticky)
{
    fault_count_reset();
    fault.kinds = kinds;
    fault.left = k;
    fault.err = err;
    fault.sticky = sticky;
    fault.fired = false;
}

void fault_arm(unsigned kinds, long k, int err)
{
    arm(kinds, k, err, false);
}

void fault_arm_from(unsigned kinds, long k, int err)
{
    arm(kinds, k, err, true);
}

bool fault_disarm(void)
{
    bool fired = fault.fired;

    fault.kinds = 0;
    fault.fired = false;
    return fired;
}

long fault_count(unsigned kinds)
{
    long n = 0;

    for (unsigned i = 0; i < N_KINDS; i++) {
        if (kinds & (1U << i)) {
            n += fault.count[i];
        }
    }
    return n;
}

void fault_count_reset(void)
{
    memset(fault.count, 0, sizeof fault.count);
}

/* Counts a call of @kind (one bit). Whether it is to fail, with errno set. */
static bool hit(unsigned kind)
{
    fault.count[__builtin_ctz(kind)]++;
    if (!(fault.kinds & kind)) {
        return false;
    }
    fault.left--;
    if (fault.left > 0 || (fault.left < 0 && !fault.sticky)) {
        return false;
    }
    fault.fired = true;
    errno = fault.err;
    return true;
}

/*
 * WRAP(type, failure, kind, name, (parameters), (arguments)) makes a wrapper that
 * returns `failure` when it is its turn.
 */
#define WRAP(type, failure, kind, name, params, args)                          \
    type __real_##name params;                                                 \
    type __wrap_##name params;                                                 \
    type __wrap_##name params                                                  \
    {                                                                          \
        return hit(kind) ? (failure) : __real_##name args;                     \
    }

/* clang-format off */
WRAP(void *, NULL, FAULT_HEAP, malloc, (size_t n), (n))
WRAP(void *, NULL, FAULT_HEAP, calloc, (size_t n, size_t m), (n, m))
WRAP(void *, NULL, FAULT_HEAP, realloc, (void *p, size_t n), (p, n))
WRAP(void *, NULL, FAULT_HEAP, aligned_alloc, (size_t a, size_t n), (a, n))
WRAP(int, fault.err, FAULT_HEAP, posix_memalign,
     (void **p, size_t a, size_t n), (p, a, n))
WRAP(char *, NULL, FAULT_HEAP, strdup, (const char *s), (s))
WRAP(char *, NULL, FAULT_HEAP, strndup, (const char *s, size_t n), (s, n))

WRAP(void *, MAP_FAILED, FAULT_MMAP, mmap,
     (void *p, size_t n, int prot, int flags, int fd, off_t off),
     (p, n, prot, flags, fd, off))
WRAP(void *, MAP_FAILED, FAULT_MMAP, mmap64,
     (void *p, size_t n, int prot, int flags, int fd, off_t off),
     (p, n, prot, flags, fd, off))
WRAP(int, -1, FAULT_MPROTECT, mprotect, (void *p, size_t n, int prot),
     (p, n, prot))
WRAP(int, -1, FAULT_MADVISE, madvise, (void *p, size_t n, int how), (p, n, how))

WRAP(ssize_t, -1, FAULT_READ, read, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, -1, FAULT_READ, readv, (int fd, const struct iovec *v, int n),
     (fd, v, n))
WRAP(ssize_t, -1, FAULT_WRITE, write, (int fd, const void *p, size_t n),
     (fd, p, n))
WRAP(ssize_t, -1, FAULT_WRITE, writev, (int fd, const struct iovec *v, int n),
     (fd, v, n))
WRAP(ssize_t, -1, FAULT_RECV, recv, (int fd, void *p, size_t n, int fl),
     (fd, p, n, fl))
WRAP(ssize_t, -1, FAULT_RECV, recvfrom,
     (int fd, void *p, size_t n, int fl, struct sockaddr *a, socklen_t *l),
     (fd, p, n, fl, a, l))
WRAP(ssize_t, -1, FAULT_RECV, recvmsg, (int fd, struct msghdr *m, int fl),
     (fd, m, fl))
WRAP(ssize_t, -1, FAULT_SEND, send, (int fd, const void *p, size_t n, int fl),
     (fd, p, n, fl))
WRAP(ssize_t, -1, FAULT_SEND, sendto,
     (int fd, const void *p, size_t n, int fl, const struct sockaddr *a,
      socklen_t l),
     (fd, p, n, fl, a, l))
WRAP(ssize_t, -1, FAULT_SEND, sendmsg,
     (int fd, const struct msghdr *m, int fl), (fd, m, fl))
WRAP(ssize_t, -1, FAULT_SENDFILE, sendfile,
     (int out, int in, off_t *off, size_t n), (out, in, off, n))
WRAP(ssize_t, -1, FAULT_SENDFILE, sendfile64,
     (int out, int in, off_t *off, size_t n), (out, in, off, n))

WRAP(int, -1, FAULT_ACCEPT, accept, (int fd, struct sockaddr *a, socklen_t *l),
     (fd, a, l))
WRAP(int, -1, FAULT_ACCEPT, accept4,
     (int fd, struct sockaddr *a, socklen_t *l, int fl), (fd, a, l, fl))
WRAP(int, -1, FAULT_CONNECT, connect,
     (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l))
WRAP(int, -1, FAULT_SOCKET, socket, (int d, int t, int p), (d, t, p))
WRAP(int, -1, FAULT_SOCKET, socketpair, (int d, int t, int p, int *fds),
     (d, t, p, fds))
WRAP(int, -1, FAULT_BIND, bind, (int fd, const struct sockaddr *a, socklen_t l),
     (fd, a, l))
WRAP(int, -1, FAULT_LISTEN, listen, (int fd, int n), (fd, n))
WRAP(int, -1, FAULT_SHUTDOWN, shutdown, (int fd, int how), (fd, how))
WRAP(int, -1, FAULT_SOCKOPT, getsockopt,
     (int fd, int level, int name, void *p, socklen_t *l),
     (fd, level, name, p, l))
WRAP(int, -1, FAULT_SOCKOPT, setsockopt,
     (int fd, int level, int name, const void *p, socklen_t l),
     (fd, level, name, p, l))
WRAP(int, -1, FAULT_NAME, getsockname,
     (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))
WRAP(int, -1, FAULT_NAME, getpeername,
     (int fd, struct sockaddr *a, socklen_t *l), (fd, a, l))

WRAP(int, -1, FAULT_EPOLL, epoll_ctl,
     (int ep, int op, int fd, struct epoll_event *e), (ep, op, fd, e))
WRAP(int, -1, FAULT_OPEN, epoll_create1, (int fl), (fl))
WRAP(int, -1, FAULT_EVENTFD, eventfd, (unsigned n, int fl), (n, fl))
WRAP(int, -1, FAULT_POLL, poll, (struct pollfd *p, nfds_t n, int ms),
     (p, n, ms))
WRAP(int, -1, FAULT_POLL, select,
     (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t),
     (n, r, w, x, t))
WRAP(int, -1, FAULT_OPEN, pipe2, (int *fds, int fl), (fds, fl))
WRAP(int, -1, FAULT_OPEN, dup, (int fd), (fd))
WRAP(int, -1, FAULT_OPEN, dup3, (int fd, int to, int fl), (fd, to, fl))
WRAP(pid_t, -1, FAULT_FORK, fork, (void), ())
WRAP(int, fault.err, FAULT_FORK, posix_spawn,
     (pid_t *pid, const char *path, const posix_spawn_file_actions_t *f,
      const posix_spawnattr_t *attr, char *const *argv, char *const *env),
     (pid, path, f, attr, argv, env))
WRAP(int, fault.err, FAULT_FORK, posix_spawnp,
     (pid_t *pid, const char *path, const posix_spawn_file_actions_t *f,
      const posix_spawnattr_t *attr, char *const *argv, char *const *env),
     (pid, path, f, attr, argv, env))
WRAP(int, -1, FAULT_PIDFD, pidfd_open, (pid_t pid, unsigned fl), (pid, fl))
WRAP(int, fault.err, FAULT_THREAD, pthread_create,
     (pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *p),
     (t, a, fn, p))
WRAP(int, -1, FAULT_RLIMIT, getrlimit, (int what, struct rlimit *r), (what, r))
WRAP(int, -1, FAULT_RLIMIT, getrlimit64, (int what, struct rlimit *r),
     (what, r))
WRAP(int, -1, FAULT_RLIMIT, setrlimit,
     (__rlimit_resource_t what, const struct rlimit *r), (what, r))
WRAP(int, -1, FAULT_RLIMIT, setrlimit64,
     (__rlimit_resource_t what, const struct rlimit *r), (what, r))
WRAP(int, -1, FAULT_STAT, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, FAULT_STAT, fstat64, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, FAULT_STAT, lstat, (const char *path, struct stat *st),
     (path, st))
WRAP(int, -1, FAULT_STAT, lstat64, (const char *path, struct stat *st),
     (path, st))
WRAP(ssize_t, -1, FAULT_SPLICE, splice,
     (int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
      unsigned flags),
     (in, in_at, out, out_at, n, flags))
WRAP(int, -1, FAULT_UNLINK, unlink, (const char *path), (path))
WRAP(int, -1, FAULT_SIGNAL, sigaction,
     (int sig, const struct sigaction *a, struct sigaction *old),
     (sig, a, old))
WRAP(int, -1, FAULT_SIGNAL, sigaltstack, (const stack_t *s, stack_t *old),
     (s, old))
/* clang-format on */

/*
 * The variadic ones take at most one more argument, an int or a pointer: both
 * arrive as a long on the 64-bit ABIs that gev runs on.
 */
#define WRAP_VARIADIC(kind, name, type)                                        \
    int __real_##name(type a, int b, ...);                                     \
    int __wrap_##name(type a, int b, ...);                                     \
    int __wrap_##name(type a, int b, ...)                                      \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, b);                                                       \
        long arg = va_arg(ap, long);                                           \
        va_end(ap);                                                            \
        return hit(kind) ? -1 : __real_##name(a, b, arg);                      \
    }

WRAP_VARIADIC(FAULT_FCNTL, fcntl, int)
WRAP_VARIADIC(FAULT_FCNTL, fcntl64, int)
WRAP_VARIADIC(FAULT_OPEN, open, const char *)
WRAP_VARIADIC(FAULT_OPEN, open64, const char *)

/* ioctl's request is an unsigned long. */
int __real_ioctl(int fd, unsigned long req, ...);
int __wrap_ioctl(int fd, unsigned long req, ...);
int __wrap_ioctl(int fd, unsigned long req, ...)
{
    va_list ap;

    va_start(ap, req);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    return hit(FAULT_IOCTL) ? -1 : __real_ioctl(fd, req, arg);
}

/* Linux gives the number back whatever close() returns: close(2), "Dealing with
 * error returns". */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int r = __real_close(fd);

    return hit(FAULT_CLOSE) ? -1 : r;
}
