/* SPDX-License-Identifier: MIT */
/*
 * gev.h - all of gev: gevent in C
 *
 * Conventions, said once. Success is 0 or a count, failure is -1 (or NULL)
 * with errno; a call that succeeds leaves errno alone, but for the full-length
 * forms (gev_readall() and its kind), which say why they ended short. Durations are seconds
 * in a double; GEV_FOREVER never ends, 0 tries once, negative or NaN is
 * EINVAL. Every call that may wait has a line "Switches"; state read before
 * such a call may have changed after it. All of them fail with
 *
 *   ECANCELED  this greenlet was killed (until it ends)
 *   ETIMEDOUT  a gev_timeout_push() scope expired (until it is popped)
 *   EPERM      called on the hub, where nothing may wait
 *   ENOMEM     no room to park this greenlet; nothing was lost
 *   EDEADLK    only in main: nothing is left that could ever wake it
 *
 * and the headers list only what comes on top of these five.
 */
#ifndef GEV_H
#define GEV_H

#include <gev/backdoor.h>
#include <gev/barrier.h>
#include <gev/base.h>
#include <gev/channel.h>
#include <gev/condition.h>
#include <gev/debug.h>
#include <gev/dns.h>
#include <gev/event.h>
#include <gev/file.h>
#include <gev/gen.h>
#include <gev/greenlet.h>
#include <gev/group.h>
#include <gev/http.h>
#include <gev/http_events.h>
#include <gev/http_files.h>
#include <gev/http_form.h>
#include <gev/http_log.h>
#include <gev/http_metrics.h>
#include <gev/http_mux.h>
#include <gev/http_server.h>
#include <gev/hub.h>
#include <gev/io.h>
#include <gev/link.h>
#include <gev/local.h>
#include <gev/lock.h>
#include <gev/monitor.h>
#include <gev/offload.h>
#include <gev/process.h>
#include <gev/queue.h>
#include <gev/relay.h>
#include <gev/result.h>
#include <gev/semaphore.h>
#include <gev/server.h>
#include <gev/signal.h>
#include <gev/socket.h>
#include <gev/stream.h>
#include <gev/timeout.h>
#include <gev/wait.h>
#include <gev/waitgroup.h>

#endif
