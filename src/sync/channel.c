/* SPDX-License-Identifier: MIT */
/*
 * Channels: a value goes from one greenlet to another without a third place.
 *
 * Happy path: a sender finds a receiver in line, puts the value into its
 * record, wakes it and goes on; or finds none, leaves a record with the value,
 * and parks until a receiver has taken it from there. With room in the ring
 * neither waits. Records go round in a list of the channel's, so nothing is
 * allocated in the long run.
 *
 * Failure modes: a kill, a time limit or a missing image ends the wait, and the
 * owner takes its record out when it runs; until then gev__channel_first()
 * passes it over. Closing wakes all with EPIPE. Freeing wakes all with EBADF;
 * the channel's memory goes with the last record.
 */
#include "sync/channel.h"

/* As gev__channel_first(). */
static inline struct gev__waiter *first(struct gev__list *line)
{
    while (!gev__list_empty(line)) {
        struct gev__waiter *w =
            GEV__CONTAINER(line->next, struct gev__waiter, link);

        if (__builtin_expect(gev__is_in_wait(w->g, w->seq), 1)) {
            return w;
        }
        gev__list_remove(&w->link);
    }
    return NULL;
}

struct gev__waiter *gev__channel_first(struct gev__list *line)
{
    return first(line);
}

/* Its wait is over: by a partner, or by @error. */
static inline void wake(struct gev__waiter *w, int error)
{
    w->error = error;
    gev__list_remove(&w->link);
    gev__wake(w->g, w->seq, w->index);
}

static void wake_line(struct gev__list *line, int error)
{
    struct gev__waiter *w;

    while ((w = first(line)) != NULL) {
        wake(w, error);
    }
}

static char *slot(const struct gev_channel *ch, size_t i)
{
    i += ch->head;
    if (i >= ch->capacity) {
        i -= ch->capacity;
    }
    return ch->ring + i * ch->item_size;
}

static void ring_push(struct gev_channel *ch, const void *value)
{
    if (ch->item_size) {
        gev__channel_copy(ch, slot(ch, ch->n), value);
    }
    ch->n++;
}

static void ring_shift(struct gev_channel *ch, void *ret_value)
{
    if (ch->item_size) {
        gev__channel_copy(ch, ret_value, slot(ch, 0));
    }
    ch->head = ch->head + 1 < ch->capacity ? ch->head + 1 : 0;
    ch->n--;
}

static inline int try_send(struct gev_channel *ch, const void *value)
{
    struct gev__waiter *w;

    if (ch->closed) {
        return -EPIPE;
    }
    w = first(&ch->receivers);
    if (w) {
        gev__channel_copy(ch, w->value, value);
        wake(w, 0);
        return 1;
    }
    if (ch->n == ch->capacity) {
        return 0;
    }
    ring_push(ch, value);
    return 1;
}

static inline int try_recv(struct gev_channel *ch, void *ret_value)
{
    struct gev__waiter *w = first(&ch->senders);

    if (ch->n) {
        ring_shift(ch, ret_value);
        if (w) {
            ring_push(ch, w->value);
            wake(w, 0);
        }
        return 1;
    }
    if (w) {
        gev__channel_copy(ch, ret_value, w->value);
        wake(w, 0);
        return 1;
    }
    return ch->closed ? -EPIPE : 0;
}

int gev__channel_try_send(struct gev_channel *ch, const void *value)
{
    return try_send(ch, value);
}

int gev__channel_try_recv(struct gev_channel *ch, void *ret_value)
{
    return try_recv(ch, ret_value);
}

int gev__waiter_reserve(struct gev_channel *ch)
{
    struct gev__waiter *w;

    if (__builtin_expect(ch->free_list != NULL, 1)) {
        return 0;
    }
    w = malloc(sizeof *w + ch->item_size);
    if (!w) {
        return -ENOMEM;
    }
    w->ch = ch;
    w->next = NULL;
    ch->free_list = w;
    return 0;
}

/* A wait with one record is over. Who ended it took the record out of the line,
   but for time and kills. */
static __attribute__((noinline)) int wait_over(struct gev__waiter *w,
                                               void *ret_value, int rc)
{
    if (__builtin_expect(rc < 0, 0)) {
        gev__list_remove(&w->link);
    } else {
        /* By wake(). NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
        rc = -w->error;
    }
    if (rc == 0 && ret_value) {
        gev__channel_copy(w->ch, ret_value, w->value);
    }
    gev__waiter_give(w);
    return (int)gev__ret(rc);
}

/* Its frame is part of the image of each greenlet that waits here: so callers
   make the preparations, wait_over() does the rest, and two registers are what
   is kept. One function for both directions: the processor expects a sender's wait
   to return where the receiver's wait began. */
static __attribute__((noinline)) int
wait_for_partner(struct gev__waiter *w, void *ret_value, double deadline)
{
    return wait_over(
        w, ret_value,
        gev__park_as(gev__hub_tls, GEV__WAIT_OTHER, w->ch, deadline, NULL));
}

int gev_channel_send(struct gev_channel *ch, const void *value, double timeout)
{
    struct gev__waiter *w;
    int rc = gev__object_begin(ch ? &ch->object : NULL, timeout);

    if (rc == 0 && !value && ch->item_size) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = try_send(ch, value);
    }
    if (rc == 0) {
        rc = timeout > 0 ? gev__waiter_reserve(ch) : -ETIMEDOUT;
        if (rc == 0) {
            w = gev__waiter_take(gev__hub_tls, ch);
            gev__channel_copy(ch, w->value, value);
            gev__list_push(&ch->senders, &w->link);
            return wait_for_partner(w, NULL, gev__deadline(timeout));
        }
    }
    return rc > 0 ? 0 : (int)gev__ret(rc);
}

int gev_channel_recv(struct gev_channel *ch, void *ret_value, double timeout)
{
    struct gev__waiter *w;
    int rc = gev__object_begin(ch ? &ch->object : NULL, timeout);

    if (rc == 0 && !ret_value && ch->item_size) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = try_recv(ch, ret_value);
    }
    if (rc == 0) {
        rc = timeout > 0 ? gev__waiter_reserve(ch) : -ETIMEDOUT;
        if (rc == 0) {
            w = gev__waiter_take(gev__hub_tls, ch);
            gev__list_push(&ch->receivers, &w->link);
            return wait_for_partner(w, ret_value, gev__deadline(timeout));
        }
    }
    return rc > 0 ? 0 : (int)gev__ret(rc);
}

int gev_channel_close(struct gev_channel *ch)
{
    int rc = gev__object_check(ch ? &ch->object : NULL);

    if (rc == 0 && ch->closed) {
        rc = -EPIPE;
    }
    if (rc == 0) {
        ch->closed = true;
        wake_line(&ch->receivers, EPIPE);
        wake_line(&ch->senders, EPIPE);
    }
    return (int)gev__ret(rc);
}

size_t gev_channel_size(const struct gev_channel *ch)
{
    return ch ? ch->n : 0;
}

struct gev_channel *gev_channel_new(size_t item_size, size_t capacity)
{
    struct gev_channel *ch;

    if (item_size > GEV_CHANNEL_ITEM_MAX) {
        gev__ret(-EINVAL);
        return NULL;
    }
    if (item_size && capacity > SIZE_MAX / item_size) {
        gev__ret(-ENOMEM);
        return NULL;
    }
    ch = calloc(1, sizeof *ch);
    if (!ch) {
        return NULL;
    }
    if (capacity && item_size) {
        ch->ring = calloc(capacity, item_size);
        if (!ch->ring) {
            free(ch);
            return NULL;
        }
    }
    gev__object_init(&ch->object, "channel");
    gev__list_init(&ch->receivers);
    gev__list_init(&ch->senders);
    ch->item_size = item_size;
    ch->capacity = capacity;
    return ch;
}

int gev_channel_free(struct gev_channel *ch)
{
    int rc = ch ? gev__object_check(&ch->object) : 0;

    if (!ch || rc < 0) {
        return (int)gev__ret(rc);
    }
    wake_line(&ch->receivers, EBADF);
    wake_line(&ch->senders, EBADF);
    while (ch->free_list) {
        struct gev__waiter *w = ch->free_list;

        ch->free_list = w->next;
        free(w);
    }
    free(ch->ring);
    gev__object_free(&ch->object);
    return 0;
}
