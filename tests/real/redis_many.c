/* SPDX-License-Identifier: MIT */
/*
 * hiredis' blocking calls in many greenlets, with a ticker beside them
 *
 *   redis_many PORT N subscribe    N - 1 subscribers, each gets ROUNDS messages
 *   redis_many PORT N timeout      N wait for what never comes, 0.3 s each
 *   redis_many PORT N block        N wait in BLPOP until they are served in turn
 */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ticker.h"

#define ROUNDS 10
#define LIMIT  0.3 /* seconds, of SO_RCVTIMEO */

static int port;
static long n, n_right, n_ready, n_messages;
static double earliest = INFINITY, latest;

static redisContext *open_redis(void)
{
    redisContext *c = redisConnect("127.0.0.1", port);

    if (!c || c->err) {
        fprintf(stderr, "redis_many: %s\n", c ? c->errstr : "no memory");
        exit(1);
    }
    return c;
}

/* Is it an array whose last element is this? Frees it. */
static bool ends_with(redisReply *r, const char *text)
{
    bool is = r && r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
              r->element[r->elements - 1]->str &&
              strcmp(r->element[r->elements - 1]->str, text) == 0;

    if (r) {
        freeReplyObject(r);
    }
    return is;
}

static void *subscriber(void *unused)
{
    redisContext *c = open_redis();
    void *r = redisCommand(c, "SUBSCRIBE news");
    long n_got = 0;
    char want[32];

    if (r) {
        freeReplyObject(r);
    }
    n_ready++;
    for (int i = 0; i < ROUNDS; i++) {
        r = NULL;
        snprintf(want, sizeof want, "message %d", i);
        if (redisGetReply(c, &r) != REDIS_OK || !ends_with(r, want)) {
            break;
        }
        n_got++;
    }
    n_messages += n_got;
    n_right += n_got == ROUNDS;
    redisFree(c);
    return unused;
}

static void *publisher(void *unused)
{
    redisContext *c = open_redis();

    while (n_ready < n - 1) {
        (void)gev_sleep(0.001);
    }
    for (int i = 0; i < ROUNDS; i++) {
        char text[32];
        redisReply *r;

        snprintf(text, sizeof text, "message %d", i);
        r = redisCommand(c, "PUBLISH news %s", text);

        n_right += r && r->type == REDIS_REPLY_INTEGER && r->integer == n - 1 &&
                   i == ROUNDS - 1;
        freeReplyObject(r);
    }
    redisFree(c);
    return unused;
}

static void *times_out(void *unused)
{
    redisContext *c = open_redis();
    struct timeval t = {.tv_usec = (suseconds_t)(LIMIT * 1e6)};
    void *r = NULL;
    double begin, took;

    if (redisSetTimeout(c, t) != REDIS_OK) {
        return unused;
    }
    redisAppendCommand(c, "BLPOP nothing 0");
    begin = gev_now();
    n_right += redisGetReply(c, &r) == REDIS_ERR && c->err == REDIS_ERR_IO &&
               errno == EAGAIN;
    took = gev_now() - begin;
    earliest = fmin(earliest, took);
    latest = fmax(latest, took);
    redisFree(c);
    return unused;
}

static void *pops(void *arg)
{
    redisContext *c = open_redis();
    long i = (long)(intptr_t)arg;
    char want[32];
    redisReply *r;

    snprintf(want, sizeof want, "%ld", i);
    r = redisCommand(c, "BLPOP list%ld 0", i);
    n_right += ends_with(r, want);
    if (i + 1 < n) {
        r = redisCommand(c, "RPUSH list%ld %ld", i + 1, i + 1);
        freeReplyObject(r);
    }
    redisFree(c);
    return NULL;
}

static void run(gev_fn *fn, gev_fn *last)
{
    struct gev_greenlet **v = calloc((size_t)n, sizeof *v);
    double begin = gev_now();

    for (long i = 0; i < n; i++) {
        v[i] = gev_spawn(i == n - 1 && last ? last : fn, (void *)(intptr_t)i);
        (void)gev_yield();
    }
    if (fn == pops) {
        redisContext *c = open_redis();
        freeReplyObject(redisCommand(c, "RPUSH list0 0"));
        redisFree(c);
    }
    (void)gev_joinall(v, (size_t)n, GEV_FOREVER);
    printf("total %.3f\n", gev_now() - begin);
}

int main(int argc, char **argv)
{
    const char *what = argc == 4 ? argv[3] : "";

    signal(SIGPIPE, SIG_IGN);
    port = argc == 4 ? atoi(argv[1]) : 0;
    n = argc == 4 ? atol(argv[2]) : 0;
    (void)gev_raise_fd_limit();
    ticker_start();
    (void)gev_yield();
    if (strcmp(what, "subscribe") == 0) {
        run(subscriber, publisher);
        printf("messages %ld\n", n_messages);
    } else if (strcmp(what, "timeout") == 0) {
        run(times_out, NULL);
        printf("earliest %.3f\nlatest %.3f\n", earliest, latest);
    } else if (strcmp(what, "block") == 0) {
        run(pops, NULL);
    } else {
        return 1;
    }
    ticker_stop();
    printf("right %ld\nthreads %d\n", n_right, n_threads());
    return 0;
}
