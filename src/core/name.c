/* SPDX-License-Identifier: MIT */
/*
 * What humans know a greenlet by: its number and its name.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/greenlet.h"
#include "core/ret.h"

uint32_t gev_id(const struct gev_greenlet *g)
{
    if (!g) {
        g = gev_current();
    }
    return g ? g->id : 0;
}

static int set_name(struct gev_greenlet *g, const char *name)
{
    struct gev__more *m = gev__greenlet_more(g);
    char *copy = NULL;
    char *old;

    if (!m) {
        return -ENOMEM;
    }
    if (name) {
        copy = strndup(name, GEV_NAME_MAX);
        if (!copy) {
            return -ENOMEM;
        }
    }
    old = m->name;
    m->name = copy;
    atomic_signal_fence(memory_order_seq_cst); /* the monitor may interrupt */
    free(old);
    return 0;
}

int gev_set_name(struct gev_greenlet *g, const char *name)
{
    struct gev__core *core;
    int rc = gev__core_start(&core);

    if (rc == 0 && !g) {
        g = core->current;
    }
    if (rc == 0 && (!gev__greenlet_is_mine(core, g) || g->life == GEV__DEAD)) {
        rc = -EPERM;
    }
    return (int)gev__ret(rc < 0 ? rc : set_name(g, name));
}

const char *gev_name(const struct gev_greenlet *g)
{
    if (!g) {
        g = gev_current();
    }
    return g && g->extra && g->extra->more && g->extra->more->name
               ? g->extra->more->name
               : "";
}
