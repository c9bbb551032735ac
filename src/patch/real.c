/* SPDX-License-Identifier: MIT */
/*
 * Finding the real functions.
 *
 * RTLD_NEXT is what comes after us in the search order, which is libc, or another
 * library that interposes and then calls libc. In a plug-in that was loaded with
 * dlopen(3), and in an executable that has us as an archive but libc earlier,
 * there is no next one: then libc is asked by its name. A name that this libc has
 * not gets a function that says ENOSYS.
 */
#include "patch/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>

struct gev__real gev__real;

static long no_such_call(void)
{
    errno = ENOSYS;
    return -1;
}

static void *find(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);

    if (!p) {
        void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
        p = libc ? dlsym(libc, name) : NULL;
    }
    return p;
}

/* POSIX says how a pointer to a function comes out of dlsym(3): by its bytes. */
static void load(void *at, const char *name)
{
    void *p = find(name);

    *(void **)at = p ? p : (void *)(uintptr_t)no_such_call;
}

#define LOAD(family, result, name, parameters) load(&gev__real.name, #name);

void gev__real_load(void)
{
    int saved = errno;

    GEV__NAMES(LOAD)
    errno = saved;
}
