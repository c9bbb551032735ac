/* SPDX-License-Identifier: MIT */
/*
 * Threads of a program that are greenlets, and waiting for an address.
 *
 * A mutex, condition variable, semaphore … is tried with libc's own function that
 * does not block; when that says no, the greenlet waits for the object's address,
 * and whoever gives the object back wakes those that wait for it. The state is
 * libc's alone, so a real thread may use the same object.
 */
#ifndef PATCH_THREAD_PARK_H
#define PATCH_THREAD_PARK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct gev_greenlet;
struct gev_semaphore;

/**
 * struct gev__thread - a thread of the program; its address is its pthread_t
 */
struct gev__thread {
    const void *mark;             /* tells it from a real pthread_t */
    struct gev_greenlet *g;       /* what it is; NULL for main */
    void *(*fn)(void *);          /* what it runs */
    void *arg;                    /* for @fn */
    void *result;                 /* for who joins it */
    bool done, detached;          /* has ended; nobody will join */
    int rounds;                   /* of destructors that were left to others */
    struct gev_semaphore *wakeup; /* what it waits for while parked */
    const void *address;          /* which it waits for, or NULL */
    struct gev__thread *next;     /* in the list of those that wait */
    __pthread_unwind_buf_t *cleanup; /* pthread_cleanup_push(), innermost */
};

/**
 * gev__thread_self() - the calling greenlet's; made for main, NULL without memory
 */
struct gev__thread *gev__thread_self(void);

/**
 * gev__thread_new() - a record with nothing to run
 */
struct gev__thread *gev__thread_new(void);
void gev__thread_free(struct gev__thread *t);

/**
 * gev__thread_become() - the record is this greenlet's from here on
 *
 * Return:    0, or -1 with errno ENOMEM
 */
int gev__thread_become(struct gev__thread *t);

/* What a record's first field points to. */
extern const char gev__thread_mark[];

/**
 * gev__thread_is_ours() - is this a call by the program, in the thread of its
 * greenlets?
 * @caller: the address that the call returns to
 */
bool gev__thread_is_ours(const void *caller);

/**
 * gev__park_wait() - wait until somebody wakes an address
 * @until: of @clock, or NULL for no limit
 *
 * It may also return for no reason.
 *
 * Switches:  yes
 * Return:    0, or ETIMEDOUT
 */
int gev__park_wait(const void *address, clockid_t clock,
                   const struct timespec *until);

/**
 * gev__park_wake() - wake those that wait for an address, the first first
 * @all: all of them, not one
 *
 * Context:   any thread
 */
void gev__park_wake(const void *address, bool all);

/**
 * gev__thread_finish() - a greenlet that was a thread has ended
 */
void gev__thread_finish(struct gev__thread *t);

/* libc's own function of that name. */
void *gev__thread_real(const char *name);

/* The hub of the greenlets exists, and this thread is its. */
bool gev__thread_init(void);

#endif
