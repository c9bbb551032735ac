/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several things at once: the record, and the kind that a greenlet
 * is.
 *
 * Happy path: a link joins the list of each thing that is not ready. When one
 * becomes ready its links are called on the hub; ours goes into the list of
 * those that are done and wakes the waiter if that was what it waited for. All
 * completions pass the hub's one list of calls, so they are in order.
 *
 * Failure modes: a thing is freed: its link is marked, and the waiter woken at
 * once. A kill or a limit ends the wait: the caller takes all links back, also
 * those that the hub is about to call.
 */
#include "sync/waits.h"

#include "core/image.h"
#include "hub/wait.h"

/* On the hub: the thing is ready, or gone. */
static void on_fired(struct gev__call *c)
{
    struct gev__wait_link *l = GEV__CONTAINER(c, struct gev__wait_link, call);
    struct gev__waits *w = l->of;

    gev__list_push(&w->done, &c->link);
    w->n_done++;
    if (l->gone || (l->g && gev_error(l->g))) {
        w->failed = true;
    }
    if (w->g && (w->failed || w->n_done >= w->wanted)) {
        gev__wake(w->g, w->seq, 0);
    }
}

void gev__waitable_gone(struct gev__hub *hub, struct gev__list *links)
{
    for (struct gev__list *i = links->next; i != links; i = i->next) {
        GEV__CONTAINER(i, struct gev__wait_link, call.link)->gone = true;
    }
    gev__links_fire(hub, links);
}

struct gev__waits *gev__waits_new(struct gev__hub *hub, size_t n, bool slab)
{
    struct gev__waits *w;
    size_t size;

    if (n > (SIZE_MAX - sizeof *w) / sizeof w->v[0]) {
        return NULL;
    }
    size = sizeof *w + n * sizeof w->v[0];
    slab = slab && size <= GEV__SLAB_MAX / 2;
    if (slab) {
        unsigned class = gev__image_class(size);

        w = gev__slab_alloc(&hub->core->slabs, class, gev__image_size[class]);
    } else {
        w = malloc(size);
    }
    if (w) {
        *w = (struct gev__waits){.slab = slab};
        gev__object_init(&w->object, "several things");
        gev__list_init(&w->done);
    }
    return w;
}

void gev__waits_cancel(struct gev__waits *w)
{
    for (size_t i = 0; i < w->n; i++) {
        gev__call_cancel(&w->v[i].call);
    }
    w->n = 0;
}

void gev__waits_free(struct gev__waits *w)
{
    gev__waits_cancel(w);
    if (w->slab) {
        gev__slab_free(w);
    } else {
        free(w);
    }
}

int gev__waits_add(struct gev__waits *w, const struct gev_waitable *thing,
                   size_t index)
{
    struct gev__wait_link *l = &w->v[w->n];
    struct gev__list *links;
    int rc = thing->kind->look(thing->object, &links);

    if (rc < 0) {
        return rc;
    }
    *l = (struct gev__wait_link){.of = w, .index = index};
    gev__call_init(&l->call, on_fired);
    w->n++;
    w->outside |= thing->kind->outside;
    if (rc > 0) {
        gev__list_push(&w->done, &l->call.link);
        w->n_done++;
    } else {
        gev__list_push(links, &l->call.link);
    }
    return 0;
}

int gev__waits_park(struct gev__hub *hub, struct gev__waits *w, size_t wanted,
                    double timeout)
{
    int rc;

    if (w->n_done >= wanted) {
        return 0; /* they became ready between the two looks at them */
    }
    w->g = hub->core->current;
    w->seq = gev__wait_seq(hub);
    w->wanted = wanted;
    rc = gev__park_as(hub,
                      GEV__WAIT_OTHER | (w->outside ? GEV__PARK_WAKEABLE : 0),
                      w, gev__deadline(timeout), NULL);
    w->g = NULL;
    return rc;
}

int gev__waits_look(const struct gev_waitable *thing)
{
    return thing->kind && thing->object ? thing->kind->look(thing->object, NULL)
                                        : -EINVAL;
}

int gev__waits_enter(struct gev__hub **ret_hub, bool bad, double timeout)
{
    int rc = gev__hub_start(ret_hub);

    if (rc == 0 && !gev__only_tries(*ret_hub, timeout)) {
        rc = gev__enter(ret_hub);
    }
    return rc == 0 && (bad || !gev__secs_ok(timeout)) ? -EINVAL : rc;
}

static int look_at_greenlet(void *object, struct gev__list **ret_links)
{
    struct gev_greenlet *g = object;
    const struct gev__core *core = gev__core_get();

    if (!core || !gev__greenlet_is_mine(core, g)) {
        return -EPERM;
    }
    if (g->life == GEV__DEAD) {
        return 1;
    }
    if (!ret_links) {
        return 0;
    }
    *ret_links = gev__greenlet_links(g);
    if (!*ret_links) {
        return -ENOMEM;
    }
    g->flags |= GEV__WATCHED;
    return 0;
}

static const struct gev_waitable_kind greenlet_kind = {.look =
                                                           look_at_greenlet};

struct gev_waitable gev_on_greenlet(struct gev_greenlet *g)
{
    return (struct gev_waitable){&greenlet_kind, g};
}
