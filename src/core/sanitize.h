/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer and valgrind have to be told about memory and stacks
 * that we manage ourselves.
 *
 * ASan's functions are weak: they are there in a process that has it, however
 * gev itself was compiled. Valgrind's requests are instructions that do nothing
 * elsewhere; still they are only issued under it (core->valgrind).
 */
#ifndef CORE_SANITIZE_H
#define CORE_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#if GEV_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                 0
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n)   ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n)     ((void)(p), (void)(n))
#endif

#define GEV__WEAK __attribute__((weak))

GEV__WEAK void __sanitizer_start_switch_fiber(void **fake_stack_save,
                                              const void *bottom, size_t size);
GEV__WEAK void __sanitizer_finish_switch_fiber(void *fake_stack_save,
                                               const void **old_bottom,
                                               size_t *old_size);
GEV__WEAK void __asan_poison_memory_region(void const volatile *p, size_t n);
GEV__WEAK void __asan_unpoison_memory_region(void const volatile *p, size_t n);
GEV__WEAK int __asan_address_is_poisoned(void const volatile *p);
GEV__WEAK void __lsan_register_root_region(const void *p, size_t n);
GEV__WEAK void __lsan_unregister_root_region(const void *p, size_t n);

static inline bool gev__asan_present(void)
{
    return __sanitizer_start_switch_fiber && __asan_poison_memory_region;
}

static inline void gev__asan_poison(const void *p, size_t n)
{
    if (__asan_poison_memory_region) {
        __asan_poison_memory_region(p, n);
    }
}

static inline void gev__asan_unpoison(const void *p, size_t n)
{
    if (__asan_unpoison_memory_region) {
        __asan_unpoison_memory_region(p, n);
    }
}

static inline bool gev__asan_is_poisoned(const void *p)
{
    return __asan_address_is_poisoned && __asan_address_is_poisoned(p);
}

/* Pointers in [p, p + n) keep heap blocks from being leaks. */
static inline void gev__asan_leak_root(const void *p, size_t n, bool add)
{
    if (add && __lsan_register_root_region) {
        __lsan_register_root_region(p, n);
    } else if (!add && __lsan_unregister_root_region) {
        __lsan_unregister_root_region(p, n);
    }
}

#endif
