/* SPDX-License-Identifier: MIT */
/*
 * The words of GEV_PATCH and gev-run --patch: "all,-dns,hub".
 */
#ifndef PATCH_WORDS_H
#define PATCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "patch/names.h"

/**
 * struct gev__words - what they say
 */
struct gev__words {
    unsigned families;   /* bit f: enum gev__family f is interposed */
    bool hub;            /* the main thread has a hub from the first call on */
    const char *unknown; /* the first word that is none, or NULL */
    size_t len;          /* of @unknown, which a comma may follow */
};

/* All of them, for messages. */
#define GEV__WORD(family) ", " #family
#define GEV__WORDS        "all, hub" GEV__FAMILIES(GEV__WORD)

/**
 * gev__words_read() - what a list of words says; unknown ones say nothing
 * @text: words between commas, each on its own or after '-'; empty ones are
 *        fine; NULL or "" is "all"
 *
 * The list begins with everything if its first word is "hub" or takes something
 * away, and otherwise with nothing.
 */
struct gev__words gev__words_read(const char *text);

#endif
