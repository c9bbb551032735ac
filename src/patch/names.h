/* SPDX-License-Identifier: MIT */
/*
 * The one table of interposed names.
 *
 * GEV__NAMES(X) is X(family, result, name, parameters) for each. From it are
 * made the pointers to the real functions, the counters and the report.
 */
#ifndef PATCH_NAMES_H
#define PATCH_NAMES_H

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "patch/service.h"

struct rusage;

/* What GEV_PATCH can switch on and off: "all,-dns,-process". */
#define GEV__FAMILIES(X)                                                       \
    X(wait)     /* poll, select, epoll_wait */                                 \
    X(transfer) /* read, write, recv, send */                                  \
    X(connect)  /* connect, accept */                                          \
    X(fd)       /* close, dup, fcntl: bookkeeping */                           \
    X(time)     /* sleep */                                                    \
    X(dns)      /* getaddrinfo, gethostbyname */                               \
    X(process)  /* waitpid, system */                                          \
    X(nss)      /* getpwnam, syslog: nothing switches inside */                \
    X(signal)   /* sigaction: what EINTR takes */

#define GEV__NAMES_WAIT(X)                                                     \
    X(wait, int, poll, (struct pollfd *, nfds_t, int))                         \
    X(wait, int, ppoll,                                                        \
      (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))    \
    X(wait, int, select,                                                       \
      (int, fd_set *, fd_set *, fd_set *, struct timeval *))                   \
    X(wait, int, pselect,                                                      \
      (int, fd_set *, fd_set *, fd_set *, const struct timespec *,             \
       const sigset_t *))                                                      \
    X(wait, int, epoll_wait, (int, struct epoll_event *, int, int))            \
    X(wait, int, epoll_pwait,                                                  \
      (int, struct epoll_event *, int, int, const sigset_t *))                 \
    X(wait, int, epoll_pwait2,                                                 \
      (int, struct epoll_event *, int, const struct timespec *,                \
       const sigset_t *))                                                      \
    X(wait, int, __poll_chk, (struct pollfd *, nfds_t, int, size_t))           \
    X(wait, int, __ppoll_chk,                                                  \
      (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *,     \
       size_t))

#define GEV__NAMES_TRANSFER(X)                                                 \
    X(transfer, ssize_t, read, (int, void *, size_t))                          \
    X(transfer, ssize_t, readv, (int, const struct iovec *, int))              \
    X(transfer, ssize_t, recv, (int, void *, size_t, int))                     \
    X(transfer, ssize_t, recvfrom,                                             \
      (int, void *, size_t, int, struct sockaddr *, socklen_t *))              \
    X(transfer, ssize_t, recvmsg, (int, struct msghdr *, int))                 \
    X(transfer, int, recvmmsg,                                                 \
      (int, struct mmsghdr *, unsigned, int, struct timespec *))               \
    X(transfer, ssize_t, write, (int, const void *, size_t))                   \
    X(transfer, ssize_t, writev, (int, const struct iovec *, int))             \
    X(transfer, ssize_t, send, (int, const void *, size_t, int))               \
    X(transfer, ssize_t, sendto,                                               \
      (int, const void *, size_t, int, const struct sockaddr *, socklen_t))    \
    X(transfer, ssize_t, sendmsg, (int, const struct msghdr *, int))           \
    X(transfer, int, sendmmsg, (int, struct mmsghdr *, unsigned, int))         \
    X(transfer, ssize_t, sendfile, (int, int, off_t *, size_t))                \
    X(transfer, ssize_t, sendfile64, (int, int, off64_t *, size_t))            \
    X(transfer, ssize_t, splice,                                               \
      (int, off64_t *, int, off64_t *, size_t, unsigned))                      \
    X(transfer, int, eventfd_read, (int, eventfd_t *))                         \
    X(transfer, int, eventfd_write, (int, eventfd_t))                          \
    X(transfer, ssize_t, __read_chk, (int, void *, size_t, size_t))            \
    X(transfer, ssize_t, __recv_chk, (int, void *, size_t, size_t, int))       \
    X(transfer, ssize_t, __recvfrom_chk,                                       \
      (int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *))

#define GEV__NAMES_CONNECT(X)                                                  \
    X(connect, int, connect, (int, const struct sockaddr *, socklen_t))        \
    X(connect, int, accept, (int, struct sockaddr *, socklen_t *))             \
    X(connect, int, accept4, (int, struct sockaddr *, socklen_t *, int))

#define GEV__NAMES_FD(X)                                                       \
    X(fd, int, close, (int))                                                   \
    X(fd, int, fclose, (FILE *))                                               \
    X(fd, int, close_range, (unsigned, unsigned, int))                         \
    X(fd, void, closefrom, (int))                                              \
    X(fd, int, dup, (int))                                                     \
    X(fd, int, dup2, (int, int))                                               \
    X(fd, int, dup3, (int, int, int))                                          \
    X(fd, int, fcntl, (int, int, ...))                                         \
    X(fd, int, fcntl64, (int, int, ...))                                       \
    X(fd, int, ioctl, (int, unsigned long, ...))                               \
    X(fd, int, setsockopt, (int, int, int, const void *, socklen_t))           \
    X(fd, int, listen, (int, int))                                             \
    X(fd, int, socket, (int, int, int))                                        \
    X(fd, int, socketpair, (int, int, int, int[2]))                            \
    X(fd, int, pipe, (int[2]))                                                 \
    X(fd, int, pipe2, (int[2], int))                                           \
    X(fd, long, syscall, (long, ...))

#define GEV__NAMES_TIME(X)                                                     \
    X(time, unsigned, sleep, (unsigned))                                       \
    X(time, int, usleep, (useconds_t))                                         \
    X(time, int, nanosleep, (const struct timespec *, struct timespec *))      \
    X(time, int, clock_nanosleep,                                              \
      (clockid_t, int, const struct timespec *, struct timespec *))            \
    X(time, int, thrd_sleep, (const struct timespec *, struct timespec *))

#define GEV__NAMES_DNS(X)                                                      \
    X(dns, int, getaddrinfo,                                                   \
      (const char *, const char *, const struct addrinfo *,                    \
       struct addrinfo **))                                                    \
    X(dns, int, getnameinfo,                                                   \
      (const struct sockaddr *, socklen_t, char *, socklen_t, char *,          \
       socklen_t, int))                                                        \
    X(dns, struct hostent *, gethostbyname, (const char *))                    \
    X(dns, struct hostent *, gethostbyname2, (const char *, int))              \
    X(dns, struct hostent *, gethostbyaddr, (const void *, socklen_t, int))    \
    X(dns, int, gethostbyname_r,                                               \
      (const char *, struct hostent *, char *, size_t, struct hostent **,      \
       int *))                                                                 \
    X(dns, int, gethostbyname2_r,                                              \
      (const char *, int, struct hostent *, char *, size_t, struct hostent **, \
       int *))                                                                 \
    X(dns, int, gethostbyaddr_r,                                               \
      (const void *, socklen_t, int, struct hostent *, char *, size_t,         \
       struct hostent **, int *))

#define GEV__NAMES_PROCESS(X)                                                  \
    X(process, pid_t, wait, (int *))                                           \
    X(process, pid_t, waitpid, (pid_t, int *, int))                            \
    X(process, pid_t, wait3, (int *, int, struct rusage *))                    \
    X(process, pid_t, wait4, (pid_t, int *, int, struct rusage *))             \
    X(process, int, waitid, (idtype_t, id_t, siginfo_t *, int))                \
    X(process, int, system, (const char *))                                    \
    X(process, FILE *, popen, (const char *, const char *))                    \
    X(process, int, pclose, (FILE *))

/* service.h's, whose arguments nobody needs here. */
#define GEV__SERVICE(X, result, name, parameters, arguments)                   \
    X(nss, result, name, parameters)
#define GEV__NAMES_NSS(X)                                                      \
    GEV__SERVICES(GEV__SERVICE, X)                                             \
    GEV__SERVICES_VARIADIC(X)

#define GEV__NAMES_SIGNAL(X)                                                   \
    X(signal, int, sigaction,                                                  \
      (int, const struct sigaction *, struct sigaction *))                     \
    X(signal, int, __sigaction,                                                \
      (int, const struct sigaction *, struct sigaction *))                     \
    X(signal, sighandler_t, signal, (int, sighandler_t))                       \
    X(signal, sighandler_t, bsd_signal, (int, sighandler_t))                   \
    X(signal, sighandler_t, ssignal, (int, sighandler_t))                      \
    X(signal, sighandler_t, sysv_signal, (int, sighandler_t))                  \
    X(signal, sighandler_t, __sysv_signal, (int, sighandler_t))                \
    X(signal, sighandler_t, sigset, (int, sighandler_t))                       \
    X(signal, int, siginterrupt, (int, int))

#define GEV__NAMES(X)                                                          \
    GEV__NAMES_WAIT(X)                                                         \
    GEV__NAMES_TRANSFER(X)                                                     \
    GEV__NAMES_CONNECT(X)                                                      \
    GEV__NAMES_FD(X)                                                           \
    GEV__NAMES_TIME(X)                                                         \
    GEV__NAMES_DNS(X)                                                          \
    GEV__NAMES_PROCESS(X)                                                      \
    GEV__NAMES_NSS(X)                                                          \
    GEV__NAMES_SIGNAL(X)

/* What _FORTIFY_SOURCE makes of the plain names; no header declares them. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t size, int flags,
                       struct sockaddr *sa, socklen_t *len);
int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *t,
                const sigset_t *mask, size_t size);

/* Older names, which no header declares, or not always. */
int __sigaction(int signo, const struct sigaction *act, struct sigaction *old);
sighandler_t bsd_signal(int signo, sighandler_t handler);
sighandler_t sysv_signal(int signo, sighandler_t handler);
sighandler_t __sysv_signal(int signo, sighandler_t handler);

enum gev__family {
#define GEV__FAMILY(family) GEV__F_##family,
    GEV__FAMILIES(GEV__FAMILY)
#undef GEV__FAMILY
        GEV__N_FAMILIES
};

enum gev__name {
#define GEV__NAME(family, result, name, parameters) GEV__N_##name,
    GEV__NAMES(GEV__NAME)
#undef GEV__NAME
        GEV__N_NAMES
};

#endif
