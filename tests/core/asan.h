/* SPDX-License-Identifier: MIT */
/*
 * Whether a test is compiled with AddressSanitizer: gcc and clang say it
 * differently. Then all stacks are private and their frames larger, and freed
 * memory is kept aside.
 */
#ifndef TESTS_CORE_ASAN_H
#define TESTS_CORE_ASAN_H

#include <stdbool.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN true
#endif
#ifndef HAVE_ASAN
#define HAVE_ASAN false
#endif

#endif /* TESTS_CORE_ASAN_H */
