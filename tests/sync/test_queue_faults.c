/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of queues and channels fails once: the call says ENOMEM,
 * nothing is lost and nothing leaks; in the long run nothing is allocated
 */
#include "channels.h"
#include "queues.h"

#include "support/fault.h"

static struct gev_channel *channel;
static struct gev_queue *queue;
static int wrong; /* line of what should not be, or 0 */

/* A call fails only for want of memory; then it is made again. */
#define STEP(call)                                                             \
    do {                                                                       \
        errno = 0;                                                             \
        if (!(call)) {                                                         \
            if (errno != ENOMEM && !wrong) {                                   \
                wrong = __LINE__;                                              \
            }                                                                  \
            fault_disarm();                                                    \
            if (!(call) && !wrong) {                                           \
                wrong = __LINE__;                                              \
            }                                                                  \
        }                                                                      \
    } while (0)

static void *feed(void *arg)
{
    for (long i = 1; i <= 3; i++) {
        STEP(gev_channel_send(channel, &i, 10) == 0);
    }
    for (intptr_t i = 1; i <= 20; i++) {
        STEP(gev_queue_put(queue, (void *)i, 10) == 0);
    }
    return arg;
}

static void *eat(void *ret_sum)
{
    long *sum = ret_sum;
    long value = 0;
    void *item = NULL;
    struct gev_case c[] = {gev_case_recv(channel, &value),
                           gev_case_recv(channel, &value)};

    STEP(gev_channel_recv(channel, &value, 10) == 0);
    *sum += value;
    for (int i = 0; i < 2; i++) {
        STEP(gev_choose(c, 2, 10) >= 0);
        *sum += value;
    }
    for (int i = 0; i < 20; i++) {
        STEP(gev_queue_get(queue, &item, 10) == 0);
        *sum += (intptr_t)item;
    }
    return NULL;
}

/* All of it once; who waits first differs. */
static void scenario(size_t maxsize, bool feeder_first)
{
    struct gev_greenlet *f = NULL, *e = NULL;
    long sum = 0;

    STEP((channel = gev_channel_new(sizeof(long), 0)) != NULL);
    STEP((queue = gev_queue_new(maxsize)) != NULL);
    if (feeder_first) {
        STEP((f = gev_spawn(feed, NULL)) != NULL);
    }
    STEP((e = gev_spawn(eat, &sum)) != NULL);
    if (!feeder_first) {
        STEP((f = gev_spawn(feed, NULL)) != NULL);
    }
    STEP(gev_join(f, 20) == 0);
    STEP(gev_join(e, 20) == 0);
    if (sum != 1 + 2 + 3 + 210 && !wrong) {
        wrong = __LINE__;
    }
    gev_unref(f);
    gev_unref(e);
    gev_channel_free(channel);
    gev_queue_free(queue);
    STEP(gev_shutdown() == 0);
}

static void fail_each(size_t maxsize, bool feeder_first)
{
    long k;

    for (k = 1;; k++) {
        wrong = 0;
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        scenario(maxsize, feeder_first);
        if (wrong) {
            fail_msg("allocation %ld: line %d", k, wrong);
        }
        if (!fault_disarm() && fault_count(FAULT_ALLOC) < k) {
            break;
        }
    }
    assert_true(k > 4);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    fail_each(0, false);
    fail_each(0, true);
    fail_each(2, false);
    fail_each(2, true);
}

static void *send_many(void *n)
{
    for (long i = 0; i < (intptr_t)n; i++) {
        (void)gev_channel_send(channel, &i, GEV_FOREVER);
        (void)gev_queue_put(queue, NULL, GEV_FOREVER);
    }
    return NULL;
}

static void *receive_many(void *n)
{
    long value = 0;
    void *item;
    struct gev_case c = gev_case_recv(channel, &value);

    for (long i = 0; i < (intptr_t)n; i++) {
        if (i % 2) {
            (void)gev_choose(&c, 1, GEV_FOREVER);
        } else {
            (void)gev_channel_recv(channel, &value, GEV_FOREVER);
        }
        (void)gev_queue_get(queue, &item, GEV_FOREVER);
    }
    return (void *)(intptr_t)value;
}

static void in_the_long_run_nothing_is_allocated(void **state)
{
    struct gev_greenlet *s, *r;

    (void)state;
    channel = gev_channel_new(sizeof(long), 0);
    queue = gev_queue_new(2);
    for (intptr_t n = 100; n <= 1000; n *= 10) { /* the first warms up */
        s = gev_spawn(send_many, (void *)n);
        r = gev_spawn(receive_many, (void *)n);
        fault_count_reset();
        assert_int_equal(gev_join(r, 20), 0);
        if (n > 100) {
            assert_int_equal(fault_count(FAULT_HEAP), 0);
        }
        assert_int_equal((intptr_t)gev_value(r), n - 1);
        finish(s);
        gev_unref(r);
    }
    gev_channel_free(channel);
    gev_queue_free(queue);
}

static void without_memory_nothing_is_made(void **state)
{
    (void)state;
    for (long k = 1; k <= 2; k++) {
        fault_arm(FAULT_HEAP, k, ENOMEM);
        assert_no_pointer(gev_channel_new(8, 4), ENOMEM);
        assert_true(fault_disarm());
    }
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_no_pointer(gev_queue_new(4), ENOMEM);
    assert_true(fault_disarm());
}

static void a_put_without_memory_changes_nothing(void **state)
{
    struct gev_queue *q = gev_queue_new_data(3, 0, GEV_LIFO, NULL);
    char item[3] = "ab";

    (void)state;
    fault_arm(FAULT_HEAP, 1, ENOMEM);
    assert_fails(gev_queue_put_data(q, item, 0), ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(gev_queue_size(q), 0);
    assert_int_equal(gev_queue_unfinished(q), 0);
    assert_int_equal(gev_queue_put_data(q, item, 0), 0);
    assert_int_equal(gev_queue_get_data(q, item, 0), 0);
    assert_string_equal(item, "ab");
    gev_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_allocation_may_fail),
        TEST(in_the_long_run_nothing_is_allocated),
        TEST(without_memory_nothing_is_made),
        TEST(a_put_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
