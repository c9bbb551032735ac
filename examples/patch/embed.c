/* SPDX-License-Identifier: MIT */
/*
 * embed - two select() servers and a clock, in one thread
 *
 * select_echo.c is a whole program that blocks in select(2). It is included here
 * as it is, and its main() runs twice, in two greenlets; libgev_patch, which is
 * linked, lets the others run while it waits. At the end of its input it says how
 * late the latest of the clock's ticks was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gev.h>

static int select_echo_main(int argc, char **argv);
#define main select_echo_main
#include "select_echo.c"
#undef main

#define TICK_USEC 10000

static double latest; /* seconds */

static void *run_server(void *arg)
{
    static char name[] = "select_echo", port[] = "0";
    char *argv[] = {name, port, NULL};

    (void)arg;
    select_echo_main(2, argv);
    return NULL;
}

static void *tick(void *arg)
{
    (void)arg;
    for (;;) {
        double due = gev_now() + TICK_USEC * 1e-6, late;

        if (usleep(TICK_USEC) < 0) { /* libc's, and yet the others run */
            return NULL;
        }
        late = gev_now() - due;
        latest = late > latest ? late : latest;
    }
}

int main(void)
{
    char c;

    gev_go(run_server, NULL);
    gev_go(run_server, NULL);
    gev_go(tick, NULL);
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
    printf("the latest tick came %.1f ms late\n", latest * 1e3);
    return EXIT_SUCCESS;
}
