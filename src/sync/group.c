/* SPDX-License-Identifier: MIT */
/*
 * Groups: greenlets that are counted, limited, joined and killed together.
 *
 * Happy path: spawning takes a place, makes the greenlet and hangs a member's
 * record on its end. When it has ended the hub takes the record out and gives
 * the place to whoever waits longest for one, or back.
 *
 * Failure modes: a waiter that is killed or out of time is in no list any more
 * when places are given; one that has been given a place has it, and gives it
 * back if it cannot use it. A group that is freed drops its records; one that
 * outlives its hub has no members any more.
 */
#include "sync/group.h"

#include <assert.h>
#include <stdlib.h>

#include <gev/hub.h>

#include "core/ret.h"
#include "hub/call.h"
#include "hub/spawn.h"
#include "sync/object.h"

struct gev_group {
    struct gev__object object; /* first: see sync/object.h */
    struct gev__list members;  /* of member.link */
    struct gev__list entering; /* of gev_greenlet.link: wait for a place */
    struct gev__list joining;  /* of gev_greenlet.link: wait for no members */
    size_t max;                /* places; SIZE_MAX for any number */
    size_t n_members;          /* in @members */
    size_t n_taken;            /* places: members, and those being filled */
    unsigned n_killing;        /* who wait in gev_group_kill() */
    uint64_t serial;           /* of the hub that the members belong to */
    int err;                   /* of the first member that failed */
};

struct member {
    struct gev__call call;   /* fires when it has ended */
    struct gev__list link;   /* in gev_group.members */
    struct gev_group *group; /* which has it */
    struct gev_greenlet *g;  /* referenced */
};

/* The hub has ended, and the members' memory with it. */
static bool is_stale(const struct gev_group *group)
{
    return !gev__hub_tls || gev__hub_tls->serial != group->serial;
}

static void forget_members(struct gev_group *group)
{
    while (!gev__list_empty(&group->members)) {
        free(GEV__CONTAINER(gev__list_shift(&group->members), struct member,
                            link));
    }
    group->n_members = 0;
    group->n_taken = 0;
    group->serial = gev__hub_tls->serial;
}

/* gev__object_check(), and a group that outlived its hub is empty. */
static int check(struct gev_group *group)
{
    int rc = gev__object_check(&group->object);

    if (rc == 0 && is_stale(group)) {
        forget_members(group);
    }
    return rc;
}

/* A place is free: the first who waits has it, or else the group. */
static void give_place(struct gev_group *group)
{
    struct gev_greenlet *g;

    if (gev__list_empty(&group->entering)) {
        group->n_taken--;
        return;
    }
    g = GEV__CONTAINER(group->entering.next, struct gev_greenlet, link);
    gev__wake(g, gev__seq(g), 0);
}

/* Waits in one of the group's lists; it may have been freed meanwhile. */
static int wait_in(struct gev__hub *hub, struct gev_group *group,
                   struct gev__list *list, double deadline)
{
    int rc;

    group->object.n_inside++;
    rc = gev__park_as(hub, GEV__WAIT_OTHER, group, deadline, list);
    assert(rc <= 0);
    if (rc == 0 && group->object.freed) {
        rc = -EBADF;
    }
    gev__object_leave(&group->object);
    return rc;
}

static int take_place(struct gev_group *group)
{
    struct gev__hub *hub;
    int rc = check(group);

    if (rc < 0) {
        return rc;
    }
    if (group->n_taken < group->max) {
        group->n_taken++;
        return 0;
    }
    rc = gev__object_enter(&group->object, INFINITY, &hub);
    if (rc < 0) {
        return rc;
    }
    if (group->n_taken < group->max) { /* while it yielded */
        group->n_taken++;
        return 0;
    }
    return wait_in(hub, group, &group->entering, INFINITY);
}

static void drop_member(struct member *m)
{
    gev__call_cancel(&m->call);
    gev__list_remove(&m->link);
    gev_unref(m->g);
    free(m);
}

/* It is out; its place and those who wait are seen to. */
static void remove_member(struct member *m)
{
    struct gev_group *group = m->group;

    drop_member(m);
    group->n_members--;
    give_place(group);
    if (group->n_members == 0) {
        gev__wake_all(&group->joining, 0);
    }
}

static void on_member_end(struct gev__call *call)
{
    struct member *m = GEV__CONTAINER(call, struct member, call);
    int err = gev_error(m->g);

    if (err != 0 && err != ECANCELED && m->group->err == 0) {
        m->group->err = err;
    }
    remove_member(m);
}

/* Makes @g, which is alive, a member; its place has been taken. */
static int add_member(struct gev_group *group, struct gev_greenlet *g)
{
    struct gev__list *links = gev__greenlet_links(g);
    struct member *m = links ? malloc(sizeof *m) : NULL;

    if (!m) {
        return -ENOMEM;
    }
    gev__call_init(&m->call, on_member_end);
    gev__list_push(links, &m->call.link);
    m->group = group;
    m->g = gev_ref(g);
    gev__list_push(&group->members, &m->link);
    group->n_members++;
    if (group->n_killing) {
        gev__kill(gev__hub_tls, g);
    }
    return 0;
}

/* Its record in the group, or NULL. A DEAD one's links have fired. */
static struct member *find_member(const struct gev_group *group,
                                  const struct gev_greenlet *g)
{
    const struct gev__list *links;

    if (g->life == GEV__DEAD || !g->extra || !g->extra->more) {
        return NULL;
    }
    links = &g->extra->more->links;
    for (struct gev__list *l = links->next; l != links; l = l->next) {
        struct gev__call *c = GEV__CONTAINER(l, struct gev__call, link);
        struct member *m = GEV__CONTAINER(c, struct member, call);

        if (c->fn == on_member_end && m->group == group) {
            return m;
        }
    }
    return NULL;
}

struct gev_group *gev_group_new(size_t max)
{
    struct gev__hub *hub;
    struct gev_group *group;

    if (gev__ret(gev__hub_start(&hub)) < 0) {
        return NULL;
    }
    group = calloc(1, sizeof *group);
    if (!group) {
        (void)gev__ret(-ENOMEM);
        return NULL;
    }
    gev__object_init(&group->object, "group");
    gev__list_init(&group->members);
    gev__list_init(&group->entering);
    gev__list_init(&group->joining);
    group->max = max ? max : SIZE_MAX;
    group->serial = hub->serial;
    return group;
}

int gev_group_free(struct gev_group *group)
{
    int rc;

    if (!group) {
        return 0;
    }
    rc = check(group);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    while (!gev__list_empty(&group->members)) {
        drop_member(GEV__CONTAINER(gev__list_shift(&group->members),
                                   struct member, link));
    }
    gev__wake_all(&group->entering, -EBADF);
    gev__wake_all(&group->joining, -EBADF);
    gev__object_free(&group->object);
    return 0;
}

/* Spawns into a place that has been taken; the place goes back on failure. */
static int spawn_into(struct gev_group *group, struct gev_greenlet *g)
{
    int rc = g ? add_member(group, g) : gev__err();

    if (rc < 0) {
        if (g) {
            gev__kill(gev__hub_tls, g); /* NEW: it never runs */
            gev_unref(g);
        }
        give_place(group);
    }
    return rc;
}

int gev__group_spawn(struct gev_group *group, gev_fn *fn, void *arg,
                     struct gev_greenlet **ret)
{
    const struct gev__hub *hub = gev__hub_tls;
    struct gev_greenlet *g;
    int rc;

    if (!group || !fn) {
        return -EINVAL;
    }
    if (hub && gev__on_run_stack(hub->core, arg)) {
        return -EFAULT;
    }
    rc = take_place(group);
    if (rc < 0) {
        return rc;
    }
    g = gev_spawn(fn, arg);
    rc = spawn_into(group, g);
    if (rc == 0) {
        *ret = g;
    }
    return rc;
}

struct gev_greenlet *gev_group_spawn(struct gev_group *group, gev_fn *fn,
                                     void *arg)
{
    struct gev_greenlet *g = NULL;
    int saved_errno = errno;
    int rc = gev__group_spawn(group, fn, arg, &g);

    errno = saved_errno;
    return gev__ret(rc) < 0 ? NULL : g;
}

int gev_group_go(struct gev_group *group, gev_fn *fn, void *arg)
{
    struct gev_greenlet *g = gev_group_spawn(group, fn, arg);

    return g ? gev_unref(g) : -1;
}

static int go_copy(struct gev_group *group, gev_fn *fn, const void *data,
                   size_t size)
{
    struct gev_greenlet *g;
    int rc;

    if (!group || !fn || (!data && size)) {
        return -EINVAL;
    }
    rc = take_place(group);
    if (rc < 0) {
        return rc;
    }
    g = gev_spawn_copy(fn, data, size);
    rc = spawn_into(group, g);
    if (rc == 0) {
        gev_unref(g);
    }
    return rc;
}

int gev_group_go_copy(struct gev_group *group, gev_fn *fn, const void *data,
                      size_t size)
{
    int saved_errno = errno;
    int rc = go_copy(group, fn, data, size);

    errno = saved_errno;
    return (int)gev__ret(rc);
}

/* Waiting for a place, it may end or be added by somebody else. */
static int add(struct gev_group *group, struct gev_greenlet *g)
{
    int rc;

    if (g->life == GEV__DEAD || find_member(group, g)) {
        return 0;
    }
    gev_ref(g);
    rc = take_place(group);
    if (rc == 0 && g->life != GEV__DEAD && !find_member(group, g)) {
        rc = add_member(group, g);
        if (rc < 0) {
            give_place(group);
        }
    } else if (rc == 0) {
        give_place(group);
    }
    gev_unref(g);
    return rc;
}

int gev_group_add(struct gev_group *group, struct gev_greenlet *g)
{
    int rc = group && g ? check(group) : -EINVAL;

    if (rc == 0 && !gev__greenlet_is_mine(gev__core_get(), g)) {
        rc = -EPERM;
    }
    return (int)gev__ret(rc < 0 ? rc : add(group, g));
}

int gev_group_discard(struct gev_group *group, struct gev_greenlet *g)
{
    int rc = group && g ? check(group) : -EINVAL;
    struct member *m;

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    m = find_member(group, g);
    if (m) {
        remove_member(m);
    }
    return (int)gev__ret(m ? 0 : -ESRCH);
}

int gev_group_join(struct gev_group *group, double timeout)
{
    struct gev__hub *hub = NULL;
    int rc = group ? check(group) : -EINVAL;

    if (rc == 0) {
        rc = gev__object_enter(&group->object, timeout, &hub);
    }
    if (rc < 0 || group->n_members == 0) {
        return (int)gev__ret(rc);
    }
    if (timeout == 0) {
        rc = -ETIMEDOUT;
    } else if (find_member(group, hub->core->current)) {
        rc = -EDEADLK;
    } else {
        rc = wait_in(hub, group, &group->joining, gev__deadline(timeout));
    }
    return (int)gev__ret(rc);
}

static void kill_members(struct gev__hub *hub, struct gev_group *group)
{
    struct gev__list *l;

    /* Ends are told later, on the hub: the list stays as it is. */
    for (l = group->members.next; l != &group->members; l = l->next) {
        gev__kill(hub, GEV__CONTAINER(l, struct member, link)->g);
    }
}

/* Waits until there are none; who is added meanwhile is killed too. */
static int kill_all(struct gev__hub *hub, struct gev_group *group,
                    double timeout)
{
    int rc;

    if (find_member(group, hub->core->current)) {
        return -EDEADLK;
    }
    kill_members(hub, group);
    if (group->n_members == 0) {
        return 0;
    }
    group->object.n_inside++;
    group->n_killing++;
    rc = wait_in(hub, group, &group->joining, gev__deadline(timeout));
    /* We are inside, so still there. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    group->n_killing--;
    gev__object_leave(&group->object);
    return rc;
}

int gev_group_kill(struct gev_group *group, double timeout)
{
    struct gev__hub *hub = NULL;
    int rc = group ? check(group) : -EINVAL;

    if (rc == 0 && timeout == 0) {
        kill_members(gev__hub_tls, group);
        return 0;
    }
    if (rc == 0) {
        rc = gev__object_enter(&group->object, timeout, &hub);
    }
    return (int)gev__ret(rc < 0 ? rc : kill_all(hub, group, timeout));
}

size_t gev__group_max(const struct gev_group *group)
{
    return group->max;
}

size_t gev_group_count(const struct gev_group *group)
{
    return is_stale(group) ? 0 : group->n_members;
}

size_t gev_group_room(const struct gev_group *group)
{
    size_t n_taken = is_stale(group) ? 0 : group->n_taken;

    return group->max == SIZE_MAX ? SIZE_MAX : group->max - n_taken;
}

int gev_group_error(const struct gev_group *group)
{
    return group->err;
}
