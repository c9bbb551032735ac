/* SPDX-License-Identifier: MIT */
/*
 * The flag and its lock; see the header.
 *
 * The lock lies in memory that fork(2) shares. It is robust: the end of a process
 * that holds it gives it back. Programs that exec(2) made have a lock of their own.
 * It is recursive, since accept(2) and connect(2) may be called in handlers of
 * signals.
 */
#include "patch/flags.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

#include "patch/real.h"

static pthread_mutex_t own = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t *lock = &own;

void gev__flags_init(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        return; /* UNTESTED: no memory this early; its threads have @own */
    }
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    if (pthread_mutex_init(shared, &attr) == 0) {
        lock = shared;
    }
    pthread_mutexattr_destroy(&attr);
}

static void take(void)
{
    if (pthread_mutex_lock(lock) == EOWNERDEAD) {
        pthread_mutex_consistent(lock);
    }
}

int gev__flags_begin(int fd)
{
    int saved = errno, flags;

    take();
    flags = GEV__REAL(fcntl)(fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) ||
        GEV__REAL(fcntl)(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        flags = -1; /* nothing to be undone */
    }
    errno = saved;
    return flags;
}

void gev__flags_end(int fd, int former)
{
    int saved = errno;

    if (former >= 0) {
        GEV__REAL(fcntl)(fd, F_SETFL, former);
    }
    pthread_mutex_unlock(lock);
    errno = saved;
}

bool gev__flags_nonblocking(int fd)
{
    int saved = errno, flags;

    take();
    flags = GEV__REAL(fcntl)(fd, F_GETFL);
    pthread_mutex_unlock(lock);
    errno = saved;
    return flags >= 0 && (flags & O_NONBLOCK);
}
