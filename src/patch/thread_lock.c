/* SPDX-License-Identifier: MIT */
/*
 * Mutexes, condition variables, read-write locks, semaphores, barriers and once,
 * between greenlets that are a program's threads
 *
 * All greenlets are one thread to libc, so what libc keeps per thread (the owner of
 * a recursive mutex) is kept here per greenlet: in a field of the mutex that libc
 * uses for robust ones only.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>

#include <gev/hub.h>

#include "patch/real.h"
#include "patch/thread_park.h"

#define OURS gev__thread_is_ours(__builtin_return_address(0))

/* libc's function, looked up once. */
#define REAL(name)                                                             \
    static __typeof__(name) *real;                                             \
    if (!real) {                                                               \
        void *p = gev__thread_real(#name);                                     \
        memcpy(&real, &p, sizeof(void *));                                     \
    }

#define KIND_MASK           3  /* of pthread_mutex_t's __kind */
#define CLOCK_MONOTONIC_BIT 2u /* of pthread_cond_t's __wrefs */

static bool has_owner(const pthread_mutex_t *m)
{
    int kind = m->__data.__kind & KIND_MASK;

    return kind == PTHREAD_MUTEX_RECURSIVE || kind == PTHREAD_MUTEX_ERRORCHECK;
}

static int real_trylock(pthread_mutex_t *m)
{
    REAL(pthread_mutex_trylock)

    return real(m);
}

static int real_unlock(pthread_mutex_t *m)
{
    REAL(pthread_mutex_unlock)

    return real(m);
}

static int trylock(pthread_mutex_t *m)
{
    struct gev__thread *self = gev__thread_self();
    int rc;

    if (has_owner(m) && (!self || (m->__data.__list.__prev &&
                                   (void *)m->__data.__list.__prev != self))) {
        return EBUSY; /* somebody's, or there is no memory to say whose */
    }
    rc = real_trylock(m);
    if (rc == 0 && has_owner(m)) {
        m->__data.__list.__prev = (void *)self;
    }
    return rc;
}

static int unlock(pthread_mutex_t *m)
{
    int rc;

    if (has_owner(m)) {
        if ((void *)m->__data.__list.__prev != gev__thread_self()) {
            return EPERM;
        }
        if (m->__data.__count <= 1) {
            m->__data.__list.__prev = NULL;
        }
    }
    rc = real_unlock(m);
    if (rc == 0) {
        gev__park_wake(m, false);
    }
    return rc;
}

static int lock(pthread_mutex_t *m, clockid_t clock,
                const struct timespec *until)
{
    int rc;

    if ((m->__data.__kind & KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK &&
        m->__data.__list.__prev &&
        (void *)m->__data.__list.__prev == gev__thread_self()) {
        return EDEADLK;
    }
    while ((rc = trylock(m)) == EBUSY) {
        rc = gev__park_wait(m, clock, until);
        if (rc) {
            return rc;
        }
    }
    return rc;
}

GEV__INTERPOSED int pthread_mutex_lock(pthread_mutex_t *m)
{
    REAL(pthread_mutex_lock)

    return OURS ? lock(m, CLOCK_REALTIME, NULL) : real(m);
}

GEV__INTERPOSED int pthread_mutex_trylock(pthread_mutex_t *m)
{
    return OURS ? trylock(m) : real_trylock(m);
}

GEV__INTERPOSED int pthread_mutex_timedlock(pthread_mutex_t *m,
                                            const struct timespec *until)
{
    REAL(pthread_mutex_timedlock)

    return OURS ? lock(m, CLOCK_REALTIME, until) : real(m, until);
}

GEV__INTERPOSED int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock,
                                            const struct timespec *until)
{
    REAL(pthread_mutex_clocklock)

    return OURS ? lock(m, clock, until) : real(m, clock, until);
}

/* A real thread that unlocks wakes greenlets as well. */
GEV__INTERPOSED int pthread_mutex_unlock(pthread_mutex_t *m)
{
    return OURS ? unlock(m) : real_unlock(m);
}

/* Nothing runs between the unlock and the wait, so no signal is missed. */
static int wait_cond(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                     const struct timespec *until)
{
    int rc = unlock(m), again;

    if (rc) {
        return rc;
    }
    rc = gev__park_wait(c, clock, until);
    again = lock(m, CLOCK_REALTIME, NULL);
    return again ? again : rc;
}

static clockid_t clock_of(const pthread_cond_t *c)
{
    return c->__data.__wrefs & CLOCK_MONOTONIC_BIT ? CLOCK_MONOTONIC
                                                   : CLOCK_REALTIME;
}

GEV__INTERPOSED int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    REAL(pthread_cond_wait)

    return OURS ? wait_cond(c, m, CLOCK_REALTIME, NULL) : real(c, m);
}

GEV__INTERPOSED int pthread_cond_timedwait(pthread_cond_t *c,
                                           pthread_mutex_t *m,
                                           const struct timespec *until)
{
    REAL(pthread_cond_timedwait)

    return OURS ? wait_cond(c, m, clock_of(c), until) : real(c, m, until);
}

GEV__INTERPOSED int pthread_cond_clockwait(pthread_cond_t *c,
                                           pthread_mutex_t *m, clockid_t clock,
                                           const struct timespec *until)
{
    REAL(pthread_cond_clockwait)

    return OURS ? wait_cond(c, m, clock, until) : real(c, m, clock, until);
}

/* Real threads may wait for the same one, and a real thread may be the one that
   signals. */
GEV__INTERPOSED int pthread_cond_signal(pthread_cond_t *c)
{
    REAL(pthread_cond_signal)

    gev__park_wake(c, false);
    return real(c);
}

GEV__INTERPOSED int pthread_cond_broadcast(pthread_cond_t *c)
{
    REAL(pthread_cond_broadcast)

    gev__park_wake(c, true);
    return real(c);
}

/* libc's waits for those that it knows; none of ours are. */
static int try_read(pthread_rwlock_t *l)
{
    REAL(pthread_rwlock_tryrdlock)

    return real(l);
}

static int try_write(pthread_rwlock_t *l)
{
    REAL(pthread_rwlock_trywrlock)

    return real(l);
}

static int lock_rw(int (*attempt)(pthread_rwlock_t *), pthread_rwlock_t *l,
                   clockid_t clock, const struct timespec *until)
{
    int rc;

    while ((rc = attempt(l)) == EBUSY) {
        rc = gev__park_wait(l, clock, until);
        if (rc) {
            return rc;
        }
    }
    return rc;
}

GEV__INTERPOSED int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    REAL(pthread_rwlock_rdlock)

    return OURS ? lock_rw(try_read, l, CLOCK_REALTIME, NULL) : real(l);
}

GEV__INTERPOSED int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    REAL(pthread_rwlock_wrlock)

    return OURS ? lock_rw(try_write, l, CLOCK_REALTIME, NULL) : real(l);
}

GEV__INTERPOSED int pthread_rwlock_timedrdlock(pthread_rwlock_t *l,
                                               const struct timespec *until)
{
    REAL(pthread_rwlock_timedrdlock)

    return OURS ? lock_rw(try_read, l, CLOCK_REALTIME, until) : real(l, until);
}

GEV__INTERPOSED int pthread_rwlock_timedwrlock(pthread_rwlock_t *l,
                                               const struct timespec *until)
{
    REAL(pthread_rwlock_timedwrlock)

    return OURS ? lock_rw(try_write, l, CLOCK_REALTIME, until) : real(l, until);
}

GEV__INTERPOSED int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    REAL(pthread_rwlock_unlock)
    int rc = real(l);

    if (rc == 0 && OURS) {
        gev__park_wake(l, true);
    }
    return rc;
}

static int wait_sem(sem_t *s, clockid_t clock, const struct timespec *until)
{
    int saved = errno, rc;

    while (sem_trywait(s) < 0) {
        rc = errno == EAGAIN ? gev__park_wait(s, clock, until) : errno;
        if (rc) {
            errno = rc;
            return -1;
        }
    }
    errno = saved;
    return 0;
}

GEV__INTERPOSED int sem_wait(sem_t *s)
{
    REAL(sem_wait)

    return OURS ? wait_sem(s, CLOCK_REALTIME, NULL) : real(s);
}

GEV__INTERPOSED int sem_timedwait(sem_t *s, const struct timespec *until)
{
    REAL(sem_timedwait)

    return OURS ? wait_sem(s, CLOCK_REALTIME, until) : real(s, until);
}

GEV__INTERPOSED int sem_clockwait(sem_t *s, clockid_t clock,
                                  const struct timespec *until)
{
    REAL(sem_clockwait)

    return OURS ? wait_sem(s, clock, until) : real(s, clock, until);
}

GEV__INTERPOSED int sem_post(sem_t *s)
{
    REAL(sem_post)
    int rc = real(s);

    if (rc == 0) {
        gev__park_wake(s, false);
    }
    return rc;
}

/* A barrier of ours, in libc's place. */
struct barrier {
    unsigned count, here, round;
};

_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "room");

GEV__INTERPOSED int pthread_barrier_init(pthread_barrier_t *b,
                                         const pthread_barrierattr_t *attr,
                                         unsigned count)
{
    REAL(pthread_barrier_init)
    struct barrier ours = {.count = count};

    if (!OURS || count == 0) {
        return real(b, attr, count);
    }
    memcpy(b, &ours, sizeof ours);
    return 0;
}

GEV__INTERPOSED int pthread_barrier_wait(pthread_barrier_t *b)
{
    REAL(pthread_barrier_wait)
    struct barrier *ours = (void *)b;
    unsigned round;

    if (!OURS) {
        return real(b);
    }
    round = ours->round;
    if (++ours->here == ours->count) {
        ours->here = 0;
        ours->round++;
        gev__park_wake(b, true);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    while (ours->round == round) {
        (void)gev__park_wait(b, CLOCK_REALTIME, NULL);
    }
    return 0;
}

GEV__INTERPOSED int pthread_barrier_destroy(pthread_barrier_t *b)
{
    REAL(pthread_barrier_destroy)

    return OURS ? 0 : real(b);
}

/* libc's values of a pthread_once_t: 0 new, 2 done; 1 and others under way. */
#define ONCE_RUNS 1
#define ONCE_DONE 2

GEV__INTERPOSED int pthread_once(pthread_once_t *once, void (*init)(void))
{
    REAL(pthread_once)

    if (!OURS) {
        return real(once, init);
    }
    while (*once == ONCE_RUNS) {
        (void)gev__park_wait((void *)once, CLOCK_REALTIME, NULL);
    }
    if (*once != ONCE_DONE) {
        *once = ONCE_RUNS;
        init();
        *once = ONCE_DONE;
        gev__park_wake((void *)once, true);
    }
    return 0;
}

GEV__INTERPOSED int pthread_spin_lock(pthread_spinlock_t *l)
{
    REAL(pthread_spin_lock)
    int rc;

    if (!OURS) {
        return real(l);
    }
    while ((rc = pthread_spin_trylock(l)) == EBUSY) {
        (void)gev_yield();
    }
    return rc;
}
