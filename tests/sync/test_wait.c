/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one and for all of several things
 */
#include "things.h"

#include "support/fault.h"
#include "sync/waitable.h"

/* A call of one of the two, by a greenlet; object is what it waits for. */
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

static void *value_of(void *arg)
{
    (void)gev_yield();
    return arg;
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

/* As a child that ends while it is looked at. */
struct fickle {
    struct gev__list links;
    int n_looks;
};

static int look_fickle(void *object, struct gev__list **ret_links)
{
    struct fickle *f = object;

    if (ret_links) {
        *ret_links = &f->links;
    }
    return f->n_looks++ > 0;
}

static void what_becomes_ready_between_two_looks_is_not_missed(void **state)
{
    static const struct gev_waitable_kind kind = {.look = look_fickle,
                                                  .outside = true};
    static struct fickle f;
    struct gev_waitable v = {&kind, &f};

    (void)state;
    gev__list_init(&f.links);
    f.n_looks = 0;
    assert_int_equal(gev_wait_any(&v, 1, 5), 0);
    assert_int_equal(f.n_looks, 2);
    f.n_looks = 0;
    assert_int_equal(gev_wait_all(&v, 1, 5), 1);
    assert_int_equal(f.n_looks, 2);
    assert_true(gev__list_empty(&f.links));
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
        TEST(waiting_for_a_few_things_allocates_nothing),
        TEST(very_many_things_take_linear_time),
        TEST(what_becomes_ready_between_two_looks_is_not_missed),
        TEST(bad_arguments_are_refused),
        TEST(another_thread_is_refused_and_the_hub_may_ask),
        TEST(each_failed_allocation_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
