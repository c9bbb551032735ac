/* SPDX-License-Identifier: MIT */
/*
 * Open files of a directory
 *
 * Happy path of a file that is asked for often: found by its path, one fstat(2)
 * says that it is still what it was. Without it: openat2(2), fstat(2), the same
 * for FILE.gz, and the lines of the head are put together.
 *
 * fstat(2) sees whatever happens to the file itself: written to, truncated (its
 * size, its time), replaced, removed (no links left). A directory that is
 * renamed on the way to it is seen after gev__http_dir.time.
 *
 * Failure modes
 *   no descriptors        files that nobody is sending are closed, and it is
 *                         tried once more
 *   no memory             -ENOMEM; what was there stays
 *   forgotten or pushed out while it is sent   closed by who sends it
 */
#include "http/file_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/beneath.h"
#include "http/mime.h"
#include "hub/timing.h"

/* Seconds after which a file that nobody asks for is closed. */
#define IDLE 10.0

/* A FIFO without a writer, or a device, must not stop us. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

int gev__http_dir_init(struct gev__http_dir *d, unsigned max)
{
    size_t n = 16;

    while (n < 2 * (size_t)max) {
        n *= 2;
    }
    /* Of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    d->table = calloc(n, sizeof *d->table);
    d->max = max;
    d->n = 0;
    d->mask = (uint32_t)n - 1;
    gev__list_init(&d->lru);
    return d->table ? 0 : -ENOMEM;
}

void gev__http_dir_fini(struct gev__http_dir *d)
{
    while (!gev__list_empty(&d->lru)) {
        gev__http_file_forget(
            GEV__CONTAINER(d->lru.next, struct gev__http_file, lru));
    }
    free(d->table);
    d->table = NULL;
}

/* FNV-1a. */
static uint32_t hash_of(const char *path)
{
    uint32_t h = 2166136261U;

    for (; *path; path++) {
        h = (h ^ (unsigned char)*path) * 16777619U;
    }
    return h;
}

void gev__http_file_put(struct gev__http_file *f)
{
    if (!f || --f->refs > 0) {
        return;
    }
    gev__http_file_put(f->gz);
    close(f->fd);
    free(f->fields);
    free(f);
}

void gev__http_file_forget(struct gev__http_file *f)
{
    struct gev__http_file **at;

    if (gev__list_empty(&f->lru)) {
        return; /* it was not kept, or is not any more */
    }
    at = &f->dir->table[f->hash & f->dir->mask];
    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    gev__list_remove(&f->lru);
    f->dir->n--;
    gev__http_file_put(f);
}

/* Forgets those that were not used since @when, from the oldest on. */
static void forget_older(struct gev__http_dir *d, double when)
{
    while (!gev__list_empty(&d->lru)) {
        struct gev__http_file *f =
            GEV__CONTAINER(d->lru.prev, struct gev__http_file, lru);

        /* The one before is not here any more.
           NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        if (f->used > when) {
            return;
        }
        gev__http_file_forget(f);
    }
}

/* Opens a regular file. Return: a descriptor, or -Exxx. */
static int open_regular(struct gev__http_dir *d, const char *path,
                        struct stat *ret)
{
    int fd = gev__beneath_open(d->fd, path, OPEN_FLAGS), saved = errno;

    if ((fd == -EMFILE || fd == -ENFILE) && d->n > 0) {
        forget_older(d, INFINITY);
        fd = gev__beneath_open(d->fd, path, OPEN_FLAGS);
    }
    if (fd == -ENXIO) { /* a socket, or a device without a driver */
        fd = -ENOENT;
    }
    if (fd < 0) {
        return fd;
    }
    if (fstat(fd, ret) < 0) {
        int err = -errno;

        errno = saved;
        close(fd);
        return err;
    }
    if (!S_ISREG(ret->st_mode)) {
        close(fd);
        return S_ISDIR(ret->st_mode) ? -EISDIR : -ENOENT;
    }
    return fd;
}

/* Puts the lines of the head together. Return: 0 or -ENOMEM. */
static int make_fields(struct gev__http_file *f, bool is_gz, bool vary)
{
    const char *cc = f->dir->cache_control;
    const char *coding = is_gz ? "Content-Encoding: gzip\r\n" : "";
    int n = asprintf(&f->fields,
                     "Content-Type: %s\r\n%s"
                     "Last-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n"
                     "%s%s%s%s",
                     f->type, coding, f->modified, f->etag,
                     cc ? "Cache-Control: " : "", cc ? cc : "",
                     cc ? "\r\n" : "", vary ? "Vary: Accept-Encoding\r\n" : "");
    if (n < 0) {
        f->fields = NULL;
        return -ENOMEM;
    }
    f->n_content =
        sizeof "Content-Type: \r\n" - 1 + strlen(f->type) + strlen(coding);
    f->n_fields = (size_t)n;
    return 0;
}

/* A record for an open descriptor, which is its from now on. */
static struct gev__http_file *make(struct gev__http_dir *d, const char *path,
                                   int fd, const struct stat *st)
{
    size_t n = strlen(path) + 1;
    struct gev__http_file *f = calloc(1, sizeof *f + n);

    if (!f) {
        close(fd);
        return NULL;
    }
    memcpy(f->path, path, n);
    f->dir = d;
    f->refs = 1;
    f->fd = fd;
    f->st = *st;
    f->type = gev__http_mime(path);
    gev__list_init(&f->lru);
    gev__http_etag(st, f->etag);
    gev__http_date(st->st_mtim.tv_sec < 0 ? 0 : st->st_mtim.tv_sec,
                   f->modified);
    return f;
}

static bool is_older(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec
               ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
               : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Looks for FILE.gz. Return: 0 or -ENOMEM. */
static int open_gz(struct gev__http_file *f)
{
    char *path = NULL;
    struct stat st;
    int fd;

    if (!f->dir->precompressed || strcmp(f->type, "application/gzip") == 0) {
        return 0;
    }
    if (asprintf(&path, "%s.gz", f->path) < 0) {
        return -ENOMEM;
    }
    fd = open_regular(f->dir, path, &st);
    if (fd >= 0 && is_older(&st, &f->st)) {
        close(fd);
        fd = -ENOENT;
    }
    if (fd >= 0) {
        f->gz = make(f->dir, path, fd, &st);
    }
    free(path);
    if (fd < 0) {
        return 0; /* without a descriptor for it, too: it is not needed */
    }
    if (!f->gz) {
        return -ENOMEM;
    }
    f->gz->type = f->type;
    return make_fields(f->gz, true, true);
}

/* Opens a file, by its path. Return: 0 or -Exxx. */
static int open_file(struct gev__http_dir *d, const char *path,
                     struct gev__http_file **ret)
{
    struct gev__http_file *f;
    struct stat st;
    int rc, fd = open_regular(d, path, &st);

    if (fd < 0) {
        return fd;
    }
    f = make(d, path, fd, &st);
    rc = f ? open_gz(f) : -ENOMEM;
    if (rc == 0) {
        rc = make_fields(f, false, f->gz != NULL);
    }
    if (rc < 0) {
        gev__http_file_put(f);
        return rc;
    }
    *ret = f;
    return 0;
}

static void keep(struct gev__http_file *f, uint32_t hash, double now)
{
    struct gev__http_dir *d = f->dir;
    struct gev__http_file **chain = &d->table[hash & d->mask];

    if (d->n >= d->max) {
        gev__http_file_forget(
            GEV__CONTAINER(d->lru.prev, struct gev__http_file, lru));
    }
    f->hash = hash;
    f->opened = now;
    f->used = now;
    f->next = *chain;
    *chain = f;
    gev__list_push_front(&d->lru, &f->lru);
    d->n++;
    f->refs++;
}

/* Is it what it was when it was opened? */
static bool is_same(const struct gev__http_file *f)
{
    struct stat st;
    int saved = errno;

    if (fstat(f->fd, &st) < 0) {
        errno = saved; /* UNTESTED: network file systems may forget it */
        return false;
    }
    return st.st_nlink > 0 && st.st_size == f->st.st_size &&
           st.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec;
}

int gev__http_file_get(struct gev__http_dir *d, const char *path,
                       struct gev__http_file **ret)
{
    uint32_t hash = d->max ? hash_of(path) : 0;
    struct gev__http_file *f = d->table[hash & d->mask];
    double now = d->max ? gev__now() : 0;
    int rc;

    while (f && (f->hash != hash || strcmp(f->path, path) != 0)) {
        f = f->next;
    }
    if (f && now - f->opened < d->time && is_same(f) &&
        (!f->gz || is_same(f->gz))) {
        f->used = now;
        gev__list_remove(&f->lru);
        gev__list_push_front(&d->lru, &f->lru);
        f->refs++;
        *ret = f;
        return 0;
    }
    if (f) {
        gev__http_file_forget(f);
    }
    forget_older(d, now - IDLE);
    rc = open_file(d, path, ret);
    if (rc == 0 && d->max) {
        keep(*ret, hash, now);
    }
    return rc;
}
