/* SPDX-License-Identifier: MIT */
/*
 * The injector; see the header.
 */
#include "faults.h"

#include <errno.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <gev.h>

#include "patch/real.h"

static _Thread_local struct {
    bool armed;
    bool set[N_FAULTS];
    long left;
    int err;
    bool sticky;
    long fired;
} fault;

void (*faults_on_wait)(void);

static const int memory[] = {
    FAULT_mmap,        FAULT_malloc,      FAULT_calloc,   FAULT_realloc,
    FAULT_gev_wait_fd, FAULT_gev_sleep,   FAULT_gev_poll, FAULT_gev_select,
    FAULT_gev_waitpid, FAULT_gev_offload,
};

static const int looking[] = {
    FAULT_fstat,
    FAULT_getsockopt,
    FAULT_pidfd_open,
    GEV__N_poll,
};

void faults_arm(enum faults_of of, int one, long k, int err, bool sticky)
{
    memset(&fault, 0, sizeof fault);
    for (size_t i = 0;
         of == FAULTS_MEMORY && i < sizeof memory / sizeof *memory; i++) {
        fault.set[memory[i]] = true;
    }
    for (size_t i = 0;
         of == FAULTS_LOOKING && i < sizeof looking / sizeof *looking; i++) {
        fault.set[looking[i]] = true;
    }
    if (of == FAULTS_ONE) {
        fault.set[one] = true;
    }
    fault.left = k;
    fault.err = err;
    fault.sticky = sticky;
    fault.armed = true;
}

long faults_disarm(void)
{
    fault.armed = false;
    return fault.fired;
}

static bool hit(int which)
{
    if (!fault.armed || !fault.set[which]) {
        return false;
    }
    fault.left--;
    if (fault.left > 0 || (fault.left < 0 && !fault.sticky)) {
        return false;
    }
    fault.fired++;
    if (faults_on_wait) {
        faults_on_wait();
    }
    errno = fault.err;
    return true;
}

static bool hit_wait(int which)
{
    if (faults_on_wait) {
        faults_on_wait();
    }
    return hit(which);
}

/*
 * The real functions. Arguments are integers and pointers, eight at most: as many
 * longs on the ABIs that gev runs on.
 */
typedef long any_fn(long, long, long, long, long, long, long, long);

static any_fn *kept[GEV__N_NAMES];
static void (*before[GEV__N_NAMES])(void);

void faults_before(enum gev__name name, void (*fn)(void))
{
    before[name] = fn;
}

#define FORWARD(family, result, name, parameters)                              \
    static long forward_##name(long a, long b, long c, long d, long e, long f, \
                               long g, long h)                                 \
    {                                                                          \
        if (before[GEV__N_##name]) {                                           \
            before[GEV__N_##name]();                                           \
        }                                                                      \
        if (hit(GEV__N_##name)) {                                              \
            return _Generic((result *)NULL, FILE * * : 0,                      \
                            struct hostent * * : 0, default                    \
                            : -1);                                             \
        }                                                                      \
        return kept[GEV__N_##name](a, b, c, d, e, f, g, h);                    \
    }
GEV__NAMES(FORWARD)

void faults_install(void)
{
    void *p;

#define INSTALL(family, result, name, parameters)                              \
    memcpy(&p, &gev__real.name, sizeof p);                                     \
    memcpy(&kept[GEV__N_##name], &p, sizeof p);                                \
    p = (void *)(uintptr_t)forward_##name;                                     \
    memcpy((void *)&gev__real.name, &p, sizeof p);
    GEV__NAMES(INSTALL)
}

#define WRAP(type, failure, hits, name, params, args)                          \
    type __real_##name params;                                                 \
    type __wrap_##name params;                                                 \
    type __wrap_##name params                                                  \
    {                                                                          \
        return hits(FAULT_##name) ? (failure) : __real_##name args;            \
    }

static _Thread_local long balance;

long faults_balance(void)
{
    return balance;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    void *p = hit(FAULT_malloc) ? NULL : __real_malloc(n);

    balance += p != NULL;
    return p;
}

void *__real_calloc(size_t n, size_t m);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_calloc(size_t n, size_t m)
{
    void *p = hit(FAULT_calloc) ? NULL : __real_calloc(n, m);

    balance += p != NULL;
    return p;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
    balance -= p != NULL;
    __real_free(p);
}

/* clang-format off */
WRAP(void *, MAP_FAILED, hit, mmap,
     (void *p, size_t n, int prot, int flags, int fd, off_t off),
     (p, n, prot, flags, fd, off))
WRAP(void *, NULL, hit, realloc, (void *p, size_t n), (p, n))
WRAP(int, -1, hit, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, -1, hit, getsockopt,
     (int fd, int level, int name, void *p, socklen_t *l),
     (fd, level, name, p, l))
WRAP(ssize_t, -1, hit, preadv2,
     (int fd, const struct iovec *v, int n, off_t off, int fl),
     (fd, v, n, off, fl))
WRAP(ssize_t, -1, hit, pwritev2,
     (int fd, const struct iovec *v, int n, off_t off, int fl),
     (fd, v, n, off, fl))
WRAP(int, -1, hit, pidfd_open, (pid_t pid, unsigned fl), (pid, fl))
WRAP(FILE *, NULL, hit, fdopen, (int fd, const char *mode), (fd, mode))
WRAP(int, fault.err, hit, posix_spawn,
     (pid_t *pid, const char *path, const posix_spawn_file_actions_t *f,
      const posix_spawnattr_t *attr, char *const *argv, char *const *env),
     (pid, path, f, attr, argv, env))
WRAP(int, fault.err, hit, posix_spawnattr_init, (posix_spawnattr_t *a), (a))
WRAP(int, fault.err, hit, posix_spawn_file_actions_init,
     (posix_spawn_file_actions_t *f), (f))
WRAP(int, fault.err, hit, posix_spawn_file_actions_adddup2,
     (posix_spawn_file_actions_t *f, int from, int to), (f, from, to))
WRAP(int, -1, hit_wait, gev_wait_fd, (int fd, int ev, double secs),
     (fd, ev, secs))
WRAP(int, -1, hit_wait, gev_sleep, (double secs), (secs))
WRAP(int, -1, hit_wait, gev_poll, (struct pollfd *p, nfds_t n, int ms),
     (p, n, ms))
WRAP(int, -1, hit_wait, gev_select,
     (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t),
     (n, r, w, x, t))
WRAP(pid_t, -1, hit_wait, gev_waitpid, (pid_t pid, int *status, int options),
     (pid, status, options))
WRAP(int, -1, hit_wait, gev_offload,
     (void (*fn)(void *io), void *io, size_t n), (fn, io, n))
WRAP(int, -1, hit, gev_setspecific, (gev_key key, const void *value),
     (key, value))
/* clang-format on */
