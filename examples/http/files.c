/* SPDX-License-Identifier: MIT */
/* files [--log FILE] [--cache-control VALUE] ... DIR [ADDR] - a static file
   server; /-/metrics has its counters. SIGUSR1 opens the log anew. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

static const char usage[] =
    "usage: files [--log FILE|none] [--cache-control VALUE] [--cache-files N]\n"
    "             [--dot-files 1] [--write-timeout S] [--idle-timeout S]"
    " DIR [ADDR]\n";

/* What the command line says. */
struct args {
    const char *log; /* NULL: standard output */
    const char *dir;
    const char *addr;
    struct gev_http_files_options files;
    struct gev_http_options http;
};

/* Return: 0, or -1 if there is no such option. */
static int set(struct args *a, const char *name, const char *value)
{
    if (strcmp(name, "--log") == 0) {
        a->log = value;
    } else if (strcmp(name, "--cache-control") == 0) {
        a->files.cache_control = value;
    } else if (strcmp(name, "--cache-files") == 0) {
        a->files.cache_files = (unsigned)atoi(value);
    } else if (strcmp(name, "--dot-files") == 0) {
        a->files.dot_files = atoi(value);
    } else if (strcmp(name, "--write-timeout") == 0) {
        a->http.write_timeout = atof(value);
    } else if (strcmp(name, "--idle-timeout") == 0) {
        a->http.idle_timeout = atof(value);
    } else {
        return -1;
    }
    return 0;
}

static int parse(struct args *a, int argc, char **argv)
{
    int i = 1;

    gev_http_files_options_init(&a->files, sizeof a->files);
    gev_http_options_init(&a->http, sizeof a->http);
    a->addr = "127.0.0.1:8080";
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (set(a, argv[i], argv[i + 1]) < 0) {
            return -1;
        }
    }
    if (i >= argc || i + 2 < argc || argv[i][0] == '-') {
        return -1;
    }
    a->dir = argv[i];
    a->addr = i + 1 < argc ? argv[i + 1] : a->addr;
    return 0;
}

int main(int argc, char **argv)
{
    struct args a = {0};
    struct gev_http_log_options lo;
    struct gev_http_log *log = NULL;
    struct gev_http_mux *mux = gev_http_mux_new();

    if (parse(&a, argc, argv) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    struct gev_http_files *files = gev_http_files_new(a.dir, &a.files);
    struct gev_http_server *server =
        gev_http_server_new(NULL, gev_http_mux_handler, mux, &a.http);
    if (!files || !server ||
        gev_http_mux_add(mux, NULL, "/*", gev_http_files_handler, files) < 0 ||
        gev_http_mux_add(mux, "GET", "/-/metrics", gev_http_metrics_handler,
                         server) < 0) {
        return serve_fail("files", a.dir);
    }
    gev_http_log_options_init(&lo, sizeof lo);
    lo.reopen_signal = SIGUSR1;
    if (!a.log || strcmp(a.log, "none") != 0) {
        log = gev_http_log_new(a.log, &lo);
        if (!log || gev_http_server_log(server, log) < 0) {
            return serve_fail("files", a.log ? a.log : "standard output");
        }
    }
    int status = serve("files", server, a.addr, 5);
    gev_http_files_free(files);
    gev_http_mux_free(mux);
    gev_http_log_free(log);
    return status;
}
