/* SPDX-License-Identifier: MIT */
/*
 * Files that change while they are served, descriptors that are kept, and calls
 * that fail
 */
#include "serving_files.h"

#include <sys/resource.h>

#include "support/fault.h"
#include "support/proc.h"

static void a_file_that_changes_is_served_as_it_is(void **state)
{
    char tag[100];
    int fd;

    (void)state;
    begin_files(NULL);
    put_text("a", "one");
    request("GET /a", "");
    assert_body("one");
    strcpy(tag, value("ETag"));
    put_text("a", "two"); /* by a new file */
    request("GET /a", "");
    assert_body("two");
    assert_string_not_equal(value("ETag"), tag);
    fd = openat(root_fd, "a", O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "+3", 2), 2); /* in place */
    request("GET /a", "");
    assert_body("two+3");
    assert_int_equal(ftruncate(fd, 1), 0);
    request("GET /a", "");
    assert_body("t");
    close(fd);
    assert_int_equal(unlinkat(root_fd, "a", 0), 0);
    request("GET /a", "");
    assert_status(404);
    put_text("a", "back");
    request("GET /a", "");
    assert_body("back");
    end_files();
}

/* Row SF7: what was promised does not come, and nothing in its place. */
static void a_file_truncated_while_it_is_sent_aborts(void **state)
{
    size_t n = 0;
    ssize_t r;
    int fd;

    (void)state;
    begin_files(NULL);
    put_bytes("a", 32 << 20);
    fd = client();
    say(fd, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n"
            "\r\n");
    await(stats_of(server).requests == 1);
    assert_int_equal(truncate(root, 0), -1); /* a folder */
    int a = openat(root_fd, "a", O_WRONLY);
    assert_int_equal(ftruncate(a, 1 << 20), 0);
    close(a);
    while ((r = gev_read(fd, got.text, sizeof got.text)) > 0) {
        n += (size_t)r;
    }
    gev_close(fd);
    assert_true(n < 32 << 20);
    await(stats_of(server).aborted == 1);
    assert_int_equal(stats_of(server).requests, 1);
    request("GET /a", "Range: bytes=0-9\r\n");
    assert_status(206);
    end_files();
}

static void a_file_removed_while_it_is_sent_is_sent(void **state)
{
    size_t n = 0;
    ssize_t r;
    int fd;

    (void)state;
    begin_files(NULL);
    put_bytes("a", 8 << 20);
    fd = client();
    say(fd, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await(stats_of(server).requests == 1);
    assert_int_equal(unlinkat(root_fd, "a", 0), 0);
    request("GET /a", "");
    assert_status(404);
    while ((r = gev_read(fd, got.text, sizeof got.text)) > 0) {
        n += (size_t)r;
    }
    gev_close(fd);
    assert_true(n > 8 << 20);
    end_files();
}

/* ---- the cache ------------------------------------------------------------ */

static void descriptors_are_kept_within_limits(void **state)
{
    struct gev_http_files_options o;
    char name[20];
    int before;

    (void)state;
    gev_http_files_options_init(&o, sizeof o);
    for (unsigned max = 0; max <= 4; max += 4) {
        o.cache_files = max;
        begin_files(&o);
        request("GET /x", "");
        await(stats_of(server).connections == 0);
        before = proc_n_fds();
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "%d", i % 20);
            put_text(name, name);
            snprintf(name, sizeof name, "GET /%d", i % 20);
            request(name, "");
            assert_body(name + 5);
        }
        await(stats_of(server).connections == 0);
        assert_int_equal(proc_n_fds(), before + (int)max);
        end_files();
    }
}

static void a_name_is_looked_up_again_after_a_while(void **state)
{
    struct gev_http_files_options o;

    (void)state;
    gev_http_files_options_init(&o, sizeof o);
    o.cache_time = 0.01;
    begin_files(&o);
    assert_int_equal(mkdirat(root_fd, "d", 0755), 0);
    assert_int_equal(mkdirat(root_fd, "e", 0755), 0);
    put_text("d/a", "one");
    put_text("e/a", "two");
    request("GET /d/a", "");
    assert_body("one");
    assert_int_equal(renameat(root_fd, "d", root_fd, "f"), 0);
    assert_int_equal(renameat(root_fd, "e", root_fd, "d"), 0);
    assert_int_equal(gev_sleep(0.02), 0);
    request("GET /d/a", "");
    assert_body("two");
    end_files();
}

/* With no number left, one that the cache has is given up; without a cache there
   is none. */
static void without_descriptors_the_cache_lets_go(void **state)
{
    struct gev_http_files_options o;
    struct rlimit before, now;
    int fd, next;

    (void)state;
    if (getenv("GEV_TEST_SLOW")) {
        skip(); /* valgrind does not bear RLIMIT_NOFILE being lowered */
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    gev_http_files_options_init(&o, sizeof o);
    for (int cached = 1; cached >= 0; cached--) {
        o.cache_files = cached ? 100 : 0;
        begin_files(&o);
        put_text("a", "1");
        put_text("b", "2");
        fd = client();
        say(fd, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        hear_until(fd, "\r\n\r\n1");
        now = before;
        next = dup(root_fd); /* all numbers below are in use */
        close(next);
        now.rlim_cur = (rlim_t)next;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
        say(fd, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
        hear_until(fd, cached ? "\r\n\r\n2" : "503 Service Unavailable\n");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_status(cached ? 200 : 503);
        gev_close(fd);
        end_files();
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (long k = 1;; k++) {
        bool met;

        begin_files(NULL);
        put_text("a.css", "plain");
        put_text("a.css.gz", "packed");
        request("GET /nothing", ""); /* what a server has once, it has now */
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        request("GET /a.css", "");
        met = fault_disarm();
        assert_true(got.len == 0 || status() == 500 || status() == 200);
        request("GET /a.css", "Accept-Encoding: gzip\r\n");
        assert_body("packed");
        end_files();
        if (!met) {
            assert_true(k > 2);
            break;
        }
    }
    for (long k = 1;; k++) {
        fault_arm(FAULT_ALLOC | FAULT_RLIMIT, k, ENOMEM);
        struct gev_http_files *f = gev_http_files_new("/", NULL);
        bool met = fault_disarm();
        gev_http_files_free(f);
        if (!met) {
            assert_non_null(f);
            break;
        }
    }
}

static void fstat_may_fail(void **state)
{
    int fd;

    (void)state;
    begin_files(NULL);
    put_text("a", "1");
    fd = client();
    say(fd, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    hear_until(fd, "404 Not Found\n");
    fault_arm(FAULT_STAT, 1, EIO);
    say(fd, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    hear_until(fd, "500 Internal Server Error\n");
    assert_true(fault_disarm());
    assert_status(500);
    gev_close(fd);
    request("GET /a", "");
    assert_body("1");
    end_files();
}

static void freeing_them_does_not_cut_what_is_sent(void **state)
{
    size_t n = 0;
    ssize_t r;
    int fd;

    (void)state;
    begin_files(NULL);
    put_bytes("a", 8 << 20);
    fd = client();
    say(fd, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await(stats_of(server).requests == 1);
    gev_http_files_free(files);
    files = NULL;
    while ((r = gev_read(fd, got.text, sizeof got.text)) > 0) {
        n += (size_t)r;
    }
    gev_close(fd);
    assert_true(n > 8 << 20);
    end_files();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_changes_is_served_as_it_is),
        TEST(a_file_truncated_while_it_is_sent_aborts),
        TEST(a_file_removed_while_it_is_sent_is_sent),
        TEST(descriptors_are_kept_within_limits),
        TEST(a_name_is_looked_up_again_after_a_while),
        TEST(without_descriptors_the_cache_lets_go),
        TEST(every_allocation_may_fail),
        TEST(fstat_may_fail),
        TEST(freeing_them_does_not_cut_what_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
