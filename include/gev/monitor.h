/* SPDX-License-Identifier: MIT */
/*
 * gev/monitor.h - being told when a greenlet keeps the hub, or memory runs out
 *
 *   gev_monitor_start(0.1, NULL);
 *
 * A greenlet that computes, or calls what blocks, keeps all others waiting. A
 * thread of the monitor's own looks whether the hub has come round; when it has
 * not for too long, it interrupts the hub's thread by a signal, whose handler
 * notes the very frames that run at that moment, and reports them with names.
 */
#ifndef GEV_MONITOR_H
#define GEV_MONITOR_H

#include <gev/base.h>
#include <gev/hub.h>

GEV_BEGIN_DECLS

/**
 * struct gev_monitor_options - how to be told; zeros are the defaults
 *
 * Grows at its end only; @size says what the caller knows of it.
 */
struct gev_monitor_options {
    size_t size;           /* sizeof(struct gev_monitor_options) */
    gev_report_fn *report; /* gets each report, on the monitor's thread, where
                              gev's calls are of no use; NULL: to stderr */
    void *arg;             /* for it */
    size_t max_rss;        /* report once when the process has more resident
                              bytes, with run info; again after it had 10 %
                              less than that. 0: do not look */
    int signo;             /* which signal interrupts; 0: SIGURG */
};

/**
 * gev_monitor_start() - watch this thread's hub
 * @max_blocking: report who keeps the hub for longer, in seconds above 0;
 *                GEV_FOREVER: nobody
 * @options:      copied; NULL for the defaults
 *
 * One that goes on is reported again when it has lasted ten times as long.
 * After a report others are only counted for a second, doubling to a minute
 * while they come. A thread where no greenlet but main is left keeps nobody
 * waiting. Times in which the process was stopped do not count.
 *
 * The signal goes to the hub's thread, for each report, by a handler with
 * SA_RESTART and SA_ONSTACK; calls that signal(7) lists as never restarted
 * (nanosleep, poll …) then fail with EINTR if they are what blocks. A former
 * handler is called for signals that are not the monitor's. Nobody else should
 * set a handler for it meanwhile.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 * Return:    0, or -1 with errno set:
 *              EINVAL  @max_blocking or an option makes no sense
 *              EBUSY   it runs already
 *              ENOMEM  no memory
 *              EAGAIN  no thread
 *              other   as gev_init()
 * See:       gevent.config.monitor_thread
 */
GEV_API int gev_monitor_start(double max_blocking,
                              const struct gev_monitor_options *options);

/**
 * gev_monitor_stop() - stop watching
 *
 * Waits for the monitor's thread to end. The end of the hub does it by itself;
 * in the child of a fork there is none.
 *
 * Context:   anywhere in the hub's thread, not in the monitor's report function
 * Return:    0, or -1 with errno EINVAL (there is none)
 */
GEV_API int gev_monitor_stop(void);

GEV_END_DECLS

#endif
