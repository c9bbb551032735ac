/* SPDX-License-Identifier: MIT */
/*
 * Where stacks come from.
 *
 *   shared mode     one mapping a thread: | guard 1 MiB | run stack 8 MiB |
 *   private mode    one reserved range, cut into slots: | guard | stack | …
 *   private stacks  by attribute, and the hub's: a mapping each
 *
 * Only touched pages cost memory, so sizes are generous. The pool of private
 * mode is one range so that the check for pointers into moving stacks is the
 * same subtraction in every mode.
 */
#include "core/stack.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/arch/arch.h"
#include "core/sanitize.h"
#include "core/switch.h"

#define PAGE        ((size_t)4096)
#define SLOT_STACK  ((size_t)1 << 20)
#define SLOT_GUARD  ((size_t)64 << 10)
#define SLOT        (SLOT_STACK + SLOT_GUARD)
#define MAX_SLOTS   ((size_t)30000) /* vm.max_map_count allows 65530 mappings */
#define MIN_SLOTS   ((size_t)64)
#define MAX_FREE    ((size_t)64) /* private stacks kept with their pages */
#define HEAD        ((size_t)64) /* room for struct gev__stack at the top */
#define FIRST_FRAME ((size_t)64) /* gev__arch_frame_init() writes less */

_Static_assert(sizeof(struct gev__stack) <= HEAD, "the head has its room");

static char *reserve(size_t size)
{
    char *p =
        mmap(NULL, size, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* Valgrind takes a jump of sp by less than 2 MB within a registered stack for
   pushing and popping, and by more for a change of stacks: both are right. */
static unsigned tell_valgrind(char *low, char *high)
{
    return (unsigned)VALGRIND_STACK_REGISTER(low, high);
}

static int init_run_stack(struct gev__core *core)
{
    size_t size = GEV__GUARD_SIZE + GEV__RUN_STACK_SIZE;
    char *map = reserve(size);

    if (!map) {
        return -ENOMEM;
    }
    if (mprotect(map + GEV__GUARD_SIZE, GEV__RUN_STACK_SIZE,
                 PROT_READ | PROT_WRITE) < 0) {
        munmap(map, size);
        return -ENOMEM;
    }
    core->range = map;
    core->range_size = size;
    core->top = map + size;
    (void)tell_valgrind(map + GEV__GUARD_SIZE, core->top);
    return 0;
}

static int init_pool(struct gev__core *core)
{
    for (size_t n = MAX_SLOTS; n >= MIN_SLOTS; n /= 2) {
        core->range = reserve(n * SLOT);
        if (core->range) {
            core->range_size = n * SLOT;
            core->pool_next = core->range;
            /* One root for all: LSan reads /proc/self/maps anew for each. */
            gev__asan_leak_root(core->range, core->range_size, true);
            return 0;
        }
    }
    return -ENOMEM;
}

int gev__stacks_init(struct gev__core *core)
{
    return core->mode == GEV__MODE_PRIVATE ? init_pool(core)
                                           : init_run_stack(core);
}

static void unmap(struct gev__stack *s)
{
    char *map = s->map;
    size_t size = s->map_size;

    VALGRIND_STACK_DEREGISTER(s->valgrind_id);
    if (size) {
        gev__asan_leak_root(s->low, (size_t)(s->top - s->low), false);
        gev__asan_unpoison(map, size);
        munmap(map, size);
    }
}

void gev__stacks_fini(struct gev__core *core)
{
    if (core->zombie) {
        unmap(core->zombie);
        core->zombie = NULL;
    }
    while (core->free_stacks) {
        struct gev__stack *s = core->free_stacks;

        core->free_stacks = s->next;
        unmap(s);
    }
    if (core->pool_next) { /* the rest of 32 GB was never touched */
        gev__asan_unpoison(core->range,
                           (size_t)(core->pool_next - core->range));
        gev__asan_leak_root(core->range, core->range_size, false);
    }
    munmap(core->range, core->range_size);
}

/* Makes [map, map + size) a stack with @guard bytes below it. */
static struct gev__stack *make(char *map, size_t size, size_t guard)
{
    struct gev__stack *s;

    if (mprotect(map + guard, size - guard, PROT_READ | PROT_WRITE) < 0) {
        return NULL;
    }
    s = (void *)(map + size - HEAD);
    s->top = (char *)s;
    s->low = map + guard;
    s->map = map;
    s->map_size = size;
    s->fake = NULL;
    s->valgrind_id = tell_valgrind(s->low, s->top);
    return s;
}

static struct gev__stack *from_pool(struct gev__core *core)
{
    struct gev__stack *s = core->free_stacks;

    if (s) {
        core->free_stacks = s->next;
        core->n_free_stacks--;
        return s;
    }
    if (core->pool_next == core->range + core->range_size) {
        return NULL;
    }
    s = make(core->pool_next, SLOT, SLOT_GUARD);
    if (s) {
        s->map_size = 0;
        core->pool_next += SLOT;
    }
    return s;
}

struct gev__stack *gev__stack_new(struct gev__core *core, size_t size)
{
    struct gev__stack *s;
    char *map;

    if (!size) {
        return from_pool(core);
    }
    size = ((size + HEAD + PAGE - 1) & ~(PAGE - 1)) + SLOT_GUARD;
    map = reserve(size);
    if (!map) {
        return NULL;
    }
    s = make(map, size, SLOT_GUARD);
    if (!s) {
        munmap(map, size);
        return NULL;
    }
    gev__asan_leak_root(s->low, (size_t)(s->top - s->low), true);
    return s;
}

/* Nobody runs on @s any more. */
static void really_release(struct gev__core *core, struct gev__stack *s)
{
    gev__asan_unpoison(s->low, (size_t)(s->top - s->low));
    if (s->map_size) {
        unmap(s);
        return;
    }
    if (core->n_free_stacks >= MAX_FREE) {
        madvise(s->low, (size_t)(s->top + HEAD - s->low) - PAGE, MADV_DONTNEED);
    }
    s->next = core->free_stacks;
    core->free_stacks = s;
    core->n_free_stacks++;
}

void gev__stack_release(struct gev__core *core, struct gev__stack *s)
{
    if (core->zombie) {
        really_release(core, core->zombie);
    }
    core->zombie = s;
}

void *gev__stack_lay_out(struct gev__core *core, struct gev_greenlet *g)
{
    char *top = g->kind == GEV__PRIVATE ? g->stack->top : core->top;
    gev_fn *fn = g->fn;
    uint64_t control = g == core->hub ? core->hub_control : core->control;

    if (__builtin_expect(core->valgrind, 0)) {
        /* Just what is written here: this very call may run right below. */
        VALGRIND_MAKE_MEM_UNDEFINED(top - FIRST_FRAME, FIRST_FRAME);
    }
    if (core->asan) {
        core->starting = fn;
        fn = gev__switch_first_asan;
    }
    g->life = GEV__STARTED;
    g->sp = gev__arch_frame_init(top, fn, gev__switch_finish, control);
    return g->sp;
}

int gev__stack_guards(const struct gev__core *core, const void *p)
{
    const struct gev_greenlet *g = core->current;
    const char *low;
    size_t guard = SLOT_GUARD;

    if (g->kind == GEV__NATIVE) {
        return 0;
    }
    if (g->kind == GEV__PRIVATE) {
        low = g->stack->low;
    } else {
        low = core->range + GEV__GUARD_SIZE;
        guard = GEV__GUARD_SIZE;
    }
    return (const char *)p < low && (const char *)p >= low - guard;
}
