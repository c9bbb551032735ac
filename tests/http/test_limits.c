/* SPDX-License-Identifier: MIT */
/*
 * Limits: what is just within them is taken, one byte more is not, and without
 * waiting for the rest. http1.md RL21-22, HF23-27, BF12, CH4, CH14, CH18
 */
#include "rows.h"

#define KIB 1024

/* @before, @n times 'a', @behind: a row, to be freed by free_row(). */
static struct row filled(const char *id, const char *before, size_t n,
                         const char *behind)
{
    size_t head = strlen(before), tail = strlen(behind);
    char *p = malloc(head + n + tail + 1);

    assert_non_null(p);
    memcpy(p, before, head);
    memset(p + head, 'a', n);
    memcpy(p + head + n, behind, tail);
    return (struct row){id, "-", p, head + n + tail, 0, NULL};
}

static void check_filled(struct row row, int status, const char *want,
                         const struct gev__http_limits *limits)
{
    row.status = status;
    row.want = want;
    row_check(&row, limits);
    free((void *)row.bytes);
}

/* Only whole and at random: for what is long. */
static void check_long(struct row row, int status,
                       const struct gev__http_limits *limits)
{
    for (uint32_t seed = 0; seed < 2; seed++) {
        struct request_options o = {.delivery =
                                        seed ? REQUEST_RANDOM : REQUEST_WHOLE,
                                    .seed = seed,
                                    .limits = limits};
        char *text = request_run(row.bytes, row.len, &o);
        char want[32];

        (void)snprintf(want, sizeof want, "status %d\n", status);
        if (memcmp(text, want, strlen(want)) != 0) {
            fail_msg("%s: not %d but %.100s", row.id, status, text);
        }
        free(text);
    }
    free((void *)row.bytes);
}

/* GET /aaa HTTP/1.1: @n bytes in all. */
static struct row line_of(size_t n, const char *behind)
{
    return filled("request line", "GET /", n - strlen("GET / HTTP/1.1"),
                  behind);
}

#define BEHIND " HTTP/1.1\r\nHost: a\r\n\r\n"

static void request_lines_have_a_length(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;

    (void)state;
    l.max_request_line = 30;
    check_filled(line_of(30, BEHIND), 200, NULL, &l);
    check_filled(line_of(31, BEHIND), 414, "in head", &l);
    check_filled(line_of(32, BEHIND), 414, "in head", &l);
    check_filled(filled("no end", "GET /", 25, ""), 0, NULL, &l);
    check_filled(filled("no end", "GET /", 26, ""), 0, NULL, &l);
    check_filled(filled("no end", "GET /", 27, ""), 414, NULL, &l);
    check_filled(filled("method", "", 32, ""), 414, NULL, &l);
    /* Empty lines before it do not count. */
    check_filled(filled("empty", "\r\n\r\nGET /", 16, BEHIND), 200, NULL, &l);
    check_filled(filled("empty", "\r\n\r\nGET /", 17, BEHIND), 414, NULL, &l);
}

/* RFC 9112 3: at least 8000 bytes are to be supported. */
static void request_lines_of_8000_bytes_are_taken(void **state)
{
    (void)state;
    check_long(line_of(8000, BEHIND), 200, NULL);
    check_long(line_of(8 * KIB, BEHIND), 200, NULL);
    check_long(line_of(8 * KIB + 1, BEHIND), 414, NULL);
    check_long(filled("RL22", "GET /", 100 * KIB, ""), 414, NULL);
}

static void field_lines_have_a_length(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;

    (void)state;
    l.max_field_line = 20;
    check_filled(filled("value", GET_A "X: ", 17, "\r\n\r\n"), 200, NULL, &l);
    check_filled(filled("value", GET_A "X: ", 18, "\r\n\r\n"), 431, NULL, &l);
    check_filled(filled("value", GET_A "X: ", 18, ""), 0, NULL, &l);
    check_filled(filled("value", GET_A "X: ", 19, ""), 431, NULL, &l);
    check_filled(filled("name", GET_A, 19, ":\r\n\r\n"), 200, NULL, &l);
    check_filled(filled("name", GET_A, 20, ":\r\n\r\n"), 431, NULL, &l);
    check_long(filled("HF24", GET_A "X: ", 100000, "\r\n\r\n"), 431, NULL);
    check_long(filled("HF24 name", GET_A, 100000, ": x\r\n\r\n"), 431, NULL);
    check_long(filled("HF27", GET_A "Cookie: ", 64 * KIB, "\r\n\r\n"), 431,
               NULL);
    check_long(filled("16 KiB", GET_A "X: ", 16 * KIB - 3, "\r\n\r\n"), 200,
               NULL);
    check_long(filled("16 KiB + 1", GET_A "X: ", 16 * KIB - 2, "\r\n\r\n"), 431,
               NULL);
}

static void heads_have_a_length(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;
    const size_t without = strlen(GET_A "X: \r\n\r\n");

    (void)state;
    l.max_head = 100;
    check_filled(filled("head", GET_A "X: ", 100 - without, "\r\n\r\n"), 200,
                 "head 100\n", &l);
    check_filled(filled("head", GET_A "X: ", 101 - without, "\r\n\r\n"), 431,
                 NULL, &l);
    check_filled(filled("head", GET_A "X: ", 102 - without, "\r\n\r\n"), 431,
                 NULL, &l);
    check_filled(filled("no end", GET_A "X: ", 100 - without, "\r\n\r"), 0,
                 NULL, &l);
    check_filled(filled("no end", GET_A "X: ", 104 - without, ""), 431, NULL,
                 &l);
    check_filled(filled("empty", "\r\n" GET_A "X: ", 100 - without, "\r\n\r\n"),
                 200, "head 102\n", &l);
    l.max_head = 20; /* shorter than a line may be */
    check_filled(line_of(20, BEHIND), 414, NULL, &l);
}

/* A head with @n fields, Host among them. */
static struct row fields_of(size_t n, const char *line)
{
    size_t len = strlen(line), head = strlen(GET_A);
    char *p = malloc(head + n * len + 3);

    assert_non_null(p);
    strcpy(p, GET_A);
    for (size_t i = 1; i < n; i++) {
        memcpy(p + head + (i - 1) * len, line, len);
    }
    strcpy(p + head + (n - 1) * len, "\r\n");
    return (struct row){"fields", "-", p, strlen(p), 0, NULL};
}

static void fields_have_a_number(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;

    (void)state;
    check_filled(fields_of(100, "A: b\r\n"), 200, NULL, NULL);
    check_filled(fields_of(101, "A: b\r\n"), 431, "too many fields", NULL);
    check_long(fields_of(2000, "Cookie: a=bcdefghijklmnop\r\n"), 431, NULL);
    l.max_fields = 2000;
    check_long(fields_of(1000, "A234567: 012345678901234567890123\r\n"), 431,
               &l);
    l.max_fields = 1;
    check_filled(fields_of(1, ""), 200, NULL, &l);
    check_filled(fields_of(2, "A:\r\n"), 431, NULL, &l);
}

static void lengths_above_the_limit_are_413_at_once(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;
    static const struct row within[] = {
        ROW("10", "9110 15.5.14", POST_A "Content-Length: 10\r\n\r\n0123456789",
            200, "body 0123456789\n"),
        ROW("11", "9110 15.5.14", POST_A "Content-Length: 11\r\n\r\n", 413,
            "in head"),
        ROW("chunks of 10", "9110 15.5.14",
            CHUNKED "4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n", 200,
            "body abcdefghij\n"),
        ROW("chunks of 11", "9110 15.5.14", CHUNKED "4\r\nabcd\r\n7\r\n", 413,
            "in body"),
        ROW("chunk of 11", "9110 15.5.14", CHUNKED "B\r\n", 413, "in body"),
        ROW("one more", "9110 15.5.14", CHUNKED "a\r\nabcdefghij\r\n1\r\n", 413,
            "in body"),
    };

    (void)state;
    l.max_body = 10;
    rows_run(within, N_ROWS(within), &l);
    l.max_body = 0;
    row_check(&(struct row)ROW("0", "-", CHUNKED "0\r\n\r\n", 200, NULL), &l);
    row_check(&(struct row)ROW("1", "-", CHUNKED "1\r\n", 413, NULL), &l);
    l.max_body = INT64_MAX;
    row_check(&(struct row)ROW("max", "-",
                               CHUNKED "1\r\nx\r\n7FFFFFFFFFFFFFFE\r\nx", 0,
                               "in body"),
              &l);
    row_check(&(struct row)ROW("above", "-",
                               CHUNKED "1\r\nx\r\n7FFFFFFFFFFFFFFF\r\nx", 413,
                               "in body"),
              &l);
}

static void chunk_lines_have_a_length(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;
    const char *behind = "\r\nx\r\n0\r\n\r\n";

    (void)state;
    check_filled(filled("256", CHUNKED "1;", 254, behind), 200, NULL, NULL);
    check_filled(filled("257", CHUNKED "1;", 255, behind), 400, NULL, NULL);
    l.max_chunk_line = 10;
    check_filled(filled("10", CHUNKED "1;", 8, behind), 200, NULL, &l);
    check_filled(filled("11", CHUNKED "1;", 9, behind), 400, NULL, &l);
    check_filled(filled("no end", CHUNKED "1;", 9, ""), 0, NULL, &l);
    check_filled(filled("no end", CHUNKED "1;", 10, ""), 400, NULL, &l);
}

static void overhead_counts_from_its_limit_on(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;
    static const struct row rows[] = {
        ROW("13 and 2", "-", CHUNKED "1\r\nx\r\n1\r\nx\r\n0\r\n\r\n", 400,
            NULL),
        ROW("13 and 4", "-", CHUNKED "2\r\nxy\r\n2\r\nxy\r\n0\r\n\r\n", 200,
            NULL),
    };

    (void)state;
    l.max_overhead = 13; /* two chunks' lines and ends, and the last's line */
    rows_run(rows, N_ROWS(rows), &l);
    l.max_overhead = 14;
    row_check(&(struct row)ROW("13 of 14", "-",
                               CHUNKED "1\r\nx\r\n1\r\nx\r\n0\r\n\r\n", 200,
                               NULL),
              &l);
}

static void trailers_have_limits(void **state)
{
    struct gev__http_limits l = GEV__HTTP_LIMITS_DEFAULT;
    static const struct row rows[] = {
        ROW("two", "-", CHUNKED "0\r\nA:\r\nB:\r\n\r\n", 200, NULL),
        ROW("three", "-", CHUNKED "0\r\nA:\r\nB:\r\nC:\r\n\r\n", 431,
            "in body"),
    };

    (void)state;
    l.max_fields = 2;
    rows_run(rows, N_ROWS(rows), &l);
    l = (struct gev__http_limits)GEV__HTTP_LIMITS_DEFAULT;
    l.max_head = 60; /* CHUNKED has 57 bytes */
    check_filled(filled("60", CHUNKED "0\r\nX:", 54, "\r\n\r\n"), 200, NULL,
                 &l);
    check_filled(filled("61", CHUNKED "0\r\nX:", 55, "\r\n\r\n"), 431,
                 "in body", &l);
    check_filled(filled("no end", CHUNKED "0\r\nX:", 57, ""), 0, NULL, &l);
    check_filled(filled("no end", CHUNKED "0\r\nX:", 58, ""), 431, NULL, &l);
    l = (struct gev__http_limits)GEV__HTTP_LIMITS_DEFAULT;
    l.max_field_line = 30;
    check_filled(filled("30", CHUNKED "0\r\nX:", 28, "\r\n\r\n"), 200, NULL,
                 &l);
    check_filled(filled("31", CHUNKED "0\r\nX:", 29, "\r\n\r\n"), 431, NULL,
                 &l);
    check_long(filled("CH18", CHUNKED "0\r\nX:", 100 * KIB, "\r\n\r\n"), 431,
               NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_lines_have_a_length),
        cmocka_unit_test(request_lines_of_8000_bytes_are_taken),
        cmocka_unit_test(field_lines_have_a_length),
        cmocka_unit_test(heads_have_a_length),
        cmocka_unit_test(fields_have_a_number),
        cmocka_unit_test(lengths_above_the_limit_are_413_at_once),
        cmocka_unit_test(chunk_lines_have_a_length),
        cmocka_unit_test(overhead_counts_from_its_limit_on),
        cmocka_unit_test(trailers_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
