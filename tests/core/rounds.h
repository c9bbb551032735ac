/* SPDX-License-Identifier: MIT */
/*
 * Rounds of fault injection: the k-th call of a scenario fails, for every k
 *
 * Each round is a thread of its own, since a thread's first call allocates most.
 * A scenario arms and disarms the fault, uses the ..._again() calls, which try
 * once more when told ENOMEM, and says what it wants with want(): it runs outside
 * the test's thread, and in greenlets, where nothing may be asserted.
 */
#ifndef TESTS_CORE_ROUNDS_H
#define TESTS_CORE_ROUNDS_H

#include <gev/greenlet.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/note.h"
#include "support/fault.h"
#include "support/proc.h"

#define MEMORY (FAULT_ALLOC | FAULT_MPROTECT)

static struct {
    long k;        /* which call fails */
    bool fired;    /* whether there were as many */
    int n_refused; /* calls that said ENOMEM */
    int n_wrong;   /* results that were neither right nor ENOMEM */
} round_;

/* Whether @ok; if not it must be for want of memory, and is counted. */
static inline bool done(bool ok)
{
    if (!ok) {
        round_.n_refused++;
        round_.n_wrong += errno != ENOMEM;
    }
    return ok;
}

static inline void want(bool ok)
{
    round_.n_wrong += !ok;
}

/* Runs @scenario in a new thread for k = 1, 2, ... until no call fails. Gives
   the number of rounds in which one did. */
static inline long for_every_k(void *(*scenario)(void *))
{
    for (round_.k = 1;; round_.k++) {
        pthread_t t;

        round_.n_wrong = 0;
        round_.n_refused = 0;
        assert_int_equal(pthread_create(&t, NULL, scenario, NULL), 0);
        assert_int_equal(pthread_join(t, NULL), 0);
        assert_int_equal(round_.n_wrong, 0);
        if (!round_.fired) {
            assert_int_equal(round_.n_refused, 0);
            return round_.k - 1;
        }
    }
}

static inline struct gev_greenlet *new_again(gev_fn *fn, size_t private_stack)
{
    struct gev_greenlet *g = NULL;

    for (int i = 0; i < 3 && !g; i++) {
        errno = 0;
        g = gev_greenlet_new(fn, private_stack);
        done(g != NULL);
    }
    want(g != NULL);
    return g;
}

static inline void *switch_again(struct gev_greenlet *to, void *value)
{
    void *v = NULL;

    for (int i = 0; i < 3; i++) {
        errno = 0;
        if (done(gev_switch(to, value, &v) == 0)) {
            return v;
        }
    }
    want(false);
    return NULL;
}

static inline void unref_again(struct gev_greenlet *g)
{
    for (int i = 0; i < 3; i++) {
        errno = 0;
        if (done(gev_unref(g) == 0)) {
            return;
        }
    }
    want(false);
}

#endif /* TESTS_CORE_ROUNDS_H */
