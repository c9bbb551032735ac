/* SPDX-License-Identifier: MIT */
/*
 * What each byte may be part of, as RFC 9110 5.6 and RFC 3986 have it, and the
 * search for the bytes that end or spoil a line.
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    GEV__CH_TOKEN = 1 << 0,  /* tchar */
    GEV__CH_DIGIT = 1 << 1,  /* 0-9 */
    GEV__CH_HEX = 1 << 2,    /* 0-9 A-F a-f */
    GEV__CH_TARGET = 1 << 3, /* 0x21-0x7E without '#' */
    GEV__CH_HOST = 1 << 4,   /* of a reg-name, '%' and ',' left out */
    GEV__CH_QUOTED = 1 << 5, /* qdtext */
    GEV__CH_TEXT = 1 << 6,   /* of a field value: HTAB, SP, VCHAR, obs-text */
};

extern const uint8_t gev__http_chars[256];

static inline bool gev__ch_is(char c, int class)
{
    return gev__http_chars[(unsigned char)c] & class;
}

/* The first byte in [p, end) that is not of @class, or end. */
static inline const char *gev__ch_skip(const char *p, const char *end,
                                       int class)
{
    while (p < end && gev__ch_is(*p, class)) {
        p++;
    }
    return p;
}

static inline char gev__ch_lower(char c)
{
    if (c >= 'A' && c <= 'Z') {
        c = (char)(c | 0x20);
    }
    return c;
}

/* Are the @n bytes at @p the lower-case string @lower, whatever their case? */
static inline bool gev__ch_equal(const char *p, const char *lower, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (gev__ch_lower(p[i]) != lower[i]) {
            return false;
        }
    }
    return true;
}

/**
 * gev__ch_find_ctl() - the first control character in [p, end), or end
 *
 * Control characters are 0x00-0x1F and 0x7F. Eight bytes a step: a byte below
 * 0x20 borrows when 0x20 is taken from it, one equal to 0x7F when it is made 0
 * and 1 is taken; bytes with the top bit set are left out. A borrow can only
 * spoil higher bytes, and the lowest hit is the one that counts.
 */
static inline const char *gev__ch_find_ctl(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101U, tops = ones << 7;

    for (; end - p >= 8; p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        v = le64toh(v);
        uint64_t low = v - 0x20 * ones;
        uint64_t del = (v ^ (0x7F * ones)) - ones;
        uint64_t hit = (low | del) & ~v & tops;
        if (hit) {
            return p + (__builtin_ctzll(hit) >> 3);
        }
    }
    while (p < end && (unsigned char)*p >= 0x20 && *p != 0x7F) {
        p++;
    }
    return p;
}

#endif
