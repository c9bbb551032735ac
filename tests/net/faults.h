/* SPDX-License-Identifier: MIT */
/*
 * One call of the system fails: every scenario against every fault
 *
 * A round is a thread of its own, since a thread's first calls allocate most.
 * It runs the scenario with the k-th call of one kind failing, checks that it is
 * idle, and runs it again without a fault. Rounds go on with k = 1, 2, ... until
 * the scenario makes fewer than k such calls. The scenario
 *
 *   makes what it needs with plain calls, arms, uses gev, disarms, cleans up;
 *   passes each result to refused(), which says "make that call again" and
 *   notes any error but the one that was injected;
 *   notes with want() what else must be true.
 *
 * Only main asserts. State is static: nothing else of the process uses it.
 */
#ifndef TESTS_NET_FAULTS_H
#define TESTS_NET_FAULTS_H

#include "run.h"

#include <pthread.h>
#include <stdio.h>

#include "support/fault.h"
#include "support/proc.h"
#include "support/sock.h"

#define MEMORY    (FAULT_ALLOC | FAULT_MPROTECT)
#define MAX_TRIES 20
#define LIMIT     10.0 /* seconds: reached only by a lost wake-up */

/* A kind of call and how it fails. */
struct fault_case {
    unsigned kinds;
    int err;
};

static const struct fault_case fault_cases[] = {
    {MEMORY, ENOMEM},
    {FAULT_MADVISE, ENOMEM},
    {FAULT_READ, EINTR},
    {FAULT_READ, EAGAIN},
    {FAULT_READ, EIO},
    {FAULT_WRITE, EINTR},
    {FAULT_WRITE, EAGAIN},
    {FAULT_WRITE, ENOSPC},
    {FAULT_RECV, EINTR},
    {FAULT_RECV, EAGAIN},
    {FAULT_RECV, ECONNRESET},
    {FAULT_RECV, ENOMEM},
    {FAULT_RECV, EBADF},
    {FAULT_RECV, ENOTSOCK},
    {FAULT_SEND, EINTR},
    {FAULT_SEND, EAGAIN},
    {FAULT_SEND, ENOBUFS},
    {FAULT_SEND, EPIPE},
    {FAULT_SEND, EBADF},
    {FAULT_SENDFILE, EINTR},
    {FAULT_SENDFILE, EAGAIN},
    {FAULT_SENDFILE, EIO},
    {FAULT_SENDFILE, EPIPE},
    {FAULT_ACCEPT, EINTR},
    {FAULT_ACCEPT, EAGAIN},
    {FAULT_ACCEPT, ECONNABORTED},
    {FAULT_ACCEPT, EPROTO},
    {FAULT_ACCEPT, EMFILE},
    {FAULT_ACCEPT, ENFILE},
    {FAULT_ACCEPT, ENOBUFS},
    {FAULT_ACCEPT, ENOMEM},
    {FAULT_CONNECT, EINTR},
    {FAULT_CONNECT, EAGAIN},
    {FAULT_CONNECT, EADDRNOTAVAIL},
    {FAULT_CONNECT, ENETUNREACH},
    {FAULT_SOCKET, EMFILE},
    {FAULT_SOCKET, ENFILE},
    {FAULT_SOCKET, ENOBUFS},
    {FAULT_SOCKET, ENOMEM},
    {FAULT_BIND, EADDRINUSE},
    {FAULT_BIND, EACCES},
    {FAULT_LISTEN, EADDRINUSE},
    {FAULT_SHUTDOWN, ENOTCONN},
    {FAULT_CLOSE, EINTR},
    {FAULT_CLOSE, EIO},
    {FAULT_FCNTL, EBADF},
    {FAULT_STAT, EBADF},
    {FAULT_UNLINK, EACCES},
    {FAULT_EPOLL, ENOMEM},
    {FAULT_EPOLL, ENOSPC},
    {FAULT_EVENTFD, EMFILE},
    {FAULT_SOCKOPT, ENOBUFS},
    {FAULT_NAME, ENOBUFS},
    {FAULT_POLL, EINTR},
    {FAULT_POLL, ENOMEM},
    {FAULT_OPEN, EMFILE},
    {FAULT_OPEN, ENFILE},
    {FAULT_RLIMIT, EPERM},
    {FAULT_SIGNAL, ENOMEM},
    {FAULT_FORK, EAGAIN},
    {FAULT_FORK, ENOMEM},
    {FAULT_PIDFD, EMFILE},
    {FAULT_PIDFD, ENOSYS},
};

static struct {
    void (*scenario)(void);
    struct fault_case fault;
    int also;      /* another errno that the fault may show as, or 0 */
    long k;        /* which call fails */
    bool again;    /* the second run, without a fault */
    bool fired;    /* there were as many calls */
    int n_refused; /* calls that failed as they were told to */
    int n_wrong;   /* things that must not be */
    int line;      /* of the first of them */
    int err;       /* errno there */
} round_;

static inline void want_at(bool is_so, int line)
{
    if (!is_so && round_.n_wrong++ == 0) {
        round_.line = line;
        round_.err = errno;
    }
}

#define want(is_so) want_at(is_so, __LINE__)

/* poll(2) has no EMFILE, so that gev_poll() says ENOMEM then. */
static inline bool is_injected(int err)
{
    return err == round_.fault.err || (round_.also && err == round_.also) ||
           (round_.fault.kinds == FAULT_OPEN && err == ENOMEM);
}

/* Whether a call failed by the fault, and is to be made again. */
static inline bool refused_at(long r, int line)
{
    if (r >= 0) {
        return false;
    }
    bool fitting = is_injected(errno) && ++round_.n_refused < MAX_TRIES;
    want_at(fitting, line);
    errno = 0;
    return fitting;
}

#define refused(r) refused_at(r, __LINE__)

/* From here on a call may fail. */
static inline void arm(void)
{
    if (!round_.again) {
        fault_arm(round_.fault.kinds, round_.k, round_.fault.err);
    }
    errno = 0;
}

static inline void disarm(void)
{
    bool fired = fault_disarm();

    round_.fired = round_.again ? round_.fired : fired;
}

static inline struct gev_greenlet *go(gev_fn *fn, void *arg)
{
    struct gev_greenlet *g;

    do {
        g = gev_spawn(fn, arg);
    } while (refused(g ? 0 : -1));
    return g;
}

static inline void join(struct gev_greenlet *g)
{
    int r;

    do {
        r = gev_join(g, LIMIT);
    } while (refused(r));
    gev_unref(g);
}

/* Closed is closed, whatever it says: it is never done again. */
static inline void close_once(int fd)
{
    (void)refused(gev_close(fd));
}

static inline void want_idle(void)
{
    struct gev_stats st;

    want(gev_run(LIMIT) == 0);
    want(gev_stats(&st, sizeof st) == 0);
    want(st.greenlets == 0 && st.ready == 0);
}

static inline void *round_main(void *unused)
{
    int n_refused;

    round_.again = false;
    round_.scenario();
    want_idle();
    n_refused = round_.n_refused;
    want(round_.fired || n_refused == 0);
    round_.again = true;
    round_.scenario();
    want_idle();
    want(round_.n_refused == n_refused);
    return unused;
}

/* One round. Whether its fault was reached. */
static inline bool run_round(void)
{
    int before = proc_n_fds();
    pthread_t t;

    round_.fired = false;
    round_.n_refused = 0;
    round_.n_wrong = 0;
    assert_int_equal(pthread_create(&t, NULL, round_main, NULL), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    if (round_.n_wrong > 0 || proc_n_fds() != before) {
        print_error("kinds %#x, errno %d, k %ld: line %d, errno %d (%s)\n",
                    round_.fault.kinds, round_.fault.err, round_.k, round_.line,
                    round_.err, strerror(round_.err));
    }
    assert_int_equal(round_.n_wrong, 0);
    assert_int_equal(proc_n_fds(), before);
    return round_.fired;
}

/* Under valgrind a round takes long: then not every k is tried. */
static inline long next_k(long k)
{
    return under_valgrind() && k > 4 ? k * 2 : k + 1;
}

/* Runs a scenario against one fault. How many rounds met it. */
static inline long against(void (*scenario)(void), unsigned kinds, int err)
{
    long n = 0;

    round_.scenario = scenario;
    round_.fault = (struct fault_case){kinds, err};
    for (round_.k = 1; run_round(); round_.k = next_k(round_.k)) {
        n++;
    }
    return n;
}

/* Runs a scenario against all of them but those of the kinds @without. How many
 * rounds met one. */
static inline long against_all_but(void (*scenario)(void), unsigned without)
{
    long n = 0;

    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++) {
        if (!(fault_cases[i].kinds & without)) {
            n += against(scenario, fault_cases[i].kinds, fault_cases[i].err);
        }
    }
    return n;
}

static inline long against_all(void (*scenario)(void))
{
    return against_all_but(scenario, 0);
}

#endif
