/* SPDX-License-Identifier: MIT */
/*
 * Body framing, Connection, Expect, Upgrade: http1.md 2.4 and 2.6, RFC 9112 6
 * and 9, RFC 9110 7.6.1, 8.6 and 10.1.1
 */
#include "rows.h"

static const struct row lengths[] = {
    ROW("BF1", "9112 6.2", POST_A "Content-Length: 5\r\n\r\nHELLO" GET_A END,
        200, "length 5\nfield Host: a\nfield Content-Length: 5\nhead 47\n"),
    ROW("BF1 body", "9112 6.2",
        POST_A "Content-Length: 5\r\n\r\nHELLO" GET_A END, 200,
        "body HELLO\nrest 27\n"),
    ROW("BF2", "9112 6.3", POST_A "\r\nX", 200, "body \nrest 1\n"),
    ROW("BF3", "9110 9.3.1", GET_A "Content-Length: 5\r\n\r\nHELLO" GET, 200,
        "body HELLO\nrest 16\n"),
    ROW("zero", "9112 6.2", POST_A "Content-Length: 0\r\n\r\nX", 200,
        "length 0\n"),
    ROW("HEAD with body", "9112 6.3",
        "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", 200,
        "body ab\nrest 0\n"),
    ROW("1.0", "9112 6.2", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
        200, "body ab\nrest 0\n"),
    ROW("BF4", "9112 6.3",
        POST_A "Content-Length: 5\r\nContent-Length: 6\r\n\r\nHELLO", 400,
        NULL),
    ROW("BF5", "9110 8.6",
        POST_A "Content-Length: 5\r\ncontent-length: 5\r\n\r\nHELLO", 400,
        NULL),
    ROW("list", "9110 8.6", POST_A "Content-Length: 5, 5\r\n\r\nHELLO", 400,
        NULL),
    ROW("BF7 +5", "9112 6.3", POST_A "Content-Length: +5\r\n\r\n", 400, NULL),
    ROW("BF7 -5", "9112 6.3", POST_A "Content-Length: -5\r\n\r\n", 400, NULL),
    ROW("BF7 -0", "9112 6.3", POST_A "Content-Length: -0\r\n\r\n", 400, NULL),
    ROW("BF7 5_0", "9112 6.3", POST_A "Content-Length: 5_0\r\n\r\n", 400, NULL),
    ROW("BF7 0x5", "9112 6.3", POST_A "Content-Length: 0x5\r\n\r\n", 400, NULL),
    ROW("BF7 0o5", "9112 6.3", POST_A "Content-Length: 0o5\r\n\r\n", 400, NULL),
    ROW("BF7 5 0", "9112 6.3", POST_A "Content-Length: 5 0\r\n\r\n", 400, NULL),
    ROW("BF7 5;", "9112 6.3", POST_A "Content-Length: 5;\r\n\r\n", 400, NULL),
    ROW("BF7 abc", "9112 6.3", POST_A "Content-Length: abc\r\n\r\n", 400, NULL),
    ROW("BF7 5.0", "9112 6.3", POST_A "Content-Length: 5.0\r\n\r\n", 400, NULL),
    ROW("BF7 5,", "9112 6.3", POST_A "Content-Length: 5,\r\n\r\n", 400, NULL),
    ROW("BF7 obs-text", "9112 6.3", POST_A "Content-Length: \xb2\r\n\r\n", 400,
        NULL),
    ROW("BF8", "9112 6.3", POST_A "Content-Length:\r\n\r\n", 400, NULL),
    ROW("BF8 blank", "9112 6.3", POST_A "Content-Length: \t\r\n\r\n", 400,
        NULL),
    ROW("BF10", "9110 8.6", POST_A "Content-Length: 0005\r\n\r\nHELLO", 200,
        "body HELLO\n"),
    ROW("BF10 octal", "9110 8.6",
        POST_A "Content-Length: 010\r\n\r\n0123456789", 200,
        "body 0123456789\n"),
    ROW("BF11", "9110 5.6.3", POST_A "Content-Length:\t5 \t\r\n\r\nHELLO", 200,
        "body HELLO\n"),
    ROW("BF12", "9110 15.5.14", POST_A "Content-Length: 999999999\r\n\r\n", 413,
        "in head"),
    ROW("INT64_MAX", "9110 8.6",
        POST_A "Content-Length: 9223372036854775807\r\n\r\n", 413, NULL),
    ROW("above INT64_MAX", "9110 8.6",
        POST_A "Content-Length: 9223372036854775808\r\n\r\n", 400, NULL),
    ROW("2^64+5", "9110 8.6",
        POST_A "Content-Length: 18446744073709551621\r\n\r\nHELLO", 400, NULL),
    ROW("20 zeros", "-", POST_A "Content-Length: 00000000000000000005\r\n\r\n",
        400, NULL),
    ROW("BF13", "9112 8", POST_A "Content-Length: 10\r\n\r\nHELLO", 0,
        "in body"),
};

static void content_length_is_one_plain_number(void **state)
{
    (void)state;
    rows_run(lengths, N_ROWS(lengths), NULL);
}

#define TE(id, rfc, value, status, want)                                       \
    ROW(id, rfc, POST_A "Transfer-Encoding:" value "\r\n\r\n0\r\n\r\n",        \
        status, want)

static const struct row codings[] = {
    TE("chunked", "9112 6.1", " chunked", 200, "keep-alive chunked\n"),
    ROW("BF15", "9112 6.3",
        POST_A "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
               "0\r\n\r\nX",
        400, NULL),
    ROW("BF16", "9112 6.3",
        POST_A "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n"
               "0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
        400, NULL),
    TE("BF18", "9112 6.1", " gzip", 501, NULL),
    TE("BF18 parameter", "9112 7", " gzip;a=b", 501, NULL),
    TE("BF19", "9112 6.1", " gzip, chunked", 501, NULL),
    TE("BF20", "9112 6.3", " chunked, gzip", 400, NULL),
    TE("BF20 identity", "9112 6.3", " chunked, identity", 400, NULL),
    TE("BF22 x", "9112 6.1", " xchunked", 501, NULL),
    TE("BF22 identity", "9112 6.1", " identity", 501, NULL),
    TE("BF22 q", "9112 7.1", " chunked;q=1", 400, NULL),
    TE("BF22 ;", "9112 7.1", " chunked;", 400, NULL),
    TE("BF22 quotes", "9112 7", " \"chunked\"", 400, NULL),
    TE("chunkedx", "9112 6.1", " chunkedx", 501, NULL),
    TE("chunked x", "9112 7", " chunked x", 400, NULL),
    TE("x chunked", "9112 7", " x chunked", 400, NULL),
    TE("NBSP", "9112 7",
       " \xa0"
       "chunked",
       400, NULL),
    TE("twice", "9112 6.1", " chunked, chunked", 400, NULL),
    ROW("two lines", "9112 6.1",
        POST_A "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
               "\r\n0\r\n\r\n",
        400, NULL),
    ROW("two lines, other", "9112 6.1",
        POST_A "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
               "\r\n0\r\n\r\n",
        501, NULL),
    TE("BF27 before", "9110 5.6.1.2", " ,chunked", 200, "chunked\n"),
    TE("BF27 behind", "9110 5.6.1.2", " chunked,", 200, "chunked\n"),
    TE("BF27 SP", "9110 5.6.1.2", " chunked ,", 200, "chunked\n"),
    TE("BF27 many", "9110 5.6.1.2", ",\t, ,chunked\t,, \t,", 200,
       "field Transfer-Encoding: chunked\n"),
    TE("BF27 none", "9110 5.6.1.2", " ,,", 400, NULL),
    TE("BF23", "9112 6.1", "", 400, NULL),
    TE("BF23 blank", "9112 6.1", " \t", 400, NULL),
    TE("BF25", "9112 7", " CHUNKED", 200, "chunked\n"),
    TE("BF25 mixed", "9112 7", " cHuNkEd", 200, "chunked\n"),
    TE("BF25 SP", "9110 5.6.3", " chunked ", 200, "chunked\n"),
    TE("BF25 HTAB", "9110 5.6.3", "\tchunked\t", 200, "chunked\n"),
    ROW("1.0", "9112 6.1",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        NULL),
    ROW("1.0 keep-alive", "9112 6.1",
        "POST / HTTP/1.0\r\nConnection: keep-alive\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400, NULL),
    ROW("GET", "9112 6.3",
        GET_A "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" GET, 200,
        "body x\nrest 16\n"),
};

static void transfer_encoding_is_chunked_once(void **state)
{
    (void)state;
    rows_run(codings, N_ROWS(codings), NULL);
}

#define CN(id, rfc, fields, want) ROW(id, rfc, GET_A fields END, 200, want)
#define CN10(id, rfc, fields, want)                                            \
    ROW(id, rfc, "GET / HTTP/1.0\r\n" fields END, 200, want)

static const struct row connections[] = {
    CN("default", "9112 9.3", "", "flags keep-alive\n"),
    CN("CN4", "9112 9.3", "Connection: close\r\n", "flags\n"),
    CN("CN4 case", "9110 7.6.1", "cOnnection: CLOSE\r\n", "flags\n"),
    CN("CN4 tab", "9110 5.6.3", "Connection: close\t\r\n", "flags\n"),
    CN("CN4 tabs", "9110 5.6.3", "Connection:\tclose \t\r\n", "flags\n"),
    CN("CN4 list", "9110 7.6.1", "Connection: a,\tclose ,b\r\n", "flags\n"),
    CN("CN4 lines", "9110 5.3", "Connection: a\r\nConnection: close\r\n",
       "flags\n"),
    CN("CN4 both", "9112 9.3", "Connection: keep-alive, close\r\n", "flags\n"),
    CN("not a token", "-", "Connection: a b\r\n", "flags\n"),
    CN("empty", "9110 5.6.1.2", "Connection: ,, ,\r\n", "flags keep-alive\n"),
    CN("other", "9110 7.6.1", "Connection: closed, xclose\r\n",
       "flags keep-alive\n"),
    CN("CN6", "9112 C.2.2", "Proxy-Connection: close\r\n",
       "flags keep-alive\n"),
    CN10("CN1", "9112 9.3", "", "flags\n"),
    CN10("CN2", "9112 9.3", "Connection: keep-alive\r\n", "flags keep-alive\n"),
    CN10("CN2 case", "9112 9.3", "Connection: Keep-Alive\r\n",
         "flags keep-alive\n"),
    CN10("CN2 close", "9112 9.3", "Connection: keep-alive, close\r\n",
         "flags\n"),
    CN10("proxy", "9112 C.2.2", "Proxy-Connection: keep-alive\r\n", "flags\n"),
    CN("UP1", "9110 7.8",
       "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
       "HTTP2-Settings: AAMAAABkAAQAAP__\r\n",
       "flags keep-alive upgrade\n"),
    CN("websocket", "9110 7.8", "Upgrade: websocket\r\nConnection: upgrade\r\n",
       "flags keep-alive upgrade\n"),
    CN("only Upgrade", "9110 7.8", "Upgrade: h2c\r\n", "flags keep-alive\n"),
    CN("only Connection", "9110 7.8", "Connection: upgrade\r\n",
       "flags keep-alive\n"),
    CN("empty Upgrade", "9110 7.8", "Connection: upgrade\r\nUpgrade:\r\n",
       "flags keep-alive\n"),
    CN10("1.0 upgrade", "9110 7.8", "Connection: upgrade\r\nUpgrade: h2c\r\n",
         "flags\n"),
    ROW("upgrade and body", "9110 7.8",
        POST_A "Connection: upgrade\r\nUpgrade: h2c\r\n"
               "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        200, "body x\nrest 0\n"),
    ROW("upgrade and length", "9110 7.8",
        POST_A "Connection: upgrade\r\nUpgrade: h2c\r\n"
               "Content-Length: 1\r\n\r\nx",
        200, "body x\nrest 0\n"),
};

static void connection_is_read_as_a_list_of_tokens(void **state)
{
    (void)state;
    rows_run(connections, N_ROWS(connections), NULL);
}

#define EX(id, rfc, fields, status, want)                                      \
    ROW(id, rfc, POST_A "Content-Length: 1\r\n" fields "\r\nx", status, want)

static const struct row expectations[] = {
    EX("EX1", "9110 10.1.1", "Expect: 100-continue\r\n", 200, " continue\n"),
    EX("EX1 case", "9110 10.1.1", "expect: 100-Continue\r\n", 200,
       " continue\n"),
    EX("EX1 OWS", "9110 5.6.3", "Expect:\t100-continue\t\r\n", 200,
       " continue\n"),
    EX("list", "9110 5.6.1.2", "Expect: , 100-continue,\r\n", 200,
       " continue\n"),
    EX("empty", "9110 5.6.1.2", "Expect:\r\n", 200, "flags keep-alive\n"),
    EX("EX5", "9110 10.1.1", "Expect: x\r\n", 417, NULL),
    EX("EX5 list", "9110 10.1.1", "Expect: 100-continue, x\r\n", 417, NULL),
    EX("EX5 lines", "9110 10.1.1", "Expect: 100-continue\r\nExpect: x\r\n", 417,
       NULL),
    EX("EX5 parameter", "9110 10.1.1", "Expect: 100-continue;a\r\n", 417, NULL),
    ROW("no content", "9110 10.1.1", POST_A "Expect: 100-continue\r\n\r\n", 200,
        "flags keep-alive\n"),
    ROW("chunked", "9110 10.1.1",
        POST_A "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
               "0\r\n\r\n",
        200, "chunked continue\n"),
    ROW("1.0", "9110 10.1.1",
        "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
        200, "flags\n"),
    ROW("1.0 other", "9110 10.1.1", "GET / HTTP/1.0\r\nExpect: x\r\n\r\n", 200,
        "flags\n"),
};

static void only_continue_can_be_expected(void **state)
{
    (void)state;
    rows_run(expectations, N_ROWS(expectations), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_length_is_one_plain_number),
        cmocka_unit_test(transfer_encoding_is_chunked_once),
        cmocka_unit_test(connection_is_read_as_a_list_of_tokens),
        cmocka_unit_test(only_continue_can_be_expected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
