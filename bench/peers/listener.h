/* SPDX-License-Identifier: MIT */
/*
 * listener - what the baseline servers share, so that they differ in nothing
 * but how they wait: limits, the listening socket, accepted sockets' options.
 */
#ifndef BENCH_PEERS_LISTENER_H
#define BENCH_PEERS_LISTENER_H

/* The buffer every echo server reads into. */
#define ECHO_BUFFER 16384

/**
 * listener_open() - listen on "HOST:PORT" as every echo server here does
 * @argc: main's argument count
 * @argv: main's arguments; argv[1] is the numeric IPv4 address, 127.0.0.1:8888
 *        if missing
 *
 * Raises the fd limit to the hard limit, makes SIGTERM end the process with
 * status 0, prints "listening on HOST:PORT". Ends the process on failure.
 *
 * Return: a non-blocking listening socket with backlog SOMAXCONN
 */
int listener_open(int argc, char **argv);

/**
 * listener_accept() - take one connection off the backlog
 * @fd: the listening socket
 *
 * Return: a non-blocking socket with TCP_NODELAY; -1 with errno as accept4(2)
 */
int listener_accept(int fd);

/** listener_max_fds() - Return: the soft fd limit, to size tables by fd */
int listener_max_fds(void);

/** die() - print @what with errno's text and end the process with status 1 */
_Noreturn void die(const char *what);

#endif
