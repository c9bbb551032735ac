/* SPDX-License-Identifier: MIT */
/*
 * step7 - many jobs, a few at a time. A group with a limit is a pool: spawning
 * waits while it is full. Results come back through gev_imap_next() in the order
 * in which they are ready, or with gev_map() all at once.
 */
#include <stdint.h>
#include <stdio.h>

#include <gev.h>

#define N_JOBS  12
#define AT_ONCE 4

static int n_running, n_running_max;

/* Job n takes n hundredths of a second. */
static void *work(void *arg)
{
    intptr_t n = (intptr_t)arg;

    if (++n_running > n_running_max) {
        n_running_max = n_running;
    }
    gev_sleep((double)n / 100);
    n_running--;
    return (void *)(n * n);
}

/* Where the jobs come from: longest first. */
static int next_job(void *arg, void **ret_item)
{
    intptr_t *left = arg;

    if (*left == 0) {
        return 0;
    }
    *ret_item = (void *)(*left)--;
    return 1;
}

int main(void)
{
    struct gev_group *pool = gev_group_new(AT_ONCE);
    intptr_t left = N_JOBS; /* main's locals stay where they are */
    struct gev_imap *jobs =
        pool ? gev_imap_new(pool, work, next_job, &left, GEV_UNORDERED) : NULL;
    long sum = 0;
    void *square;

    if (!jobs) {
        perror("step7");
        return 1;
    }
    while (gev_imap_next(jobs, &square, NULL, GEV_FOREVER) == 1) {
        sum += (intptr_t)square;
    }
    printf("%d jobs, %d at a time, sum %ld\n", N_JOBS, n_running_max, sum);
    gev_imap_free(jobs);
    gev_group_free(pool);
    return 0;
}
