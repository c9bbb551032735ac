/* SPDX-License-Identifier: MIT */
/*
 * The greenlet's record and its thread's core: the two structs that everything
 * else is about.
 *
 *  run stack, the same addresses for all shared greenlets of a thread
 *
 *   high  +-----------------------+ <- top, 64-byte aligned: all start here
 *         | frames (grow down)    |
 *         |   dead range          |    not kept while waiting to receive into it
 *         | saved registers       | <- sp while it is switched out
 *         +-----------------------+
 *         | free                  |
 *   low   | guard, PROT_NONE      |
 *
 *  The occupant's bytes are there. Everybody else's are in an image on the
 *  heap: [sp, top) less the dead range, put together.
 */
#ifndef CORE_GREENLET_H
#define CORE_GREENLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gev/greenlet.h>

#include "core/list.h"
#include "core/slab.h"

struct gev__stack;
struct gev__extra;
struct gev__locals;
struct gev__timing;

/* What a greenlet runs on. */
enum gev__stack_kind {
    GEV__NATIVE,  /* the thread's own stack: main */
    GEV__SHARED,  /* the run stack */
    GEV__PRIVATE, /* a gev__stack of its own */
};

/* gev_greenlet.life: CURRENT and ACTIVE are told apart by core->current. */
enum gev__life { GEV__NEW, GEV__STARTED, GEV__DEAD };

/**
 * struct gev_greenlet - one greenlet, 88 bytes
 *
 * Small on purpose: with its image it is all that a parked greenlet costs.
 * What few of them need is in @extra. Fields marked (hub) belong to the layer
 * above, which core carries and does not read.
 */
struct gev_greenlet {
    union {
        void *sp;   /* STARTED: saved stack pointer while switched out */
        gev_fn *fn; /* NEW: what it will run */
    };
    union {
        char *image;              /* SHARED: room for its bytes, or NULL */
        struct gev__stack *stack; /* PRIVATE: its stack, or NULL */
    };
    void *slot; /* NEW (hub): argument; parked (hub): what it waits for, then
                   the result; switched out by hand: where it wants the value;
                   DEAD: result */
    struct gev_greenlet *parent; /* referenced; NULL for main and hub */
    struct gev__list link;       /* (hub) run queue, or a list of waiters */
    struct gev__extra *extra;    /* timeouts, joiners, defers …, or NULL */
    uint32_t switches;           /* times switched to, modulo 2^32; tells its
                                    waits apart */
    uint32_t id;                 /* above 0, modulo 2^32; main is 1 */
    uint32_t dead_low;           /* dead range [top - dead_low, top - … */
    uint32_t dead_high;          /* … dead_high); both 0 for none */
    uint32_t refs;               /* main and hub: never 0 */
    uint16_t err;                /* with which it ends, see gev_fail() */
    uint16_t interrupt;          /* errno that calls which may wait give */
    uint16_t saved_errno;        /* errno while it is switched out */
    uint8_t life;                /* enum gev__life */
    uint8_t kind;                /* enum gev__stack_kind */
    uint8_t image_class;         /* size class of @image, 0 for none */
    uint8_t hub_state;           /* (hub) 0: not the hub's to resume */
    uint8_t reason;              /* (hub) enum gev__reason while parked */
    uint8_t flags;               /* (hub) */
};

/**
 * struct gev__defer - one gev_defer()
 */
struct gev__defer {
    struct gev__defer *next; /* recorded before this one */
    void (*fn)(void *);      /* what to call */
    void *arg;               /* with what */
};

/**
 * struct gev__more - the part that fewer still need
 */
struct gev__more {
    struct gev__defer *defers; /* last recorded first */
    struct gev__list links;    /* (hub) of gev__call.link: told of its end */
    struct gev__list linked;   /* (hub) gev_link()'s, until they are called */
    struct gev__list held; /* (hub) of gev__held.link: given up at its end */
    struct gev__locals *locals; /* gev_setspecific(), or NULL */
    char *name;                 /* from malloc(), or NULL */
    uint32_t spawner;           /* (hub) id of who spawned it, or 0 */
    double since;               /* (hub) when its wait began, or 0 */
};

/**
 * struct gev__extra - the part of a greenlet that few of them need
 *
 * From the slabs, so it is freed without being told its size. A connection has
 * one: every 16 bytes of it count.
 */
struct gev__extra {
    struct gev__more *more;     /* defers, links, name …, or NULL */
    struct gev__timing *timing; /* (hub) timer, scopes and shields, or NULL */
    struct gev__list joiners;   /* (hub) of gev_greenlet.link */
    char data[]; /* (hub) what was given along, 16-byte aligned */
};

#define GEV__EXTRA_DATA_MAX ((size_t)448)

/* GEV_STACK: how shared greenlets are run. */
enum gev__mode {
    GEV__MODE_SHARED, /* the default */
    GEV__MODE_EVICT,  /* every switch away evicts: finds pointers into stacks */
    GEV__MODE_PRIVATE, /* each has a stack of its own, in one address range */
};

/* What becomes of received buffers' rest, see gev_read(). */
enum gev__wipe { GEV__WIPE_NUL, GEV__WIPE_ZERO, GEV__WIPE_PATTERN };

/**
 * struct gev__core - a thread's greenlets
 */
struct gev__core {
    struct gev_greenlet *current;  /* who runs */
    struct gev_greenlet *occupant; /* whose bytes are on the run stack */
    char *top;                     /* of the run stack */
    int *errno_at;                 /* this thread's errno */
    bool hooks;                    /* trace, evict mode or ASan: take the long
                                      way round at each switch */
    uint8_t mode;                  /* enum gev__mode */
    uint8_t wipe;                  /* enum gev__wipe */
    bool valgrind;                 /* running under it */
    bool asan;                     /* the process has AddressSanitizer */
    bool by_hub;                   /* switch under way is from or to the hub */
    uint16_t thrown;               /* error that goes with it, or 0 … */
    void *flight;                  /* … and else the value */
    uint64_t hub_control;          /* (hub) its floating-point control words,
                                      which it leaves alone */
    uint64_t control;              /* those of the one that starts now: of who
                                      switches to it */
    gev_fn *starting;              /* ASan: function of the one that starts */
    void *main_fake;               /* ASan: main's fake stack */
    char *main_low;                /* ASan: main's stack … */
    size_t main_size;              /* … and its size */
    char *main_top;                /* where main's stack begins, once asked */
    void *no_sp;                   /* where a dead greenlet's sp is saved */
    struct gev_greenlet *main;     /* the thread's own stack */
    struct gev_greenlet *hub;      /* (hub) who goes on when a parent cannot */
    char *range;                   /* addresses that EFAULT is about */
    size_t range_size;             /* bytes of it */
    const char *strange_mode;      /* GEV_STACK, if it names no mode, or NULL */
    uint64_t evictions;            /* times bytes were copied out */
    uint64_t n_made;               /* greenlets ever made */
    uint32_t last_id;              /* given to a greenlet */
    size_t n_alive;                /* made and not DEAD */
    size_t image_bytes;            /* given to images */
    gev_trace_fn *trace;           /* gev_set_trace() */
    void *trace_arg;               /* for it */
    void (*on_end)(struct gev_greenlet *g); /* (hub) told of each end */
    void (*orphan)(struct gev_greenlet *g); /* (hub) end one that it has */
    void (*on_exit)(void);                  /* (hub) the thread ends */
    struct gev__slabs slabs;                /* memory of greenlets and images */
    struct gev__stack *free_stacks;         /* private stacks to use again */
    size_t n_free_stacks;                   /* how many */
    struct gev__stack *zombie; /* of the last one that died on its own */
    char *pool_next;           /* private mode: first slot never used */
};

extern _Thread_local struct gev__core *gev__core_tls
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/**
 * gev__core_get() - the calling thread's core, or NULL before first use
 */
static inline struct gev__core *gev__core_get(void)
{
    return gev__core_tls;
}

/**
 * gev__core_start() - the calling thread's core, made if need be
 * @ret: receives it
 *
 * Return:    0 or -ENOMEM
 */
int gev__core_start(struct gev__core **ret);

/**
 * gev__core_end() - free the calling thread's core
 *
 * Suspended greenlets are ended first. Called on main, without a hub.
 */
void gev__core_end(void);

/**
 * gev__on_run_stack() - is this an address that moves?
 */
static inline bool gev__on_run_stack(const struct gev__core *core,
                                     const void *p)
{
    return (uintptr_t)p - (uintptr_t)core->range < core->range_size;
}

/**
 * gev__greenlet_is_mine() - does it belong to this core?
 */
static inline bool gev__greenlet_is_mine(const struct gev__core *core,
                                         const struct gev_greenlet *g)
{
    return gev__slab_owner(g) == &core->slabs;
}

/**
 * gev__greenlet_make() - a NEW greenlet, referenced once, parent not set
 * @private_stack: as gev_greenlet_new()
 *
 * Return:    NULL without memory
 */
struct gev_greenlet *gev__greenlet_make(struct gev__core *core, gev_fn *fn,
                                        size_t private_stack);

/**
 * gev__greenlet_extra() - its extra part, made if need be; NULL without memory
 */
struct gev__extra *gev__greenlet_extra(struct gev_greenlet *g);

/**
 * gev__greenlet_extra_with() - its extra part, with room for data
 * @size: bytes of data, at most GEV__EXTRA_DATA_MAX
 *
 * Return:    NULL without memory
 */
struct gev__extra *gev__greenlet_extra_with(struct gev_greenlet *g,
                                            size_t size);

/**
 * gev__greenlet_more() - its rarest part, made if need be; NULL without memory
 */
struct gev__more *gev__greenlet_more(struct gev_greenlet *g);

/**
 * gev__greenlet_defer() - gev_defer() for any greenlet, unchecked
 *
 * Return:    0 or -ENOMEM
 */
int gev__greenlet_defer(struct gev_greenlet *g, void (*fn)(void *arg),
                        void *arg);

/**
 * gev__greenlet_free_extra() - run what was deferred, then free the extra part
 */
void gev__greenlet_free_extra(struct gev_greenlet *g);

/**
 * gev__greenlet_drop_last() - gev__greenlet_drop() of the only reference
 */
int gev__greenlet_drop_last(struct gev__core *core, struct gev_greenlet *g);

/**
 * gev__greenlet_drop() - what gev_unref() does, on the owning thread
 *
 * Return:    0 or -ENOMEM (cannot switch to end it; the reference stays)
 */
static inline int gev__greenlet_drop(struct gev__core *core,
                                     struct gev_greenlet *g)
{
    if (g->refs > 1) {
        g->refs--;
        return 0;
    }
    return gev__greenlet_drop_last(core, g);
}

/**
 * gev__greenlet_put_down() - end a suspended greenlet, as its last unref does
 *
 * Return:    0 or -ENOMEM
 */
int gev__greenlet_put_down(struct gev__core *core, struct gev_greenlet *g);

/**
 * gev__greenlet_each() - call a function for each greenlet that is not DEAD
 *
 * Main and the hub are left out.
 */
void gev__greenlet_each(struct gev__core *core,
                        void (*fn)(struct gev_greenlet *g, void *arg),
                        void *arg);

/**
 * gev__core_put_down_all() - end the suspended greenlets that no hub runs
 */
void gev__core_put_down_all(struct gev__core *core);

/**
 * gev__greenlet_end_new() - make a NEW greenlet DEAD without running it
 */
void gev__greenlet_end_new(struct gev__core *core, struct gev_greenlet *g,
                           int err);

/**
 * gev__greenlet_run_defers() - call what gev_defer() recorded, last first,
 * then the destructors of its local values
 */
void gev__greenlet_run_defers(struct gev_greenlet *g);

#endif
