/* SPDX-License-Identifier: MIT */
/*
 * The three places where the frames of a greenlet can be: on a stack where
 * they belong (the occupant, private stacks, main), or in an image:
 *
 *   stack   sp        top - dead_low      top - dead_high      top
 *           |   low         |     dead range     |     high     |
 *   image   |   low         |     high           |
 */
#include "core/peek.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "core/stack.h"

/* Where main's frames end. Asked for once: it reads /proc/self/maps. */
static char *top_of_main(struct gev__core *core)
{
    pthread_attr_t attr;
    size_t size;
    void *low;

    if (!core->main_top && pthread_getattr_np(pthread_self(), &attr) == 0) {
        if (pthread_attr_getstack(&attr, &low, &size) == 0) {
            core->main_top = (char *)low + size;
        }
        pthread_attr_destroy(&attr);
    }
    return core->main_top;
}

static uintptr_t top_of(struct gev__core *core, const struct gev_greenlet *g)
{
    if (g->kind == GEV__SHARED) {
        return (uintptr_t)core->top;
    }
    return (uintptr_t)(g->kind == GEV__PRIVATE ? g->stack->top
                                               : top_of_main(core));
}

/* Reads from an image, where [sp, top) is put together without its dead part. */
static int from_image(const struct gev__core *core,
                      const struct gev_greenlet *g, uintptr_t at, void *buf,
                      size_t len)
{
    uintptr_t top = (uintptr_t)core->top;
    uintptr_t sp = (uintptr_t)g->sp;
    size_t low = top - sp - g->dead_low;

    if (at + len <= top - g->dead_low) {
        memcpy(buf, g->image + (at - sp), len);
        return 0;
    }
    if (at < top - g->dead_high) {
        return -EFAULT;
    }
    memcpy(buf, g->image + low + (at - (top - g->dead_high)), len);
    return 0;
}

/* What is read was written by others' frames, red zones of ASan included. */
__attribute__((no_sanitize("address"))) static void
copy_plain(char *to, const volatile char *from, size_t n)
{
    while (n--) {
        *to++ = *from++;
    }
}

int gev__peek(struct gev__core *core, const struct gev_greenlet *g,
              uintptr_t at, void *buf, size_t len)
{
    uintptr_t top = top_of(core, g);

    if (at < (uintptr_t)g->sp || at >= top || len > top - at) {
        return -EFAULT;
    }
    if (g->kind == GEV__SHARED && g != core->occupant) {
        return from_image(core, g, at, buf, len);
    }
    copy_plain(buf, (const volatile char *)at, len);
    return 0;
}

int gev__peek_registers(struct gev__core *core, const struct gev_greenlet *g,
                        uint64_t ret[GEV__ARCH_N_REGISTERS])
{
    uint64_t frame[GEV__ARCH_FRAME_WORDS];

    if (g->life != GEV__STARTED || g == core->current ||
        gev__peek(core, g, (uintptr_t)g->sp, frame, sizeof frame) < 0) {
        return -EINVAL;
    }
    gev__arch_registers(frame, (uint64_t)(uintptr_t)g->sp, ret);
    return 0;
}
