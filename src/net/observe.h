/* SPDX-License-Identifier: MIT */
/*
 * Waiting for any of many descriptors: what gev_poll(), gev_select() and
 * gev_wait_fd() have in common.
 *
 *   ask the kernel, timeout 0 ----- an answer ----------------> return it
 *        |  nothing is ready                      ^
 *        v                                        |
 *   gev__watch_new, _add ...                      |
 *   gev__watch_wait()  others run                 |
 *        +-- 1: ask the kernel again -------------+
 *        +-- 0: time is up; -Exxx
 *   gev__watch_free
 *
 * Observers only say that it is worth while to ask again. The answer is always
 * the kernel's own.
 */
#ifndef NET_OBSERVE_H
#define NET_OBSERVE_H

#include <stddef.h>

struct gev__hub;
struct gev__watch;

/**
 * gev__watch_new() - room to watch @n descriptors; NULL without memory
 */
struct gev__watch *gev__watch_new(struct gev__hub *hub, size_t n);

/**
 * gev__watch_add() - watch one more descriptor; duplicates are fine
 * @events: POLLIN …, as poll(2)
 *
 * One that cannot be waited for is left out: the kernel has called it ready
 * already if it ever will.
 *
 * Return:    0, -EBADF, -ENOMEM
 */
int gev__watch_add(struct gev__watch *w, int fd, short events);

/**
 * gev__watch_wait() - wait until it is worth while to ask the kernel again
 * @deadline: absolute, INFINITY for none
 *
 * Switches:  yes
 * Return:    1; 0 when @deadline has passed; -EBADF when one of the descriptors
 *            was closed by gev_close(); or as gev__park()
 */
int gev__watch_wait(struct gev__watch *w, double deadline);

/**
 * gev__watch_free() - stop watching; NULL is fine; errno is as before
 */
void gev__watch_free(struct gev__watch *w);

#endif
