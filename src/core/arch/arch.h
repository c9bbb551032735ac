/* SPDX-License-Identifier: MIT */
/*
 * Chooses the architecture's switch. A new one is a .h and a .S with the same
 * functions.
 */
#ifndef CORE_ARCH_ARCH_H
#define CORE_ARCH_ARCH_H

#if defined(__x86_64__)
#include "core/arch/x86_64.h"
#else
#error "gev has no stack switch for this architecture"
#endif

#endif
