/* SPDX-License-Identifier: MIT */
/*
 * Queues: the three orders, limits on their size, by value, kills and limits in
 * time, who is served when
 */
#include "queues.h"

#include <pthread.h>

static void a_fifo_gives_the_oldest(void **state)
{
    struct gev_queue *q = make_queue(0);

    (void)state;
    put_all(q, "abc");
    assert_int_equal(gev_queue_size(q), 3);
    assert_gets(q, "abc");
    assert_true(gev_queue_empty(q));
    gev_queue_free(q);
}

static void a_fifo_grows_wherever_its_head_is(void **state)
{
    struct gev_queue *q = make_queue(0);
    intptr_t in = 0, out = 0;
    void *item;

    (void)state;
    for (int round = 1; round < 200; round++) {
        for (int i = 0; i < round % 61; i++) {
            assert_int_equal(gev_queue_put(q, (void *)in++, 0), 0);
        }
        for (int i = 0; i < round % 43 && out < in; i++) {
            assert_int_equal(gev_queue_get(q, &item, 0), 0);
            assert_int_equal((intptr_t)item, out++);
        }
    }
    assert_int_equal(gev_queue_size(q), in - out);
    gev_queue_free(q);
}

static void a_lifo_gives_the_newest(void **state)
{
    struct gev_queue *q = gev_queue_new_lifo(0);

    (void)state;
    put_all(q, "abc");
    assert_gets(q, "cba");
    gev_queue_free(q);
}

static void a_priority_queue_gives_the_smallest(void **state)
{
    struct gev_queue *q = gev_queue_new_priority(0, compare);

    (void)state;
    put_all(q, "hgfaedcbzyx");
    assert_gets(q, "abcdefghxyz");
    gev_queue_free(q);
}

static void equal_items_come_out_in_the_order_they_went_in(void **state)
{
    struct gev_queue *q = gev_queue_new_priority(0, compare);

    (void)state;
    put_all(q, "baBcAbaBcC");
    assert_gets(q, "aAabBbBccC");
    gev_queue_free(q);
}

static void peek_leaves_the_item(void **state)
{
    struct gev_queue *q = gev_queue_new_lifo(0);
    void *item;

    (void)state;
    put_all(q, "ab");
    assert_int_equal(gev_queue_peek(q, &item, 0), 0);
    assert_int_equal((intptr_t)item, 'b');
    assert_int_equal(gev_queue_size(q), 2);
    assert_gets(q, "ba");
    assert_fails(gev_queue_peek(q, &item, 0), ETIMEDOUT);
    gev_queue_free(q);
}

static void a_bounded_queue_is_full(void **state)
{
    struct gev_queue *q = make_queue(2);

    (void)state;
    assert_false(gev_queue_full(q));
    put_all(q, "ab");
    assert_true(gev_queue_full(q));
    assert_fails(gev_queue_put(q, LETTER('c'), 0), ETIMEDOUT);
    assert_fails(gev_queue_put(q, LETTER('c'), 0.001), ETIMEDOUT);
    assert_gets(q, "ab");
    gev_queue_free(q);
}

static void values_are_copied_in_and_out(void **state)
{
    static const size_t sizes[] = {1, 3, 8, 12, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct gev_queue *q = gev_queue_new_data(sizes[i], 0, GEV_FIFO, NULL);
        unsigned char in[4096], out[4097];

        for (int n = 0; n < 40; n++) {
            memset(in, n, sizeof in);
            assert_int_equal(gev_queue_put_data(q, in, 0), 0);
        }
        memset(out, 0xee, sizeof out);
        for (int n = 0; n < 40; n++) {
            memset(in, n, sizeof in);
            if (n % 2) {
                assert_int_equal(gev_queue_peek_data(q, out, 0), 0);
                assert_memory_equal(in, out, sizes[i]);
            }
            assert_int_equal(gev_queue_get_data(q, out, 0), 0);
            assert_memory_equal(in, out, sizes[i]);
            assert_int_equal(out[sizes[i]], 0xee);
        }
        gev_queue_free(q);
    }
}

struct job12 {
    char rest[8];
    int rank;
};

static int compare_jobs(const void *a, const void *b)
{
    const struct job12 *x = a, *y = b;

    return (x->rank > y->rank) - (x->rank < y->rank);
}

static void values_have_priorities_and_are_stable_too(void **state)
{
    struct gev_queue *q =
        gev_queue_new_data(sizeof(struct job12), 0, GEV_PRIORITY, compare_jobs);
    struct job12 j = {.rest = "0"};
    int last_rank = -1;
    char last = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        j.rank = i * 37 % 7;
        j.rest[0] = (char)i;
        assert_int_equal(gev_queue_put_data(q, &j, 0), 0);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gev_queue_get_data(q, &j, 0), 0);
        assert_true(j.rank > last_rank ||
                    (j.rank == last_rank && j.rest[0] > last));
        last_rank = j.rank;
        last = j.rest[0];
    }
    gev_queue_free(q);
}

static long put_local(void *q)
{
    int local = 0;

    return gev_queue_put(q, &local, 0);
}

static void pointers_into_the_run_stack_are_efault(void **state)
{
    struct gev_queue *q = make_queue(0);
    long local = 0;
    void *item;

    (void)state;
    assert_outcome(in_greenlet(put_local, q), -1, EFAULT);
    assert_int_equal(gev_queue_size(q), 0);
    assert_int_equal(gev_queue_put(q, &local, 0), 0); /* main's do not move */
    assert_int_equal(gev_queue_get(q, &item, 0), 0);
    assert_ptr_equal(item, &local);
    gev_queue_free(q);
}

static long get_0(void *q)
{
    void *item;

    return gev_queue_get(q, &item, 0);
}

static long get_1(void *q)
{
    void *item;

    return gev_queue_get(q, &item, 1);
}

static long put_0(void *q)
{
    return gev_queue_put(q, LETTER('h'), 0);
}

static void the_hub_may_try(void **state)
{
    struct gev_queue *q = make_queue(1);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, getter, q, 0);
    assert_outcome(on_hub(put_0, q), 0, 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 'h');
    assert_outcome(on_hub(get_0, q), -1, ETIMEDOUT);
    assert_outcome(on_hub(put_0, q), 0, 0);
    assert_outcome(on_hub(put_0, q), -1, ETIMEDOUT);
    assert_outcome(on_hub(get_1, q), -1, EPERM);
    assert_outcome(on_hub(get_0, q), 0, 0);
    gev_queue_free(q);
}

static void *elsewhere(void *q)
{
    static struct outcome out[6];
    void *item;

    for (int i = 0; i < 6; i++) {
        errno = 0;
        out[i].r = i == 0   ? gev_queue_put(q, NULL, 0)
                   : i == 1 ? gev_queue_get(q, &item, 0)
                   : i == 2 ? gev_queue_join(q, 0)
                   : i == 3 ? gev_queue_task_done(q)
                   : i == 4 ? gev_queue_shutdown(q, 0)
                            : gev_queue_free(q);
        out[i].err = errno;
    }
    return out;
}

static void another_threads_queue_is_eperm(void **state)
{
    struct gev_queue *q = make_queue(1);
    struct outcome *out;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, elsewhere, q), 0);
    assert_int_equal(pthread_join(t, (void **)&out), 0);
    for (int i = 0; i < 6; i++) {
        assert_outcome(out[i], -1, EPERM);
    }
    gev_queue_free(q);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_queue *q = make_queue(1);
    struct gev_queue *d = gev_queue_new_data(4, 1, GEV_LIFO, NULL);
    void *item;

    (void)state;
    assert_no_pointer(gev_queue_new_priority(0, NULL), EINVAL);
    assert_no_pointer(gev_queue_new_data(0, 0, GEV_FIFO, NULL), EINVAL);
    assert_no_pointer(
        gev_queue_new_data(GEV_QUEUE_ITEM_MAX + 1, 0, GEV_FIFO, NULL), EINVAL);
    assert_no_pointer(gev_queue_new_data(1, 0, GEV_FIFO, compare), EINVAL);
    assert_no_pointer(gev_queue_new_data(1, 0, GEV_PRIORITY, NULL), EINVAL);
    assert_no_pointer(gev_queue_new_data(1, 0, (enum gev_queue_order)7, NULL),
                      EINVAL);
    assert_fails(gev_queue_put(NULL, NULL, 0), EINVAL);
    assert_fails(gev_queue_put(q, NULL, -1), EINVAL);
    assert_fails(gev_queue_put(q, NULL, NAN), EINVAL);
    assert_fails(gev_queue_put(d, NULL, 0), EINVAL);
    assert_fails(gev_queue_put_data(d, NULL, 0), EINVAL);
    assert_fails(gev_queue_put_data(q, &item, 0), EINVAL);
    assert_fails(gev_queue_get(NULL, &item, 0), EINVAL);
    assert_fails(gev_queue_get(q, NULL, 0), EINVAL);
    assert_fails(gev_queue_get(q, &item, -1), EINVAL);
    assert_fails(gev_queue_get(d, &item, 0), EINVAL);
    assert_fails(gev_queue_get_data(q, &item, 0), EINVAL);
    assert_fails(gev_queue_peek(d, &item, 0), EINVAL);
    assert_fails(gev_queue_peek_data(q, &item, 0), EINVAL);
    assert_int_equal(gev_queue_size(NULL), 0);
    assert_int_equal(gev_queue_free(NULL), 0);
    gev_queue_free(q);
    gev_queue_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fifo_gives_the_oldest),
        TEST(a_fifo_grows_wherever_its_head_is),
        TEST(a_lifo_gives_the_newest),
        TEST(a_priority_queue_gives_the_smallest),
        TEST(equal_items_come_out_in_the_order_they_went_in),
        TEST(peek_leaves_the_item),
        TEST(a_bounded_queue_is_full),
        TEST(values_are_copied_in_and_out),
        TEST(values_have_priorities_and_are_stable_too),
        TEST(pointers_into_the_run_stack_are_efault),
        TEST(the_hub_may_try),
        TEST(another_threads_queue_is_eperm),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
