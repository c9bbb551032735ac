/* SPDX-License-Identifier: MIT */
/*
 * Slabs: objects of fixed sizes that do not overlap, whatever the order in
 * which they come and go; empty chunks serve other sizes or go to the kernel
 */
#include "core/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/proc.h"

#define BLOCK ((size_t)4 << 20) /* what the slabs map at a time */

static struct gev__slabs slabs;

static int setup(void **state)
{
    (void)state;
    gev__slabs_init(&slabs);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gev__slabs_fini(&slabs);
    return 0;
}

static size_t size_of(unsigned which)
{
    return 16 * (1 + (size_t)which * which / 4);
}

/* Objects know their number: in the first and in the last eight bytes. */
static void mark(void *p, size_t size, uint64_t number)
{
    memset(p, 0xcc, size);
    memcpy(p, &number, sizeof number);
    memcpy((char *)p + size - sizeof number, &number, sizeof number);
}

static bool is_marked(const void *p, size_t size, uint64_t number)
{
    const char *last = (const char *)p + size - sizeof number;

    return memcmp(p, &number, sizeof number) == 0 &&
           memcmp(last, &number, sizeof number) == 0;
}

static void objects_are_aligned_and_do_not_overlap(void **state)
{
    enum { N = 3000 };
    static void *p[N];

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        size_t size = size_of(i % GEV__N_SLABS);

        p[i] = gev__slab_alloc(&slabs, i % GEV__N_SLABS, size);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        mark(p[i], size, i);
    }
    for (unsigned i = 0; i < N; i++) {
        assert_true(is_marked(p[i], size_of(i % GEV__N_SLABS), i));
        gev__slab_free(p[i]);
    }
}

static void an_object_knows_its_owner(void **state)
{
    struct gev__slabs other;
    void *p = gev__slab_alloc(&slabs, 0, 96);
    void *q;

    (void)state;
    gev__slabs_init(&other);
    q = gev__slab_alloc(&other, 0, 96);
    assert_ptr_equal(gev__slab_owner(p), &slabs);
    assert_ptr_equal(gev__slab_owner(q), &other);
    for (int i = 0; i < 5000; i++) {
        assert_ptr_equal(gev__slab_owner(gev__slab_alloc(&slabs, 3, 256)),
                         &slabs);
    }
    gev__slabs_fini(&other);
}

static void a_freed_object_is_the_next_one_given_out(void **state)
{
    void *a = gev__slab_alloc(&slabs, 1, 48);
    void *b = gev__slab_alloc(&slabs, 1, 48);

    (void)state;
    gev__slab_free(a);
    assert_ptr_equal(gev__slab_alloc(&slabs, 1, 48), a);
    gev__slab_free(b);
    assert_ptr_equal(gev__slab_alloc(&slabs, 1, 48), b);
}

/* Takes and gives in random order; each object keeps its mark. */
static void random_orders_keep_objects_whole(void **state)
{
    enum { N = 2000 };
    static struct {
        char *p;
        unsigned which;
    } at[N];
    uint64_t random = 1;

    (void)state;
    for (long step = 0; step < proc_scale(300000); step++) {
        unsigned i;

        random = random * 6364136223846793005u + 1442695040888963407u;
        i = (unsigned)(random >> 40) % N;
        if (at[i].p) {
            assert_true(is_marked(at[i].p, size_of(at[i].which), i));
            gev__slab_free(at[i].p);
            at[i].p = NULL;
            continue;
        }
        at[i].which = (unsigned)(random >> 20) % GEV__N_SLABS;
        at[i].p = gev__slab_alloc(&slabs, at[i].which, size_of(at[i].which));
        mark(at[i].p, size_of(at[i].which), i);
    }
    for (unsigned i = 0; i < N; i++) {
        if (at[i].p) {
            assert_true(is_marked(at[i].p, size_of(at[i].which), i));
        }
    }
}

/* Gives a pointer to the first of @n objects; each holds the next one's. */
static void *take(unsigned which, size_t size, size_t n)
{
    void *first = NULL;

    for (size_t i = 0; i < n; i++) {
        void **p = gev__slab_alloc(&slabs, which, size);

        assert_non_null(p);
        memset(p, 1, size);
        *p = first;
        first = p;
    }
    return first;
}

static size_t give(void *first)
{
    size_t n = 0;

    while (first) {
        void *next = *(void **)first;

        gev__slab_free(first);
        first = next;
        n++;
    }
    return n;
}

static void empty_chunks_serve_other_sizes(void **state)
{
    void *first = take(0, 96, BLOCK / 96 - 64 * 2);
    void *blocks = slabs.blocks;

    (void)state;
    assert_non_null(blocks);
    give(first);
    give(take(7, 512, BLOCK / 2 / 512));
    give(take(9, 4096, BLOCK / 2 / 4096));
    assert_ptr_equal(slabs.blocks, blocks); /* no second one was needed */
}

static void memory_of_empty_chunks_goes_back_to_the_kernel(void **state)
{
    size_t n = 16 * BLOCK / 1024;
    size_t before = proc_rss();
    void *first = take(2, 1024, n);
    size_t full = proc_rss();

    (void)state;
    assert_true(full - before > 15 * BLOCK);
    assert_int_equal(give(first), n);
    /* One page of each 64 KiB stays. */
    assert_true(proc_rss() < before + 3 * BLOCK);
}

static void taking_and_giving_one_object_keeps_its_chunk(void **state)
{
    void *first = gev__slab_alloc(&slabs, 0, 96);

    (void)state;
    gev__slab_free(first);
    for (int i = 0; i < 1000; i++) {
        void *p = gev__slab_alloc(&slabs, 0, 96);

        assert_ptr_equal(p, first);
        gev__slab_free(p);
    }
}

struct tally {
    size_t n_marked;
    size_t n_others;
};

static void count_object(void *object, void *arg)
{
    struct tally *t = arg;

    if (((unsigned char *)object)[20] == 1) {
        t->n_marked++;
    } else {
        t->n_others++;
    }
}

static void each_visits_every_object_in_use(void **state)
{
    struct tally t = {0};

    (void)state;
    take(4, 64, 5000);
    take(5, 80, 3000);
    gev__slab_each(&slabs, 4, count_object, &t);
    assert_int_equal(t.n_marked, 5000);
    assert_int_equal(t.n_others, 0);
    gev__slab_each(&slabs, 6, count_object, &t);
    assert_int_equal(t.n_marked, 5000);
}

static void free_and_count(void *object, void *arg)
{
    ++*(size_t *)arg;
    gev__slab_free(object);
}

static void objects_may_be_freed_while_they_are_visited(void **state)
{
    size_t n_visited = 0;

    (void)state;
    take(4, 64, 5000); /* several chunks: all but one go to the kernel */
    gev__slab_each(&slabs, 4, free_and_count, &n_visited);
    assert_int_equal(n_visited, 5000);
}

static void fini_gives_back_what_is_in_use(void **state)
{
    size_t before = 0;

    (void)state;
    for (int round = 0; round < 10; round++) {
        take(2, 1024, 4 * BLOCK / 1024);
        gev__slabs_fini(&slabs);
        if (round == 2) {
            before = proc_rss();
        }
    }
    assert_true(proc_rss() < before + BLOCK);
    assert_null(slabs.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_are_aligned_and_do_not_overlap,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_object_knows_its_owner, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_freed_object_is_the_next_one_given_out, setup, teardown),
        cmocka_unit_test_setup_teardown(random_orders_keep_objects_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(empty_chunks_serve_other_sizes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            memory_of_empty_chunks_goes_back_to_the_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(
            taking_and_giving_one_object_keeps_its_chunk, setup, teardown),
        cmocka_unit_test_setup_teardown(each_visits_every_object_in_use, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            objects_may_be_freed_while_they_are_visited, setup, teardown),
        cmocka_unit_test_setup_teardown(fini_gives_back_what_is_in_use, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
