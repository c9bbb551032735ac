/* SPDX-License-Identifier: MIT */
/*
 * Streams: writing, over memory and over a carrier that takes only so much
 */
#include "carrier.h"

#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>

#include "net/bufpool.h"
#include "support/fault.h"
#include "support/sock.h"

enum { BUFFER = 8192, N_BIG = 100000 };

static struct carrier c;
static struct gev_stream *s;
static char *big;

static int new_stream(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    s = carrier_stream(&c);
    big = malloc(N_BIG + 1);
    for (int i = 0; i < N_BIG; i++) {
        big[i] = (char)('a' + i % 23);
    }
    big[N_BIG] = '\0';
    return 0;
}

static int nothing_is_left(void **state)
{
    struct gev__bufpool_stats st;

    (void)state;
    gev_stream_free(s);
    free(big);
    gev__bufpool_stats(&st);
    return st.in_use == 0 ? 0 : -1;
}

static void assert_out(const char *wanted, size_t n)
{
    assert_int_equal(c.out_len, n);
    assert_memory_equal(c.out, wanted, n);
}

static void what_is_written_is_kept_until_the_flush(void **state)
{
    (void)state;
    errno = 4711;
    assert_int_equal(gev_stream_write(s, "hello ", 6), 6);
    assert_int_equal(gev_stream_write(s, "world", 5), 5);
    assert_int_equal(gev_stream_pending(s), 11);
    assert_int_equal(c.n_writes, 0);
    assert_int_equal(gev_stream_flush(s), 0);
    assert_int_equal(gev_stream_pending(s), 0);
    assert_out("hello world", 11);
    assert_int_equal(c.n_writes, 1);
    assert_int_equal(gev_stream_flush(s), 0);
    assert_int_equal(c.n_writes, 1);
    assert_int_equal(errno, 4711);
}

static void a_full_buffer_goes_out_with_what_did_not_fit(void **state)
{
    (void)state;
    assert_int_equal(gev_stream_write(s, big, BUFFER - 1), BUFFER - 1);
    assert_int_equal(c.n_writes, 0);
    assert_int_equal(gev_stream_write(s, big + BUFFER - 1, 2), 2);
    assert_int_equal(c.n_writes, 1);
    assert_int_equal(gev_stream_pending(s), 0);
    assert_out(big, BUFFER + 1);
}

static void a_large_write_is_not_copied(void **state)
{
    (void)state;
    assert_int_equal(gev_stream_write(s, big, 10), 10);
    assert_int_equal(gev_stream_write(s, big + 10, 90000), 90000);
    assert_int_equal(c.n_writes, 1);
    assert_int_equal(gev_stream_pending(s), 0);
    assert_out(big, 90010);
}

static void every_size_arrives_in_order(void **state)
{
    size_t at = 0;

    (void)state;
    for (size_t n = 0; at + n < 90000; n = n * 5 / 4 + 1) {
        assert_int_equal(gev_stream_write(s, big + at, n), n);
        at += n;
    }
    assert_int_equal(gev_stream_flush(s), 0);
    assert_out(big, at);
}

static void writev_gathers(void **state)
{
    struct iovec v[20];
    size_t sum = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        v[i] = (struct iovec){big + sum, (size_t)i * 400};
        sum += v[i].iov_len;
    }
    assert_int_equal(gev_stream_writev(s, v, 3), 1200);
    assert_int_equal(c.n_writes, 0);
    c.out_len = 0;
    assert_int_equal(gev_stream_writev(s, v + 3, 17), sum - 1200);
    assert_int_equal(gev_stream_flush(s), 0);
    assert_out(big, sum);
    assert_int_equal(gev_stream_writev(s, v, 0), 0);
    assert_int_equal(v[5].iov_len, 2000); /* they are the caller's */
    assert_fails(gev_stream_writev(s, v, -1), EINVAL);
    assert_fails(gev_stream_writev(s, v, IOV_MAX + 1), EINVAL);
    assert_fails(gev_stream_writev(s, NULL, 1), EFAULT);
    v[0].iov_len = SSIZE_MAX;
    assert_fails(gev_stream_writev(s, v, 2), EINVAL);
    assert_fails(gev_stream_write(s, big, (size_t)SSIZE_MAX + 1), EINVAL);
}

static void printf_formats_into_the_buffer(void **state)
{
    (void)state;
    errno = 4711;
    assert_int_equal(gev_stream_printf(s, "%d %s\r\n", 250, "fine"), 10);
    assert_int_equal(gev_stream_printf(s, "%s", ""), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(c.n_writes, 0);
    assert_int_equal(gev_stream_flush(s), 0);
    assert_out("250 fine\r\n", 10);
}

static void printf_has_no_limit(void **state)
{
    char *wanted = malloc(N_BIG + 16);

    (void)state;
    for (int n = BUFFER - 5; n < BUFFER + 6; n++) {
        c.out_len = 0;
        assert_int_equal(gev_stream_printf(s, "%.*s", n, big), n);
        assert_int_equal(gev_stream_flush(s), 0);
        assert_out(big, (size_t)n);
    }
    c.out_len = 0;
    assert_int_equal(gev_stream_printf(s, "abc"), 3);
    assert_int_equal(gev_stream_printf(s, "%.90000s!", big), 90001);
    assert_int_equal(gev_stream_flush(s), 0);
    snprintf(wanted, N_BIG + 16, "abc%.90000s!", big);
    assert_out(wanted, 90004);
    free(wanted);
}

static void printf_tells_what_vsnprintf_does(void **state)
{
    static const wchar_t bad[] = {0x7fffffff, 0};

    (void)state;
    assert_fails(gev_stream_printf(s, "%ls", bad), EILSEQ);
    assert_int_equal(gev_stream_pending(s), 0);
    assert_int_equal(gev_stream_printf(s, "ok"), 2);
}

static void a_short_write_goes_on_at_the_right_byte(void **state)
{
    (void)state;
    c.out_limit = 4;
    c.out_err = ETIMEDOUT;
    assert_int_equal(gev_stream_write(s, "0123456789", 10), 10);
    assert_fails(gev_stream_flush(s), ETIMEDOUT);
    assert_int_equal(gev_stream_pending(s), 6);
    assert_fails(gev_stream_flush(s), ETIMEDOUT);
    assert_int_equal(gev_stream_write(s, "abc", 3), 3);
    c.out_limit = 7;
    assert_fails(gev_stream_flush(s), ETIMEDOUT);
    assert_int_equal(gev_stream_pending(s), 6);
    c.out_limit = 0;
    assert_int_equal(gev_stream_flush(s), 0);
    assert_out("0123456789abc", 13);
}

static void a_short_large_write_says_how_much_went(void **state)
{
    (void)state;
    c.out_err = ETIMEDOUT;
    c.out_limit = 5;
    assert_int_equal(gev_stream_write(s, big, 10), 10);
    assert_fails(gev_stream_write(s, big + 10, 50000), ETIMEDOUT);
    assert_int_equal(gev_stream_pending(s), 5);
    c.out_limit = 100;
    assert_int_equal(gev_stream_write(s, big + 10, 50000), 90);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(gev_stream_pending(s), 0);
    c.out_limit = 0;
    assert_int_equal(gev_stream_write(s, big + 100, 40000), 40000);
    assert_out(big, 40100);
}

static void space_of_what_went_is_used_again(void **state)
{
    (void)state;
    c.out_err = ETIMEDOUT;
    c.out_limit = 8000;
    assert_int_equal(gev_stream_write(s, big, BUFFER), BUFFER);
    assert_fails(gev_stream_flush(s), ETIMEDOUT);
    assert_int_equal(gev_stream_write(s, big + BUFFER, 8000), 8000);
    assert_int_equal(gev_stream_pending(s), BUFFER);
    assert_int_equal(c.n_writes, 1);
    c.out_limit = 0;
    assert_int_equal(gev_stream_flush(s), 0);
    assert_out(big, BUFFER + 8000);
}

static void an_error_of_the_peer_stays(void **state)
{
    (void)state;
    c.out_err = EPIPE;
    c.out_limit = 2;
    assert_int_equal(gev_stream_write(s, "0123", 4), 4);
    assert_fails(gev_stream_flush(s), EPIPE);
    c.out_limit = 0;
    int n = c.n_writes;
    assert_fails(gev_stream_write(s, "x", 1), EPIPE);
    assert_fails(gev_stream_printf(s, "x"), EPIPE);
    assert_fails(gev_stream_flush(s), EPIPE);
    assert_fails(gev_stream_shutdown(s), EPIPE);
    assert_fails(gev_stream_sendfile(s, 0, NULL, 1), EPIPE);
    assert_int_equal(c.n_writes, n);
    assert_fails(gev_stream_close(s), EPIPE);
    assert_int_equal(c.n_closes, 1);
    s = NULL;
}

static void a_read_that_asks_the_carrier_flushes_first(void **state)
{
    char b[20000];

    (void)state;
    c.in = "12\n3";
    c.in_len = 4;
    assert_int_equal(gev_stream_write(s, "a", 1), 1);
    assert_int_equal(gev_stream_read(s, b, 1), 1);
    assert_out("a", 1);
    assert_int_equal(gev_stream_write(s, "b", 1), 1);
    assert_int_equal(gev_stream_read(s, b, 2), 2); /* it was buffered */
    assert_out("a", 1);
    assert_int_equal(gev_stream_readn(s, b, sizeof b), 1);
    assert_out("ab", 2);
}

static void unless_flushing_is_manual(void **state)
{
    char b[1];

    (void)state;
    gev_stream_free(s);
    s = gev_stream_new_ops(&carrier_ops, &c, GEV_STREAM_MANUAL_FLUSH);
    assert_int_equal(gev_stream_write(s, "a", 1), 1);
    assert_int_equal(gev_stream_read(s, b, 1), 0);
    assert_int_equal(c.n_writes, 0);
    assert_int_equal(gev_stream_pending(s), 1);
}

static long write_one(struct job *j)
{
    return gev_stream_write(s, j->buf, j->len);
}

static void what_another_greenlet_wrote_is_left_to_it(void **state)
{
    char b[1];
    struct job j = {.fn = write_one, .buf = big, .len = 3};

    (void)state;
    assert_outcome(job_run(&j), 3, 0);
    assert_int_equal(gev_stream_read(s, b, 1), 0);
    assert_int_equal(c.n_writes, 0);
    assert_int_equal(gev_stream_flush(s), 0);
    assert_out(big, 3);
}

static void after_epipe_the_last_words_can_be_read(void **state)
{
    char b[8];

    (void)state;
    c.in = "bye";
    c.in_len = 3;
    c.out_limit = 1;
    c.out_err = EPIPE;
    assert_int_equal(gev_stream_write(s, "request", 7), 7);
    assert_int_equal(gev_stream_readn(s, b, sizeof b), 3);
    assert_int_equal(errno, 0);
    assert_fails(gev_stream_flush(s), EPIPE);
}

static void a_flush_that_timed_out_ends_the_read(void **state)
{
    char b[8];

    (void)state;
    c.in = "answer";
    c.in_len = 6;
    c.out_limit = 1;
    c.out_err = ETIMEDOUT;
    assert_int_equal(gev_stream_write(s, "request", 7), 7);
    assert_fails(gev_stream_read(s, b, sizeof b), ETIMEDOUT);
    c.out_limit = 0;
    assert_int_equal(gev_stream_read(s, b, sizeof b), 6);
    assert_out("request", 7);
}

static void shutdown_and_close_flush(void **state)
{
    (void)state;
    assert_int_equal(gev_stream_write(s, "a", 1), 1);
    assert_int_equal(gev_stream_shutdown(s), 0);
    assert_int_equal(c.n_shutdowns, 1);
    assert_out("a", 1);
    assert_int_equal(gev_stream_write(s, "b", 1), 1);
    assert_int_equal(gev_stream_close(s), 0);
    assert_int_equal(c.n_closes, 1);
    assert_out("ab", 2);
    s = NULL;
    assert_int_equal(gev_stream_close(NULL), 0);
    gev_stream_free(NULL);
}

static void free_does_not_flush(void **state)
{
    (void)state;
    assert_int_equal(gev_stream_write(s, "a", 1), 1);
    gev_stream_free(s);
    s = NULL;
    assert_int_equal(c.n_writes, 0);
    assert_int_equal(c.n_closes, 1);
}

static void keep_open_leaves_the_carrier_open(void **state)
{
    (void)state;
    gev_stream_free(s);
    c.n_closes = 0;
    s = gev_stream_new_ops(&carrier_ops, &c, GEV_STREAM_KEEP_OPEN);
    assert_int_equal(gev_stream_write(s, "a", 1), 1);
    assert_int_equal(gev_stream_close(s), 0);
    s = NULL;
    assert_int_equal(c.n_closes, 0);
    assert_out("a", 1);
}

static void without_memory_for_a_buffer_it_writes_through(void **state)
{
    (void)state;
    gev__bufpool_trim();
    fault_arm_from(FAULT_ALLOC, 1, ENOMEM);
    ssize_t n = gev_stream_write(s, "abc", 3);
    assert_true(fault_disarm());
    assert_int_equal(n, 3);
    assert_int_equal(gev_stream_pending(s), 0);
    assert_out("abc", 3);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, new_stream, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_kept_until_the_flush),
        TEST(a_full_buffer_goes_out_with_what_did_not_fit),
        TEST(a_large_write_is_not_copied),
        TEST(every_size_arrives_in_order),
        TEST(writev_gathers),
        TEST(printf_formats_into_the_buffer),
        TEST(printf_has_no_limit),
        TEST(printf_tells_what_vsnprintf_does),
        TEST(a_short_write_goes_on_at_the_right_byte),
        TEST(a_short_large_write_says_how_much_went),
        TEST(space_of_what_went_is_used_again),
        TEST(an_error_of_the_peer_stays),
        TEST(a_read_that_asks_the_carrier_flushes_first),
        TEST(unless_flushing_is_manual),
        TEST(what_another_greenlet_wrote_is_left_to_it),
        TEST(after_epipe_the_last_words_can_be_read),
        TEST(a_flush_that_timed_out_ends_the_read),
        TEST(shutdown_and_close_flush),
        TEST(free_does_not_flush),
        TEST(keep_open_leaves_the_carrier_open),
        TEST(without_memory_for_a_buffer_it_writes_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
