/* SPDX-License-Identifier: MIT */
/*
 * Backtraces as text. With libdw all frames and all names; without it what libc
 * knows.
 */
#include "hub/unwind.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <string.h>

#include "core/peek.h"
#include "hub/libdw.h"

void gev__unwind(struct gev__libdw *d, struct gev__core *core,
                 const struct gev_greenlet *g, struct gev__trace *ret)
{
    uint64_t regs[GEV__ARCH_N_REGISTERS];

    ret->n = 0;
    if (g == core->current) {
        void *frames[GEV__MAX_FRAMES];
        int n = backtrace(frames, GEV__MAX_FRAMES);

        for (int i = 1; i < n; i++) { /* not this function */
            ret->pc[ret->n++] = (uintptr_t)frames[i];
        }
        return;
    }
    if (d) {
        ret->n = gev__libdw_unwind(d, core, g, ret->pc, GEV__MAX_FRAMES);
    } else if (gev__peek_registers(core, g, regs) == 0) {
        ret->pc[ret->n++] = regs[GEV__ARCH_REGISTER_PC];
    }
}

/* Paths begin where the build folder was: the way out of it says nothing. */
static const char *shorten(const char *file)
{
    while (strncmp(file, "../", 3) == 0) {
        file += 3;
    }
    return file;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

struct printing {
    FILE *out;
    int indent;
    size_t n; /* of the frame */
    uintptr_t pc;
};

static void print_place(const struct gev__place *p, void *arg)
{
    const struct printing *to = arg;

    (void)fprintf(to->out, "%*s#%-2zu ", to->indent, "", to->n);
    if (p->function) {
        (void)fprintf(to->out, "%s()", p->function);
    } else {
        (void)fprintf(to->out, "0x%zx", (size_t)to->pc);
    }
    if (p->file && p->line) {
        (void)fprintf(to->out, " at %s:%d", shorten(p->file), p->line);
    } else if (p->module) {
        (void)fprintf(to->out, " in %s", base_name(p->module));
    }
    (void)fputs(p->inlined ? " (inlined)\n" : "\n", to->out);
}

/* What the dynamic linker knows. */
static void print_by_dladdr(struct printing *to)
{
    struct gev__place p = {0};
    Dl_info info;

    if (dladdr((const void *)to->pc, &info) != 0) {
        p.function = info.dli_sname;
        p.module = info.dli_fname;
    }
    print_place(&p, to);
}

void gev__print_trace(struct gev__libdw *d, FILE *out,
                      const struct gev__trace *t, int indent)
{
    struct printing to = {.out = out, .indent = indent};

    for (to.n = 0; to.n < t->n; to.n++) {
        /* A return address may be the first byte of another function. */
        to.pc = t->pc[to.n] - 1;
        if (!d || !gev__libdw_places(d, to.pc, print_place, &to)) {
            print_by_dladdr(&to);
        }
    }
}

/* The last one told is the function itself, not what was inlined there. */
static void keep_name(const struct gev__place *p, void *arg)
{
    *(const char **)arg = p->function;
}

void gev__print_function(struct gev__libdw *d, FILE *out, uintptr_t at)
{
    const char *name = NULL;
    Dl_info info;

    if (d) {
        gev__libdw_places(d, at, keep_name, &name);
    }
    if (!name && dladdr((const void *)at, &info) != 0) {
        name = info.dli_sname;
    }
    if (name) {
        (void)fprintf(out, "%s()", name);
    } else {
        (void)fprintf(out, "0x%zx", (size_t)at);
    }
}
