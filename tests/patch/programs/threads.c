/* SPDX-License-Identifier: MIT */
/*
 * threads - what threads of a plain program do with each other, and what came of it
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N       20
#define ROUNDS  100
#define SOON_NS 20000000L

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t again = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t units;
static int turn, inside, most, ran_once, destroyed, cleaned;
static long sum;

static struct timespec soon(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += SOON_NS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void init(void)
{
    usleep(10000);
    ran_once++;
}

static void destroy(void *value)
{
    destroyed += *(int *)value;
    free(value);
}

static void clean(void *arg)
{
    cleaned += (int)(intptr_t)arg;
}

/* All of them at once: each in turn, under locks that are held while waiting. */
static void *work(void *arg)
{
    int me = (int)(intptr_t)arg, *mine = malloc(sizeof *mine);

    *mine = 1;
    pthread_once(&once, init);
    pthread_setspecific(key, mine);
    pthread_barrier_wait(&barrier);
    sem_wait(&units);
    pthread_mutex_lock(&again);
    pthread_mutex_lock(&again);
    inside++;
    most = inside > most ? inside : most;
    usleep(1000);
    inside--;
    pthread_mutex_unlock(&again);
    pthread_mutex_unlock(&again);
    sem_post(&units);
    pthread_mutex_lock(&lock);
    while (turn != me) {
        pthread_cond_wait(&changed, &lock);
    }
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_rwlock_wrlock(&shared);
        sum++;
        pthread_rwlock_unlock(&shared);
        pthread_rwlock_rdlock(&shared);
        sched_yield();
        pthread_rwlock_unlock(&shared);
    }
    return (void *)(intptr_t)(*(int *)pthread_getspecific(key) * me);
}

static void *leave(void *arg)
{
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)10);
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *nap(void *arg)
{
    usleep(100000);
    return arg;
}

static void show_errors(void)
{
    struct timespec t = soon();
    pthread_mutexattr_t attr;
    pthread_mutex_t strict;
    pthread_t thread;
    void *result;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&strict, &attr);
    printf("unlock %s\n", strerror(pthread_mutex_unlock(&strict)));
    pthread_mutex_lock(&strict);
    printf("lock %s\n", strerror(pthread_mutex_lock(&strict)));
    pthread_mutex_unlock(&strict);
    pthread_mutex_lock(&lock);
    printf("trylock %s\n", strerror(pthread_mutex_trylock(&lock)));
    printf("timedlock %s\n", strerror(pthread_mutex_timedlock(&lock, &t)));
    printf("timedwait %s\n",
           strerror(pthread_cond_timedwait(&changed, &lock, &t)));
    pthread_mutex_unlock(&lock);
    pthread_create(&thread, NULL, nap, (void *)7);
    printf("tryjoin %s\n", strerror(pthread_tryjoin_np(thread, &result)));
    t = soon();
    printf("timedjoin %s\n",
           strerror(pthread_timedjoin_np(thread, &result, &t)));
    printf("equal %d %d\n", pthread_equal(thread, pthread_self()) != 0,
           pthread_equal(pthread_self(), pthread_self()) != 0);
    printf("join %s", strerror(pthread_join(thread, &result)));
    printf(" %ld\n", (long)(intptr_t)result);
    while (sem_trywait(&units) == 0) {
    }
    t = soon();
    printf("sem %d", sem_timedwait(&units, &t));
    printf(" %s\n", strerror(errno));
}

int main(void)
{
    pthread_t threads[N], leaver;
    void *result;
    long total = 0;

    pthread_key_create(&key, destroy);
    pthread_barrier_init(&barrier, NULL, N);
    sem_init(&units, 0, 3);
    for (int i = 0; i < N; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i)) {
            return EXIT_FAILURE;
        }
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], &result);
        total += (long)(intptr_t)result;
    }
    printf("total %ld, turns %d, sum %ld, most inside %d, once %d, "
           "destroyed %d\n",
           total, turn, sum, most, ran_once, destroyed);
    pthread_create(&leaver, NULL, leave, (void *)5);
    pthread_join(leaver, &result);
    printf("left with %ld, cleaned %d\n", (long)(intptr_t)result, cleaned);
    show_errors();
    return EXIT_SUCCESS;
}
