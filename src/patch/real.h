/* SPDX-License-Identifier: MIT */
/*
 * The functions that stand behind ours: libc's, as a rule.
 */
#ifndef PATCH_REAL_H
#define PATCH_REAL_H

#include "patch/names.h"

/**
 * struct gev__real - a pointer to each
 *
 * NULL until gev__real_load(), which is before anything of the program's runs,
 * except for the constructors of libraries that come before ours.
 */
struct gev__real {
/* A declarator. NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define GEV__REAL(family, result, name, parameters) result(*name) parameters;
    GEV__NAMES(GEV__REAL)
#undef GEV__REAL
};

extern struct gev__real gev__real;

/**
 * gev__real_load() - look them all up; neither allocates nor locks
 *
 * A name that nobody has (an older libc's) fails with ENOSYS when it is called.
 */
void gev__real_load(void);

/* The real function of a name, to be called. */
#define GEV__REAL(name)                                                        \
    (*(__builtin_expect(gev__real.name != NULL, 1)                             \
           ? gev__real.name                                                    \
           : (gev__real_load(), gev__real.name)))

/* The definition of an interposed name. */
#define GEV__INTERPOSED __attribute__((visibility("default")))

#endif
