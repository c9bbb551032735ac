/* SPDX-License-Identifier: MIT */
/*
 * mutexes CASE - greenlets with locks, for gev-run --check-mutexes
 *
 * What is reported is what test_mutexes.py compares; on standard output is what the
 * program itself has seen.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <gev.h>

#define NOINLINE __attribute__((noinline))
#define SHORT    1000 /* µs */

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t nesting = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spin;
static mtx_t mtx;
static int fds[2];

/* Each greenlet is named "holder", runs and ends. */
static void run_holder(gev_fn *fn)
{
    struct gev_greenlet *g = gev_spawn(fn, NULL);

    gev_set_name(g, "holder");
    gev_join(g, GEV_FOREVER);
    gev_unref(g);
}

NOINLINE void *sleeps(void *arg)
{
    pthread_mutex_lock(&plain);
    for (volatile int i = 0; i < 3; i++) { /* one call, not unrolled */
        usleep(SHORT);
    }
    pthread_mutex_unlock(&plain);
    usleep(SHORT);
    return arg;
}

static void *send_later(void *arg)
{
    gev_sleep(0.02);
    send(fds[1], "x", 1, 0);
    return arg;
}

NOINLINE void *waits_in_many_places(void *arg)
{
    char c;

    pthread_mutex_lock(&plain);
    usleep(SHORT);
    gev_yield();
    gev_sleep(0.001);
    recv(fds[0], &c, 1, 0);
    pthread_mutex_unlock(&plain);
    return arg;
}

NOINLINE void *unlocks_before(void *arg)
{
    pthread_mutex_lock(&plain);
    pthread_mutex_unlock(&plain);
    usleep(SHORT);
    pthread_rwlock_rdlock(&rw);
    pthread_rwlock_rdlock(&rw);
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_unlock(&rw);
    pthread_spin_lock(&spin);
    pthread_spin_unlock(&spin);
    mtx_lock(&mtx);
    mtx_unlock(&mtx);
    usleep(SHORT);
    return arg;
}

NOINLINE void *waits_for_a_condition(void *arg)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec++;
    t.tv_nsec = 0;
    pthread_mutex_lock(&plain);
    printf("%d\n", pthread_cond_timedwait(&cond, &plain, &t) == ETIMEDOUT);
    pthread_mutex_unlock(&plain);
    usleep(SHORT);
    return arg;
}

NOINLINE void *locks_twice(void *arg)
{
    pthread_mutex_lock(&nesting);
    pthread_mutex_lock(&nesting);
    pthread_mutex_unlock(&nesting);
    usleep(SHORT);
    pthread_mutex_unlock(&nesting);
    usleep(SHORT);
    pthread_rwlock_rdlock(&rw);
    pthread_rwlock_rdlock(&rw);
    pthread_rwlock_unlock(&rw);
    usleep(SHORT);
    pthread_rwlock_unlock(&rw);
    usleep(SHORT);
    return arg;
}

#define HELD(lock, unlock)                                                     \
    printf("%d\n", lock);                                                      \
    usleep(SHORT);                                                             \
    unlock

NOINLINE void *locks_every_way(void *arg)
{
    struct timespec t = {0, 0};

    HELD(pthread_mutex_lock(&plain), pthread_mutex_unlock(&plain));
    HELD(pthread_mutex_trylock(&plain), pthread_mutex_unlock(&plain));
    HELD(pthread_mutex_timedlock(&plain, &t), pthread_mutex_unlock(&plain));
    HELD(pthread_mutex_clocklock(&plain, CLOCK_MONOTONIC, &t),
         pthread_mutex_unlock(&plain));
    HELD(mtx_lock(&mtx), mtx_unlock(&mtx));
    HELD(mtx_trylock(&mtx), mtx_unlock(&mtx));
    HELD(mtx_timedlock(&mtx, &t), mtx_unlock(&mtx));
    HELD(pthread_rwlock_rdlock(&rw), pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_tryrdlock(&rw), pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_timedrdlock(&rw, &t), pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_clockrdlock(&rw, CLOCK_MONOTONIC, &t),
         pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_wrlock(&rw), pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_trywrlock(&rw), pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_timedwrlock(&rw, &t), pthread_rwlock_unlock(&rw));
    HELD(pthread_rwlock_clockwrlock(&rw, CLOCK_MONOTONIC, &t),
         pthread_rwlock_unlock(&rw));
    HELD(pthread_spin_lock(&spin), pthread_spin_unlock(&spin));
    HELD(pthread_spin_trylock(&spin), pthread_spin_unlock(&spin));
    return arg;
}

/* Whoever holds it holds it; the one that cannot have it does not. */
NOINLINE void *cannot_lock(void *arg)
{
    printf("%d\n", pthread_mutex_trylock(&plain) == EBUSY);
    usleep(SHORT);
    return arg;
}

static void *lock_in_a_thread(void *arg)
{
    pthread_mutex_lock(&plain);
    pthread_cond_signal(&cond);
    usleep(50 * SHORT); /* no hub here: nobody else could run */
    return arg;
}

NOINLINE void *locks_and_leaves(void *arg)
{
    pthread_mutex_lock(&plain);
    return arg;
}

NOINLINE void *unlocks_for_another(void *arg)
{
    pthread_mutex_unlock(&plain);
    usleep(SHORT);
    return arg;
}

NOINLINE void *locks_many(void *arg)
{
    static pthread_mutex_t many[100];

    for (int i = 0; i < 100; i++) {
        pthread_mutex_init(&many[i], NULL);
        pthread_mutex_lock(&many[i]);
    }
    usleep(SHORT);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_unlock(&many[i]);
    }
    usleep(SHORT);
    return arg;
}

static void *nameless(void *arg)
{
    pthread_mutex_lock(&plain);
    usleep(SHORT);
    pthread_mutex_unlock(&plain);
    return arg;
}

/* 17 places that lock and 17 that wait. */
#define FOUR(X, n) X(n##0) X(n##1) X(n##2) X(n##3)
#define PLACES(X)  FOUR(X, 1) FOUR(X, 2) FOUR(X, 3) FOUR(X, 4) X(50)
#define PLACE(n)                                                               \
    NOINLINE void lock_##n(void)                                               \
    {                                                                          \
        pthread_mutex_lock(&plain);                                            \
        n_here = n;                                                            \
    }                                                                          \
    NOINLINE void wait_##n(void)                                               \
    {                                                                          \
        usleep(n);                                                             \
        n_here = n;                                                            \
    }

static volatile int n_here; /* keeps the functions apart */
PLACES(PLACE)

static void *goes_to_many_places(void *arg)
{
#define LOCK(n) lock_##n,
#define WAIT(n) wait_##n,
    static void (*const locks[])(void) = {PLACES(LOCK)};
    static void (*const waits[])(void) = {PLACES(WAIT)};

    for (int i = 0; i < 17; i++) {
        for (int k = 0; k < 17; k++) {
            locks[i]();
            waits[k]();
            pthread_mutex_unlock(&plain);
        }
    }
    return arg;
}

static void *in_its_own_hub(void *arg)
{
    run_holder(sleeps);
    return arg;
}

static void run_in_a_thread(void *(*fn)(void *))
{
    pthread_t t;

    pthread_create(&t, NULL, fn, NULL);
    pthread_join(t, NULL);
}

static int n_switches;

static void count_switches(enum gev_trace_event event,
                           const struct gev_greenlet *from,
                           const struct gev_greenlet *to, void *arg)
{
    (void)event;
    (void)from;
    (void)to;
    ++*(int *)arg;
}

static void print_report(const char *text, void *arg)
{
    printf("%s: %s", (const char *)arg, text);
    fflush(stdout);
    usleep(SHORT); /* must not let others run: this is inside a switch */
}

static void program_traces_too(void)
{
    static char prefix[] = "reported";

    gev_set_trace(count_switches, &n_switches);
    gev_set_report(print_report, prefix);
    run_holder(sleeps);
    printf("%d\n", n_switches > 4);
    gev_set_trace(NULL, NULL);
    n_switches = 0;
    gev_set_report(NULL, NULL);
    run_holder(locks_twice);
    printf("%d\n", n_switches);
}

static void *trace_of_all(void *arg)
{
    run_holder(sleeps);
    printf("%d\n", n_switches > 4);
    return arg;
}

NOINLINE void main_sleeps(void)
{
    pthread_mutex_lock(&plain); /* before there is a hub */
    gev_sleep(0.001);
    pthread_mutex_unlock(&plain);
    gev_sleep(0.001);
}

static void run_case(const char *name)
{
#define CASE(word, ...)                                                        \
    if (strcmp(name, word) == 0) {                                             \
        __VA_ARGS__;                                                           \
    }
    CASE("sleeps", run_holder(sleeps), run_holder(sleeps))
    CASE("places", gev_go(send_later, NULL), run_holder(waits_in_many_places))
    CASE("unlocks", run_holder(unlocks_before))
    CASE("condition", run_holder(waits_for_a_condition))
    CASE("recursive", run_holder(locks_twice))
    CASE("ways", run_holder(locks_every_way))
    CASE("busy", run_in_a_thread(lock_in_a_thread), run_holder(cannot_lock))
    CASE("another", run_holder(locks_and_leaves),
         run_holder(unlocks_for_another))
    CASE("many", run_holder(locks_many))
    CASE("everywhere", run_holder(goes_to_many_places))
    CASE("nameless", run_holder(nameless))
    CASE("thread", run_in_a_thread(in_its_own_hub))
    CASE("main", main_sleeps())
    CASE("trace", program_traces_too())
    CASE("trace all", gev_set_trace_all(count_switches, &n_switches),
         run_in_a_thread(trace_of_all))
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    mtx_init(&mtx, mtx_timed);
    if (argc != 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) {
        return 2;
    }
    run_case(argv[1]);
    return 0;
}
