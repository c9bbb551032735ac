/* SPDX-License-Identifier: MIT */
/*
 * poll, select, epoll_wait and their relatives
 *
 * gev_poll() and gev_select() give the kernel's own answers; an epoll descriptor
 * is itself readable when it has something to tell. A signal mask is the thread's
 * while the call waits; whether anything is ready, or a signal pending, is first asked
 * of the system with it, in the one step that these calls are for.
 *
 * Failure modes
 *   a signal's handler has run  EINTR, with SA_RESTART too: signal(7)
 *   no memory to wait           the real call: all greenlets wait
 *   a name service module       likewise
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "patch/block.h"
#include "patch/closes.h"
#include "patch/guard.h"
#include "patch/interrupt.h"
#include "patch/real.h"

#define MSEC_PER_SEC  1000
#define NSEC_PER_MSEC 1000000
#define NSEC_PER_USEC 1000
#define NSEC_PER_SEC  1000000000L
#define USEC_PER_SEC  1000000L

/* Of a set of @n descriptors: whole words, as the system call has it. */
#define FD_BYTES(n)                                                            \
    ((n) <= 0 ? 0 : ((size_t)(n) + NFDBITS - 1) / NFDBITS * sizeof(fd_mask))

/* Whether gev cannot wait for this and the real call is to. */
static bool must_block(void)
{
    return errno == EDEADLK || errno == ENOMEM;
}

static const struct timespec no_time = {0, 0};

static bool is_time(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < NSEC_PER_SEC;
}

/* Milliseconds for poll, rounded up; -1 for none or too many. */
static int msec_of(const struct timespec *t)
{
    if (!t || t->tv_sec > INT_MAX / MSEC_PER_SEC - 1) {
        return -1;
    }
    return (int)(t->tv_sec * MSEC_PER_SEC +
                 (t->tv_nsec + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

/* Masks of calls that wait at the same time, of this thread. They may end in any
   order: the program's own is put back by the last. */
static _Thread_local struct {
    size_t n;
    sigset_t former;
} masked __attribute__((tls_model("initial-exec")));

/* The mask is in place until unmask(). NULL changes nothing. */
static void put_mask(const sigset_t *mask)
{
    sigset_t former;

    if (mask) {
        pthread_sigmask(SIG_SETMASK, mask, &former);
        if (masked.n++ == 0) {
            masked.former = former;
        }
    }
}

static void unmask(const sigset_t *mask)
{
    if (mask && --masked.n == 0) {
        pthread_sigmask(SIG_SETMASK, &masked.former, NULL);
    }
}

static int wait_poll(struct pollfd *fds, nfds_t n, int ms)
{
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);

    gev__closes_heed();
    return gev__eintr_enter(&e) < 0
               ? -1
               : gev__eintr_leave(&e, gev_poll(fds, n, ms));
}

static int wait_select(int n, fd_set *set[3], struct timeval *t)
{
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);

    gev__closes_heed();
    return gev__eintr_enter(&e) < 0
               ? -1
               : gev__eintr_leave(&e, gev_select(n, set[0], set[1], set[2], t));
}

GEV__INTERPOSED int poll(struct pollfd *fds, nfds_t n, int ms)
{
    int go = GEV__GUARD(wait, poll), saved = errno, r;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || ms == 0 ||
        gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(poll)(fds, n, ms);
    }
    gev__count_waited(GEV__N_poll);
    r = wait_poll(fds, n, ms);
    if (r < 0 && must_block()) {
        errno = saved;
        r = GEV__REAL(poll)(fds, n, ms);
    }
    return r;
}

GEV__INTERPOSED int __poll_chk(struct pollfd *fds, nfds_t n, int ms,
                               size_t size)
{
    int go = n <= size / sizeof *fds ? GEV__GUARD(wait, __poll_chk) : GEV__PASS;

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(__poll_chk)(fds, n, ms, size);
    }
    return poll(fds, n, ms);
}

GEV__INTERPOSED int ppoll(struct pollfd *fds, nfds_t n,
                          const struct timespec *t, const sigset_t *mask)
{
    int go = GEV__GUARD(wait, ppoll), r;
    int saved = errno;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || (t && !is_time(t)) ||
        gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(ppoll)(fds, n, t, mask);
    }
    gev__count_waited(GEV__N_ppoll);
    r = mask ? GEV__REAL(ppoll)(fds, n, &no_time, mask) : 0;
    if (r != 0) {
        return r;
    }
    put_mask(mask);
    r = wait_poll(fds, n, msec_of(t));
    unmask(mask);
    if (r < 0 && must_block()) {
        errno = saved;
        r = GEV__REAL(ppoll)(fds, n, t, mask);
    }
    return r;
}

GEV__INTERPOSED int __ppoll_chk(struct pollfd *fds, nfds_t n,
                                const struct timespec *t, const sigset_t *mask,
                                size_t size)
{
    int go =
        n <= size / sizeof *fds ? GEV__GUARD(wait, __ppoll_chk) : GEV__PASS;

    if (go != GEV__COOPERATE) {
        return go < 0 ? -1 : GEV__REAL(__ppoll_chk)(fds, n, t, mask, size);
    }
    return ppoll(fds, n, t, mask);
}

GEV__INTERPOSED int select(int n, fd_set *r, fd_set *w, fd_set *x,
                           struct timeval *t)
{
    int go = GEV__GUARD(wait, select), rc;
    int saved = errno;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(select)(n, r, w, x, t);
    }
    gev__count_waited(GEV__N_select);
    rc = wait_select(n, (fd_set *[]){r, w, x}, t);
    if (rc < 0 && must_block()) {
        errno = saved;
        rc = GEV__REAL(select)(n, r, w, x, t);
    }
    return rc;
}

/* Microseconds for select, rounded up. */
static struct timeval usec_of(const struct timespec *t)
{
    struct timeval tv = {.tv_sec = t->tv_sec,
                         .tv_usec =
                             (t->tv_nsec + NSEC_PER_USEC - 1) / NSEC_PER_USEC};

    if (tv.tv_usec == USEC_PER_SEC) {
        tv.tv_sec++;
        tv.tv_usec = 0;
    }
    return tv;
}

/* The system's answer at once, with the mask; the sets are as they were if it is 0.
   As pselect(2). */
static int ask_masked(int n, fd_set *set[3], const sigset_t *mask)
{
    fd_set copy[3], *at[3];
    int r;

    if (n > FD_SETSIZE) {
        return 0; /* larger sets than the type: the mask will do */
    }
    for (int i = 0; i < 3; i++) {
        at[i] = set[i] ? memcpy(&copy[i], set[i], FD_BYTES(n)) : NULL;
    }
    r = GEV__REAL(pselect)(n, at[0], at[1], at[2], &no_time, mask);
    for (int i = 0; i < 3 && r > 0; i++) {
        if (set[i]) {
            memcpy(set[i], &copy[i], FD_BYTES(n));
        }
    }
    return r;
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED int pselect(int n, fd_set *r, fd_set *w, fd_set *x,
                            const struct timespec *t, const sigset_t *mask)
{
    int go = GEV__GUARD(wait, pselect), rc;
    fd_set *set[3] = {r, w, x};
    struct timeval tv = {0, 0};
    int saved = errno;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || (t && !is_time(t)) ||
        gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(pselect)(n, r, w, x, t, mask);
    }
    gev__count_waited(GEV__N_pselect);
    rc = mask ? ask_masked(n, set, mask) : 0;
    if (rc != 0) {
        return rc;
    }
    if (t) {
        tv = usec_of(t);
    }
    put_mask(mask);
    rc = wait_select(n, set, t ? &tv : NULL);
    unmask(mask);
    if (rc < 0 && must_block()) {
        errno = saved;
        rc = GEV__REAL(pselect)(n, r, w, x, t, mask);
    }
    return rc;
}

/* Waits until an epoll descriptor has something to tell. As epoll_wait(2). */
static int wait_epoll(int epfd, struct epoll_event *v, int max, double deadline,
                      bool *ret_real)
{
    struct gev__eintr e = gev__eintr_begin(GEV__ALWAYS);

    for (;;) {
        int r = GEV__REAL(epoll_wait)(epfd, v, max, 0);
        double left = deadline < INFINITY ? deadline - gev_now() : INFINITY;

        if (r != 0 || left <= 0) {
            return r;
        }
        gev__closes_heed();
        if (gev__eintr_enter(&e) == 0 &&
            gev__eintr_leave(&e, gev_wait_fd(epfd, GEV_READ, left)) >= 0) {
            continue;
        }
        if (errno == ETIMEDOUT && gev__block_expired()) {
            continue; /* look once more */
        }
        *ret_real = must_block();
        return -1;
    }
}

/* NOLINTNEXTLINE(readability-function-size): epoll_pwait(2)'s, and two more */
static int cooperative_epoll(enum gev__name name, int epfd,
                             struct epoll_event *v, int max, double secs,
                             const sigset_t *mask, bool *ret_real)
{
    int r, saved = errno;

    gev__count_waited(name);
    r = mask ? GEV__REAL(epoll_pwait)(epfd, v, max, 0, mask) : 0;
    if (r != 0) {
        return r;
    }
    put_mask(mask);
    r = wait_epoll(epfd, v, max, secs < INFINITY ? gev_now() + secs : INFINITY,
                   ret_real);
    unmask(mask);
    if (r >= 0 || *ret_real) {
        errno = saved;
    }
    return r;
}

static double secs_of_msec(int ms)
{
    return ms < 0 ? INFINITY : (double)ms / MSEC_PER_SEC;
}

GEV__INTERPOSED int epoll_wait(int epfd, struct epoll_event *v, int max, int ms)
{
    int go = GEV__GUARD(wait, epoll_wait), r;
    bool real = false;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || ms == 0 ||
        gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(epoll_wait)(epfd, v, max, ms);
    }
    r = cooperative_epoll(GEV__N_epoll_wait, epfd, v, max, secs_of_msec(ms),
                          NULL, &real);
    return real ? GEV__REAL(epoll_wait)(epfd, v, max, ms) : r;
}

GEV__INTERPOSED int epoll_pwait(int epfd, struct epoll_event *v, int max,
                                int ms, const sigset_t *mask)
{
    int go = GEV__GUARD(wait, epoll_pwait), r;
    bool real = false;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || ms == 0 ||
        gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(epoll_pwait)(epfd, v, max, ms, mask);
    }
    r = cooperative_epoll(GEV__N_epoll_pwait, epfd, v, max, secs_of_msec(ms),
                          mask, &real);
    return real ? GEV__REAL(epoll_pwait)(epfd, v, max, ms, mask) : r;
}

GEV__INTERPOSED int epoll_pwait2(int epfd, struct epoll_event *v, int max,
                                 const struct timespec *t, const sigset_t *mask)
{
    int go = GEV__GUARD(wait, epoll_pwait2), r;
    double secs = INFINITY;
    bool real = false;

    if (go < 0) {
        return -1;
    }
    if (go == GEV__PASS || (t && !is_time(t)) ||
        gev__guard_is_service(__builtin_return_address(0))) {
        return GEV__REAL(epoll_pwait2)(epfd, v, max, t, mask);
    }
    if (t) {
        secs = (double)t->tv_sec + (double)t->tv_nsec / NSEC_PER_SEC;
    }
    r = cooperative_epoll(GEV__N_epoll_pwait2, epfd, v, max, secs, mask, &real);
    return real ? GEV__REAL(epoll_pwait2)(epfd, v, max, t, mask) : r;
}
