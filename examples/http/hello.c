/* SPDX-License-Identifier: MIT */
/* hello [OPTIONS] [ADDR] - says hello, and echoes what is posted */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gev.h>

/* Sends the request's body back, piece by piece as it comes. */
static int echo(struct gev_http *x)
{
    const void *piece;
    ssize_t n;

    if (gev_http_length(x) >= 0) {
        gev_http_set_length(x, gev_http_length(x));
    }
    gev_http_set(x, "Content-Type", "application/octet-stream");
    gev_http_status(x, 200);
    while ((n = gev_http_view(x, &piece)) > 0) {
        if (gev_http_write(x, piece, (size_t)n) < 0) {
            return -1;
        }
    }
    return (int)n;
}

/* Runs once per request, in the greenlet of its connection. */
static int handle(struct gev_http *x, void *arg)
{
    const char *method = gev_http_method(x), *path = gev_http_path(x);

    (void)arg;
    if (!path) {
        return gev_http_error(x, 400, NULL);
    }
    if (strcmp(path, "/") == 0 &&
        (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)) {
        return gev_http_reply(x, 200, "text/plain", "Hello, World!", 13);
    }
    if ((strcmp(path, "/") == 0 || strcmp(path, "/echo") == 0) &&
        strcmp(method, "POST") == 0) {
        return echo(x);
    }
    return gev_http_error(x, 404, NULL);
}

/* Sets the option that @name means. Return: 0, or -1 if there is none. */
static int set(struct gev_http_options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        double *secs;
        unsigned *count;
    } all[] = {
        {"--header-timeout", &o->header_timeout, NULL},
        {"--body-timeout", &o->body_timeout, NULL},
        {"--idle-timeout", &o->idle_timeout, NULL},
        {"--write-timeout", &o->write_timeout, NULL},
        {"--linger-timeout", &o->linger_timeout, NULL},
        {"--min-rate", NULL, &o->min_rate},
        {"--max-requests", NULL, &o->max_requests},
    };

    for (size_t i = 0; value && i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, name) == 0 && all[i].secs) {
            *all[i].secs = atof(value);
            return 0;
        }
        if (strcmp(all[i].name, name) == 0) {
            *all[i].count = (unsigned)atoi(value);
            return 0;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct gev_http_options o;
    struct gev_http_server *server;
    char real[GEV_ADDRSTRLEN];
    int fd, i = 1;

    gev_http_options_init(&o, sizeof o);
    while (i + 1 < argc && set(&o, argv[i], argv[i + 1]) == 0) {
        i += 2;
    }
    if (i + 1 < argc || (i < argc && argv[i][0] == '-')) {
        fprintf(stderr, "usage: hello [--header-timeout S] ... [ADDR]\n");
        return 2;
    }
    gev_raise_fd_limit();
    server = gev_http_server_new(NULL, handle, NULL, &o);
    fd = server ? gev_http_server_listen(server,
                                         i < argc ? argv[i] : "127.0.0.1:8080")
                : -1;
    /* A signal stops it; then requests under way have 5 s. */
    if (fd < 0 || gev_http_server_stop_on_signals(server, 5) < 0) {
        fprintf(stderr, "hello: %s\n", gev_strerror(errno));
        return 1;
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    if (gev_http_server_run(server) < 0) {
        fprintf(stderr, "hello: %s\n", gev_strerror(errno));
        return 1;
    }
    gev_http_server_free(server);
    return 0;
}
