/* SPDX-License-Identifier: MIT */
/*
 * What a descriptor number means changes.
 */
#ifndef PATCH_FD_H
#define PATCH_FD_H

/**
 * gev__fd_made() - a number is a new descriptor's
 * @fd:     as a system call gave it; negative for none
 * @caller: as gev__guard()
 *
 * It may have been closed where this thread's hub did not hear of it: in another
 * thread, or inside libc.
 *
 * Return:    @fd
 */
int gev__fd_made(int fd, const void *caller);

#endif
