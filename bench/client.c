/* SPDX-License-Identifier: MIT */
/*
 * client - send a message, receive its echo, compare every byte.
 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_SOURCES 64

static const char http_request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static bool speaks_http; /* messages are that request */

/* Not in every libc's headers: choose the port at connect(2), see ip(7). */
#define SOCKOPT_BIND_NO_PORT 24

_Noreturn static void fail(const struct client *c, const char *what)
{
    fprintf(stderr, "load: connection %u, message %llu: %s\n", c->id,
            (unsigned long long)c->seq, what);
    exit(1);
}

/* Word k of a message: an odd multiplier per part keeps them all apart. */
static uint64_t pattern_word(const struct client *c, uint64_t k)
{
    return c->id * 0x9e3779b97f4a7c15u + c->seq * 0xc2b2ae3d27d4eb4fu +
           k * 0x165667b19e3779f9u;
}

/* The whole current message; valid until the next call. */
static const char *pattern(const struct client *c, uint32_t size)
{
    static uint64_t words[CLIENT_MAX_MESSAGE / sizeof(uint64_t) + 1];

    for (uint32_t k = 0; k < (size + 7) / 8; k++) {
        words[k] = pattern_word(c, k);
    }
    return (const char *)words;
}

static void watch(struct client *c, int epfd, int op, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data = {.ptr = c}};

    if (epoll_ctl(epfd, op, c->fd, &ev) < 0) {
        fail(c, strerror(errno));
    }
}

/* Gives the socket a source address of its own range, the port left open. */
static void spread_source(const struct client *c, const struct sockaddr_in *to)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1;

    if (ntohl(to->sin_addr.s_addr) >> 24 != 127) {
        return;
    }
    setsockopt(c->fd, IPPROTO_IP, SOCKOPT_BIND_NO_PORT, &on, sizeof on);
    from.sin_addr.s_addr = htonl(0x7f000002u + c->id % N_SOURCES);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0) {
        fail(c, strerror(errno));
    }
}

void client_connect(struct client *c, int epfd, const struct sockaddr_in *to,
                    bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        fail(c, strerror(errno));
    }
    spread_source(c, to);
    if (connect(c->fd, (const struct sockaddr *)to, sizeof *to) < 0) {
        fail(c, strerror(errno));
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (reset) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    c->n_sent = c->n_got = c->n_left = 0;
    c->full = false;
    watch(c, epfd, EPOLL_CTL_ADD, EPOLLIN);
}

void client_speak_http(void)
{
    speaks_http = true;
}

void client_send(struct client *c, int epfd, uint32_t size)
{
    size = speaks_http ? sizeof http_request - 1 : size;
    const char *data = speaks_http ? http_request : pattern(c, size);
    ssize_t n = send(c->fd, data + c->n_sent, size - c->n_sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN) {
        fail(c, strerror(errno));
    }
    c->n_sent += n > 0 ? (uint32_t)n : 0;
    bool full = c->n_sent < size;
    if (full != c->full) {
        c->full = full;
        watch(c, epfd, EPOLL_CTL_MOD, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

/* Up to @room bytes into @buf. Return: 0 for "later"; never an error */
static size_t take(const struct client *c, char *buf, size_t room)
{
    ssize_t n = recv(c->fd, buf, room, MSG_DONTWAIT);

    if (n < 0 && errno != EAGAIN) {
        fail(c, strerror(errno));
    }
    if (n == 0) {
        fail(c, "the server closed the connection");
    }
    return n > 0 ? (size_t)n : 0;
}

/* Bytes of the answer whose head @buf begins with. */
static uint32_t answer_size(const struct client *c, const char *buf)
{
    const char *end = strstr(buf, "\r\n\r\n");
    const char *length = strcasestr(buf, "\r\ncontent-length:");

    if (strncmp(buf, "HTTP/1.1 200 ", 13) != 0 || !end || !length) {
        fail(c, "not an answer with 200 and a length");
    }
    return (uint32_t)(end + 4 - buf) + (uint32_t)atoi(length + 17);
}

/* The same for an HTTP answer, whose head comes in one piece. */
static bool receive_answer(struct client *c)
{
    static char buf[CLIENT_MAX_MESSAGE + 1];
    size_t n = take(c, buf, sizeof buf - 1);

    if (n == 0) {
        return false;
    }
    buf[n] = '\0';
    c->n_left = c->n_left ? c->n_left : answer_size(c, buf);
    if (n > c->n_left) {
        fail(c, "more came back than was asked for");
    }
    c->n_left -= (uint32_t)n;
    if (c->n_left == 0) {
        c->seq++;
        c->n_sent = 0;
    }
    return c->n_left == 0;
}

bool client_receive(struct client *c, uint32_t size)
{
    static char buf[CLIENT_MAX_MESSAGE + 1];
    uint32_t left = size - c->n_got;

    if (speaks_http) {
        return receive_answer(c);
    }
    size_t n = take(c, buf, left + 1);
    if (n == 0) {
        return false;
    }
    if (n > left || (uint32_t)n > c->n_sent - c->n_got) {
        fail(c, "more came back than was sent");
    }
    if (memcmp(buf, pattern(c, size) + c->n_got, n) != 0) {
        fail(c, "the echo differs from what was sent");
    }
    c->n_got += (uint32_t)n;
    if (c->n_got < size) {
        return false;
    }
    c->seq++;
    c->n_sent = c->n_got = 0;
    return true;
}
