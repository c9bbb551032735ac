/* SPDX-License-Identifier: MIT */
/*
 * libpq's blocking calls in many greenlets, with a ticker beside them
 *
 *   pq_many CONNINFO N     N connections, each in "select pg_sleep(0.5)"
 */
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ticker.h"

static const char *conninfo;
static PGconn **conns;
static long n, n_connected, n_right, n_errors;

static void *connects(void *arg)
{
    long i = (long)(intptr_t)arg;

    conns[i] = PQconnectdb(conninfo);
    if (PQstatus(conns[i]) == CONNECTION_OK) {
        n_connected++;
    } else if (n_errors++ == 0) {
        fprintf(stderr, "pq_many: %s\n", PQerrorMessage(conns[i]));
    }
    return NULL;
}

static void *sleeps(void *arg)
{
    long i = (long)(intptr_t)arg;
    char query[64], want[32];
    PGresult *r;

    snprintf(query, sizeof query, "select %ld from pg_sleep(0.5)", i);
    snprintf(want, sizeof want, "%ld", i);
    r = PQexec(conns[i], query);
    if (PQresultStatus(r) == PGRES_TUPLES_OK &&
        strcmp(PQgetvalue(r, 0, 0), want) == 0) {
        n_right++;
    } else if (n_errors++ == 0) {
        fprintf(stderr, "pq_many: %s\n", PQerrorMessage(conns[i]));
    }
    PQclear(r);
    PQfinish(conns[i]);
    return NULL;
}

/* A greenlet each; says how long all of them took. */
static void run(const char *what, gev_fn *fn)
{
    struct gev_greenlet **v = calloc((size_t)n, sizeof *v);
    double begin = gev_now();

    for (long i = 0; i < n; i++) {
        v[i] = gev_spawn(fn, (void *)(intptr_t)i);
        (void)gev_yield();
    }
    (void)gev_joinall(v, (size_t)n, GEV_FOREVER);
    printf("%s %.3f\n", what, gev_now() - begin);
    for (long i = 0; i < n; i++) {
        gev_unref(v[i]);
    }
    free(v);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    conninfo = argc == 3 ? argv[1] : "";
    n = argc == 3 ? atol(argv[2]) : 0;
    conns = calloc((size_t)n + 1, sizeof *conns);
    ticker_start();
    (void)gev_yield();
    run("connect", connects);
    run("total", sleeps);
    ticker_stop();
    printf("connected %ld\nright %ld\nthreads %d\n", n_connected, n_right,
           n_threads());
    free(conns);
    return n_right != n;
}
