/* SPDX-License-Identifier: MIT */
/*
 * client - one connection of the load generator and its current message.
 *
 * A message's bytes follow from the connection's id and the message's number,
 * so a reply that is lost, repeated, torn, or belongs to another connection
 * cannot pass the comparison. Nothing is stored but the offsets.
 *
 * After client_speak_http() a message is GET / and its echo a 200 answer with
 * a Content-Length, of which the status and the length are checked.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define CLIENT_MAX_MESSAGE (256 * 1024)

/* One connection; one message is on its way at most. */
struct client {
    int fd;           /* connected socket, or -1 */
    uint32_t id;      /* part of the pattern */
    uint64_t seq;     /* number of the current message, part of the pattern */
    uint32_t n_sent;  /* bytes of it sent */
    uint32_t n_got;   /* bytes of its echo received and checked */
    uint32_t n_left;  /* HTTP: bytes of the answer that are still to come */
    bool full;        /* waits for room to send: watched for EPOLLOUT too */
    uint64_t start;   /* when the operation began, or was due, clock_ns() */
    uint64_t n_begun; /* open loop: operations begun */
    bool busy;        /* open loop: one is on its way */
};

/**
 * client_connect() - connect and watch for replies
 * @c:     connection to fill; its id decides the source address
 * @epfd:  epoll instance; the event's data.ptr will be @c
 * @to:    the server
 * @reset: close with a reset later instead of an orderly end
 *
 * Source addresses 127.0.0.2 .. 127.0.0.65 are taken in turn if the server is
 * on 127/8: each has its own ephemeral ports, and TIME_WAIT holds a port for 60
 * seconds. connect(2) blocks, which on loopback is over at once.
 *
 * Ends the process on failure, with the reason.
 */
void client_connect(struct client *c, int epfd, const struct sockaddr_in *to,
                    bool reset);

/** client_speak_http() - from now on messages are HTTP requests */
void client_speak_http(void);

/**
 * client_send() - begin or go on sending the current message
 * @c:    connection
 * @epfd: where its watcher is
 * @size: bytes per message
 */
void client_send(struct client *c, int epfd, uint32_t size);

/**
 * client_receive() - take what has arrived and compare it
 * @c:    connection with input, or with an error that the read will tell
 * @size: bytes per message
 *
 * Ends the process if a byte is wrong, surplus, or the server hangs up.
 *
 * Return: true once the whole echo has come; the next message is then current
 */
bool client_receive(struct client *c, uint32_t size);

#endif
