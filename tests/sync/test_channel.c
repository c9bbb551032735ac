/* SPDX-License-Identifier: MIT */
/*
 * Channels: rendezvous and buffered, closing, time limits, kills, order
 */
#include "channels.h"

#include <pthread.h>

static void a_receiver_waits_for_a_sender(void **state)
{
    struct gev_channel *ch = make_channel(0);
    struct waiter w = {0};
    long value = 4711;

    (void)state;
    waiter_start(&w, receiver, ch, 0);
    assert_false(w.done);
    assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    assert_false(w.done); /* the sender goes on first */
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 4711);
    gev_channel_free(ch);
}

static void a_sender_waits_for_a_receiver(void **state)
{
    struct gev_channel *ch = make_channel(0);
    struct waiter w = {0};
    long value = 0;

    (void)state;
    waiter_start(&w, sender, ch, 4711);
    assert_false(w.done);
    assert_int_equal(gev_channel_size(ch), 0);
    assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
    assert_int_equal(value, 4711);
    waiter_end(&w, 0, 0);
    gev_channel_free(ch);
}

static void a_success_leaves_errno_alone(void **state)
{
    struct gev_channel *ch = make_channel(1);
    long value = 1;

    (void)state;
    errno = 4711;
    assert_int_equal(gev_channel_send(ch, &value, 1), 0);
    assert_int_equal(gev_channel_recv(ch, &value, 1), 0);
    assert_int_equal(gev_channel_close(ch), 0);
    assert_int_equal(gev_channel_free(ch), 0);
    assert_int_equal(gev_channel_free(NULL), 0);
    assert_int_equal(errno, 4711);
}

static void a_buffer_takes_its_capacity_and_no_more(void **state)
{
    struct gev_channel *ch = make_channel(3);
    long value;

    (void)state;
    for (int turn = 0; turn < 5; turn++) {
        for (value = 0; value < 3; value++) {
            assert_int_equal(gev_channel_send(ch, &value, 0), 0);
        }
        assert_fails(gev_channel_send(ch, &value, 0), ETIMEDOUT);
        assert_int_equal(gev_channel_size(ch), 3);
        for (long i = 0; i < 3 - (turn & 1); i++) {
            assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
            assert_int_equal(value, i);
        }
        if (turn & 1) {
            assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
        }
        assert_fails(gev_channel_recv(ch, &value, 0), ETIMEDOUT);
        assert_int_equal(gev_channel_send(ch, &value, 0), 0); /* moves it */
        assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
    }
    gev_channel_free(ch);
}

static void waiting_senders_fill_the_buffer_in_order(void **state)
{
    struct gev_channel *ch = make_channel(2);
    struct waiter w[4] = {0};
    long value;

    (void)state;
    for (value = 0; value < 2; value++) {
        assert_int_equal(gev_channel_send(ch, &value, 0), 0);
    }
    for (int i = 0; i < 4; i++) {
        waiter_start(&w[i], sender, ch, 2 + i);
    }
    for (long i = 0; i < 6; i++) {
        assert_int_equal(gev_channel_recv(ch, &value, 0), 0);
        assert_int_equal(value, i);
    }
    assert_fails(gev_channel_recv(ch, &value, 0), ETIMEDOUT);
    for (int i = 0; i < 4; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].order, i);
    }
    gev_channel_free(ch);
}

static void a_thousand_receivers_are_served_in_order(void **state)
{
    int n = (int)proc_scale(1000);
    struct gev_channel *ch = make_channel(0);
    struct waiter *w = calloc((size_t)n, sizeof *w);

    (void)state;
    assert_non_null(w);
    for (int i = 0; i < n; i++) {
        waiter_start(&w[i], receiver, ch, 0);
    }
    for (long i = 0; i < n; i++) {
        assert_int_equal(gev_channel_send(ch, &i, 0), 0);
    }
    for (int i = 0; i < n; i++) {
        waiter_end(&w[i], 0, 0);
        assert_int_equal(w[i].value, i);
        assert_int_equal(w[i].order, i);
    }
    free(w);
    gev_channel_free(ch);
}

static void signals_have_no_value(void **state)
{
    struct gev_channel *ch = gev_channel_new(0, 2);

    (void)state;
    assert_int_equal(gev_channel_send(ch, NULL, 0), 0);
    assert_int_equal(gev_channel_send(ch, NULL, 0), 0);
    assert_fails(gev_channel_send(ch, NULL, 0), ETIMEDOUT);
    assert_int_equal(gev_channel_recv(ch, NULL, 0), 0);
    assert_int_equal(gev_channel_recv(ch, NULL, 0), 0);
    assert_fails(gev_channel_recv(ch, NULL, 0), ETIMEDOUT);
    gev_channel_free(ch);
}

static void values_of_odd_sizes_arrive_whole(void **state)
{
    static const size_t sizes[] = {1, 3, 4, 7, 9, 16, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char in[4097], out[4097];
        struct gev_channel *ch = gev_channel_new(sizes[i], 1);

        memset(in, 0xa5, sizeof in);
        memset(out, 0, sizeof out);
        in[0] = (unsigned char)i;
        in[sizes[i] - 1] = (unsigned char)(i + 1);
        assert_int_equal(gev_channel_send(ch, in, 0), 0);
        assert_int_equal(gev_channel_recv(ch, out, 0), 0);
        assert_memory_equal(in, out, sizes[i]);
        assert_int_equal(out[sizes[i]], 0);
        gev_channel_free(ch);
    }
}

struct big {
    struct gev_channel *ch;
    bool same;
};

static void *receive_big(void *arg)
{
    struct big *b = arg;
    unsigned char out[4096] = {0};

    b->same = gev_channel_recv(b->ch, out, GEV_FOREVER) == 0;
    for (size_t i = 0; i < sizeof out; i++) {
        b->same = b->same && out[i] == (unsigned char)(i * 7);
    }
    return NULL;
}

static void *send_big(void *arg)
{
    struct big *b = arg;
    unsigned char in[4096];

    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (unsigned char)(i * 7);
    }
    (void)gev_channel_send(b->ch, in, GEV_FOREVER);
    return NULL;
}

static void large_values_go_from_stack_to_stack(void **state)
{
    struct big b = {.ch = gev_channel_new(4096, 0)};

    (void)state;
    for (int turn = 0; turn < 2; turn++) { /* who comes first */
        struct gev_greenlet *x = gev_spawn(turn ? send_big : receive_big, &b);
        struct gev_greenlet *y = gev_spawn(turn ? receive_big : send_big, &b);

        finish(x);
        finish(y);
        assert_true(b.same);
        b.same = false;
    }
    gev_channel_free(b.ch);
}

static long send_0(void *ch)
{
    static long value = 9;

    return gev_channel_send(ch, &value, 0);
}

static long recv_0(void *ch)
{
    static long value;

    return gev_channel_recv(ch, &value, 0);
}

static long recv_1(void *ch)
{
    static long value;

    return gev_channel_recv(ch, &value, 1);
}

static void the_hub_may_try(void **state)
{
    struct gev_channel *ch = make_channel(1);
    struct waiter w = {0};

    (void)state;
    waiter_start(&w, receiver, ch, 0);
    assert_outcome(on_hub(send_0, ch), 0, 0);
    waiter_end(&w, 0, 0);
    assert_int_equal(w.value, 9);
    assert_outcome(on_hub(recv_0, ch), -1, ETIMEDOUT);
    assert_outcome(on_hub(send_0, ch), 0, 0);
    assert_outcome(on_hub(recv_1, ch), -1, EPERM);
    assert_outcome(on_hub(recv_0, ch), 0, 0);
    gev_channel_free(ch);
}

static void *elsewhere(void *ch)
{
    static struct outcome out[5];
    long value = 0;

    errno = 0;
    out[0].r = gev_channel_send(ch, &value, 0);
    out[0].err = errno;
    out[1].r = gev_channel_recv(ch, &value, 0);
    out[1].err = errno;
    out[2].r = gev_channel_close(ch);
    out[2].err = errno;
    out[3].r = gev_channel_free(ch);
    out[3].err = errno;
    struct gev_case c = gev_case_recv(ch, &value);
    out[4].r = gev_choose(&c, 1, 0);
    out[4].err = errno;
    return out;
}

static void another_threads_channel_is_eperm(void **state)
{
    struct gev_channel *ch = make_channel(1);
    struct outcome *out;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, elsewhere, ch), 0);
    assert_int_equal(pthread_join(t, (void **)&out), 0);
    for (int i = 0; i < 5; i++) {
        assert_outcome(out[i], -1, EPERM);
    }
    gev_channel_free(ch);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_channel *ch = make_channel(1);
    long value = 1;

    (void)state;
    assert_no_pointer(gev_channel_new(GEV_CHANNEL_ITEM_MAX + 1, 0), EINVAL);
    assert_no_pointer(gev_channel_new(8, SIZE_MAX / 4), ENOMEM);
    assert_fails(gev_channel_send(NULL, &value, 0), EINVAL);
    assert_fails(gev_channel_send(ch, NULL, 0), EINVAL);
    assert_fails(gev_channel_send(ch, &value, -1), EINVAL);
    assert_fails(gev_channel_send(ch, &value, NAN), EINVAL);
    assert_fails(gev_channel_recv(NULL, &value, 0), EINVAL);
    assert_fails(gev_channel_recv(ch, NULL, 0), EINVAL);
    assert_fails(gev_channel_recv(ch, &value, -1), EINVAL);
    assert_fails(gev_channel_close(NULL), EINVAL);
    assert_int_equal(gev_channel_size(NULL), 0);
    assert_int_equal(gev_channel_size(ch), 0);
    gev_channel_free(ch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_receiver_waits_for_a_sender),
        TEST(a_sender_waits_for_a_receiver),
        TEST(a_success_leaves_errno_alone),
        TEST(a_buffer_takes_its_capacity_and_no_more),
        TEST(waiting_senders_fill_the_buffer_in_order),
        TEST(a_thousand_receivers_are_served_in_order),
        TEST(signals_have_no_value),
        TEST(values_of_odd_sizes_arrive_whole),
        TEST(large_values_go_from_stack_to_stack),
        TEST(the_hub_may_try),
        TEST(another_threads_channel_is_eperm),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
