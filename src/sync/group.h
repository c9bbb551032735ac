/* SPDX-License-Identifier: MIT */
/*
 * Groups as gev_imap_new() uses them.
 */
#ifndef SYNC_GROUP_H
#define SYNC_GROUP_H

#include <gev/group.h>

/**
 * gev__group_spawn() - gev_group_spawn()
 * @ret: receives the greenlet, with a reference of the caller's
 *
 * Return:    0, or -Exxx; errno may have changed
 */
int gev__group_spawn(struct gev_group *group, gev_fn *fn, void *arg,
                     struct gev_greenlet **ret);

/**
 * gev__group_max() - its number of places; SIZE_MAX without a limit
 */
size_t gev__group_max(const struct gev_group *group);

#endif
