/* SPDX-License-Identifier: MIT */
/*
 * gev/backdoor.h - a text console into a running program
 *
 *   gev_backdoor_start("unix:/run/user/1000/server.gev");
 *
 *   $ nc -U /run/user/1000/server.gev
 *   gev backdoor of process 4711; "help" lists the commands
 *   gev> ps
 *
 * docs/seeing.md has a session.
 */
#ifndef GEV_BACKDOOR_H
#define GEV_BACKDOOR_H

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_backdoor_start() - serve the console for this thread's greenlets
 * @addr: as gev_listen(): a UNIX path or name, or an address of the loopback
 *
 * A UNIX path is made with mode 0600, and only its user and root are served,
 * whatever the path's permissions become. On the loopback everybody who can log
 * in to the machine can connect, and kill greenlets: prefer UNIX.
 *
 * It serves four sessions at a time; the next ones wait. A session without a
 * command for five minutes is closed, and so is one that does not read what it
 * asked for for ten seconds. Tracking is switched on (gev_set_tracking()).
 * Its greenlets are greenlets as others: gev_run() waits for them, and nothing
 * is a deadlock while they can be told to kill.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    the listening descriptor, which remains the backdoor's, or -1 with
 *            errno set:
 *              EACCES  @addr is neither UNIX nor the loopback
 *              EBUSY   it runs already
 *              other   as gev_listen(), gev_spawn()
 * See:       gevent.backdoor.BackdoorServer
 */
GEV_API int gev_backdoor_start(const char *addr);

/**
 * gev_backdoor_stop() - close it, and end its sessions
 *
 * A UNIX path is unlinked. The end of the hub does it by itself; in the child of
 * a fork there is none.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL (there is none)
 */
GEV_API int gev_backdoor_stop(void);

GEV_END_DECLS

#endif
