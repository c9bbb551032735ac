/* SPDX-License-Identifier: MIT */
/*
 * Entity tags: "size-hash"
 *
 * The hash keeps inode numbers to ourselves. It need not be a good one: two
 * states of a name collide once in 2^64.
 */
#include "http/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The finalizer of splitmix64. */
static uint64_t mix(uint64_t v)
{
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9U;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebU;
    return v ^ (v >> 31);
}

void gev__http_etag(const struct stat *st, char ret[GEV__ETAG_SIZE])
{
    uint64_t h = mix((uint64_t)st->st_ino + 0x9e3779b97f4a7c15U);

    h = mix(h ^ (uint64_t)st->st_dev);
    h = mix(h ^ (uint64_t)st->st_mtim.tv_sec);
    h = mix(h ^ (uint64_t)st->st_mtim.tv_nsec);
    (void)snprintf(ret, GEV__ETAG_SIZE, "\"%" PRIx64 "-%016" PRIx64 "\"",
                   (uint64_t)st->st_size, h);
}

bool gev__http_etag_listed(const char *list, const char *tag, bool weak)
{
    size_t n = strlen(tag);
    const char *p = list + strspn(list, " \t,");

    if (strcmp(p, "*") == 0) {
        return true;
    }
    while (*p) {
        bool is_weak = p[0] == 'W' && p[1] == '/';
        const char *end;

        p += is_weak ? 2 : 0;
        end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (!end) {
            return false;
        }
        end++;
        if ((weak || !is_weak) && (size_t)(end - p) == n &&
            memcmp(p, tag, n) == 0) {
            return true;
        }
        p = end + strspn(end, " \t,");
    }
    return false;
}
