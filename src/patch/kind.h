/* SPDX-License-Identifier: MIT */
/*
 * What each descriptor number is, as far as it decides how an attempt is kept
 * from blocking. Flags and time limits are not kept: they are asked for when a
 * call is about to wait, so what other processes, duplicates and libraries did to
 * them is seen.
 *
 * A number is looked at when it is first used; whoever closes or makes one here
 * says so. One that libc closes inside itself is noticed by ENOTSOCK, or is met
 * with poll(2) first, which is right for everything.
 */
#ifndef PATCH_KIND_H
#define PATCH_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gev__kind {
    GEV__KIND_UNKNOWN,
    GEV__KIND_STREAM, /* stream socket: MSG_DONTWAIT */
    GEV__KIND_DGRAM,  /* datagrams, seqpackets: likewise, and never in parts */
    GEV__KIND_NOWAIT, /* pipe, eventfd, /dev/null …: RWF_NOWAIT */
    GEV__KIND_POLL,   /* terminal, old kernel: poll(2) first */
    GEV__KIND_FILE,   /* regular file, directory …: never waits */
    GEV__KIND_CLOSED, /* not open: the real call says EBADF */
};

/* Other bits of a number's byte. */
#define GEV__KIND_LOWAT    8u  /* SO_RCVLOWAT was set */
#define GEV__KIND_LISTENER 16u /* listen(2), or accept(2), was called */
#define GEV__KIND_NONBLOCK                                                     \
    32u /* a listener: O_NONBLOCK as the program set it */

/* A byte for each number below 2^24, in chunks that are made when needed. */
#define GEV__KIND_CHUNK    4096
#define GEV__KIND_N_CHUNKS 4096
#define GEV__KIND_MASK     7u

extern uint8_t *gev__kind_chunks[GEV__KIND_N_CHUNKS];

/**
 * gev__kind_look() - gev__kind() of a number that is not known yet
 */
enum gev__kind gev__kind_look(int fd);

/* The byte of a number, or NULL. */
static inline uint8_t *gev__kind_byte(int fd)
{
    size_t i = (size_t)(unsigned)fd / GEV__KIND_CHUNK;
    uint8_t *c;

    if (i >= GEV__KIND_N_CHUNKS) {
        return NULL;
    }
    c = __atomic_load_n(&gev__kind_chunks[i], __ATOMIC_ACQUIRE);
    return c ? &c[(unsigned)fd % GEV__KIND_CHUNK] : NULL;
}

/**
 * gev__kind() - what a descriptor is; errno is as before
 */
static inline enum gev__kind gev__kind(int fd)
{
    const uint8_t *b = gev__kind_byte(fd);
    unsigned kind = b ? *b & GEV__KIND_MASK : GEV__KIND_UNKNOWN;

    return __builtin_expect(kind != GEV__KIND_UNKNOWN, 1) ? kind
                                                          : gev__kind_look(fd);
}

/**
 * gev__kind_is_socket() - is it, as far as is known?
 */
static inline bool gev__kind_is_socket(int fd)
{
    enum gev__kind kind = gev__kind(fd);

    return kind == GEV__KIND_STREAM || kind == GEV__KIND_DGRAM;
}

/**
 * gev__kind_waits() - may a call that uses it have to wait?
 */
static inline bool gev__kind_waits(int fd)
{
    enum gev__kind kind = gev__kind(fd);

    return kind != GEV__KIND_FILE && kind != GEV__KIND_CLOSED;
}

/**
 * gev__kind_is_unix() - is it a UNIX socket? errno is as before
 */
bool gev__kind_is_unix(int fd);

/**
 * gev__kind_has() - is a bit set for a number?
 */
static inline bool gev__kind_has(int fd, unsigned bit)
{
    const uint8_t *b = gev__kind_byte(fd);

    return b && (*b & bit);
}

/**
 * gev__kind_note() - set or clear a bit; of the two kinds NOWAIT and POLL, choose
 */
void gev__kind_note(int fd, unsigned bit, bool on);
void gev__kind_set(int fd, enum gev__kind kind);

/**
 * gev__kind_note_file() - GEV__KIND_NONBLOCK of all numbers of a listener
 */
void gev__kind_note_file(int fd, bool on);

/**
 * gev__kind_forget() - the number means something new, or nothing
 */
void gev__kind_forget(int fd);

/**
 * gev__kind_forget_range() - likewise for many
 */
void gev__kind_forget_range(unsigned first, unsigned last);

/**
 * gev__kind_copy() - @to is now a duplicate of @from
 */
void gev__kind_copy(int from, int to);

#endif
