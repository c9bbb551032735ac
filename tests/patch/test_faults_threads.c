/* SPDX-License-Identifier: MIT */
/*
 * The program's threads as greenlets while there is no memory
 *
 * The objects of libgev_threads are part of this program, so its calls are theirs;
 * the linker stands between them and what may fail.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gev.h>

/* --- what fails --- */

static bool armed, sticky;
static long left, fired, balance;

static bool hit(void)
{
    if (!armed) {
        return false;
    }
    left--;
    if (left > 0 || (left < 0 && !sticky)) {
        return false;
    }
    fired++;
    errno = ENOMEM;
    return true;
}

static void arm(long k, bool all)
{
    armed = true;
    sticky = all;
    left = k;
    fired = 0;
}

static bool disarm(void)
{
    armed = false;
    return fired > 0;
}

void *__real_calloc(size_t n, size_t m);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_calloc(size_t n, size_t m)
{
    void *p = hit() ? NULL : __real_calloc(n, m);

    balance += p != NULL;
    return p;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
    balance -= p != NULL;
    __real_free(p);
}

#define WRAP(type, failure, name, params, args)                                \
    type __real_##name params;                                                 \
    type __wrap_##name params;                                                 \
    type __wrap_##name params                                                  \
    {                                                                          \
        return hit() ? (failure) : __real_##name args;                         \
    }

WRAP(struct gev_semaphore *, NULL, gev_semaphore_new,
     (unsigned n, unsigned max), (n, max))
WRAP(int, -1, gev_semaphore_acquire, (struct gev_semaphore * s, double secs),
     (s, secs))
WRAP(struct gev_greenlet *, NULL, gev_spawn_private,
     (gev_fn * fn, void *arg, size_t size), (fn, arg, size))
WRAP(int, -1, gev_key_create, (gev_key * k, void (*end)(void *)), (k, end))

/* It is needed: what fails for ever would be tried for ever. */
int __real_gev_setspecific(gev_key k, const void *v);
int __wrap_gev_setspecific(gev_key k, const void *v);
int __wrap_gev_setspecific(gev_key k, const void *v)
{
    return !(fired && sticky) && hit() ? -1 : __real_gev_setspecific(k, v);
}

/* --- the calls --- */

static int inside, most, turns;

static void *give_back(void *arg)
{
    return arg;
}

static void create_gives_eagain_and_leaves_nothing(void **state)
{
    pthread_t t;
    void *result = NULL;
    long before;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, give_back, &turns), 0);
    assert_int_equal(pthread_join(t, &result), 0);
    before = balance;
    for (long k = 1;; k++) {
        arm(k, false);
        int rc = pthread_create(&t, NULL, give_back, &turns);
        bool failed = disarm();
        if (rc == 0) {
            assert_int_equal(pthread_join(t, &result), 0);
            assert_ptr_equal(result, &turns);
        }
        assert_int_equal(rc, failed ? EAGAIN : 0);
        assert_int_equal(balance, before);
        if (!failed) {
            assert_true(k > 3);
            break;
        }
    }
}

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;

static void enter(void)
{
    inside++;
    most = inside > most ? inside : most;
    sched_yield();
    inside--;
    turns++;
}

static void *with_mutex(void *arg)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&mutex);
        enter();
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *with_rwlock(void *arg)
{
    for (int i = 0; i < 3; i++) {
        pthread_rwlock_wrlock(&rwlock);
        enter();
        pthread_rwlock_unlock(&rwlock);
    }
    return arg;
}

static void *with_semaphore(void *arg)
{
    for (int i = 0; i < 3; i++) {
        sem_wait(&semaphore);
        enter();
        sem_post(&semaphore);
    }
    return arg;
}

/* Each in turn. */
static void *with_cond(void *arg)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&mutex);
        while (turns % 2 != (int)(intptr_t)arg) {
            pthread_cond_wait(&cond, &mutex);
        }
        enter();
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void *with_barrier(void *arg)
{
    for (int i = 0; i < 3; i++) {
        pthread_barrier_wait(&barrier);
        turns++;
    }
    return arg;
}

/* Two threads, and while they run the k-th call fails, once or from there on. */
static bool play(void *(*fn)(void *), long k, bool all)
{
    pthread_t t[2];

    most = turns = 0;
    for (intptr_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, fn, (void *)i), 0);
    }
    arm(k, all);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
    }
    assert_int_equal(turns, 6);
    assert_true(most <= 1);
    return disarm();
}

static void exclude(void *(*fn)(void *))
{
    for (int all = 0; all < 2; all++) {
        for (long k = 1; play(fn, k, all); k++) {
            assert_true(k < 100);
        }
    }
}

static void who_cannot_wait_lets_the_others_run(void **state)
{
    static const int kinds[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                PTHREAD_MUTEX_ERRORCHECK};
    pthread_mutexattr_t attr;

    (void)state;
    for (int i = 0; i < 3; i++) {
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, kinds[i]);
        pthread_mutex_init(&mutex, &attr);
        exclude(with_mutex);
        exclude(with_cond);
    }
    exclude(with_rwlock);
    sem_init(&semaphore, 0, 1);
    exclude(with_semaphore);
    pthread_barrier_init(&barrier, NULL, 2);
    exclude(with_barrier);
}

static void *hold(void *arg)
{
    pthread_mutex_lock(arg);
    sched_yield();
    sched_yield();
    enter();
    pthread_mutex_unlock(arg);
    return NULL;
}

/* A greenlet that has no record yet, and gets none. */
static void *lock_without_record(void *arg)
{
    arm(1, true);
    int rc = pthread_mutex_trylock(arg);
    disarm();
    if (rc == 0) {
        enter();
        pthread_mutex_unlock(arg);
    }
    return NULL;
}

/* A recursive mutex is told by records whose it is: without one it is not taken. */
static void a_mutex_is_not_shared_for_lack_of_a_record(void **state)
{
    pthread_mutexattr_t attr;
    pthread_t t;

    (void)state;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &attr);
    most = 0;
    assert_int_equal(gev_go(lock_without_record, &mutex), 0);
    assert_int_equal(pthread_create(&t, NULL, hold, &mutex), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(most, 1);
    assert_int_equal(pthread_mutex_lock(&mutex), 0);
    assert_int_equal(pthread_mutex_unlock(&mutex), 0);
}

static void keys_tell_that_there_is_no_memory(void **state)
{
    pthread_key_t key;

    (void)state;
    arm(1, false);
    assert_int_equal(pthread_key_create(&key, NULL), ENOMEM);
    assert_true(disarm());
    assert_int_equal(pthread_key_create(&key, NULL), 0);
    arm(1, false);
    assert_int_equal(pthread_setspecific(key, &key), ENOMEM);
    assert_true(disarm());
    assert_null(pthread_getspecific(key));
    assert_int_equal(pthread_key_delete(key), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_gives_eagain_and_leaves_nothing),
        cmocka_unit_test(who_cannot_wait_lets_the_others_run),
        cmocka_unit_test(a_mutex_is_not_shared_for_lack_of_a_record),
        cmocka_unit_test(keys_tell_that_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
