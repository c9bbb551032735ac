/* SPDX-License-Identifier: MIT */
/*
 * proc - what a process has cost so far.
 *
 * The load generator asks for the server's numbers itself, at the very
 * moments its measured window opens and closes, so no signal between processes
 * blurs the window.
 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stdint.h>
#include <sys/types.h>

/**
 * proc_cpu_ns() - time all threads of a process have spent on a CPU
 * @pid: the process
 *
 * The process's CPU clock: the kernel's sum_exec_runtime of all its threads, as
 * /proc/PID/task/TID/schedstat shows it for each, but with the threads that have
 * ended (a server with a thread per connection!) and up to date at any moment.
 *
 * Return: nanoseconds, or -1 if the process cannot be read
 */
int64_t proc_cpu_ns(pid_t pid);

/**
 * proc_rss() - resident memory of a process
 * @pid: the process, or 0 for the caller
 *
 * Taken from smaps_rollup, which walks the page tables: statm's counter is kept
 * per CPU and may be off by hundreds of KiB, which matters at 82 bytes each.
 *
 * Return: bytes, or -1 if the process cannot be read
 */
int64_t proc_rss(pid_t pid);

#endif
