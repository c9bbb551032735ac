/* SPDX-License-Identifier: MIT */
/*
 * Time limits, sizes, and the end of a server
 */
#include "serving.h"

#include <stdio.h>
#include <sys/resource.h>

#include "http/server.h"

/* Stack bytes of an idle connection; where calls are not made jumps, the switch
 * asks for more than it uses. */
#define IDLE (GEV_TAIL_CALLS ? 272 : 3000)

static struct outcome last;

/* Short limits, all of them. */
static struct gev_http_options impatient(void)
{
    struct gev_http_options o = options();

    o.header_timeout = 0.1;
    o.body_timeout = 0.1;
    o.write_timeout = 0.2;
    o.idle_timeout = 0.1;
    o.linger_timeout = 0.1;
    return o;
}

static int read_body(struct gev_http *x, void *arg)
{
    const void *p;
    ssize_t n;

    (void)arg;
    n_calls++;
    while ((n = gev_http_view(x, &p)) > 0) {
    }
    last = (struct outcome){n, errno};
    return n < 0 ? -1 : gev_http_reply(x, 200, NULL, "ok", 2);
}

static void idle_connections_are_closed_silently(void **state)
{
    struct gev_http_options o = impatient();
    struct gev_http_server *s = serve_with(say_ok, NULL, &o);
    int mute = client(), fd = client();
    double before = gev_now();

    (void)state;
    say(fd, GET);
    hear_until(fd, "ok");
    assert_string_equal(hear_end(fd), "");
    assert_string_equal(hear_end(mute), "");
    assert_true(gev_now() - before >= 0.09);
    assert_int_equal(stats_of(s).connections, 0);
    assert_int_equal(stats_of(s).refused, 0);
    gev_close(fd);
    gev_close(mute);
    end(s);
}

static void a_slow_head_is_408_however_it_drips(void **state)
{
    struct gev_http_options o = impatient();
    struct gev_http_server *s = serve_with(say_ok, NULL, &o);
    int fd = client();
    double before = gev_now();

    (void)state;
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 400 && stats_of(s).timeouts == 0; i++) {
        say(fd, "X: y\r\n"); /* no progress that counts */
        assert_int_equal(gev_sleep(0.005), 0);
    }
    hear_end(fd);
    assert_status(408);
    assert_has("Connection: close\r\n");
    assert_true(gev_now() - before >= 0.09);
    assert_int_equal(n_calls, 0);
    gev_close(fd);
    end(s);
}

static void a_body_that_stops_coming_is_408(void **state)
{
    struct gev_http_options o = impatient();
    struct gev_http_server *s = serve_with(read_body, NULL, &o);
    int fd = client();

    (void)state;
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHE");
    hear_end(fd);
    assert_status(408);
    assert_outcome(last, -1, ETIMEDOUT);
    assert_int_equal(stats_of(s).timeouts, 1);
    gev_close(fd);
    end(s);
}

static int pour(struct gev_http *x, void *arg)
{
    static char data[65536];

    (void)arg;
    n_calls = 1;
    last.r = 0;
    while (gev_http_write(x, data, sizeof data) == 0) {
    }
    last = (struct outcome){-1, errno};
    return -1;
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
    struct gev_http_options o = impatient();
    struct gev_http_server *s = serve_with(pour, NULL, &o);
    int fd = client();
    double before = gev_now();

    (void)state;
    say(fd, GET);
    await(n_calls && last.r == -1);
    assert_int_equal(last.err, ETIMEDOUT);
    assert_true(gev_now() - before >= 0.19);
    assert_int_equal(stats_of(s).timeouts, 1);
    await(stats_of(s).connections == 0);
    gev_close(fd);
    end(s);
}

/* Bytes come all the time, but too few of them. */
static void a_body_that_trickles_is_408(void **state)
{
    struct gev_http_options o = impatient();
    o.body_timeout = 20;
    o.min_rate = 1000000; /* after a grace of 10 s, too long for a test */
    struct gev_http_server *s = serve_with(read_body, NULL, &o);
    int fd = client();

    (void)state;
    s->clock.limits.grace = 10; /* ticks of 10 ms */
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
    for (int i = 0; i < 400 && stats_of(s).timeouts == 0; i++) {
        say(fd, "x");
        assert_int_equal(gev_sleep(0.005), 0);
    }
    hear_end(fd);
    assert_status(408);
    assert_outcome(last, -1, ETIMEDOUT);
    gev_close(fd);
    end(s);
}

/* Takes a little now and then. */
static void a_client_that_takes_too_little_is_reset(void **state)
{
    struct gev_http_options o = impatient();
    o.write_timeout = 20;
    o.min_rate = 1000000000;
    struct gev_http_server *s = serve_with(pour, NULL, &o);
    int fd = client();

    (void)state;
    s->clock.limits.grace = 10;
    say(fd, GET);
    await(n_calls);
    for (int i = 0; i < 400 && last.r == 0; i++) {
        got.len = 0;
        hear(fd, 1);
        assert_int_equal(gev_sleep(0.01), 0);
    }
    assert_outcome(last, -1, ETIMEDOUT);
    gev_close(fd);
    end(s);
}

static struct gev__http_record logged[4];
static char texts[4][64];
static int n_logged;

static void log_it(const struct gev__http_record *r, void *arg)
{
    if (n_logged < 4 && arg == &n_logged) {
        logged[n_logged] = *r;
        snprintf(texts[n_logged], sizeof texts[0], "%s %s %s %s",
                 r->method ? r->method : "-", r->target ? r->target : "-",
                 r->referer ? r->referer : "-", r->agent ? r->agent : "-");
        n_logged++;
    }
}

static void each_response_is_told_to_the_log(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    n_logged = 0;
    s->log = log_it;
    s->log_arg = &n_logged;
    ask("GET /a HTTP/1.1\r\nHost: a\r\nReferer: r\r\nUser-Agent: u\r\n\r\n"
        "GET /b HTTP/1.0\r\n\r\n");
    ask("nonsense\r\n\r\n");
    assert_int_equal(n_logged, 3);
    assert_string_equal(texts[0], "GET /a r u");
    assert_string_equal(texts[1], "GET /b - -");
    assert_string_equal(texts[2], "- - - -");
    assert_int_equal(logged[0].status, 200);
    assert_int_equal(logged[0].bytes, 2);
    assert_int_equal(logged[0].minor, 1);
    assert_int_equal(logged[1].minor, 0);
    assert_true(logged[0].seconds >= 0 && logged[0].seconds < 5);
    assert_int_equal(logged[2].status, 400);
    assert_int_equal(logged[0].peer_len, 16);
    end(s);
}

/* RFC 9112 2.2 lets a server ignore empty lines; not without end. */
static void empty_lines_are_counted_however_they_come(void **state)
{
    struct gev_http_options o = options();

    (void)state;
    o.idle_timeout = 1;
    struct gev_http_server *s = serve_with(say_ok, NULL, &o);
    int fd = client();
    uint64_t n = 0;
    for (const char *p = "\r\n\r\n" GET "\r\n\r\n" GET; *p; p++) {
        char c[2] = {*p, '\0'};
        say(fd, c);
        n++;
        await(stats_of(s).bytes_in == n);
    }
    await(stats_of(s).requests == 2);
    for (int i = 0; i < 6; i++) {
        say(fd, i % 2 ? "\n" : "\r");
        n++;
        await(stats_of(s).bytes_in == n);
    }
    hear_end(fd);
    assert_int_equal(count("HTTP/1.1 200 OK"), 2);
    assert_int_equal(count("HTTP/1.1 400 "), 1);
    gev_close(fd);
    /* Nor do they keep it open for longer. */
    fd = client();
    await(stats_of(s).connections == 1);
    double begin = gev_now();
    assert_int_equal(gev_sleep(0.9), 0);
    say(fd, "\r\n");
    assert_string_equal(hear_end(fd), "");
    assert_true(gev_now() - begin < 1.7);
    gev_close(fd);
    end(s);
}

static void sizes_are_limited(void **state)
{
    struct gev_http_options o = options();
    static char text[100000];

    (void)state;
    o.max_headers = 10;
    o.max_body = 100;
    struct gev_http_server *s = serve_with(read_body, NULL, &o);
    strcpy(text, "GET /");
    memset(text + 5, 'a', 9000);
    ask(text);
    assert_status(414);
    strcpy(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(text + strlen(text), 'a', 40000);
    ask(text);
    assert_status(431);
    strcpy(text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 10; i++) {
        strcat(text, "X: y\r\n");
    }
    ask(strcat(text, "\r\n"));
    assert_status(431);
    ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n");
    assert_status(413);
    assert_int_equal(n_calls, 0);
    strcpy(text, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                 "\r\n\r\n65\r\n");
    memset(text + strlen(text), 'a', 0x65);
    ask(text);
    assert_status(413);
    assert_outcome(last, -1, EFBIG);
    assert_int_equal(stats_of(s).refused, 4);
    end(s);
}

/* A head of 30 KiB, and another behind it in the same bytes. */
static void a_large_head_has_room(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    char *text = calloc(1, 40000);

    (void)state;
    strcpy(text, GET "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(text + strlen(text), 'a', 15000);
    strcat(text, "\r\nY: ");
    memset(text + strlen(text), 'b', 15000);
    strcat(text, "\r\n\r\n" GET_CLOSE);
    ask(text);
    assert_int_equal(count("HTTP/1.1 200"), 3);
    free(text);
    end(s);
}

static int sleep_a_bit(struct gev_http *x, void *arg)
{
    (void)arg;
    n_calls++;
    if (gev_sleep(0.1) < 0) {
        return -1;
    }
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

static void *stopper(void *arg)
{
    return (void *)(intptr_t)gev_http_server_stop(arg, 10);
}

static void stopping_closes_idle_ones_and_answers_busy_ones(void **state)
{
    struct gev_http_server *s = serve(sleep_a_bit);
    int idle[5], busy[5], begun = client(), port = served_port;

    (void)state;
    for (int i = 0; i < 5; i++) {
        idle[i] = client();
        busy[i] = client();
        say(busy[i], GET);
    }
    say(begun, "GET / HTTP/1.1\r\n");
    await(n_calls == 5 && stats_of(s).connections == 11 &&
          stats_of(s).idle == 5);
    struct gev_greenlet *g = gev_spawn(stopper, s);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(hear_end(idle[i]), "");
        gev_close(idle[i]);
    }
    assert_int_equal(stats_of(s).connections, 6);
    errno = 0;
    char addr[32];
    sprintf(addr, "127.0.0.1:%d", port);
    assert_fails(gev_dial(addr, 5), ECONNREFUSED);
    say(begun, "Host: a\r\n\r\n");
    hear_end(begun);
    assert_status(200);
    for (int i = 0; i < 5; i++) {
        hear_end(busy[i]);
        assert_status(200);
        assert_has("Connection: close\r\n");
        gev_close(busy[i]);
    }
    finish(g);
    gev_close(begun);
    gev_http_server_free(s);
}

static void a_server_can_be_freed_while_it_serves(void **state)
{
    struct gev_http_server *s = serve(sleep_a_bit);
    int fd = client();

    (void)state;
    say(fd, GET);
    await(n_calls == 1);
    gev_http_server_free(s);
    hear_end(fd); /* the handler is killed, and so fails */
    assert_status(500);
    gev_close(fd);
}

static void bad_options_are_refused(void **state)
{
    struct gev_http_options o = options();

    (void)state;
    o.idle_timeout = -1;
    assert_no_pointer(gev_http_server_new(NULL, say_ok, NULL, &o), EINVAL);
    o = options();
    o.max_head = 100;
    assert_no_pointer(gev_http_server_new(NULL, say_ok, NULL, &o), EINVAL);
    o = options();
    o.struct_size = 0;
    assert_no_pointer(gev_http_server_new(NULL, say_ok, NULL, &o), EINVAL);
    assert_no_pointer(gev_http_server_new(NULL, NULL, NULL, NULL), EINVAL);
    assert_no_pointer(gev_http_server_new("no address", say_ok, NULL, NULL),
                      EINVAL);
    gev_http_server_free(NULL);
}

static void a_socket_can_be_adopted(void **state)
{
    struct gev_http_server *s = gev_http_server_new(NULL, say_ok, NULL, NULL);
    int fds[2];

    (void)state;
    assert_non_null(s);
    sock_pair(fds, false);
    assert_int_equal(gev_http_server_adopt(s, fds[0]), 0);
    say(fds[1], GET_CLOSE);
    hear_end(fds[1]);
    assert_status(200);
    gev_close(fds[1]);
    assert_fails(gev_http_server_adopt(s, -1), EBADF);
    assert_fails(gev_http_server_adopt(s, socket(AF_INET, SOCK_STREAM, 0)),
                 ENOTCONN);
    end(s);
}

/* Serves a number of idle connections and checks what each costs. */
static void an_idle_connection_is_small(void **state)
{
    struct gev_http_server *s = serve(say_ok);
    int n = (int)proc_scale(1000), *fd = calloc((size_t)n, sizeof *fd);
    struct gev_stats before, after;
    struct rlimit lim;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &lim);
    n = (rlim_t)(2 * n + 100) > lim.rlim_cur ? ((int)lim.rlim_cur - 100) / 2
                                             : n;
    assert_int_equal(gev_stats(&before, sizeof before), 0);
    for (int i = 0; i < n; i++) {
        fd[i] = client();
        say(fd[i], GET);
        hear_until(fd[i], "ok");
    }
    await(stats_of(s).idle == (size_t)n);
    assert_int_equal(gev_stats(&after, sizeof after), 0);
    if (proc_mode_is("shared")) { /* three frames and the switch's registers */
        assert_true(after.image_bytes - before.image_bytes <= (size_t)n * IDLE);
    }
    for (int i = 0; i < n; i++) {
        gev_close(fd[i]);
    }
    free(fd);
    await(stats_of(s).connections == 0);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idle_connections_are_closed_silently),
        TEST(a_slow_head_is_408_however_it_drips),
        TEST(a_body_that_stops_coming_is_408),
        TEST(a_client_that_takes_nothing_is_reset),
        TEST(a_body_that_trickles_is_408),
        TEST(a_client_that_takes_too_little_is_reset),
        TEST(each_response_is_told_to_the_log),
        TEST(empty_lines_are_counted_however_they_come),
        TEST(sizes_are_limited),
        TEST(a_large_head_has_room),
        TEST(stopping_closes_idle_ones_and_answers_busy_ones),
        TEST(a_server_can_be_freed_while_it_serves),
        TEST(bad_options_are_refused),
        TEST(a_socket_can_be_adopted),
        TEST(an_idle_connection_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
