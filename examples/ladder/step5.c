/* SPDX-License-Identifier: MIT */
/*
 * step5 [ADDR] - a protocol: each line holds numbers, the answer is their sum.
 * gev_serve() accepts; a stream cuts what comes in into lines, and answers
 * pipelined lines with one write.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gev.h>

#define MAX_LINE 1000

static long sum_of(const char *line)
{
    char *end;
    long sum = 0;

    for (long n = strtol(line, &end, 10); end != line;
         n = strtol(line, &end, 10)) {
        sum += n;
        line = end;
    }
    return sum;
}

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_stream *s = gev_stream_new(fd, GEV_STREAM_KEEP_OPEN);
    char *line;

    (void)peer;
    (void)arg;
    while (s && gev_stream_readline(s, MAX_LINE, &line, NULL) == 1) {
        gev_stream_printf(s, "%ld\r\n", sum_of(line));
    }
    gev_stream_close(s); /* flushes; the server closes fd */
}

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";

    printf("going to serve on %s\n", addr);
    fflush(stdout);
    if (gev_serve(addr, serve, NULL) < 0) { /* until SIGINT or SIGTERM */
        perror("step5");
        return 1;
    }
    return 0;
}
