/* SPDX-License-Identifier: MIT */
/*
 * What every header of gev shares: export, C++ linkage, and the two constants
 * that stand for "no limit" and "the stack sizes we choose".
 */
#ifndef GEV_BASE_H
#define GEV_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define GEV_BEGIN_DECLS extern "C" {
#define GEV_END_DECLS   }
#else
#define GEV_BEGIN_DECLS
#define GEV_END_DECLS
#endif

#define GEV_API __attribute__((visibility("default")))

/* Durations are seconds in a double; this one never ends. */
#define GEV_FOREVER (__builtin_inf())

GEV_BEGIN_DECLS

struct gev_greenlet;

/** typedef gev_fn - what a greenlet runs; its return value is its result */
typedef void *gev_fn(void *arg);

/**
 * gev_strerror() - what an errno of a gev call means
 * @err: an errno value
 *
 * Explains the few values to which gev gives a meaning of its own (ECANCELED,
 * ETIMEDOUT, EDEADLK, EPERM, EFAULT, EBUSY, EBADF, ENOMEM); others as
 * strerror_l(3) in the C locale.
 *
 * Switches:  never
 * Context:   anywhere, any thread
 * Return:    a string that is never freed nor changed, or, for a value that
 *            gev does not explain, valid until the thread's next call
 * See:       strerror(3)
 */
GEV_API const char *gev_strerror(int err);

GEV_END_DECLS

#endif
