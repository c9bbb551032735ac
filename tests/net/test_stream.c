/* SPDX-License-Identifier: MIT */
/*
 * Streams: reading, over memory and over a carrier that gives bytes one by one
 */
#include "carrier.h"

#include <limits.h>
#include <stdio.h>

#include "net/bufpool.h"

static struct carrier c;
static struct gev_stream *s;
static char *line;
static const char *data;
static size_t len;

static int no_carrier(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    s = NULL;
    line = NULL;
    data = NULL;
    len = 12345;
    return 0;
}

static int nothing_is_left(void **state)
{
    struct gev__bufpool_stats st;

    (void)state;
    gev_stream_free(s);
    gev__bufpool_stats(&st);
    return st.in_use == 0 ? 0 : -1;
}

/* The same bytes in pieces. */
static void dripping(const char *text, size_t piece)
{
    c.in = text;
    c.in_len = strlen(text);
    c.piece = piece;
    s = carrier_stream(&c);
}

static void assert_line(const char *wanted)
{
    assert_int_equal(gev_stream_readline(s, 100, &line, &len), 1);
    assert_string_equal(line, wanted);
    assert_int_equal(len, strlen(wanted));
}

static void assert_rest(const char *wanted)
{
    assert_int_equal(gev_stream_readline(s, 100, &line, &len), 0);
    assert_string_equal(line, wanted);
    assert_int_equal(len, strlen(wanted));
}

static void assert_end(void)
{
    char b[4];

    assert_int_equal(gev_stream_buffered(s), 0);
    assert_int_equal(gev_stream_read(s, b, sizeof b), 0);
    assert_int_equal(gev_stream_read(s, b, sizeof b), 0);
}

static void read_gives_what_is_there(void **state)
{
    char b[20000];

    (void)state;
    dripping("abcdefgh", 5);
    assert_int_equal(gev_stream_read(s, b, 2), 2);
    assert_int_equal(gev_stream_buffered(s), 3);
    assert_int_equal(gev_stream_read(s, b, sizeof b), 3);
    assert_memory_equal(b, "cde", 3);
    assert_int_equal(c.n_reads, 1);
    assert_int_equal(gev_stream_read(s, b, sizeof b), 3);
    assert_memory_equal(b, "fgh", 3);
    assert_int_equal(gev_stream_read(s, b, 0), 0);
    assert_fails(gev_stream_read(s, b, (size_t)SSIZE_MAX + 1), EINVAL);
    assert_end();
}

static void readn_gives_exactly_so_many(void **state)
{
    enum { N = 50000 };
    char *text = malloc(N + 1), *got = malloc(N);

    (void)state;
    for (int i = 0; i < N; i++) {
        text[i] = (char)('a' + i % 23);
    }
    text[N] = '\0';
    for (size_t piece = 0; piece < 30000; piece = piece * 3 + 1) {
        no_carrier(NULL);
        dripping(text, piece);
        size_t sizes[] = {1, 100, 8192, 20000, 0, 21707};
        size_t at = 0;
        for (int i = 0; i < 6; i++) {
            assert_int_equal(gev_stream_readn(s, got + at, sizes[i]), sizes[i]);
            at += sizes[i];
        }
        assert_int_equal(at, N);
        assert_memory_equal(got, text, N);
        gev_stream_free(s);
    }
    s = NULL;
    free(text);
    free(got);
}

static void the_end_in_the_middle_is_short_with_errno_0(void **state)
{
    char b[10];

    (void)state;
    dripping("abc", 2);
    errno = 5;
    assert_int_equal(gev_stream_readn(s, b, sizeof b), 3);
    assert_int_equal(errno, 0);
    assert_int_equal(gev_stream_readn(s, b, sizeof b), 0);
    assert_int_equal(errno, 0);
    assert_fails(gev_stream_readn(s, NULL, 1), EFAULT);
    assert_fails(gev_stream_readn(s, b, (size_t)SSIZE_MAX + 1), EINVAL);
}

static void skip_forgets_bytes(void **state)
{
    (void)state;
    dripping("0123456789", 4);
    assert_int_equal(gev_stream_skip(s, 0), 0);
    assert_int_equal(gev_stream_skip(s, 6), 6);
    assert_int_equal(gev_stream_peek(s, 1, &data), 2);
    assert_memory_equal(data, "67", 2);
    assert_int_equal(gev_stream_skip(s, 100), 4);
    assert_end();
}

static void peek_takes_nothing(void **state)
{
    (void)state;
    dripping("0123456789", 3);
    assert_int_equal(gev_stream_peek(s, 0, &data), 0);
    assert_non_null(data);
    assert_int_equal(c.n_reads, 0);
    assert_int_equal(gev_stream_peek(s, 4, &data), 6);
    assert_memory_equal(data, "012345", 6);
    assert_int_equal(gev_stream_peek(s, 2, &data), 6);
    assert_int_equal(gev_stream_peek(s, 100, &data), 10);
    assert_memory_equal(data, "0123456789", 10);
    assert_int_equal(gev_stream_skip(s, 10), 10);
    assert_int_equal(gev_stream_peek(s, 1, &data), 0);
    assert_non_null(data);
}

static void peek_may_ask_for_more_than_a_buffer(void **state)
{
    enum { N = 100000 };
    char *text = malloc(N + 1);

    (void)state;
    memset(text, 'p', N);
    text[N] = '\0';
    dripping(text, 30000);
    assert_int_equal(gev_stream_skip(s, 10), 10);
    assert_true(gev_stream_peek(s, N - 10, &data) == N - 10);
    assert_memory_equal(data, text, N - 10);
    assert_fails(gev_stream_peek(s, SIZE_MAX, &data), ENOMEM);
    assert_int_equal(gev_stream_skip(s, N), N - 10);
    free(text);
}

static void eagain_after_a_wait_means_wait_again(void **state)
{
    char b[10000];

    (void)state;
    c.n_eagain = 3;
    dripping("x", 0);
    errno = 4711;
    assert_int_equal(gev_stream_read(s, b, 4), 1);
    assert_int_equal(errno, 4711);
    assert_int_equal(c.n_waits, 4);
    assert_int_equal(c.n_reads, 4);
    c.n_eagain = 2;
    assert_int_equal(gev_stream_read(s, b, sizeof b), 0);
    assert_int_equal(c.n_reads, 7);
    assert_int_equal(errno, 4711);
}

static void a_carrier_may_do_without_wait(void **state)
{
    (void)state;
    c.in = "a\nb";
    c.in_len = 3;
    s = gev_stream_new_ops(&plain_ops, &c, 0);
    assert_line("a");
    assert_rest("b");
    assert_int_equal(gev_stream_fd(s), -1);
    assert_int_equal(gev_stream_shutdown(s), 0);
    assert_int_equal(gev_stream_close(s), 0);
    s = NULL;
}

static void an_error_comes_after_the_bytes_and_stays(void **state)
{
    char b[16];

    (void)state;
    c.in_err = ECONNRESET;
    c.in_err_once = true; /* as the kernel does it */
    dripping("abc\nde", 0);
    assert_line("abc");
    assert_fails(gev_stream_readline(s, 100, &line, &len), ECONNRESET);
    assert_int_equal(gev_stream_readn(s, b, sizeof b), 2);
    assert_int_equal(errno, ECONNRESET);
    assert_memory_equal(b, "de", 2);
    assert_fails(gev_stream_read(s, b, sizeof b), ECONNRESET);
    assert_fails(gev_stream_peek(s, 1, &data), ECONNRESET);
    assert_fails(gev_stream_skip(s, 1), ECONNRESET);
}

static void an_error_that_passes_loses_nothing(void **state)
{
    static const int errors[] = {ETIMEDOUT, ECANCELED, ENOMEM,
                                 EBUSY,     ENOBUFS,   EINTR};
    char b[16];

    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        no_carrier(NULL);
        c.in_err = errors[i];
        dripping("half", 0);
        assert_fails(gev_stream_readline(s, 100, &line, &len), errors[i]);
        assert_int_equal(gev_stream_buffered(s), 4);
        c.in = "half a line\n";
        c.in_len = 12;
        assert_line("half a line");
        assert_fails(gev_stream_read(s, b, 1), errors[i]);
        gev_stream_free(s);
    }
    s = NULL;
}

static void an_error_without_errno_is_eio(void **state)
{
    char b[1];

    (void)state;
    c.in_err = -1;
    dripping("", 0);
    assert_fails(gev_stream_read(s, b, 1), EIO);
    assert_fails(gev_stream_read(s, b, 1), EIO);
}

static void success_leaves_errno_alone(void **state)
{
    char b[4];

    (void)state;
    dripping("line\n0123456789", 1);
    errno = 4711;
    assert_line("line");
    assert_int_equal(gev_stream_read(s, b, 1), 1);
    assert_int_equal(gev_stream_readn(s, b, 2), 2);
    assert_int_equal(gev_stream_skip(s, 1), 1);
    assert_int_equal(gev_stream_peek(s, 1, &data), 1);
    assert_int_equal(errno, 4711);
    assert_rest("456789");
    assert_int_equal(errno, 4711);
}

static void bad_tables_are_refused(void **state)
{
    struct gev_stream_ops ops = carrier_ops;

    (void)state;
    assert_null(gev_stream_new_ops(NULL, &c, 0));
    assert_int_equal(errno, EINVAL);
    ops.size = sizeof ops - 1;
    assert_null(gev_stream_new_ops(&ops, &c, 0));
    assert_int_equal(errno, EINVAL);
    ops = carrier_ops;
    ops.read = NULL;
    assert_null(gev_stream_new_ops(&ops, &c, 0));
    ops = carrier_ops;
    ops.writev = NULL;
    assert_null(gev_stream_new_ops(&ops, &c, 0));
    assert_null(gev_stream_new_ops(&carrier_ops, &c, 64));
    assert_int_equal(errno, EINVAL);
    assert_null(gev_stream_new(-1, 0));
    assert_int_equal(errno, EBADF);
    ops = carrier_ops;
    ops.size = sizeof ops + 100; /* a table of the future */
    s = gev_stream_new_ops(&ops, &c, 0);
    assert_non_null(s);
    gev_stream_free(s);
    s = NULL;
}

static long new_with_locals(struct job *j)
{
    struct gev_stream_ops ops = carrier_ops;
    int bad = 0;

    bad += !gev_stream_new_ops(&ops, &c, 0) && errno == EFAULT;
    bad += !gev_stream_new_ops(&carrier_ops, j->buf = (char *)&ops, 0) &&
           errno == EFAULT;
    return bad;
}

static void pointers_into_a_run_stack_are_refused(void **state)
{
    struct job j = {.fn = new_with_locals};

    (void)state;
    assert_outcome(job_run(&j), 2, 0);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, no_carrier, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read_gives_what_is_there),
        TEST(readn_gives_exactly_so_many),
        TEST(the_end_in_the_middle_is_short_with_errno_0),
        TEST(skip_forgets_bytes),
        TEST(peek_takes_nothing),
        TEST(peek_may_ask_for_more_than_a_buffer),
        TEST(eagain_after_a_wait_means_wait_again),
        TEST(a_carrier_may_do_without_wait),
        TEST(an_error_comes_after_the_bytes_and_stays),
        TEST(an_error_that_passes_loses_nothing),
        TEST(an_error_without_errno_is_eio),
        TEST(success_leaves_errno_alone),
        TEST(bad_tables_are_refused),
        TEST(pointers_into_a_run_stack_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
