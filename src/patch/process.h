/* SPDX-License-Identifier: MIT */
/*
 * Streams of popen(3), which are not libc's own.
 */
#ifndef PATCH_PROCESS_H
#define PATCH_PROCESS_H

#include <stdbool.h>
#include <stdio.h>

/**
 * gev__process_has() - was it opened by our popen(3)? errno is as before
 */
bool gev__process_has(const FILE *f);

#endif
