/* SPDX-License-Identifier: MIT */
/*
 * What a test asks about its own process
 *
 * Each call reads /proc anew and leaves nothing open.
 */
#include "support/proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N_PRIVATE_MAX 10000L
#define SLOW_FACTOR   100L

size_t proc_rss(void)
{
    size_t size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f) {
        return 0;
    }
    if (fscanf(f, "%zu %zu", &size, &resident) != 2) {
        resident = 0;
    }
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

int proc_n_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");

    if (!d) {
        return -1;
    }
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n - 3; /* ".", ".." and the folder's own */
}

double proc_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

__attribute__((weak)) void __asan_init(void);

bool proc_mode_is(const char *mode)
{
    const char *is = getenv("GEV_STACK");

    if (__asan_init) {
        is = "private"; /* gev runs nothing else under it */
    }
    return strcmp(is && *is ? is : "shared", mode) == 0;
}

long proc_scale(long n)
{
    if (proc_mode_is("private") && n > N_PRIVATE_MAX) {
        n = N_PRIVATE_MAX;
    }
    if (getenv("GEV_TEST_SLOW") && n > SLOW_FACTOR) {
        n /= SLOW_FACTOR;
    }
    return n;
}
