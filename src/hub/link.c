/* SPDX-License-Identifier: MIT */
/*
 * Links: functions called when a greenlet has ended.
 *
 * Happy path: a record joins the greenlet's list. At the end each record takes
 * a reference and is called on the hub, in order; gev_link()'s spawns a
 * greenlet that calls the function and drops the reference.
 *
 * Failure modes: no memory to spawn: the record asks to be called again. The
 * hub ends before that: records come from the slabs and go with them.
 */
#include "hub/link.h"

#include <gev/link.h>

#include "core/image.h"
#include "core/ret.h"
#include "hub/call.h"
#include "hub/spawn.h"

/* One link; it is in gev__more.linked until it is called. */
struct link {
    struct gev__call call;  /* asked for once @g is DEAD */
    struct gev__list mine;  /* in gev__more.linked */
    struct gev_greenlet *g; /* borrowed; referenced once it is DEAD */
    gev_link_fn *fn;        /* what to call */
    void *arg;              /* with what */
};

/* What a link's greenlet is given along. */
struct told {
    struct gev_greenlet *g; /* referenced */
    gev_link_fn *fn;
    void *arg;
};

static struct link *link_alloc(struct gev__hub *hub)
{
    size_t size = (sizeof(struct link) + 15) & ~(size_t)15;

    return gev__slab_alloc(&hub->core->slabs, gev__image_class(size), size);
}

static void link_free(struct link *l)
{
    gev__list_remove(&l->mine);
    gev__slab_free(l);
}

static void *call_told(void *arg)
{
    struct told *t = arg;

    t->fn(t->g, t->arg);
    gev__greenlet_drop(gev__core_get(), t->g);
    return NULL;
}

/* On the hub: gev_rawlink(). */
static void run_raw(struct gev__call *c)
{
    struct link *l = GEV__CONTAINER(c, struct link, call);
    struct told t = {.g = l->g, .fn = l->fn, .arg = l->arg};

    link_free(l);
    call_told(&t);
}

/* On the hub: gev_link(). Killed before it runs, at the end of the hub, its
   greenlet keeps the reference; the slabs go then. */
static void run_spawning(struct gev__call *c)
{
    struct link *l = GEV__CONTAINER(c, struct link, call);
    void *told;

    if (gev__spawn_with(gev__hub_tls, call_told, sizeof(struct told), 0,
                        &told) < 0) {
        gev__call_soon(gev__hub_tls, c);
        return;
    }
    *(struct told *)told = (struct told){.g = l->g, .fn = l->fn, .arg = l->arg};
    link_free(l);
}

bool gev__links_told(struct gev__hub *hub, struct gev_greenlet *g)
{
    struct gev__list *linked = &g->extra->more->linked;

    for (struct gev__list *i = linked->next; i != linked; i = i->next) {
        struct link *l = GEV__CONTAINER(i, struct link, mine);

        g->refs++;
        gev__call_soon(hub, &l->call);
    }
    return !gev__list_empty(linked);
}

static int check(struct gev__hub **ret_hub, const struct gev_greenlet *g,
                 gev_link_fn *fn)
{
    int rc = gev__hub_start(ret_hub);

    if (rc < 0) {
        return rc;
    }
    if (!g || !fn) {
        return -EINVAL;
    }
    return gev__greenlet_is_mine((*ret_hub)->core, g) ? 0 : -EPERM;
}

static int link_to(struct gev_greenlet *g, gev_link_fn *fn, void *arg,
                   void (*run)(struct gev__call *c))
{
    struct gev__hub *hub;
    struct gev__more *m;
    struct link *l;
    int rc = check(&hub, g, fn);

    if (rc < 0) {
        return rc;
    }
    if (gev__on_run_stack(hub->core, arg)) {
        return -EFAULT;
    }
    m = gev__greenlet_more(g);
    l = m ? link_alloc(hub) : NULL;
    if (!l) {
        return -ENOMEM;
    }
    *l = (struct link){.g = g, .fn = fn, .arg = arg};
    gev__call_init(&l->call, run);
    gev__list_push(&m->linked, &l->mine);
    if (g->life == GEV__DEAD) {
        g->refs++;
        gev__call_soon(hub, &l->call);
    }
    return 0;
}

int gev_link(struct gev_greenlet *g, gev_link_fn *fn, void *arg)
{
    return (int)gev__ret(link_to(g, fn, arg, run_spawning));
}

int gev_rawlink(struct gev_greenlet *g, gev_link_fn *fn, void *arg)
{
    return (int)gev__ret(link_to(g, fn, arg, run_raw));
}

/* The oldest of those that are pending, or NULL. */
static struct link *find(const struct gev_greenlet *g, gev_link_fn *fn,
                         const void *arg)
{
    struct gev__more *m = g->extra ? g->extra->more : NULL;

    for (struct gev__list *i = m ? m->linked.next : NULL; i && i != &m->linked;
         i = i->next) {
        struct link *l = GEV__CONTAINER(i, struct link, mine);

        if (l->fn == fn && l->arg == arg) {
            return l;
        }
    }
    return NULL;
}

static int unlink_from(struct gev__hub *hub, struct gev_greenlet *g,
                       gev_link_fn *fn, const void *arg)
{
    struct link *l = find(g, fn, arg);

    if (!l) {
        return -ENOENT;
    }
    gev__call_cancel(&l->call);
    link_free(l);
    if (g->life == GEV__DEAD) {
        gev__greenlet_drop(hub->core, g);
    }
    return 0;
}

int gev_unlink(struct gev_greenlet *g, gev_link_fn *fn, void *arg)
{
    struct gev__hub *hub;
    int rc = check(&hub, g, fn);

    return (int)gev__ret(rc < 0 ? rc : unlink_from(hub, g, fn, arg));
}

/* gev_join() refuses the hub, which may ask. */
static int join(struct gev_greenlet *g, double timeout)
{
    if (timeout == 0 && gev_is_hub()) {
        if (!g) {
            return -EINVAL;
        }
        if (!gev__greenlet_is_mine(gev__hub_tls->core, g)) {
            return -EPERM;
        }
        return g->life == GEV__DEAD ? 0 : -ETIMEDOUT;
    }
    return gev_join(g, timeout) < 0 ? -errno : 0;
}

int gev_get(struct gev_greenlet *g, void **ret_value, double timeout)
{
    int rc = join(g, timeout);

    if (rc == 0) {
        rc = -gev_error(g);
    }
    if (rc == 0 && ret_value) {
        *ret_value = gev_value(g);
    }
    return (int)gev__ret(rc);
}
