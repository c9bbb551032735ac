/* SPDX-License-Identifier: MIT */
/*
 * select_echo [PORT] - sends back what it gets, in capitals, with select(2)
 *
 * A plain C program that knows nothing of gev: one loop for all connections, a
 * queue of messages for each. embed.c runs it in greenlets as it is, and
 * gev-run select_echo runs it with libgev_patch.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

struct message {
    struct message *next;
    size_t len, sent;
    char data[1024];
};

struct server {
    int listener, max;
    fd_set inputs, outputs;
    struct message *queue[FD_SETSIZE];
};

static void drop(struct server *s, int fd)
{
    FD_CLR(fd, &s->inputs);
    FD_CLR(fd, &s->outputs);
    for (struct message *m; (m = s->queue[fd]) != NULL; free(m)) {
        s->queue[fd] = m->next;
    }
    close(fd);
}

static void take_connection(struct server *s)
{
    int fd = accept(s->listener, NULL, NULL);

    if (fd < 0) {
        return;
    }
    if (fd >= FD_SETSIZE) {
        close(fd);
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    FD_SET(fd, &s->inputs);
    s->max = fd > s->max ? fd : s->max;
}

static void take_message(struct server *s, int fd)
{
    struct message *m = calloc(1, sizeof *m), **end = &s->queue[fd];
    ssize_t n = m ? recv(fd, m->data, sizeof m->data, 0) : -1;

    if (n <= 0) {
        free(m);
        drop(s, fd);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        m->data[i] = (char)toupper((unsigned char)m->data[i]);
    }
    m->len = (size_t)n;
    while (*end) {
        end = &(*end)->next;
    }
    *end = m;
    FD_SET(fd, &s->outputs);
}

static void give_message(struct server *s, int fd)
{
    struct message *m = s->queue[fd];
    ssize_t n;

    if (!m) {
        FD_CLR(fd, &s->outputs);
        return;
    }
    n = send(fd, m->data + m->sent, m->len - m->sent, MSG_NOSIGNAL);
    if (n < 0) {
        drop(s, fd);
        return;
    }
    m->sent += (size_t)n;
    if (m->sent == m->len) {
        s->queue[fd] = m->next;
        free(m);
    }
}

static int serve(struct server *s)
{
    fd_set r, w, x;

    FD_SET(s->listener, &s->inputs);
    s->max = s->listener;
    for (;;) {
        r = s->inputs;
        w = s->outputs;
        x = s->inputs;
        if (select(s->max + 1, &r, &w, &x, NULL) < 0) {
            return -1;
        }
        for (int fd = 0; fd <= s->max; fd++) {
            if (FD_ISSET(fd, &r) && fd == s->listener) {
                take_connection(s);
            } else if (FD_ISSET(fd, &r)) {
                take_message(s, fd);
            }
            if (FD_ISSET(fd, &w) && FD_ISSET(fd, &s->outputs)) {
                give_message(s, fd);
            }
            if (FD_ISSET(fd, &x) && FD_ISSET(fd, &s->inputs)) {
                drop(s, fd);
            }
        }
    }
}

static int open_listener(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        listen(fd, BACKLOG) < 0) {
        close(fd);
        return -1;
    }
    getsockname(fd, (struct sockaddr *)&sa, &len);
    printf("listening on 127.0.0.1:%d\n", ntohs(sa.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s) {
        return EXIT_FAILURE;
    }
    s->listener = open_listener(argc > 1 ? atoi(argv[1]) : 10000);
    if (s->listener < 0 || serve(s) < 0) {
        perror("select_echo");
    }
    free(s);
    return EXIT_FAILURE;
}
