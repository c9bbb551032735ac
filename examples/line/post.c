/* SPDX-License-Identifier: MIT */
/* post [ADDR] - takes mail and prints it: a greenlet instead of a state machine
 *
 * SMTP in small. What a callback server keeps in a state variable and a switch
 * is here the place in the code: after MAIL comes RCPT, after DATA the text.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <gev.h>

#define LINE_MAX_LEN 1000 /* RFC 5321, 4.5.3.1.6 */
#define TEXT_MAX_LEN (1 << 20)
#define PATIENCE     60.0 /* seconds without a byte */

/* The next line; NULL when there is none: end, error, or too long. */
static char *next_line(struct gev_stream *s)
{
    char *line;
    int r = gev_stream_readline(s, LINE_MAX_LEN, &line, NULL);

    if (r < 0 && errno == EMSGSIZE) {
        gev_stream_printf(s, "500 line too long\r\n");
    }
    return r == 1 ? line : NULL;
}

/* Waits for a command, whatever else the client says meanwhile. Its argument,
 * or NULL when the client has gone. */
static char *await(struct gev_stream *s, const char *command)
{
    size_t n = strlen(command);
    char *line;

    while ((line = next_line(s))) {
        if (strncasecmp(line, command, n) == 0) {
            return line + n;
        }
        if (strcasecmp(line, "QUIT") == 0) {
            gev_stream_printf(s, "221 bye\r\n");
            return NULL;
        }
        if (strcasecmp(line, "NOOP") == 0) {
            gev_stream_printf(s, "250 ok\r\n");
        } else {
            gev_stream_printf(s, "503 now it is time for %s\r\n", command);
        }
    }
    return NULL;
}

/* Prints the text up to a line with a dot. -1 when the client has gone. */
static int take_text(struct gev_stream *s)
{
    size_t room = TEXT_MAX_LEN;
    char *line;

    while ((line = next_line(s)) && strcmp(line, ".") != 0) {
        line += *line == '.'; /* dots at the start are doubled */
        if (strlen(line) + 1 > room) {
            return -1;
        }
        room -= strlen(line) + 1;
        printf("%s\n", line);
    }
    return line ? 0 : -1;
}

/* The whole protocol, in the order in which it is spoken. */
static void converse(struct gev_stream *s)
{
    gev_stream_printf(s, "220 at your service\r\n");
    if (!await(s, "HELO ")) {
        return;
    }
    gev_stream_printf(s, "250 hello\r\n");
    for (;;) {
        char *arg = await(s, "MAIL FROM:");
        if (!arg) {
            return;
        }
        printf("from %s\n", arg);
        gev_stream_printf(s, "250 ok\r\n");
        if (!(arg = await(s, "RCPT TO:"))) {
            return;
        }
        printf("to %s\n", arg);
        gev_stream_printf(s, "250 ok\r\n");
        if (!await(s, "DATA")) {
            return;
        }
        gev_stream_printf(s, "354 end with a dot\r\n");
        if (take_text(s) < 0) {
            return;
        }
        fflush(stdout);
        gev_stream_printf(s, "250 taken\r\n");
    }
}

static void serve(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_stream *s = gev_stream_new(fd, GEV_STREAM_KEEP_OPEN);

    (void)peer;
    (void)arg;
    if (s && gev_settimeout(fd, PATIENCE, PATIENCE) == 0) {
        converse(s);
    }
    (void)gev_stream_close(s); /* sends what is left, such as "221 bye" */
} /* the server closes fd */

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:2525";

    if (argc > 2 || addr[0] == '-') {
        fprintf(stderr, "usage: post [ADDR]\n");
        return 2;
    }
    if (gev_serve(addr, serve, NULL) < 0) { /* until a signal */
        fprintf(stderr, "post: %s: %s\n", addr, gev_strerror(errno));
        return 1;
    }
    return 0;
}
