/* SPDX-License-Identifier: MIT */
/*
 * A pipeline of processes, with greenlets in between:
 *
 *   numbers() --> sort -n --> relay() --> uniq -c --> main prints
 *
 * Each arrow is a pipe that gev writes or reads like any other descriptor. Two
 * greenlets feed the programs while main reads the last one: none of them waits
 * for another, so a full pipe cannot stop the whole. A shell's "a | b | c" would
 * connect the programs directly; here the bytes pass by, and are counted.
 *
 * Usage: pipeline [N]      N random digits, counted; 10000 by default
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gev.h>

struct stage {
    struct gev_process *from; /* NULL: nobody */
    struct gev_process *to;
    long n; /* numbers to write, or bytes that have passed */
};

static void *numbers(void *arg)
{
    struct stage *s = arg;
    char line[32];

    for (long i = 0; i < s->n; i++) {
        size_t n = (size_t)snprintf(line, sizeof line, "%ld\n", i * i % 10);

        if (gev_writeall(gev_process_fd(s->to, 0), line, n) < 0) {
            return gev_fail(errno);
        }
    }
    gev_process_close(s->to, 0); /* this is the end of its input */
    return NULL;
}

static void *relay(void *arg)
{
    struct stage *s = arg;
    char buf[16384];
    ssize_t n;

    while ((n = gev_read(gev_process_fd(s->from, 1), buf, sizeof buf)) > 0) {
        if (gev_writeall(gev_process_fd(s->to, 0), buf, (size_t)n) < 0) {
            return gev_fail(errno);
        }
        s->n += n;
    }
    gev_process_close(s->to, 0);
    return NULL;
}

static struct gev_process *start(const char *const *argv)
{
    struct gev_process_options o = {
        .size = sizeof o, .in = GEV_PROCESS_PIPE, .out = GEV_PROCESS_PIPE};
    struct gev_process *p = gev_process_new(argv, &o);

    if (!p) {
        perror(argv[0]);
        exit(EXIT_FAILURE);
    }
    return p;
}

int main(int argc, char **argv)
{
    struct gev_process *sort = start((const char *[]){"sort", "-n", NULL});
    struct gev_process *uniq = start((const char *[]){"uniq", "-c", NULL});
    struct stage first = {NULL, sort, argc > 1 ? atol(argv[1]) : 10000};
    struct stage second = {sort, uniq, 0};
    int status = 0;

    signal(SIGPIPE, SIG_IGN); /* a program that ends early is an error here */
    if (gev_go(numbers, &first) < 0 || gev_go(relay, &second) < 0) {
        perror("pipeline");
        return EXIT_FAILURE;
    }
    /* main's locals stay where they are: greenlets may have their addresses */
    char buf[4096];
    ssize_t n;
    while ((n = gev_read(gev_process_fd(uniq, 1), buf, sizeof buf)) > 0) {
        fwrite(buf, 1, (size_t)n, stdout);
    }
    if (gev_process_wait(sort, &status, 10) < 0 || status ||
        gev_process_wait(uniq, &status, 10) < 0 || status) {
        fprintf(stderr, "pipeline: a program failed\n");
        return EXIT_FAILURE;
    }
    printf("%ld bytes were sorted\n", second.n);
    gev_process_free(sort);
    gev_process_free(uniq);
    return EXIT_SUCCESS;
}
