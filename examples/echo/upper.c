/* SPDX-License-Identifier: MIT */
/*
 * upper [ADDR] - answers in capitals: the select server as if calls blocked
 *
 * upper_select.c does the same with a select loop. What is gone here: the lists
 * of connections to read and to write, the queue of each connection, and the
 * limit of 1024 descriptors. A client that does not read what it is sent is not
 * read from either, so nothing piles up.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include <gev.h>

#define BACKLOG 5
#define GRACE   5.0 /* seconds for connections after the first signal */

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

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    char who[GEV_ADDRSTRLEN] = "?";
    char data[1024];
    ssize_t n;

    (void)peer;
    (void)arg;
    gev_peername(fd, who, sizeof who);
    printf("new connection from [%s]\n", who);
    while ((n = gev_recv(fd, data, sizeof data, 0)) > 0) {
        print_received(who, data, (size_t)n);
        for (ssize_t i = 0; i < n; i++) {
            data[i] = (char)toupper((unsigned char)data[i]);
        }
        if (gev_writeall(fd, data, (size_t)n) != n) {
            break;
        }
    }
    printf("conn closed\n");
}

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";
    struct gev_server *server = gev_server_new(serve, NULL);
    char real[GEV_ADDRSTRLEN];
    int fd;

    if (argc > 2 || addr[0] == '-') {
        fprintf(stderr, "usage: upper [ADDR]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    gev_raise_fd_limit();
    fd = gev_server_listen(server, addr, BACKLOG, 0);
    if (fd < 0) {
        fprintf(stderr, "upper: cannot listen on %s: %s\n", addr,
                errno == EINVAL ? "not an address" : gev_strerror(errno));
        return 1;
    }
    gev_server_stop_on_signals(server, GRACE);
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    if (gev_server_run(server) < 0) {
        fprintf(stderr, "upper: %s\n", gev_strerror(errno));
        return 1;
    }
    gev_server_free(server);
    return 0;
}
