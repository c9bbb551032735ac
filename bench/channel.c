/* SPDX-License-Identifier: MIT */
/*
 * channel - what it costs to hand a value from greenlet to greenlet.
 *
 *   pair 0         unbuffered channel, one sends, one receives
 *   pair N         the same with a buffer of N values
 *   many N         unbuffered, N send and N receive
 *   choose N       one sends to the first of N unbuffered channels, one chooses
 *                  among receives from all
 *   queue 0        put and get by one greenlet: nobody waits
 *   queue N        one puts, one gets, N items at most in between
 *   spawn N        spawn N greenlets, join them all, free them
 *
 * Times are per value, or per greenlet; values are 8 bytes and are added up, so
 * that a lost or doubled one would show. bench/peers/sync.go and
 * sync_gevent.py do the same.
 */
#include <gev.h>

#include <stdbool.h>
#include <unistd.h>

#include "rounds.h"

static struct rounds rounds;          /* the run's result */
static struct gev_channel **channels; /* what the values go through */
static struct gev_queue *queue;       /* the same in queue mode */
static size_t n_channels;             /* in choose mode */
static size_t share;                  /* values of each sender */
static uint64_t sum;                  /* of what was received */

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *channel_sender(void *arg)
{
    for (uint64_t i = 1; i <= share; i++) {
        if (gev_channel_send(channels[0], &i, GEV_FOREVER) < 0) {
            die("gev_channel_send");
        }
    }
    return arg;
}

static void *channel_receiver(void *arg)
{
    uint64_t value;

    for (size_t i = 0; i < share; i++) {
        if (gev_channel_recv(channels[0], &value, GEV_FOREVER) < 0) {
            die("gev_channel_recv");
        }
        sum += value;
    }
    return arg;
}

static void *chooser(void *arg)
{
    struct gev_case cases[8];
    uint64_t value;

    for (size_t i = 0; i < n_channels; i++) {
        cases[i] = gev_case_recv(channels[i], &value);
    }
    for (size_t i = 0; i < share; i++) {
        if (gev_choose(cases, n_channels, GEV_FOREVER) != 0) {
            die("gev_choose");
        }
        sum += value;
    }
    return arg;
}

static void *queue_sender(void *arg)
{
    for (uint64_t i = 1; i <= share; i++) {
        if (gev_queue_put_data(queue, &i, GEV_FOREVER) < 0) {
            die("gev_queue_put_data");
        }
    }
    return arg;
}

static void *queue_receiver(void *arg)
{
    uint64_t value;

    for (size_t i = 0; i < share; i++) {
        if (gev_queue_get_data(queue, &value, GEV_FOREVER) < 0) {
            die("gev_queue_get_data");
        }
        sum += value;
    }
    return arg;
}

static void *queue_alone(void *arg)
{
    uint64_t value;

    for (uint64_t i = 1; i <= share; i++) {
        if (gev_queue_put_data(queue, &i, GEV_FOREVER) < 0 ||
            gev_queue_get_data(queue, &value, GEV_FOREVER) < 0) {
            die("gev_queue_put_data");
        }
        sum += value;
    }
    return arg;
}

/* Times @n senders and as many receivers, or senders alone. */
static void run_pairs(const char *mode, size_t n, gev_fn *sender,
                      gev_fn *receiver)
{
    share = rounds.per_rep / n;
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        uint64_t start = clock_ns();

        sum = 0;
        for (size_t i = 0; i < n; i++) {
            if (gev_go(sender, NULL) < 0 ||
                (receiver && gev_go(receiver, NULL) < 0)) {
                die("gev_go");
            }
        }
        if (gev_run(GEV_FOREVER) < 0) {
            die("gev_run");
        }
        rounds_rep(&rounds, rep, start);
        frames_bad |= sum != n * (share * (share + 1) / 2);
    }
    _exit(rounds_print(&rounds, mode));
}

static void *nothing(void *arg)
{
    sum++;
    return arg;
}

static void spawn_batch(struct gev_greenlet **g, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g[i] = gev_spawn(nothing, NULL);
        if (!g[i]) {
            die("gev_spawn");
        }
    }
    if (gev_joinall(g, n, GEV_FOREVER) < 0) {
        die("gev_joinall");
    }
    for (size_t i = 0; i < n; i++) {
        gev_unref(g[i]);
    }
}

static void *run_spawn(void *arg)
{
    size_t n = *(size_t *)arg;
    struct gev_greenlet **g = rounds_array(n, sizeof *g);

    for (size_t rep = 0; rep < rounds.reps; rep++) {
        uint64_t start = clock_ns();

        for (size_t i = 0; i < rounds.per_rep / n; i++) {
            spawn_batch(g, n);
        }
        rounds_rep(&rounds, rep, start);
    }
    frames_bad |= sum != rounds.reps * (rounds.per_rep / n) * n;
    free(g);
    return arg;
}

/* Makes the channels: @n of them, each with room for @capacity values. */
static void make_channels(size_t n, size_t capacity)
{
    channels = rounds_array(n, sizeof *channels);
    n_channels = n;
    for (size_t i = 0; i < n; i++) {
        channels[i] = gev_channel_new(sizeof(uint64_t), capacity);
        if (!channels[i]) {
            die("gev_channel_new");
        }
    }
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;
    static size_t n;

    if (argc > 2) {
        n = strtoul(argv[2], NULL, 10);
        rounds_init(&rounds, 1, quick);
        if (strcmp(argv[1], "pair") == 0) {
            make_channels(1, n);
            run_pairs("pair", 1, channel_sender, channel_receiver);
        } else if (strcmp(argv[1], "many") == 0 && n > 0) {
            make_channels(1, 0);
            run_pairs("many", n, channel_sender, channel_receiver);
        } else if (strcmp(argv[1], "choose") == 0 && n > 0 && n <= 8) {
            make_channels(n, 0);
            run_pairs("choose", 1, channel_sender, chooser);
        } else if (strcmp(argv[1], "queue") == 0) {
            queue = gev_queue_new_data(sizeof(uint64_t), n, GEV_FIFO, NULL);
            run_pairs("queue", 1, n ? queue_sender : queue_alone,
                      n ? queue_receiver : NULL);
        } else if (strcmp(argv[1], "spawn") == 0 && n > 0) {
            if (gev_go(run_spawn, &n) < 0 || gev_run(GEV_FOREVER) < 0) {
                die("gev_run");
            }
            _exit(rounds_print(&rounds, "spawn"));
        }
    }
    fprintf(stderr, "usage: channel pair|many|choose|queue|spawn N "
                    "[--quick]\n");
    return 2;
}
