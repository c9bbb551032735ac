/* SPDX-License-Identifier: MIT */
/*
 * The second opinion and its self-test; when a refusal comes; what is touched
 */
#include "rows.h"

#include <errno.h>
#include <stdbool.h>

#include "http/body.h"
#include "http/chars.h"
#include "http/head.h"
#include "http/parser.h"
#include "support/fault.h"

static const struct gev__http_limits limits = GEV__HTTP_LIMITS_DEFAULT;
static struct gev__http_field fields[100];

static void the_linked_parser_is_strict(void **state)
{
    (void)state;
    assert_int_equal(gev__http_selftest(), 0);
}

static bool takes_all(const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return true;
}

static bool takes_nothing(const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return false;
}

/* A parser that is strict but for heads with @loose_for in them. */
static const char *loose_for;

static bool takes_one_more(const char *bytes, size_t len)
{
    return gev__http_parser_accepts(bytes, len) ||
           memmem(bytes, len, loose_for, strlen(loose_for));
}

static void a_loose_parser_does_not_pass_the_self_test(void **state)
{
    static const char *const looks[] = {
        "X:\rTransfer-Encoding", /* CVE-2023-30589 */
        "a\rb",
        "\r\n\r\rGET", /* CVE-2025-23167 */
        "Content-Length : 5",
        "Content Length: 5",
        "Content-Length: 2", /* behind another one */
        "Content-Length: 1\r\nTransfer-Encoding",
        "chunked, gzip",
        "xchunked",
        "5\rXHELLO",
        "HELLOX\n",
        "/\t HTTP",
    };

    (void)state;
    assert_int_equal(gev__http_selftest_of(takes_all), -ENOTSUP);
    assert_int_equal(gev__http_selftest_of(takes_nothing), -ENOTSUP);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        loose_for = looks[i];
        if (gev__http_selftest_of(takes_one_more) != -ENOTSUP) {
            fail_msg("no specimen has %s", looks[i]);
        }
    }
    loose_for = "in none of them";
    assert_int_equal(gev__http_selftest_of(takes_one_more), 0);
}

/* A good head, as the gate leaves it for the parser. */
static char *good_head(struct gev__http_head *h)
{
    static char buf[256];
    size_t len; /* as sent: feeding puts NULs into it */

    strcpy(buf, POST_A "X: y\r\nContent-Length: 5\r\n\r\n");
    len = strlen(buf);
    gev__http_head_init(h, &limits, fields);
    assert_int_equal(gev__http_head_feed(h, buf, len), len);
    /* The bytes without the strings' ends. */
    strcpy(buf, POST_A "X: y\r\nContent-Length: 5\r\n\r\n");
    return buf;
}

static void the_parser_must_see_the_same_head(void **state)
{
    struct gev__http_head good, h;
    char *buf = good_head(&good);
    size_t len = strlen(buf);

    (void)state;
    assert_true(gev__http_parser_agrees(&good, len));
    assert_false(gev__http_parser_agrees(&good, len - 1));
    h = good;
    h.content_length = 6;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.saw &= (uint16_t)~GEV__HTTP_SAW_LENGTH;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.chunked = true;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.minor = 0;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.n_fields--;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.n_fields++;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.target.len++;
    assert_false(gev__http_parser_agrees(&h, len));
    h = good;
    h.name.len--;
    assert_false(gev__http_parser_agrees(&h, len));
    fields[1].name.len++;
    assert_false(gev__http_parser_agrees(&good, len));
    fields[1].name.len--;
    fields[1].value.at--;
    assert_false(gev__http_parser_agrees(&good, len));
    fields[1].value.at++;
    fields[1].value.len = 0;
    assert_false(gev__http_parser_agrees(&good, len));
    fields[1].value.len = 1;
    assert_true(gev__http_parser_agrees(&good, len));
}

static void the_parser_sees_chunks_in_any_pieces(void **state)
{
    static const char hello[] = "HELLO";
    struct gev__http_chunks c;
    struct gev__http_chunk_facts facts;

    (void)state;
    gev__http_chunks_init(&c);
    assert_int_equal(gev__http_chunks_feed(&c, "5\r\n", 3, &facts), 0);
    assert_true(facts.line);
    assert_int_equal(facts.size, 5);
    for (int i = 0; i < 5; i++) {
        const char *byte = &hello[i];
        assert_int_equal(gev__http_chunks_feed(&c, byte, 1, &facts), 0);
        assert_ptr_equal(facts.data, byte);
        assert_int_equal(facts.len, 1);
        assert_false(facts.line || facts.end);
    }
    assert_int_equal(gev__http_chunks_feed(&c, "\r\n", 2, &facts), 0);
    assert_int_equal(gev__http_chunks_feed(&c, "0\r\n", 3, &facts), 0);
    assert_int_equal(facts.size, 0);
    assert_int_equal(gev__http_chunks_feed(&c, "\r\n", 2, &facts), 0);
    assert_true(facts.end);
    /* Behind the end nothing is taken. */
    assert_int_equal(gev__http_chunks_feed(&c, GET, 16, &facts), -EBADMSG);
    gev__http_chunks_init(&c);
    assert_int_equal(gev__http_chunks_feed(&c, "x\r\n", 3, &facts), -EBADMSG);
}

/* How many bytes it takes to refuse: @want, the last of them the wrong one. */
static void assert_refused_after(const char *bytes, size_t want)
{
    struct gev__http_head h;
    char buf[256];
    size_t n = 0;
    ssize_t rc;

    strcpy(buf, bytes);
    gev__http_head_init(&h, &limits, fields);
    do {
        rc = gev__http_head_feed(&h, buf, ++n);
    } while (rc == 0 && buf[n]);
    if (rc != -EBADMSG || n != want) {
        fail_msg("'%s' is refused after %zu bytes", bytes, n);
    }
}

static void a_refusal_comes_with_the_wrong_byte(void **state)
{
    (void)state;
    assert_refused_after("\x16\x03\x01...", 1);
    assert_refused_after(" GET / HTTP/1.1", 1);
    assert_refused_after("\nGET / HTTP/1.1", 1);
    assert_refused_after("\rGET / HTTP/1.1", 2);
    assert_refused_after("GET /\n...", 6);
    assert_refused_after("GET /\t...", 6);
    assert_refused_after("GET /\rX...", 7);
    assert_refused_after("GET /\r\n...", 7);
    assert_refused_after("PRI * HTTP/2.0\r\n\r\n", 16);
    assert_refused_after(GET "X\x01y: z", 18);
    assert_refused_after(GET "X: y\nZ", 21);
    assert_refused_after(GET "X: y\rZ", 22);
    assert_refused_after(GET "X: y\r\n z", 23);
    assert_refused_after(GET "X : y\r\nZ", 23);
    assert_refused_after(GET "Host: /\r\nZ", 25);
    assert_refused_after(GET "Content-Length: x\r\nZ", 35);
    assert_refused_after(GET_A "\rX", 27);
}

static void bytes_behind_the_head_are_not_touched(void **state)
{
    struct gev__http_head h;
    char buf[] = GET_A "X:\t1 \t\r\n\r\n\t\r\n\t:\r\n";
    const size_t behind = sizeof "\t\r\n\t:\r\n" - 1;
    size_t len = sizeof buf - 1;

    (void)state;
    gev__http_head_init(&h, &limits, fields);
    assert_int_equal(gev__http_head_feed(&h, buf, len), len - behind);
    assert_string_equal(buf + len - behind, "\t\r\n\t:\r\n");
}

static void nothing_is_allocated(void **state)
{
    struct gev__http_head h;
    struct gev__http_body b;
    struct gev__http_piece piece;
    char buf[] = CHUNKED "5;a=\"b\"\r\nHELLO\r\n0\r\n\r\n";
    size_t len = sizeof buf - 1, at;
    int rc;

    (void)state;
    fault_count_reset();
    gev__http_head_init(&h, &limits, fields);
    at = (size_t)gev__http_head_feed(&h, buf, len);
    gev__http_body_init(&b, &h, 5, NULL, NULL);
    do {
        rc = gev__http_body_next(&b, buf + at, len - at, &piece);
        at += piece.used;
    } while (rc == GEV__HTTP_PIECE);
    assert_int_equal(rc, GEV__HTTP_END);
    assert_int_equal(at, len);
    assert_int_equal(fault_count(FAULT_ALLOC), 0);
}

static void control_characters_are_found_at_every_place(void **state)
{
    char buf[40];

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool is_ctl = c < 0x20 || c == 0x7F;
        for (size_t at = 0; at < sizeof buf; at++) {
            memset(buf, at % 2 ? '~' : 0x80, sizeof buf);
            buf[at] = (char)c;
            const char *found = gev__ch_find_ctl(buf, buf + sizeof buf);
            assert_ptr_equal(found, buf + (is_ctl ? at : sizeof buf));
        }
        memset(buf, (int)c, sizeof buf);
        assert_ptr_equal(gev__ch_find_ctl(buf + 3, buf + sizeof buf),
                         is_ctl ? buf + 3 : buf + sizeof buf);
    }
}

static void the_table_of_characters_is_the_rfcs(void **state)
{
    const char *host = "-._~!$&'()*+;=";

    (void)state;
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        bool digit = i >= '0' && i <= '9';
        bool alpha = (i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z');
        bool hex = digit || (alpha && (i | 0x20) <= 'f');
        bool tchar = digit || alpha || (i && strchr("!#$%&'*+-.^_`|~", i));
        bool text = i == '\t' || (i >= 0x20 && i != 0x7F);

        assert_int_equal(gev__ch_is(c, GEV__CH_DIGIT), digit);
        assert_int_equal(gev__ch_is(c, GEV__CH_HEX), hex);
        assert_int_equal(gev__ch_is(c, GEV__CH_TOKEN), tchar);
        assert_int_equal(gev__ch_is(c, GEV__CH_TEXT), text);
        assert_int_equal(gev__ch_is(c, GEV__CH_QUOTED),
                         text && i != '"' && i != '\\');
        assert_int_equal(gev__ch_is(c, GEV__CH_TARGET),
                         i > 0x20 && i < 0x7F && i != '#');
        assert_int_equal(gev__ch_is(c, GEV__CH_HOST),
                         digit || alpha || (i && strchr(host, i)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_linked_parser_is_strict),
        cmocka_unit_test(a_loose_parser_does_not_pass_the_self_test),
        cmocka_unit_test(the_parser_must_see_the_same_head),
        cmocka_unit_test(the_parser_sees_chunks_in_any_pieces),
        cmocka_unit_test(a_refusal_comes_with_the_wrong_byte),
        cmocka_unit_test(bytes_behind_the_head_are_not_touched),
        cmocka_unit_test(nothing_is_allocated),
        cmocka_unit_test(control_characters_are_found_at_every_place),
        cmocka_unit_test(the_table_of_characters_is_the_rfcs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
