/* SPDX-License-Identifier: MIT */
/*
 * What gev_patch_check() and gev_patch_report() tell.
 */
#include <dlfcn.h>
#include <inttypes.h>

#include <gev/patch.h>

#include "patch/guard.h"
#include "patch/real.h"

static const char *const names[] = {
#define NAME(family, result, name, parameters) #name,
    GEV__NAMES(NAME)
#undef NAME
};

/* The object that has an address, by name. */
static const char *object_of(const void *address, const void **ret_base)
{
    Dl_info info = {0};

    *ret_base = NULL;
    if (!address || !dladdr(address, &info)) {
        return "nothing";
    }
    *ret_base = info.dli_fbase;
    return info.dli_fname;
}

int gev_patch_check(FILE *out)
{
    const void *ours, *base;
    int lost = 0;

    object_of((const void *)(uintptr_t)gev_patch_check, &ours);
    for (int i = 0; i < GEV__N_NAMES; i++) {
        const char *object = object_of(dlsym(RTLD_DEFAULT, names[i]), &base);
        if (base == ours) {
            continue;
        }
        lost++;
        if (out) {
            (void)fprintf(out, "%s is bound to %s\n", names[i], object);
        }
    }
    return lost;
}

void gev_patch_report(FILE *out)
{
    (void)fprintf(out, "%-18s %12s %12s %12s\n", "name", "passed", "tried",
                  "waited");
    for (int i = 0; i < GEV__N_NAMES; i++) {
        const struct gev__count *c = &gev__counts[i];
        if (c->passed || c->tried) {
            (void)fprintf(out,
                          "%-18s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n",
                          names[i], c->passed, c->tried, c->waited);
        }
    }
}
