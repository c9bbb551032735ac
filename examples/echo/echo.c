/* SPDX-License-Identifier: MIT */
/* echo [ADDR] - what comes in goes out, for thousands of clients at once */
#include <errno.h>
#include <stdio.h>

#include <gev.h>

/* Runs once per connection, each in a greenlet of its own. */
static void echo(int fd, const struct sockaddr *peer, void *arg)
{
    char buf[16384]; /* costs nothing while gev_read() waits */
    ssize_t n;

    (void)peer;
    (void)arg;
    while ((n = gev_read(fd, buf, sizeof buf)) > 0) {
        if (gev_writeall(fd, buf, (size_t)n) != n) {
            break;
        }
    }
} /* the server closes fd */

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";
    struct gev_server *server = gev_server_new(echo, NULL);
    char real[GEV_ADDRSTRLEN];
    int fd;

    if (argc > 2 || addr[0] == '-') {
        fprintf(stderr, "usage: echo [ADDR]\n");
        return 2;
    }
    gev_raise_fd_limit();
    fd = server ? gev_server_listen(server, addr, 0, 0) : -1;
    /* A signal stops it; then handlers have 5 s. */
    if (fd < 0 || gev_server_stop_on_signals(server, 5.0) < 0) {
        fprintf(stderr, "echo: cannot listen on %s: %s\n", addr,
                errno == EINVAL ? "not an address" : gev_strerror(errno));
        return 1;
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    if (gev_server_run(server) < 0) {
        fprintf(stderr, "echo: %s\n", gev_strerror(errno));
        return 1;
    }
    gev_server_free(server);
    return 0;
}
