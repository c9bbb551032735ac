/* SPDX-License-Identifier: MIT */
/*
 * A count of closes for each number, and what each thread has seen of it
 *
 *   thread 1            thread 2
 *   waits for 6                      its hub has a watcher of 6
 *                       close(6)     counts[6] is 1, total 1; epoll drops it unasked
 *   eventfd() is 6                   the watcher looks active, and is not
 *   waits for 6                      total was 0: all that differs is forgotten
 *
 * The count comes before the close, so whoever is given the number finds it; it comes
 * before the total, so whoever finds the total finds the count. A thread begins with a
 * copy, since what was closed before its first wait its hub does not watch.
 *
 * Nothing is counted while no other thread has begun. Without memory for the copy
 * nothing is forgotten.
 */
#include "patch/closes.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <gev/io.h>

#define N     ((size_t)1 << 20) /* fs.nr_open, unless root has raised it */
#define BYTES (N * sizeof(uint32_t))

/* Touched where it is used, a page for 1024 numbers. */
static uint32_t counts[N];
static size_t n_noted; /* above the highest number that was noted */
static uint32_t total;
static unsigned n_begun; /* threads that have waited and not ended */

static _Thread_local struct {
    uint32_t *counts; /* NULL before the first wait */
    uint32_t total;
} seen __attribute__((tls_model("initial-exec")));

static pthread_key_t key;
static bool has_key;

static void free_seen(void *arg)
{
    seen.counts = NULL;
    munmap(arg, BYTES);
    __atomic_sub_fetch(&n_begun, 1, __ATOMIC_RELAXED);
}

static __attribute__((constructor)) void make_key(void)
{
    has_key = pthread_key_create(&key, free_seen) == 0;
}

static void raise_n_noted(size_t n)
{
    size_t now = __atomic_load_n(&n_noted, __ATOMIC_RELAXED);

    while (now < n &&
           !__atomic_compare_exchange_n(&n_noted, &now, n, false,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
}

/* Does any other thread care? */
static bool is_told(void)
{
    unsigned self = seen.counts != NULL;

    return __atomic_load_n(&n_begun, __ATOMIC_ACQUIRE) > self;
}

static void note(size_t fd)
{
    __atomic_add_fetch(&counts[fd], 1, __ATOMIC_RELEASE);
    __atomic_add_fetch(&total, 1, __ATOMIC_RELEASE);
    if (seen.counts) {
        seen.counts[fd]++;
        seen.total++;
    }
}

void gev__closes_note(int fd)
{
    if (fd >= 0 && (size_t)fd < N && is_told()) {
        raise_n_noted((size_t)fd + 1);
        note((size_t)fd);
    }
}

void gev__closes_note_range(unsigned first, unsigned last)
{
    struct rlimit r = {.rlim_cur = N};
    size_t end;

    if (!is_told()) {
        return;
    }
    (void)getrlimit(RLIMIT_NOFILE, &r);
    end = r.rlim_cur < N ? (size_t)r.rlim_cur : N;
    end = last < end ? (size_t)last + 1 : end;
    if (first < end) {
        raise_n_noted(end);
    }
    for (size_t fd = first; fd < end; fd++) {
        note(fd);
    }
}

static void begin(void)
{
    uint32_t *copy;
    size_t n;

    copy = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED) {
        return;
    }
    if (!has_key || pthread_setspecific(key, copy) != 0) {
        munmap(copy, BYTES); /* UNTESTED: no memory for the key or its value */
        return;
    }
    __atomic_add_fetch(&n_begun, 1, __ATOMIC_SEQ_CST);
    seen.total = __atomic_load_n(&total, __ATOMIC_ACQUIRE);
    n = __atomic_load_n(&n_noted, __ATOMIC_ACQUIRE);
    memcpy(copy, counts, n * sizeof *copy);
    seen.counts = copy;
}

static void forget_what_differs(void)
{
    uint32_t now = __atomic_load_n(&total, __ATOMIC_ACQUIRE);
    size_t n = __atomic_load_n(&n_noted, __ATOMIC_ACQUIRE);

    for (size_t fd = 0; fd < n; fd++) {
        uint32_t count = __atomic_load_n(&counts[fd], __ATOMIC_ACQUIRE);

        if (count != seen.counts[fd]) {
            seen.counts[fd] = count;
            (void)gev_fd_forget((int)fd);
        }
    }
    seen.total = now;
}

void gev__closes_heed(void)
{
    int saved = errno;

    if (!seen.counts) {
        begin();
    } else if (__atomic_load_n(&total, __ATOMIC_ACQUIRE) != seen.total) {
        forget_what_differs();
    }
    errno = saved;
}
