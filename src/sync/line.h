/* SPDX-License-Identifier: MIT */
/*
 * Waiting in an object's line: a list of greenlets by their own link, so that
 * nothing is allocated and nothing is left behind, whatever ends the wait.
 */
#ifndef SYNC_LINE_H
#define SYNC_LINE_H

#include "sync/object.h"

/**
 * gev__line_wait() - join the line until somebody wakes this greenlet
 * @o:       for reports
 * @line:    of gev_greenlet.link: gev__wake() takes it out
 * @timeout: as given by the user, checked
 *
 * @o may be gone afterwards, unless the caller is counted inside.
 *
 * Switches:  unless @timeout is 0
 * Return:    as gev__park(); -ETIMEDOUT for @timeout 0
 */
static inline int gev__line_wait(struct gev__hub *hub, struct gev__object *o,
                                 struct gev__list *line, double timeout)
{
    if (timeout == 0) {
        return -ETIMEDOUT;
    }
    return gev__park_as(hub, GEV__WAIT_OTHER, o, gev__deadline(timeout), line);
}

/**
 * gev__line_first() - who came first, or NULL
 */
static inline struct gev_greenlet *gev__line_first(const struct gev__list *line)
{
    return gev__list_empty(line)
               ? NULL
               : GEV__CONTAINER(line->next, struct gev_greenlet, link);
}

#endif
