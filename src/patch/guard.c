/* SPDX-License-Identifier: MIT */
/*
 * Who may wait, and how the environment chose.
 *
 * Modules are told apart by the addresses of their code, found once, before the
 * program runs. A call that a function of libgev makes as its very last
 * instruction returns to its caller's code and is taken for the program's. That is
 * harmless: libgev asks without blocking, so there is nothing to wait for.
 */
#include "patch/guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/local.h>
#include <gev/patch.h>

#include "patch/flags.h"
#include "patch/interrupt.h"
#include "patch/real.h"
#include "patch/sigaction.h"
#include "patch/words.h"

struct gev__count gev__counts[GEV__N_NAMES];
struct gev__module gev__quiet[3];
unsigned gev__families;

static bool start_hub; /* at the main thread's first call: "hub" */
static pid_t pid;      /* of this process; another's in a vfork(2)'s child */
static gev_key passing_key;
static size_t n_passing; /* sections open, of all greenlets */

/* Read in handlers of signals, where nothing may be allocated. */
#define FOR_HANDLERS __attribute__((tls_model("initial-exec")))

/* Above 0: nothing of this thread switches, in libc's name service and handlers. */
static _Thread_local unsigned in_service FOR_HANDLERS;
static _Thread_local struct gev__handler handler FOR_HANDLERS;

static void count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static bool is_passing(void)
{
    return __atomic_load_n(&n_passing, __ATOMIC_RELAXED) &&
           gev_getspecific(passing_key);
}

/* The main thread has no hub yet and is to have one. */
static bool starts_now(void)
{
    if (!start_hub || gettid() != pid) {
        return false;
    }
    start_hub = false;
    return gev_init() == 0;
}

bool gev__guard_is_borrowed(void)
{
    return getpid() != pid;
}

/* Families whose calls wait at once. The others try first, and a system call more
   is felt: they look when they would wait, and gev_checkpoint() when it switches. */
#define WAIT_AT_ONCE                                                           \
    (1u << GEV__F_wait | 1u << GEV__F_time | 1u << GEV__F_dns |                \
     1u << GEV__F_process)

struct gev__handler gev__guard_handler_begin(const void *frame)
{
    struct gev__handler former = handler;

    handler.frame = (uintptr_t)frame;
    handler.depth++;
    in_service++;
    return former;
}

void gev__guard_handler_end(struct gev__handler former)
{
    in_service -= handler.depth - former.depth;
    handler = former;
}

/* A handler that left by longjmp(3) does not say so: stacks grow downwards, so what it
   calls has frames below its own. */
static bool is_handler_left(void)
{
    if (handler.depth == 0 ||
        (uintptr_t)__builtin_frame_address(0) < handler.frame) {
        return false;
    }
    gev__guard_handler_end((struct gev__handler){0, 0});
    return in_service == 0;
}

int gev__guard_slow(enum gev__name name, enum gev__family family)
{
    struct gev__handled handled = gev__interrupts.handled;
    int rc;

    if ((in_service && !is_handler_left()) || is_passing() ||
        ((WAIT_AT_ONCE & 1u << family) && gev__guard_is_borrowed())) {
        count(&gev__counts[name].passed);
        return GEV__PASS;
    }
    rc = gev_checkpoint();
    if (rc > 0 && start_hub && starts_now()) {
        rc = gev_checkpoint();
    }
    if (rc > 0 || (rc < 0 && errno == EINTR)) { /* a wait was left by longjmp */
        count(&gev__counts[name].passed);
        return GEV__PASS;
    }
    count(&gev__counts[name].tried);
    gev__interrupts.mark = handled;
    return rc < 0 ? -1 : GEV__COOPERATE;
}

bool gev__guard_takes(enum gev__family family, const void *caller)
{
    uintptr_t at = (uintptr_t)caller;

    return (gev__families & 1u << family) &&
           at - gev__quiet[0].low >= gev__quiet[0].high - gev__quiet[0].low;
}

bool gev__guard_books(enum gev__family family, const void *caller)
{
    return gev__guard_takes(family, caller) && !gev__guard_is_borrowed();
}

bool gev__guard_nss_begin(void)
{
    bool begun = gev__families & 1u << GEV__F_nss;

    in_service += begun;
    return begun;
}

void gev__guard_nss_end(const bool *begun)
{
    in_service -= *begun;
}

/* Is this the code of a library whose name begins so? */
static bool is_of(const void *code, const char *prefix)
{
    struct dl_find_object found;
    const char *name;

    if (_dl_find_object((void *)(uintptr_t)code, &found) < 0) {
        return false;
    }
    name = strrchr(found.dlfo_link_map->l_name, '/');
    return name && strncmp(name + 1, prefix, strlen(prefix)) == 0;
}

bool gev__guard_is_service(const void *caller)
{
    return is_of(caller, "libnss_");
}

bool gev__guard_is_libev(sighandler_t function)
{
    return is_of((const void *)(uintptr_t)function, "libev.so");
}

static void passing_end(void *depth)
{
    if (depth) {
        __atomic_sub_fetch(&n_passing, (size_t)depth, __ATOMIC_RELAXED);
    }
}

int gev_passthrough_begin(void)
{
    uintptr_t depth = (uintptr_t)gev_getspecific(passing_key);

    if (gev_setspecific(passing_key, (void *)(depth + 1)) < 0) {
        return -1;
    }
    __atomic_add_fetch(&n_passing, 1, __ATOMIC_RELAXED);
    return 0;
}

int gev_passthrough_end(void)
{
    uintptr_t depth = (uintptr_t)gev_getspecific(passing_key);

    if (depth == 0) {
        errno = EINVAL;
        return -1;
    }
    (void)gev_setspecific(passing_key, (void *)(depth - 1));
    __atomic_sub_fetch(&n_passing, 1, __ATOMIC_RELAXED);
    return 0;
}

/* The object that has this address, unless it is the program itself. */
static void find_module(struct gev__module *m, const void *address)
{
    struct dl_find_object found;

    if (address && _dl_find_object((void *)(uintptr_t)address, &found) == 0 &&
        found.dlfo_link_map->l_name[0]) {
        m->low = (uintptr_t)found.dlfo_map_start;
        m->high = (uintptr_t)found.dlfo_map_end;
    }
}

/* An unknown word may be a later version's, so the program runs; it is told. */
static unsigned read_environment(void)
{
    struct gev__words w = gev__words_read(getenv("GEV_PATCH"));

    if (w.unknown) {
        dprintf(STDERR_FILENO,
                "gev: GEV_PATCH: '%.*s' is unknown; the words are " GEV__WORDS
                "\n",
                (int)w.len, w.unknown);
    }
    start_hub = w.hub;
    return w.families;
}

static void in_child(void)
{
    pid = getpid();
    gev__sigaction_after_fork();
}

static __attribute__((constructor)) void set_up(void)
{
    gev__real_load();
    gev__flags_init();
    pid = getpid();
    find_module(&gev__quiet[0], (const void *)(uintptr_t)gev_checkpoint);
    find_module(&gev__quiet[1], dlsym(RTLD_DEFAULT, "ares_library_init"));
    if (gev_key_create(&passing_key, passing_end) < 0 ||
        pthread_atfork(gev__sigaction_before_fork, gev__sigaction_after_fork,
                       in_child) != 0) {
        return; /* UNTESTED: no memory this early; then nothing is interposed */
    }
    gev__families = read_environment();
}
