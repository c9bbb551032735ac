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

static char seen_name[64];

static int read_then_look(struct gev_http *x)
{
    char c[100];
    ssize_t n;

    while ((n = gev_http_read(x, c, sizeof c)) > 0) {
    }
    strncpy(seen_name, gev_http_header(x, "Name"), sizeof seen_name - 1);
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

static void a_body_does_not_overwrite_its_head(void **state)
{
    struct gev_http_server *s = serve(do_act);
    static char much[20000];
    int fd = client();

    (void)state;
    memset(much, 'B', sizeof much - 1);
    act = read_then_look;
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nName: mine\r\n"
            "Content-Length: 19999\r\n\r\n");
    await(n_calls == 1);
    for (size_t i = 0; i < sizeof much - 1; i += 4000) {
        char after = i + 4000 < sizeof much ? much[i + 4000] : '\0';

        if (after) {
            much[i + 4000] = '\0';
        }
        say(fd, much + i);
        if (after) {
            much[i + 4000] = after;
        }
        assert_int_equal(gev_sleep(0.002), 0);
    }
    hear_until(fd, "ok");
    assert_status(200);
    assert_string_equal(seen_name, "mine");
    gev_close(fd);
    end(s);
}

/* Reads one byte and gives up, in the middle of its answer. */
static int give_up_early(struct gev_http *x)
{
    char c;

    keep((int)gev_http_read(x, &c, 1));
    keep(gev_http_flush(x));
    return -1;
}

static char read_body[64];

static int read_again(struct gev_http *x)
{
    void *p;
    ssize_t n = gev_http_read_all(x, 1000, &p);

    if (n < 0) {
        return -1;
    }
    strncpy(read_body, p, sizeof read_body - 1);
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

/* Exchanges are used by one connection after the other. */
static void nobody_reads_what_another_client_sent(void **state)
{
    struct gev_http_server *s = serve(do_act);

    (void)state;
    act = give_up_early;
    n_out = 0;
    ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecret");
    assert_int_equal(out[0].r, 1);
    act = read_again;
    ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        "Content-Length: 2\r\n\r\nme");
    assert_status(200);
    assert_string_equal(read_body, "me");
    end(s);
}

static void anothers_bad_body_closes_nobodys_connection(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int fd;

    (void)state;
    act = read_again;
    ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "nonsense\r\n");
    assert_status(400);
    await(stats_of(s).connections == 0);
    fd = client();
    for (int i = 0; i < 2; i++) {
        say(fd, GET);
        hear_until(fd, "ok");
        assert_status(200);
        assert_hasnt("Connection: close");
    }
    gev_close(fd);
    end(s);
}

static int read_nothing(struct gev_http *x)
{
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

/* Its length is not known, so that the answer promises to go on. */
static void a_long_chunked_body_that_nobody_reads_closes(void **state)
{
    struct gev_http_server *s = serve(do_act);
    static char data[0x20000 + 1];
    int fd = client();

    (void)state;
    act = read_nothing;
    memset(data, 'x', sizeof data - 1);
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            "\r\n20000\r\n");
    say(fd, data);
    say(fd, "\r\n0\r\n\r\n" GET);
    hear_end(fd);
    assert_int_equal(count("HTTP/1.1 200"), 1);
    assert_int_equal(n_calls, 1);
    gev_close(fd);
    end(s);
}

static int redirect_badly(struct gev_http *x)
{
    keep(gev_http_redirect(x, 302, "/a b"));
    keep(gev_http_redirect(x, 302, "/a\tb"));
    keep(gev_http_redirect(x, 302, "/a\r\nX: y"));
    keep(gev_http_redirect(x, 302, "/a\x7f"));
    return gev_http_redirect(x, 302, "/a");
}

static void redirects_go_to_one_place(void **state)
{
    (void)state;
    answered(redirect_badly, GET_CLOSE);
    for (int i = 0; i < 4; i++) {
        assert_outcome(out[i], -1, EINVAL);
    }
    assert_has("Location: /a\r\n");
}

static int speak_first(struct gev_http *x)
{
    void *p;

    keep(gev_http_write(x, "began ", 6));
    if (keep((int)gev_http_read_all(x, 1000, &p)) < 0) {
        return -1;
    }
    keep(gev_http_write(x, "and ", 4));
    return keep(gev_http_write(x, "ended", 5));
}

/* What was begun waits while answers to earlier requests are sent. */
static void an_answer_that_began_can_still_become_400(void **state)
{
    static const char *const rests[] = {"4\r\nbody\r\n0\r\n\r\n", "!"};

    (void)state;
    for (int bad = 0; bad < 2; bad++) {
        struct gev_http_server *s = serve(do_act);
        int fd = client();

        act = speak_first;
        n_out = 0;
        say(fd, GET "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n");
        hear_until(fd, "f\r\nbegan and ended\r\n0\r\n\r\n");
        assert_int_equal(count("HTTP/1.1 200"), 1);
        say(fd, rests[bad]);
        hear_end(fd);
        assert_status(bad ? 400 : 200);
        assert_int_equal(count("began"), !bad);
        if (!bad) {
            assert_body("f\r\nbegan and ended\r\n0\r\n\r\n");
        }
        gev_close(fd);
        end(s);
    }
}

static int write_pieces(struct gev_http *x)
{
    static char head[90001], piece[1000];

    memset(head, 'h', sizeof head - 1);
    memset(piece, 'x', sizeof piece);
    keep(gev_http_set(x, "Big", head));
    for (int i = 0; i < 300; i++) {
        if (gev_http_write(x, piece, sizeof piece) < 0) {
            return keep(-1);
        }
    }
    return 0;
}

static void chunks_in_a_large_buffer_have_four_digits(void **state)
{
    struct gev_http_server *s = serve(do_act);
    int n_x = 0, fd = client();

    (void)state;
    act = write_pieces;
    say(fd, GET_CLOSE);
    do {
        got.len = 0;
        hear(fd, sizeof got.text);
        n_x += count("x");
    } while (got.len > 0);
    assert_int_equal(n_x, 300000);
    gev_close(fd);
    end(s);
}

static size_t looked_up;

static int look_up(struct gev_http *x)
{
    char *form;

    if (gev_http_form(x, 1 << 20, &form) < 0) {
        return -1;
    }
    heap_before = mallinfo2().uordblks;
    for (int i = 0; i < 20; i++) {
        keep(gev_http_param(x, form, "not there") ? 0 : -errno);
    }
    heap_after = mallinfo2().uordblks;
    looked_up = strlen(form);
    return gev_http_reply(x, 200, NULL, "ok", 2);
}

static void looking_for_a_parameter_takes_no_memory(void **state)
{
    struct gev_http_server *s = serve(do_act);
    static char data[300001];
    int fd = client();

    (void)state;
    for (size_t i = 0; i < 300000; i += 3) {
        memcpy(data + i, "+=&", 3);
    }
    act = look_up;
    n_out = 0;
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: 300000\r\n\r\n");
    say(fd, data);
    hear_end(fd);
    assert_status(200);
    assert_int_equal(looked_up, 300000);
    assert_int_equal(out[0].r, -ENOENT);
    assert_true(heap_after <= heap_before + 10000);
    gev_close(fd);
    end(s);
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
        cmocka_unit_test(a_body_does_not_overwrite_its_head),
        cmocka_unit_test(nobody_reads_what_another_client_sent),
        cmocka_unit_test(anothers_bad_body_closes_nobodys_connection),
        cmocka_unit_test(a_long_chunked_body_that_nobody_reads_closes),
        cmocka_unit_test(an_answer_that_began_can_still_become_400),
        cmocka_unit_test(chunks_in_a_large_buffer_have_four_digits),
        cmocka_unit_test(redirects_go_to_one_place),
        cmocka_unit_test(looking_for_a_parameter_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
