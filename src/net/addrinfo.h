/* SPDX-License-Identifier: MIT */
/*
 * Lists of struct addrinfo that are ours: each node from malloc() with its
 * address behind it, and the name from malloc(): glibc's own layout, so its
 * freeaddrinfo(3) is no mistake either.
 */
#ifndef NET_ADDRINFO_H
#define NET_ADDRINFO_H

#include <netdb.h>
#include <stdbool.h>

/**
 * gev__addrinfo_copy() - an equal list
 *
 * Return:    NULL without memory, or for NULL
 */
struct addrinfo *gev__addrinfo_copy(const struct addrinfo *list);

/**
 * gev__addrinfo_append() - one more node at the end
 * @list:  the list's head
 * @model: what it is like; its address is @sa instead
 *
 * Return:    false without memory
 */
bool gev__addrinfo_append(struct addrinfo ***end, const struct addrinfo *model,
                          const struct sockaddr *sa, socklen_t len);

/**
 * gev__addrinfo_numeric() - getaddrinfo(3) if it needs no look-up
 * @ret: one of our lists
 *
 * Return:    an EAI_ code, or GEV__NOT_NUMERIC
 */
int gev__addrinfo_numeric(const char *node, const char *service,
                          const struct addrinfo *hints, struct addrinfo **ret);

#define GEV__NOT_NUMERIC 1 /* libc's EAI_ codes are negative */

#endif
