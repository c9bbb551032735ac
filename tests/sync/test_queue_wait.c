/* SPDX-License-Identifier: MIT */
/*
 * Waiting in queues: who is served when, kills and limits at the worst moment
 */
#include "queues.h"

static void waiting_putters_are_admitted_in_order(void **state)
{
    struct gev_queue *q = make_queue(1);
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
    struct gev_queue *q = make_queue(0);
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
    struct gev_queue *q = make_queue(0);
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
    struct gev_queue *q = make_queue(0);
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
    struct gev_queue *q = make_queue(1);
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
    struct gev_queue *q = make_queue(0);
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
    struct gev_queue *q = make_queue(0);
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
    struct gev_queue *q = make_queue(1);
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
    struct gev_queue *q = make_queue(1);
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
    struct gev_queue *q = make_queue(0);
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
    struct gev_queue *q = make_queue(1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
