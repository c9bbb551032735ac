/* SPDX-License-Identifier: MIT */
/*
 * Closes in other threads.
 */
#ifndef PATCH_CLOSES_H
#define PATCH_CLOSES_H

/**
 * gev__closes_note() - this thread is about to close a number, or has replaced it
 *
 * Its own hub is told by gev_fd_forget(). Safe in a signal handler.
 */
void gev__closes_note(int fd);

/**
 * gev__closes_note_range() - likewise for many, be it all there can be
 */
void gev__closes_note_range(unsigned first, unsigned last);

/**
 * gev__closes_heed() - this thread is about to wait
 *
 * What other threads have closed since it last did its hub forgets. errno is as
 * before.
 */
void gev__closes_heed(void);

#endif
