/* SPDX-License-Identifier: MIT */
/*
 * libev's allocator: when realloc(3) fails the reserve gives, so that libev
 * never sees NULL
 */
#include "run.h"

#include "hub/evmem.h"
#include "support/fault.h"

/* From here on there is no memory. */
static void no_heap(void)
{
    fault_arm_from(FAULT_HEAP, 1, ENOMEM);
}

static void with_memory_it_is_realloc(void **state)
{
    char *p = gev__evmem_alloc(NULL, 10);

    (void)state;
    assert_non_null(p);
    memcpy(p, "012345678", 10);
    p = gev__evmem_alloc(p, 100000);
    assert_string_equal(p, "012345678");
    assert_null(gev__evmem_alloc(p, 0));
}

static void without_memory_the_reserve_gives(void **state)
{
    char *p, *q;

    (void)state;
    assert_int_equal(gev__evmem_reserve(1 << 20), 0);
    no_heap();
    p = gev__evmem_alloc(NULL, 1000);
    q = gev__evmem_alloc(NULL, 1000);
    fault_disarm();
    assert_non_null(p);
    assert_non_null(q);
    assert_int_equal((uintptr_t)p % 16, 0);
    memset(p, 1, 1000);
    memset(q, 2, 1000);
    assert_int_equal(p[999], 1);
    assert_int_equal(q[0], 2);
    assert_null(gev__evmem_alloc(p, 0));
    assert_null(gev__evmem_alloc(q, 0));
}

static void a_block_moves_into_the_reserve_and_out_again(void **state)
{
    char *p = gev__evmem_alloc(NULL, 100);

    (void)state;
    assert_int_equal(gev__evmem_reserve(1 << 20), 0);
    memset(p, 7, 100);
    no_heap();
    p = gev__evmem_alloc(p, 5000);
    fault_disarm();
    assert_non_null(p);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(p[i], 7);
    }
    memset(p, 8, 5000);
    p = gev__evmem_alloc(p, 50000); /* there is memory again */
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(p[i], 8);
    }
    p = gev__evmem_alloc(p, 40000);
    assert_non_null(p);
    assert_null(gev__evmem_alloc(p, 0));
}

static void a_reserved_block_grows_in_the_reserve(void **state)
{
    char *p;

    (void)state;
    assert_int_equal(gev__evmem_reserve(1 << 20), 0);
    no_heap();
    p = gev__evmem_alloc(NULL, 100);
    memset(p, 5, 100);
    p = gev__evmem_alloc(p, 90); /* smaller: stays */
    p = gev__evmem_alloc(p, 9000);
    fault_disarm();
    for (int i = 0; i < 90; i++) {
        assert_int_equal(p[i], 5);
    }
    assert_null(gev__evmem_alloc(p, 0));
}

static void a_reserve_that_cannot_be_mapped_is_enomem(void **state)
{
    (void)state;
    fault_arm(FAULT_MMAP, 1, ENOMEM);
    assert_int_equal(gev__evmem_reserve((size_t)1 << 30), -ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(gev__evmem_reserve((size_t)1 << 50), -ENOMEM);
}

static void *sleep_a_little(void *arg)
{
    (void)gev_sleep(0.001 * (double)((intptr_t)arg % 10));
    return NULL;
}

/* Timers and descriptors are there; libev grows its arrays without memory. */
static void the_loop_survives_a_poll_without_memory(void **state)
{
    (void)state;
    for (intptr_t i = 0; i < 500; i++) {
        assert_int_equal(gev_go(sleep_a_little, (void *)i), 0);
    }
    assert_int_equal(gev_yield(), 0);
    no_heap();
    (void)gev_run(20);
    fault_disarm();
    assert_int_equal(gev_run(20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_memory_it_is_realloc),
        TEST(without_memory_the_reserve_gives),
        TEST(a_block_moves_into_the_reserve_and_out_again),
        TEST(a_reserved_block_grows_in_the_reserve),
        TEST(a_reserve_that_cannot_be_mapped_is_enomem),
        TEST(the_loop_survives_a_poll_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
