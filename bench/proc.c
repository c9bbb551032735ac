/* SPDX-License-Identifier: MIT */
/*
 * proc - CPU time and resident memory of a process, from /proc.
 */
#include "proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* First field of schedstat: ns on the CPU (kernel: sched-stats.rst). */
static int64_t task_cpu_ns(pid_t pid, const char *task)
{
    char path[96];
    int64_t ns = -1;

    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)pid,
             task);
    FILE *f = fopen(path, "re");
    if (!f) {
        return -1;
    }
    if (fscanf(f, "%" SCNd64, &ns) != 1) {
        ns = -1;
    }
    fclose(f);
    return ns;
}

int64_t proc_cpu_ns(pid_t pid)
{
    char path[64];
    int64_t sum = 0;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir) {
        return -1;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') {
            continue;
        }
        int64_t ns = task_cpu_ns(pid, e->d_name);
        if (ns > 0) {
            sum += ns;
        }
    }
    closedir(dir);
    return sum;
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
