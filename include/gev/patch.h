/* SPDX-License-Identifier: MIT */
/*
 * gev/patch.h - libc's blocking calls, made to let other greenlets run
 *
 * What is declared here is in libgev_patch, not in libgev (pkg-config: gev-patch).
 * Linking it before libc, or preloading it as gev-run does, is all it takes: read,
 * recv, poll, select, connect, accept, sleep, getaddrinfo, waitpid and their
 * relatives then wait as gev's own calls do wherever a greenlet calls them, in code
 * of the program's or of any library. Their contract is libc's: flags, time limits
 * of sockets, counts, errno. Two values of errno are new: ECANCELED in a greenlet
 * that was killed, ETIMEDOUT when a gev_timeout_push() scope has expired.
 *
 * In a thread that has no hub they are libc's functions unchanged.
 *
 * The environment chooses: GEV_PATCH=all,-dns leaves getaddrinfo and its relatives
 * alone. The words are wait, transfer, connect, fd, time, dns, process, nss, signal,
 * all; and hub: the main thread has a hub from its first such call on, even if it never
 * makes a greenlet. The library says on standard error which word it does not know.
 *
 * getpwnam, getgrgid, getservbyname, syslog and the others of nss block, and all
 * greenlets with them: libc holds locks while a name service module asks its server.
 * gev_offload() has a thread do it.
 *
 * When a signal's handler has run that was set with sigaction(2) or signal(3), the call
 * that main waits in fails with EINTR, if libc's would. Other greenlets' calls go on.
 */
#ifndef GEV_PATCH_H
#define GEV_PATCH_H

#include <stdio.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_passthrough_begin() - from here on this greenlet calls the real functions
 *
 * For code that must not be interrupted by other greenlets. Nests.
 *
 * Switches:  never
 * Return:    0, or -1 with errno ENOMEM
 */
GEV_API int gev_passthrough_begin(void);

/**
 * gev_passthrough_end() - undo one gev_passthrough_begin()
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL (there is none)
 */
GEV_API int gev_passthrough_end(void);

/**
 * gev_patch_check() - is every name bound to libgev_patch?
 * @out: receives a line for each that is not, naming the object that has it;
 *       NULL prints nothing
 *
 * A name is lost where another object that defines it comes earlier in the search
 * order: libc itself, if libgev_patch was linked after it.
 *
 * Switches:  never
 * Return:    how many names are bound elsewhere
 */
GEV_API int gev_patch_check(FILE *out);

/**
 * gev_patch_report() - what became of the calls so far
 * @out: receives a line for each name that was called: how often it was passed to
 *       the real function at once, was tried by a greenlet, and had to wait
 *
 * Switches:  never
 */
GEV_API void gev_patch_report(FILE *out);

GEV_END_DECLS

#endif
