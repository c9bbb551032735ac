/* SPDX-License-Identifier: MIT */
/*
 * Generators made of switches: a caller asks, the generator switches back to
 * whoever asked, through as many levels as there are. Records are on the heap,
 * since generators run generators.
 */
#include <gev/greenlet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/note.h"

struct generator {
    struct gev_greenlet *g;
    struct gev_greenlet *asker;       /* who waits for the next value */
    void (*body)(struct generator *); /* calls yield() */
    int arg;                          /* for body */
    int arg2;
    int value; /* what was yielded last */
};

static void *run_body(void *value)
{
    struct generator *gen = value;

    gen->body(gen);
    gev_set_parent(gev_current(), gen->asker); /* the end goes there, too */
    return NULL;
}

static struct generator *generator_new(void (*body)(struct generator *),
                                       int arg, int arg2)
{
    struct generator *gen = malloc(sizeof *gen);

    *gen = (struct generator){.body = body, .arg = arg, .arg2 = arg2};
    gen->g = gev_greenlet_new(run_body, 0);
    return gen;
}

static void generator_free(struct generator *gen)
{
    gev_unref(gen->g);
    free(gen);
}

static bool next(struct generator *gen, int *ret)
{
    gen->asker = gev_current();
    if (gev_switch(gen->g, gen, NULL) < 0 || gev_state(gen->g) == GEV_DEAD) {
        return false;
    }
    *ret = gen->value;
    return true;
}

static bool yield(struct generator *gen, int value)
{
    gen->value = value;
    return gev_switch(gen->asker, NULL, NULL) == 0;
}

static void count_up(struct generator *gen)
{
    for (int i = 0; i < gen->arg; i++) {
        if (!yield(gen, i)) {
            return;
        }
    }
}

static void a_generator_yields_one_by_one(void **state)
{
    struct generator *gen = generator_new(count_up, 5, 0);
    int n = -1;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(next(gen, &n));
        assert_int_equal(n, i);
    }
    assert_false(next(gen, &n));
    generator_free(gen);
}

static void two_generators_are_independent(void **state)
{
    struct generator *a = generator_new(count_up, 50, 0);
    struct generator *b = generator_new(count_up, 50, 0);
    int na = -1;
    int nb = -1;

    (void)state;
    for (int i = 0; i < 25; i++) {
        assert_true(next(a, &na) && next(b, &nb) && next(b, &nb));
        assert_int_equal(na, i);
        assert_int_equal(nb, 2 * i + 1);
    }
    generator_free(a); /* suspended: it is ended */
    generator_free(b);
}

/* In-order walk of the implicit tree of the numbers [arg, arg2). */
static void walk(struct generator *gen)
{
    int middle = gen->arg + (gen->arg2 - gen->arg) / 2;
    struct generator *half;
    int n;

    if (gen->arg >= gen->arg2) {
        return;
    }
    half = generator_new(walk, gen->arg, middle);
    while (next(half, &n)) {
        yield(gen, n);
    }
    generator_free(half);
    yield(gen, middle);
    half = generator_new(walk, middle + 1, gen->arg2);
    while (next(half, &n)) {
        yield(gen, n);
    }
    generator_free(half);
}

static void nested_generators_walk_a_tree_in_order(void **state)
{
    struct generator *gen = generator_new(walk, 0, 200);
    int n;

    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_true(next(gen, &n));
        assert_int_equal(n, i);
    }
    assert_false(next(gen, &n));
    generator_free(gen);
}

/* Yields to the asker of another generator, from below its own body. */
static void yield_for(struct generator *gen, int depth)
{
    if (depth > 0) {
        yield_for(gen, depth - 1);
        yield(gen, depth);
        return;
    }
    yield(gen, 0);
}

static void deep_body(struct generator *gen)
{
    yield_for(gen, gen->arg);
}

static void a_generator_yields_from_deep_calls(void **state)
{
    struct generator *gen = generator_new(deep_body, 30, 0);
    int n;

    (void)state;
    for (int i = 0; i <= 30; i++) {
        assert_true(next(gen, &n));
        assert_int_equal(n, i);
    }
    assert_false(next(gen, &n));
    generator_free(gen);
}

static int order[4]; /* the permutation under way */

/* Level arg of the permutations of 0..3; the deepest yields for all. */
static void permute(struct generator *gen)
{
    int k = gen->arg;
    int n;

    for (int i = k; i < 4; i++) {
        int swap = order[k];

        order[k] = order[i];
        order[i] = swap;
        if (k == 3) {
            yield(gen,
                  order[0] * 1000 + order[1] * 100 + order[2] * 10 + order[3]);
        } else {
            struct generator *below = generator_new(permute, k + 1, 0);

            while (next(below, &n)) {
                yield(gen, n);
            }
            generator_free(below);
        }
        swap = order[k];
        order[k] = order[i];
        order[i] = swap;
    }
}

static void generators_give_all_24_permutations(void **state)
{
    struct generator *gen = generator_new(permute, 0, 0);
    int seen[24];
    int n_seen = 0;

    (void)state;
    for (int i = 0; i < 4; i++) {
        order[i] = i;
    }
    while (n_seen < 24 && next(gen, &seen[n_seen])) {
        for (int i = 0; i < n_seen; i++) {
            assert_int_not_equal(seen[i], seen[n_seen]);
        }
        n_seen++;
    }
    assert_int_equal(n_seen, 24);
    assert_int_equal(seen[0], 123);
    assert_false(next(gen, &n_seen));
    generator_free(gen);
}

/* Resumes itself @depth calls down, leaving and coming back at each level. */
static int factorial(struct gev_greenlet *home, int n)
{
    int below;

    gev_switch(home, NULL, NULL);
    below = n > 1 ? factorial(home, n - 1) : 1;
    gev_switch(home, NULL, NULL);
    return n * below;
}

static void *ten_factorials(void *value)
{
    struct gev_greenlet *home = value;
    int sum = 0;

    for (int i = 0; i < 10; i++) {
        sum += factorial(home, 5);
    }
    return num(sum);
}

static void nested_calls_resume_where_they_left(void **state)
{
    struct gev_greenlet *g[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        g[i] = gev_greenlet_new(ten_factorials, 0);
    }
    while (gev_state(g[2]) != GEV_DEAD) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(gev_switch(g[i], gev_current(), NULL), 0);
        }
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(num_of(gev_value(g[i])), 1200);
        gev_unref(g[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generator_yields_one_by_one),
        cmocka_unit_test(two_generators_are_independent),
        cmocka_unit_test(nested_generators_walk_a_tree_in_order),
        cmocka_unit_test(a_generator_yields_from_deep_calls),
        cmocka_unit_test(generators_give_all_24_permutations),
        cmocka_unit_test(nested_calls_resume_where_they_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
