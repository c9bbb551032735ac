/* SPDX-License-Identifier: MIT */
/*
 * gev_relay_both: two relays, one in the caller and one in a greenlet
 *
 * They share a record on the heap. The first that fails notes its error there and
 * wakes the other, which looks at it after each wait. So the caller may leave
 * without waiting where it cannot (it was killed, its time is up): the other
 * touches neither descriptor any more.
 *
 * Failure modes
 *   one direction fails     the other is woken and ends too
 *   idle                    whoever notices it first fails with ETIMEDOUT
 *   the caller is killed    its error is the pair's
 *   the second never runs   it was killed before it began: its reference to the
 *                           record is dropped for it
 */
#include <errno.h>
#include <stdlib.h>

#include <gev/hub.h>

#include "hub/wait.h"
#include "net/relay.h"

static void drop(struct gev__relay_pair *pair)
{
    if (--pair->refs == 0) {
        free(pair);
    }
}

/* Ends both directions. The first error counts. */
static void fail(struct gev__relay_pair *pair, int rc)
{
    if (rc == 0 || pair->err) {
        return;
    }
    pair->err = rc;
    for (int i = 0; i < 2; i++) {
        if (pair->who[i]) {
            gev__wake(pair->who[i], gev__seq(pair->who[i]), -ECANCELED);
        }
    }
}

static void one_way(struct gev__relay_pair *pair, int i)
{
    int rc;

    pair->who[i] = gev_current();
    rc = gev__relay(pair->fd[i], pair->fd[1 - i], 0, pair, &pair->bytes[i]);
    pair->who[i] = NULL;
    fail(pair, rc);
}

static void *way_back(void *arg)
{
    struct gev__relay_pair *pair = arg;

    pair->started = true;
    if (!pair->err) {
        one_way(pair, 1);
    }
    drop(pair);
    return NULL;
}

static struct gev__relay_pair *new_pair(int a, int b, double idle)
{
    struct gev__relay_pair *pair = calloc(1, sizeof *pair);

    if (pair) {
        pair->fd[0] = a;
        pair->fd[1] = b;
        pair->idle = idle;
        pair->last = gev__now();
        pair->refs = 1;
    }
    return pair;
}

/* Both directions. */
static int run(struct gev__relay_pair *pair)
{
    int saved = errno;
    struct gev_greenlet *g = gev_spawn(way_back, pair);

    if (!g) {
        return -errno;
    }
    pair->refs++;
    one_way(pair, 0);
    if (gev_join(g, GEV_FOREVER) < 0) {
        fail(pair, -errno);
    }
    if (gev_state(g) == GEV_DEAD && !pair->started) {
        fail(pair, -ECANCELED);
        drop(pair);
    }
    (void)gev_unref(g);
    errno = saved;
    /* The caller has a reference. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return pair->err;
}

int gev_relay_both(int a, int b, double idle, uint64_t ret_bytes[2])
{
    struct gev__relay_pair *pair;
    int rc;

    if (!gev__secs_ok(idle)) {
        return (int)gev__ret(-EINVAL);
    }
    pair = new_pair(a, b, idle);
    if (!pair) {
        return -1; /* calloc said ENOMEM */
    }
    rc = run(pair);
    if (ret_bytes) {
        ret_bytes[0] = pair->bytes[0];
        ret_bytes[1] = pair->bytes[1];
    }
    drop(pair);
    return (int)gev__ret(rc);
}
