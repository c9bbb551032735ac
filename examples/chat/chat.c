/* SPDX-License-Identifier: MIT */
/*
 * chat [ADDR] - rooms to talk in. The first line of a client is its name; then
 * "/join ROOM", "/quit", or something to say to the room.
 *
 * Each client has two greenlets: one reads its lines, one writes what is in its
 * outbox. Saying something puts it into the outbox of everybody in the room and
 * never waits: whoever reads so slowly that its outbox is full is dropped.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gev.h>

#define MAX_LINE 1000
#define MAX_NAME 31
#define OUTBOX   64 /* messages that a slow reader may be behind */

struct message {
    int refs; /* outboxes it is in */
    size_t len;
    char text[MAX_NAME + MAX_LINE + 8];
};

struct client {
    struct client *next; /* of all clients */
    struct gev_queue *outbox;
    int fd;
    char name[MAX_NAME + 1];
    char room[MAX_NAME + 1];
};

static struct client *clients;

static void message_unref(struct message *m)
{
    if (--m->refs == 0) {
        free(m);
    }
}

/* Says it to everybody in a room. */
__attribute__((format(printf, 2, 3))) static void say(const char *room,
                                                      const char *fmt, ...)
{
    struct message *m = malloc(sizeof *m);
    va_list ap;

    if (!m) {
        return;
    }
    va_start(ap, fmt);
    m->len = (size_t)vsnprintf(m->text, sizeof m->text, fmt, ap);
    va_end(ap);
    m->refs = 1;
    for (const struct client *c = clients; c; c = c->next) {
        if (strcmp(c->room, room) != 0) {
            continue;
        }
        if (gev_queue_put(c->outbox, m, 0) == 0) {
            m->refs++;
        } else { /* too slow: its reads end now, and so does it */
            shutdown(c->fd, SHUT_RDWR);
        }
    }
    message_unref(m);
}

static void *write_outbox(void *arg)
{
    const struct client *c = arg;
    void *item;

    while (gev_queue_get(c->outbox, &item, GEV_FOREVER) == 0) {
        struct message *m = item;
        ssize_t n = gev_writeall(c->fd, m->text, m->len);

        message_unref(m);
        if (n < 0) {
            break;
        }
    }
    return NULL;
}

static void move(struct client *c, const char *room)
{
    if (c->room[0]) {
        say(c->room, "* %s left\n", c->name);
    }
    snprintf(c->room, sizeof c->room, "%s", room);
    if (c->room[0]) {
        say(c->room, "* %s joined %s\n", c->name, c->room);
    }
}

static void talk(struct client *c, struct gev_stream *s)
{
    char *line;

    if (gev_stream_readline(s, MAX_NAME, &line, NULL) != 1) {
        return;
    }
    snprintf(c->name, sizeof c->name, "%s", line);
    move(c, "lobby");
    while (gev_stream_readline(s, MAX_LINE, &line, NULL) == 1) {
        if (strncmp(line, "/join ", 6) == 0) {
            move(c, line + 6);
        } else if (strcmp(line, "/quit") == 0) {
            break;
        } else {
            say(c->room, "<%s> %s\n", c->name, line);
        }
    }
}

static void enter(struct client *c)
{
    c->next = clients;
    clients = c;
}

static void leave(struct client *c)
{
    struct client **at = &clients;

    move(c, "");
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
}

/* Gives the writer a second for what is in the outbox. */
static void finish(const struct client *c, struct gev_greenlet *writer)
{
    void *item;

    gev_queue_shutdown(c->outbox, 0);
    if (gev_join(writer, 1) < 0) {
        gev_kill(writer, GEV_FOREVER);
    }
    gev_unref(writer);
    while (gev_queue_get(c->outbox, &item, 0) == 0) {
        message_unref(item);
    }
}

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    struct client *c = calloc(1, sizeof *c); /* others will look at it */
    struct gev_stream *s = gev_stream_new(fd, GEV_STREAM_KEEP_OPEN);
    struct gev_queue *outbox = gev_queue_new(OUTBOX);
    struct gev_greenlet *writer = NULL;

    (void)peer;
    (void)arg;
    if (c && s && outbox) {
        c->outbox = outbox;
        c->fd = fd;
        writer = gev_spawn(write_outbox, c);
    }
    if (writer) {
        enter(c);
        talk(c, s);
        gev_shield_begin(); /* a killed one, too, takes its leave */
        leave(c);
        finish(c, writer);
        gev_shield_end();
    }
    gev_queue_free(outbox);
    gev_stream_close(s);
    free(c);
}

int main(int argc, char **argv)
{
    struct gev_server *server = gev_server_new(serve, NULL);
    char real[GEV_ADDRSTRLEN];
    int fd = -1;

    if (server) {
        fd = gev_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8888", 0,
                               0);
    }
    if (fd < 0 || gev_server_stop_on_signals(server, 2) < 0) {
        perror("chat");
        return 1;
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    gev_server_run(server);
    gev_server_free(server);
    return 0;
}
