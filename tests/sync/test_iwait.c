/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one thing after the other, and for all results of greenlets
 */
#include "things.h"

static void *call_next(void *arg)
{
    struct waiter *w = arg;
    size_t index = 99;
    int rc = gev_iwait_next(w->object, &index, w->timeout);

    w->value = (long)index;
    waiter_done(w, rc);
    return NULL;
}

static void iwait_gives_one_after_the_other_in_order(void **state)
{
    static const int order[] = {3, 0, 4, 1};
    struct things t;
    struct gev_iwait *it;
    size_t index = 99;

    (void)state;
    things_make(&t);
    assert_int_equal(things_fire(&t, 2), 0);
    it = gev_iwait_new(t.v, 5);
    memset(t.v, 0, sizeof t.v); /* not needed any more */
    assert_int_equal(gev_iwait_next(it, &index, 0), 1);
    assert_int_equal(index, 2);
    for (int i = 0; i < 4; i++) {
        assert_fails(gev_iwait_next(it, &index, 0), ETIMEDOUT);
        assert_int_equal(things_fire(&t, order[i]), 0);
        errno = 4711;
        assert_int_equal(gev_iwait_next(it, &index, GEV_FOREVER), 1);
        assert_int_equal(errno, 4711);
        assert_int_equal(index, order[i]);
    }
    assert_int_equal(gev_iwait_next(it, &index, GEV_FOREVER), 0);
    assert_int_equal(gev_iwait_free(it), 0);
    things_free(&t);
}

static void iwait_keeps_the_order_of_completion(void **state)
{
    static const int order[] = {4, 0, 1, 3, 2};
    struct things t;
    struct gev_iwait *it;
    size_t index;

    (void)state;
    things_make(&t);
    it = gev_iwait_new(t.v, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(things_fire(&t, order[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_iwait_next(it, &index, GEV_FOREVER), 1);
        assert_int_equal(index, order[i]);
    }
    assert_int_equal(gev_iwait_free(it), 0);
    things_free(&t);
}

static void iwait_tells_of_a_freed_thing_and_goes_on(void **state)
{
    struct things t;
    struct waiter w = {0};
    struct gev_iwait *it;

    (void)state;
    things_make(&t);
    it = gev_iwait_new(t.v, 2);
    waiter_start(&w, call_next, it, 0);
    assert_int_equal(gev_event_free(t.e), 0);
    t.e = NULL;
    waiter_end(&w, -1, EBADF);
    assert_int_equal(w.value, 1);
    waiter_start(&w, call_next, it, 0);
    assert_int_equal(things_fire(&t, 0), 0);
    waiter_end(&w, 1, 0);
    assert_int_equal(w.value, 0);
    assert_int_equal(gev_iwait_next(it, NULL, GEV_FOREVER), 0);
    assert_int_equal(gev_iwait_free(it), 0);
    things_free(&t);
}

static void iwait_is_for_one_at_a_time_and_can_be_freed(void **state)
{
    struct things t;
    struct waiter w = {0};
    struct gev_iwait *it;

    (void)state;
    things_make(&t);
    it = gev_iwait_new(t.v, 5);
    waiter_start(&w, call_next, it, 0);
    assert_fails(gev_iwait_next(it, NULL, 0), EBUSY);
    assert_int_equal(gev_iwait_free(it), 0);
    waiter_end(&w, -1, EBADF);
    assert_int_equal(w.value, 99);
    assert_int_equal(gev_iwait_free(NULL), 0);
    it = gev_iwait_new(NULL, 0);
    assert_int_equal(gev_iwait_next(it, NULL, GEV_FOREVER), 0);
    assert_int_equal(gev_iwait_free(it), 0);
    things_free(&t);
}

static void free_it(void *arg)
{
    note(gev_iwait_free(arg) == 0 ? 'f' : '!');
}

static void iwait_may_be_freed_between_waking_and_running(void **state)
{
    struct things t;
    struct waiter w = {0};
    struct gev_iwait *it;

    (void)state;
    things_make(&t);
    it = gev_iwait_new(t.v, 5);
    waiter_start(&w, call_next, it, 0);
    assert_int_equal(things_fire(&t, 1), 0); /* the hub will wake it ... */
    assert_int_equal(gev_call_soon(free_it, it), 0); /* ... and then free it */
    waiter_end(&w, -1, EBADF);
    assert_int_equal(w.value, 99);
    assert_string_equal(run_log, "f");
    things_free(&t);
}

static void *end_with(void *arg)
{
    long err = (long)(intptr_t)arg;

    (void)gev_sleep(err == EIO ? 0.001 : 0.01);
    return err ? gev_fail((int)err) : NULL;
}

static void *value_of(void *arg)
{
    (void)gev_yield();
    return arg;
}

static void getall_gives_all_results(void **state)
{
    struct gev_greenlet *v[] = {gev_spawn(value_of, LETTER('a')), NULL,
                                gev_spawn(value_of, LETTER('b'))};
    void *values[3] = {NULL, LETTER('x'), NULL};

    (void)state;
    assert_fails(gev_getall(v, 3, values, 0), ETIMEDOUT);
    errno = 4711;
    assert_int_equal(gev_getall(v, 3, values, GEV_FOREVER), 0);
    assert_int_equal(gev_getall(v, 3, NULL, 0), 0);
    assert_int_equal(gev_getall(NULL, 0, NULL, 0), 0);
    assert_int_equal(errno, 4711);
    assert_ptr_equal(values[0], LETTER('a'));
    assert_null(values[1]);
    assert_ptr_equal(values[2], LETTER('b'));
    gev_unref(v[0]);
    gev_unref(v[2]);
}

static void getall_gives_up_at_the_first_error(void **state)
{
    struct gev_greenlet *v[] = {gev_spawn(end_with, LETTER(0)),
                                gev_spawn(end_with, LETTER(EXDEV)),
                                gev_spawn(end_with, LETTER(EIO))};

    (void)state;
    assert_fails(gev_getall(v, 3, NULL, GEV_FOREVER), EIO);
    assert_int_equal(gev_error(v[1]), 0); /* it goes on */
    assert_int_equal(gev_state(v[0]), GEV_ACTIVE);
    assert_fails(gev_getall(v, 3, NULL, 0), EIO);
    assert_int_equal(gev_joinall(v, 3, 20), 0);
    for (int i = 0; i < 3; i++) {
        gev_unref(v[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(iwait_gives_one_after_the_other_in_order),
        TEST(iwait_keeps_the_order_of_completion),
        TEST(iwait_tells_of_a_freed_thing_and_goes_on),
        TEST(iwait_is_for_one_at_a_time_and_can_be_freed),
        TEST(iwait_may_be_freed_between_waking_and_running),
        TEST(getall_gives_all_results),
        TEST(getall_gives_up_at_the_first_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
