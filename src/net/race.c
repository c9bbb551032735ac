/* SPDX-License-Identifier: MIT */
/*
 * Happy Eyeballs: several addresses, one connection, RFC 8305.
 *
 *   order    the families take turns, beginning with the first address's
 *   start    one attempt; the next when it has failed, or 250 ms later, while
 *            the former ones go on
 *   end      the first that is connected wins; the others are closed
 *
 * One greenlet does it all: it waits for any of the sockets, or for the time of
 * the next attempt, through observers (net/observe.h).
 *
 * Failure modes
 *   an attempt fails         its error is kept; the next one begins at once
 *   all have failed          the error that tells most: "no route" and the like
 *                            only if there is no other
 *   killed, out of time      all sockets are closed
 *   no socket, no memory     like a failed attempt
 */
#include "net/race.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <gev/io.h>

#include "hub/wait.h"
#include "net/io.h"
#include "net/observe.h"
#include "net/open.h"

static double delay = 0.25;

void gev__race_set_delay(double secs)
{
    delay = secs;
}

/* An address and its socket. */
struct attempt {
    const struct addrinfo *ai;
    int fd; /* -1: not begun, or failed */
};

/* All of it; on the heap for its size only. */
struct race {
    struct gev__hub *hub;
    double deadline;
    double next;        /* when the next attempt is due */
    size_t n;           /* addresses */
    size_t n_begun;     /* the first so many have been begun */
    size_t n_in_flight; /* of these, undecided */
    int err;            /* the most telling error so far, -Exxx */
    struct attempt v[];
};

static bool is_dull(int rc)
{
    return rc == 0 || rc == -ENETUNREACH || rc == -EHOSTUNREACH ||
           rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT;
}

/* Closes an attempt's socket; errno is as before. */
static void give_up(struct race *r, struct attempt *a)
{
    int saved = errno;

    if (a->fd >= 0) {
        (void)gev_close(a->fd);
        a->fd = -1;
        r->n_in_flight--;
    }
    errno = saved;
}

static void lost(struct race *r, struct attempt *a, int rc)
{
    if (!is_dull(rc) || is_dull(r->err)) {
        r->err = rc;
    }
    give_up(r, a);
    r->next = 0; /* the next one at once */
}

/* connect(2): 1 connected, 0 undecided, -Exxx. */
static int try_connect(const struct attempt *a)
{
    int saved = errno, rc = 1;

    if (connect(a->fd, a->ai->ai_addr, a->ai->ai_addrlen) < 0) {
        rc = errno == EISCONN ? 1 : -errno;
    }
    errno = saved;
    return rc == -EINPROGRESS || rc == -EALREADY || rc == -EINTR ? 0 : rc;
}

static int open_attempt(struct race *r, struct attempt *a)
{
    int fd = gev__open_socket(a->ai->ai_family, SOCK_STREAM);

    if (fd >= 0) {
        fd = gev__open_tell(fd, GEV__FD_STREAM);
    }
    if (fd >= 0) {
        a->fd = fd;
        r->n_in_flight++;
        return 0;
    }
    return fd;
}

/* Begins the next attempt. Return: the winner, or NULL. */
static struct attempt *begin(struct race *r)
{
    struct attempt *a = &r->v[r->n_begun++];
    int rc;

    r->next = gev__deadline(delay);
    rc = open_attempt(r, a);
    if (rc == 0) {
        rc = try_connect(a);
    }
    if (rc < 0) {
        lost(r, a, rc);
    }
    return rc > 0 ? a : NULL;
}

/* Begins those that are due. Return: the winner, or NULL. */
static struct attempt *begin_due(struct race *r)
{
    struct attempt *won = NULL;

    while (!won && r->n_begun < r->n &&
           (r->n_in_flight == 0 || gev__now() >= r->next)) {
        won = begin(r);
    }
    return won;
}

/* Looks at those that are decided. Return: the winner, or NULL. */
static struct attempt *look(struct race *r)
{
    for (size_t i = 0; i < r->n_begun; i++) {
        struct attempt *a = &r->v[i];
        socklen_t len = sizeof(int);
        int err = 0, rc;

        if (a->fd < 0 || !gev__io_polls(a->fd, POLLOUT)) {
            continue;
        }
        if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
            err = errno;
        }
        rc = err ? -err : try_connect(a);
        if (rc > 0) {
            return a;
        }
        if (rc < 0) {
            lost(r, a, rc);
        }
    }
    return NULL;
}

/* Waits until one is decided or the next is due: 0 or -Exxx. */
static int wait_for_any(struct race *r)
{
    bool more = r->n_begun < r->n && r->next < r->deadline;
    double until = more ? r->next : r->deadline;
    struct gev__watch *w;
    int rc = 0;

    if (r->deadline < 0) {
        return -ETIMEDOUT;
    }
    w = gev__watch_new(r->hub, r->n_in_flight);
    if (!w) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < r->n_begun && rc == 0; i++) {
        if (r->v[i].fd >= 0) {
            rc = gev__watch_add(w, r->v[i].fd, POLLOUT);
        }
    }
    if (rc == 0) {
        rc = gev__watch_wait(w, until);
        rc = rc == 0 && !more ? -ETIMEDOUT : rc;
    }
    gev__watch_free(w);
    return rc < 0 ? rc : 0;
}

/* Return: the winner's descriptor or -Exxx. */
static int run(struct race *r)
{
    struct attempt *won = begin_due(r);
    int rc, fd;

    while (!won) {
        if (r->n_in_flight == 0) {
            return r->err;
        }
        rc = wait_for_any(r);
        if (rc < 0) {
            return rc;
        }
        won = look(r);
        won = won ? won : begin_due(r);
    }
    fd = won->fd;
    won->fd = -1;
    return fd;
}

/* The next of (not) that family from @ai on, or NULL. */
static const struct addrinfo *next_of(const struct addrinfo *ai, int family,
                                      bool same)
{
    while (ai && (ai->ai_family == family) != same) {
        ai = ai->ai_next;
    }
    return ai;
}

/* The families take turns. */
static void put_in_order(struct race *r, const struct addrinfo *list)
{
    int family = list->ai_family;
    const struct addrinfo *turn = list, *other = next_of(list, family, false);
    bool same = true;

    for (size_t i = 0; i < r->n; i++) {
        const struct addrinfo *swap;

        r->v[i] = (struct attempt){.ai = turn, .fd = -1};
        turn = next_of(turn->ai_next, family, same);
        if (other) {
            swap = turn;
            turn = other;
            other = swap;
            same = !same;
        }
    }
}

int gev__race(struct gev__hub *hub, const struct addrinfo *list,
              double deadline)
{
    struct race *r;
    size_t n = 0;
    int rc;

    assert(list);
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        n++;
    }
    r = calloc(1, sizeof *r + n * sizeof r->v[0]);
    if (!r) {
        return -ENOMEM;
    }
    r->hub = hub;
    r->deadline = deadline;
    r->n = n;
    put_in_order(r, list);
    rc = run(r);
    for (size_t i = 0; i < r->n_begun; i++) {
        give_up(r, &r->v[i]);
    }
    free(r);
    return rc;
}
