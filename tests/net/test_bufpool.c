/* SPDX-License-Identifier: MIT */
/*
 * The pool of buffers: sizes, what is kept, what is counted
 */
#include "run.h"

#include <pthread.h>

#include "net/bufpool.h"
#include "support/fault.h"

static struct gev__bufpool_stats stats(void)
{
    struct gev__bufpool_stats st;

    gev__bufpool_stats(&st);
    return st;
}

static int start_empty(void **state)
{
    (void)state;
    assert_int_equal(gev_init(), 0);
    gev__bufpool_trim();
    return stats().in_use == 0 && stats().pooled == 0 ? 0 : -1;
}

static void sizes_are_rounded_up(void **state)
{
    static const size_t cases[][2] = {
        {1, 4096},          {4096, 4096},
        {4097, 8192},       {8192, 8192},
        {8193, 16384},      {20000, 32768},
        {32769, 65536},     {65536, 65536},
        {65537, 2 * 65536}, {1000000, 16 * 65536},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(gev__buf_size(cases[i][0]), cases[i][1]);
        assert_int_equal(gev__buf_size(cases[i][1]), cases[i][1]);
    }
}

static void a_buffer_has_its_whole_size_and_is_aligned(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300000; size = size * 3 + 1) {
        char *p = gev__buf_get(size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 1, gev__buf_size(size));
        gev__buf_put(p, size);
    }
}

static void the_last_one_put_is_the_next_one_taken(void **state)
{
    void *a = gev__buf_get(GEV__BUF_SIZE), *b = gev__buf_get(GEV__BUF_SIZE);

    (void)state;
    assert_ptr_not_equal(a, b);
    gev__buf_put(a, GEV__BUF_SIZE);
    gev__buf_put(b, GEV__BUF_SIZE);
    assert_ptr_equal(gev__buf_get(GEV__BUF_SIZE - 100), b);
    assert_ptr_equal(gev__buf_get(GEV__BUF_SIZE), a);
    gev__buf_put(a, GEV__BUF_SIZE);
    gev__buf_put(b, GEV__BUF_SIZE);
}

static void statistics_count_buffers_and_bytes(void **state)
{
    void *a = gev__buf_get(100), *b = gev__buf_get(100000);

    (void)state;
    assert_int_equal(stats().in_use, 2);
    assert_int_equal(stats().in_use_bytes, 4096 + 2 * 65536);
    assert_int_equal(stats().pooled, 0);
    gev__buf_put(a, 100);
    gev__buf_put(b, 100000); /* too large to be kept */
    assert_int_equal(stats().in_use, 0);
    assert_int_equal(stats().in_use_bytes, 0);
    assert_int_equal(stats().pooled, 1);
    assert_int_equal(stats().pooled_bytes, 4096);
}

static void a_burst_does_not_stay(void **state)
{
    enum { N = 1000 };
    static void *v[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        v[i] = gev__buf_get(GEV__BUF_SIZE);
        assert_non_null(v[i]);
    }
    assert_int_equal(stats().in_use, N);
    for (int i = 0; i < N; i++) {
        gev__buf_put(v[i], GEV__BUF_SIZE);
    }
    assert_int_equal(stats().in_use, 0);
    assert_in_range(stats().pooled_bytes, GEV__BUF_SIZE, 1 << 20);
    gev__bufpool_trim();
    assert_int_equal(stats().pooled, 0);
}

static void null_is_fine(void **state)
{
    (void)state;
    gev__buf_put(NULL, GEV__BUF_SIZE);
    assert_int_equal(stats().in_use, 0);
    assert_int_equal(stats().pooled, 0);
}

static void the_steady_state_allocates_nothing(void **state)
{
    (void)state;
    gev__buf_put(gev__buf_get(GEV__BUF_SIZE), GEV__BUF_SIZE);
    fault_count_reset();
    for (int i = 0; i < 100; i++) {
        gev__buf_put(gev__buf_get(GEV__BUF_SIZE), GEV__BUF_SIZE);
    }
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
}

static void without_memory_there_is_none_and_none_is_counted(void **state)
{
    void *p;

    (void)state;
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    p = gev__buf_get(GEV__BUF_SIZE);
    assert_true(fault_disarm());
    assert_null(p);
    assert_int_equal(stats().in_use, 0);
    assert_null(gev__buf_get(SIZE_MAX));
    assert_null(gev__buf_get(SIZE_MAX - 65535));
    assert_int_equal(stats().in_use, 0);
}

static void *other_thread(void *ret)
{
    if (gev_init() == 0) {
        gev__buf_put(gev__buf_get(1), 1);
        *(struct gev__bufpool_stats *)ret = stats();
    }
    return NULL; /* the end of the thread's hub frees the pool */
}

static void each_thread_has_its_own(void **state)
{
    struct gev__bufpool_stats st = {.in_use = 99};
    pthread_t t;
    void *p = gev__buf_get(1);

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, other_thread, &st), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(st.in_use, 0);
    assert_int_equal(st.pooled, 1);
    assert_int_equal(stats().pooled, 0);
    gev__buf_put(p, 1);
}

static void the_hubs_end_frees_what_is_kept(void **state)
{
    void *p = gev__buf_get(1);

    (void)state;
    for (int i = 0; i < 2; i++) {
        gev__buf_put(gev__buf_get(100), 100);
        gev__buf_put(gev__buf_get(10000), 10000);
        assert_int_equal(stats().pooled, 2);
        assert_int_equal(gev_shutdown(), 0);
        assert_int_equal(stats().pooled, 0);
        assert_int_equal(stats().in_use, 1);
        assert_int_equal(gev_init(), 0);
    }
    assert_int_equal(gev_shutdown(), 0);
    gev__buf_put(p, 1); /* there is no hub that would free it later */
    assert_int_equal(stats().in_use, 0);
    assert_int_equal(stats().pooled, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, start_empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sizes_are_rounded_up),
        TEST(a_buffer_has_its_whole_size_and_is_aligned),
        TEST(the_last_one_put_is_the_next_one_taken),
        TEST(statistics_count_buffers_and_bytes),
        TEST(a_burst_does_not_stay),
        TEST(null_is_fine),
        TEST(the_steady_state_allocates_nothing),
        TEST(without_memory_there_is_none_and_none_is_counted),
        TEST(each_thread_has_its_own),
        TEST(the_hubs_end_frees_what_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
