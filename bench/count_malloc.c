/* SPDX-License-Identifier: MIT */
/*
 * count_malloc - counts a program's heap allocations from outside.
 *
 * Preloaded (LD_PRELOAD) into a server, it keeps its counters in a shared
 * mapping of the file named by COUNT_MALLOC_FILE, so the test can read them at
 * any moment without stopping or asking the server: two 64-bit numbers,
 * allocations (malloc, calloc, realloc) and frees. glibc's own entry points do
 * the work, so nothing needs dlsym(3), which itself allocates.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

struct counters {
    uint64_t n_allocs; /* malloc, calloc and realloc calls */
    uint64_t n_frees;  /* free calls with a pointer */
};

static struct counters unshared;              /* until the file is mapped */
static struct counters *counters = &unshared; /* where to count */

__attribute__((constructor)) static void map_counters(void)
{
    const char *path = getenv("COUNT_MALLOC_FILE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0 || ftruncate(fd, sizeof *counters) < 0) {
        return;
    }
    void *p =
        mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p != MAP_FAILED) {
        counters = p;
    }
}

void *malloc(size_t size)
{
    counters->n_allocs++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    counters->n_allocs++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    counters->n_allocs++;
    return __libc_realloc(p, size);
}

void free(void *p)
{
    counters->n_frees += p != NULL;
    __libc_free(p);
}
