/* SPDX-License-Identifier: MIT */
/*
 * Switching: who runs next and who gets which value. Generators, which are made
 * of nothing but switches, are in test_generator.c.
 */
#include <gev/greenlet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/note.h"

static struct gev_greenlet *top;      /* the test's own greenlet */
static struct gev_greenlet *other[3]; /* whom the greenlets talk to */

static int setup(void **state)
{
    top = gev_current();
    return note_clear(state);
}

static void *odd_numbers(void *value)
{
    (void)value;
    note("1");
    gev_switch(top, NULL, NULL);
    note("3");
    return NULL;
}

static void child_and_parent_take_turns(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(odd_numbers, 0);

    (void)state;
    note("0");
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    note("2");
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    note("4");
    assert_string_equal(note_text, "0 1 2 3 4");
    gev_unref(g);
}

static void *add_up(void *value)
{
    intptr_t sum = num_of(value);

    for (int i = 0; i < 3; i++) {
        gev_switch(top, num(sum), &value);
        sum += num_of(value);
    }
    return num(sum);
}

static void each_switch_hands_a_value_over(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(add_up, 0);
    static const intptr_t sums[] = {1, 3, 6, 10};

    (void)state;
    for (int i = 0; i < 4; i++) {
        void *v = NULL;

        assert_int_equal(gev_switch(g, num(i + 1), &v), 0);
        assert_int_equal(num_of(v), sums[i]);
    }
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
}

static void two_children_keep_their_own_place(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(add_up, 0);
    struct gev_greenlet *b = gev_greenlet_new(add_up, 0);
    void *va;
    void *vb;

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(gev_switch(a, num(1), &va), 0);
        assert_int_equal(gev_switch(b, num(100), &vb), 0);
        assert_int_equal(num_of(va), i + 1);
        assert_int_equal(num_of(vb), 100 * (i + 1));
    }
    assert_int_equal(gev_state(a), GEV_DEAD);
    assert_int_equal(gev_state(b), GEV_DEAD);
    gev_unref(a);
    gev_unref(b);
}

static void *say_c(void *value)
{
    note("c");
    return value;
}

static void *say_b_around_a_child(void *value)
{
    struct gev_greenlet *g = gev_greenlet_new(say_c, 0);

    note("b");
    gev_switch(g, value, &value);
    note("d");
    gev_unref(g);
    return value;
}

static void a_greenlet_may_make_and_run_another(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(say_b_around_a_child, 0);
    void *v;

    (void)state;
    note("a");
    assert_int_equal(gev_switch(g, num(8), &v), 0);
    note("e");
    assert_string_equal(note_text, "a b c d e");
    assert_int_equal(num_of(v), 8);
    gev_unref(g);
}

static void *ask_other_0(void *value)
{
    gev_switch(other[0], num(1), &value);
    return value;
}

static void *answer_to_top(void *value)
{
    gev_switch(top, num(num_of(value) + 10), NULL);
    return NULL;
}

static void the_value_comes_from_whoever_switches_next(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(ask_other_0, 0);
    void *v;

    (void)state;
    other[0] = gev_greenlet_new(answer_to_top, 0);
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), 11); /* of other[0], not of g */
    assert_int_equal(gev_switch(g, num(55), &v), 0);
    assert_int_equal(num_of(v), 55); /* g got ours, not other[0]'s */
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
    gev_unref(other[0]);
}

static void a_switch_to_oneself_returns_the_value(void **state)
{
    void *v = NULL;

    (void)state;
    assert_int_equal(gev_switch(gev_current(), num(6), &v), 0);
    assert_int_equal(num_of(v), 6);
    assert_int_equal(gev_switch(gev_current(), num(6), NULL), 0);
}

static void *give_back(void *value)
{
    return value;
}

static void a_switch_to_a_dead_child_returns_the_value(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_switch(g, num(12), &v), 0);
    assert_int_equal(num_of(v), 12);
    gev_unref(g);
}

/* Starts other[0], whose parent it is, and waits for two values. */
static void *wait_for_two(void *value)
{
    void *second;

    other[0] = gev_greenlet_new(give_back, 0);
    gev_switch(other[0], NULL, NULL);
    gev_switch(top, NULL, &value);
    gev_switch(top, NULL, &second);
    return num(num_of(value) * 100 + num_of(second));
}

static void a_switch_to_a_dead_one_reaches_its_living_ancestor(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_for_two, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_state(other[0]), GEV_DEAD);
    assert_int_equal(gev_switch(other[0], num(3), NULL), 0);
    assert_int_equal(gev_switch(other[0], num(4), &v), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    assert_int_equal(num_of(v), 304);
    gev_unref(other[0]);
    gev_unref(g);
}

static void *pass_round(void *value)
{
    intptr_t me = num_of(value);

    for (int i = 0; i < 3; i++) {
        note_num(me);
        gev_switch(other[(me + 1) % 3], num((me + 1) % 3), NULL);
    }
    return NULL;
}

static void three_in_a_ring_run_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        other[i] = gev_greenlet_new(pass_round, 0);
    }
    assert_int_equal(gev_switch(other[0], num(0), NULL), 0);
    assert_string_equal(note_text, "0 1 2 0 1 2 0 1 2");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev_unref(other[i]), 0);
    }
}

/* qsort() keeps its state in frames and heap; each comparison switches. */
static int compare_slowly(const void *a, const void *b)
{
    gev_switch(top, NULL, NULL);
    return *(const int *)a - *(const int *)b;
}

static void *sort_slowly(void *value)
{
    int *numbers = value;

    qsort(numbers, 64, sizeof *numbers, compare_slowly);
    return NULL;
}

static void sorts_that_switch_in_comparisons_do_not_mix(void **state)
{
    static int numbers[4][64];
    struct gev_greenlet *g[4];
    bool busy = true;

    (void)state;
    for (int i = 0; i < 4; i++) {
        g[i] = gev_greenlet_new(sort_slowly, 0);
        for (int j = 0; j < 64; j++) {
            numbers[i][j] = (j * 37 + i * 11) % 64;
        }
    }
    while (busy) {
        busy = false;
        for (int i = 0; i < 4; i++) {
            if (gev_state(g[i]) != GEV_DEAD) {
                busy = true;
                assert_int_equal(gev_switch(g[i], numbers[i], NULL), 0);
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 64; j++) {
            assert_int_equal(numbers[i][j], j);
        }
        gev_unref(g[i]);
    }
}

static void switch_to_null_is_refused(void **state)
{
    void *v = num(1);

    (void)state;
    errno = 0;
    assert_int_equal(gev_switch(NULL, NULL, &v), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(num_of(v), 1);
}

static void *hand_local_over(void *value)
{
    int local = 5;
    void *v = num(1);

    (void)value;
    errno = 0;
    if (gev_switch(top, &local, &v) == 0) {
        return num(-1);
    }
    return num(num_of(v) == 1 ? errno : -2);
}

static void a_value_on_the_run_stack_is_refused(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(hand_local_over, 0);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(num_of(v), EFAULT);
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
}

static void a_value_on_a_private_stack_is_handed_over(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(hand_local_over, 64 << 10);
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, &v), 0);
    assert_int_equal(*(int *)v, 5);
    assert_int_equal(gev_unref(g), 0);
}

static void a_value_on_mains_stack_is_handed_over(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(give_back, 0);
    int local = 9;
    void *v;

    (void)state;
    assert_int_equal(gev_switch(g, &local, &v), 0);
    assert_ptr_equal(v, &local);
    gev_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(child_and_parent_take_turns, setup),
        cmocka_unit_test_setup(each_switch_hands_a_value_over, setup),
        cmocka_unit_test_setup(two_children_keep_their_own_place, setup),
        cmocka_unit_test_setup(a_greenlet_may_make_and_run_another, setup),
        cmocka_unit_test_setup(the_value_comes_from_whoever_switches_next,
                               setup),
        cmocka_unit_test_setup(a_switch_to_oneself_returns_the_value, setup),
        cmocka_unit_test_setup(a_switch_to_a_dead_child_returns_the_value,
                               setup),
        cmocka_unit_test_setup(
            a_switch_to_a_dead_one_reaches_its_living_ancestor, setup),
        cmocka_unit_test_setup(three_in_a_ring_run_in_order, setup),
        cmocka_unit_test_setup(sorts_that_switch_in_comparisons_do_not_mix,
                               setup),
        cmocka_unit_test_setup(a_value_on_a_private_stack_is_handed_over,
                               setup),
        cmocka_unit_test_setup(a_value_on_mains_stack_is_handed_over, setup),
        cmocka_unit_test_setup(switch_to_null_is_refused, setup),
        cmocka_unit_test_setup(a_value_on_the_run_stack_is_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
