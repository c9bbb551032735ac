/* SPDX-License-Identifier: MIT */
/*
 * The one question that every interposed function asks first: is this a call
 * that should let other greenlets run, or one for the real function?
 *
 * The real one, straight away, for
 *
 *   a family that GEV_PATCH leaves out
 *   a caller in libgev, libcares or libev, which never block: they are told by
 *           the address that the call returns to, so nothing loops
 *   a thread without a hub, and the hub itself
 *   a gev_passthrough_begin() section, inside libc's name service, and handlers of
 *           signals, which may have interrupted the hub in the middle of something
 */
#ifndef PATCH_GUARD_H
#define PATCH_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "patch/names.h"

/* What gev__guard() says; below 0: the call fails, errno is set. */
enum gev__go { GEV__PASS, GEV__COOPERATE };

/* How often a name was called and what became of it; read by gev_patch_report(),
   not exact when threads count at the same time. */
struct gev__count {
    uint64_t passed; /* straight to the real function */
    uint64_t tried;  /* without blocking, in a greenlet */
    uint64_t waited; /* of these, with a wait */
};

extern struct gev__count gev__counts[GEV__N_NAMES];

/* Bit f: enum gev__family f is interposed. 0 until this library is set up. */
extern unsigned gev__families;

/**
 * struct gev__module - a loaded object, by the addresses of its code
 */
struct gev__module {
    uintptr_t low;
    uintptr_t high;
};

/* Whose calls pass: libgev, libcares, libev. Empty where there is none. */
extern struct gev__module gev__quiet[3];

/**
 * gev__guard_slow() - gev__guard() for callers that are not libgev's
 */
int gev__guard_slow(enum gev__name name, enum gev__family family);

/**
 * gev__guard_is_borrowed() - is this the child of a vfork(2)?
 *
 * The hub is its parent's, which stands still: here everything blocks.
 */
bool gev__guard_is_borrowed(void);

/**
 * gev__guard() - see the top of this file
 * @caller: __builtin_return_address(0) of the interposed function
 *
 * A greenlet that was killed or is out of time is told so here, and its budget
 * is used.
 *
 * Switches:  when the I/O budget is used up
 * Return:    GEV__PASS, GEV__COOPERATE, or -1 with errno ECANCELED, ETIMEDOUT
 */
static inline int gev__guard(enum gev__name name, enum gev__family family,
                             const void *caller)
{
    uintptr_t at = (uintptr_t)caller;

    if (!(gev__families & 1u << family)) {
        return GEV__PASS;
    }
    for (int i = 0; i < 3; i++) {
        if (at - gev__quiet[i].low < gev__quiet[i].high - gev__quiet[i].low) {
            return GEV__PASS;
        }
    }
    return gev__guard_slow(name, family);
}

/* At the start of an interposed function: how to go on. */
#define GEV__GUARD(family, name)                                               \
    gev__guard(GEV__N_##name, GEV__F_##family, __builtin_return_address(0))

/**
 * gev__guard_books() - does the hub of this thread have to know of a close?
 * @caller: as gev__guard()
 *
 * Not in the child of a vfork(2), whose memory is its parent's.
 */
bool gev__guard_books(enum gev__family family, const void *caller);

/**
 * gev__guard_takes() - is a call that never waits one of the program's?
 * @caller: as gev__guard()
 */
bool gev__guard_takes(enum gev__family family, const void *caller);

/**
 * gev__guard_nss_begin() - from here on nothing of this thread switches
 *
 * For the time inside libc's name service. Nests.
 *
 * Return:    for gev__guard_nss_end(): false where GEV_PATCH leaves it out
 */
bool gev__guard_nss_begin(void);

/**
 * gev__guard_nss_end() - undo; errno is as before
 * @begun: what gev__guard_nss_begin() gave
 */
void gev__guard_nss_end(const bool *begun);

/* From here to the end of the block nothing switches. */
#define GEV__IN_NSS                                                            \
    __attribute__((cleanup(gev__guard_nss_end), unused)) bool in_nss =         \
        gev__guard_nss_begin()

/**
 * struct gev__handler - handlers of signals that run
 */
struct gev__handler {
    uintptr_t frame; /* of the innermost one's caller; 0 */
    unsigned depth;  /* how many, one in the other */
};

/**
 * gev__guard_handler_begin() - a handler is called: nothing switches in it
 * @frame: what it calls has frames below this one
 *
 * Context:   a signal handler
 * Return:    for gev__guard_handler_end()
 */
struct gev__handler gev__guard_handler_begin(const void *frame);

/**
 * gev__guard_handler_end() - it has returned
 */
void gev__guard_handler_end(struct gev__handler former);

/**
 * gev__guard_is_service() - is this code in one of libc's name service modules?
 *
 * For the ways into a module that are not through a name of ours: glob(3) of
 * "~user", what the family nss would guard if GEV_PATCH had not left it out.
 */
bool gev__guard_is_service(const void *caller);

/**
 * gev__guard_is_libev() - is this a function of libev's?
 */
bool gev__guard_is_libev(sighandler_t function);

static inline void gev__count_passed(enum gev__name name)
{
    __atomic_add_fetch(&gev__counts[name].passed, 1, __ATOMIC_RELAXED);
}

static inline void gev__count_waited(enum gev__name name)
{
    gev__counts[name].waited++;
}

#endif
