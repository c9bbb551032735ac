/* SPDX-License-Identifier: MIT */
/*
 * The backdoor: a small server, and a session per connection.
 *
 * Happy path: greet; read a line, run it, send the whole answer; again.
 *
 * Failure modes: the peer is somebody else (told so, closed); a line too long,
 * silence, or an answer that is not read in time (closed); no memory for an
 * answer (the session says so and goes on); killed (closed).
 */
#include <gev/backdoor.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gev/debug.h>
#include <gev/io.h>
#include <gev/server.h>
#include <gev/socket.h>
#include <gev/stream.h>
#include <gev/timeout.h>

#include "core/ret.h"
#include "hub/hub.h"
#include "hub/part.h"
#include "net/address.h"
#include "net/console.h"

#define MAX_SESSIONS  4
#define MAX_LINE      256
#define IDLE_SECONDS  300.0
#define WRITE_SECONDS 10.0

struct backdoor {
    struct gev__part part;
    struct gev_server *server;
    int fd; /* listens */
};

static const struct gev__part_kind kind;

static bool is_loopback(const struct sockaddr_storage *sa)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;

    switch (sa->ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(in6) ||
               (IN6_IS_ADDR_V4MAPPED(in6) &&
                in6->s6_addr[12] == IN_LOOPBACKNET);
    default:
        return false;
    }
}

/* The path's mode keeps others out; this keeps out those who were let in. */
static bool is_permitted(int fd, const struct sockaddr *peer)
{
    struct ucred who;
    socklen_t len = sizeof who;

    if (peer->sa_family != AF_UNIX) {
        return true; /* of the loopback: nobody can say */
    }
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

/* False: it could not be sent in time. */
static bool send_text(int fd, const char *text, size_t len)
{
    int64_t scope = gev_timeout_push(WRITE_SECONDS);
    bool sent = scope > 0 && gev_writeall(fd, text, len) == (ssize_t)len;

    if (scope > 0) {
        (void)gev_timeout_pop(scope);
    }
    return sent;
}

static bool send_string(int fd, const char *text)
{
    return send_text(fd, text, strlen(text));
}

/* False: the session is over. */
static bool read_line(struct gev_stream *s, int fd, char **ret_line)
{
    int64_t scope = gev_timeout_push(IDLE_SECONDS);
    int rc;
    int err;

    if (scope < 0) {
        return false;
    }
    rc = gev_stream_readline(s, MAX_LINE, ret_line, NULL);
    err = errno;
    (void)gev_timeout_pop(scope);
    if (rc < 0 && err == EMSGSIZE) {
        (void)send_string(fd, "error: the line is too long\n");
    }
    /* a last line without an end counts, too: echo -n ps | nc */
    return rc > 0 || (rc == 0 && **ret_line);
}

/* Runs a line. False: the session is over. */
static bool run_line(int fd, char *line)
{
    char *text = NULL;
    size_t len = 0;
    int rc = gev__console_run(line, &text, &len);
    bool go_on;

    if (rc < 0) {
        return send_string(fd, "error: no memory\n");
    }
    go_on = rc > 0 && send_text(fd, text, len);
    free(text);
    return go_on;
}

static void talk(struct gev_stream *s, int fd)
{
    char greeting[100];
    char *line;

    (void)snprintf(greeting, sizeof greeting,
                   "gev backdoor of process %d; \"help\" lists the commands\n",
                   (int)getpid());
    if (!send_string(fd, greeting)) {
        return;
    }
    while (send_string(fd, "gev> ") && read_line(s, fd, &line) &&
           run_line(fd, line)) {
    }
}

static void session(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_stream *s;

    (void)arg;
    (void)gev_set_name(NULL, "backdoor");
    if (!is_permitted(fd, peer)) {
        (void)send_string(fd, "error: not permitted\n");
        return;
    }
    s = gev_stream_new(fd, GEV_STREAM_KEEP_OPEN);
    if (s) {
        talk(s, fd);
        gev_stream_free(s);
    }
}

static int check_address(const char *addr)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int rc = gev__addr_parse(addr, &sa, &len);

    if (rc < 0) {
        return rc;
    }
    return is_loopback(&sa) ? 0 : -EACCES;
}

static int start(struct gev__hub *hub, const char *addr)
{
    struct backdoor *b = calloc(1, sizeof *b);
    int rc;

    if (!b) {
        return -ENOMEM;
    }
    b->server = gev_server_new(session, NULL);
    if (!b->server) {
        goto err;
    }
    hub->tracking = true;
    (void)gev_server_max_connections(b->server, MAX_SESSIONS);
    b->fd = gev_server_listen(b->server, addr, 0, GEV_OWNER_ONLY);
    if (b->fd < 0 || gev_server_start(b->server) < 0) {
        goto err;
    }
    gev__part_add(hub, &b->part, &kind);
    return b->fd;

err:
    rc = -errno;
    gev_server_free(b->server);
    free(b);
    return rc;
}

int gev_backdoor_start(const char *addr)
{
    struct gev__hub *hub;
    int saved_errno = errno;
    int rc = gev__hub_start(&hub);

    if (rc == 0) {
        rc = check_address(addr);
    }
    if (rc == 0 && gev__part_find(hub, &kind)) {
        rc = -EBUSY;
    }
    if (rc == 0) {
        rc = start(hub, addr);
        errno = saved_errno;
    }
    return (int)gev__ret(rc);
}

static void end(struct gev__part *p)
{
    struct backdoor *b = GEV__CONTAINER(p, struct backdoor, part);

    gev__list_remove(&p->link);
    gev_server_free(b->server);
    free(b);
}

/* The connections and the path are the parent's. The server's record stays:
   greenlets that will never run refer to it. */
static void forked(struct gev__part *p)
{
    struct backdoor *b = GEV__CONTAINER(p, struct backdoor, part);

    gev__list_remove(&p->link);
    close(b->fd);
    gev_fd_forget(b->fd);
    free(b);
}

static const struct gev__part_kind kind = {.end = end, .fork = forked};

int gev_backdoor_stop(void)
{
    struct gev__hub *hub = gev__hub_tls;
    struct gev__part *p;

    if (!hub || hub->forked) {
        return (int)gev__ret(-EINVAL);
    }
    p = gev__part_find(hub, &kind);
    if (!p) {
        return (int)gev__ret(-EINVAL);
    }
    end(p);
    return 0;
}
