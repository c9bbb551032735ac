/* SPDX-License-Identifier: MIT */
/*
 * hist - a histogram of latencies with a constant relative error.
 *
 * Each power of two is cut into 64 equal buckets, so a percentile is right to
 * 1.6 % from nanoseconds to minutes, and adding costs an increment.
 */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_SUBS     (1u << HIST_SUB_BITS)

struct hist {
    uint64_t n;                      /* samples */
    uint64_t max;                    /* the largest one, exactly */
    uint32_t bucket[40 * HIST_SUBS]; /* samples per bucket, see hist_index() */
};

/* Values below 64 have a bucket each; above, the top 7 bits choose it. */
static inline uint32_t hist_index(uint64_t v)
{
    if (v < HIST_SUBS) {
        return (uint32_t)v;
    }
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(v) - HIST_SUB_BITS;
    uint32_t i = (shift + 1) * HIST_SUBS + (uint32_t)(v >> shift) - HIST_SUBS;
    uint32_t last = 40 * HIST_SUBS - 1;

    return i < last ? i : last;
}

/* Lower bound of a bucket: the inverse of hist_index(). */
static inline uint64_t hist_value(uint32_t i)
{
    if (i < HIST_SUBS) {
        return i;
    }
    return (uint64_t)(i % HIST_SUBS + HIST_SUBS) << (i / HIST_SUBS - 1);
}

/** hist_add() - count one sample, in nanoseconds */
static inline void hist_add(struct hist *h, uint64_t v)
{
    h->n++;
    h->bucket[hist_index(v)]++;
    if (v > h->max) {
        h->max = v;
    }
}

/**
 * hist_quantile() - the value that a share of the samples does not exceed
 * @h: the histogram
 * @q: share, 0.0 .. 1.0
 *
 * Return: nanoseconds; 0 if there are no samples
 */
static inline uint64_t hist_quantile(const struct hist *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->n);
    uint64_t seen = 0;

    for (uint32_t i = 0; i < 40 * HIST_SUBS; i++) {
        seen += h->bucket[i];
        if (seen > rank) {
            return hist_value(i);
        }
    }
    return h->max;
}

#endif
