/* SPDX-License-Identifier: MIT */
/*
 * proc - CPU time and resident memory of a process.
 */
#include "proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int64_t proc_cpu_ns(pid_t pid)
{
    struct timespec ts;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &ts) < 0) {
        return -1;
    }
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t proc_rss(pid_t pid)
{
    char path[64];
    char line[256];
    int64_t kib = -1;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup",
             pid ? (int)pid : (int)getpid());
    FILE *f = fopen(path, "re");
    if (!f) {
        return -1;
    }
    while (kib < 0 && fgets(line, sizeof line, f)) {
        sscanf(line, "Rss: %" SCNd64, &kib);
    }
    fclose(f);
    return kib < 0 ? -1 : kib * 1024;
}
