/* SPDX-License-Identifier: MIT */
/*
 * The request line: http1.md 2.1, RFC 9112 2 and 3, RFC 9110 2.5, 7.2 and 9
 */
#include "rows.h"

static const struct row good[] = {
    ROW("RL1", "9112 3", GET_A END, 200, "request GET / 1.1\npath /\n"),
    ROW("RL1 flags", "9112 9.3", GET_A END, 200, "flags keep-alive\n"),
    ROW("RL2", "9112 3.2.2", "GET http://x:80/p?q HTTP/1.1\r\nHost: y\r\n\r\n",
        200, "path /p\nquery q\nhost x:80\n"),
    ROW("RL2 scheme's case", "9110 4.2.3",
        "GET hTTp://x/ HTTP/1.1\r\nHost: y\r\n\r\n", 200, "host x\n"),
    ROW("RL2 IPv6", "3986 3.2.2",
        "GET http://[::1]:8080/a HTTP/1.1\r\nHost: y\r\n\r\n", 200,
        "path /a\nquery\nhost [::1]:8080\n"),
    ROW("RL2 in 1.0", "9112 3.2.2", "GET http://x/ HTTP/1.0\r\n\r\n", 200,
        "host x\n"),
    ROW("RL3", "9112 3.2.2", "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", 200,
        "path\nquery\nhost x\n"),
    ROW("RL3 query", "3986 3.3", "GET http://x?q HTTP/1.1\r\nHost: x\r\n\r\n",
        200, "path\nquery q\nhost x\n"),
    ROW("RL5", "9112 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "request OPTIONS * 1.1\npath *\n"),
    ROW("query", "3986 3.4", "GET /p?a=b?c&d HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "path /p\nquery a=b?c&d\n"),
    ROW("empty query", "3986 3.4", "GET /p? HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "path /p\nquery\n"),
    ROW("//", "9112 3.2.1", "GET //x/y HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "path //x/y\nquery\nhost a\n"),
    ROW("RL16", "3986 2.1", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "path /%00\n"),
    ROW("RL16 CRLF", "3986 2.1", "GET /%0d%0aX:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        200, "path /%0d%0aX:1\n"),
    ROW("odd bytes", "9112 3.2",
        "GET /\"<>\\^`{|}~ HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "path /\"<>\\x5C^`{|}~\n"),
    ROW("RL23", "9110 2.5", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 200,
        "request GET / 1.1\n"),
    ROW("RL23 1.9", "9110 2.5", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", 200,
        "request GET / 1.1\n"),
    ROW("RL23 body", "9110 2.5",
        "POST / HTTP/1.3\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\nx\r\n0\r\n\r\n",
        200, "body x\n"),
    ROW("RL30", "9112 2.2", "\r\n" GET_A END, 200, "head 29\n"),
    ROW("RL30 two", "9112 2.2", "\r\n\r\n" GET_A END, 200, "head 31\n"),
    ROW("HEAD", "9110 9.1", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "request HEAD /"),
    ROW("TRACE", "9110 9.3.8", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "request TRACE /"),
    ROW("PROPFIND", "9110 16.1", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "request PROPFIND /"),
    ROW("M-SEARCH", "9110 16.1", "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", 200,
        "request M-SEARCH /"),
    ROW("rest", "9112 2.2", GET_A END GET_A END, 200, "rest 27\n"),
};

static void good_request_lines_are_taken(void **state)
{
    (void)state;
    rows_run(good, N_ROWS(good), NULL);
}

static const struct row bad[] = {
    ROW("RL4", "9112 3.2", "GET http://x/ HTTP/1.1\r\n\r\n", 400, "no Host"),
    ROW("RL8", "9112 3", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL9", "9112 3", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL9 second", "9112 3", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL9 tab", "9112 3", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL9 tab2", "9112 3", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL11", "9112 3", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL12", "9112 3", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("no target", "9112 3", "GET \r\nHost: a\r\n\r\n", 400, NULL),
    ROW("only method", "9112 3", "GET\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL14", "9112 3.2", "GET /\0x HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("target 0x7F", "9112 3.2", "GET /\x7F HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("target 0x80", "9112 3.2", "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("target FF", "9112 3.2", "GET /\f HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("fragment", "9112 3.2.1", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("relative", "9112 3.2", "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("?", "9112 3.2", "GET ?q HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("ftp", "9112 3.2.2", "GET ftp://x/ HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("http:/", "9112 3.2.2", "GET http:/x HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("no host", "9110 4.2.1", "GET http:///p HTTP/1.1\r\nHost: a\r\n\r\n",
        400, NULL),
    ROW("only port", "9110 4.2.1",
        "GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("userinfo", "9110 4.2.4", "GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        400, NULL),
    ROW("userinfo2", "9110 4.2.4",
        "GET http://u:p@x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL),
    ROW("port 65536", "3986 3.2.3",
        "GET http://x:65536/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL),
    ROW("* with GET", "9112 3.2.4", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("**", "9112 3.2.4", "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("authority with GET", "9112 3.2.3",
        "GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("CONNECT without port", "9112 3.2.3",
        "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("CONNECT empty port", "9112 3.2.3",
        "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("CONNECT /", "9112 3.2.3", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL19", "9110 9.1", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL19 0x80", "9110 9.1", "G\x80T / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL25 HTTP/1", "9112 2.3", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL25 01.1", "9112 2.3", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL25 SP", "9112 2.3", "GET / HTTP/ 1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL25 1.1x", "9112 2.3", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL25 case", "9112 2.3", "GET / http/1.1\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL25 1.32", "9112 2.3", "GET / HTTP/1.32\r\nHost: a\r\n\r\n", 400,
        NULL),
    ROW("RL25 1,1", "9112 2.3", "GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RTSP", "9112 2.3", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("ICE", "9112 2.3", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL27", "9112 2.3", "GET /\r\n", 400, NULL),
    ROW("RL29", "-", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, NULL),
    ROW("RL29 first byte", "-", "\x16", 400, NULL),
    ROW("RL30 three", "9112 2.2", "\r\n\r\n\r\n" GET_A END, 400, NULL),
    ROW("RL32", "9112 2.2", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL),
    ROW("RL32 empty", "9112 2.2", " \r\n\r\n", 400, NULL),
    ROW("RL32 behind CRLF", "9112 2.2", "\r\n GET / HTTP/1.1\r\n", 400, NULL),
    ROW("RL33", "9112 2.2", "k\xd7\x02\r\n\x9b\xfe\r\n\r\nq\x00 \xc3", 400,
        NULL),
    ROW("SMTP", "9112 2.2", "EHLO example.org\r\n", 400, NULL),
};

static void bad_request_lines_are_refused(void **state)
{
    (void)state;
    rows_run(bad, N_ROWS(bad), NULL);
}

static const struct row unsupported[] = {
    ROW("RL7", "9110 9.3.6", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        501, NULL),
    ROW("RL17", "9110 9.1", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, NULL),
    ROW("RL18", "9110 9.1", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501, NULL),
    ROW("GETX", "9110 9.1", "GETX / HTTP/1.1\r\nHost: a\r\n\r\n", 501, NULL),
    ROW("RTSP's", "9110 9.1", "DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 501,
        NULL),
    ROW("PRI 1.1", "9110 9.1", "PRI * HTTP/1.1\r\nHost: a\r\n\r\n", 501, NULL),
    ROW("32 bytes", "9112 3",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\nHost: a\r\n\r\n", 501,
        NULL),
    ROW("33 bytes", "9112 3",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\nHost: a\r\n\r\n", 501,
        NULL),
    ROW("RL24", "9110 15.6.6", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, NULL),
    ROW("RL24 9.9", "9110 15.6.6", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505,
        NULL),
    ROW("RL24 0.9", "9110 15.6.6", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505,
        NULL),
    ROW("https", "9110 7.4", "GET https://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 421,
        NULL),
    ROW("https, bad host", "9110 4.2.1",
        "GET https:///p HTTP/1.1\r\nHost: x\r\n\r\n", 400, NULL),
    ROW("RL28", "9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, NULL),
    ROW("RL28 at once", "9113 3.4", "PRI * HTTP/2.0\r\n", 505, NULL),
};

static void what_is_not_supported_is_said_to_be_so(void **state)
{
    (void)state;
    rows_run(unsupported, N_ROWS(unsupported), NULL);
}

static char *run_once(const char *bytes, bool secure)
{
    struct request_options o = {.delivery = REQUEST_WHOLE, .secure = secure};

    return request_run(bytes, strlen(bytes), &o);
}

/* RFC 9110 7.4: such a request MUST be rejected. */
static void https_is_refused_where_there_is_no_tls(void **state)
{
    const char *bytes = "GET hTTps://x/ HTTP/1.1\r\nHost: y\r\n\r\n";
    char *plain = run_once(bytes, false), *secure = run_once(bytes, true);

    (void)state;
    assert_memory_equal(plain, "status 421\n", 11);
    assert_memory_equal(secure, "status 200\n", 11);
    assert_non_null(strstr(secure, "path /\nquery\nhost x\n"));
    free(plain);
    free(secure);
}

static const struct row begun[] = {
    ROW("nothing", "-", "", 0, "in head"),
    ROW("CR", "-", "\r", 0, "in head"),
    ROW("G", "-", "G", 0, "in head"),
    ROW("no CRLF", "-", "GET / HTTP/1.1", 0, "in head"),
    ROW("only CR", "-", "GET / HTTP/1.1\r", 0, "in head"),
    ROW("a line", "-", GET, 0, "in head"),
    ROW("no end", "-", GET_A, 0, "in head"),
    ROW("half an end", "-", GET_A "\r", 0, "in head"),
};

static void what_may_become_good_is_waited_for(void **state)
{
    (void)state;
    rows_run(begun, N_ROWS(begun), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_request_lines_are_taken),
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(what_is_not_supported_is_said_to_be_so),
        cmocka_unit_test(https_is_refused_where_there_is_no_tls),
        cmocka_unit_test(what_may_become_good_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
