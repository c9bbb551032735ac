/* SPDX-License-Identifier: MIT */
/*
 * Images: their size classes, and the dead range, which is neither kept nor
 * brought back while the bytes around it are
 */
#include "core/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/note.h"
#include "core/stack.h"

#define BUFFER 16384

static struct gev__core *core; /* this thread's */

static int setup(void **state)
{
    (void)state;
    gev__image_classes_init();
    return gev__core_start(&core);
}

static void classes_grow_in_steps_of_16(void **state)
{
    (void)state;
    assert_int_equal(gev__image_size[0], 0);
    for (unsigned i = 1; i < GEV__N_IMAGE_CLASSES; i++) {
        assert_true(gev__image_size[i] > gev__image_size[i - 1]);
        assert_int_equal(gev__image_size[i] % 16, 0);
    }
}

static void classes_waste_a_fifth_at_most(void **state)
{
    (void)state;
    for (unsigned i = 1; i < GEV__N_IMAGE_CLASSES; i++) {
        size_t least = gev__image_size[i - 1] + 1;

        assert_true(gev__image_size[i] - least <= gev__image_size[i] / 5 + 15);
    }
}

static void the_largest_class_holds_a_whole_run_stack(void **state)
{
    (void)state;
    assert_true(gev__image_size[GEV__N_IMAGE_CLASSES - 1] >=
                GEV__RUN_STACK_SIZE);
    assert_true(GEV__N_IMAGE_CLASSES <= UINT8_MAX + 1);
}

static void slab_classes_have_a_slab_each(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GEV__N_IMAGE_CLASSES; i++) {
        if (gev__image_size[i] <= GEV__SLAB_MAX) {
            assert_in_range(i, 0, GEV__N_SLABS - 1);
        }
    }
}

/* What a greenlet with a buffer reports, and what it is told to do. */
static struct {
    size_t from; /* the dead range, from the start of the buffer */
    size_t len;
    bool intact; /* bytes outside it, after others have run */
} job;

struct frame {
    unsigned char before[64];
    unsigned char buffer[BUFFER];
    unsigned char after[64];
};

static bool outside_is_intact(const unsigned char *bytes)
{
    size_t low = offsetof(struct frame, buffer) + job.from;
    size_t high = low + job.len;

    for (size_t i = 0; i < sizeof(struct frame); i++) {
        if ((i < low || i >= high) && bytes[i] != (unsigned char)(i * 3)) {
            return false;
        }
    }
    return true;
}

static void *wait_to_receive(void *value)
{
    struct frame f;
    unsigned char *bytes = (void *)&f;
    struct gev_greenlet *self = gev_current();

    for (size_t i = 0; i < sizeof f; i++) {
        bytes[i] = (unsigned char)(i * 3);
    }
    gev__set_dead_range(core, self, &f, f.buffer + job.from, job.len);
    gev_switch(gev_parent(NULL), NULL, NULL);
    gev__set_dead_range(core, self, &f, NULL, 0);
    job.intact = outside_is_intact(bytes);
    return value;
}

static void *scribble(void *value)
{
    volatile unsigned char bytes[2 * BUFFER];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 0x5a;
    }
    return value;
}

static void run_scribble(void)
{
    struct gev_greenlet *g = gev_greenlet_new(scribble, 0);

    gev_switch(g, NULL, NULL);
    gev_unref(g);
}

/* The statistics while it waits; it has ended when this returns. */
static struct gev_greenlet_stats wait_with(size_t from, size_t len)
{
    struct gev_greenlet *g = gev_greenlet_new(wait_to_receive, 0);
    struct gev_greenlet_stats s;

    job.from = from;
    job.len = len;
    job.intact = false;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    run_scribble();
    assert_int_equal(gev_greenlet_stats(g, &s, sizeof s), 0);
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    assert_int_equal(gev_state(g), GEV_DEAD);
    gev_unref(g);
    return s;
}

static bool shared_stacks(void)
{
    return core->mode != GEV__MODE_PRIVATE;
}

static void a_dead_range_costs_no_image_bytes(void **state)
{
    struct gev_greenlet_stats s = wait_with(0, BUFFER);

    (void)state;
    assert_true(job.intact);
    assert_true(s.live_bytes >= BUFFER);
    if (shared_stacks()) {
        assert_in_range(s.dead_bytes, BUFFER - 30, BUFFER);
        assert_true(s.image_bytes < 4096);
    } else {
        assert_int_equal(s.dead_bytes, 0);
    }
}

static void without_a_dead_range_all_bytes_are_kept(void **state)
{
    struct gev_greenlet_stats s = wait_with(0, 0);

    (void)state;
    assert_true(job.intact);
    assert_int_equal(s.dead_bytes, 0);
    if (shared_stacks()) {
        assert_true(s.image_bytes >= s.live_bytes);
    }
}

static void dead_ranges_of_any_place_and_size_leave_the_rest_whole(void **state)
{
    static const size_t lens[] = {1, 15, 16, 17, 31, 32, 33, 47, 100, 1000};

    (void)state;
    for (size_t from = 0; from < 40; from++) {
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            struct gev_greenlet_stats s = wait_with(from, lens[i]);

            assert_true(job.intact);
            assert_true(s.dead_bytes <= lens[i]);
            assert_int_equal(s.dead_bytes % 16, 0);
        }
    }
}

/* As if it were shared and current, with frames in [top - 4096, top). */
static size_t dead_bytes_of(uintptr_t low, size_t len)
{
    struct gev_greenlet g = {.kind = GEV__SHARED};
    uintptr_t sp = (uintptr_t)core->top - 4096;

    gev__set_dead_range(core, &g, (void *)sp, (void *)low, len);
    assert_true(g.dead_low >= g.dead_high);
    assert_true(g.dead_low <= 4096);
    return g.dead_low - g.dead_high;
}

static void a_dead_range_is_clipped_to_the_frames(void **state)
{
    uintptr_t top = (uintptr_t)core->top;
    uintptr_t sp = top - 4096;

    (void)state;
    if (!shared_stacks()) {
        return; /* there is no run stack */
    }
    assert_int_equal(dead_bytes_of(sp, 4096), 4096);
    assert_int_equal(dead_bytes_of(sp + 64, 1 << 20), 4096 - 64);
    assert_int_equal(dead_bytes_of(sp + 64, SIZE_MAX), 4096 - 64);
    assert_int_equal(dead_bytes_of(sp + 1, 30), 0);
    assert_int_equal(dead_bytes_of(sp + 1, 31), 16);
    assert_int_equal(dead_bytes_of(sp + 16, 16), 16);
    assert_int_equal(dead_bytes_of(sp - 16, 64), 0); /* below: not a frame's */
    assert_int_equal(dead_bytes_of(top, 64), 0);
    assert_int_equal(dead_bytes_of(top - 16, 16), 16);
    assert_int_equal(dead_bytes_of((uintptr_t)&job, 64), 0);
    assert_int_equal(dead_bytes_of(0, SIZE_MAX), 0);
    assert_int_equal(dead_bytes_of(sp + 32, 0), 0);
}

static void only_the_run_stack_has_dead_ranges(void **state)
{
    static const enum gev__stack_kind kinds[] = {GEV__NATIVE, GEV__PRIVATE};
    char frame[256];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct gev_greenlet g = {.kind = kinds[i], .dead_low = 64};

        gev__set_dead_range(core, &g, frame, frame + 64, 128);
        assert_int_equal(g.dead_low, 0);
        assert_int_equal(g.dead_high, 0);
    }
}

static void the_cores_counters_come_back_to_where_they_were(void **state)
{
    size_t bytes = core->image_bytes;
    size_t alive = core->n_alive;

    (void)state;
    wait_with(0, 100);
    wait_with(0, BUFFER);
    assert_int_equal(core->image_bytes, bytes);
    assert_int_equal(core->n_alive, alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(classes_grow_in_steps_of_16, setup),
        cmocka_unit_test_setup(classes_waste_a_fifth_at_most, setup),
        cmocka_unit_test_setup(the_largest_class_holds_a_whole_run_stack,
                               setup),
        cmocka_unit_test_setup(slab_classes_have_a_slab_each, setup),
        cmocka_unit_test_setup(a_dead_range_costs_no_image_bytes, setup),
        cmocka_unit_test_setup(without_a_dead_range_all_bytes_are_kept, setup),
        cmocka_unit_test_setup(
            dead_ranges_of_any_place_and_size_leave_the_rest_whole, setup),
        cmocka_unit_test_setup(a_dead_range_is_clipped_to_the_frames, setup),
        cmocka_unit_test_setup(only_the_run_stack_has_dead_ranges, setup),
        cmocka_unit_test_setup(the_cores_counters_come_back_to_where_they_were,
                               setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
