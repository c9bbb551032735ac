/* SPDX-License-Identifier: MIT */
/* proxy LISTEN TARGET - what arrives at one address goes on to another */
#include <errno.h>
#include <stdio.h>

#include <gev.h>

#define CONNECT_WITHIN 5.0   /* seconds */
#define IDLE_AT_MOST   300.0 /* seconds without a byte either way */

/* Runs once per connection, each in a greenlet of its own. */
static void forward(int client, const struct sockaddr *peer, void *arg)
{
    const char *target_addr = arg;
    int target = gev_dial(target_addr, CONNECT_WITHIN);

    (void)peer;
    if (target < 0) {
        fprintf(stderr, "proxy: %s: %s\n", target_addr, gev_strerror(errno));
        return;
    }
    /* Both directions, each ended by its own side; a fast sender waits for a
     * slow receiver. That it failed is for client and target to see. */
    (void)gev_relay_both(client, target, IDLE_AT_MOST, NULL);
    gev_close(target);
} /* the server closes client */

int main(int argc, char **argv)
{
    struct gev_server *server;
    struct sockaddr_storage sa;
    socklen_t len;
    char real[GEV_ADDRSTRLEN];
    int fd;

    if (argc != 3 || argv[1][0] == '-') {
        fprintf(stderr, "usage: proxy LISTEN TARGET\n");
        return 2;
    }
    if (gev_addr_parse(argv[2], &sa, &len) < 0) {
        fprintf(stderr, "proxy: %s: not an address\n", argv[2]);
        return 1;
    }
    gev_raise_fd_limit();
    server = gev_server_new(forward, argv[2]);
    fd = server ? gev_server_listen(server, argv[1], 0, 0) : -1;
    /* A signal stops it; then connections have 5 s. */
    if (fd < 0 || gev_server_stop_on_signals(server, 5.0) < 0) {
        fprintf(stderr, "proxy: cannot listen on %s: %s\n", argv[1],
                errno == EINVAL ? "not an address" : gev_strerror(errno));
        return 1;
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    if (gev_server_run(server) < 0) {
        fprintf(stderr, "proxy: %s\n", gev_strerror(errno));
        return 1;
    }
    gev_server_free(server);
    return 0;
}
