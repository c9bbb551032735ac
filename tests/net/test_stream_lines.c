/* SPDX-License-Identifier: MIT */
/*
 * Streams: lines and delimiters, however they are cut
 */
#include "carrier.h"

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

static void memory(const char *text)
{
    gev_stream_free(s);
    s = gev_stream_new_memory(text, strlen(text));
    assert_non_null(s);
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

static void a_line_comes_without_its_end(void **state)
{
    (void)state;
    memory("one\ntwo\r\n\n\r\nth\rree\r\r\n");
    assert_line("one");
    assert_line("two");
    assert_line("");
    assert_line("");
    assert_line("th\rree\r");
    assert_rest("");
    assert_end();
}

static void what_follows_the_last_line_is_a_rest(void **state)
{
    (void)state;
    memory("whole\ncut o");
    assert_line("whole");
    assert_rest("cut o");
    assert_rest("");
    memory("cut\r");
    assert_rest("cut\r");
    memory("");
    assert_rest("");
    assert_rest("");
}

static void lines_byte_by_byte_are_the_same_lines(void **state)
{
    (void)state;
    dripping("one\r\ntwo\n\r\nlast", 1);
    assert_line("one");
    assert_line("two");
    assert_line("");
    assert_rest("last");
    assert_end();
}

static void a_line_may_have_nuls_and_be_changed(void **state)
{
    (void)state;
    s = gev_stream_new_memory("a\0b\nnext\n", 9);
    assert_int_equal(gev_stream_readline(s, 100, &line, &len), 1);
    assert_int_equal(len, 3);
    assert_memory_equal(line, "a\0b\0", 4);
    memset(line, 'x', len);
    assert_int_equal(gev_stream_readline(s, 100, &line, NULL), 1);
    assert_string_equal(line, "next");
}

static void a_line_of_exactly_the_limit_is_fine(void **state)
{
    static const char *const ends[] = {"\n", "\r\n"};
    char text[32];

    (void)state;
    for (size_t piece = 0; piece < 12; piece++) {
        for (int i = 0; i < 2; i++) {
            snprintf(text, sizeof text, "12345%sx\n", ends[i]);
            no_carrier(NULL);
            dripping(text, piece);
            assert_int_equal(gev_stream_readline(s, 5, &line, &len), 1);
            assert_string_equal(line, "12345");
            assert_int_equal(gev_stream_readline(s, 1, &line, &len), 1);
            assert_int_equal(gev_stream_close(s), 0);
        }
    }
    s = NULL;
}

static void a_longer_line_is_emsgsize_and_stays(void **state)
{
    static const char *const texts[] = {"123456\n", "123456\r\n", "123456789",
                                        "12345\rx\n", "12345\r\r\n"};

    (void)state;
    for (size_t piece = 0; piece < 12; piece++) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            no_carrier(NULL);
            dripping(texts[i], piece);
            assert_fails(gev_stream_readline(s, 5, &line, &len), EMSGSIZE);
            assert_fails(gev_stream_readline(s, 5, &line, &len), EMSGSIZE);
            int r = gev_stream_readline(s, 100, &line, &len);
            assert_int_equal(r, strchr(texts[i], '\n') ? 1 : 0);
            assert_memory_equal(line, texts[i], 5);
            assert_true(len >= 6);
            gev_stream_free(s);
        }
    }
    s = NULL;
}

/* It must not wait for more before it says so. */
static void one_byte_too_many_is_enough_to_know(void **state)
{
    (void)state;
    c.in_err = ETIMEDOUT;
    dripping("123456", 0);
    assert_fails(gev_stream_readline(s, 5, &line, &len), EMSGSIZE);
    assert_int_equal(c.n_reads, 1);
    gev_stream_free(s);
    no_carrier(NULL);
    c.in_err = ETIMEDOUT;
    dripping("12345\r", 0);
    assert_fails(gev_stream_readline(s, 5, &line, &len), ETIMEDOUT);
    assert_int_equal(gev_stream_buffered(s), 6);
}

static void lines_may_be_longer_than_any_buffer(void **state)
{
    enum { N = 300000 };
    char *text = malloc(N + 3);

    (void)state;
    memset(text, 'x', N);
    memcpy(text + N, "\r\n", 3);
    for (size_t piece = 0; piece < 20000; piece += 7000) {
        no_carrier(NULL);
        dripping(text, piece);
        assert_fails(gev_stream_readline(s, N - 1, &line, &len), EMSGSIZE);
        assert_int_equal(gev_stream_readline(s, SIZE_MAX, &line, &len), 1);
        assert_int_equal(len, N);
        assert_int_equal(line[N], 0);
        assert_int_equal(line[N - 1], 'x');
        gev_stream_free(s);
    }
    s = NULL;
    free(text);
}

static void a_delimiter_may_be_cut_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 8; piece++) {
        no_carrier(NULL);
        dripping("aab aaab\r\n\r\nrest", piece);
        assert_int_equal(gev_stream_readuntil(s, "aab", 4, &line, &len), 1);
        assert_string_equal(line, "");
        assert_int_equal(gev_stream_readuntil(s, "aab", 2, &line, &len), 1);
        assert_string_equal(line, " a");
        assert_int_equal(gev_stream_readuntil(s, "\r\n\r\n", 0, &line, NULL),
                         1);
        assert_string_equal(line, "");
        assert_int_equal(gev_stream_readuntil(s, "\r\n\r\n", 9, &line, &len),
                         0);
        assert_string_equal(line, "rest");
        assert_int_equal(len, 4);
        gev_stream_free(s);
    }
    s = NULL;
}

static void until_has_the_same_limit(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 8; piece++) {
        no_carrier(NULL);
        dripping("12345--", piece);
        assert_fails(gev_stream_readuntil(s, "--", 4, &line, &len), EMSGSIZE);
        assert_int_equal(gev_stream_readuntil(s, "--", 5, &line, &len), 1);
        assert_string_equal(line, "12345");
        gev_stream_free(s);
        no_carrier(NULL);
        dripping("12345-x", piece);
        assert_fails(gev_stream_readuntil(s, "--", 5, &line, &len), EMSGSIZE);
        gev_stream_free(s);
    }
    s = NULL;
}

static void an_empty_delimiter_is_refused(void **state)
{
    (void)state;
    memory("x");
    assert_fails(gev_stream_readuntil(s, "", 5, &line, &len), EINVAL);
    assert_fails(gev_stream_readuntil(s, NULL, 5, &line, &len), EINVAL);
    assert_int_equal(gev_stream_skip(s, 1), 1);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, no_carrier, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_comes_without_its_end),
        TEST(what_follows_the_last_line_is_a_rest),
        TEST(lines_byte_by_byte_are_the_same_lines),
        TEST(a_line_may_have_nuls_and_be_changed),
        TEST(a_line_of_exactly_the_limit_is_fine),
        TEST(a_longer_line_is_emsgsize_and_stays),
        TEST(one_byte_too_many_is_enough_to_know),
        TEST(lines_may_be_longer_than_any_buffer),
        TEST(a_delimiter_may_be_cut_anywhere),
        TEST(until_has_the_same_limit),
        TEST(an_empty_delimiter_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
