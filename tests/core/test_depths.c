/* SPDX-License-Identifier: MIT */
/*
 * Stacks survive a random life: greenlets at random depths switch to, create,
 * reparent and end each other tens of thousands of times. After every return
 * and every switch the cells in each frame are compared with copies on the heap.
 */
#include <gev/greenlet.h>

#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/note.h"
#include "support/proc.h"

#define MAX_DEPTH  45
#define N_CELLS    3
#define MAX_ACTORS 127

struct actor {
    struct gev_greenlet *g;
    uint64_t copy[MAX_DEPTH + 1][N_CELLS]; /* what its frames hold */
    size_t extra[MAX_DEPTH + 1];           /* bytes of its alloca()s */
};

static struct {
    struct actor *actors;
    unsigned n;
    long steps; /* switches made and to be made */
    long max_steps;
    long n_corrupt; /* cells that were not what they should be */
    long n_ended;   /* lives that came to their end */
    uint64_t random;
    bool reparent; /* change parents, too */
    bool private;  /* every third has a stack of its own */
} world;

static uint32_t random_below(uint32_t n)
{
    world.random = world.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(world.random >> 33) % n;
}

static void *live(void *value);

static void renew(struct actor *a)
{
    size_t stack = world.private && random_below(3) == 0 ? 128 << 10 : 0;

    gev_unref(a->g);
    a->g = gev_greenlet_new(live, stack);
}

/* Goes to whomever chance has it, perhaps making or moving it first. */
static void hop(void)
{
    struct actor *a = &world.actors[random_below(world.n)];

    world.steps++;
    if (!a->g || gev_state(a->g) == GEV_DEAD) {
        renew(a);
    }
    if (world.reparent && random_below(4) == 0) {
        /* Refused when it would make a cycle: that is fine here. */
        gev_set_parent(a->g, random_below(8) == 0
                                 ? gev_current()
                                 : world.actors[random_below(world.n)].g);
    }
    gev_switch(a->g, NULL, NULL);
}

static void check(const struct actor *a, int depth,
                  const volatile uint64_t *cells, const volatile char *extra)
{
    for (int i = 0; i < N_CELLS; i++) {
        world.n_corrupt += cells[i] != a->copy[depth][i];
    }
    for (size_t i = 0; i < a->extra[depth]; i += 16) {
        world.n_corrupt += extra[i] != (char)(a->copy[depth][0] + i);
    }
}

static void roam(struct actor *a, int depth)
{
    volatile uint64_t cells[N_CELLS];
    size_t n = random_below(10) == 0 ? random_below(2000) : random_below(64);
    volatile char *extra = alloca(n + 1);

    a->extra[depth] = n;
    for (int i = 0; i < N_CELLS; i++) {
        cells[i] = a->copy[depth][i] = world.random + (unsigned)i;
    }
    for (size_t i = 0; i < n; i += 16) {
        extra[i] = (char)(a->copy[depth][0] + i);
    }
    while (world.steps < world.max_steps) {
        uint32_t r = random_below(9);

        if (r == 0) {
            break;
        }
        if (r < 4 && depth < MAX_DEPTH) {
            roam(a, depth + 1);
        } else {
            hop();
        }
        check(a, depth, cells, extra);
    }
    check(a, depth, cells, extra);
}

static void *live(void *value)
{
    const struct gev_greenlet *self = gev_current();

    for (unsigned i = 0; i < world.n; i++) {
        if (world.actors[i].g == self) {
            roam(&world.actors[i], 0);
            world.n_ended++;
            return value;
        }
    }
    world.n_corrupt++;
    return value;
}

static void run_world(unsigned n, long max_steps)
{
    struct gev_greenlet *end;

    world.actors = calloc(n, sizeof *world.actors);
    world.n = n;
    world.steps = 0;
    world.max_steps = max_steps;
    world.n_corrupt = 0;
    world.n_ended = 0;
    world.random = 20240607 + n;
    for (unsigned i = 0; i < n; i++) {
        renew(&world.actors[i]);
    }
    while (world.steps < max_steps) {
        hop();
    }
    /* Nobody hops any more: who is resumed checks its frames and ends. */
    for (unsigned i = 0; i < n; i++) {
        end = world.actors[i].g;
        while (gev_state(end) == GEV_ACTIVE) {
            gev_switch(end, NULL, NULL);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        gev_unref(world.actors[i].g);
    }
    free(world.actors);
}

static void run_and_check(unsigned n, long max_steps)
{
    long least = proc_scale(max_steps);

    run_world(n, least);
    assert_int_equal(world.n_corrupt, 0);
    assert_true(world.steps >= least);
    assert_true(world.n_ended > 0);
}

static int setup(void **state)
{
    (void)state;
    world.reparent = false;
    world.private = false;
    return 0;
}

static void ten_greenlets_survive_100000_steps(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        run_and_check(10, 10000);
    }
}

static void two_greenlets_survive(void **state)
{
    (void)state;
    run_and_check(2, 10000);
}

static void a_crowd_survives(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        run_and_check(MAX_ACTORS, 10000);
    }
}

static void random_parents_do_no_harm(void **state)
{
    (void)state;
    world.reparent = true;
    for (int i = 0; i < 3; i++) {
        run_and_check(10, 10000);
        run_and_check(50, 10000);
    }
}

static void shared_and_private_stacks_mix(void **state)
{
    (void)state;
    world.private = true;
    run_and_check(20, 10000);
    world.reparent = true;
    run_and_check(40, 10000);
}

static void trace(enum gev_trace_event event, const struct gev_greenlet *from,
                  const struct gev_greenlet *to, void *arg)
{
    volatile char bytes[2048]; /* below the frames that are kept */

    bytes[0] = bytes[sizeof bytes - 1] = (char)event;
    (void)from;
    (void)to;
    ++*(long *)arg;
}

static void tracing_does_no_harm(void **state)
{
    long n_events = 0;

    (void)state;
    world.private = true;
    assert_int_equal(gev_set_trace(trace, &n_events), 0);
    run_and_check(20, 10000);
    assert_int_equal(gev_set_trace(NULL, NULL), 0);
    assert_true(n_events > world.steps / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_greenlets_survive, setup),
        cmocka_unit_test_setup(ten_greenlets_survive_100000_steps, setup),
        cmocka_unit_test_setup(a_crowd_survives, setup),
        cmocka_unit_test_setup(random_parents_do_no_harm, setup),
        cmocka_unit_test_setup(shared_and_private_stacks_mix, setup),
        cmocka_unit_test_setup(tracing_does_no_harm, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
