/* SPDX-License-Identifier: MIT */
/*
 * What the tests that look at greenlets share: text that a call prints, and
 * greenlets that wait in functions with names.
 */
#ifndef TESTS_HUB_LOOKING_H
#define TESTS_HUB_LOOKING_H

#include "run.h"

#include <fcntl.h>
#include <stdio.h>

#include <gev/debug.h>

#include "core/greenlet.h"

#define KEEP __attribute__((noinline, unused))

/* What a function prints. */
static inline char *printed(int (*print)(FILE *out, void *arg), void *arg)
{
    static char *text;
    static size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    errno = 0;
    assert_int_equal(print(out, arg), 0);
    assert_int_equal(errno, 0);
    fclose(out);
    return text;
}

static inline int print_info(FILE *out, void *arg)
{
    (void)arg;
    return gev_print_run_info(out);
}

static inline void assert_has(const char *text, const char *what)
{
    if (text && !strstr(text, what)) {
        print_error("no \"%s\" in:\n%s", what, text);
    }
    assert_true(text && strstr(text, what));
}

static int pipe_fds[2];
static volatile int depth_sum; /* keeps calls from becoming jumps */

KEEP static void read_in_the_middle(void)
{
    char buf[4096]; /* dead while it waits */

    depth_sum += (int)gev_read(pipe_fds[0], buf, sizeof buf);
}

KEEP static void recurse(int n)
{
    if (n > 0) {
        recurse(n - 1);
    } else {
        read_in_the_middle();
    }
    depth_sum += n;
}

static inline void *reader(void *arg)
{
    recurse((int)(intptr_t)arg);
    depth_sum++;
    return NULL;
}

KEEP static void *sleeper(void *arg)
{
    (void)gev_sleep(GEV_FOREVER);
    depth_sum++;
    return arg;
}

static inline int begin_pipe(void **state)
{
    return pipe2(pipe_fds, O_CLOEXEC) < 0 ? -1 : begin_test(state);
}

static inline int end_pipe(void **state)
{
    int rc = end_test(state);

    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return rc;
}

#define PIPE_TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_pipe, end_pipe)

#endif
