/* SPDX-License-Identifier: MIT */
/*
 * Reports of libgev_mutexes: who, where it waits, where it locked.
 *
 *   gev: greenlet 5 "conn" waits in recv() at serve+0x2b in server while it holds a
 *   mutex locked at lock_table+0x12 in server
 *
 * The call that waits is the outermost function of gev's libraries on the stack,
 * and its place what called that.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <inttypes.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gev/greenlet.h>
#include <gev/hub.h>
#include <gev/patch.h>

#include "patch/mutex.h"
#include "patch/real.h"

#define MAX_FRAMES 32
#define MAX_PLACES 256 /* pairs of places that are told of; no more after */
#define PLACE_SIZE 128
#define MAIN_ID    1

/* gev_set_report() of the program. */
static _Thread_local struct {
    gev_report_fn *fn;
    void *arg;
} user;

/* Reported already; guarded by @places_lock. */
static struct {
    const void *locked;
    const void *waits;
} places[MAX_PLACES];
static unsigned n_places;
static atomic_flag places_lock = ATOMIC_FLAG_INIT;

/* libgev_patch's, if it is there. */
__attribute__((weak)) int gev_passthrough_begin(void);
__attribute__((weak)) int gev_passthrough_end(void);

GEV__INTERPOSED int gev_set_report(gev_report_fn *fn, void *arg)
{
    static __typeof__(gev_set_report) *real;
    int rc;

    if (!real) {
        void *p = gev__mutex_real("gev_set_report");
        memcpy(&real, &p, sizeof(void *));
    }
    rc = real(fn, arg);
    if (rc == 0) {
        user.fn = fn;
        user.arg = arg;
    }
    return rc;
}

/* The first call loads libgcc: not in the middle of a switch. */
static __attribute__((constructor)) void load_libgcc(void)
{
    void *frame;

    (void)backtrace(&frame, 1);
}

/* Is this pair of places new? It is not any more. */
static bool is_new(const void *locked, const void *waits)
{
    bool found = false;

    while (atomic_flag_test_and_set(&places_lock)) {
    }
    for (unsigned i = 0; i < n_places && !found; i++) {
        found = places[i].locked == locked && places[i].waits == waits;
    }
    if (n_places == MAX_PLACES) {
        found = true;
    }
    if (!found) {
        places[n_places].locked = locked;
        places[n_places++].waits = waits;
    }
    atomic_flag_clear(&places_lock);
    return !found;
}

static const char *file_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A return address in words; it may be beyond the end of its function. */
static void name_place(const void *at, char buf[PLACE_SIZE])
{
    Dl_info info = {0};
    struct link_map *object = NULL;
    uintptr_t pc = (uintptr_t)at;

    if (!dladdr1((const void *)(pc - 1), &info, (void **)&object,
                 RTLD_DL_LINKMAP) ||
        !info.dli_fname || !object) {
        (void)snprintf(buf, PLACE_SIZE, "%p", at);
    } else if (info.dli_sname) {
        (void)snprintf(buf, PLACE_SIZE, "%s+0x%" PRIxPTR " in %s",
                       info.dli_sname, pc - (uintptr_t)info.dli_saddr,
                       file_of(info.dli_fname));
    } else {
        (void)snprintf(
            buf, PLACE_SIZE, "%s+0x%" PRIxPTR, file_of(info.dli_fname),
            pc - (uintptr_t)object->l_addr); /* as addr2line(1) wants it */
    }
}

/* Is this code of gev's? */
static bool is_gevs(const void *pc)
{
    Dl_info info = {0};
    const char *file;

    if (!dladdr(pc, &info) || !info.dli_fname) {
        return false;
    }
    file = file_of(info.dli_fname);
    return strncmp(file, "libgev.so", strlen("libgev.so")) == 0 ||
           strncmp(file, "libgev_", strlen("libgev_")) == 0;
}

/* Where the current greenlet is about to leave: what it called, if that has a
   name, and from where. */
static const void *find_wait(const char **ret_call)
{
    void *pcs[MAX_FRAMES];
    int n = backtrace(pcs, MAX_FRAMES), i = 0;
    Dl_info info = {0};

    *ret_call = NULL;
    while (i < n && is_gevs(pcs[i])) {
        i++;
    }
    if (i == 0 || i == n) {
        return NULL; /* gev called nobody: its own greenlet */
    }
    if (dladdr((const char *)pcs[i - 1] - 1, &info)) {
        *ret_call = info.dli_sname;
    }
    return pcs[i];
}

static void report(const char *text)
{
    bool passes = gev_passthrough_begin && gev_passthrough_begin() == 0;

    if (user.fn) {
        user.fn(text, user.arg);
    } else { /* past write(2), which may be one that lets others run */
        (void)syscall(SYS_write, STDERR_FILENO, text, strlen(text));
    }
    if (passes) {
        (void)gev_passthrough_end();
    }
}

static void name_greenlet(const struct gev_greenlet *g, char *buf, size_t size)
{
    const char *name = gev_name(g);

    if (gev_is_hub()) {
        (void)snprintf(buf, size, "the hub");
        return;
    }
    if (!*name && gev_id(g) == MAIN_ID) {
        name = "main";
    }
    (void)snprintf(buf, size, *name ? "greenlet %u \"%s\"" : "greenlet %u",
                   gev_id(g), name);
}

void gev__mutex_tell(const struct gev__held *h, const struct gev_greenlet *who)
{
    char text[512], name[GEV_NAME_MAX + 32], locked[PLACE_SIZE];
    char waits[PLACE_SIZE], does[2 * PLACE_SIZE] = "has ended";
    const char *call;
    bool ended = gev_state(who) == GEV_DEAD;
    int saved_errno = errno;
    const void *at = ended ? NULL : find_wait(&call);

    if (!is_new(h->place, at)) {
        errno = saved_errno;
        return;
    }
    name_greenlet(who, name, sizeof name);
    name_place(h->place, locked);
    if (at) {
        name_place(at, waits);
        (void)snprintf(does, sizeof does,
                       call ? "waits in %s() at %s" : "waits%s at %s",
                       call ? call : "", waits);
    } else if (!ended) {
        (void)snprintf(does, sizeof does, "waits");
    }
    (void)snprintf(text, sizeof text,
                   "gev: %s %s while it holds a %s locked at %s\n", name, does,
                   h->kind, locked);
    report(text);
    errno = saved_errno;
}
