/* SPDX-License-Identifier: MIT */
/*
 * step6 [ADDR] - time limits. One for each wait, for silence, belongs to the
 * descriptor; one for all that a client may take is a scope around the loop. When it expires
 * every call inside fails with ETIMEDOUT until it is popped; then a last word
 * can still be said.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gev.h>

#define MAX_LINE 1000
#define IDLE     0.5 /* seconds without a byte */
#define AT_MOST  2.0 /* seconds for a whole visit */

static void answer(struct gev_stream *s)
{
    char *line;
    int rc;

    while ((rc = gev_stream_readline(s, MAX_LINE, &line, NULL)) == 1) {
        gev_stream_printf(s, "%zu characters\r\n", strlen(line));
    }
    if (rc < 0 && errno == EMSGSIZE) {
        gev_stream_printf(s, "a line is too long\r\n");
    }
}

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_stream *s = gev_stream_new(fd, GEV_STREAM_KEEP_OPEN);
    int64_t visit = gev_timeout_push(AT_MOST);

    (void)peer;
    (void)arg;
    if (s && visit > 0 && gev_settimeout(fd, IDLE, IDLE) == 0) {
        answer(s);
    }
    if (gev_timeout_pop(visit) == 1) {
        gev_stream_printf(s, "your time is over\r\n");
    }
    gev_stream_close(s);
}

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";

    printf("going to serve on %s\n", addr);
    fflush(stdout);
    if (gev_serve(addr, serve, NULL) < 0) {
        perror("step6");
        return 1;
    }
    return 0;
}
