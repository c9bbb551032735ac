/* SPDX-License-Identifier: MIT */
/*
 * All greenlets of a thread as text.
 */
#ifndef HUB_RUNINFO_H
#define HUB_RUNINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/hub.h"

/**
 * gev__run_info() - what gev_print_run_info() prints
 * @traces:   with backtraces
 * @skip_to:  a return address: what the current greenlet called beyond it is
 *            left out; 0 leaves out nothing
 * @ret_text: receives it, NUL-terminated, from malloc()
 * @ret_len:  receives its length
 *
 * Return:    0 or -ENOMEM
 */
int gev__run_info(struct gev__hub *hub, bool traces, uintptr_t skip_to,
                  char **ret_text, size_t *ret_len);

/**
 * gev__backtrace_text() - what gev_print_backtrace() prints
 *
 * Return:    as gev__run_info()
 */
int gev__backtrace_text(struct gev__hub *hub, const struct gev_greenlet *g,
                        uintptr_t skip_to, char **ret_text, size_t *ret_len);

#endif
