/* SPDX-License-Identifier: MIT */
/*
 * Unwinding with libdw, from registers and memory that we hand it: a greenlet's
 * frames may be in an image, where no unwinder that follows pointers finds
 * them.
 *
 * libdw is loaded when it is first needed: a program that never looks at its
 * greenlets does not pay for five libraries, and a machine without elfutils
 * runs it as well.
 *
 * Failure modes: no libdw, or a function is missing in it (then there is none,
 * and callers do with less); files that are gone or stripped (fewer names); a
 * frame without unwind information, or whose memory is not kept (it ends
 * there).
 */
#include "hub/libdw.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/peek.h"

#define LIBRARY "libdw.so.1"

/* What we call. dwfl_build_id_find_debuginfo, since the standard one may ask a
   server on the network. */
#define FUNCTIONS(X)                                                           \
    X(dwarf_attr_integrate)                                                    \
    X(dwarf_diename)                                                           \
    X(dwarf_dieoffset)                                                         \
    X(dwarf_filesrc)                                                           \
    X(dwarf_formudata)                                                         \
    X(dwarf_getscopes)                                                         \
    X(dwarf_getscopes_die)                                                     \
    X(dwarf_getsrc_die)                                                        \
    X(dwarf_getsrcfiles)                                                       \
    X(dwarf_haspc)                                                             \
    X(dwarf_lineno)                                                            \
    X(dwarf_linesrc)                                                           \
    X(dwarf_offdie)                                                            \
    X(dwarf_tag)                                                               \
    X(dwfl_addrmodule)                                                         \
    X(dwfl_attach_state)                                                       \
    X(dwfl_begin)                                                              \
    X(dwfl_build_id_find_debuginfo)                                            \
    X(dwfl_end)                                                                \
    X(dwfl_frame_pc)                                                           \
    X(dwfl_getthread_frames)                                                   \
    X(dwfl_linux_proc_find_elf)                                                \
    X(dwfl_linux_proc_report)                                                  \
    X(dwfl_module_addrdie)                                                     \
    X(dwfl_module_addrname)                                                    \
    X(dwfl_module_getdwarf)                                                    \
    X(dwfl_module_info)                                                        \
    X(dwfl_module_nextcu)                                                      \
    X(dwfl_report_end)                                                         \
    X(dwfl_thread_state_registers)

static struct {
/* A declarator. NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define X(name) __typeof__(&(name)) name;
    FUNCTIONS(X)
#undef X
} dw;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loaded;

static Dwfl_Callbacks files; /* how libdw finds what is loaded */

struct gev__libdw {
    Dwfl *dwfl;
    struct gev__core *core;       /* what is being unwound, and where to */
    const struct gev_greenlet *g; /* … */
    uintptr_t *pcs;
    size_t n;
    size_t max;
};

/* Debug information that is kept in files apart: only the program's own. That
   of libc takes 100 ms to read, and tells what nobody asked for. The parameters are
   libdw's. NOLINTNEXTLINE(readability-function-size) */
static int find_debuginfo(Dwfl_Module *mod, void **data, const char *name,
                          Dwarf_Addr base, const char *file, const char *link,
                          GElf_Word crc, char **ret_file)
{
    if (file &&
        (strncmp(file, "/lib", 4) == 0 || strncmp(file, "/usr/lib", 8) == 0)) {
        return -1;
    }
    return dw.dwfl_build_id_find_debuginfo(mod, data, name, base, file, link,
                                           crc, ret_file);
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    loaded = library != NULL;
#define X(name)                                                                \
    if (loaded) {                                                              \
        *(void **)&dw.name = dlsym(library, #name);                            \
        loaded = *(void **)&dw.name != NULL;                                   \
    }
    FUNCTIONS(X)
#undef X
    if (loaded) {
        files.find_elf = dw.dwfl_linux_proc_find_elf;
        files.find_debuginfo = find_debuginfo;
    }
}

/* A frame's registers and stack are read by these, and by nothing else. */
static bool read_word(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *ret, void *arg)
{
    struct gev__libdw *d = arg;

    (void)dwfl;
    return gev__peek(d->core, d->g, at, ret, sizeof *ret) == 0;
}

static bool read_registers(Dwfl_Thread *thread, void *arg)
{
    struct gev__libdw *d = arg;
    Dwarf_Word regs[GEV__ARCH_N_REGISTERS];

    _Static_assert(sizeof(Dwarf_Word) == sizeof(uint64_t), "words are words");
    return gev__peek_registers(d->core, d->g, regs) == 0 &&
           dw.dwfl_thread_state_registers(thread, 0, GEV__ARCH_N_REGISTERS,
                                          regs);
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **ret_arg)
{
    (void)dwfl;
    (void)tid;
    *ret_arg = arg;
    return true;
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **ret_arg)
{
    (void)dwfl;
    if (*ret_arg) {
        return 0;
    }
    *ret_arg = arg;
    return getpid();
}

static const Dwfl_Thread_Callbacks thread_calls = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_word,
    .set_initial_registers = read_registers,
};

struct gev__libdw *gev__libdw_open(void)
{
    struct gev__libdw *d;

    pthread_once(&once, load);
    if (!loaded) {
        return NULL;
    }
    d = calloc(1, sizeof *d);
    if (!d) {
        return NULL;
    }
    d->dwfl = dw.dwfl_begin(&files);
    if (d->dwfl && dw.dwfl_linux_proc_report(d->dwfl, getpid()) == 0 &&
        dw.dwfl_report_end(d->dwfl, NULL, NULL) == 0 &&
        dw.dwfl_attach_state(d->dwfl, NULL, getpid(), &thread_calls, d)) {
        return d;
    }
    gev__libdw_close(d);
    return NULL;
}

void gev__libdw_close(struct gev__libdw *d)
{
    if (!d) {
        return;
    }
    if (d->dwfl) {
        dw.dwfl_end(d->dwfl);
    }
    free(d);
}

static int on_frame(Dwfl_Frame *frame, void *arg)
{
    struct gev__libdw *d = arg;
    Dwarf_Addr pc;

    if (d->n == d->max || !dw.dwfl_frame_pc(frame, &pc, NULL)) {
        return DWARF_CB_ABORT;
    }
    d->pcs[d->n++] = pc;
    return DWARF_CB_OK;
}

size_t gev__libdw_unwind(struct gev__libdw *d, struct gev__core *core,
                         const struct gev_greenlet *g, uintptr_t *ret,
                         size_t max)
{
    d->core = core;
    d->g = g;
    d->pcs = ret;
    d->n = 0;
    d->max = max;
    (void)dw.dwfl_getthread_frames(d->dwfl, getpid(), on_frame, d);
    return d->n;
}

/* What is being told about one address. */
struct telling {
    Dwfl_Module *mod;
    Dwarf_Die *cu;           /* compilation unit, or NULL */
    Dwarf_Addr bias;         /* of its addresses */
    struct gev__place place; /* function and inlined are filled in last */
    gev__place_fn *fn;
    void *arg;
};

/* Goes on at the place into which @die was inlined. */
static void go_outwards(struct telling *t, Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    Dwarf_Files *sources;
    Dwarf_Word value = 0;

    t->place.file = NULL;
    t->place.line = 0;
    if (dw.dwarf_getsrcfiles(t->cu, &sources, NULL) == 0 &&
        dw.dwarf_formudata(dw.dwarf_attr_integrate(die, DW_AT_call_file, &attr),
                           &value) == 0) {
        t->place.file = dw.dwarf_filesrc(sources, value, NULL, NULL);
    }
    if (dw.dwarf_formudata(dw.dwarf_attr_integrate(die, DW_AT_call_line, &attr),
                           &value) == 0) {
        t->place.line = (int)value;
    }
}

/* From the innermost scope outwards: inlined ones, then the function. */
static bool tell_scopes(struct telling *t, Dwarf_Die *scopes, int n)
{
    for (int i = 0; i < n; i++) {
        int tag = dw.dwarf_tag(&scopes[i]);

        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) {
            continue;
        }
        t->place.function = dw.dwarf_diename(&scopes[i]);
        t->place.inlined = tag == DW_TAG_inlined_subroutine;
        t->fn(&t->place, t->arg);
        if (!t->place.inlined) {
            return true;
        }
        go_outwards(t, &scopes[i]);
    }
    return false;
}

/* By debug information; false if there is none about this address. */
static bool tell_inlined(struct telling *t, Dwarf_Addr pc)
{
    Dwarf_Addr bias = t->bias;
    Dwarf_Die *scopes = NULL;
    Dwarf_Die innermost;
    bool told = false;
    int n;

    if (!t->cu) {
        return false;
    }
    n = dw.dwarf_getscopes(t->cu, pc - bias, &scopes);
    if (n > 0) {
        /* Its own parents, not those of what it is an instance of. */
        Dwarf *dwarf = dw.dwfl_module_getdwarf(t->mod, &bias);
        bool found =
            dwarf &&
            dw.dwarf_offdie(dwarf, dw.dwarf_dieoffset(&scopes[0]), &innermost);

        free(scopes);
        scopes = NULL;
        n = found ? dw.dwarf_getscopes_die(&innermost, &scopes) : 0;
        told = n > 0 && tell_scopes(t, scopes, n);
    }
    free(scopes);
    return told;
}

/* The unit that has an address. clang makes no table of them (.debug_aranges),
   so all are asked. */
static void find_unit(struct telling *t, Dwarf_Addr pc)
{
    Dwarf_Die *cu = NULL;

    t->cu = dw.dwfl_module_addrdie(t->mod, pc, &t->bias);
    while (!t->cu &&
           (cu = dw.dwfl_module_nextcu(t->mod, cu, &t->bias)) != NULL) {
        if (dw.dwarf_haspc(cu, pc - t->bias) > 0) {
            t->cu = cu;
        }
    }
}

static void find_line(struct telling *t, Dwarf_Addr pc)
{
    Dwarf_Line *line = t->cu ? dw.dwarf_getsrc_die(t->cu, pc - t->bias) : NULL;

    if (line && dw.dwarf_lineno(line, &t->place.line) == 0) {
        t->place.file = dw.dwarf_linesrc(line, NULL, NULL);
    }
}

bool gev__libdw_places(struct gev__libdw *d, uintptr_t pc, gev__place_fn *fn,
                       void *arg)
{
    struct telling t = {.fn = fn, .arg = arg};

    t.mod = dw.dwfl_addrmodule(d->dwfl, pc);
    if (!t.mod) {
        return false;
    }
    t.place.module =
        dw.dwfl_module_info(t.mod, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    find_unit(&t, pc);
    find_line(&t, pc);
    if (!tell_inlined(&t, pc)) {
        t.place.function = dw.dwfl_module_addrname(t.mod, pc);
        t.place.inlined = false;
        fn(&t.place, arg);
    }
    return true;
}
