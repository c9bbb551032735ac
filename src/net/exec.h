/* SPDX-License-Identifier: MIT */
/*
 * Starting a program: the descriptors of its standard streams, and posix_spawn.
 */
#ifndef NET_EXEC_H
#define NET_EXEC_H

#include <sys/types.h>

#include <gev/process.h>

struct gev__hub;

/**
 * gev__exec() - start a program
 * @opt:     complete, of this library's size
 * @ret_fds: this process's ends of pipes, non-blocking, known to the hub; -1
 *           where there is none
 *
 * Return:    its pid, or -Exxx and nothing is left behind; errno is as before
 */
pid_t gev__exec(struct gev__hub *hub, const char *const *argv,
                const struct gev_process_options *opt, int ret_fds[3]);

/**
 * gev__exec_close() - close the ends of pipes that are open; errno is as before
 */
void gev__exec_close(int fds[3]);

#endif
