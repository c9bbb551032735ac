/* SPDX-License-Identifier: MIT */
/*
 * relay_rw - a relay on gev by hand: a read and a write, over and over.
 *
 * What gev_relay_both() (examples/proxy) is compared with: the bytes pass
 * through a 64 KiB buffer, one greenlet for each direction.
 */
#include <gev.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BUFFER 65536

/* The two ends of one direction. */
struct way {
    int from, to;
};

static void *carry(void *arg)
{
    struct way way = *(struct way *)arg;
    char *buf = malloc(BUFFER);
    ssize_t n = -1;

    while (buf && (n = gev_read(way.from, buf, BUFFER)) > 0) {
        if (gev_writeall(way.to, buf, (size_t)n) != n) {
            break;
        }
    }
    shutdown(way.to, SHUT_WR);
    free(buf);
    return NULL;
}

static void relay(int client, const struct sockaddr *peer, void *target_addr)
{
    int target = gev_dial(target_addr, 5);
    struct way there = {client, target}, back = {target, client};

    (void)peer;
    if (target < 0) {
        return;
    }
    struct gev_greenlet *g = gev_spawn_copy(carry, &there, sizeof there);
    carry(&back);
    if (g) {
        (void)gev_join(g, GEV_FOREVER);
        gev_unref(g);
    }
    gev_close(target);
}

/* Runs when gev_serve() waits for the first time, so the socket listens. */
static void *announce(void *addr)
{
    printf("listening on %s\n", (const char *)addr);
    fflush(stdout);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: relay_rw ADDR TARGET\n");
        return 2;
    }
    if (gev_go(announce, argv[1]) < 0 ||
        gev_serve(argv[1], relay, argv[2]) < 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
