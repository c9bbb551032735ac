/* SPDX-License-Identifier: MIT */
/*
 * gev_select: the kernel's answers, without blocking others
 *
 * A set is an array of unsigned long to the kernel, and so it is here: libc's
 * FD_ISSET aborts above 1023 in fortified builds, while callers with larger
 * sets are welcome.
 *
 * The kernel overwrites sets, so what was asked is kept in one heap block:
 *
 *   | r words | w words | x words |      each of words(n) longs
 *
 * Happy path: net/observe.h.
 *
 * Failure modes: those of net/observe.c; on each the caller's sets are put back.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>

#include <gev/hub.h>
#include <gev/io.h>

#include "hub/wait.h"
#include "net/observe.h"

#define BITS       ((int)(sizeof(unsigned long) * CHAR_BIT))
#define N_SETS     3
#define USEC       1000000L
#define SECS_LARGE 1e15 /* more than a double of seconds tells from for ever */

/* A call in progress, on its caller's stack. */
struct call {
    int n;
    fd_set *set[N_SETS];  /* the caller's: r, w, x */
    unsigned long *asked; /* a copy of them */
    size_t words;         /* longs of one set */
};

static const short events_of[N_SETS] = {POLLIN, POLLOUT, POLLPRI};

static unsigned long *asked(const struct call *c, int which)
{
    return c->asked + (size_t)which * c->words;
}

/*
 * The kernel looks at no more bits than the process has room for descriptors now
 * (FDSize), and nor do we: select(getdtablesize(), ...) on sets of the usual
 * size is an old idiom.
 */
static int clamp(int n)
{
    int saved = errno;
    int room = FD_SETSIZE;
    char line[128];
    FILE *f;

    if (n <= FD_SETSIZE) {
        return n;
    }
    f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "FDSize: %d", &room) == 1) {
            break;
        }
    }
    if (f) {
        (void)fclose(f);
    }
    errno = saved;
    return n < room ? n : room;
}

static int save_sets(struct call *c)
{
    c->words = ((size_t)c->n + (size_t)BITS - 1) / (size_t)BITS;
    c->asked = calloc(c->words * N_SETS + 1, sizeof *c->asked);
    if (!c->asked) {
        return -ENOMEM;
    }
    for (int i = 0; i < N_SETS; i++) {
        if (c->set[i]) {
            memcpy(asked(c, i), c->set[i], c->words * sizeof *c->asked);
        }
    }
    return 0;
}

static void restore_sets(const struct call *c)
{
    for (int i = 0; i < N_SETS; i++) {
        if (c->set[i]) {
            memcpy(c->set[i], asked(c, i), c->words * sizeof *c->asked);
        }
    }
}

/* select(2) with a timeout of 0 on the caller's sets; errno is as before. */
static int ask(const struct call *c)
{
    int saved = errno, r;

    do {
        struct timeval at_once = {0, 0};
        r = select(c->n, c->set[0], c->set[1], c->set[2], &at_once);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = -errno;
        errno = saved;
    }
    return r;
}

/* What is asked of one descriptor, as poll(2) events; 0 for nothing. */
static short wanted(const struct call *c, int fd)
{
    unsigned long bit = 1UL << (fd % BITS);
    short events = 0;

    for (int i = 0; i < N_SETS; i++) {
        if (asked(c, i)[fd / BITS] & bit) {
            events = (short)(events | events_of[i]);
        }
    }
    return events;
}

/* Words without a bit are passed over: sets are mostly empty. */
static bool is_empty_word(const struct call *c, size_t word)
{
    return !(asked(c, 0)[word] | asked(c, 1)[word] | asked(c, 2)[word]);
}

/* Counts what is asked for, and with @w watches it. Return: count or -Exxx. */
static long each_wanted(const struct call *c, struct gev__watch *w)
{
    long count = 0;

    for (int fd = 0; fd < c->n; fd++) {
        if (fd % BITS == 0 && is_empty_word(c, (size_t)(fd / BITS))) {
            fd += BITS - 1;
            continue;
        }
        short events = wanted(c, fd);
        if (!events) {
            continue;
        }
        count++;
        int rc = w ? gev__watch_add(w, fd, events) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return count;
}

/* Nothing was ready: waits until something is. As select(2), or -Exxx. */
static int wait_ready(struct gev__hub *hub, const struct call *c,
                      double deadline)
{
    struct gev__watch *w = gev__watch_new(hub, (size_t)each_wanted(c, NULL));
    int rc, r = 0;

    if (!w) {
        return -ENOMEM;
    }
    rc = (int)each_wanted(c, w);
    while (rc >= 0) {
        rc = gev__watch_wait(w, deadline);
        if (rc < 0) {
            break;
        }
        restore_sets(c);
        r = ask(c);
        if (r != 0 || rc == 0) {
            break;
        }
    }
    gev__watch_free(w);
    return rc < 0 ? rc : r;
}

/* The deadline of a timeval, -EINVAL as select(2). */
static int deadline_of(const struct timeval *t, double *ret)
{
    double secs;

    if (!t) {
        *ret = INFINITY;
        return 0;
    }
    if (t->tv_sec < 0 || t->tv_usec < 0) {
        return -EINVAL;
    }
    secs = (double)t->tv_sec + (double)t->tv_usec / (double)USEC;
    *ret = secs < SECS_LARGE ? gev__deadline(secs) : INFINITY;
    return 0;
}

static void store_left(struct timeval *t, double deadline)
{
    double left;

    if (!t || isinf(deadline)) {
        return;
    }
    left = deadline - gev_now();
    left = left > 0 ? left : 0;
    t->tv_sec = (time_t)left;
    t->tv_usec = (suseconds_t)((left - (double)t->tv_sec) * (double)USEC);
}

static int run(struct gev__hub *hub, struct call *c,
               const struct timeval *timeout, double deadline)
{
    bool at_once = timeout && timeout->tv_sec == 0 && timeout->tv_usec == 0;
    int r;

    if (c->n < 0) {
        return -EINVAL;
    }
    if (at_once) {
        return ask(c);
    }
    r = save_sets(c);
    if (r < 0) {
        return r;
    }
    r = ask(c);
    if (r == 0) {
        r = wait_ready(hub, c, deadline);
    }
    if (r < 0) {
        restore_sets(c);
    }
    free(c->asked);
    return r;
}

int gev_select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *timeout)
{
    struct call c = {.n = clamp(n), .set = {r, w, x}};
    struct gev__hub *hub;
    double deadline = INFINITY;
    int rc = gev__enter(&hub);

    if (rc == 0) {
        rc = deadline_of(timeout, &deadline);
    }
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    rc = run(hub, &c, timeout, deadline);
    if (rc != -EINVAL) {
        store_left(timeout, deadline);
    }
    return (int)gev__ret(rc);
}
