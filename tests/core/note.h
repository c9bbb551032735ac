/* SPDX-License-Identifier: MIT */
/*
 * Notes: greenlets write words down, the test on main's stack checks them
 *
 * cmocka leaves a failed test by longjmp, which must not happen on a greenlet's
 * stack. So greenlets call note() or store, and assertions stand in the test.
 */
#ifndef TESTS_CORE_NOTE_H
#define TESTS_CORE_NOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char note_text[512]; /* what has been noted, a space between words */

/* Forgets all notes; fits cmocka's setup. */
static inline int note_clear(void **state)
{
    (void)state;
    note_text[0] = '\0';
    return 0;
}

/* What does not fit is dropped: the test then sees a text that ends early. */
static inline void note(const char *word)
{
    size_t len = strlen(note_text);

    snprintf(note_text + len, sizeof note_text - len, "%s%s", len ? " " : "",
             word);
}

static inline void note_num(intptr_t n)
{
    char word[24];

    snprintf(word, sizeof word, "%ld", (long)n);
    note(word);
}

/* Numbers as values that are handed over. */
static inline void *num(intptr_t n)
{
    return (void *)n;
}

static inline intptr_t num_of(const void *value)
{
    return (intptr_t)value;
}

#endif /* TESTS_CORE_NOTE_H */
