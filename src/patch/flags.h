/* SPDX-License-Identifier: MIT */
/*
 * O_NONBLOCK for the instant of one system call that has no flag of its own for it.
 *
 * The flag belongs to the open file, which threads and processes share: two that
 * set and clear it for each other would block one in accept(2). So between the
 * two it is held by one of all threads and forked processes, and whoever wants to
 * know what the program made of it asks in between.
 */
#ifndef PATCH_FLAGS_H
#define PATCH_FLAGS_H

#include <stdbool.h>

/**
 * gev__flags_init() - before the program runs, so that all its processes share it
 */
void gev__flags_init(void);

/**
 * gev__flags_begin() - O_NONBLOCK from here on; errno is as before
 *
 * Nothing may switch until gev__flags_end(). Nests, for two descriptors.
 *
 * Return:    for gev__flags_end()
 */
int gev__flags_begin(int fd);

/**
 * gev__flags_end() - as it was; errno is as before
 */
void gev__flags_end(int fd, int former);

/**
 * gev__flags_nonblocking() - did the program set it? errno is as before
 */
bool gev__flags_nonblocking(int fd);

#endif
