/* SPDX-License-Identifier: MIT */
/*
 * pthread_create and what goes with it: threads of the program are greenlets
 *
 * They have private stacks, of the size that their attributes say, since threads
 * point into each other's. Only the program's own calls are taken, told by the
 * address that they return to: threads that a library makes for itself, libgev's
 * own among them, stay real.
 *
 * Thread-local variables of the compiler (__thread) are one for all greenlets;
 * those of pthread_key_create() are each one's own.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gev/greenlet.h>
#include <gev/hub.h>
#include <gev/local.h>

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

/* A pthread_t of ours, or NULL: a real one points to libc's record, which begins
   with its own address. */
static struct gev__thread *of(pthread_t handle)
{
    struct gev__thread *t = (void *)handle;

    return t && t->mark == gev__thread_mark ? t : NULL;
}

void gev__thread_finish(struct gev__thread *t)
{
    t->done = true;
    gev__park_wake(t, true);
    if (t->detached) {
        gev__thread_free(t);
    }
}

static void *run(void *arg)
{
    struct gev__thread *t = arg;

    while (gev__thread_become(t) < 0) {
        (void)gev_yield(); /* no memory: without its record it would not end */
    }
    t->result = t->fn(t->arg);
    return NULL;
}

static size_t stack_size(const pthread_attr_t *attr)
{
    pthread_attr_t standard;
    size_t size = 0;

    if (attr) {
        pthread_attr_getstacksize(attr, &size);
        return size;
    }
    pthread_attr_init(&standard);
    pthread_attr_getstacksize(&standard, &size);
    pthread_attr_destroy(&standard);
    return size;
}

GEV__INTERPOSED int pthread_create(pthread_t *ret, const pthread_attr_t *attr,
                                   void *(*fn)(void *), void *arg)
{
    REAL(pthread_create)
    struct gev__thread *t;
    int state = PTHREAD_CREATE_JOINABLE;

    if (!OURS || !gev__thread_init()) {
        return real(ret, attr, fn, arg);
    }
    t = gev__thread_new();
    if (!t) {
        return EAGAIN;
    }
    if (attr) {
        pthread_attr_getdetachstate(attr, &state);
    }
    t->fn = fn;
    t->arg = arg;
    t->detached = state == PTHREAD_CREATE_DETACHED;
    t->g = gev_spawn_private(run, t, stack_size(attr));
    if (!t->g) {
        gev__thread_free(t);
        return EAGAIN;
    }
    *ret = (pthread_t)t;
    gev_unref(t->g); /* the hub's reference lasts as long as it runs */
    return 0;
}

static int join(struct gev__thread *t, void **ret, clockid_t clock,
                const struct timespec *until)
{
    int rc = 0;

    if (t == gev__thread_self()) {
        return EDEADLK;
    }
    if (t->detached) {
        return EINVAL;
    }
    while (!t->done && rc == 0) {
        rc = gev__park_wait(t, clock, until);
    }
    if (!t->done) {
        return rc;
    }
    if (ret) {
        *ret = t->result;
    }
    gev__thread_free(t);
    return 0;
}

GEV__INTERPOSED int pthread_join(pthread_t handle, void **ret)
{
    REAL(pthread_join)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    return t ? join(t, ret, CLOCK_REALTIME, NULL) : real(handle, ret);
}

GEV__INTERPOSED int pthread_timedjoin_np(pthread_t handle, void **ret,
                                         const struct timespec *until)
{
    REAL(pthread_timedjoin_np)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    return t ? join(t, ret, CLOCK_REALTIME, until) : real(handle, ret, until);
}

GEV__INTERPOSED int pthread_tryjoin_np(pthread_t handle, void **ret)
{
    REAL(pthread_tryjoin_np)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    if (!t) {
        return real(handle, ret);
    }
    return t->done ? join(t, ret, CLOCK_REALTIME, NULL) : EBUSY;
}

GEV__INTERPOSED int pthread_detach(pthread_t handle)
{
    REAL(pthread_detach)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    if (!t) {
        return real(handle);
    }
    if (t->detached) {
        return EINVAL;
    }
    t->detached = true;
    if (t->done) {
        gev__thread_free(t);
    }
    return 0;
}

GEV__INTERPOSED pthread_t pthread_self(void)
{
    REAL(pthread_self)
    struct gev__thread *t = OURS ? gev__thread_self() : NULL;

    return t && t->fn ? (pthread_t)t : real(); /* main is a real one */
}

/* The frames of pthread_cleanup_push(), innermost first; each calls
   __pthread_unwind_next() when it is done. */
static __attribute__((noreturn)) void unwind(struct gev__thread *t)
{
    __pthread_unwind_buf_t *b = t->cleanup;

    if (b) {
        t->cleanup = b->__pad[0];
        /* The compiler sees a shorter record than glibc's; the mask, which is not
           in it, is not looked at. */
        void *volatile frame = b->__cancel_jmp_buf;
        siglongjmp((struct __jmp_buf_tag *)frame, 1);
    }
    gev_exit(NULL);
}

GEV__INTERPOSED void pthread_exit(void *result)
{
    REAL(pthread_exit)
    struct gev__thread *t = OURS ? gev__thread_self() : NULL;

    if (!t) {
        real(result);
    } else if (!t->fn) {
        (void)gev_run(GEV_FOREVER); /* main: the process goes on without it */
        exit(EXIT_SUCCESS);
    } else {
        t->result = result;
        unwind(t);
    }
    abort();
}

GEV__INTERPOSED void __pthread_register_cancel(__pthread_unwind_buf_t *b)
{
    REAL(__pthread_register_cancel)
    struct gev__thread *t = OURS ? gev__thread_self() : NULL;

    if (!t || !t->fn) {
        real(b);
        return;
    }
    b->__pad[0] = t->cleanup;
    t->cleanup = b;
}

GEV__INTERPOSED void __pthread_unregister_cancel(__pthread_unwind_buf_t *b)
{
    REAL(__pthread_unregister_cancel)
    struct gev__thread *t = OURS ? gev__thread_self() : NULL;

    if (!t || !t->fn) {
        real(b);
        return;
    }
    t->cleanup = b->__pad[0];
}

GEV__INTERPOSED void __pthread_unwind_next(__pthread_unwind_buf_t *b)
{
    REAL(__pthread_unwind_next)
    struct gev__thread *t = OURS ? gev__thread_self() : NULL;

    if (!t || !t->fn) {
        real(b);
        abort();
    }
    unwind(t);
}

GEV__INTERPOSED int pthread_cancel(pthread_t handle)
{
    REAL(pthread_cancel)

    if (!OURS || !of(handle)) {
        return real(handle);
    }
    (void)fputs("gev-run: pthread_cancel() does not work with --threads\n",
                stderr);
    return ENOSYS;
}

GEV__INTERPOSED int pthread_kill(pthread_t handle, int signo)
{
    REAL(pthread_kill)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    if (!t) {
        return real(handle, signo);
    }
    if (t->done) {
        return ESRCH;
    }
    return signo == 0 ? 0 : raise(signo) < 0 ? errno : 0;
}

GEV__INTERPOSED int pthread_setname_np(pthread_t handle, const char *name)
{
    REAL(pthread_setname_np)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    if (!t) {
        return real(handle, name);
    }
    return !t->done && gev_set_name(t->g, name) < 0 ? errno : 0;
}

GEV__INTERPOSED int pthread_getname_np(pthread_t handle, char *name, size_t n)
{
    REAL(pthread_getname_np)
    struct gev__thread *t = OURS ? of(handle) : NULL;

    if (!t) {
        return real(handle, name, n);
    }
    return snprintf(name, n, "%s", t->done ? "" : gev_name(t->g)) < (int)n
               ? 0
               : ERANGE;
}

GEV__INTERPOSED int pthread_key_create(pthread_key_t *ret,
                                       void (*destructor)(void *))
{
    REAL(pthread_key_create)

    if (!OURS) {
        return real(ret, destructor);
    }
    return gev_key_create(ret, destructor) < 0 ? errno : 0;
}

GEV__INTERPOSED int pthread_key_delete(pthread_key_t key)
{
    REAL(pthread_key_delete)

    if (!OURS) {
        return real(key);
    }
    return gev_key_delete(key) < 0 ? errno : 0;
}

GEV__INTERPOSED void *pthread_getspecific(pthread_key_t key)
{
    REAL(pthread_getspecific)

    return OURS ? gev_getspecific(key) : real(key);
}

GEV__INTERPOSED int pthread_setspecific(pthread_key_t key, const void *value)
{
    REAL(pthread_setspecific)

    if (!OURS) {
        return real(key, value);
    }
    return gev_setspecific(key, value) < 0 ? errno : 0;
}

GEV__INTERPOSED int sched_yield(void)
{
    REAL(sched_yield)

    return OURS ? gev_yield() : real();
}
