/* SPDX-License-Identifier: MIT */
/*
 * Something to look at: a server with a monitor and a backdoor, and a handler
 * that keeps the hub when it is sent a long line. docs/seeing.md looks at it.
 *
 *   seeing 127.0.0.1:8888 unix:/tmp/seeing.gev
 *
 * SIGUSR1 prints what all greenlets do.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <gev.h>

static volatile unsigned long work;

/* Takes its time, and does not let others run. */
static __attribute__((noinline)) void check_signature(void)
{
    double end = gev_now() + 0.3;

    while (gev_now() < end) {
        work++;
    }
}

static __attribute__((noinline)) void parse(const char *line)
{
    if (strlen(line) > 10) {
        check_signature();
    }
    work++;
}

static void handler(int fd, const struct sockaddr *peer, void *arg)
{
    char line[4096];
    ssize_t n;

    (void)peer;
    (void)arg;
    (void)gev_set_name(NULL, "conn");
    while ((n = gev_read(fd, line, sizeof line - 1)) > 0) {
        line[n] = '\0';
        parse(line);
        if (gev_writeall(fd, "ok\n", 3) < 0) {
            return;
        }
    }
}

static void on_usr1(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    (void)gev_print_run_info(stderr);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS BACKDOOR\n", argv[0]);
        return 2;
    }
    if (gev_monitor_start(0.1, NULL) < 0 || gev_backdoor_start(argv[2]) < 0 ||
        !gev_signal(SIGUSR1, on_usr1, NULL)) {
        perror("seeing");
        return 1;
    }
    return gev_serve(argv[1], handler, NULL) < 0;
}
