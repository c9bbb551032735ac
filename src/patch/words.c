/* SPDX-License-Identifier: MIT */
/*
 * Reading GEV_PATCH. A part of libgev_patch and of gev-run.
 */
#include "patch/words.h"

#include <string.h>

#define ALL_FAMILIES ((1u << GEV__N_FAMILIES) - 1)

static const char *const family_names[] = {
#define NAME(family) #family,
    GEV__FAMILIES(NAME)
#undef NAME
};

static bool is(const char *word, size_t len, const char *wanted)
{
    return strlen(wanted) == len && memcmp(word, wanted, len) == 0;
}

/* The families that a word names; 0: none. */
static unsigned families_of(const char *word, size_t len)
{
    if (is(word, len, "all")) {
        return ALL_FAMILIES;
    }
    for (unsigned f = 0; f < GEV__N_FAMILIES; f++) {
        if (is(word, len, family_names[f])) {
            return 1u << f;
        }
    }
    return 0;
}

static void read_word(struct gev__words *w, const char *word, size_t len)
{
    bool on = word[0] != '-';
    unsigned families = families_of(word + !on, len - !on);

    if (is(word + !on, len - !on, "hub")) {
        w->hub = on;
    } else if (families == 0 && !w->unknown) {
        w->unknown = word;
        w->len = len;
    }
    w->families = on ? w->families | families : w->families & ~families;
}

struct gev__words gev__words_read(const char *text)
{
    struct gev__words w = {.families = ALL_FAMILIES};
    size_t len = text ? strcspn(text, ",") : 0;

    if (len > 0 && text[0] != '-' && !is(text, len, "hub")) {
        w.families = 0; /* "dns" alone means dns alone */
    }
    for (; text && *text; text += len, text += *text == ',') {
        len = strcspn(text, ",");
        if (len > 0) {
            read_word(&w, text, len);
        }
    }
    return w;
}
