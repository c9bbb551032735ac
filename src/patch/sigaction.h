/* SPDX-License-Identifier: MIT */
/*
 * The table of the program's handlers, around a fork.
 */
#ifndef PATCH_SIGACTION_H
#define PATCH_SIGACTION_H

/**
 * gev__sigaction_before_fork() - keep it still, so that the child has it whole
 *
 * All signals are blocked until gev__sigaction_after_fork(), in parent and child.
 */
void gev__sigaction_before_fork(void);
void gev__sigaction_after_fork(void);

#endif
