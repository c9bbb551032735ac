/* SPDX-License-Identifier: MIT */
/*
 * Chunked coding and trailers: http1.md 2.5, RFC 9112 7.1, RFC 9110 6.5
 */
#include "rows.h"

#include <errno.h>

#include "http/body.h"
#include "http/head.h"

#define CH(id, rfc, bytes, status, want)                                       \
    ROW(id, rfc, CHUNKED bytes, status, want)
#define HELLO "5\r\nHELLO\r\n"
#define LAST  "0\r\n\r\n"

static const struct row good[] = {
    CH("CH1", "9112 7.1", HELLO LAST, 200, "body HELLO\nrest 0\n"),
    CH("CH1 empty", "9112 7.1", LAST, 200, "body \nrest 0\n"),
    CH("CH1 two", "9112 7.1", HELLO "1\r\n!\r\n" LAST "X", 200,
       "body HELLO!\nrest 1\n"),
    CH("CH1 CRLF within", "9112 7.1", "4\r\n\r\n\r\n\r\n" LAST, 200,
       "body \\x0D\\x0A\\x0D\\x0A\nrest 0\n"),
    CH("CH2", "9112 7.1", "A\r\n0123456789\r\n000\r\n\r\n", 200,
       "body 0123456789\nrest 0\n"),
    CH("CH2 a", "9112 7.1", "a\r\n0123456789\r\n0\r\n\r\n", 200,
       "body 0123456789\nrest 0\n"),
    CH("CH2 zeros", "9112 7.1", "0000005\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH2 16 digits", "9112 7.1", "0000000000000005\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH3 a=b", "9112 7.1.1", "5;a=b\r\nHELLO\r\n" LAST, 200, "body HELLO\n"),
    CH("CH3 a", "9112 7.1.1", "5;a\r\nHELLO\r\n" LAST, 200, "body HELLO\n"),
    CH("CH3 two", "9112 7.1.1", "5;a=b;c=d\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH3 quoted", "9112 7.1.1", "5;a=\"q;\\\"x\"\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH3 quoted empty", "9112 7.1.1", "5;a=\"\"\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH3 quoted obs", "9110 5.6.4",
       "5;a=\"\xe9\t \\\xe9\"\r\nHELLO\r\n" LAST, 200, "body HELLO\n"),
    CH("CH3 BWS", "9112 7.1.1", "5 ; a = b\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH3 BWS tabs", "9112 7.1.1", "5\t;\ta\t=\tb\r\nHELLO\r\n" LAST, 200,
       "body HELLO\n"),
    CH("CH3 last", "9112 7.1.1", HELLO "0;a=\"b\"\r\n\r\n", 200,
       "body HELLO\nrest 0\n"),
    CH("CH16", "9112 7.1.2", "0\r\nX-T: v\r\n\r\n", 200,
       "body \ntrailer X-T: v\nrest 0\n"),
    CH("CH16 two", "9112 7.1.2", HELLO "0\r\nA:\t1 \r\nB:\r\n\r\nX", 200,
       "body HELLO\ntrailer A: 1\ntrailer B: \nrest 1\n"),
    CH("CH17 length", "9110 6.5.1",
       "0\r\nContent-Length: 9\r\nX: y\r\n\r\n123456789", 200,
       "body \ntrailer X: y\nrest 9\n"),
    CH("CH17 coding", "9110 6.5.1",
       "0\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n", 200,
       "body \ntrailer X: y\nrest 0\n"),
    CH("CH17 host", "9110 6.5.1", "0\r\nHost: evil\r\nX: y\r\n\r\n", 200,
       "host a\nflags keep-alive chunked\n"),
    CH("CH17 close", "9110 6.5.1", "0\r\nConnection: close\r\n\r\n", 200,
       "flags keep-alive chunked\n"),
    CH("CH17 all", "9110 6.5.1",
       "0\r\nAUTHORIZATION: x\r\nContent-Type: x\r\nTE: x\r\nTrailer: x\r\n"
       "Content-Encoding: x\r\nCookie: x\r\nExpect: x\r\n\r\n",
       200, "body \nrest 0\n"),
};

static void good_chunks_are_taken(void **state)
{
    (void)state;
    rows_run(good, N_ROWS(good), NULL);
}

static const struct row bad[] = {
    CH("CH6 NUL", "9112 7.1.1", "5;\0\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 [", "9112 7.1.1", "5;a[=1\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 ;", "9112 7.1.1", "5;\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 a=", "9112 7.1.1", "5;a=\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 =b", "9112 7.1.1", "5;=b\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 ;;", "9112 7.1.1", "5;;a\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 open", "9112 7.1.1", "5;a=\"b\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 open pair", "9110 5.6.4", "5;a=\"b\\\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 behind", "9112 7.1.1", "5;a=\"b\"c\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 LF quoted", "9110 5.6.4", "5;a=\"\n\"\r\nHELLO\r\n" LAST, 400,
       NULL),
    CH("CH6 LF", "9112 7.1.1", "5;a\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 a SP b", "9112 7.1.1", "5;a b\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH6 trailing SP", "9112 7.1.1", "5;a \r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH7 SP", "9112 7.1", "5 \r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH7 leading", "9112 7.1", " 5\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH7 tab", "9112 7.1", "5\t\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 0x5", "9112 7.1", "0x5\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 +5", "9112 7.1", "+5\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 -5", "9112 7.1", "-5\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 5_", "9112 7.1", "5_\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 5g", "9112 7.1", "5g\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 empty", "9112 7.1", "\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 ext only", "9112 7.1", ";a\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH8 quoted", "9112 7.1", "\"5\"\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH10", "9112 7.1", "5\rXHELLO\r\n" LAST, 400, NULL),
    CH("CH10 CR", "9112 7.1", "5\r\r;ABCD\r\n" LAST, 400, NULL),
    CH("LF", "9112 7.1", "5\nHELLO\r\n" LAST, 400, NULL),
    CH("CH11", "9112 7.1", "5\r\nHELLO" LAST, 400, NULL),
    CH("CH11 XY", "9112 7.1", "5\r\nHELLOXY" LAST, 400, NULL),
    CH("CH11 X LF", "9112 7.1", "5\r\nHELLOX\n" LAST, 400, NULL),
    CH("CH11 CR X", "9112 7.1", "5\r\nHELLO\rX" LAST, 400, NULL),
    CH("CH11 CR", "9112 7.1", "5\r\nHELLO\r" LAST, 400, NULL),
    CH("CH13", "9112 7.1", "5\r\nHELLO\n" LAST, 400, NULL),
    CH("CH14 17 digits", "9112 7.1", "10000000000000000\r\n", 400, NULL),
    CH("CH14 zeros", "-", "00000000000000005\r\nHELLO\r\n" LAST, 400, NULL),
    CH("CH14 max", "9112 7.1", "FFFFFFFFFFFFFFFF\r\n", 413, NULL),
    CH("CH14 sign", "9112 7.1", "8000000000000000\r\n", 413, NULL),
    CH("CH14 wrap", "9112 7.1", HELLO "FFFFFFFFFFFFFFFB\r\n", 413, NULL),
    CH("CH20 LF", "9112 7.1", "0\r\n\n", 400, NULL),
    CH("CH20 LF LF", "9112 7.1", "0\n\n", 400, NULL),
    CH("CH20 CR X", "9112 7.1", "0\r\n\rX", 400, NULL),
    CH("trailer fold", "9112 5.2", "0\r\nX: a\r\n b\r\n\r\n", 400, NULL),
    CH("trailer name", "9112 5.1", "0\r\nX : a\r\n\r\n", 400, NULL),
    CH("trailer colon", "9112 5", "0\r\nX\r\n\r\n", 400, NULL),
    CH("trailer NUL", "9110 5.5", "0\r\nX: \0\r\n\r\n", 400, NULL),
    CH("trailer CR", "9112 2.2", "0\r\nX: a\rb\r\n\r\n", 400, NULL),
    CH("request as trailer", "9112 7.1", "0\r\n" GET_A END, 400, NULL),
};

static void bad_chunks_are_refused(void **state)
{
    (void)state;
    rows_run(bad, N_ROWS(bad), NULL);
}

static const struct row begun[] = {
    CH("nothing", "9112 8", "", 0, "in body"),
    CH("size", "9112 8", "5", 0, "in body"),
    CH("size CR", "9112 8", "5\r", 0, "in body"),
    CH("CH21", "9112 8", "5\r\nHEL", 0, "in body"),
    CH("data", "9112 8", "5\r\nHELLO", 0, "in body"),
    CH("data CR", "9112 8", "5\r\nHELLO\r", 0, "in body"),
    CH("chunk", "9112 8", HELLO, 0, "in body"),
    CH("last", "9112 8", HELLO "0\r\n", 0, "in body"),
    CH("CH20 wait", "9112 8", "0\r\n\r", 0, "in body"),
    CH("trailer", "9112 8", "0\r\nX: y\r\n", 0, "in body"),
};

static void a_body_is_not_complete_before_its_end(void **state)
{
    (void)state;
    rows_run(begun, N_ROWS(begun), NULL);
}

/* A head, then @unit @n times, then @tail. */
static struct row repeated(const char *unit, size_t n, const char *tail)
{
    size_t head = strlen(CHUNKED), len = strlen(unit);
    struct row row = {.id = "repeated", .rfc = "-"};
    char *p = malloc(head + n * len + strlen(tail) + 1);

    assert_non_null(p);
    memcpy(p, CHUNKED, head);
    for (size_t i = 0; i < n; i++) {
        memcpy(p + head + i * len, unit, len);
    }
    strcpy(p + head + n * len, tail);
    row.bytes = p;
    row.len = strlen(p);
    return row;
}

static int status_of(const struct row *row, enum request_delivery delivery)
{
    struct request_options o = {.delivery = delivery, .seed = 7};
    char *text = request_run(row->bytes, row->len, &o);
    int status = atoi(text + strlen("status "));

    free(text);
    return status;
}

static void many_tiny_chunks_are_refused(void **state)
{
    struct row row = repeated("1\r\nx\r\n", 40000, LAST);

    (void)state;
    assert_int_equal(status_of(&row, REQUEST_WHOLE), 400);
    assert_int_equal(status_of(&row, REQUEST_RANDOM), 400);
    free((void *)row.bytes);
    row = repeated("1\r\nx\r\n", 20000, LAST); /* 100 KiB are not reached */
    assert_int_equal(status_of(&row, REQUEST_WHOLE), 200);
    free((void *)row.bytes);
}

static void many_chunks_of_some_size_are_fine(void **state)
{
    char unit[128] = "64\r\n";
    struct row row;

    (void)state;
    memset(unit + 4, 'x', 100);
    strcpy(unit + 104, "\r\n");
    row = repeated(unit, 10000, LAST);
    assert_int_equal(status_of(&row, REQUEST_WHOLE), 200);
    assert_int_equal(status_of(&row, REQUEST_RANDOM), 200);
    free((void *)row.bytes);
}

static void long_extensions_are_refused(void **state)
{
    struct row row = repeated("5;", 1, "");
    char *p = calloc(1, 1 << 17);

    (void)state;
    assert_non_null(p);
    memcpy(p, row.bytes, row.len);
    memset(p + row.len, 'a', 1 << 16);
    free((void *)row.bytes);
    row = (struct row){"CH4", "9112 7.1.1", p, strlen(p), 400, NULL};
    row_check(&row, NULL);
    free(p);
}

static void trailers_without_memory_are_500(void **state)
{
    static const char with[] = CHUNKED "0\r\nX: y\r\n\r\n";
    struct request_options o = {.delivery = REQUEST_BYTES, .no_memory = true};
    char *text = request_run(with, sizeof with - 1, &o);

    (void)state;
    assert_memory_equal(text, "status 500\n", 11);
    free(text);
    /* None is asked for without need. */
    text = request_run(CHUNKED LAST, sizeof(CHUNKED LAST) - 1, &o);
    assert_memory_equal(text, "status 200\n", 11);
    free(text);
}

static void *none(void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return NULL;
}

static void a_refusal_is_final(void **state)
{
    static const struct gev__http_limits limits = GEV__HTTP_LIMITS_DEFAULT;
    struct gev__http_head h = {.limits = &limits, .chunked = true};
    struct gev__http_piece piece;
    struct gev__http_body b;
    char bad_line[] = "X\r\n", good_line[] = LAST,
         trailer[] = "0\r\nX:\r\n\r\n";

    (void)state;
    gev__http_body_init(&b, &h, 100, none, NULL);
    assert_int_equal(gev__http_body_next(&b, bad_line, 3, &piece), -EBADMSG);
    assert_int_equal(gev__http_body_next(&b, good_line, 5, &piece), -EBADMSG);
    assert_int_equal(b.status, 400);
    assert_non_null(b.reason);
    assert_null(gev__http_body_trailer(&b, "X"));
    gev__http_body_init(&b, &h, 100, none, NULL);
    assert_int_equal(gev__http_body_next(&b, trailer, 9, &piece), -ENOMEM);
    assert_int_equal(gev__http_body_next(&b, trailer, 9, &piece), -ENOMEM);
    assert_null(gev__http_body_trailer(&b, "X"));
    h.chunked = false;
    h.content_length = 101;
    gev__http_body_init(&b, &h, 100, none, NULL);
    assert_int_equal(gev__http_body_next(&b, good_line, 5, &piece), -EBADMSG);
    assert_int_equal(b.status, 413);
}

static void *give(void *arg, size_t size)
{
    assert_true(size <= 200);
    return arg;
}

static void trailers_are_found_after_the_end(void **state)
{
    static const struct gev__http_limits limits = GEV__HTTP_LIMITS_DEFAULT;
    struct gev__http_head h = {.limits = &limits, .chunked = true};
    struct gev__http_piece piece;
    struct gev__http_body b;
    uint64_t memory[25];
    char buf[] = "1\r\nx\r\n0\r\nX-Sum: 1\r\nHost: b\r\nY: 2\r\n\r\n!";

    (void)state;
    gev__http_body_init(&b, &h, 100, give, memory);
    assert_null(gev__http_body_trailer(&b, "X-Sum"));
    assert_int_equal(gev__http_body_next(&b, buf, sizeof buf - 1, &piece),
                     GEV__HTTP_PIECE);
    assert_ptr_equal(piece.data, buf + 3);
    assert_int_equal(piece.len, 1);
    assert_int_equal(piece.used, 4);
    assert_int_equal(gev__http_body_next(&b, buf + 4, sizeof buf - 5, &piece),
                     GEV__HTTP_END);
    assert_int_equal(piece.used, sizeof buf - 1 - 4 - 1);
    assert_int_equal(b.n_trailers, 2);
    memset(buf, 0, sizeof buf);
    assert_string_equal(gev__http_body_trailer(&b, "x-sum"), "1");
    assert_string_equal(gev__http_body_trailer(&b, "Y"), "2");
    assert_null(gev__http_body_trailer(&b, "Host"));
    assert_int_equal(gev__http_body_next(&b, buf, 5, &piece), GEV__HTTP_END);
    assert_int_equal(piece.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_chunks_are_taken),
        cmocka_unit_test(bad_chunks_are_refused),
        cmocka_unit_test(a_body_is_not_complete_before_its_end),
        cmocka_unit_test(many_tiny_chunks_are_refused),
        cmocka_unit_test(many_chunks_of_some_size_are_fine),
        cmocka_unit_test(long_extensions_are_refused),
        cmocka_unit_test(trailers_without_memory_are_500),
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(trailers_are_found_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
