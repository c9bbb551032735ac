/* SPDX-License-Identifier: MIT */
/*
 * What an enemy would try: to freeze the server, to fill its memory, to have a
 * client take half an answer for the whole
 */
#include "acting.h"

#include <malloc.h>

static bool noticed;
static int n_written;

/* Writes until main had its turn. */
static int write_for_ever(struct gev_http *x)
{
    static char data[1000];

    for (n_written = 0; n_written < 100000 && !noticed; n_written++) {
        if (gev_http_write(x, data, sizeof data) < 0) {
            return keep(-1);
        }
    }
    return keep(0);
}

static void a_body_that_nobody_gets_does_not_keep_the_hub(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = write_for_ever;
    n_out = 0;
    noticed = false;
    say(fd, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    await(n_calls);
    noticed = true;
    await(n_out);
    assert_true(n_written < 100000);
    gev_close(fd);
    end(s);
}

static void a_handler_that_writes_a_body_nobody_gets_can_be_killed(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = write_for_ever;
    n_out = 0;
    noticed = false;
    say(fd, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    await(n_calls);
    assert_int_equal(gev_http_server_stop(s, 0), 0);
    assert_int_equal(n_out, 1);
    assert_outcome(out[0], -1, ECANCELED);
    gev_close(fd);
    gev_http_server_free(s);
}

/* Goes on although the connection is broken. */
static int ignore_errors(struct gev_http *x)
{
    static char data[100000];

    for (n_written = 0; n_written < 100000 && !noticed; n_written++) {
        (void)gev_http_write(x, data, sizeof data);
    }
    return keep(-1);
}

static void a_handler_that_ignores_errors_does_not_keep_the_hub(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = ignore_errors;
    n_out = 0;
    noticed = false;
    say(fd, GET);
    hear(fd, 1);
    gev_close(fd);
    await(n_written > 1000);
    noticed = true;
    await(n_out);
    assert_true(n_written < 100000);
    end(s);
}

static size_t heap_before, heap_after;

static int print_for_ever(struct gev_http *x)
{
    char word[301];

    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    for (int i = 0; i < 20000; i++) {
        if (gev_http_printf(x, "%d %s\n", i, i % 2 ? word : "") < 0) {
            return -1;
        }
        if (i == 100) {
            heap_before = mallinfo2().uordblks;
        }
    }
    heap_after = mallinfo2().uordblks;
    return 0;
}

static void printing_for_ever_takes_no_memory(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd = client();

    (void)state;
    act = print_for_ever;
    say(fd, GET_CLOSE);
    do {
        got.len = 0;
        hear(fd, sizeof got.text);
    } while (got.len > 0);
    assert_int_equal(stats_of(s).responses[2], 1);
    assert_true(heap_after < heap_before + 100000);
    gev_close(fd);
    end(s);
}

/* RFC 9110 9.3.2: a response to HEAD MUST NOT have content. */
static void a_refused_head_has_no_content_either(void **state)
{
    struct gev_http_server *s = serve(say_ok);

    (void)state;
    ask("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    assert_status(413);
    assert_body("");
    ask("HEAD / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n");
    assert_status(400);
    assert_body("");
    ask("HEAD / HTTP/1.1\r\n\r\n");
    assert_status(400);
    assert_body("");
    ask("GET / HTTP/1.1\r\n\r\n");
    assert_status(400);
    assert_body("400 Bad Request\n");
    end(s);
}

static int exit_in_the_middle(struct gev_http *x)
{
    keep(gev_http_write(x, "half", 4));
    keep(gev_http_flush(x));
    gev_exit(NULL);
}

static int wait_in_the_middle(struct gev_http *x)
{
    keep(gev_http_write(x, "half", 4));
    keep(gev_http_flush(x));
    return keep(gev_sleep(GEV_FOREVER));
}

static int pour(struct gev_http *x)
{
    static char data[100000];

    while (gev_http_write(x, data, sizeof data) == 0) {
    }
    return keep(-1);
}

/* How a connection ended: 0 for FIN, or errno. */
static int how_it_ended(int fd)
{
    char c[4096];
    ssize_t n;

    while ((n = gev_read(fd, c, sizeof c)) > 0) {
    }
    return n < 0 ? errno : 0;
}

/* Where only the end of the connection ends the body, it must not look so. */
static void half_an_answer_does_not_look_whole(void **state)
{
    static int (*const acts[])(struct gev_http *) = {exit_in_the_middle,
                                                     wait_in_the_middle, pour};

    (void)state;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct gev_http_server *s = serve(do_act);
        int fd = client();

        act = acts[i];
        n_out = 0;
        say(fd, "GET / HTTP/1.0\r\n\r\n");
        got.len = 0;
        hear(fd, 30);
        assert_status(200);
        assert_int_equal(gev_http_server_stop(s, 0), 0);
        assert_int_equal(how_it_ended(fd), ECONNRESET);
        gev_close(fd);
        gev_http_server_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_nobody_gets_does_not_keep_the_hub),
        cmocka_unit_test(
            a_handler_that_writes_a_body_nobody_gets_can_be_killed),
        cmocka_unit_test(a_handler_that_ignores_errors_does_not_keep_the_hub),
        cmocka_unit_test(printing_for_ever_takes_no_memory),
        cmocka_unit_test(a_refused_head_has_no_content_either),
        cmocka_unit_test(half_an_answer_does_not_look_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
