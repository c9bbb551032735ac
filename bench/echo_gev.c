/* SPDX-License-Identifier: MIT */
/*
 * echo_gev - the echo server on gev, with the buffer on the handler's stack.
 *
 * What examples/echo/echo.c shows to users, plus --small: the same handler with
 * a 64-byte buffer. The 16 KiB one must cost neither time nor memory more,
 * since bytes about to be received into are never saved (the dead range).
 */
#include <gev.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    char buf[16384];

    (void)peer, (void)arg;
    for (;;) {
        ssize_t n = gev_read(fd, buf, sizeof buf);
        if (n <= 0 || gev_writeall(fd, buf, (size_t)n) != n) {
            return;
        }
    }
}

static void serve_small(int fd, const struct sockaddr *peer, void *arg)
{
    char buf[64];

    (void)peer, (void)arg;
    for (;;) {
        ssize_t n = gev_read(fd, buf, sizeof buf);
        if (n <= 0 || gev_writeall(fd, buf, (size_t)n) != n) {
            return;
        }
    }
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
    bool small = argc > 2 && strcmp(argv[2], "--small") == 0;
    static char default_addr[] = "127.0.0.1:8888";
    char *addr = argc > 1 ? argv[1] : default_addr;

    if (gev_go(announce, addr) < 0 ||
        gev_serve(addr, small ? serve_small : serve, NULL) < 0) {
        perror(addr);
        return 1;
    }
    return 0;
}
