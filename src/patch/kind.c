/* SPDX-License-Identifier: MIT */
/*
 * A byte for each descriptor number; see the header.
 *
 * All threads use it: a byte is read and written whole, and two threads that look
 * at the same descriptor find the same. Without memory nothing is kept, and each
 * use looks again.
 */
#include "patch/kind.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define CHUNK    GEV__KIND_CHUNK
#define N_CHUNKS GEV__KIND_N_CHUNKS
#define KIND     GEV__KIND_MASK

uint8_t *gev__kind_chunks[N_CHUNKS];

/* From mmap(2), so that no malloc of the program's is called from here. */
static uint8_t *make(int fd)
{
    size_t i = (size_t)(unsigned)fd / CHUNK;
    uint8_t *c, *none = NULL;

    if (i >= N_CHUNKS) {
        return NULL;
    }
    c = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (c == MAP_FAILED) {
        return NULL;
    }
    if (!__atomic_compare_exchange_n(&gev__kind_chunks[i], &none, c, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        munmap(c, CHUNK); /* UNTESTED: another thread was faster */
    }
    return gev__kind_byte(fd);
}

static uint8_t *byte_of(int fd)
{
    uint8_t *b = gev__kind_byte(fd);

    return b ? b : make(fd);
}

static enum gev__kind look(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return GEV__KIND_CLOSED;
    }
    if (S_ISSOCK(st.st_mode)) {
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
            return GEV__KIND_CLOSED; /* meanwhile */
        }
        return type == SOCK_STREAM ? GEV__KIND_STREAM : GEV__KIND_DGRAM;
    }
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode)) {
        return GEV__KIND_FILE;
    }
    return GEV__KIND_NOWAIT; /* until that turns out to be refused */
}

enum gev__kind gev__kind_look(int fd)
{
    int saved = errno;
    enum gev__kind kind = fd < 0 ? GEV__KIND_CLOSED : look(fd);

    if (kind != GEV__KIND_CLOSED) {
        gev__kind_set(fd, kind);
    }
    errno = saved;
    return kind;
}

bool gev__kind_is_unix(int fd)
{
    int domain = AF_UNSPEC, saved = errno;
    socklen_t len = sizeof domain;

    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    errno = saved;
    return domain == AF_UNIX;
}

void gev__kind_note(int fd, unsigned bit, bool on)
{
    uint8_t *b = fd < 0 ? NULL : byte_of(fd);

    if (b) {
        *b = (uint8_t)(on ? *b | bit : *b & ~bit);
    }
}

/* Each socket has an inode of its own. */
static bool is_same(int fd, const struct stat *st)
{
    struct stat other;

    return fstat(fd, &other) == 0 && other.st_ino == st->st_ino &&
           other.st_dev == st->st_dev;
}

/* At each descriptor of a listener. */
static void note_listener(const struct stat *st, bool on)
{
    for (int i = 0; i < N_CHUNKS * CHUNK;) {
        if (!gev__kind_byte(i)) {
            i = (i / CHUNK + 1) * CHUNK;
            continue;
        }
        if (gev__kind_has(i, GEV__KIND_LISTENER) && is_same(i, st)) {
            gev__kind_note(i, GEV__KIND_NONBLOCK, on);
        }
        i++;
    }
}

void gev__kind_note_file(int fd, bool on)
{
    int saved = errno;
    struct stat st;

    gev__kind_note(fd, GEV__KIND_NONBLOCK, on);
    if (fstat(fd, &st) == 0) {
        note_listener(&st, on);
    }
    errno = saved;
}

void gev__kind_set(int fd, enum gev__kind kind)
{
    uint8_t *b = byte_of(fd);

    if (b) {
        *b = (uint8_t)((*b & ~KIND) | kind);
    }
}

void gev__kind_forget(int fd)
{
    uint8_t *b = gev__kind_byte(fd);

    if (b) {
        *b = GEV__KIND_UNKNOWN;
    }
}

void gev__kind_forget_range(unsigned first, unsigned last)
{
    for (size_t i = first; i <= last && i / CHUNK < N_CHUNKS;) {
        uint8_t *b = gev__kind_byte((int)i);

        if (!b) {
            i = (i / CHUNK + 1) * CHUNK;
            continue;
        }
        *b = GEV__KIND_UNKNOWN;
        i++;
    }
}

void gev__kind_copy(int from, int to)
{
    const uint8_t *b = gev__kind_byte(from);

    gev__kind_forget(to);
    if (b && *b != GEV__KIND_UNKNOWN) {
        uint8_t *copy = byte_of(to);
        if (copy) {
            *copy = *b;
        }
    }
}
