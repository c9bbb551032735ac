/* SPDX-License-Identifier: MIT */
/*
 * upper_select [ADDR [ADDR2]] - a select loop, ported line by line
 *
 * The well-known select server with its lists and queues: one loop asks which
 * connections can be read and which written, and serves them. select() became
 * gev_select() and close() gev_close(); accept(), recv() and send() are the
 * system calls, on non-blocking descriptors. In return the loop is a greenlet
 * like any other: a second instance serves ADDR2, and a ticker ticks between.
 *
 * select's limit stays: descriptors from FD_SETSIZE (1024) up do not fit into
 * its sets. upper.c has neither the limit nor the lists.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gev.h>

#define BACKLOG 5
#define GRACE   5.0 /* seconds for connections after the first signal */
#define TICK    0.010

struct message {
    struct message *next;
    size_t len;
    size_t sent; /* send() may take a part only */
    char data[1024];
};

/* A list of descriptors, in order of their coming. */
struct list {
    size_t n;
    int fds[FD_SETSIZE];
};

struct connection {
    bool ended;            /* its end of stream has been read */
    struct message *queue; /* answers to send, first one first */
    char address[GEV_ADDRSTRLEN];
};

struct loop {
    int server;
    struct list inputs;
    struct list outputs;
    struct connection *connections[FD_SETSIZE];
    struct list readable; /* the answers of select() */
    struct list writable;
    struct list exceptional;
    struct gev_greenlet *greenlet;
};

/* On the heap or here, not on a greenlet's stack: they outlive a switch. */
static struct loop loops[2];
static int n_loops;
static bool stopping;

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

/* readable, writable, exceptional = select(inputs, outputs, inputs) */
static int do_select(struct loop *l)
{
    fd_set r, w, x;
    int max = -1;

    list_to_set(&l->inputs, &r, &max);
    list_to_set(&l->outputs, &w, &max);
    list_to_set(&l->inputs, &x, &max);
    if (gev_select(max + 1, &r, &w, &x, NULL) < 0) {
        return -1;
    }
    list_from_set(&l->readable, &l->inputs, &r);
    list_from_set(&l->writable, &l->outputs, &w);
    list_from_set(&l->exceptional, &l->inputs, &x);
    return 0;
}

static void drop(struct loop *l, int fd)
{
    struct connection *c = l->connections[fd];

    printf("conn closed\n");
    list_remove(&l->inputs, fd);
    list_remove(&l->outputs, fd);
    while (c->queue) {
        struct message *m = c->queue;

        c->queue = m->next;
        free(m);
    }
    free(c);
    l->connections[fd] = NULL;
    gev_close(fd);
}

static void accept_connection(struct loop *l)
{
    int fd = accept4(l->server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *c;

    if (fd < 0) {
        if (stopping) {
            list_remove(&l->inputs, l->server);
        }
        return;
    }
    c = calloc(1, sizeof *c);
    if (!c || fd >= FD_SETSIZE) {
        fprintf(stderr, "upper_select: no room for a connection\n");
        free(c);
        gev_close(fd);
        return;
    }
    gev_peername(fd, c->address, sizeof c->address);
    printf("new connection from [%s]\n", c->address);
    list_append(&l->inputs, fd);
    l->connections[fd] = c;
}

/* One line: the final newline is left out, what does not print is escaped. */
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

/* The end of the stream: what is queued is still sent. */
static void end_input(struct loop *l, int fd)
{
    l->connections[fd]->ended = true;
    list_remove(&l->inputs, fd);
    if (!list_has(&l->outputs, fd)) {
        drop(l, fd);
    }
}

static void receive(struct loop *l, int fd)
{
    struct connection *c = l->connections[fd];
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
        if (!list_has(&l->outputs, fd)) {
            list_append(&l->outputs, fd);
        }
        return;
    }
    free(m);
    if (n == 0) {
        end_input(l, fd);
    } else if (errno != EAGAIN && errno != EINTR) { /* reset */
        drop(l, fd);
    }
}

static void send_next(struct loop *l, int fd)
{
    struct connection *c = l->connections[fd];
    struct message *m = c->queue;
    ssize_t n;

    if (!m) {
        list_remove(&l->outputs, fd);
        if (c->ended) {
            drop(l, fd);
        }
        return;
    }
    for (size_t i = m->sent; i < m->len; i++) {
        m->data[i] = (char)toupper((unsigned char)m->data[i]);
    }
    n = send(fd, m->data + m->sent, m->len - m->sent, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            drop(l, fd);
        }
        return;
    }
    m->sent += (size_t)n;
    if (m->sent == m->len) {
        c->queue = m->next;
        free(m);
    }
}

/* The program that was ported, as a greenlet. */
static void *serve(void *arg)
{
    struct loop *l = arg;

    list_append(&l->inputs, l->server);
    while ((l->inputs.n > 0 || l->outputs.n > 0) && do_select(l) == 0) {
        for (size_t i = 0; i < l->readable.n; i++) {
            if (l->readable.fds[i] == l->server) {
                accept_connection(l);
            } else {
                receive(l, l->readable.fds[i]);
            }
        }
        for (size_t i = 0; i < l->writable.n; i++) {
            if (list_has(&l->outputs, l->writable.fds[i])) {
                send_next(l, l->writable.fds[i]);
            }
        }
        for (size_t i = 0; i < l->exceptional.n; i++) {
            if (list_has(&l->inputs, l->exceptional.fds[i])) {
                drop(l, l->exceptional.fds[i]);
            }
        }
    }
    while (l->outputs.n > 0) { /* killed: the grace period is over */
        drop(l, l->outputs.fds[0]);
    }
    for (int fd = 0; fd < FD_SETSIZE; fd++) {
        if (l->connections[fd]) {
            drop(l, fd);
        }
    }
    gev_close(l->server);
    return NULL;
}

/* Shows that the loops let others run: how late did the latest tick come? */
static void *tick(void *latest)
{
    double due = gev_now() + TICK;

    while (gev_sleep(TICK) == 0) {
        double now = gev_now();

        if (now - due > *(double *)latest) {
            *(double *)latest = now - due;
        }
        due = now + TICK;
    }
    return NULL;
}

static void *kill_loops(void *arg)
{
    for (int i = 0; i < n_loops; i++) {
        gev_kill(loops[i].greenlet, 0);
    }
    return arg;
}

/* On the hub. A listener that was shut down is readable, and accept() fails. */
static void on_signal(int signo, void *arg)
{
    (void)signo;
    if (stopping) {
        kill_loops(arg);
        return;
    }
    stopping = true;
    for (int i = 0; i < n_loops; i++) {
        gev_shutdown_fd(loops[i].server, SHUT_RDWR);
    }
    gev_unref(gev_spawn_later(GRACE, kill_loops, NULL));
}

static int start(const char *addr)
{
    struct loop *l = &loops[n_loops];
    char real[GEV_ADDRSTRLEN];

    l->server = gev_listen(addr, BACKLOG, 0);
    if (l->server < 0) {
        fprintf(stderr, "upper_select: cannot listen on %s: %s\n", addr,
                errno == EINVAL ? "not an address" : gev_strerror(errno));
        return -1;
    }
    gev_sockname(l->server, real, sizeof real);
    l->greenlet = gev_spawn(serve, l);
    if (!l->greenlet) {
        return -1;
    }
    n_loops++;
    printf("listening on %s\n", real);
    return 0;
}

int main(int argc, char **argv)
{
    static double latest;

    if (argc > 3 || (argc > 1 && argv[1][0] == '-') ||
        (argc > 2 && argv[2][0] == '-')) {
        fprintf(stderr, "usage: upper_select [ADDR [ADDR2]]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    gev_raise_fd_limit();
    gev_signal(SIGINT, on_signal, NULL);
    gev_signal(SIGTERM, on_signal, NULL);
    if (start(argc > 1 ? argv[1] : "127.0.0.1:8888") < 0 ||
        (argc > 2 && start(argv[2]) < 0) || gev_go(tick, &latest) < 0) {
        return 1;
    }
    for (int i = 0; i < n_loops; i++) {
        gev_join(loops[i].greenlet, GEV_FOREVER);
    }
    fprintf(stderr, "the latest tick came %.1f ms late\n", latest * 1e3);
    return 0;
}
