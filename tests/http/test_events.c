/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events, and the counters as a text
 */
#include "serving.h"

#include <stdio.h>

static struct outcome last;
static const char *last_id;
static char last_id_copy[100];
static bool was_gone;

static int send_some(struct gev_http *x, void *arg)
{
    (void)arg;
    n_calls++;
    gev_http_set_length(x, 5); /* of no account */
    last_id = gev_http_events_last_id(x);
    snprintf(last_id_copy, sizeof last_id_copy, "%s", last_id ? last_id : "");
    if (gev_http_events_begin(x) < 0) {
        last.r = -1;
        last.err = errno;
        return 0;
    }
    if (gev_http_events_retry(x, 2.5) < 0 ||
        gev_http_events_send(x, NULL, NULL, "plain") < 0 ||
        gev_http_events_send(x, "tick", "7", "a\nb\r\nc\rd\n") < 0 ||
        gev_http_events_send(x, NULL, "8", "") < 0 ||
        gev_http_events_send(x, "bare", NULL, NULL) < 0 ||
        gev_http_events_ping(x) < 0) {
        return -1;
    }
    last.r = gev_http_events_send(x, "a\nb", NULL, "x");
    last.err = errno;
    return 0;
}

static const char stream[] = "retry: 2500\n\n"
                             "data: plain\n\n"
                             "id: 7\nevent: tick\ndata: a\ndata: b\ndata: c\n"
                             "data: d\ndata: \n\n"
                             "id: 8\ndata: \n\n"
                             "event: bare\n\n"
                             ":\n\n";

static void events_are_lines_of_fields(void **state)
{
    struct gev_http_server *s = serve(send_some);

    (void)state;
    ask("GET / HTTP/1.0\r\nLast-Event-ID: 6\r\n\r\n");
    assert_status(200);
    assert_has("\r\nContent-Type: text/event-stream\r\n");
    assert_has("\r\nCache-Control: no-cache, no-transform\r\n");
    assert_has("\r\nX-Accel-Buffering: no\r\n");
    assert_hasnt("Content-Length");
    assert_body(stream);
    assert_string_equal(last_id_copy, "6");
    assert_outcome(last, -1, EINVAL);
    ask(GET_CLOSE);
    assert_has("\r\nTransfer-Encoding: chunked\r\n");
    assert_has("\r\nd\r\ndata: plain\n\n\r\n");
    assert_has("\r\n0\r\n\r\n");
    assert_null(last_id);
    end(s);
}

static void a_head_has_no_events(void **state)
{
    struct gev_http_server *s = serve(send_some);

    (void)state;
    ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET_CLOSE);
    assert_status(200);
    assert_int_equal(count("HTTP/1.1 200 OK"), 2);
    assert_outcome(last, -1, EINVAL); /* of the second one */
    end(s);
}

static int bad_events(struct gev_http *x, void *arg)
{
    int *n_bad = arg;

    if (gev_http_events_begin(x) < 0) {
        return -1;
    }
    *n_bad += gev_http_events_send(x, "a\r", NULL, "x") < 0 && errno == EINVAL;
    *n_bad += gev_http_events_send(x, NULL, "1\n2", "x") < 0 && errno == EINVAL;
    *n_bad += gev_http_events_retry(x, -1) < 0 && errno == EINVAL;
    *n_bad += gev_http_events_retry(x, GEV_FOREVER) < 0 && errno == EINVAL;
    *n_bad += gev_http_events_begin(x) < 0 && errno == EALREADY;
    return 0;
}

static void line_breaks_where_none_may_be_are_refused(void **state)
{
    static int n_bad;
    struct gev_http_server *s = serve_with(bad_events, &n_bad, NULL);

    (void)state;
    n_bad = 0;
    ask("GET / HTTP/1.0\r\n\r\n");
    assert_body("");
    assert_int_equal(n_bad, 5);
    end(s);
}

static int until_gone(struct gev_http *x, void *arg)
{
    (void)arg;
    if (gev_http_events_begin(x) < 0) {
        return -1;
    }
    n_calls = 1;
    while (!gev_http_events_gone(x)) {
        if (gev_sleep(0.001) < 0) {
            return -1;
        }
    }
    was_gone = true;
    while (gev_http_events_send(x, NULL, NULL, "x") == 0) {
        gev_yield();
    }
    last.err = errno;
    last.r = gev_http_events_gone(x);
    n_calls = 2;
    return -1;
}

static void a_client_that_goes_is_noticed(void **state)
{
    struct gev_http_server *s = serve(until_gone);
    int fd = client();

    (void)state;
    was_gone = false;
    say(fd, GET);
    await(n_calls == 1);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_false(was_gone);
    gev_close(fd);
    await(n_calls == 2);
    assert_true(was_gone);
    assert_true(last.err == EPIPE || last.err == ECONNRESET);
    assert_int_equal(last.r, 1);
    await(stats_of(s).connections == 0);
    end(s);
}

static void a_client_that_asks_again_is_not_gone(void **state)
{
    struct gev_http_server *s = serve(until_gone);
    int fd = client();

    (void)state;
    was_gone = false;
    say(fd, GET GET);
    await(n_calls == 1);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_false(was_gone);
    gev_http_server_free(s);
    hear_end(fd);
    gev_close(fd);
}

/* ---- metrics -------------------------------------------------------------- */

static void counters_are_told_as_a_text(void **state)
{
    struct gev_http_server *s = serve(say_ok), *m;
    int port = served_port;

    (void)state;
    for (int i = 0; i < 3; i++) {
        ask(GET_CLOSE);
    }
    await(stats_of(s).connections == 0);
    m = serve_with(gev_http_metrics_handler, s, NULL);
    ask(GET_CLOSE);
    assert_status(200);
    assert_has("\r\nContent-Type: text/plain; version=0.0.4; "
               "charset=utf-8\r\n");
    assert_has("\r\n\r\n# HELP gev_http_connections Open connections.\n"
               "# TYPE gev_http_connections gauge\ngev_http_connections 0\n");
    assert_has("\n# TYPE gev_http_requests_total counter\n"
               "gev_http_requests_total 3\n");
    assert_has("\ngev_http_responses_total{class=\"2xx\"} 3\n"
               "gev_http_responses_total{class=\"3xx\"} 0\n");
    assert_int_equal(count("# TYPE gev_http_responses_total"), 1);
    assert_has("\ngev_greenlets ");
    assert_has("\ngev_budget_yields_total ");
    assert_int_equal(got.text[got.len - 1], '\n');
    assert_true(got.len < 4096);
    served_port = port;
    end(m);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_are_lines_of_fields),
        TEST(a_head_has_no_events),
        TEST(line_breaks_where_none_may_be_are_refused),
        TEST(a_client_that_goes_is_noticed),
        TEST(a_client_that_asks_again_is_not_gone),
        TEST(counters_are_told_as_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
