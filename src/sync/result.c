/* SPDX-License-Identifier: MIT */
/*
 * Results: what gev_event is to a flag, this is to a value or an error.
 *
 * Happy path: a get parks in the line; the outcome wakes the whole line, and
 * each reads it when it runs.
 *
 * Failure modes: the result is freed in between: who was woken by an outcome is
 * counted inside, so its memory stays until he has read it. Freed without an
 * outcome: EBADF.
 */
#include <gev/result.h>

#include <limits.h>

#include "core/ret.h"
#include "sync/line.h"
#include "sync/object.h"
#include "sync/waitable.h"

struct gev_result {
    struct gev__object object;
    struct gev__list waiters; /* of gev_greenlet.link */
    struct gev__list links;   /* of gev__call.link */
    void *value;              /* if it is ready and has no error */
    int err;                  /* or this */
    bool ready;               /* there is an outcome */
};

struct gev_result *gev_result_new(void)
{
    struct gev_result *r = calloc(1, sizeof *r);

    if (!r) {
        errno = ENOMEM;
        return NULL;
    }
    gev__object_init(&r->object, "result");
    gev__list_init(&r->waiters);
    gev__list_init(&r->links);
    return r;
}

int gev_result_free(struct gev_result *r)
{
    int rc = r ? gev__object_check(&r->object) : 0;

    if (r && rc == 0) {
        gev__wake_all(&r->waiters, -EBADF);
        gev__waitable_gone(gev__hub_tls, &r->links);
        gev__object_free(&r->object);
    }
    return (int)gev__ret(rc);
}

static int bring(struct gev_result *r, void *value, int err)
{
    int rc = r ? gev__object_check(&r->object) : -EINVAL;

    if (rc < 0) {
        return rc;
    }
    if (gev__on_run_stack(gev__hub_tls->core, value)) {
        return -EFAULT;
    }
    if (r->ready) {
        return -EALREADY;
    }
    r->value = value;
    r->err = err;
    r->ready = true;
    gev__wake_all(&r->waiters, 0);
    gev__links_fire(gev__hub_tls, &r->links);
    return 0;
}

int gev_result_set(struct gev_result *r, void *value)
{
    return (int)gev__ret(bring(r, value, 0));
}

int gev_result_fail(struct gev_result *r, int err)
{
    if (err <= 0 || err > UINT16_MAX) {
        return (int)gev__ret(-EINVAL);
    }
    return (int)gev__ret(bring(r, NULL, err));
}

int gev_result_reset(struct gev_result *r)
{
    int rc = r ? gev__object_check(&r->object) : -EINVAL;

    if (rc == 0 && r->ready && r->object.n_inside) {
        rc = -EBUSY;
    }
    if (rc == 0) {
        r->ready = false;
        r->value = NULL;
        r->err = 0;
    }
    return (int)gev__ret(rc);
}

int gev_result_ready(const struct gev_result *r)
{
    return r && r->ready;
}

int gev_result_error(const struct gev_result *r)
{
    return r ? r->err : 0;
}

static int wait_for(struct gev__hub *hub, struct gev_result *r, double timeout)
{
    return r->ready ? 0 : gev__line_wait(hub, &r->object, &r->waiters, timeout);
}

int gev_result_get(struct gev_result *r, void **ret_value, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_enter(r ? &r->object : NULL, timeout, &hub);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    r->object.n_inside++;
    rc = wait_for(hub, r, timeout);
    if (rc == 0) {
        rc = -r->err;
    }
    if (rc == 0 && ret_value) {
        *ret_value = r->value;
    }
    gev__object_leave(&r->object);
    return (int)gev__ret(rc);
}

static int look(void *object, struct gev__list **ret_links)
{
    struct gev_result *r = object;
    int rc = gev__object_check(&r->object);

    if (ret_links) {
        *ret_links = &r->links;
    }
    return rc < 0 ? rc : r->ready;
}

static const struct gev_waitable_kind kind = {.look = look};

struct gev_waitable gev_on_result(struct gev_result *r)
{
    return (struct gev_waitable){&kind, r};
}
