/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one, for all, and for one after the other of several things
 */
#include "run.h"

#include "support/fault.h"

/* One thing of each kind, none of them ready. */
struct things {
    struct gev_greenlet *g;
    struct gev_event *e;
    struct gev_result *r;
    struct gev_semaphore *s;
    struct gev_waitgroup *wg;
    struct gev_waitable v[5];
};

static void things_make(struct things *t)
{
    t->g = gev_spawn(sleep_for_ever, NULL);
    t->e = gev_event_new();
    t->r = gev_result_new();
    t->s = gev_semaphore_new(0, 0);
    t->wg = gev_waitgroup_new();
    assert_int_equal(gev_waitgroup_add(t->wg, 1), 0);
    t->v[0] = gev_on_greenlet(t->g);
    t->v[1] = gev_on_event(t->e);
    t->v[2] = gev_on_result(t->r);
    t->v[3] = gev_on_semaphore(t->s);
    t->v[4] = gev_on_waitgroup(t->wg);
}

/* Makes one of them ready. */
static int things_fire(struct things *t, int i)
{
    switch (i) {
    case 0:
        return gev_kill(t->g, 0) | gev_yield();
    case 1:
        return gev_event_set(t->e);
    case 2:
        return gev_result_set(t->r, NULL);
    case 3:
        return gev_semaphore_release(t->s);
    default:
        return gev_waitgroup_done(t->wg);
    }
}

static void things_free(struct things *t)
{
    assert_int_equal(gev_kill(t->g, 20), 0);
    gev_unref(t->g);
    assert_int_equal(gev_event_free(t->e), 0);
    assert_int_equal(gev_result_free(t->r), 0);
    assert_int_equal(gev_semaphore_free(t->s), 0);
    assert_int_equal(gev_waitgroup_free(t->wg), 0);
}

/* A call of one of the three, by a greenlet; object is what it waits for. */
static void *call_any(void *arg)
{
    struct waiter *w = arg;
    const struct things *t = w->object;

    waiter_done(w, (int)gev_wait_any(t->v, (size_t)w->value, w->timeout));
    return NULL;
}

static void *call_all(void *arg)
{
    struct waiter *w = arg;
    const struct things *t = w->object;

    errno = 0;
    waiter_done(w, (int)gev_wait_all(t->v, (size_t)w->value, w->timeout));
    return NULL;
}

static void *call_next(void *arg)
{
    struct waiter *w = arg;
    size_t index = 99;
    int rc = gev_iwait_next(w->object, &index, w->timeout);

    w->value = (long)index;
    waiter_done(w, rc);
    return NULL;
}

static void any_gives_the_one_that_becomes_ready(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct things t;
        struct waiter w = {0};

        things_make(&t);
        waiter_start(&w, call_any, &t, 5);
        assert_false(w.done);
        assert_int_equal(things_fire(&t, i), 0);
        waiter_end(&w, i, 0);
        errno = 4711;
        assert_int_equal(gev_wait_any(t.v, 5, 0), i); /* it is ready now */
        assert_int_equal(errno, 4711);
        things_free(&t);
    }
}

static void any_gives_the_lowest_of_those_that_are_ready(void **state)
{
    struct things t;

    (void)state;
    things_make(&t);
    assert_fails(gev_wait_any(t.v, 5, 0), ETIMEDOUT);
    assert_fails(gev_wait_any(t.v, 5, 0.001), ETIMEDOUT);
    assert_int_equal(things_fire(&t, 4), 0);
    assert_int_equal(things_fire(&t, 2), 0);
    assert_int_equal(gev_wait_any(t.v, 5, GEV_FOREVER), 2);
    things_free(&t);
}

static void any_gives_what_was_ready_first(void **state)
{
    struct things t;
    struct waiter w = {0};

    (void)state;
    things_make(&t);
    waiter_start(&w, call_any, &t, 5);
    assert_int_equal(things_fire(&t, 0), 0); /* a greenlet's end … */
    assert_int_equal(things_fire(&t, 1), 0); /* … and then an object */
    waiter_end(&w, 0, 0);
    things_free(&t);
}

static void a_unit_is_not_taken_by_waiting_for_it(void **state)
{
    struct things t;
    struct waiter w[2] = {0};

    (void)state;
    things_make(&t);
    waiter_start(&w[0], call_any, &t, 5);
    waiter_start(&w[1], call_any, &t, 5);
    assert_int_equal(gev_semaphore_release(t.s), 0);
    waiter_end(&w[0], 3, 0); /* both are told */
    waiter_end(&w[1], 3, 0);
    assert_int_equal(gev_semaphore_value(t.s), 1);
    things_free(&t);
}

static void a_moment_of_readiness_counts(void **state)
{
    struct things t;
    struct waiter w[2] = {0};

    (void)state;
    things_make(&t);
    waiter_start(&w[0], call_any, &t, 5);
    waiter_start(&w[1], call_all, &t, 5);
    assert_int_equal(gev_event_set(t.e), 0);
    assert_int_equal(gev_event_clear(t.e), 0);
    waiter_end(&w[0], 1, 0);
    assert_int_equal(things_fire(&t, 0), 0);
    assert_int_equal(things_fire(&t, 2), 0);
    assert_int_equal(things_fire(&t, 3), 0);
    assert_false(w[1].done);
    assert_int_equal(things_fire(&t, 4), 0);
    waiter_end(&w[1], 5, 0);
    things_free(&t);
}

static void all_waits_for_each(void **state)
{
    struct things t;
    struct waiter w = {0};

    (void)state;
    things_make(&t);
    assert_int_equal(things_fire(&t, 2), 0); /* before it waits */
    waiter_start(&w, call_all, &t, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
        assert_false(w.done);
        assert_int_equal(i == 2 ? 0 : things_fire(&t, i), 0);
    }
    waiter_end(&w, 5, 0);
    assert_int_equal(w.err, 0);
    assert_int_equal(gev_wait_all(t.v, 5, 0), 5);
    assert_int_equal(gev_wait_all(NULL, 0, GEV_FOREVER), 0);
    things_free(&t);
}

static void all_that_ends_short_counts_and_says_why(void **state)
{
    struct things t;
    struct waiter w = {0};

    (void)state;
    things_make(&t);
    assert_fails(gev_wait_all(t.v, 5, 0), ETIMEDOUT);
    assert_fails(gev_wait_all(t.v, 5, 0.001), ETIMEDOUT);
    assert_int_equal(things_fire(&t, 1), 0);
    assert_int_equal(gev_wait_all(t.v, 5, 0), 1);
    assert_int_equal(errno, ETIMEDOUT);
    waiter_start(&w, call_all, &t, 5);
    assert_int_equal(things_fire(&t, 3), 0);
    assert_int_equal(gev_sleep(0.001), 0);
    assert_int_equal(gev_kill(w.g, 0), 0);
    waiter_end(&w, 2, 0);
    assert_int_equal(w.err, ECANCELED);
    things_free(&t);
}

static void the_same_thing_may_be_there_twice(void **state)
{
    struct things t;
    struct waiter w = {0};

    (void)state;
    things_make(&t);
    for (int i = 0; i < 5; i++) {
        t.v[i] = gev_on_event(t.e);
    }
    waiter_start(&w, call_all, &t, 5);
    assert_int_equal(gev_event_set(t.e), 0);
    waiter_end(&w, 5, 0);
    things_free(&t);
}

static void a_thing_that_is_freed_ends_the_wait(void **state)
{
    struct things t;
    struct waiter w[2] = {0};

    (void)state;
    for (int i = 1; i < 5; i++) {
        things_make(&t);
        waiter_start(&w[0], call_any, &t, 5);
        waiter_start(&w[1], call_all, &t, 5);
        switch (i) {
        case 1:
            assert_int_equal(gev_event_free(t.e), 0);
            t.e = NULL;
            break;
        case 2:
            assert_int_equal(gev_result_free(t.r), 0);
            t.r = NULL;
            break;
        case 3:
            assert_int_equal(gev_semaphore_free(t.s), 0);
            t.s = NULL;
            break;
        default:
            assert_int_equal(gev_waitgroup_free(t.wg), 0);
            t.wg = NULL;
        }
        waiter_end(&w[0], -1, EBADF);
        waiter_end(&w[1], -1, EBADF);
        things_free(&t);
    }
}

static void a_wait_that_ended_leaves_nothing_behind(void **state)
{
    struct things t;
    struct waiter w = {.timeout = 0.001};

    (void)state;
    things_make(&t);
    waiter_start(&w, call_any, &t, 5);
    waiter_end(&w, -1, ETIMEDOUT);
    w.timeout = GEV_FOREVER;
    waiter_start(&w, call_any, &t, 5);
    assert_int_equal(things_fire(&t, 1), 0);
    assert_int_equal(gev_kill(w.g, 0), 0); /* fired, and not told yet */
    waiter_end(&w, -1, ECANCELED);
    for (int i = 2; i < 5; i++) {
        assert_int_equal(things_fire(&t, i), 0);
    }
    things_free(&t); /* ASan sees to the rest */
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

static void bad_arguments_are_refused(void **state)
{
    struct gev_waitable v[] = {gev_on_event(NULL), {NULL, NULL}};
    struct gev_greenlet *self = gev_current();
    struct things t;

    (void)state;
    things_make(&t);
    assert_fails(gev_wait_any(NULL, 1, 1), EINVAL);
    assert_fails(gev_wait_any(t.v, 0, 1), EINVAL);
    assert_fails(gev_wait_any(t.v, 5, -1), EINVAL);
    assert_fails(gev_wait_any(t.v, 5, NAN), EINVAL);
    assert_fails(gev_wait_any(v, 1, 1), EINVAL);
    assert_fails(gev_wait_any(v + 1, 1, 1), EINVAL);
    assert_fails(gev_wait_all(NULL, 1, 1), EINVAL);
    assert_fails(gev_wait_all(v, 2, 1), EINVAL);
    assert_fails(gev_wait_all(t.v, 5, -1), EINVAL);
    assert_no_pointer(gev_iwait_new(NULL, 1), EINVAL);
    assert_no_pointer(gev_iwait_new(v, 1), EINVAL);
    assert_no_pointer(gev_iwait_new(t.v, SIZE_MAX), ENOMEM);
    assert_fails(gev_iwait_next(NULL, NULL, 1), EINVAL);
    assert_fails(gev_getall(NULL, 1, NULL, 1), EINVAL);
    assert_fails(gev_getall(&t.g, 1, NULL, NAN), EINVAL);
    assert_fails(gev_getall(&self, 1, NULL, 1), EDEADLK);
    things_free(&t);
}

static long any_of(void *arg)
{
    return gev_wait_any(arg, 5, GEV_FOREVER);
}

static long ask_any_of(void *arg)
{
    return gev_wait_any(arg, 5, 0);
}

static long ask_all_of(void *arg)
{
    return gev_wait_all(arg, 5, 0);
}

static long iwait_on(void *arg)
{
    return gev_iwait_new(arg, 5) ? 0 : -1;
}

static long ask_next(void *arg)
{
    return gev_iwait_next(arg, NULL, 0);
}

static long free_iwait(void *arg)
{
    return gev_iwait_free(arg);
}

static long getall_of(void *arg)
{
    struct things *t = arg;

    return gev_getall(&t->g, 1, NULL, 0);
}

static void another_thread_is_refused_and_the_hub_may_ask(void **state)
{
    struct things t;
    struct gev_iwait *it;

    (void)state;
    things_make(&t);
    it = gev_iwait_new(t.v, 5);
    assert_outcome(in_thread(any_of, t.v), -1, EPERM);
    assert_outcome(in_thread(ask_all_of, t.v), -1, EPERM);
    assert_outcome(in_thread(iwait_on, t.v), -1, EPERM);
    assert_outcome(in_thread(ask_next, it), -1, EPERM);
    assert_outcome(in_thread(free_iwait, it), -1, EPERM);
    assert_outcome(in_thread(getall_of, &t), -1, EPERM);
    assert_outcome(on_hub(any_of, t.v), -1, EPERM);
    assert_outcome(on_hub(ask_any_of, t.v), -1, ETIMEDOUT);
    assert_outcome(on_hub(ask_all_of, t.v), -1, ETIMEDOUT);
    assert_outcome(on_hub(ask_next, it), -1, ETIMEDOUT);
    assert_outcome(on_hub(getall_of, &t), -1, ETIMEDOUT);
    assert_int_equal(things_fire(&t, 4), 0);
    assert_outcome(on_hub(ask_any_of, t.v), 4, 0);
    assert_outcome(on_hub(ask_next, it), 1, 0);
    assert_int_equal(gev_iwait_free(it), 0);
    things_free(&t);
}

static void each_failed_allocation_is_enomem(void **state)
{
    struct gev_waitable *v = calloc(1000, sizeof *v);
    struct things t;

    (void)state;
    things_make(&t);
    for (int i = 0; i < 1000; i++) { /* too many for the slabs */
        v[i] = t.v[i % 5];
    }
    assert_fails(gev_wait_any(v, 1000, 0.001), ETIMEDOUT); /* all is made */
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_fails(gev_wait_any(v, 1000, 1), ENOMEM);
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_fails(gev_wait_all(v, 1000, 1), ENOMEM);
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_no_pointer(gev_iwait_new(v, 5), ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(things_fire(&t, 3), 0);
    assert_int_equal(gev_wait_any(v, 1000, 0), 3);
    free(v);
    things_free(&t);
}

static void waiting_for_a_few_things_allocates_nothing(void **state)
{
    struct things t;
    int wrong = 0;

    (void)state;
    things_make(&t);
    for (int i = 0; i < 20; i++) {
        if (i == 10) {
            fault_count_reset();
        }
        wrong += gev_wait_any(t.v, 5, 1e-5) != -1;
    }
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
    assert_int_equal(wrong, 0);
    things_free(&t);
}

static void very_many_things_take_linear_time(void **state)
{
    long n = proc_scale(100000);
    struct gev_waitable *v = calloc((size_t)n, sizeof *v);
    struct gev_greenlet **g = calloc((size_t)n, sizeof *g);
    double begin = gev_now();

    (void)state;
    for (long i = 0; i < n; i++) {
        g[i] = gev_spawn(value_of, NULL);
        v[i] = gev_on_greenlet(g[i]);
    }
    assert_int_equal(gev_wait_all(v, (size_t)n, 20), n);
    assert_true(gev_now() - begin < 5);
    for (long i = 0; i < n; i++) {
        gev_unref(g[i]);
    }
    free(v);
    free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_gives_the_one_that_becomes_ready),
        TEST(any_gives_the_lowest_of_those_that_are_ready),
        TEST(any_gives_what_was_ready_first),
        TEST(a_unit_is_not_taken_by_waiting_for_it),
        TEST(a_moment_of_readiness_counts),
        TEST(all_waits_for_each),
        TEST(all_that_ends_short_counts_and_says_why),
        TEST(the_same_thing_may_be_there_twice),
        TEST(a_thing_that_is_freed_ends_the_wait),
        TEST(a_wait_that_ended_leaves_nothing_behind),
        TEST(iwait_gives_one_after_the_other_in_order),
        TEST(iwait_keeps_the_order_of_completion),
        TEST(iwait_tells_of_a_freed_thing_and_goes_on),
        TEST(iwait_is_for_one_at_a_time_and_can_be_freed),
        TEST(getall_gives_all_results),
        TEST(getall_gives_up_at_the_first_error),
        TEST(waiting_for_a_few_things_allocates_nothing),
        TEST(very_many_things_take_linear_time),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused_and_the_hub_may_ask),
        TEST(each_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
