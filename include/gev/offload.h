/* SPDX-License-Identifier: MIT */
/*
 * gev/offload.h - functions that block, run in threads
 *
 * What would stop all greenlets (a computation, a library that reads files or
 * talks to a server) goes to a thread; the greenlet waits, the others run.
 *
 *   struct sum { const char *path; uint8_t digest[32]; } sum = {path};
 *
 *   gev_offload(checksum, &sum, sizeof sum);   // void checksum(void *io)
 *
 * Each hub has threads of its own. They are started when there is work, at most
 * gev_offload_set_size() of them; more jobs wait, first come first served; a
 * thread without work for some seconds ends. Signals are blocked in them.
 *
 * gev_shutdown(), and the end of a hub's thread, wait for jobs that run and drop
 * those that have not begun. In a fork's child there are no threads: new ones are
 * started on demand.
 */
#ifndef GEV_OFFLOAD_H
#define GEV_OFFLOAD_H

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_offload() - run a function in a thread and wait for it
 * @fn:   called once, in a thread, with a copy of @io; it must not use gev
 * @io:   @size bytes, copied in now and copied back when @fn is done; may stand
 *        on the caller's stack. What it points to is shared with the thread, so
 *        nothing in it may point into a run stack
 * @size: bytes at @io; 0 is fine, then @fn gets NULL
 *
 * A caller that is killed, or out of time, returns at once and @io is unchanged:
 * a job that no thread has begun is dropped, one that runs is not interrupted,
 * and what it leaves in its copy is lost. Memory that @fn uses by pointers must
 * therefore outlive it.
 *
 * Switches:  yes
 * Context:   any greenlet, not the hub
 * Return:    0 when @fn is done, or -1 with errno set:
 *              EAGAIN  the queue is full, or there is no thread and none can be
 *                      started; or this is the child of a gev_fork() that keeps
 *                      greenlets, and it is the parent's thread that runs @fn
 *              EINVAL  @fn is NULL, or @io is with @size above 0
 * See:       gevent.threadpool.ThreadPool.apply()
 */
GEV_API int gev_offload(void (*fn)(void *io), void *io, size_t size);

/**
 * gev_offload_set_size() - how many threads this hub may have
 * @max_threads: 1 or more; 10 at first
 *
 * Threads above a lowered limit end with their job.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL, ENOMEM
 */
GEV_API int gev_offload_set_size(int max_threads);

/**
 * gev_offload_set_limits() - how many jobs may wait, how long a thread may idle
 * @max_queued: jobs that wait for a thread; more are refused with EAGAIN.
 *              SIZE_MAX, as at first, is no limit
 * @idle:       seconds after which a thread without work ends; 5 at first
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL (negative, NaN), ENOMEM
 */
GEV_API int gev_offload_set_limits(size_t max_queued, double idle);

/**
 * struct gev_offload_stats - what this hub's threads are doing
 *
 * Grows at its end only; see gev_offload_stats().
 */
struct gev_offload_stats {
    size_t threads;     /* there are now */
    size_t idle;        /* of these, without work */
    size_t queued;      /* jobs that wait for a thread */
    size_t running;     /* jobs in a thread */
    uint64_t submitted; /* jobs ever taken on */
    uint64_t done;      /* of these, done, and told to the hub */
    uint64_t withdrawn; /* of these, given up before a thread had begun */
};

/**
 * gev_offload_stats() - read them
 * @ret:  filled in
 * @size: sizeof(struct gev_offload_stats) as the caller knows it
 *
 * File and name look-up calls that run in threads count too.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL, ENOMEM
 */
GEV_API int gev_offload_stats(struct gev_offload_stats *ret, size_t size);

GEV_END_DECLS

#endif
