/* SPDX-License-Identifier: MIT */
/*
 * gev_wait_any(), gev_wait_all(), gev_getall().
 *
 * Happy path: look whether there is an answer already; else link to all things
 * that are not ready, park, and look at what is done by then.
 *
 * Failure modes: see waits.c; whatever ends the wait, the record is freed by the
 * one who waited.
 */
#include <assert.h>

#include <gev/wait.h>

#include "core/ret.h"
#include "sync/waits.h"

/* How many are ready; -Exxx if one is not to be waited for. */
static ssize_t count_ready(const struct gev_waitable *v, size_t n,
                           size_t *ret_first)
{
    ssize_t n_ready = 0;

    for (size_t i = n; i-- > 0;) {
        int rc = gev__waits_look(&v[i]);

        if (rc < 0) {
            return rc;
        }
        if (rc > 0) {
            n_ready++;
            *ret_first = i;
        }
    }
    return n_ready;
}

/* Links to those that are not ready. */
static int link_all(struct gev__hub *hub, const struct gev_waitable *v,
                    size_t n, struct gev__waits **ret)
{
    struct gev__waits *w = gev__waits_new(hub, n, true);
    int rc = w ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = gev__waits_add(w, &v[i], i);
    }
    if (rc < 0 && w) {
        gev__waits_free(w);
    } else {
        *ret = w;
    }
    return rc;
}

static ssize_t wait_any(struct gev__hub *hub, const struct gev_waitable *v,
                        size_t n, double timeout)
{
    struct gev__waits *w;
    size_t index = 0;
    ssize_t rc = count_ready(v, n, &index);

    if (rc != 0) {
        return rc < 0 ? rc : (ssize_t)index;
    }
    rc = timeout == 0 ? -ETIMEDOUT : link_all(hub, v, n, &w);
    if (rc < 0) {
        return rc;
    }
    rc = gev__waits_park(hub, w, 1, timeout);
    if (rc == 0) {
        const struct gev__wait_link *l =
            GEV__CONTAINER(w->done.next, struct gev__wait_link, call.link);

        rc = l->gone ? -EBADF : (ssize_t)l->index;
    }
    gev__waits_free(w);
    return rc;
}

ssize_t gev_wait_any(const struct gev_waitable *v, size_t n, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__waits_enter(&hub, !v || !n, timeout);

    return gev__ret(rc < 0 ? rc : wait_any(hub, v, n, timeout));
}

/* Gives how many have been ready; *@ret_rc says why not all. */
static size_t wait_all(struct gev__hub *hub, const struct gev_waitable *v,
                       size_t n, double timeout, int *ret_rc)
{
    struct gev__waits *w;
    size_t index, n_done;
    ssize_t n_ready = count_ready(v, n, &index);

    if (n_ready < 0 || (size_t)n_ready == n) {
        *ret_rc = n_ready < 0 ? (int)n_ready : 0;
        return n_ready < 0 ? 0 : n;
    }
    n_done = (size_t)n_ready;
    *ret_rc = timeout == 0 ? -ETIMEDOUT : link_all(hub, v, n, &w);
    if (*ret_rc < 0) {
        return n_done;
    }
    *ret_rc = gev__waits_park(hub, w, n, timeout);
    n_done = w->n_done;
    if (*ret_rc == 0 && w->failed) {
        *ret_rc = -EBADF;
        n_done--;
    }
    gev__waits_free(w);
    return n_done;
}

ssize_t gev_wait_all(const struct gev_waitable *v, size_t n, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__waits_enter(&hub, !v && n, timeout);
    size_t n_done = rc < 0 ? 0 : wait_all(hub, v, n, timeout, &rc);

    if (rc < 0) {
        errno = -rc;
        return n_done ? (ssize_t)n_done : -1;
    }
    return (ssize_t)n_done;
}

/* The first error among them; 1 if all have ended well; 0: go on waiting. */
static int outcome(struct gev_greenlet *const *v, size_t n)
{
    int rc = 1;

    for (size_t i = 0; i < n; i++) {
        if (v[i] && gev_error(v[i])) {
            return -gev_error(v[i]);
        }
        if (v[i] && gev_state(v[i]) != GEV_DEAD) {
            rc = 0;
        }
    }
    return rc;
}

static int link_greenlets(struct gev__hub *hub, struct gev_greenlet *const *v,
                          size_t n, struct gev__waits **ret)
{
    struct gev__waits *w = gev__waits_new(hub, n, true);
    int rc = w ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && rc == 0; i++) {
        struct gev_waitable thing = gev_on_greenlet(v[i]);

        if (v[i] && gev_state(v[i]) != GEV_DEAD) {
            rc = gev__waits_add(w, &thing, i);
        }
        if (w->n && w->v[w->n - 1].index == i) {
            w->v[w->n - 1].g = v[i];
        }
    }
    if (rc < 0 && w) {
        gev__waits_free(w);
    } else {
        *ret = w;
    }
    return rc;
}

/* The error of the one that failed first. */
static int first_error(const struct gev__waits *w)
{
    for (const struct gev__list *i = w->done.next; i != &w->done; i = i->next) {
        const struct gev__wait_link *l =
            GEV__CONTAINER(i, struct gev__wait_link, call.link);

        if (gev_error(l->g)) {
            return -gev_error(l->g);
        }
    }
    return 0;
}

static int getall(struct gev__hub *hub, struct gev_greenlet *const *v, size_t n,
                  double timeout)
{
    struct gev__waits *w;
    int rc = outcome(v, n);

    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    rc = timeout == 0 ? -ETIMEDOUT : link_greenlets(hub, v, n, &w);
    if (rc < 0) {
        return rc;
    }
    rc = gev__waits_park(hub, w, w->n, timeout);
    if (rc == 0) {
        rc = first_error(w);
    }
    gev__waits_free(w);
    return rc;
}

/* Each is of this thread, and none is the caller. */
static int check_all(const struct gev__hub *hub, struct gev_greenlet *const *v,
                     size_t n)
{
    assert(v || n == 0);
    for (size_t i = 0; i < n; i++) {
        if (v[i] && !gev__greenlet_is_mine(hub->core, v[i])) {
            return -EPERM;
        }
        if (v[i] && v[i] == hub->core->current) {
            return -EDEADLK;
        }
    }
    return 0;
}

int gev_getall(struct gev_greenlet *const *v, size_t n, void **ret_values,
               double timeout)
{
    struct gev__hub *hub;
    int rc = gev__waits_enter(&hub, !v && n, timeout);

    if (rc == 0) {
        rc = check_all(hub, v, n);
    }
    if (rc == 0) {
        rc = getall(hub, v, n, timeout);
    }
    if (rc == 0 && ret_values) {
        for (size_t i = 0; i < n; i++) {
            ret_values[i] = v[i] ? gev_value(v[i]) : NULL;
        }
    }
    return (int)gev__ret(rc);
}
