/* SPDX-License-Identifier: MIT */
/*
 * Waiting for an address; see the header.
 *
 * One list holds all that wait: it is short, since most locks are free. Only the
 * thread of the greenlets touches it; a real thread that wakes somebody has the hub
 * do it.
 *
 * Failure modes
 *   nothing can wake main   libc would sleep until a signal, and so does this
 *   no memory to wait       the others run, and it looks again
 */
#include "patch/thread_park.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev/hub.h>
#include <gev/local.h>
#include <gev/semaphore.h>

#define NSEC_PER_SEC 1e9
#define N_MODULES    3
#define LAST_ROUND   2 /* of four: see gev_key_create() */

/* Whose calls are the program's: itself, the C++ library, and, for calls that are
   a function's last, this library, which called that function. */
static struct {
    uintptr_t low, high;
} modules[N_MODULES];

const char gev__thread_mark[] = "gev thread";
static gev_key self_key;
static bool ready;
static _Thread_local bool is_main;
static struct gev_hub *hub;
static struct gev__thread *waiting, **waiting_end = &waiting;

void *gev__thread_real(const char *name)
{
    /* Names that have changed since are found in their present form only so. */
    void *p = strncmp(name, "pthread_cond_", strlen("pthread_cond_")) == 0
                  ? dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2")
                  : NULL;

    return p ? p : dlsym(RTLD_NEXT, name);
}

static void add_module(int i, const void *address)
{
    struct dl_find_object found;

    if (address && _dl_find_object((void *)(uintptr_t)address, &found) == 0) {
        modules[i].low = (uintptr_t)found.dlfo_map_start;
        modules[i].high = (uintptr_t)found.dlfo_map_end;
    }
}

static int add_program(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + p->p_vaddr;

        if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
            modules[0].low = low;
            modules[0].high = low + p->p_memsz;
        }
    }
    return 1; /* the first is the program */
}

/* The record is the last of a greenlet's values to go: destructors of others may
   ask who they run for. */
static void end_thread(void *arg)
{
    struct gev__thread *t = arg;

    if (t->rounds++ < LAST_ROUND && gev__thread_become(t) == 0) {
        return;
    }
    if (t->fn) {
        gev__thread_finish(t);
    } else {
        gev__thread_free(t);
    }
}

static __attribute__((constructor)) void set_up(void)
{
    is_main = gettid() == getpid();
    dl_iterate_phdr(add_program, NULL);
    add_module(1, dlsym(RTLD_DEFAULT, "_ZSt9terminatev"));
    add_module(2, (const void *)(uintptr_t)gev__thread_real);
    ready = gev_key_create(&self_key, end_thread) == 0;
}

bool gev__thread_is_ours(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;

    for (int i = 0; is_main && ready && i < N_MODULES; i++) {
        if (at - modules[i].low < modules[i].high - modules[i].low) {
            return !gev_is_hub();
        }
    }
    return false;
}

bool gev__thread_init(void)
{
    if (!hub) {
        hub = gev_hub_get();
    }
    return hub != NULL;
}

struct gev__thread *gev__thread_new(void)
{
    struct gev__thread *t = calloc(1, sizeof *t);

    if (t) {
        t->mark = gev__thread_mark;
        t->wakeup = gev_semaphore_new(0, 0);
        if (!t->wakeup) {
            free(t);
            t = NULL;
        }
    }
    return t;
}

void gev__thread_free(struct gev__thread *t)
{
    gev_semaphore_free(t->wakeup);
    free(t);
}

int gev__thread_become(struct gev__thread *t)
{
    return gev_setspecific(self_key, t);
}

struct gev__thread *gev__thread_self(void)
{
    struct gev__thread *t = gev_getspecific(self_key);

    if (!t) {
        t = gev__thread_new();
        if (t && gev__thread_become(t) < 0) {
            gev__thread_free(t);
            t = NULL;
        }
    }
    return t;
}

static void leave(struct gev__thread *t)
{
    struct gev__thread **at = &waiting;

    while (*at && *at != t) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = t->next;
        if (waiting_end == &t->next) {
            waiting_end = at;
        }
    }
    t->address = NULL;
}

static double secs_until(clockid_t clock, const struct timespec *until)
{
    struct timespec now;

    if (!until) {
        return INFINITY;
    }
    clock_gettime(clock, &now);
    return (double)(until->tv_sec - now.tv_sec) +
           (double)(until->tv_nsec - now.tv_nsec) / NSEC_PER_SEC;
}

int gev__park_wait(const void *address, clockid_t clock,
                   const struct timespec *until)
{
    struct gev__thread *t = gev__thread_self();
    double secs = secs_until(clock, until);
    int saved = errno, rc;

    if (secs <= 0) {
        /* It is the greenlet's. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        return ETIMEDOUT;
    }
    if (!t || !gev__thread_init()) {
        (void)gev_yield();
        return 0;
    }
    t->address = address;
    t->next = NULL;
    *waiting_end = t;
    waiting_end = &t->next;
    rc = gev_semaphore_acquire(t->wakeup, secs) < 0 ? errno : 0;
    if (t->address) {
        leave(t);
    } else if (rc) {
        (void)gev_semaphore_acquire(t->wakeup, 0); /* woken as well */
        rc = 0;
    }
    if (rc == EDEADLK) {
        pause();
    } else if (rc == ENOMEM) {
        (void)gev_yield();
    }
    errno = saved;
    return rc == ETIMEDOUT ? ETIMEDOUT : 0;
}

static bool wake_one(const void *address)
{
    for (struct gev__thread *t = waiting; t; t = t->next) {
        if (t->address == address) {
            leave(t);
            (void)gev_semaphore_release(t->wakeup);
            return true;
        }
    }
    return false;
}

static void wake_all(void *address)
{
    while (wake_one(address)) {
    }
}

void gev__park_wake(const void *address, bool all)
{
    int saved = errno;

    if (!is_main) {
        /* Those that find that it was not for them wait again. */
        if (hub) {
            (void)gev_call_threadsafe(hub, wake_all,
                                      (void *)(uintptr_t)address);
        }
    } else if (all) {
        wake_all((void *)(uintptr_t)address);
    } else {
        (void)wake_one(address);
    }
    errno = saved;
}
