/* SPDX-License-Identifier: MIT */
/*
 * gev/group.h - greenlets that are joined, killed and limited as a whole
 *
 * A group with a limit is gevent's Pool: spawning waits while it is full. One
 * without is its Group.
 *
 *   struct gev_group *pool = gev_group_new(10);
 *
 *   while (next_job(&job))
 *       gev_group_go_copy(pool, work, &job, sizeof job);   // 10 at a time
 *   gev_group_join(pool, GEV_FOREVER);
 *   gev_group_free(pool);
 *
 * A group belongs to the thread that made it. All calls fail with EPERM in
 * another one, and with EINVAL for NULL.
 */
#ifndef GEV_GROUP_H
#define GEV_GROUP_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_group;
struct gev_imap;

/**
 * gev_group_new() - make a group
 * @max: greenlets it may hold at a time; 0 for any number
 *
 * Switches:  never
 * Return:    the group, or NULL with errno ENOMEM or as gev_init()
 * See:       gevent.pool.Group, gevent.pool.Pool
 */
GEV_API struct gev_group *gev_group_new(size_t max);

/**
 * gev_group_free() - let go of a group
 * @group: the group, or NULL, which is fine
 *
 * Its greenlets run on, members of nothing. Calls that wait in it fail with
 * EBADF.
 *
 * Switches:  never
 * Context:   its thread, the hub included
 * Return:    0, or -1 with errno EPERM
 */
GEV_API int gev_group_free(struct gev_group *group);

/**
 * gev_group_spawn() - gev_spawn() a member, when there is a place
 * @group: the group; places are given first come, first served
 * @fn:    what it runs
 * @arg:   its argument; not a pointer into a run stack
 *
 * A place becomes free when a member has ended.
 *
 * Switches:  if the group is full
 * Context:   any greenlet; the hub too while there is a place
 * Return:    the greenlet, the caller's to gev_unref(), or NULL with errno as
 *            gev_spawn(), and:
 *              EBADF   the group was freed meanwhile
 *              EPERM   on the hub, and the group is full
 * See:       gevent.pool.Pool.spawn()
 */
GEV_API struct gev_greenlet *gev_group_spawn(struct gev_group *group,
                                             gev_fn *fn, void *arg);

/**
 * gev_group_go() - gev_group_spawn() without a handle
 *
 * Return:    0, or -1 with errno as gev_group_spawn()
 */
GEV_API int gev_group_go(struct gev_group *group, gev_fn *fn, void *arg);

/**
 * gev_group_go_copy() - gev_group_go() with a copy of the argument
 * @group: the group
 * @fn:    what it runs; its argument is the copy, see gev_spawn_copy()
 * @data:  copied; may point anywhere
 * @size:  bytes at @data
 *
 * Return:    0, or -1 with errno as gev_group_spawn()
 */
GEV_API int gev_group_go_copy(struct gev_group *group, gev_fn *fn,
                              const void *data, size_t size);

/**
 * gev_group_add() - make a greenlet that exists a member
 * @group: the group
 * @g:     a greenlet of this thread; a dead one, or a member, changes nothing
 *
 * Switches:  if the group is full
 * Return:    0, or -1 with errno as gev_group_spawn()
 */
GEV_API int gev_group_add(struct gev_group *group, struct gev_greenlet *g);

/**
 * gev_group_discard() - it is no member any more, and runs on
 *
 * Switches:  never
 * Return:    0, or -1 with errno ESRCH (it is none)
 */
GEV_API int gev_group_discard(struct gev_group *group, struct gev_greenlet *g);

/**
 * gev_group_join() - wait until it has no members
 * @group:   the group
 * @timeout: seconds; 0 only asks
 *
 * Members that are added meanwhile are waited for too.
 *
 * Switches:  unless it is empty or @timeout is 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  it still has some (or a scope expired)
 *              EDEADLK    the caller is a member (or all wait for each other)
 *              EBADF      the group was freed meanwhile
 *              EINVAL     bad @timeout
 */
GEV_API int gev_group_join(struct gev_group *group, double timeout);

/**
 * gev_group_kill() - gev_kill() all members, and wait for their end
 * @group:   the group
 * @timeout: seconds; 0 does not wait
 *
 * Members that are added while it waits are killed too. A caller that is a
 * member itself can only ask for it, with @timeout 0.
 *
 * Switches:  unless @timeout is 0 or there are none
 * Return:    as gev_group_join(), but 0 with @timeout 0
 */
GEV_API int gev_group_kill(struct gev_group *group, double timeout);

/**
 * gev_group_count() - how many members it has
 */
GEV_API size_t gev_group_count(const struct gev_group *group);

/**
 * gev_group_room() - places that are free
 *
 * Return:    their number; SIZE_MAX in a group without a limit
 */
GEV_API size_t gev_group_room(const struct gev_group *group);

/**
 * gev_group_error() - the first error with which a member ended
 *
 * Errors of members are reported as any (see gev_set_error_handler()); ECANCELED
 * does not count.
 *
 * Return:    the errno value, 0 if there was none
 */
GEV_API int gev_group_error(const struct gev_group *group);

/**
 * gev_map() - call a function for each of several items, side by side
 * @group:       where the greenlets are spawned, its limit is theirs; NULL for
 *               no limit
 * @fn:          called with each item in a greenlet of its own
 * @items:       @n arguments for it; none a pointer into a run stack
 * @n:           how many
 * @ret_results: receives what each call returned, in the order of @items; may
 *               be NULL, and may be @items
 *
 * Switches:  yes
 * Return:    0, or -1 with errno set: what the first one (in order) that failed
 *            gave to gev_fail(), or as gev_imap_next(). The others are killed
 *            then, and @ret_results is filled in up to that one.
 * See:       gevent.pool.Pool.map()
 */
GEV_API int gev_map(struct gev_group *group, gev_fn *fn, void *const *items,
                    size_t n, void **ret_results);

/**
 * typedef gev_source_fn - where gev_imap_new() gets its items from
 * @arg:      as given there
 * @ret_item: receives the next one; not a pointer into a run stack
 *
 * Runs in a greenlet and may wait.
 *
 * Return:    1 with an item, 0 when there are no more, -1 with errno
 */
typedef int gev_source_fn(void *arg, void **ret_item);

/**
 * enum gev_imap_flag - for gev_imap_new()
 * @GEV_UNORDERED: results come as they are ready; otherwise as their items did
 */
enum gev_imap_flag { GEV_UNORDERED = 1 };

/**
 * gev_imap_new() - gev_map() over a stream of items
 * @group:  as in gev_map(); must outlive the iteration
 * @fn:     called with each item
 * @source: gives the items, called only as results are taken
 * @arg:    for @source; not a pointer into a run stack
 * @flags:  GEV_UNORDERED or 0
 *
 * At most 64 items, or as many as the group has places if that is less, are
 * under way or not taken at a time.
 *
 * Switches:  never
 * Return:    the iteration, the caller's to gev_imap_free(), or NULL with errno
 *            set: EINVAL (NULL or bad @flags), EFAULT, ENOMEM, EPERM (@group is
 *            of another thread)
 * See:       gevent.pool.Pool.imap(), imap_unordered()
 */
GEV_API struct gev_imap *gev_imap_new(struct gev_group *group, gev_fn *fn,
                                      gev_source_fn *source, void *arg,
                                      unsigned flags);

/**
 * gev_imap_next() - take the next result
 * @imap:       of gev_imap_new()
 * @ret_result: receives what the call returned; may be NULL
 * @ret_error:  receives 0, or the error with which its greenlet ended; may be
 *              NULL
 * @timeout:    seconds; 0 takes only what is ready
 *
 * Switches:  unless one is ready
 * Return:    1 with a result, 0 when all were taken, or -1 with errno set:
 *              ETIMEDOUT  none was ready in time (or a scope expired)
 *              EBADF      freed meanwhile, or its hub has ended
 *              EINVAL     bad @timeout
 *              other      the source failed, or a greenlet could not be
 *                         spawned; told after all results, each time
 */
GEV_API int gev_imap_next(struct gev_imap *imap, void **ret_result,
                          int *ret_error, double timeout);

/**
 * gev_imap_free() - end an iteration, wherever it is
 * @imap: the iteration, or NULL, which is fine
 *
 * What is under way is killed, and not waited for.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EPERM
 */
GEV_API int gev_imap_free(struct gev_imap *imap);

GEV_END_DECLS

#endif
