/* SPDX-License-Identifier: MIT */
/*
 * What the servers here have in common: listen, say where, run until a signal
 */
#ifndef EXAMPLES_HTTP_SERVE_H
#define EXAMPLES_HTTP_SERVE_H

#include <errno.h>
#include <stdio.h>

#include <gev.h>

static inline int serve_fail(const char *name, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", name, what, gev_strerror(errno));
    return 1;
}

/* SIGINT or SIGTERM stops it; then requests under way have @grace seconds.
   Return: the exit status. */
static inline int serve(const char *name, struct gev_http_server *s,
                        const char *addr, double grace)
{
    char real[GEV_ADDRSTRLEN];
    int fd;

    gev_raise_fd_limit();
    fd = gev_http_server_listen(s, addr);
    if (fd < 0 || gev_http_server_stop_on_signals(s, grace) < 0) {
        return serve_fail(name, addr);
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    if (gev_http_server_run(s) < 0) {
        return serve_fail(name, addr);
    }
    gev_http_server_free(s);
    return 0;
}

#endif
