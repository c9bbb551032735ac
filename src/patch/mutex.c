/* SPDX-License-Identifier: MIT */
/*
 * libgev_mutexes, preloaded by gev-run --check-mutexes: who waits with a lock?
 *
 * A greenlet that waits while it holds a mutex makes its whole thread wait when
 * another one wants the mutex. Every lock and unlock is noted with its greenlet and
 * its place; gev's trace hook, told of every switch, looks whether the one that
 * leaves holds something.
 *
 * pthread_cond_wait(3) and its relatives need nothing: they block in libc, where
 * no greenlet switches, and the mutex is theirs again when they return.
 *
 * Failure modes
 *   more than GEV__MAX_HELD locks at once   the later ones are not noted
 *   unlocked by another thread              noted until it is locked again
 *   locked by libc inside itself            not seen: stdio's locks, for one
 */
#include "patch/mutex.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <threads.h>

#include <gev/greenlet.h>
#include <gev/hub.h>

#include "patch/real.h"

#define KIND_MASK 3 /* of pthread_mutex_t's __kind */

_Thread_local struct gev__holds gev__holds;

/* A greenlet that has ended; its address may be another's by now. */
static const char gone;
#define GONE ((const struct gev_greenlet *)(const void *)&gone)

/* gev_set_trace() and gev_set_trace_all() of the program. */
static _Thread_local struct {
    bool set; /* by this thread for itself */
    gev_trace_fn *fn;
    void *arg;
} user;
static gev_trace_fn *user_all;
static void *user_all_arg;

void *gev__mutex_real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The function behind ours, looked up once. */
#define REAL(name)                                                             \
    static __typeof__(name) *real;                                             \
    if (!real) {                                                               \
        void *p = gev__mutex_real(#name);                                      \
        memcpy(&real, &p, sizeof(void *));                                     \
    }

static struct gev__held *find(const volatile void *lock,
                              const struct gev_greenlet *who)
{
    struct gev__holds *t = &gev__holds;

    for (unsigned i = t->n; i-- > 0;) {
        if (t->held[i].lock == lock && (!who || t->held[i].who == who)) {
            return &t->held[i];
        }
    }
    return NULL;
}

static void take(const volatile void *lock, const char *kind, bool nests,
                 const void *place)
{
    struct gev__holds *t = &gev__holds;
    struct gev__held *h = find(lock, nests ? t->current : NULL);

    if (h && nests && h->who == t->current) {
        h->count++;
        return;
    }
    if (!h || nests) {
        if (t->n == GEV__MAX_HELD) {
            return;
        }
        h = &t->held[t->n++];
    }
    *h = (struct gev__held){.lock = lock,
                            .who = t->current,
                            .place = place,
                            .kind = kind,
                            .count = 1};
}

/* Greenlets may unlock what another one has locked. */
static void give(const volatile void *lock)
{
    struct gev__holds *t = &gev__holds;
    struct gev__held *h = find(lock, t->current);

    if (!h) {
        h = find(lock, NULL);
    }
    if (h && --h->count == 0) {
        memmove(h, h + 1, (size_t)(&t->held[--t->n] - h) * sizeof *h);
    }
}

static void call_users(enum gev_trace_event event,
                       const struct gev_greenlet *from,
                       const struct gev_greenlet *to)
{
    if (user.set && user.fn) {
        user.fn(event, from, to, user.arg);
    } else if (!user.set && user_all) {
        user_all(event, from, to, user_all_arg);
    }
}

/* Before each switch, on the stack of who leaves. */
static void on_switch(enum gev_trace_event event,
                      const struct gev_greenlet *from,
                      const struct gev_greenlet *to, void *arg)
{
    struct gev__holds *t = &gev__holds;
    bool ends = t->n > 0 && gev_state(from) == GEV_DEAD;

    (void)arg;
    for (unsigned i = 0; i < t->n; i++) {
        struct gev__held *h = &t->held[i];
        if (h->who == t->current) { /* main, if this is the first switch */
            h->who = from;
        }
        if (h->who == from) {
            gev__mutex_tell(h, from);
            h->who = ends ? GONE : from;
        }
    }
    t->current = to;
    call_users(event, from, to);
}

static __attribute__((constructor)) void set_up(void)
{
    REAL(gev_set_trace_all)

    real(on_switch, NULL);
}

GEV__INTERPOSED int gev_set_trace(gev_trace_fn *fn, void *arg)
{
    REAL(gev_set_trace)
    int rc = real(on_switch, NULL);

    if (rc == 0) {
        user.set = true;
        user.fn = fn;
        user.arg = arg;
    }
    return rc;
}

GEV__INTERPOSED void gev_set_trace_all(gev_trace_fn *fn, void *arg)
{
    user_all = fn;
    user_all_arg = arg;
}

static bool is_recursive(const pthread_mutex_t *m)
{
    return (m->__data.__kind & KIND_MASK) == PTHREAD_MUTEX_RECURSIVE;
}

#define MUTEX_KIND(m) "mutex", is_recursive(m)
#define MTX_KIND(m)   MUTEX_KIND((const pthread_mutex_t *)(const void *)(m))
#define READ_KIND(m)  "read lock", true
#define WRITE_KIND(m) "write lock", false
#define SPIN_KIND(m)  "spin lock", false

/* A function that locks, and what is noted if it has. The owner of a robust mutex
   that died leaves it locked by the caller. */
#define LOCK(name, kind, parameters, arguments)                                \
    GEV__INTERPOSED int name parameters                                        \
    {                                                                          \
        REAL(name)                                                             \
        int rc = real arguments;                                               \
                                                                               \
        if (rc == 0 || rc == EOWNERDEAD) {                                     \
            take(l, kind##_KIND(l), __builtin_return_address(0));              \
        }                                                                      \
        return rc;                                                             \
    }

#define UNLOCK(name, parameters)                                               \
    GEV__INTERPOSED int name parameters                                        \
    {                                                                          \
        REAL(name)                                                             \
        int rc = real(l);                                                      \
                                                                               \
        if (rc == 0) {                                                         \
            give(l);                                                           \
        }                                                                      \
        return rc;                                                             \
    }

_Static_assert(thrd_success == 0, "mtx_lock() says it as the others do");

LOCK(pthread_mutex_lock, MUTEX, (pthread_mutex_t * l), (l))
LOCK(pthread_mutex_trylock, MUTEX, (pthread_mutex_t * l), (l))
LOCK(pthread_mutex_timedlock, MUTEX,
     (pthread_mutex_t * l, const struct timespec *until), (l, until))
LOCK(pthread_mutex_clocklock, MUTEX,
     (pthread_mutex_t * l, clockid_t clock, const struct timespec *until),
     (l, clock, until))
UNLOCK(pthread_mutex_unlock, (pthread_mutex_t * l))

LOCK(mtx_lock, MTX, (mtx_t * l), (l))
LOCK(mtx_trylock, MTX, (mtx_t * l), (l))
LOCK(mtx_timedlock, MTX, (mtx_t * l, const struct timespec *until), (l, until))
UNLOCK(mtx_unlock, (mtx_t * l))

LOCK(pthread_rwlock_rdlock, READ, (pthread_rwlock_t * l), (l))
LOCK(pthread_rwlock_tryrdlock, READ, (pthread_rwlock_t * l), (l))
LOCK(pthread_rwlock_timedrdlock, READ,
     (pthread_rwlock_t * l, const struct timespec *until), (l, until))
LOCK(pthread_rwlock_clockrdlock, READ,
     (pthread_rwlock_t * l, clockid_t clock, const struct timespec *until),
     (l, clock, until))
LOCK(pthread_rwlock_wrlock, WRITE, (pthread_rwlock_t * l), (l))
LOCK(pthread_rwlock_trywrlock, WRITE, (pthread_rwlock_t * l), (l))
LOCK(pthread_rwlock_timedwrlock, WRITE,
     (pthread_rwlock_t * l, const struct timespec *until), (l, until))
LOCK(pthread_rwlock_clockwrlock, WRITE,
     (pthread_rwlock_t * l, clockid_t clock, const struct timespec *until),
     (l, clock, until))
UNLOCK(pthread_rwlock_unlock, (pthread_rwlock_t * l))

LOCK(pthread_spin_lock, SPIN, (pthread_spinlock_t * l), (l))
LOCK(pthread_spin_trylock, SPIN, (pthread_spinlock_t * l), (l))
UNLOCK(pthread_spin_unlock, (pthread_spinlock_t * l))
