/* SPDX-License-Identifier: MIT */
/*
 * The access log: what a line says, what cannot break it, where it goes
 */
#include "serving.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "http/log_line.h"
#include "support/fault.h"

static char path[64];
static char text[1 << 20];

/* A file in a folder of its own. */
static void begin_path(void)
{
    strcpy(path, "/tmp/gev-log-XXXXXX");
    assert_non_null(mkdtemp(path));
    strcat(path, "/log");
}

static void end_path(void)
{
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
}

static const char *read_file(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    close(fd);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static struct gev_http_log *open_log(void)
{
    struct gev_http_log *log = gev_http_log_new(path, NULL);

    assert_non_null(log);
    return log;
}

static struct gev_http_log_stats log_stats(const struct gev_http_log *log)
{
    struct gev_http_log_stats st;

    assert_int_equal(gev_http_log_stats(log, &st, sizeof st), 0);
    return st;
}

/* ---- a line --------------------------------------------------------------- */

static char line[GEV__LOG_LINE_MAX + 1];

static const char *line_of(const struct gev__http_record *r)
{
    struct gev__log_date date = {0};
    size_t n = gev__log_line(line, r, &date);

    assert_true(n <= GEV__LOG_LINE_MAX);
    line[n] = '\0';
    assert_int_equal(line[n - 1], '\n');
    return line;
}

static void what_a_client_sent_cannot_break_a_line(void **state)
{
    static const char *const rows[][2] = {
        {"/\"\x1b[31m", "/\\x22\\x1B[31m"},
        {"/a\\b", "/a\\x5Cb"},
        {"/a\nb\rc\td", "/a\\x0Ab\\x0Dc\\x09d"},
        {"/\xc3\xa4\x7f", "/\\xC3\\xA4\\x7F"},
        {"/ok?a=b&c", "/ok?a=b&c"},
    };
    struct gev__http_record r = {.method = "GET", .minor = 1, .status = 200};
    char wanted[200];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        r.target = rows[i][0];
        r.referer = rows[i][0];
        r.agent = rows[i][0];
        snprintf(wanted, sizeof wanted,
                 "\"GET %s HTTP/1.1\" 200 0 \"%s\" \"%s\" 0.000000\n",
                 rows[i][1], rows[i][1], rows[i][1]);
        assert_non_null(strstr(line_of(&r), wanted));
    }
}

static void the_longest_line_fits(void **state)
{
    static char ends[70000];
    struct gev__http_record r = {
        .method = ends,
        .target = ends,
        .referer = ends,
        .agent = ends,
        .status = 599,
        .bytes = UINT64_MAX,
        .seconds = 1e9,
        .aborted = true,
    };

    (void)state;
    memset(ends, 1, sizeof ends - 1);
    r.method = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF";
    assert_true(strlen(line_of(&r)) > 3 * (GEV__LOG_FIELD_MAX - 4));
    assert_non_null(strstr(line, "\" 1000000000.000000!\n"));
}

static void addresses_are_numbers(void **state)
{
    struct sockaddr_storage sa = {0};
    socklen_t len;
    struct gev__http_record r = {.peer = (struct sockaddr *)&sa};

    (void)state;
    assert_int_equal(gev_addr_parse("203.0.113.9:80", &sa, &len), 0);
    assert_int_equal(strncmp(line_of(&r), "203.0.113.9 - - [", 17), 0);
    assert_int_equal(gev_addr_parse("[2001:db8::1]:80", &sa, &len), 0);
    assert_int_equal(strncmp(line_of(&r), "2001:db8::1 - - [", 17), 0);
    sa.ss_family = AF_UNIX;
    assert_int_equal(strncmp(line_of(&r), "unix: - - [", 11), 0);
    r.peer = NULL;
    assert_int_equal(strncmp(line_of(&r), "- - - [", 7), 0);
}

/* ---- to a file ------------------------------------------------------------ */

static void each_response_is_a_line(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;

    (void)state;
    begin_path();
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    ask("GET /a?b HTTP/1.1\r\nHost: a\r\nReferer: http://r/\r\n"
        "User-Agent: me/1 \"x\"\r\nConnection: close\r\n\r\n");
    ask("HEAD / HTTP/1.0\r\n\r\n");
    ask("nonsense\r\n\r\n");
    assert_int_equal(gev_http_log_flush(log, 5), 0);
    read_file(path);
    char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
    assert_int_equal(strncmp(text, "127.0.0.1 - - [", 15), 0);
    assert_non_null(strstr(text, "] \"GET /a?b HTTP/1.1\" 200 2 \"http://r/\" "
                                 "\"me/1 \\x22x\\x22\" 0."));
    assert_non_null(
        strstr(second, "] \"HEAD / HTTP/1.0\" 200 0 \"-\" \"-\" 0."));
    assert_non_null(strstr(third, "] \"-\" 400 "));
    assert_int_equal(log_stats(log).lines, 3);
    assert_int_equal(log_stats(log).lost, 0);
    end(s);
    gev_http_log_free(log);
    end_path();
}

static void lines_are_written_after_a_while(void **state)
{
    struct gev_http_log_options o;
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;

    (void)state;
    begin_path();
    gev_http_log_options_init(&o, sizeof o);
    o.interval = 0.05;
    log = gev_http_log_new(path, &o);
    assert_int_equal(gev_http_server_log(s, log), 0);
    for (int i = 0; i < 2; i++) { /* the writer ends, and begins again */
        ask(GET_CLOSE);
        await(*read_file(path));
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(gev_sleep(0.12), 0);
    }
    end(s);
    gev_http_log_free(log);
    end_path();
}

static void many_lines_do_not_wait(void **state)
{
    struct gev_http_log_options o;
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;
    int fd = client();

    (void)state;
    begin_path();
    gev_http_log_options_init(&o, sizeof o);
    o.interval = 1000;
    log = gev_http_log_new(path, &o);
    assert_int_equal(gev_http_server_log(s, log), 0);
    for (int i = 0; i < 200; i++) { /* of some 80 bytes each */
        say(fd, GET);
        hear_until(fd, "ok");
    }
    await(strlen(read_file(path)) >= 8192);
    gev_close(fd);
    end(s);
    gev_http_log_free(log); /* and the rest, by this */
    read_file(path);
    int n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        n++;
    }
    assert_int_equal(n, 200);
    end_path();
}

static void lines_allocate_nothing(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;
    int fd = client();

    (void)state;
    begin_path();
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    for (int i = 0; i < 900; i++) {
        if (i == 600) {
            fault_count_reset();
        }
        say(fd, GET);
        hear_until(fd, "ok");
    }
    /* The writer's wait has a record: one for some 100 lines. */
    assert_in_range(fault_count(FAULT_ALLOC), 0, 6);
    gev_close(fd);
    end(s);
    gev_http_log_free(log);
    end_path();
}

static void a_renamed_file_is_left_on_a_signal(void **state)
{
    struct gev_http_log_options o;
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;
    char old[80];

    (void)state;
    begin_path();
    snprintf(old, sizeof old, "%s.1", path);
    gev_http_log_options_init(&o, sizeof o);
    o.reopen_signal = SIGUSR1;
    log = gev_http_log_new(path, &o);
    assert_non_null(log);
    assert_int_equal(gev_http_server_log(s, log), 0);
    ask("GET /old HTTP/1.0\r\n\r\n");
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    await(access(path, F_OK) == 0);
    ask("GET /new HTTP/1.0\r\n\r\n");
    assert_int_equal(gev_http_log_flush(log, 5), 0);
    assert_non_null(strstr(read_file(old), "/old"));
    assert_null(strstr(text, "/new"));
    assert_non_null(strstr(read_file(path), "/new"));
    assert_null(strstr(text, "/old"));
    assert_int_equal(unlink(old), 0);
    end(s);
    gev_http_log_free(log);
    end_path();
}

static void a_file_that_cannot_be_opened_again_keeps_the_old_one(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;

    (void)state;
    begin_path();
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    fault_arm(FAULT_OPEN, 1, EACCES);
    assert_int_equal(gev_http_log_reopen(log), 0);
    await(log_stats(log).errors == 1);
    assert_true(fault_disarm());
    assert_int_equal(log_stats(log).last_error, EACCES);
    ask(GET_CLOSE);
    assert_int_equal(gev_http_log_flush(log, 5), 0);
    assert_non_null(strstr(read_file(path), "GET / "));
    end(s);
    gev_http_log_free(log);
    end_path();
}

static void a_full_disk_loses_lines_not_requests(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;

    (void)state;
    begin_path();
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    ask(GET_CLOSE);
    fault_arm_from(FAULT_WRITE, 1, ENOSPC);
    assert_int_equal(gev_http_log_flush(log, 5), 0);
    assert_true(fault_disarm());
    assert_int_equal(log_stats(log).lost, 1);
    assert_int_equal(log_stats(log).errors, 1);
    assert_int_equal(log_stats(log).last_error, ENOSPC);
    ask(GET_CLOSE);
    assert_status(200);
    assert_int_equal(gev_http_log_flush(log, 5), 0);
    assert_non_null(strstr(read_file(path), "GET / "));
    end(s);
    gev_http_log_free(log);
    end_path();
}

/* ---- to a pipe ------------------------------------------------------------ */

static void a_pipe_that_nobody_reads_makes_nobody_wait(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;
    int reader, fd;

    (void)state;
    begin_path();
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_no_pointer(gev_http_log_new(path, NULL), ENXIO);
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    fd = client();
    for (int i = 0; i < 3000 && log_stats(log).lost == 0; i++) {
        say(fd, GET);
        hear_until(fd, "ok");
    }
    assert_true(log_stats(log).lost > 0); /* pipe and buffers are full */
    assert_fails(gev_http_log_flush(log, 0.01), ETIMEDOUT);
    close(reader); /* EPIPE, and no SIGPIPE */
    await(log_stats(log).errors > 0);
    assert_int_equal(log_stats(log).last_error, EPIPE);
    say(fd, GET);
    hear_until(fd, "ok");
    gev_close(fd);
    end(s);
    gev_http_log_free(log);
    end_path();
}

/* ---- its life ------------------------------------------------------------- */

static void a_log_may_go_before_its_servers(void **state)
{
    struct gev_http_server *s = serve(say_ok), *other;
    int port = served_port;
    struct gev_http_log *log;

    (void)state;
    begin_path();
    other = serve(say_ok);
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    assert_int_equal(gev_http_server_log(other, log), 0);
    ask(GET_CLOSE);
    served_port = port;
    ask("GET /other HTTP/1.0\r\n\r\n");
    gev_http_log_free(log);
    assert_non_null(strstr(read_file(path), "GET / "));
    assert_non_null(strstr(text, "GET /other "));
    ask("GET /late HTTP/1.0\r\n\r\n");
    assert_status(200);
    assert_int_equal(gev_http_server_log(other, NULL), 0);
    end(s);
    end(other);
    assert_null(strstr(read_file(path), "/late"));
    end_path();
}

static void shutdown_writes_what_is_left(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    struct gev_http_log *log;

    (void)state;
    begin_path();
    log = open_log();
    assert_int_equal(gev_http_server_log(s, log), 0);
    ask(GET_CLOSE);
    end(s);
    assert_int_equal(gev_shutdown(), 0);
    assert_non_null(strstr(read_file(path), "GET / "));
    gev_http_log_free(log);
    end_path();
}

static void bad_calls_are_refused(void **state)
{
    struct gev_http_log_options o;
    struct gev_http_log_stats st;
    struct gev_http_log *log = gev_http_log_new(NULL, NULL);

    (void)state;
    assert_non_null(log);
    assert_fails(gev_http_server_log(NULL, log), EINVAL);
    assert_fails(gev_http_log_reopen(log), EINVAL); /* standard output */
    assert_fails(gev_http_log_reopen(NULL), EINVAL);
    assert_fails(gev_http_log_flush(NULL, 1), EINVAL);
    assert_fails(gev_http_log_flush(log, -1), EINVAL);
    assert_int_equal(gev_http_log_flush(log, 0), 0);
    assert_fails(gev_http_log_stats(log, NULL, sizeof st), EINVAL);
    assert_fails(gev_http_log_stats(NULL, &st, sizeof st), EINVAL);
    gev_http_log_free(log);
    gev_http_log_free(NULL);
    gev_http_log_options_init(NULL, 0);
    gev_http_log_options_init(&o, sizeof o);
    o.interval = -1;
    assert_no_pointer(gev_http_log_new(NULL, &o), EINVAL);
    assert_no_pointer(gev_http_log_new("/no/such/folder/x", NULL), ENOENT);
}

static void every_allocation_may_fail(void **state)
{
    struct gev_http_log_options o;
    bool met = true;

    (void)state;
    begin_path();
    assert_int_equal(gev_init(), 0);
    gev_http_log_options_init(&o, sizeof o);
    o.reopen_signal = SIGUSR1;
    for (long k = 1; met; k++) {
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        struct gev_http_log *log = gev_http_log_new(path, &o);
        met = fault_disarm();
        assert_true(met || log);
        gev_http_log_free(log);
        assert_true(met || k > 6);
    }
    end_path();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_client_sent_cannot_break_a_line),
        TEST(the_longest_line_fits),
        TEST(addresses_are_numbers),
        TEST(each_response_is_a_line),
        TEST(lines_are_written_after_a_while),
        TEST(many_lines_do_not_wait),
        TEST(lines_allocate_nothing),
        TEST(a_renamed_file_is_left_on_a_signal),
        TEST(a_file_that_cannot_be_opened_again_keeps_the_old_one),
        TEST(a_full_disk_loses_lines_not_requests),
        TEST(a_pipe_that_nobody_reads_makes_nobody_wait),
        TEST(a_log_may_go_before_its_servers),
        TEST(shutdown_writes_what_is_left),
        TEST(bad_calls_are_refused),
        TEST(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
