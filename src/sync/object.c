/* SPDX-License-Identifier: MIT */
/*
 * The seldom taken ways into an object: on the hub, out of budget, killed, with
 * bad arguments.
 */
#include "sync/object.h"

int gev__object_begin_slow(struct gev__object *o, double timeout)
{
    struct gev__hub *hub;
    int rc = gev__object_check(o);

    if (rc == 0 && !gev__secs_ok(timeout)) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = gev__hub_start(&hub);
    }
    if (rc < 0) {
        return rc;
    }
    if (gev__only_tries(hub, timeout)) {
        return 0;
    }
    o->n_inside++; /* it may be freed while we yield */
    rc = gev__enter_slow(&hub);
    if (o->freed && rc == 0) {
        rc = -EBADF;
    }
    gev__object_leave(o);
    return rc;
}
