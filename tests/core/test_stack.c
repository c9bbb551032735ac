/* SPDX-License-Identifier: MIT */
/*
 * What a C function expects of its stack holds in a greenlet: values, floating
 * point, alignment, frames of any size, deep calls. Random lives: test_depths.c.
 */
#include <gev/greenlet.h>

#include <alloca.h>
#include <errno.h>
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/note.h"
#include "support/proc.h"

#pragma GCC diagnostic ignored "-Wvla" /* they are one of the subjects */

static struct gev_greenlet *top; /* the test's own greenlet */

static int setup(void **state)
{
    top = gev_current();
    return note_clear(state);
}

/* It computes with 64 bits and rounds to nearest. */
static bool under_valgrind(void)
{
    return getenv("GEV_TEST_SLOW") != NULL;
}

static bool shared_stacks(void)
{
    return !HAVE_ASAN && !proc_mode_is("private");
}

/* Starts a greenlet whose frames then lie where those of the others were. */
static void *scribble(void *value)
{
    volatile char bytes[4096];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 0x5a;
    }
    return value;
}

static void overwrite_the_run_stack(void)
{
    struct gev_greenlet *g = gev_greenlet_new(scribble, 0);

    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

static void *hold_ten_doubles(void *value)
{
    double x = (double)num_of(value);
    double d[10];

    for (int i = 0; i < 10; i++) {
        d[i] = x + i / 8.0;
    }
    for (int round = 0; round < 100; round++) {
        gev_switch(top, NULL, NULL);
        for (int i = 0; i < 10; i++) {
            d[i] = d[i] * 2 - (x + i / 8.0);
        }
    }
    for (int i = 0; i < 10; i++) {
        if (d[i] < x + i / 8.0 || d[i] > x + i / 8.0) {
            return num(-1);
        }
    }
    return value;
}

static void doubles_live_across_switches(void **state)
{
    struct gev_greenlet *g[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        g[i] = gev_greenlet_new(hold_ten_doubles, 0);
    }
    for (int round = 0; round <= 100; round++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(gev_switch(g[i], num(i + 1), NULL), 0);
        }
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(num_of(gev_value(g[i])), i + 1);
        gev_unref(g[i]);
    }
}

/* How 1 + tiny is rounded shows the mode that the unit really is in. */
static int rounding_in_effect(void)
{
    volatile double tiny = 1e-30;
    volatile double above = 1.0 + tiny;
    volatile double below = -1.0 - tiny;

    return above > 1.0 ? FE_UPWARD : below < -1.0 ? FE_DOWNWARD : FE_TONEAREST;
}

static bool rounds(int mode)
{
    return fegetround() == mode &&
           (under_valgrind() || rounding_in_effect() == mode);
}

static void *set_rounding(void *value)
{
    int mode = (int)num_of(value);

    fesetround(mode);
    for (int i = 0; i < 10; i++) {
        gev_switch(top, num(rounds(mode)), NULL);
    }
    return num(rounds(mode));
}

static void each_greenlet_keeps_its_rounding_mode(void **state)
{
    struct gev_greenlet *up = gev_greenlet_new(set_rounding, 0);
    struct gev_greenlet *down = gev_greenlet_new(set_rounding, 0);
    struct gev_greenlet *own = gev_greenlet_new(set_rounding, 64 << 10);
    void *v;

    (void)state;
    for (int i = 0; i < 11; i++) {
        assert_int_equal(gev_switch(up, num(FE_UPWARD), &v), 0);
        assert_int_equal(num_of(v), 1);
        assert_int_equal(fegetround(), FE_TONEAREST);
        assert_int_equal(gev_switch(down, num(FE_DOWNWARD), &v), 0);
        assert_int_equal(num_of(v), 1);
        assert_int_equal(gev_switch(own, num(FE_UPWARD), &v), 0);
        assert_int_equal(num_of(v), 1);
        assert_true(rounds(FE_TONEAREST));
    }
    gev_unref(up);
    gev_unref(down);
    gev_unref(own);
}

static void *tell_rounding(void *value)
{
    (void)value;
    return num(fegetround());
}

static void a_new_one_starts_with_its_starters_rounding_mode(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(tell_rounding, 0);
    void *v;

    (void)state;
    fesetround(FE_UPWARD);
    gev_switch(g, NULL, &v);
    fesetround(FE_TONEAREST);
    assert_int_equal(num_of(v), FE_UPWARD);
    gev_unref(g);
}

static void *long_double_sum(void *value)
{
    long double sum = 0;

    for (int i = 1; i <= 50; i++) {
        sum += 1.0L / i;
        gev_switch(top, NULL, NULL);
    }
    (void)value;
    return num(sum > 4.499205338329424L && sum < 4.499205338329426L);
}

static void long_doubles_live_across_switches(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(long_double_sum, 0);
    struct gev_greenlet *b = gev_greenlet_new(long_double_sum, 0);

    (void)state;
    while (gev_state(b) != GEV_DEAD) {
        assert_int_equal(gev_switch(a, NULL, NULL), 0);
        assert_int_equal(gev_switch(b, NULL, NULL), 0);
    }
    assert_ptr_equal(gev_value(a), gev_value(b));
    if (!under_valgrind()) {
        assert_int_equal(num_of(gev_value(a)), 1);
    }
    gev_unref(a);
    gev_unref(b);
}

static void *check_alignment(void *value)
{
    _Alignas(16) volatile char a[16] = {1};
    _Alignas(64) volatile char b[64] = {2};

    (void)value;
    return num((uintptr_t)a % 16 == 0 && (uintptr_t)b % 64 == 0 && a[0] == 1 &&
               b[0] == 2);
}

static void stacks_are_aligned(void **state)
{
    static const size_t stacks[] = {0, 1, 5000, 64 << 10};

    (void)state;
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        struct gev_greenlet *g = gev_greenlet_new(check_alignment, stacks[i]);
        void *v;

        assert_int_equal(gev_switch(g, NULL, &v), 0);
        assert_int_equal(num_of(v), 1);
        gev_unref(g);
    }
}

/* Its frame has @value bytes, all of them checked after others have run. */
static void *hold_vla(void *value)
{
    size_t n = (size_t)num_of(value);
    unsigned char bytes[n];
    unsigned char *more = alloca(n);

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char)(i * 7 + n);
        more[i] = (unsigned char)(i * 13 + n);
    }
    gev_switch(top, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != (unsigned char)(i * 7 + n) ||
            more[i] != (unsigned char)(i * 13 + n)) {
            return num(-1);
        }
    }
    return num(1);
}

static void frames_of_every_size_come_back_whole(void **state)
{
    size_t step = (size_t)(proc_scale(1000) < 1000 ? 101 : 1);

    (void)state;
    for (size_t n = 1; n < 1200; n += step) {
        struct gev_greenlet *g = gev_greenlet_new(hold_vla, 0);

        assert_int_equal(gev_switch(g, num((intptr_t)n), NULL), 0);
        overwrite_the_run_stack();
        assert_int_equal(gev_switch(g, NULL, NULL), 0);
        assert_int_equal(num_of(gev_value(g)), 1);
        gev_unref(g);
    }
}

static void large_frames_come_back_whole(void **state)
{
    /* Two such arrays each; valgrind follows steps of sp up to 2 MB. */
    bool large = shared_stacks() && !under_valgrind();
    size_t n_max = (size_t)(large ? 3 << 20 : 400 << 10);

    (void)state;
    for (size_t n = 1200; n <= n_max; n += n / 2) {
        struct gev_greenlet *a = gev_greenlet_new(hold_vla, 0);
        struct gev_greenlet *b = gev_greenlet_new(hold_vla, 0);

        assert_int_equal(gev_switch(a, num((intptr_t)n), NULL), 0);
        assert_int_equal(gev_switch(b, num((intptr_t)n + 1), NULL), 0);
        overwrite_the_run_stack();
        assert_int_equal(gev_switch(a, NULL, NULL), 0);
        assert_int_equal(gev_switch(b, NULL, NULL), 0);
        assert_int_equal(num_of(gev_value(a)), 1);
        assert_int_equal(num_of(gev_value(b)), 1);
        gev_unref(a);
        gev_unref(b);
    }
}

/* One KiB a level; switches at the bottom and on the way up. */
static intptr_t dig(intptr_t depth)
{
    volatile intptr_t bytes[128];
    intptr_t below = 0;

    bytes[0] = depth;
    bytes[127] = ~depth;
    if (depth > 0) {
        below = dig(depth - 1);
    }
    if (depth % 500 == 0) {
        gev_switch(top, NULL, NULL);
    }
    return below + (bytes[0] == depth && bytes[127] == ~depth);
}

static void *dig_deep(void *value)
{
    return num(dig(num_of(value)));
}

static void deep_recursion_is_kept_through_switches(void **state)
{
    intptr_t depth = shared_stacks() ? 5000 : HAVE_ASAN ? 300 : 700;
    struct gev_greenlet *a = gev_greenlet_new(dig_deep, 0);
    struct gev_greenlet *b = gev_greenlet_new(dig_deep, 0);

    (void)state;
    while (gev_state(b) != GEV_DEAD) {
        assert_int_equal(gev_switch(a, num(depth), NULL), 0);
        assert_int_equal(gev_switch(b, num(depth), NULL), 0);
    }
    assert_int_equal(num_of(gev_value(a)), depth + 1);
    assert_int_equal(num_of(gev_value(b)), depth + 1);
    gev_unref(a);
    gev_unref(b);
}

static void the_occupant_may_be_released_before_another_resumes(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(hold_vla, 0);
    struct gev_greenlet *b = gev_greenlet_new(hold_vla, 0);

    (void)state;
    assert_int_equal(gev_switch(a, num(300), NULL), 0);
    assert_int_equal(gev_switch(b, num(500), NULL), 0);
    assert_int_equal(gev_unref(b), 0);
    assert_int_equal(gev_switch(a, NULL, NULL), 0);
    assert_int_equal(num_of(gev_value(a)), 1);
    gev_unref(a);
}

static int resume_from(struct gev_greenlet *g, int depth)
{
    volatile char bytes[3000];
    int rc;

    bytes[0] = 1;
    rc = depth > 0 ? resume_from(g, depth - 1) : gev_switch(g, NULL, NULL);
    return rc + bytes[0] - 1;
}

static void a_greenlet_may_be_resumed_from_any_depth_of_main(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(dig_deep, 0);

    (void)state;
    assert_int_equal(gev_switch(g, num(250), NULL), 0);
    assert_int_equal(resume_from(g, 40), 0);
    while (gev_state(g) != GEV_DEAD) {
        assert_int_equal(resume_from(g, 1), 0);
    }
    assert_int_equal(num_of(gev_value(g)), 251);
    gev_unref(g);
}

static volatile char *shown[2]; /* addresses of two greenlets' locals */

static void *show_local(void *value)
{
    volatile char local[64];
    intptr_t i = num_of(value);

    shown[i] = local;
    local[0] = (char)('a' + i);
    gev_switch(top, NULL, NULL);
    return num(local[0]);
}

static void shared_greenlets_have_their_locals_at_one_address(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(show_local, 0);
    struct gev_greenlet *b = gev_greenlet_new(show_local, 0);

    (void)state;
    assert_int_equal(gev_switch(a, num(0), NULL), 0);
    assert_int_equal(gev_switch(b, num(1), NULL), 0);
    assert_int_equal(shown[0] == shown[1], shared_stacks());
    assert_true(gev_on_run_stack((const void *)shown[0]));
    assert_int_equal(gev_switch(a, NULL, NULL), 0);
    assert_int_equal(gev_switch(b, NULL, NULL), 0);
    assert_int_equal(num_of(gev_value(a)), 'a');
    assert_int_equal(num_of(gev_value(b)), 'b');
    gev_unref(a);
    gev_unref(b);
}

static void a_private_stacks_locals_stay_where_they_are(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(show_local, 32 << 10);
    struct gev_greenlet *b = gev_greenlet_new(show_local, 0);

    (void)state;
    assert_int_equal(gev_switch(a, num(0), NULL), 0);
    assert_int_equal(gev_switch(b, num(1), NULL), 0);
    overwrite_the_run_stack();
    assert_int_equal(shown[0][0], 'a');
    shown[0][0] = 'z'; /* it sees what others write there */
    assert_false(gev_on_run_stack((const void *)shown[0]));
    assert_int_equal(gev_switch(a, NULL, NULL), 0);
    assert_int_equal(num_of(gev_value(a)), 'z');
    gev_unref(a);
    gev_unref(b);
}

static int in_static_memory;

static void *ask_on_run_stack(void *value)
{
    int local = 0;

    note_num(gev_on_run_stack(&local));
    note_num(gev_on_run_stack(&in_static_memory));
    note_num(gev_on_run_stack(value));
    note_num(gev_on_run_stack(NULL));
    return NULL;
}

static void on_run_stack_tells_addresses_that_move(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(ask_on_run_stack, 0);
    struct gev_greenlet *b = gev_greenlet_new(ask_on_run_stack, 32 << 10);
    void *heap = malloc(16);
    int local = 0;

    (void)state;
    assert_int_equal(gev_switch(a, heap, NULL), 0);
    assert_string_equal(note_text, "1 0 0 0");
    note_clear(NULL);
    assert_int_equal(gev_switch(b, heap, NULL), 0);
    assert_string_equal(note_text, "0 0 0 0");
    assert_int_equal(gev_on_run_stack(&local), 0);
    free(heap);
    gev_unref(a);
    gev_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(doubles_live_across_switches, setup),
        cmocka_unit_test_setup(long_doubles_live_across_switches, setup),
        cmocka_unit_test_setup(each_greenlet_keeps_its_rounding_mode, setup),
        cmocka_unit_test_setup(a_new_one_starts_with_its_starters_rounding_mode,
                               setup),
        cmocka_unit_test_setup(stacks_are_aligned, setup),
        cmocka_unit_test_setup(frames_of_every_size_come_back_whole, setup),
        cmocka_unit_test_setup(large_frames_come_back_whole, setup),
        cmocka_unit_test_setup(deep_recursion_is_kept_through_switches, setup),
        cmocka_unit_test_setup(
            the_occupant_may_be_released_before_another_resumes, setup),
        cmocka_unit_test_setup(a_greenlet_may_be_resumed_from_any_depth_of_main,
                               setup),
        cmocka_unit_test_setup(
            shared_greenlets_have_their_locals_at_one_address, setup),
        cmocka_unit_test_setup(a_private_stacks_locals_stay_where_they_are,
                               setup),
        cmocka_unit_test_setup(on_run_stack_tells_addresses_that_move, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
