/* SPDX-License-Identifier: MIT */
/*
 * rounds - what the two switch benchmarks share, so that they differ in the
 * switch and in nothing else: how often, which live frame, what is printed.
 *
 * One round resumes each of N contexts once, in order. The live frame of each is
 * 64 bytes that are written and checked, or more of which those are a part.
 * Plain C that is C++ too.
 */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "clock.h"
#include "proc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_REPS 5
#define FRAME_WORDS 8 /* 64 bytes that are live across each switch */

/* What one run found. */
struct rounds {
    size_t n;               /* contexts */
    size_t per_rep;         /* rounds timed together */
    size_t reps;            /* how often, ROUNDS_REPS at most */
    double ns[ROUNDS_REPS]; /* per resume and return, one per repetition */
    double wake_ms;         /* the very first round: waking all parked ones */
    int64_t rss_empty;      /* before the first context is made */
    int64_t rss_parked;     /* when all have run up to their first switch */
};

/* Set by any context whose frame came back wrong. */
static uint64_t frames_bad;

static __attribute__((noinline, unused)) void
frame_fill(volatile uint64_t *frame, uint64_t id)
{
    for (int i = 0; i < FRAME_WORDS; i++) {
        frame[i] = id * FRAME_WORDS + (uint64_t)i;
    }
}

static __attribute__((noinline, unused)) void
frame_check(const volatile uint64_t *frame, uint64_t id)
{
    uint64_t bad = 0;

    for (int i = 0; i < FRAME_WORDS; i++) {
        bad |= frame[i] ^ (id * FRAME_WORDS + (uint64_t)i);
    }
    frames_bad |= bad;
}

/**
 * rounds_init() - choose how often to go round
 * @r:     to fill
 * @n:     contexts
 * @quick: as little as shows that it works
 *
 * A repetition has about two million switches, so that its time is far above
 * the clock's grain, and at least one round.
 */
static inline void rounds_init(struct rounds *r, size_t n, int quick)
{
    size_t switches = quick ? 100000 : 2000000;

    memset(r, 0, sizeof *r);
    r->n = n;
    r->per_rep = switches / n ? switches / n : 1;
    r->reps = n > 1000000 ? 3 : ROUNDS_REPS;
}

/** rounds_frame() - fewer rounds for a live frame of @size bytes */
static inline void rounds_frame(struct rounds *r, size_t size)
{
    r->per_rep /= 1 + size / 512;
    r->per_rep = r->per_rep ? r->per_rep : 1;
}

/** rounds_rep() - note one repetition that began at @start and ends now */
static inline void rounds_rep(struct rounds *r, size_t rep, uint64_t start)
{
    r->ns[rep] = (double)(clock_ns() - start) / (double)(r->per_rep * r->n);
}

static inline int rounds_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/**
 * rounds_print() - the median and the memory, as one line of JSON
 *
 * Return: 0, or 1 if a live frame was found damaged
 */
static inline int rounds_print(struct rounds *r, const char *mode)
{
    qsort(r->ns, r->reps, sizeof r->ns[0], rounds_compare);
    printf("{\"mode\": \"%s\", \"n\": %zu, \"ns\": %.2f, \"wake_ms\": %.2f, "
           "\"bytes_each\": %.1f, \"frames_ok\": %s}\n",
           mode, r->n, r->ns[r->reps / 2], r->wake_ms,
           (double)(r->rss_parked - r->rss_empty) / (double)r->n,
           frames_bad ? "false" : "true");
    fflush(stdout);
    return frames_bad != 0;
}

/**
 * rounds_array() - room for a handle per context
 *
 * Touched at once, so that it does not count as memory of the contexts.
 */
static inline void *rounds_array(size_t n, size_t size)
{
    void *p = malloc(n * size);

    if (!p) {
        perror("switch");
        exit(1);
    }
    memset(p, 0xff, n * size);
    memset(p, 0, n * size);
    return p;
}

#endif
