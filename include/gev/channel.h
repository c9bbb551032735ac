/* SPDX-License-Identifier: MIT */
/*
 * gev/channel.h - values from greenlet to greenlet, and a choice among channels
 *
 *   struct gev_channel *ch = gev_channel_new(sizeof(int), 0);
 *
 *   int n = 7;                                      // one greenlet
 *   gev_channel_send(ch, &n, GEV_FOREVER);          // until somebody took it
 *   gev_channel_close(ch);
 *
 *   while (gev_channel_recv(ch, &n, GEV_FOREVER) == 0)   // another one
 *       use(n);                                     // ends with errno EPIPE
 *
 * Values are copied, so they may be anywhere, on a run stack too. What a value
 * points to is not: send pointers to heap memory.
 *
 * Who waits is served first come, first served, and nobody overtakes: a value
 * that goes to a waiting receiver is its own from that moment on, even if it is
 * killed before it runs again (its call succeeds then, the next one fails). So
 * no value is lost, and a send that succeeded is never taken back.
 *
 * A channel belongs to the thread that made it; elsewhere its calls fail with
 * EPERM. On the hub they work with a time limit of 0.
 */
#ifndef GEV_CHANNEL_H
#define GEV_CHANNEL_H

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_channel;

/* Largest value: 1 MiB. */
#define GEV_CHANNEL_ITEM_MAX ((size_t)1 << 20)

/**
 * gev_channel_new() - make a channel
 * @item_size: bytes of each value, 0 .. GEV_CHANNEL_ITEM_MAX; 0 makes a channel
 *             of signals
 * @capacity:  how many values it holds that nobody waits for; 0: a send waits
 *             until somebody receives (rendezvous)
 *
 * Switches:  never
 * Return:    the channel, or NULL with errno set:
 *              EINVAL  @item_size is too large
 *              ENOMEM  no memory for it, or for @capacity values
 * See:       gevent.queue.Channel; Go's make(chan T, n)
 */
GEV_API struct gev_channel *gev_channel_new(size_t item_size, size_t capacity);

/**
 * gev_channel_free() - free a channel
 * @ch: the channel, or NULL, which is fine
 *
 * Whoever waits in it is woken with EBADF: it must not use the channel again.
 * Values that it holds are dropped.
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno EPERM (another thread's)
 */
GEV_API int gev_channel_free(struct gev_channel *ch);

/**
 * gev_channel_send() - give a value to a receiver
 * @ch:      the channel
 * @value:   item_size bytes, copied; may be NULL if that is 0
 * @timeout: seconds; 0 does not wait
 *
 * Switches:  unless somebody waits to receive, or there is room
 * Context:   any greenlet; the hub with @timeout 0
 * Return:    0 when a receiver, or the buffer, has it; -1 with errno set:
 *              ETIMEDOUT  nobody took it in time
 *              EPIPE      the channel is closed; nobody will get it
 *              EBADF      the channel was freed while this call waited
 *              EINVAL     NULL, or bad @timeout
 *              EPERM      another thread's channel; the hub, and not @timeout 0
 */
GEV_API int gev_channel_send(struct gev_channel *ch, const void *value,
                             double timeout);

/**
 * gev_channel_recv() - get a value
 * @ch:        the channel
 * @ret_value: receives item_size bytes on success; may be NULL if that is 0
 * @timeout:   seconds; 0 does not wait
 *
 * Values come in the order in which they were sent.
 *
 * Switches:  unless a value is there
 * Context:   any greenlet; the hub with @timeout 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  there was none in time
 *              EPIPE      the channel is closed, and all values were received
 *              EBADF      the channel was freed while this call waited
 *              EINVAL     NULL, or bad @timeout
 *              EPERM      another thread's channel; the hub, and not @timeout 0
 */
GEV_API int gev_channel_recv(struct gev_channel *ch, void *ret_value,
                             double timeout);

/**
 * gev_channel_close() - no more values will be sent
 * @ch: the channel
 *
 * Values that it holds can still be received, then receivers get EPIPE; who
 * waits to send gets EPIPE at once, and keeps its value.
 *
 * Switches:  never
 * Context:   anywhere in its thread, the hub included
 * Return:    0, or -1 with errno set: EPIPE (it was closed before), EINVAL
 *            (NULL), EPERM (another thread's)
 */
GEV_API int gev_channel_close(struct gev_channel *ch);

/**
 * gev_channel_size() - how many values can be received without waiting for
 *                      another send
 *
 * Those in the buffer; a sender that waits does not count.
 *
 * Return:    the number; 0 for NULL
 */
GEV_API size_t gev_channel_size(const struct gev_channel *ch);

/** enum gev_op - what a case wants to do */
enum gev_op { GEV_RECV, GEV_SEND };

/**
 * struct gev_case - one of several things to wait for; see gev_choose()
 *
 * May be on the stack. Made by gev_case_recv() and gev_case_send().
 */
struct gev_case {
    struct gev_channel *channel; /* NULL: never ready, which switches it off */
    enum gev_op op;              /* receive or send */
    int error;                   /* result: 0, or EPIPE or EBADF */
    void *ret_value;             /* GEV_RECV: receives the value */
    const void *value;           /* GEV_SEND: the value */
};

/** gev_case_recv() - a case: receive from @ch into @ret_value */
static inline struct gev_case gev_case_recv(struct gev_channel *ch,
                                            void *ret_value)
{
    struct gev_case c = {ch, GEV_RECV, 0, ret_value, NULL};

    return c;
}

/** gev_case_send() - a case: send @value to @ch */
static inline struct gev_case gev_case_send(struct gev_channel *ch,
                                            const void *value)
{
    struct gev_case c = {ch, GEV_SEND, 0, NULL, value};

    return c;
}

/**
 * gev_choose() - do the first of several sends and receives that is possible
 * @cases:   what to choose from; a channel may stand in several of them
 * @n:       how many; with 0 it can only time out
 * @timeout: seconds; 0 does not wait: the ETIMEDOUT is the "default:" of Go
 *
 * Of several that are possible at once one is taken at random, each with the
 * same chance, so that none starves. While it waits it stands in the line of
 * each channel; two that choose can meet. A closed channel is possible: its
 * case is chosen and fails with EPIPE. Only the chosen case is done.
 *
 * Switches:  unless a case is possible
 * Context:   any greenlet; the hub with @timeout 0
 * Return:    the index of the case that was chosen, with its error set to 0 if
 *            it was done, to EPIPE (closed) or EBADF (freed while this call
 *            waited) if not; or -1 with errno set:
 *              ETIMEDOUT  none was possible in time
 *              EINVAL     NULL, bad op, bad @timeout, or more than INT_MAX cases
 *              EPERM      another thread's channel; the hub, and not @timeout 0
 * See:       select of Go; choose() of libdill
 */
GEV_API int gev_choose(struct gev_case *cases, size_t n, double timeout);

GEV_END_DECLS

#endif
