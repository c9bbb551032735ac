/* SPDX-License-Identifier: MIT */
/*
 * Sockets for tests, made with plain system calls
 *
 * They do not use gev, so that they can test it. All descriptors are
 * close-on-exec. A failure ends the program with a message: it is the
 * machine's, not gev's.
 */
#ifndef TESTS_SUPPORT_SOCK_H
#define TESTS_SUPPORT_SOCK_H

#include <stdbool.h>

/**
 * sock_pair() - a connected pair of UNIX stream sockets
 * @nonblock: make both non-blocking
 */
void sock_pair(int ret_fds[2], bool nonblock);

/**
 * sock_tcp_pair() - both ends of a TCP connection over 127.0.0.1, blocking
 */
void sock_tcp_pair(int ret_fds[2]);

/**
 * sock_listen() - a blocking TCP listener on 127.0.0.1, on a free port
 * @ret_port: its port; may be NULL
 */
int sock_listen(int *ret_port);

/**
 * sock_connect() - a blocking TCP connection to 127.0.0.1:@port
 */
int sock_connect(int port);

/**
 * sock_port() - the local port of a bound IPv4 or IPv6 socket
 */
int sock_port(int fd);

/**
 * sock_closed_port() - a port of 127.0.0.1 on which nobody listens
 */
int sock_closed_port(void);

/**
 * sock_reset() - close @fd so that its peer sees a connection reset
 */
void sock_reset(int fd);

/**
 * sock_set_nonblock() - set or clear O_NONBLOCK
 */
void sock_set_nonblock(int fd, bool on);

/**
 * sock_fill() - write until the socket takes no more
 *
 * Return:  bytes written; @fd's O_NONBLOCK is as before
 */
long sock_fill(int fd);

#endif /* TESTS_SUPPORT_SOCK_H */
