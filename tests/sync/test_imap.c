/* SPDX-License-Identifier: MIT */
/*
 * gev_map and gev_imap: results in order and as they are ready, errors, limits,
 * dropped in the middle
 */
#include "hub/run.h"

#include "support/fault.h"

/* Sleeps the longer the smaller the number, so the last is ready first. */
static void *square_slowly(void *arg)
{
    intptr_t n = (intptr_t)arg;

    for (intptr_t i = n; i < 8; i++) {
        if (gev_yield() < 0) {
            note('k');
            return NULL;
        }
    }
    return (void *)(n * n);
}

static void map_gives_results_in_order(void **state)
{
    void *v[8];

    (void)state;
    for (intptr_t i = 0; i < 8; i++) {
        v[i] = (void *)i;
    }
    assert_int_equal(gev_map(NULL, square_slowly, v, 8, v), 0);
    for (intptr_t i = 0; i < 8; i++) {
        assert_int_equal((intptr_t)v[i], i * i);
    }
    assert_int_equal(gev_map(NULL, square_slowly, v, 8, NULL), 0);
    assert_int_equal(gev_map(NULL, square_slowly, NULL, 0, NULL), 0);
}

static int n_now;
static int n_most;

static void *count_now(void *arg)
{
    if (++n_now > n_most) {
        n_most = n_now;
    }
    (void)gev_yield();
    n_now--;
    return arg;
}

static void the_groups_limit_holds(void **state)
{
    struct gev_group *pool = gev_group_new(3);
    void *v[100] = {0};

    (void)state;
    n_now = 0;
    n_most = 0;
    assert_int_equal(gev_map(pool, count_now, v, 100, NULL), 0);
    assert_int_equal(n_most, 3);
    assert_int_equal(gev_group_join(pool, 5), 0);
    assert_int_equal(gev_group_free(pool), 0);
}

static int n_failures;

static void on_failure(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    (void)err;
    (void)arg;
    n_failures++;
}

static void *fail_at_three(void *arg)
{
    if ((intptr_t)arg == 3) {
        return gev_fail(EPROTO);
    }
    return (intptr_t)arg > 3 ? sleep_for_ever(arg) : arg;
}

static void map_stops_at_the_first_error(void **state)
{
    struct gev_group *pool = gev_group_new(0);
    void *v[] = {(void *)1, (void *)2, (void *)3, (void *)4, (void *)5};
    void *results[5] = {0};

    (void)state;
    n_failures = 0;
    assert_int_equal(gev_set_error_handler(on_failure, NULL), 0);
    assert_fails(gev_map(pool, fail_at_three, v, 5, results), EPROTO);
    assert_ptr_equal(results[1], (void *)2);
    assert_null(results[2]);
    assert_int_equal(gev_group_join(pool, 5), 0); /* the others were killed */
    assert_int_equal(n_failures, 0);              /* the caller was told */
    assert_int_equal(gev_group_free(pool), 0);
}

struct counter {
    intptr_t next;
    intptr_t end;
    int err; /* with which it ends */
};

static int count_up(void *arg, void **ret_item)
{
    struct counter *c = arg;

    if (c->next == c->end) {
        errno = c->err;
        return c->err ? -1 : 0;
    }
    *ret_item = (void *)c->next++;
    return 1;
}

static void imap_gives_results_in_order_of_the_items(void **state)
{
    struct counter c = {0, 200, 0};
    struct gev_imap *imap = gev_imap_new(NULL, square_slowly, count_up, &c, 0);
    void *result;
    int err;

    (void)state;
    assert_non_null(imap);
    errno = 77;
    for (intptr_t i = 0; i < 200; i++) {
        assert_int_equal(gev_imap_next(imap, &result, &err, 5), 1);
        assert_int_equal((intptr_t)result, i * i);
        assert_int_equal(err, 0);
        assert_true(c.next <= i + 65); /* not the whole stream at once */
    }
    assert_int_equal(gev_imap_next(imap, &result, &err, 5), 0);
    assert_int_equal(gev_imap_next(imap, NULL, NULL, 0), 0);
    assert_int_equal(errno, 77);
    assert_int_equal(gev_imap_free(imap), 0);
    assert_int_equal(gev_imap_free(NULL), 0);
}

static void unordered_gives_what_is_ready_first(void **state)
{
    struct counter c = {0, 8, 0};
    struct gev_imap *imap =
        gev_imap_new(NULL, square_slowly, count_up, &c, GEV_UNORDERED);
    intptr_t sum = 0;
    void *first = NULL;
    void *result;

    (void)state;
    assert_int_equal(gev_imap_next(imap, &first, NULL, 5), 1);
    assert_int_equal((intptr_t)first, 49);
    while (gev_imap_next(imap, &result, NULL, 5) == 1) {
        sum += (intptr_t)result;
    }
    assert_int_equal(sum, 1 + 4 + 9 + 16 + 25 + 36);
    assert_int_equal(gev_imap_free(imap), 0);
}

static void an_error_of_one_is_told_with_it(void **state)
{
    struct counter c = {2, 4, 0};
    struct gev_imap *imap = gev_imap_new(NULL, fail_at_three, count_up, &c, 0);
    void *result;
    int err;

    (void)state;
    assert_int_equal(gev_imap_next(imap, &result, &err, 5), 1);
    assert_int_equal(err, 0);
    assert_int_equal(gev_imap_next(imap, &result, &err, 5), 1);
    assert_int_equal(err, EPROTO);
    assert_null(result);
    assert_int_equal(gev_imap_next(imap, &result, &err, 5), 0);
    assert_int_equal(gev_imap_free(imap), 0);
}

static void an_error_of_the_source_comes_last(void **state)
{
    struct counter c = {0, 2, EILSEQ};
    struct gev_imap *imap = gev_imap_new(NULL, square_slowly, count_up, &c, 0);

    (void)state;
    assert_int_equal(gev_imap_next(imap, NULL, NULL, 5), 1);
    assert_int_equal(gev_imap_next(imap, NULL, NULL, 5), 1);
    assert_fails(gev_imap_next(imap, NULL, NULL, 5), EILSEQ);
    assert_fails(gev_imap_next(imap, NULL, NULL, 0), EILSEQ);
    assert_int_equal(gev_imap_free(imap), 0);
}

static void *die_slowly(void *arg)
{
    if (gev_sleep(GEV_FOREVER) < 0) {
        note((char)(intptr_t)arg);
    }
    return NULL;
}

static void freeing_kills_what_is_under_way(void **state)
{
    struct gev_group *pool = gev_group_new(3);
    struct counter c = {'a', 'z', 0};
    struct gev_imap *imap = gev_imap_new(pool, die_slowly, count_up, &c, 0);

    (void)state;
    assert_fails(gev_imap_next(imap, NULL, NULL, 0), ETIMEDOUT);
    assert_fails(gev_imap_next(imap, NULL, NULL, 0.01), ETIMEDOUT);
    assert_int_equal(gev_group_count(pool), 3);
    assert_int_equal(gev_imap_free(imap), 0);
    assert_int_equal(gev_group_join(pool, 5), 0);
    assert_string_equal(run_log, "abc");
    imap = gev_imap_new(pool, die_slowly, count_up, &c, 0);
    assert_int_equal(gev_imap_free(imap), 0); /* the feeder is NEW */
    assert_int_equal(gev_run(5), 0);
    assert_string_equal(run_log, "abc");
    assert_int_equal(gev_group_free(pool), 0);
}

static struct gev_imap *shared;

static void *take_until_end(void *arg)
{
    int rc;

    while ((rc = gev_imap_next(shared, NULL, NULL, GEV_FOREVER)) == 1) {
        note((char)(intptr_t)arg);
    }
    note(rc == 0 ? '0' : errno == ECANCELED ? '!' : errno == EBADF ? '-' : '?');
    return NULL;
}

static void several_may_take_and_be_killed(void **state)
{
    struct counter c = {0, 30, 0};
    struct gev_greenlet *g[3];

    (void)state;
    shared = gev_imap_new(NULL, square_slowly, count_up, &c, 0);
    for (int i = 0; i < 3; i++) {
        g[i] = gev_spawn(take_until_end, LETTER('a' + i));
    }
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g[0], 5), 0);
    assert_int_equal(gev_joinall(g, 3, 5), 0);
    assert_int_equal(strlen(run_log), 30 + 3);
    assert_non_null(strchr(run_log, '!'));
    assert_string_equal(run_log + 31, "00");
    for (int i = 0; i < 3; i++) {
        gev_unref(g[i]);
    }
    assert_int_equal(gev_imap_free(shared), 0);
}

static void takers_hear_of_the_end_of_it(void **state)
{
    struct counter c = {'a', 'z', 0};
    struct gev_greenlet *g;

    (void)state;
    shared = gev_imap_new(NULL, die_slowly, count_up, &c, 0);
    g = gev_spawn(take_until_end, LETTER('x'));
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_imap_free(shared), 0);
    assert_int_equal(gev_join(g, 5), 0);
    gev_unref(g);
    assert_non_null(strchr(run_log, '-'));
}

static void *be_deaf(void *arg)
{
    (void)gev_shield_begin();
    (void)gev_event_wait(arg, GEV_FOREVER);
    (void)gev_shield_end();
    return NULL;
}

static void *kill_group(void *arg)
{
    return (void *)(intptr_t)gev_group_kill(arg, GEV_FOREVER);
}

static void tasks_of_a_group_that_is_being_killed_are_done(void **state)
{
    static const unsigned flags[] = {0, GEV_UNORDERED};
    struct gev_group *pool = gev_group_new(0);
    struct gev_event *e = gev_event_new();
    struct gev_greenlet *killer;

    (void)state;
    assert_int_equal(gev_group_go(pool, be_deaf, e), 0);
    assert_int_equal(gev_yield(), 0);
    killer = gev_spawn(kill_group, pool);
    assert_int_equal(gev_yield(), 0);
    for (int i = 0; i < 2; i++) {
        struct counter c = {0, 3, 0};
        struct gev_imap *imap =
            gev_imap_new(pool, square_slowly, count_up, &c, flags[i]);
        int err, n = 0;

        while (gev_imap_next(imap, NULL, &err, 5) == 1) {
            n += err == ECANCELED;
        }
        assert_int_equal(n, 3);
        assert_int_equal(gev_imap_free(imap), 0);
    }
    assert_string_equal(run_log, "");
    assert_int_equal(gev_event_set(e), 0);
    finish(killer);
    assert_int_equal(gev_group_free(pool), 0);
    assert_int_equal(gev_event_free(e), 0);
}

static void one_that_outlives_the_hub_is_over(void **state)
{
    struct gev_group *pool = gev_group_new(3);
    struct counter c = {'a', 'z', 0};
    struct gev_imap *imap = gev_imap_new(pool, die_slowly, count_up, &c, 0);
    struct gev_imap *new = gev_imap_new(pool, die_slowly, count_up, &c, 0);

    (void)state;
    assert_fails(gev_imap_next(imap, NULL, NULL, 0.001), ETIMEDOUT);
    assert_int_equal(gev_imap_free(new), 0);
    new = gev_imap_new(pool, die_slowly, count_up, &c, 0); /* its feeder is */
    assert_int_equal(gev_group_count(pool), 3);
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(gev_group_count(pool), 0);
    assert_int_equal(gev_group_room(pool), 3);
    assert_fails(gev_imap_next(imap, NULL, NULL, 1), EBADF);
    assert_int_equal(gev_imap_free(imap), 0);
    assert_int_equal(gev_imap_free(new), 0);
    assert_int_equal(gev_group_join(pool, 1), 0);
    assert_int_equal(gev_group_go(pool, count_now, NULL), 0); /* anew */
    assert_int_equal(gev_group_join(pool, 5), 0);
    assert_int_equal(gev_group_free(pool), 0);
}

static void bad_arguments_and_no_memory(void **state)
{
    struct counter c = {0, 4, 0};
    void *v[4] = {0};
    int rc;

    (void)state;
    assert_no_pointer(gev_imap_new(NULL, NULL, count_up, &c, 0), EINVAL);
    assert_no_pointer(gev_imap_new(NULL, count_now, NULL, &c, 0), EINVAL);
    assert_no_pointer(gev_imap_new(NULL, count_now, count_up, &c, 8), EINVAL);
    assert_fails(gev_imap_next(NULL, NULL, NULL, 1), EINVAL);
    assert_fails(gev_map(NULL, count_now, NULL, 3, NULL), EINVAL);
    for (long k = 1;; k++) {
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        errno = 0;
        rc = gev_map(NULL, count_now, v, 4, NULL);
        if (!fault_disarm()) {
            break;
        }
        if (rc < 0) { /* an image may have found other room */
            assert_int_equal(errno, ENOMEM);
        }
    }
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(map_gives_results_in_order),
        TEST(the_groups_limit_holds),
        TEST(map_stops_at_the_first_error),
        TEST(imap_gives_results_in_order_of_the_items),
        TEST(unordered_gives_what_is_ready_first),
        TEST(an_error_of_one_is_told_with_it),
        TEST(an_error_of_the_source_comes_last),
        TEST(freeing_kills_what_is_under_way),
        TEST(several_may_take_and_be_killed),
        TEST(takers_hear_of_the_end_of_it),
        TEST(tasks_of_a_group_that_is_being_killed_are_done),
        TEST(one_that_outlives_the_hub_is_over),
        TEST(bad_arguments_and_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
