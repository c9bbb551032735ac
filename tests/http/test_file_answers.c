/* SPDX-License-Identifier: MIT */
/*
 * Conditions, ranges, compressed forms, and the order of answers
 */
#include "serving_files.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#define THEN   "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

/* "@" in @fields stands for the file's own tag. */
static void ask_with(const char *line, const char *fields, const char *tag)
{
    char text[1000] = "";
    size_t n = 0;

    for (; *fields; fields++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s",
                              *fields == '@' ? 100 : 1,
                              *fields == '@' ? tag : fields);
    }
    request(line, text);
}

static void conditions_are_tried_in_order(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } rows[] = {
        {"If-None-Match: @\r\n", 304},
        {"If-None-Match: W/@\r\n", 304},
        {"If-None-Match: *\r\n", 304},
        {"If-None-Match: \"x\", W/@\r\n", 304},
        {"If-None-Match: \"x\"\r\nIf-None-Match: @\r\n", 304},
        {"If-None-Match: \"x\"\r\n", 200},
        {"If-Modified-Since: " THEN "\r\n", 304},
        {"If-Modified-Since: " AFTER "\r\n", 304},
        {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304},
        {"If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 304},
        {"If-Modified-Since: " BEFORE "\r\n", 200},
        {"If-Modified-Since: nonsense\r\n", 200},
        /* the tag wins over the date */
        {"If-None-Match: \"x\"\r\nIf-Modified-Since: " THEN "\r\n", 200},
        {"If-None-Match: @\r\nIf-Modified-Since: " BEFORE "\r\n", 304},
        {"If-Match: @\r\n", 200},
        {"If-Match: *\r\n", 200},
        {"If-Match: \"x\", @\r\n", 200},
        {"If-Match: W/@\r\n", 412},
        {"If-Match: \"x\"\r\n", 412},
        {"If-Match: @\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200},
        {"If-Unmodified-Since: " THEN "\r\n", 200},
        {"If-Unmodified-Since: " AFTER "\r\n", 200},
        {"If-Unmodified-Since: " BEFORE "\r\n", 412},
        {"If-Unmodified-Since: nonsense\r\n", 200},
        /* first whether it may be done at all, then whether it need be */
        {"If-Match: @\r\nIf-None-Match: @\r\n", 304},
        {"If-Match: \"x\"\r\nIf-None-Match: @\r\n", 412},
        {"If-Match: @\r\nRange: bytes=0-0\r\n", 206},
        {"If-None-Match: @\r\nRange: bytes=0-0\r\n", 304},
    };
    char tag[100];

    (void)state;
    begin_files(NULL);
    put_text("a.txt", "0123456789");
    set_time("a.txt", 784111777);
    request("GET /a.txt", "");
    assert_string_equal(value("Last-Modified"), THEN);
    strcpy(tag, value("ETag"));
    for (size_t i = 0; i < LEN(rows); i++) {
        ask_with(i % 2 ? "HEAD /a.txt" : "GET /a.txt", rows[i].fields, tag);
        if (status() != rows[i].status) {
            fail_msg("%s: %s", rows[i].fields, got.text);
        }
        if (status() == 304) { /* RFC 9110 15.4.5 */
            assert_string_equal(value("ETag"), tag);
            assert_hasnt("\r\nContent-");
            assert_has("\r\nDate: ");
            assert_body("");
        }
    }
    end_files();
}

/* Rows SF2, SF3, SF6 */
static void a_single_range_is_a_part(void **state)
{
    static const struct {
        const char *line, *fields;
        int status;
        const char *range, *body;
    } rows[] = {
        {"GET /a", "Range: bytes=0-0\r\n", 206, "bytes 0-0/10", "0"},
        {"GET /a", "Range: bytes=5-\r\n", 206, "bytes 5-9/10", "56789"},
        {"GET /a", "Range: bytes=-5\r\n", 206, "bytes 5-9/10", "56789"},
        {"GET /a", "Range: bytes=0-\r\n", 206, "bytes 0-9/10", "0123456789"},
        {"GET /a", "Range: bytes=5-3\r\n", 200, "", "0123456789"},
        {"GET /a", "Range: bytes=99999-\r\n", 416, "bytes */10", NULL},
        {"GET /a", "Range: bytes=-0\r\n", 416, "bytes */10", NULL},
        {"GET /a", "Range: bytes=0-0,2-2\r\n", 200, "", "0123456789"},
        {"GET /a", "Range: bytes=a\r\n", 200, "", "0123456789"},
        {"GET /a", "Range: items=0-1\r\n", 200, "", "0123456789"},
        {"GET /a", "Range: bytes=0-0\r\nRange: bytes=1-1\r\n", 200, "",
         "0123456789"},
        {"GET /empty", "Range: bytes=0-0\r\n", 416, "bytes */0", NULL},
        {"HEAD /a", "Range: bytes=0-0\r\n", 200, "", ""},
        {"POST /a", "Range: bytes=0-0\r\nContent-Length: 0\r\n", 405, "", NULL},
        {"GET /a", "Range: bytes=1-1\r\nIf-Range: @\r\n", 206, "bytes 1-1/10",
         "1"},
        {"GET /a", "Range: bytes=1-1\r\nIf-Range: " THEN "\r\n", 206,
         "bytes 1-1/10", "1"},
        {"GET /a", "Range: bytes=1-1\r\nIf-Range: \"x\"\r\n", 200, "",
         "0123456789"},
        {"GET /a", "Range: bytes=1-1\r\nIf-Range: W/@\r\n", 200, "",
         "0123456789"},
        {"GET /a", "Range: bytes=1-1\r\nIf-Range: " AFTER "\r\n", 200, "",
         "0123456789"},
        {"GET /a", "Range: bytes=99-\r\nIf-Range: \"x\"\r\n", 200, "",
         "0123456789"},
        {"GET /a", "If-Range: @\r\n", 200, "", "0123456789"},
    };
    char tag[100];

    (void)state;
    begin_files(NULL);
    put_text("a", "0123456789");
    put_text("empty", "");
    set_time("a", 784111777);
    request("GET /a", "");
    strcpy(tag, value("ETag"));
    for (size_t i = 0; i < LEN(rows); i++) {
        ask_with(rows[i].line, rows[i].fields, tag);
        if (status() != rows[i].status ||
            strcmp(value("Content-Range"), rows[i].range) != 0 ||
            (rows[i].body && strcmp(body(), rows[i].body) != 0)) {
            fail_msg("%zu: %s", i, got.text);
        }
    }
    end_files();
}

static void a_date_of_this_second_is_no_strong_validator(void **state)
{
    char fields[200];

    (void)state;
    begin_files(NULL);
    put_text("a", "0123456789");
    set_time("a", time(NULL));
    request("GET /a", "");
    snprintf(fields, sizeof fields, "Range: bytes=1-1\r\nIf-Range: %s\r\n",
             value("Last-Modified"));
    request("GET /a", fields);
    assert_status(200);
    end_files();
}

static void a_compressed_file_is_sent_to_who_wants_it(void **state)
{
    static const struct {
        const char *fields;
        bool gz;
    } rows[] = {
        {"", false},
        {"Accept-Encoding: gzip\r\n", true},
        {"Accept-Encoding: br, gzip;q=0.5\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false},
        {"Accept-Encoding: identity, gzip;q=0.5\r\n", false},
        {"Accept-Encoding: br\r\n", false},
    };
    char tags[2][100];

    (void)state;
    begin_files(NULL);
    put_text("a.css", "plain");
    put_text("a.css.gz", "packed!");
    set_time("a.css", 1000);
    set_time("a.css.gz", 1000);
    for (size_t i = 0; i < LEN(rows); i++) {
        request("GET /a.css", rows[i].fields);
        assert_status(200);
        assert_body(rows[i].gz ? "packed!" : "plain");
        assert_string_equal(value("Vary"), "Accept-Encoding");
        assert_string_equal(value("Content-Type"), "text/css; charset=utf-8");
        assert_string_equal(value("Content-Encoding"),
                            rows[i].gz ? "gzip" : "");
        strcpy(tags[rows[i].gz], value("ETag"));
    }
    assert_string_not_equal(tags[0], tags[1]);
    ask_with("GET /a.css", "Accept-Encoding: gzip\r\nIf-None-Match: @\r\n",
             tags[1]);
    assert_status(304);
    assert_string_equal(value("Vary"), "Accept-Encoding");
    ask_with("GET /a.css", "If-None-Match: @\r\n", tags[1]);
    assert_status(200);
    ask_with("GET /a.css", "Accept-Encoding: gzip\r\nRange: bytes=0-1\r\n", "");
    assert_status(206);
    assert_body("pa");
    request("GET /a.css.gz", "Accept-Encoding: gzip\r\n");
    assert_string_equal(value("Content-Type"), "application/gzip");
    assert_hasnt("\r\nContent-Encoding");
    end_files();
}

static void an_older_compressed_file_is_not_used(void **state)
{
    struct gev_http_files_options o;

    (void)state;
    begin_files(NULL);
    put_text("a.css", "plain");
    put_text("a.css.gz", "old");
    set_time("a.css", 1001);
    set_time("a.css.gz", 1000);
    request("GET /a.css", "Accept-Encoding: gzip\r\n");
    assert_body("plain");
    assert_hasnt("\r\nVary");
    end_files();
    gev_http_files_options_init(&o, sizeof o);
    o.precompressed = 0;
    begin_files(&o);
    put_text("a.css", "plain");
    put_text("a.css.gz", "packed");
    set_time("a.css", 1000);
    request("GET /a.css", "Accept-Encoding: gzip\r\n");
    assert_body("plain");
    end_files();
}

static void large_files_arrive_whole(void **state)
{
    static const size_t sizes[] = {1, 1024, 10240, 15000, 16384, 60000};

    (void)state;
    begin_files(NULL);
    for (size_t i = 0; i < LEN(sizes); i++) {
        put_bytes("a.bin", sizes[i]);
        request("GET /a.bin", "");
        assert_status(200);
        const char *p = body();
        assert_int_equal(got.text + got.len - p, sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++) {
            if ((unsigned char)p[k] != k % 251) {
                fail_msg("byte %zu of %zu", k, sizes[i]);
            }
        }
    }
    put_bytes("a.bin", 3 << 20);
    request("GET /a.bin", "Range: bytes=2097152-2137151\r\n");
    assert_status(206);
    assert_int_equal(got.text + got.len - body(), 40000);
    assert_int_equal((unsigned char)body()[39999], 2137151 % 251);
    request("HEAD /a.bin", "");
    assert_string_equal(value("Content-Length"), "3145728");
    assert_body("");
    end_files();
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    int fd;

    (void)state;
    begin_files(NULL);
    put_text("1", "first");
    put_bytes("2", 20000);
    put_text("3", "third");
    fd = client();
    say(fd, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n"
            "\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\n"
            "Host: a\r\nConnection: close\r\n\r\n");
    hear_end(fd);
    gev_close(fd);
    assert_int_equal(memcmp(got.text + got.len - 9, "\r\n\r\nthird", 9), 0);
    assert_int_equal(strncmp(body(), "firstHTTP/1.1 200", 17), 0);
    assert_true(got.len > 20000 && got.len < 21200);
    end_files();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(conditions_are_tried_in_order),
        TEST(a_single_range_is_a_part),
        TEST(a_date_of_this_second_is_no_strong_validator),
        TEST(a_compressed_file_is_sent_to_who_wants_it),
        TEST(an_older_compressed_file_is_not_used),
        TEST(large_files_arrive_whole),
        TEST(pipelined_requests_are_answered_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
