/* SPDX-License-Identifier: MIT */
/*
 * What serving files is made of, without a server: ranges, tags, codings, dates,
 * types, and opening beneath a directory
 */
#include "net/run.h"

#include <stdio.h>
#include <sys/stat.h>

#include "http/accept.h"
#include "http/beneath.h"
#include "http/date.h"
#include "http/etag.h"
#include "http/mime.h"
#include "http/range.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void a_range_is_one_part_or_no_range(void **state)
{
    static const struct {
        const char *value;
        enum gev__http_range r;
        int64_t first, n;
    } rows[] = {
        {"bytes=0-0", GEV__HTTP_PART, 0, 1},
        {"bytes=5-", GEV__HTTP_PART, 5, 5},
        {"bytes=-5", GEV__HTTP_PART, 5, 5},
        {"bytes=-50", GEV__HTTP_PART, 0, 10},
        {"bytes=2-3", GEV__HTTP_PART, 2, 2},
        {"bytes=2-99", GEV__HTTP_PART, 2, 8},
        {"BYTES=9-9 ", GEV__HTTP_PART, 9, 1},
        {"bytes= 9-9", GEV__HTTP_PART, 9, 1},
        {"bytes=0-9223372036854775807", GEV__HTTP_PART, 0, 10},
        {"bytes=0-99999999999999999999999", GEV__HTTP_PART, 0, 10},
        {"bytes=-99999999999999999999999", GEV__HTTP_PART, 0, 10},
        {"bytes=10-", GEV__HTTP_OUTSIDE, 0, 0},
        {"bytes=99999-", GEV__HTTP_OUTSIDE, 0, 0},
        {"bytes=99999999999999999999-", GEV__HTTP_OUTSIDE, 0, 0},
        {"bytes=-0", GEV__HTTP_OUTSIDE, 0, 0},
        {"bytes=5-3", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=0-0,2-2", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=-1,-2", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=a", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=-", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=--1", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=1", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=1 -2", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=+1-2", GEV__HTTP_WHOLE, 0, 0},
        {"bytes=1-2x", GEV__HTTP_WHOLE, 0, 0},
        {"items=0-1", GEV__HTTP_WHOLE, 0, 0},
        {"", GEV__HTTP_WHOLE, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        int64_t first = 0, n = 0;

        if (gev__http_range(rows[i].value, 10, &first, &n) != rows[i].r ||
            first != rows[i].first || n != rows[i].n) {
            fail_msg("%s: %lld, %lld", rows[i].value, (long long)first,
                     (long long)n);
        }
    }
}

static void an_empty_file_has_no_parts(void **state)
{
    int64_t first = 0, n = 0;

    (void)state;
    assert_int_equal(gev__http_range("bytes=0-", 0, &first, &n),
                     GEV__HTTP_OUTSIDE);
    assert_int_equal(gev__http_range("bytes=-1", 0, &first, &n),
                     GEV__HTTP_OUTSIDE);
}

static void tags_are_found_in_lists(void **state)
{
    static const struct {
        const char *list;
        bool weak, strong;
    } rows[] = {
        {"\"a\"", true, true},
        {"W/\"a\"", true, false},
        {"*", true, true},
        {" * ", false, false}, /* values have no white space around them */
        {"\"b\", \"a\"", true, true},
        {"\"b\",W/\"a\"", true, false},
        {", ,\"a\",", true, true},
        {"\"b\"", false, false},
        {"\"A\"", false, false},
        {"\"a", false, false},
        {"a", false, false},
        {"", false, false},
        {"\"b\" \"a\"", true, true},
        {"\"x,\"a\"", false, false},
        {"\"b,\\\"a\"", false, false},
        {"x, \"a\"", false, false},
        {"w/\"a\"", false, false},
    };

    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        if (gev__http_etag_listed(rows[i].list, "\"a\"", true) !=
                rows[i].weak ||
            gev__http_etag_listed(rows[i].list, "\"a\"", false) !=
                rows[i].strong) {
            fail_msg("%s", rows[i].list);
        }
    }
}

static void tags_tell_states_apart(void **state)
{
    struct stat st = {.st_ino = 1, .st_dev = 2, .st_size = 3}, other;
    char a[GEV__ETAG_SIZE], b[GEV__ETAG_SIZE];

    (void)state;
    gev__http_etag(&st, a);
    assert_int_equal(a[0], '"');
    assert_int_equal(a[strlen(a) - 1], '"');
    for (int i = 0; i < 5; i++) {
        other = st;
        other.st_ino += i == 0;
        other.st_dev += i == 1;
        other.st_size += i == 2;
        other.st_mtim.tv_sec += i == 3;
        other.st_mtim.tv_nsec += i == 4;
        gev__http_etag(&other, b);
        assert_string_not_equal(a, b);
    }
    gev__http_etag(&st, b);
    assert_string_equal(a, b);
    memset(&st, 0xff, sizeof st); /* the longest */
    gev__http_etag(&st, b);
    assert_int_equal(b[strlen(b) - 1], '"');
}

static void gzip_is_accepted_by_weight(void **state)
{
    static const struct {
        const char *value;
        bool accepted;
    } rows[] = {
        {"gzip", true},
        {"GZIP", true},
        {"x-gzip", true},
        {"deflate, gzip, br", true},
        {"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
        {"*", true},
        {"gzip;q=0.001", true},
        {"gzip ; q=1", true},
        {"gzip;Q=0.5", true},
        {"identity;q=0.5, gzip;q=0.5", true},
        {"gzip;q=0", false},
        {"gzip;q=0.000", false},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"identity, gzip;q=0.9", false},
        {"identity", false},
        {"deflate", false},
        {"", false},
        {",", false},
        {"gzipx", false},
        {"xgzip", false},
        {"gzip;x=1", false},
        {"gzip;q", false},
    };

    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        if (gev__http_accepts_gzip(rows[i].value) != rows[i].accepted) {
            fail_msg("%s", rows[i].value);
        }
    }
}

static void dates_come_in_three_formats(void **state)
{
    static const char *const good[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    static const char *const bad[] = {
        "",
        "0",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 46 Nov 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
    };
    char text[GEV__HTTP_DATE_LEN + 1];
    time_t t = 0;

    (void)state;
    for (size_t i = 0; i < LEN(good); i++) {
        assert_true(gev__http_date_parse(good[i], &t));
        assert_int_equal(t, 784111777);
    }
    for (size_t i = 0; i < LEN(bad); i++) {
        if (gev__http_date_parse(bad[i], &t)) {
            fail_msg("%s", bad[i]);
        }
    }
    gev__http_date(1700000000, text);
    assert_true(gev__http_date_parse(text, &t));
    assert_int_equal(t, 1700000000);
    /* RFC 9110 5.6.7: more than 50 years ahead is in the past. */
    time_t now = time(NULL);
    assert_true(gev__http_date_parse("Monday, 01-Jan-68 00:00:00 GMT", &t));
    assert_true(t < now + (time_t)51 * 366 * 86400);
}

static void types_go_by_the_suffix(void **state)
{
    static const char *const rows[][2] = {
        {"a.html", "text/html; charset=utf-8"},
        {"a.HTM", "text/html; charset=utf-8"},
        {"d/a.css", "text/css; charset=utf-8"},
        {"a.min.js", "text/javascript; charset=utf-8"},
        {"a.json", "application/json"},
        {"a.png", "image/png"},
        {"a.svg", "image/svg+xml"},
        {"a.tar.gz", "application/gzip"},
        {"a.7z", "application/x-7z-compressed"},
        {"a.zst", "application/zstd"},
        {"a.txt", "text/plain; charset=utf-8"},
        {"a.unheard", "application/octet-stream"},
        {"a", "application/octet-stream"},
        {"a.", "application/octet-stream"},
        {"a.d/b", "application/octet-stream"},
        {"", "application/octet-stream"},
        {"html", "application/octet-stream"},
    };

    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_string_equal(gev__http_mime(rows[i][0]), rows[i][1]);
    }
}

/* ---- opening beneath ------------------------------------------------------ */

static char root[] = "/tmp/gev-beneath-XXXXXX";
static int dir;

static int make_root(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    dir = open(root, O_PATH | O_DIRECTORY);
    assert_true(dir >= 0);
    assert_int_equal(mkdirat(dir, "in", 0755), 0);
    assert_int_equal(mkdirat(dir, "in/deep", 0755), 0);
    close(openat(dir, "file", O_CREAT | O_WRONLY, 0644));
    close(openat(dir, "in/deep/file", O_CREAT | O_WRONLY, 0644));
    assert_int_equal(symlinkat("/etc/passwd", dir, "out"), 0);
    assert_int_equal(symlinkat("../../../../etc", dir, "in/up"), 0);
    assert_int_equal(symlinkat("deep", dir, "in/link"), 0);
    return 0;
}

static int remove_root(void **state)
{
    static const char *const names[] = {"file", "in/deep/file", "out", "in/up",
                                        "in/link"};

    (void)state;
    for (size_t i = 0; i < LEN(names); i++) {
        assert_int_equal(unlinkat(dir, names[i], 0), 0);
    }
    assert_int_equal(unlinkat(dir, "in/deep", AT_REMOVEDIR), 0);
    assert_int_equal(unlinkat(dir, "in", AT_REMOVEDIR), 0);
    close(dir);
    return rmdir(root);
}

static void nothing_outside_is_opened(void **state)
{
    static const struct {
        const char *path;
        int kernel, walk; /* 0: it opens */
    } rows[] = {
        {"file", 0, 0},
        {"in/deep/file", 0, 0},
        {"in/deep", 0, 0},
        {"", 0, 0},
        {"in/", 0, 0},
        {"in//deep/file", 0, 0},
        {"in/link/file", 0, ENOTDIR}, /* a link, but beneath */
        {"out", EXDEV, ELOOP},
        {"in/up/passwd", EXDEV, ENOTDIR},
        {"../etc/passwd", EXDEV, EXDEV},
        {"in/../../etc/passwd", EXDEV, EXDEV},
        {"..", EXDEV, EXDEV},
        {"/etc/passwd", EXDEV, 0},
        {"file/", ENOTDIR, ENOTDIR},
        {"file/x", ENOTDIR, ENOTDIR},
        {"missing", ENOENT, ENOENT},
        {"in/missing/x", ENOENT, ENOENT},
    };

    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        int fd = gev__beneath_open(dir, rows[i].path, O_RDONLY);
        int walked = gev__beneath_walk(dir, rows[i].path, O_RDONLY);

        if (i == 12) { /* an empty segment is where one is: "etc" is not here */
            assert_int_equal(walked, -ENOENT);
        } else if ((fd < 0 ? -fd : 0) != rows[i].kernel ||
                   (walked < 0 ? -walked : 0) != rows[i].walk) {
            fail_msg("%s: %d, %d", rows[i].path, fd, walked);
        }
        if (fd >= 0) {
            close(fd);
        }
        if (walked >= 0) {
            close(walked);
        }
    }
}

static void names_too_long_are_refused(void **state)
{
    char path[600];

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(gev__beneath_open(dir, path, O_RDONLY), -ENAMETOOLONG);
    assert_int_equal(gev__beneath_walk(dir, path, O_RDONLY), -ENAMETOOLONG);
    path[255] = '\0';
    assert_int_equal(gev__beneath_walk(dir, path, O_RDONLY), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_one_part_or_no_range),
        cmocka_unit_test(an_empty_file_has_no_parts),
        cmocka_unit_test(tags_are_found_in_lists),
        cmocka_unit_test(tags_tell_states_apart),
        cmocka_unit_test(gzip_is_accepted_by_weight),
        cmocka_unit_test(dates_come_in_three_formats),
        cmocka_unit_test(types_go_by_the_suffix),
        cmocka_unit_test(nothing_outside_is_opened),
        cmocka_unit_test(names_too_long_are_refused),
    };

    return cmocka_run_group_tests(tests, make_root, remove_root);
}
