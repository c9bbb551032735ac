/* SPDX-License-Identifier: MIT */
/*
 * upper_plain ADDR - examples/echo/upper_select.c as it was before the port:
 * select(2), no gev. Upper and upper_select must answer what it answers.
 * ADDR is 127.0.0.1:PORT. It ends when it is killed.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 5

struct message {
    struct message *next;
    size_t len;
    size_t sent;
    char data[1024];
};

struct list {
    size_t n;
    int fds[FD_SETSIZE];
};

struct connection {
    bool ended;
    struct message *queue;
    char address[64];
};

static int server;
static struct list inputs;
static struct list outputs;
static struct connection *connections[FD_SETSIZE];
static struct list readable, writable, exceptional;

static bool list_has(const struct list *l, int fd)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->fds[i] == fd) {
            return true;
        }
    }
    return false;
}

static void list_append(struct list *l, int fd)
{
    l->fds[l->n++] = fd;
}

static void list_remove(struct list *l, int fd)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (l->fds[i] != fd) {
            l->fds[kept++] = l->fds[i];
        }
    }
    l->n = kept;
}

static void list_to_set(const struct list *l, fd_set *set, int *max)
{
    FD_ZERO(set);
    for (size_t i = 0; i < l->n; i++) {
        FD_SET(l->fds[i], set);
        *max = l->fds[i] > *max ? l->fds[i] : *max;
    }
}

static void list_from_set(struct list *l, const struct list *of,
                          const fd_set *set)
{
    l->n = 0;
    for (size_t i = 0; i < of->n; i++) {
        if (FD_ISSET(of->fds[i], set)) {
            list_append(l, of->fds[i]);
        }
    }
}

static int do_select(void)
{
    fd_set r, w, x;
    int max = -1;

    list_to_set(&inputs, &r, &max);
    list_to_set(&outputs, &w, &max);
    list_to_set(&inputs, &x, &max);
    if (select(max + 1, &r, &w, &x, NULL) < 0) {
        return -1;
    }
    list_from_set(&readable, &inputs, &r);
    list_from_set(&writable, &outputs, &w);
    list_from_set(&exceptional, &inputs, &x);
    return 0;
}

static void drop(int fd)
{
    struct connection *c = connections[fd];

    printf("conn closed\n");
    list_remove(&inputs, fd);
    list_remove(&outputs, fd);
    while (c->queue) {
        struct message *m = c->queue;

        c->queue = m->next;
        free(m);
    }
    free(c);
    connections[fd] = NULL;
    close(fd);
}

static void accept_connection(void)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    int fd = accept4(server, (struct sockaddr *)&peer, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *c;

    if (fd < 0) {
        return;
    }
    c = calloc(1, sizeof *c);
    if (!c || fd >= FD_SETSIZE) {
        free(c);
        close(fd);
        return;
    }
    snprintf(c->address, sizeof c->address, "%s:%d", inet_ntoa(peer.sin_addr),
             ntohs(peer.sin_port));
    printf("new connection from [%s]\n", c->address);
    list_append(&inputs, fd);
    connections[fd] = c;
}

static void print_received(const char *who, const char *data, size_t n)
{
    printf("recv data from [%s]: ", who);
    if (n > 0 && data[n - 1] == '\n') {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)data[i];

        printf(isprint(c) ? "%c" : "\\x%02x", c);
    }
    printf("\n");
}

static void end_input(int fd)
{
    connections[fd]->ended = true;
    list_remove(&inputs, fd);
    if (!list_has(&outputs, fd)) {
        drop(fd);
    }
}

static void receive(int fd)
{
    struct connection *c = connections[fd];
    struct message *m = calloc(1, sizeof *m);
    struct message **end = &c->queue;
    ssize_t n = m ? recv(fd, m->data, sizeof m->data, 0) : -1;

    if (n > 0) {
        m->len = (size_t)n;
        print_received(c->address, m->data, m->len);
        while (*end) {
            end = &(*end)->next;
        }
        *end = m;
        if (!list_has(&outputs, fd)) {
            list_append(&outputs, fd);
        }
        return;
    }
    free(m);
    if (n == 0) {
        end_input(fd);
    } else if (errno != EAGAIN && errno != EINTR) {
        drop(fd);
    }
}

static void send_next(int fd)
{
    struct connection *c = connections[fd];
    struct message *m = c->queue;
    ssize_t n;

    if (!m) {
        list_remove(&outputs, fd);
        if (c->ended) {
            drop(fd);
        }
        return;
    }
    for (size_t i = m->sent; i < m->len; i++) {
        m->data[i] = (char)toupper((unsigned char)m->data[i]);
    }
    n = send(fd, m->data + m->sent, m->len - m->sent, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop(fd);
        }
        return;
    }
    m->sent += (size_t)n;
    if (m->sent == m->len) {
        c->queue = m->next;
        free(m);
    }
}

static void serve(void)
{
    list_append(&inputs, server);
    while (inputs.n > 0 && do_select() == 0) {
        for (size_t i = 0; i < readable.n; i++) {
            if (readable.fds[i] == server) {
                accept_connection();
            } else {
                receive(readable.fds[i]);
            }
        }
        for (size_t i = 0; i < writable.n; i++) {
            if (list_has(&outputs, writable.fds[i])) {
                send_next(writable.fds[i]);
            }
        }
        for (size_t i = 0; i < exceptional.n; i++) {
            if (list_has(&inputs, exceptional.fds[i])) {
                drop(exceptional.fds[i]);
            }
        }
    }
}

static int listen_on(const char *addr)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    socklen_t len = sizeof sa;
    const char *colon = strrchr(addr, ':');

    server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sa.sin_port = htons((uint16_t)atoi(colon ? colon + 1 : "0"));
    if (server < 0 || bind(server, (struct sockaddr *)&sa, len) < 0 ||
        listen(server, BACKLOG) < 0 ||
        getsockname(server, (struct sockaddr *)&sa, &len) < 0) {
        return -1;
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(sa.sin_port));
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2 || listen_on(argv[1]) < 0) {
        perror("upper_plain");
        return 1;
    }
    serve();
    return 0;
}
