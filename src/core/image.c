/* SPDX-License-Identifier: MIT */
/*
 * The one place that copies stacks.
 *
 * Lazily: switching away copies nothing. Only when another shared greenlet
 * wants the run stack do the occupant's bytes leave, so a greenlet that is
 * resumed twice in a row, starts fresh or follows a dead one costs less or
 * nothing. For a given order of wake-ups no scheme moves fewer bytes, because
 * C frames hold pointers into themselves and must come back to the very
 * addresses they left.
 *
 * Everything is in blocks of 16 bytes: sp after a switch's pushes is a multiple
 * of 16, the top is, and dead ranges are rounded inwards.
 */
#include "core/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/arch/arch.h"
#include "core/sanitize.h"
#include "core/stack.h"

#define FINE_STEP       16u
#define FINE_MAX        512u
#define N_FINE          (FINE_MAX / FINE_STEP)
#define INLINE_COPY_MAX 512u /* above, memcpy's set-up is worth it */
#define POISON          0xdb /* what EVICT mode leaves behind */

uint32_t gev__image_size[GEV__N_IMAGE_CLASSES];

typedef long long block __attribute__((vector_size(16), may_alias));

void gev__image_classes_init(void)
{
    uint32_t size = FINE_MAX;

    for (unsigned i = 0; i <= N_FINE; i++) {
        gev__image_size[i] = i * FINE_STEP;
    }
    for (unsigned i = N_FINE + 1; i < GEV__N_IMAGE_CLASSES; i++) {
        size = (size + size / 4 + FINE_STEP - 1) & ~(FINE_STEP - 1);
        gev__image_size[i] = size;
    }
}

unsigned gev__image_class(size_t need)
{
    unsigned i = (unsigned)((need + FINE_STEP - 1) / FINE_STEP);

    if (need <= FINE_MAX) {
        return i;
    }
    for (i = N_FINE + 1; gev__image_size[i] < need; i++) {
    }
    return i;
}

static char *image_alloc(struct gev__core *core, unsigned class)
{
    size_t size = gev__image_size[class];

    /* Slab 0 is the greenlets' own. */
    return size > GEV__SLAB_MAX ? malloc(size)
                                : gev__slab_alloc(&core->slabs, class, size);
}

void gev__image_free(struct gev__core *core, struct gev_greenlet *g)
{
    size_t size = gev__image_size[g->image_class];

    if (!size) {
        return;
    }
    core->image_bytes -= size;
    if (size > GEV__SLAB_MAX) {
        free(g->image);
    } else {
        gev__slab_free(g->image);
    }
    g->image = NULL;
    g->image_class = 0;
}

int gev__image_reclass(struct gev__core *core, struct gev_greenlet *g,
                       size_t need)
{
    unsigned class = gev__image_class(need);
    char *image;

    if (class == g->image_class) {
        return 0;
    }
    image = image_alloc(core, class);
    if (!image) {
        return need <= gev__image_size[g->image_class] ? 0 : -ENOMEM;
    }
    gev__image_free(core,
                    g); /* its bytes are on the run stack: it is current */
    g->image = image;
    g->image_class = (uint8_t) class;
    core->image_bytes += gev__image_size[class];
    return 0;
}

size_t gev__live_bytes(const struct gev__core *core,
                       const struct gev_greenlet *g)
{
    const char *top = core->top;

    if (g->life != GEV__STARTED || g == core->current ||
        g->kind == GEV__NATIVE) {
        return 0;
    }
    if (g->kind == GEV__PRIVATE) {
        top = g->stack->top;
    }
    return (size_t)(top - (const char *)g->sp);
}

void gev__set_dead_range(const struct gev__core *core, struct gev_greenlet *g,
                         const void *sp, const void *buf, size_t len)
{
    uintptr_t low = (uintptr_t)buf;
    uintptr_t high = low + len;
    uintptr_t top = (uintptr_t)core->top;

    g->dead_low = 0;
    g->dead_high = 0;
    if (g->kind != GEV__SHARED || low < (uintptr_t)sp || low >= top) {
        return;
    }
    if (high < low || high > top) {
        high = top;
    }
    low = (low + 15) & ~(uintptr_t)15;
    high &= ~(uintptr_t)15;
    if (low < high) {
        g->dead_low = (uint32_t)(top - low);
        g->dead_high = (uint32_t)(top - high);
    }
}

/* Both 16-byte aligned, @n a multiple of 16, no overlap. Plain loads and
   stores: a call of memcpy(3) costs more than moving a typical image. */
static inline void copy(char *to, const char *from, size_t n)
{
    block *t = (block *)(void *)to;
    const block *f = (const block *)(const void *)from;

    if (__builtin_expect(n > INLINE_COPY_MAX, 0)) {
        memcpy(to, from, n);
        return;
    }
    for (; n >= 4 * sizeof *t; n -= 4 * sizeof *t, t += 4, f += 4) {
        block a = f[0];
        block b = f[1];
        block c = f[2];
        block d = f[3];

        t[0] = a;
        t[1] = b;
        t[2] = c;
        t[3] = d;
    }
    if (n & 2 * sizeof *t) {
        block a = f[0];
        block b = f[1];

        t[0] = a;
        t[1] = b;
        t += 2;
        f += 2;
    }
    if (n & sizeof *t) {
        *t = *f;
    }
}

/* memcheck: what the last occupant popped is off limits until said otherwise. */
static void open_for_valgrind(char *from, char *to)
{
    VALGRIND_MAKE_MEM_UNDEFINED(from, (size_t)(to - from));
}

/* More is live than was reserved: the compiler made a frame where there should
   be a jump. Its bytes are still on the run stack. */
static __attribute__((noinline, cold)) void
make_room(struct gev__core *core, struct gev_greenlet *g, size_t need)
{
    if (gev__image_reclass(core, g, need) < 0) {
        __builtin_trap(); /* rather this than other greenlets' bytes */
    }
}

static inline __attribute__((always_inline)) void evict(struct gev__core *core)
{
    struct gev_greenlet *g = core->occupant;
    char *sp = g->sp;
    size_t low = (size_t)(core->top - sp) - g->dead_low;

    if (__builtin_expect(low + g->dead_high > gev__image_size[g->image_class],
                         0)) {
        make_room(core, g, low + g->dead_high);
    }
    core->evictions++;
    core->occupant = NULL;
    if (__builtin_expect(!g->dead_low, 1)) {
        copy(g->image, sp, low);
    } else {
        copy(g->image, sp, low);
        copy(g->image + low, core->top - g->dead_high, g->dead_high);
    }
    if (__builtin_expect(core->mode == GEV__MODE_EVICT, 0) &&
        core->current->kind != GEV__SHARED) {
        memset(sp, POISON, (size_t)(core->top - sp));
    }
}

void gev__image_evict(struct gev__core *core)
{
    evict(core);
}

void *gev__image_exchange(struct gev__core *core, struct gev_greenlet *to)
{
    char *sp;
    size_t low;

    if (core->occupant) {
        evict(core);
    }
    core->occupant = to;
    if (__builtin_expect(to->life == GEV__NEW, 0)) {
        return gev__stack_lay_out(core, to);
    }
    sp = to->sp;
    low = (size_t)(core->top - sp) - to->dead_low;
    if (__builtin_expect(core->valgrind, 0)) {
        open_for_valgrind(sp, core->top);
    }
    copy(sp, to->image, low);
    if (__builtin_expect(to->dead_low != 0, 0)) {
        copy(core->top - to->dead_high, to->image + low, to->dead_high);
    }
    return sp;
}
