/* SPDX-License-Identifier: MIT */
/*
 * Blocking calls of queues, channels and groups
 */
#include "hub/run.h"

#include "sync/every_wait.h"

/* Queues. */
static struct gev_queue *queue;

static void begin_queue(void)
{
    queue = gev_queue_new(1);
    assert_non_null(queue);
}

static void begin_full_queue(void)
{
    begin_queue();
    assert_int_equal(gev_queue_put(queue, NULL, 0), 0);
}

static void put_item(void)
{
    assert_int_equal(gev_queue_put(queue, NULL, 0), 0);
}

static void get_item(void)
{
    void *item;

    assert_int_equal(gev_queue_get(queue, &item, 0), 0);
}

static void finish_item(void)
{
    get_item();
    assert_int_equal(gev_queue_task_done(queue), 0);
}

static void end_queue(void)
{
    assert_int_equal(gev_queue_free(queue), 0);
}

static void begin_queue_data(void)
{
    queue = gev_queue_new_data(sizeof(int), 1, GEV_FIFO, NULL);
    assert_non_null(queue);
}

static void put_data(void)
{
    int item = 1;

    assert_int_equal(gev_queue_put_data(queue, &item, 0), 0);
}

static void begin_full_queue_data(void)
{
    begin_queue_data();
    put_data();
}

static void get_data(void)
{
    int item;

    assert_int_equal(gev_queue_get_data(queue, &item, 0), 0);
}

static long queue_put_call(double timeout)
{
    return gev_queue_put(queue, NULL, timeout);
}

static long queue_get_call(double timeout)
{
    void *item;

    return gev_queue_get(queue, &item, timeout);
}

static long queue_peek_call(double timeout)
{
    void *item;

    return gev_queue_peek(queue, &item, timeout);
}

static long queue_put_data_call(double timeout)
{
    int item = 2;

    return gev_queue_put_data(queue, &item, timeout);
}

static long queue_get_data_call(double timeout)
{
    int item;

    return gev_queue_get_data(queue, &item, timeout);
}

static long queue_peek_data_call(double timeout)
{
    int item;

    return gev_queue_peek_data(queue, &item, timeout);
}

static long queue_join_call(double timeout)
{
    return gev_queue_join(queue, timeout);
}

/* Channels. */
static struct gev_channel *channel;

static void begin_channel(void)
{
    channel = gev_channel_new(sizeof(int), 0);
    assert_non_null(channel);
}

static void receive_value(void)
{
    int value;

    assert_int_equal(gev_channel_recv(channel, &value, 0), 0);
}

static void send_value(void)
{
    int value = 1;

    assert_int_equal(gev_channel_send(channel, &value, 0), 0);
}

static void end_channel(void)
{
    assert_int_equal(gev_channel_free(channel), 0);
}

static long channel_send_call(double timeout)
{
    int value = 1;

    return gev_channel_send(channel, &value, timeout);
}

static long channel_recv_call(double timeout)
{
    int value;

    return gev_channel_recv(channel, &value, timeout);
}

static long choose_call(double timeout)
{
    int value;
    struct gev_case c = gev_case_recv(channel, &value);

    return gev_choose(&c, 1, timeout);
}

/* Groups, with a member that waits for an event. */
static struct gev_event *event;

static void *wait_event(void *arg)
{
    (void)gev_event_wait(arg, GEV_FOREVER);
    return NULL;
}

static void set_event(void)
{
    assert_int_equal(gev_event_set(event), 0);
}

static struct gev_group *group;

static void begin_group(void)
{
    event = gev_event_new();
    group = gev_group_new(1);
    assert_int_equal(gev_group_go(group, wait_event, event), 0);
}

static void end_group(void)
{
    set_event();
    assert_int_equal(gev_group_kill(group, 10), 0);
    assert_int_equal(gev_group_free(group), 0);
    assert_int_equal(gev_event_free(event), 0);
}

static long group_join_call(double timeout)
{
    return gev_group_join(group, timeout);
}

static long group_spawn_call(double timeout)
{
    struct gev_greenlet *g = gev_group_spawn(group, wait_event, event);

    (void)timeout;
    return g ? gev_unref(g) : -1;
}

static long group_go_call(double timeout)
{
    (void)timeout;
    return gev_group_go(group, wait_event, event);
}

static long group_go_copy_call(double timeout)
{
    (void)timeout;
    return gev_group_go_copy(group, note_and_end, "", 1);
}

static long group_add_call(double timeout)
{
    struct gev_greenlet *g = gev_spawn(wait_event, event);
    int rc = g ? gev_group_add(group, g) : -1;
    int err = errno;

    (void)timeout;
    if (g && rc < 0) {
        (void)gev_kill(g, 0);
    }
    (void)gev_unref(g);
    errno = err;
    return rc;
}

const struct wait_row waits_of_queue[] = {
    WAIT_ROW(queue_put, true, begin_full_queue, get_item, end_queue),
    WAIT_ROW(queue_get, true, begin_queue, put_item, end_queue),
    WAIT_ROW(queue_peek, true, begin_queue, put_item, end_queue),
    WAIT_ROW(queue_put_data, true, begin_full_queue_data, get_data, end_queue),
    WAIT_ROW(queue_get_data, true, begin_queue_data, put_data, end_queue),
    WAIT_ROW(queue_peek_data, true, begin_queue_data, put_data, end_queue),
    WAIT_ROW(queue_join, true, begin_full_queue, finish_item, end_queue),
    WAIT_ROW(channel_send, true, begin_channel, receive_value, end_channel),
    WAIT_ROW(channel_recv, true, begin_channel, send_value, end_channel),
    WAIT_ROW(choose, true, begin_channel, send_value, end_channel),
    WAIT_ROW(group_join, true, begin_group, set_event, end_group),
    WAIT_ROW(group_spawn, false, begin_group, set_event, end_group),
    WAIT_ROW(group_add, false, begin_group, set_event, end_group),
    WAIT_ROW(group_go, false, begin_group, set_event, end_group),
    WAIT_ROW(group_go_copy, false, begin_group, set_event, end_group),
    {0},
};
