/* SPDX-License-Identifier: MIT */
/*
 * step8 [ADDR] - all of it: a limited number of connections, time limits, work
 * in the background, and an orderly stop. SIGINT or SIGTERM: nobody new is let
 * in, who is inside has two seconds, the rest is killed.
 */
#include <stdio.h>
#include <time.h>

#include <gev.h>

#define MAX_LINE  1000
#define MAX_CONNS 1000
#define IDLE      30.0 /* seconds without a byte */
#define GRACE     2.0  /* seconds to finish in */

struct state {
    unsigned long n_lines; /* answered; one greenlet at a time: no lock */
    char clock[32];        /* kept by the background greenlet */
};

static void *keep_clock(void *arg)
{
    struct state *state = arg;

    do {
        time_t now = time(NULL);

        strftime(state->clock, sizeof state->clock, "%H:%M:%S",
                 localtime(&now));
    } while (gev_sleep(1) == 0);
    return NULL; /* killed */
}

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_stream *s = gev_stream_new(fd, GEV_STREAM_KEEP_OPEN);
    struct state *state = arg;
    char *line;

    (void)peer;
    if (s && gev_settimeout(fd, IDLE, IDLE) == 0) {
        while (gev_stream_readline(s, MAX_LINE, &line, NULL) == 1) {
            gev_stream_printf(s, "%s %lu %s\r\n", state->clock,
                              ++state->n_lines, line);
        }
    }
    gev_stream_close(s);
}

static int run(struct gev_server *server, const char *addr)
{
    char real[GEV_ADDRSTRLEN];
    int fd;

    gev_server_max_connections(server, MAX_CONNS);
    fd = gev_server_listen(server, addr, 0, 0);
    if (fd < 0 || gev_server_stop_on_signals(server, GRACE) < 0) {
        return -1;
    }
    gev_sockname(fd, real, sizeof real);
    printf("listening on %s\n", real);
    fflush(stdout);
    return gev_server_run(server);
}

int main(int argc, char **argv)
{
    static struct state state;
    struct gev_server *server = gev_server_new(serve, &state);
    struct gev_greenlet *clock = gev_spawn(keep_clock, &state);
    int rc = -1;

    if (server && clock) {
        rc = run(server, argc > 1 ? argv[1] : "127.0.0.1:8888");
    }
    if (rc < 0) {
        perror("step8");
    } else {
        printf("%lu lines\n", state.n_lines);
    }
    gev_server_free(server);
    if (clock) {
        gev_kill(clock, GEV_FOREVER);
        gev_unref(clock);
    }
    return rc < 0;
}
