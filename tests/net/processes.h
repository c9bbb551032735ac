/* SPDX-License-Identifier: MIT */
/*
 * What the tests of gev/process.h share: starting programs in one line.
 */
#ifndef TESTS_NET_PROCESSES_H
#define TESTS_NET_PROCESSES_H

#include "children.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SH(line)  ARGS("sh", "-c", line)

#define OPTIONS(...)                                                           \
    (&(const struct gev_process_options){                                      \
        .size = sizeof(struct gev_process_options), __VA_ARGS__})

static inline struct gev_process *start(const char *const *argv,
                                        const struct gev_process_options *o)
{
    struct gev_process *p = gev_process_new(argv, o);

    if (!p) {
        print_error("%s: %s\n", argv[0], strerror(errno));
    }
    assert_non_null(p);
    return p;
}

/* Its exit code, or minus the signal. */
static inline int exit_of(struct gev_process *p)
{
    int status = 0;

    assert_int_equal(gev_process_wait(p, &status, SOON), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs it to its end and frees it. */
static inline int run(const char *const *argv,
                      const struct gev_process_options *o)
{
    struct gev_process *p = start(argv, o);
    int code = exit_of(p);

    gev_process_free(p);
    return code;
}

/* What it prints to a pipe. */
static inline const char *output_of(struct gev_process *p, int which)
{
    static char buf[4096];
    ssize_t n = gev_readall(gev_process_fd(p, which), buf, sizeof buf - 1);

    assert_true(n >= 0);
    buf[n] = '\0';
    return buf;
}

/* What a shell's line prints, started with options. */
static inline const char *says(const char *line, struct gev_process_options o)
{
    struct gev_process *p;
    const char *out;

    o.size = sizeof o;
    o.out = GEV_PROCESS_PIPE;
    p = start(ARGS("/bin/sh", "-c", line), &o);
    out = output_of(p, 1);
    assert_int_equal(exit_of(p), 0);
    gev_process_free(p);
    return out;
}

static inline long job_wait(struct job *j)
{
    return gev_process_wait(j->arg, &j->flags, SOON);
}

#endif
