/* SPDX-License-Identifier: MIT */
/*
 * fork that says what becomes of the greenlets; hub/fork.c does it.
 */
#include <errno.h>
#include <unistd.h>

#include <gev/process.h>

#include "core/ret.h"
#include "hub/hub.h"

pid_t gev_fork(unsigned flags)
{
    struct gev__hub *hub;
    pid_t pid;
    int rc = gev__hub_start(&hub), saved = errno;

    if (rc < 0) {
        return (pid_t)gev__ret(rc);
    }
    if (hub->core->current == hub->self) {
        return (pid_t)gev__ret(-EPERM);
    }
    if (flags & ~GEV_FORK_KEEP) {
        return (pid_t)gev__ret(-EINVAL);
    }
    pid = fork();
    if (pid < 0) {
        return -1;
    }
    if (pid == 0 && (flags & GEV_FORK_KEEP)) {
        gev__hub_fork_keep(hub);
    } else if (pid == 0) {
        gev__hub_fork_child(hub);
    }
    errno = saved;
    return pid;
}
