/* SPDX-License-Identifier: MIT */
/*
 * Line ends, field lines and Host: http1.md 2.2 and 2.3, RFC 9112 2.2 and 5
 */
#include "rows.h"

#include "http/head.h"

static const struct row line_ends[] = {
    ROW("HF1", "9112 2.2", "GET / HTTP/1.1\nHost: a\n\n", 400, NULL),
    ROW("HF1 at once", "9112 2.2", "GET / HTTP/1.1\n", 400, NULL),
    ROW("HF2", "9112 2.2", GET "Host: a\nX: y\r\n\r\n", 400, NULL),
    ROW("HF2 end", "9112 2.2", GET_A "\n", 400, NULL),
    ROW("HF4", "9112 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400, NULL),
    ROW("HF4 end", "9112 2.2", GET_A "\rX", 400, NULL),
    ROW("HF4 CVE-2025-23167", "9112 2.2", GET_A "\r\rGET / HTTP/1.1\r\n", 400,
        NULL),
    ROW("HF5", "9112 2.2", GET_A "X: a\rb\r\n\r\n", 400, NULL),
    ROW("HF5 CR CRLF", "9112 2.2", GET_A "X: a\r\r\n\r\n", 400, NULL),
    ROW("HF6", "9112 2.2", GET_A "X:\rTransfer-Encoding: chunked\r\n\r\n", 400,
        NULL),
    ROW("LF first", "9112 2.2", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("CR first", "9112 2.2", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("HF9", "9112 5.2", GET_A "X: a\r\n b\r\n\r\n", 400, "folded"),
    ROW("HF9 tab", "9112 5.2", GET_A "X: a\r\n\tb\r\n\r\n", 400, "folded"),
    ROW("HF9 blank", "9112 5.2", GET_A "X: a\r\n \r\n\r\n", 400, "folded"),
    ROW("HF9 at once", "9112 5.2", GET_A "X: a\r\n ", 400, "folded"),
    ROW("HF10", "9112 2.2", GET " Content-Length: 5\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("CVE-2024-27982", "9112 5.2",
        GET_A "X: a\r\n Content-Length: 5\r\n\r\n", 400, NULL),
};

static void only_crlf_ends_a_line(void **state)
{
    (void)state;
    rows_run(line_ends, N_ROWS(line_ends), NULL);
}

static const struct row bad[] = {
    ROW("HF12", "9112 5.1", POST_A "Content-Length : 5\r\n\r\n", 400, NULL),
    ROW("HF12 TE", "9112 5.1", POST_A "Transfer-Encoding : chunked\r\n\r\n",
        400, NULL),
    ROW("HF12 tab", "9112 5.1", GET_A "X\t: 1\r\n\r\n", 400, NULL),
    ROW("HF13", "9112 5.1", GET_A ": x\r\n\r\n", 400, "without a name"),
    ROW("HF15", "9112 5", GET_A "NoColon\r\n\r\n", 400, NULL),
    ROW("HF16 [", "9110 5.1", GET_A "Bad[Name: x\r\n\r\n", 400, NULL),
    ROW("HF16 (", "9110 5.1", GET_A "(x): 1\r\n\r\n", 400, NULL),
    ROW("HF16 UTF-8", "9110 5.1", GET_A "\xc3\xab: 1\r\n\r\n", 400, NULL),
    ROW("HF16 SP", "9110 5.1", GET_A "X Y: 1\r\n\r\n", 400, NULL),
    ROW("HF17", "9110 5.5", GET_A "X: a\0b\r\n\r\n", 400, NULL),
    ROW("HF17 name", "9110 5.1", GET_A "X\0: a\r\n\r\n", 400, NULL),
    ROW("value 0x01", "9110 5.5", GET_A "X: a\x01\r\n\r\n", 400, NULL),
    ROW("value 0x1F", "9110 5.5", GET_A "X: a\x1f\r\n\r\n", 400, NULL),
    ROW("value 0x7F", "9110 5.5", GET_A "X: a\x7f\r\n\r\n", 400, NULL),
    ROW("value VT", "9110 5.5", GET_A "X: a\vb\r\n\r\n", 400, NULL),
    ROW("request in head", "9112 5", GET_A GET_A END, 400, NULL),
};

static void bad_field_lines_are_refused(void **state)
{
    (void)state;
    rows_run(bad, N_ROWS(bad), NULL);
}

static const struct row good[] = {
    ROW("HF19", "9110 5.5", GET_A "X: \xe9t\xe9\r\n\r\n", 200,
        "field X: \\xE9t\\xE9\n"),
    ROW("HF20", "9110 5.5", GET_A "X:\r\nY: \t \r\nZ:1\r\n\r\n", 200,
        "field X: \nfield Y: \nfield Z: 1\n"),
    ROW("HF21", "9112 5.1", GET_A "X:   v \t\r\n\r\n", 200, "field X: v\n"),
    ROW("HF21 tabs", "9110 5.6.3", GET_A "X:\t v\tw \tx\t\r\n\r\n", 200,
        "field X: v\\x09w \\x09x\n"),
    ROW("HF26", "9110 5.3", GET_A "A: 1\r\nB: x\r\na: 2\r\n\r\n", 200,
        "field A: 1\nfield B: x\nfield a: 2\n"),
    ROW("all tchars", "9110 5.6.2", GET_A "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n",
        200, "field !#$%&'*+-.^_`|~09azAZ: 1\n"),
    ROW("colons", "9110 5.5", GET_A "X: a:b: c\r\nY::\r\n\r\n", 200,
        "field X: a:b: c\nfield Y: :\n"),
    ROW("visible", "9110 5.5", GET_A "X: \"(),/:;<=>?@[\\]{}\r\n\r\n", 200,
        "field X: \"(),/:;<=>?@[\\x5C]{}\n"),
    ROW("RFC's names", "9110 5.1", GET_A "hOsT2: 1\r\ncontent-lengt: 5\r\n\r\n",
        200, "length 0\n"),
};

static void good_field_lines_are_taken(void **state)
{
    (void)state;
    rows_run(good, N_ROWS(good), NULL);
}

#define HOST(id, rfc, host, status, want)                                      \
    ROW(id, rfc, GET "Host: " host "\r\n\r\n", status, want)

static const struct row hosts[] = {
    ROW("HO1", "9112 3.2", GET END, 400, "no Host"),
    ROW("HO1 other", "9112 3.2", GET "X: a\r\n\r\n", 400, "no Host"),
    ROW("HO2", "9112 3.2", GET "Host: a\r\nHost: b\r\n\r\n", 400, "one Host"),
    ROW("HO3", "9112 3.2", GET "Host: a\r\nhost: a\r\n\r\n", 400, "one Host"),
    ROW("HO3 1.0", "9112 3.2", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        400, "one Host"),
    HOST("HO4", "9110 4.2.1", "", 400, "bad Host"),
    HOST("HO6 path", "9110 7.2", "a/p", 400, NULL),
    HOST("HO6 SP", "9110 7.2", "a b", 400, NULL),
    HOST("HO6 comma", "-", "a,b", 400, NULL),
    HOST("HO6 query", "9110 7.2", "a?x", 400, NULL),
    HOST("HO6 fragment", "9110 7.2", "a#x", 400, NULL),
    HOST("userinfo", "9110 7.2", "u@a", 400, NULL),
    HOST("backslash", "9110 7.2", "a\\b", 400, NULL),
    HOST("obs-text", "9110 7.2", "\xe9", 400, NULL),
    HOST("HO8 IPv6", "3986 3.2.2", "[::1]:8080", 200, "host [::1]:8080\n"),
    HOST("HO8 IPv6 long", "3986 3.2.2", "[2001:db8:0:1:1:1:1:1]", 200, NULL),
    HOST("HO8 IPv6 mapped", "3986 3.2.2", "[::ffff:1.2.3.4]", 200, NULL),
    HOST("HO8 empty port", "3986 3.2.3", "a:", 200, "host a:\n"),
    HOST("HO8 IDN", "3986 3.2.2", "xn--a", 200, "host xn--a\n"),
    HOST("IPv4", "3986 3.2.2", "127.0.0.1:80", 200, "host 127.0.0.1:80\n"),
    HOST("escaped", "3986 3.2.2", "a%41b", 200, "host a%41b\n"),
    HOST("sub-delims", "3986 3.2.2", "a!$&'()*+;=_~b", 200, NULL),
    HOST("IPvFuture", "3986 3.2.2", "[v1.a:b]", 200, NULL),
    HOST("bad escape", "3986 2.1", "a%4", 400, NULL),
    HOST("bad escape2", "3986 2.1", "a%4g", 400, NULL),
    HOST("port", "3986 3.2.3", "a:65535", 200, NULL),
    HOST("port zeros", "3986 3.2.3", "a:00080", 200, NULL),
    HOST("port above", "3986 3.2.3", "a:65536", 400, NULL),
    HOST("port long", "3986 3.2.3", "a:4294967376", 400, NULL),
    HOST("port word", "3986 3.2.3", "a:http", 400, NULL),
    HOST("port twice", "3986 3.2.3", "a:80:80", 400, NULL),
    HOST("port only", "9110 4.2.1", ":80", 400, NULL),
    HOST("IPv6 bare", "3986 3.2.2", "::1", 400, NULL),
    HOST("IPv6 open", "3986 3.2.2", "[::1", 400, NULL),
    HOST("IPv6 empty", "3986 3.2.2", "[]", 400, NULL),
    HOST("IPv6 zone", "3986 3.2.2", "[fe80::1%25eth0]", 400, NULL),
    HOST("IPv6 bad", "3986 3.2.2", "[::g]", 400, NULL),
    HOST("IPv6 IPv4", "3986 3.2.2", "[1.2.3.4]", 400, NULL),
    HOST("IPv6 too long", "3986 3.2.2",
         "[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]", 400, NULL),
    HOST("IPv6 tail", "3986 3.2.2", "[::1]a", 400, NULL),
    HOST("IPvFuture bad", "3986 3.2.2", "[v.a]", 400, NULL),
    HOST("IPvFuture bad2", "3986 3.2.2", "[v1.]", 400, NULL),
    HOST("IPvFuture bad3", "3986 3.2.2", "[v1.a/b]", 400, NULL),
    ROW("OWS", "9110 5.6.3", GET "Host:\ta\t \r\n\r\n", 200, "host a\n"),
    ROW("HO9", "9112 3.2", "GET / HTTP/1.0\r\n\r\n", 200, "host\nflags\n"),
    ROW("HO9 given", "9112 3.2", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 200,
        "host a\n"),
    ROW("HO9 bad", "9112 3.2", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", 400,
        NULL),
    ROW("absolute, bad Host", "9112 3.2",
        "GET http://x/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, NULL),
};

static void hosts_are_exactly_one_and_valid(void **state)
{
    (void)state;
    rows_run(hosts, N_ROWS(hosts), NULL);
}

static void fields_are_found_in_any_case_and_in_order(void **state)
{
    static const struct gev__http_limits limits = GEV__HTTP_LIMITS_DEFAULT;
    struct gev__http_field fields[100];
    struct gev__http_head h;
    char buf[] = GET "Host: a\r\nCookie: 1\r\nX-Y: z\r\nCOOKIE: 2\r\n\r\n";

    (void)state;
    gev__http_head_init(&h, &limits, fields);
    assert_int_equal(gev__http_head_feed(&h, buf, sizeof buf - 1),
                     sizeof buf - 1);
    assert_int_equal(h.n_fields, 4);
    assert_int_equal(gev__http_head_find(&h, "host", 0), 0);
    assert_int_equal(gev__http_head_find(&h, "HOST", 1), -1);
    assert_int_equal(gev__http_head_find(&h, "cookie", 0), 1);
    assert_int_equal(gev__http_head_find(&h, "cookie", 2), 3);
    assert_int_equal(gev__http_head_find(&h, "cookie", 4), -1);
    assert_int_equal(gev__http_head_find(&h, "cooki", 0), -1);
    assert_int_equal(gev__http_head_find(&h, "cookies", 0), -1);
    assert_int_equal(gev__http_head_find(&h, "", 0), -1);
    assert_string_equal(gev__http_head_str(&h, h.fields[3].name), "COOKIE");
    assert_string_equal(gev__http_head_str(&h, h.fields[3].value), "2");
    assert_string_equal(gev__http_head_str(&h, h.name), "GET");
    assert_string_equal(gev__http_head_str(&h, h.target), "/");
    assert_int_equal(h.method, GEV__HTTP_GET);
    assert_int_equal(h.form, GEV__HTTP_ORIGIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_crlf_ends_a_line),
        cmocka_unit_test(bad_field_lines_are_refused),
        cmocka_unit_test(good_field_lines_are_taken),
        cmocka_unit_test(hosts_are_exactly_one_and_valid),
        cmocka_unit_test(fields_are_found_in_any_case_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
