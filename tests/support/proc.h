/* SPDX-License-Identifier: MIT */
/*
 * What a test asks about its own process: memory, stack mode, how slow it is
 */
#ifndef TESTS_SUPPORT_PROC_H
#define TESTS_SUPPORT_PROC_H

#include <stdbool.h>
#include <stddef.h>

/**
 * proc_rss() - resident bytes of this process, from /proc/self/statm
 *
 * The kernel batches the counter per thread: it may be off by 64 pages.
 */
size_t proc_rss(void);

/**
 * proc_n_fds() - how many descriptors are open
 */
int proc_n_fds(void);

/**
 * proc_cpu() - seconds of CPU time that this process has used
 */
double proc_cpu(void);

/**
 * proc_mode_is() - whether the tests run in a stack mode
 * @mode: "shared", "evict" or "private"; GEV_STACK unset means "shared"
 */
bool proc_mode_is(const char *mode);

/**
 * proc_scale() - how many greenlets a test should use instead of @n
 *
 * @n, but at most 10,000 with private stacks (two mappings each, and the kernel
 * allows 65,530), and a hundredth, at least 1, when GEV_TEST_SLOW is set, as
 * under valgrind.
 */
long proc_scale(long n);

#endif /* TESTS_SUPPORT_PROC_H */
