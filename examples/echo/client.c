/* SPDX-License-Identifier: MIT */
/*
 * client [ADDR] - talks to echo and upper: a line out, an answer in
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gev.h>

#define CHUNK 1024

/* Lines of more than CHUNK bytes go in several pieces. */
static int talk(int fd)
{
    int tty = isatty(STDIN_FILENO);
    char line[CHUNK + 1];
    char answer[CHUNK];
    ssize_t n;

    for (;;) {
        if (tty) {
            fputs("> ", stdout);
            fflush(stdout);
        }
        /* May block the process: nobody else lives here. */
        if (!fgets(line, sizeof line, stdin)) {
            return 0;
        }
        n = (ssize_t)strlen(line);
        if (gev_writeall(fd, line, (size_t)n) != n) {
            break;
        }
        n = gev_recv(fd, answer, sizeof answer, 0);
        if (n <= 0) {
            break;
        }
        fwrite(answer, 1, (size_t)n, stdout);
        fflush(stdout);
    }
    fprintf(stderr, "client: %s\n",
            n == 0 ? "the server closed the connection" : gev_strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";
    int fd, status;

    if (argc > 2 || addr[0] == '-') {
        fprintf(stderr, "usage: client [ADDR]\n");
        return 2;
    }
    fd = gev_dial(addr, 10.0);
    if (fd < 0) {
        fprintf(stderr, "client: cannot connect to %s: %s\n", addr,
                errno == EINVAL ? "not an address" : gev_strerror(errno));
        return 1;
    }
    status = talk(fd);
    gev_close(fd);
    return status;
}
