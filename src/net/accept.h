/* SPDX-License-Identifier: MIT */
/*
 * Accepting, with what a server wants to know besides.
 */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include <stdint.h>
#include <sys/socket.h>

/**
 * gev__accept() - gev_accept() that counts what it passed over
 * @sa:          receives the peer's address; not NULL
 * @len:         its size, then the length of the address
 * @ret_aborted: grows by the connections that were aborted in the queue
 *
 * Switches:  only if none waits, or the I/O budget is used up
 * Return:    the descriptor or -Exxx
 */
int gev__accept(int fd, struct sockaddr *sa, socklen_t *len,
                uint64_t *ret_aborted);

/**
 * gev__accept_now() - one accept4(2), without waiting
 *
 * Return:    the descriptor, unknown to gev yet, or -Exxx; -EAGAIN for none
 */
int gev__accept_now(int fd);

#endif
