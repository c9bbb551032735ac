/* SPDX-License-Identifier: MIT */
/*
 * Queues: the three orders, limits on their size, by value, kills and limits in
 * time, who is served when
 */
#include "run.h"

#include <pthread.h>

static void *putter(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_queue_put(w->object, LETTER(w->value), w->timeout));
    return NULL;
}

static void *getter(void *arg)
{
    struct waiter *w = arg;
    void *item = NULL;
    int rc = gev_queue_get(w->object, &item, w->timeout);

    waiter_done(w, rc);
    w->value = (intptr_t)item;
    return NULL;
}

static void *peeker(void *arg)
{
    struct waiter *w = arg;
    void *item = NULL;
    int rc = gev_queue_peek(w->object, &item, w->timeout);

    waiter_done(w, rc);
    w->value = (intptr_t)item;
    return NULL;
}

static struct gev_queue *make(size_t maxsize)
{
    struct gev_queue *q = gev_queue_new(maxsize);

    n_back = 0;
    assert_non_null(q);
    return q;
}

static void put_all(struct gev_queue *q, const char *letters)
{
    for (; *letters; letters++) {
        assert_int_equal(gev_queue_put(q, LETTER(*letters), 0), 0);
    }
}

/* Takes what is there: "abc" in that order, and no more. */
static void assert_gets(struct gev_queue *q, const char *letters)
{
    void *item;

    for (; *letters; letters++) {
        assert_int_equal(gev_queue_get(q, &item, 0), 0);
        assert_int_equal((char)(intptr_t)item, *letters);
    }
    assert_fails(gev_queue_get(q, &item, 0), ETIMEDOUT);
}

/* By the letter, capitals and others alike. */
static int compare(const void *a, const void *b)
{
    return ((int)(intptr_t)a & 31) - ((int)(intptr_t)b & 31);
}

static void a_fifo_gives_the_oldest(void **state)
{
    struct gev_queue *q = make(0);

    (void)state;
    put_all(q, "abc");
    assert_int_equal(gev_queue_size(q), 3);
    assert_gets(q, "abc");
    assert_true(gev_queue_empty(q));
    gev_queue_free(q);
}

static void a_fifo_grows_wherever_its_head_is(void **state)
{
    struct gev_queue *q = make(0);
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
    struct gev_queue *q = make(2);

    (void)state;
    assert_false(gev_queue_full(q));
    put_all(q, "ab");
    assert_true(gev_queue_full(q));
    assert_fails(gev_queue_put(q, LETTER('c'), 0), ETIMEDOUT);
    assert_fails(gev_queue_put(q, LETTER('c'), 0.001), ETIMEDOUT);
    assert_gets(q, "ab");
    gev_queue_free(q);
}

static void waiting_putters_are_admitted_in_order(void **state)
{
    struct gev_queue *q = make(1);
    struct waiter w[3] = {0};
    void *item;

    (void)state;
    put_all(q, "a");
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], putter, q, 'b' + i);
    }
    assert_gets(q, "abcd"); /* each that goes lets the next one in */
    assert_false(w[0].done);
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    assert_fails(gev_queue_get(q, &item, 0), ETIMEDOUT);
    gev_queue_free(q);
}

static void waiting_getters_are_served_in_order(void **state)
{
    int n = (int)proc_scale(1000);
    struct gev_queue *q = make(0);
    struct waiter *w = calloc((size_t)n, sizeof *w);

    (void)state;
    assert_non_null(w);
    for (int i = 0; i < n; i++) {
        waiter_start(&w[i], getter, q, 0);
    }
    for (intptr_t i = 0; i < n; i++) {
        assert_int_equal(gev_queue_put(q, (void *)i, 0), 0);
        assert_int_equal(gev_queue_size(q), 0); /* it is promised */
    }
    for (int i = 0; i < n; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].value, i);
        assert_int_equal(w[i].order, i);
    }
    free(w);
    gev_queue_free(q);
}

static void what_is_promised_cannot_be_stolen(void **state)
{
    struct gev_queue *q = make(0);
    struct waiter w = {0};
    void *item;

    (void)state;
    waiter_start(&w, getter, q, 0);
    put_all(q, "a");
    assert_fails(gev_queue_get(q, &item, 0), ETIMEDOUT);
    assert_fails(gev_queue_peek(q, &item, 0), ETIMEDOUT);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 'a');
    gev_queue_free(q);
}

static void a_getter_killed_after_its_promise_passes_it_on(void **state)
{
    struct gev_queue *q = make(0);
    struct waiter w[3] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        waiter_start(&w[i], getter, q, 0);
    }
    put_all(q, "ab");
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0);
    waiter_end(&w[2], 0, 0);
    assert_int_equal(w[1].value, 'a');
    assert_int_equal(w[2].value, 'b');
    gev_queue_free(q);
}

static void without_another_getter_it_stays_in_place(void **state)
{
    struct gev_queue *q = make(1);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, getter, q, 0);
    put_all(q, "ab"); /* one is promised, so there is room for another */
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, -1, ECANCELED);
    assert_int_equal(gev_queue_size(q), 2);
    assert_true(gev_queue_full(q));
    assert_gets(q, "ab");
    gev_queue_free(q);
}

static void *get_in_a_scope(void *arg)
{
    struct waiter *w = arg;
    void *item;
    int64_t scope = gev_timeout_push(0.002);

    waiter_done(w, gev_queue_get(w->object, &item, GEV_FOREVER));
    gev_timeout_pop(scope);
    return NULL;
}

static void *put_and_spin(void *arg)
{
    double end = gev_now() + 0.01;

    if (gev_queue_put(arg, LETTER('a'), 0) < 0) {
        return gev_fail(errno);
    }
    while (gev_now() < end) { /* the other's scope expires before it runs */
    }
    return NULL;
}

static void a_limit_of_the_call_does_not_take_back_a_promise(void **state)
{
    struct gev_queue *q = make(0);
    struct waiter w = {.timeout = 0.002};
    struct gev_greenlet *g;

    (void)state;
    waiter_start(&w, getter, q, 0);
    g = gev_spawn(put_and_spin, q);
    finish(g);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 'a');
    gev_queue_free(q);
}

static void nothing_is_lost_when_a_scope_expires_then(void **state)
{
    struct gev_queue *q = make(0);
    struct waiter w = {0};
    struct gev_greenlet *g;
    void *item = NULL;

    (void)state;
    waiter_start(&w, get_in_a_scope, q, 0);
    g = gev_spawn(put_and_spin, q);
    finish(g);
    finish(w.g);
    if (w.rc == 0) { /* it ran before its timer did */
        assert_int_equal(gev_queue_size(q), 0);
    } else {
        assert_int_equal(w.err, ETIMEDOUT);
        assert_int_equal(gev_queue_get(q, &item, 0), 0);
        assert_int_equal((intptr_t)item, 'a');
    }
    gev_queue_free(q);
}

static void a_killed_putter_takes_its_item_along(void **state)
{
    struct gev_queue *q = make(1);
    struct waiter w[2] = {0};

    (void)state;
    put_all(q, "a");
    waiter_start(&w[0], putter, q, 'b');
    waiter_start(&w[1], putter, q, 'c');
    assert_int_equal(gev_kill(w[0].g, 0), 0);
    assert_gets(q, "ac");
    waiter_end(&w[0], -1, ECANCELED);
    waiter_end(&w[1], 0, 0);
    gev_queue_free(q);
}

static void an_admitted_putter_has_succeeded_even_if_killed(void **state)
{
    struct gev_queue *q = make(1);
    struct waiter w = {0};

    (void)state;
    put_all(q, "a");
    waiter_start(&w, putter, q, 'b');
    assert_gets(q, "ab");
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 0, 0);
    gev_queue_free(q);
}

static void a_waiting_peeker_leaves_the_item_to_the_next(void **state)
{
    struct gev_queue *q = make(0);
    struct waiter w[4] = {0};

    (void)state;
    waiter_start(&w[0], peeker, q, 0);
    waiter_start(&w[1], peeker, q, 0);
    waiter_start(&w[2], getter, q, 0);
    waiter_start(&w[3], peeker, q, 0);
    put_all(q, "a");
    for (int i = 0; i < 3; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].value, 'a');
        assert_int_equal(w[i].order, i);
    }
    assert_false(w[3].done);
    put_all(q, "b");
    waiter_end(&w[3], 0, 0);
    assert_int_equal(w[3].value, 'b');
    assert_gets(q, "b");
    gev_queue_free(q);
}

static void limits_end_the_wait(void **state)
{
    struct gev_queue *q = make(1);
    double begin = gev_now();
    int64_t scope;
    void *item;

    (void)state;
    assert_fails(gev_queue_get(q, &item, 0.005), ETIMEDOUT);
    assert_fails(gev_queue_peek(q, &item, 0.005), ETIMEDOUT);
    put_all(q, "a");
    assert_fails(gev_queue_put(q, item, 0.005), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.015);
    scope = gev_timeout_push(0.005);
    assert_fails(gev_queue_put(q, item, GEV_FOREVER), ETIMEDOUT);
    assert_fails(gev_queue_get(q, &item, 0),
                 ETIMEDOUT); /* though it is there */
    assert_int_equal(gev_timeout_pop(scope), 1);
    assert_gets(q, "a");
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
    struct gev_queue *q = make(0);
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
    struct gev_queue *q = make(1);
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
    struct gev_queue *q = make(1);
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
    struct gev_queue *q = make(1);
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
        TEST(waiting_putters_are_admitted_in_order),
        TEST(waiting_getters_are_served_in_order),
        TEST(what_is_promised_cannot_be_stolen),
        TEST(a_getter_killed_after_its_promise_passes_it_on),
        TEST(without_another_getter_it_stays_in_place),
        TEST(a_limit_of_the_call_does_not_take_back_a_promise),
        TEST(nothing_is_lost_when_a_scope_expires_then),
        TEST(a_killed_putter_takes_its_item_along),
        TEST(an_admitted_putter_has_succeeded_even_if_killed),
        TEST(a_waiting_peeker_leaves_the_item_to_the_next),
        TEST(limits_end_the_wait),
        TEST(values_are_copied_in_and_out),
        TEST(values_have_priorities_and_are_stable_too),
        TEST(pointers_into_the_run_stack_are_efault),
        TEST(the_hub_may_try),
        TEST(another_threads_queue_is_eperm),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
