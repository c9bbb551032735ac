/* SPDX-License-Identifier: MIT */
/*
 * How queues end: all work done, shut down, freed while greenlets wait
 */
#include "queues.h"

static void *joiner(void *arg)
{
    struct waiter *w = arg;

    waiter_done(w, gev_queue_join(w->object, w->timeout));
    return NULL;
}

static void join_waits_for_the_last_task(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct waiter w[2] = {0};

    (void)state;
    assert_int_equal(gev_queue_join(q, 0), 0); /* nothing to do */
    put_all(q, "ab");
    assert_int_equal(gev_queue_unfinished(q), 2);
    waiter_start(&w[0], joiner, q, 0);
    waiter_start(&w[1], joiner, q, 0);
    assert_gets(q, "ab");
    assert_int_equal(gev_queue_task_done(q), 0);
    assert_fails(gev_queue_join(q, 0), ETIMEDOUT);
    assert_fails(gev_queue_join(q, 0.002), ETIMEDOUT);
    assert_int_equal(gev_yield(), 0);
    assert_false(w[0].done);
    assert_int_equal(gev_queue_task_done(q), 0);
    for (int i = 0; i < 2; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    assert_fails(gev_queue_task_done(q), EINVAL); /* too often */
    gev_queue_free(q);
}

static void an_item_of_a_waiting_putter_is_not_unfinished_yet(void **state)
{
    struct gev_queue *q = make_queue(1);
    struct waiter w = {0};

    (void)state;
    put_all(q, "a");
    waiter_start(&w, putter, q, 'b');
    assert_int_equal(gev_queue_unfinished(q), 1);
    assert_gets(q, "ab");
    assert_int_equal(gev_queue_unfinished(q), 2);
    waiter_end(&w, 0, 0);
    gev_queue_free(q);
}

static void a_killed_joiner_ends(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct waiter w = {0};

    (void)state;
    put_all(q, "a");
    waiter_start(&w, joiner, q, 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, -1, ECANCELED);
    assert_int_equal(gev_queue_task_done(q), 0);
    gev_queue_free(q);
}

static void shutdown_lets_getters_drain(void **state)
{
    struct gev_queue *q = make_queue(0);
    void *item;

    (void)state;
    put_all(q, "ab");
    assert_int_equal(gev_queue_shutdown(q, 0), 0);
    assert_fails(gev_queue_put(q, LETTER('c'), GEV_FOREVER), EPIPE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gev_queue_get(q, &item, GEV_FOREVER), 0);
        assert_int_equal((intptr_t)item, 'a' + i);
    }
    assert_fails(gev_queue_get(q, &item, GEV_FOREVER), EPIPE);
    assert_fails(gev_queue_get(q, &item, 0), EPIPE);
    assert_fails(gev_queue_peek(q, &item, 1), EPIPE);
    assert_int_equal(gev_queue_shutdown(q, 0), 0); /* again does no harm */
    gev_queue_free(q);
}

static void shutdown_wakes_who_waits(void **state)
{
    struct gev_queue *q = make_queue(1);
    struct gev_queue *r = make_queue(0);
    struct waiter w[4] = {0};

    (void)state;
    put_all(q, "a");
    waiter_start(&w[0], putter, q, 'b');
    waiter_start(&w[1], putter, q, 'c');
    waiter_start(&w[2], getter, r, 0);
    waiter_start(&w[3], peeker, r, 0);
    assert_int_equal(gev_queue_shutdown(q, 0), 0);
    assert_int_equal(gev_queue_shutdown(r, 0), 0);
    for (int i = 0; i < 4; i++) {
        waiter_end(&w[i], -1, EPIPE);
        assert_int_equal(w[i].order, i);
    }
    assert_int_equal(gev_queue_size(q), 1); /* theirs are not in it */
    gev_queue_free(q);
    gev_queue_free(r);
}

static void a_promise_outlives_a_shutdown(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, getter, q, 0);
    put_all(q, "a");
    assert_int_equal(gev_queue_shutdown(q, 0), 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 'a');
    gev_queue_free(q);
}

static void an_immediate_shutdown_drops_items_and_promises(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct waiter w[2] = {0};
    void *item;

    (void)state;
    waiter_start(&w[0], getter, q, 0);
    put_all(q, "abc");
    waiter_start(&w[1], joiner, q, 0); /* w[0] takes a, b and c are left */
    assert_int_equal(w[0].value, 'a');
    assert_int_equal(gev_queue_shutdown(q, 1), 0);
    assert_int_equal(gev_queue_size(q), 0);
    assert_int_equal(gev_queue_unfinished(q), 1);
    assert_fails(gev_queue_get(q, &item, 1), EPIPE);
    assert_int_equal(gev_queue_task_done(q), 0);
    waiter_end(&w[0], 0, 0);
    waiter_end(&w[1], 0, 0);
    gev_queue_free(q);
}

static void a_getter_whose_item_was_dropped_gets_epipe(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, getter, q, 0);
    put_all(q, "a");
    assert_int_equal(gev_queue_shutdown(q, 1), 0);
    assert_int_equal(gev_queue_size(q), 0);
    assert_int_equal(gev_queue_unfinished(q), 0);
    waiter_end(&w, -1, EPIPE);
    gev_queue_free(q);
}

static void freeing_wakes_all_with_ebadf(void **state)
{
    struct gev_queue *q = make_queue(1);
    struct gev_queue *r = make_queue(0);
    struct waiter w[5] = {0};

    (void)state;
    put_all(q, "a");
    waiter_start(&w[0], putter, q, 'b');
    waiter_start(&w[1], joiner, q, 0);
    waiter_start(&w[2], getter, r, 0);
    waiter_start(&w[3], getter, r, 0);
    waiter_start(&w[4], peeker, r, 0);
    put_all(r, "a"); /* promised to w[2], which does not run any more before */
    assert_int_equal(gev_queue_free(q), 0);
    assert_int_equal(gev_queue_free(r), 0);
    for (int i = 0; i < 5; i++) {
        waiter_end(&w[i], -1, EBADF);
    }
}

static void *spin(void *q)
{
    void *item;

    while (gev_queue_put(q, NULL, 1) == 0 && gev_queue_get(q, &item, 1) == 0) {
    }
    return LETTER(errno);
}

static void *free_it(void *q)
{
    (void)gev_queue_free(q);
    return NULL;
}

static void freed_while_another_yields_at_its_entry(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct gev_greenlet *g = gev_spawn(spin, q); /* until its budget is gone */
    struct gev_greenlet *h = gev_spawn(free_it, q);

    (void)state;
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal((intptr_t)gev_value(g), EBADF);
    gev_unref(g);
    finish(h);
}

static long join_0(void *q)
{
    return gev_queue_join(q, 0);
}

static long join_1(void *q)
{
    return gev_queue_join(q, 1);
}

static long shutdown_0(void *q)
{
    return gev_queue_shutdown(q, 0);
}

static void the_hub_may_shut_down(void **state)
{
    struct gev_queue *q = make_queue(0);
    struct waiter w = {0};

    (void)state;
    put_all(q, "a");
    assert_outcome(on_hub(join_0, q), -1, ETIMEDOUT);
    assert_outcome(on_hub(join_1, q), -1, EPERM);
    assert_gets(q, "a");
    waiter_start(&w, getter, q, 0);
    assert_outcome(on_hub(shutdown_0, q), 0, 0);
    waiter_end(&w, -1, EPIPE);
    gev_queue_free(q);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_queue *q = make_queue(0);

    (void)state;
    assert_fails(gev_queue_join(NULL, 1), EINVAL);
    assert_fails(gev_queue_join(q, -1), EINVAL);
    assert_fails(gev_queue_join(q, NAN), EINVAL);
    assert_fails(gev_queue_task_done(NULL), EINVAL);
    assert_fails(gev_queue_task_done(q), EINVAL);
    assert_fails(gev_queue_shutdown(NULL, 0), EINVAL);
    assert_int_equal(gev_queue_unfinished(NULL), 0);
    gev_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(join_waits_for_the_last_task),
        TEST(an_item_of_a_waiting_putter_is_not_unfinished_yet),
        TEST(a_killed_joiner_ends),
        TEST(shutdown_lets_getters_drain),
        TEST(shutdown_wakes_who_waits),
        TEST(a_promise_outlives_a_shutdown),
        TEST(an_immediate_shutdown_drops_items_and_promises),
        TEST(a_getter_whose_item_was_dropped_gets_epipe),
        TEST(freeing_wakes_all_with_ebadf),
        TEST(freed_while_another_yields_at_its_entry),
        TEST(the_hub_may_shut_down),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
