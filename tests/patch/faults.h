/* SPDX-License-Identifier: MIT */
/*
 * Fault injection for libgev_patch: the k-th call that it makes fails
 *
 * Its calls of the real functions go through the pointers of gev__real, which are
 * replaced; what it takes from libc and libgev besides goes through the linker's
 * --wrap (see meson.build). So an armed fault hits the library and not the test,
 * whose own read() is one of those under test.
 *
 * Counters and the armed fault belong to the calling thread.
 */
#ifndef TESTS_PATCH_FAULTS_H
#define TESTS_PATCH_FAULTS_H

#include <stdbool.h>

#include "patch/names.h"

/* What --wrap stands in front of, and what a failing one gives. */
#define FAULTS_PLAIN(X)                                                        \
    X(mmap)                                                                    \
    X(malloc)                                                                  \
    X(calloc)                                                                  \
    X(realloc)                                                                 \
    X(fstat)                                                                   \
    X(getsockopt)                                                              \
    X(preadv2)                                                                 \
    X(pwritev2)                                                                \
    X(pidfd_open)                                                              \
    X(fdopen)                                                                  \
    X(posix_spawn)                                                             \
    X(posix_spawnattr_init)                                                    \
    X(posix_spawn_file_actions_init)                                           \
    X(posix_spawn_file_actions_adddup2)                                        \
    X(gev_wait_fd)                                                             \
    X(gev_sleep)                                                               \
    X(gev_poll)                                                                \
    X(gev_select)                                                              \
    X(gev_waitpid)                                                             \
    X(gev_offload)                                                             \
    X(gev_setspecific)

enum {
    FAULT_BEFORE = GEV__N_NAMES - 1,
#define FAULTS_ENUM(name) FAULT_##name,
    FAULTS_PLAIN(FAULTS_ENUM)
#undef FAULTS_ENUM
        N_FAULTS
};

/* Sets of calls. */
enum faults_of {
    FAULTS_MEMORY,  /* whatever may say ENOMEM, libgev's waits included */
    FAULTS_LOOKING, /* calls that only find something out */
    FAULTS_ONE,     /* one name */
};

/* A wait of libgev begins, or something fails: whoever is to end the call may act. */
extern void (*faults_on_wait)(void);

/**
 * faults_before() - a function to be called before each call of a real one
 * @name: GEV__N_…
 * @fn:   NULL for none
 */
void faults_before(enum gev__name name, void (*fn)(void));

/**
 * faults_install() - once, before all
 */
void faults_install(void);

/**
 * faults_arm() - the k-th call of a set fails
 * @of:     the set
 * @one:    the name for FAULTS_ONE: GEV__N_… or FAULT_…
 * @k:      which one, from 1
 * @sticky: those after it fail too
 */
void faults_arm(enum faults_of of, int one, long k, int err, bool sticky);

/**
 * faults_balance() - what the library has allocated in this thread and not freed
 */
long faults_balance(void);

/**
 * faults_disarm() - Return: how many calls were made to fail
 */
long faults_disarm(void);

#endif
