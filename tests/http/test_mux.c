/* SPDX-License-Identifier: MIT */
/*
 * The mux: which handler is asked, and what is answered when none is
 */
#include "serving.h"

#include <stdio.h>

#include "support/fault.h"

/* Says which route was asked, and with what. */
static int say_route(struct gev_http *x, void *arg)
{
    const char *s = gev_http_header(x, "Expect-Failure");
    char text[200];
    int n = snprintf(text, sizeof text, "%s %s %s", (const char *)arg,
                     gev_http_method(x), gev_http_path(x));

    return s ? -1 : gev_http_reply(x, 200, "text/plain", text, (size_t)n);
}

static struct gev_http_mux *mux;
static struct gev_http_server *server;

static void add(const char *method, const char *pattern, const char *name)
{
    assert_int_equal(gev_http_mux_add(mux, method, pattern, say_route,
                                      (void *)(uintptr_t)name),
                     0);
}

static void begin_routes(void)
{
    mux = gev_http_mux_new();
    assert_non_null(mux);
    add("GET", "/", "home");
    add("GET", "/item", "item");
    add("POST", "/item", "create");
    add(NULL, "/static/", "static");
    add("GET", "/static/deep/", "deep");
    add("GET", "/a/b", "ab");
    add("PUT", "/put/", "put");
    server = serve_with(gev_http_mux_handler, mux, NULL);
}

static void end_routes(void)
{
    end(server);
    gev_http_mux_free(mux);
}

static const char *request(const char *line)
{
    char text[1000];

    snprintf(text, sizeof text,
             "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", line);
    return ask(text);
}

static void the_longest_pattern_is_asked(void **state)
{
    static const char *const rows[][2] = {
        {"GET /", "home GET /"},
        {"GET /?x=/static/", "home GET /"},
        {"GET /item", "item GET /item"},
        {"POST /item", "create POST /item"},
        {"GET /%69tem", "item GET /item"},
        {"GET /static/", "static GET /static/"},
        {"DELETE /static/x/y", "static DELETE /static/x/y"},
        {"GET /static/deep", "static GET /static/deep"},
        {"GET /static/deep/", "deep GET /static/deep/"},
        {"GET /static/deep/x", "deep GET /static/deep/x"},
        {"GET /static//deep/", "static GET /static//deep/"},
        {"GET /static/../item", "static GET /static/../item"},
        {"GET http://a/item", "item GET /item"},
        {"GET /a/b", "ab GET /a/b"},
        {"OPTIONS /static/", "static OPTIONS /static/"},
    };

    (void)state;
    begin_routes();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(rows[i][0]);
        if (i == 7) { /* only the slash lacks: it is sent there */
            assert_status(301);
            assert_has("\r\nLocation: /static/deep/\r\n");
            continue;
        }
        assert_status(200);
        assert_body(rows[i][1]);
    }
    end_routes();
}

static void what_no_pattern_fits_is_not_found(void **state)
{
    static const char *const rows[] = {
        "GET /x",     "GET /item/", "GET /items", "GET /a",     "GET /a/",
        "GET /a/b/",  "GET /a/b/c", "GET //",     "GET //item", "GET /ite",
        "GET /stati", "GET /Item",  "GET /*",
    };

    (void)state;
    begin_routes();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        request(rows[i]);
        assert_status(404);
    }
    request("GET /%00");
    assert_status(400);
    request("GET /%zz");
    assert_status(400);
    end_routes();
}

static void everything_else_can_have_a_handler(void **state)
{
    (void)state;
    begin_routes();
    add("GET", "/*", "rest");
    request("GET /x/y");
    assert_body("rest GET /x/y");
    request("GET /item");
    assert_body("item GET /item");
    request("GET /static");
    assert_status(301);
    end_routes();
}

static void another_method_is_told_which_are_allowed(void **state)
{
    (void)state;
    begin_routes();
    request("DELETE /item");
    assert_status(405);
    assert_has("\r\nAllow: OPTIONS, GET, POST, HEAD\r\n");
    request("OPTIONS /item");
    assert_status(204);
    assert_has("\r\nAllow: OPTIONS, GET, POST, HEAD\r\n");
    request("HEAD /put/");
    assert_status(405);
    assert_has("\r\nAllow: OPTIONS, PUT\r\n");
    end_routes();
}

static void head_is_answered_by_gets_handler(void **state)
{
    (void)state;
    begin_routes();
    request("HEAD /item");
    assert_status(200);
    assert_has("\r\nContent-Length: 15\r\n"); /* "item HEAD /item" */
    assert_body("");
    end_routes();
}

static void only_the_slash_lacks(void **state)
{
    (void)state;
    begin_routes();
    request("GET /static?a=b&c");
    assert_status(301);
    assert_has("\r\nLocation: /static/?a=b&c\r\n");
    request("POST /put?q");
    assert_status(308);
    assert_has("\r\nLocation: /put/?q\r\n");
    request("GET //static"); /* would be another host */
    assert_status(404);
    assert_hasnt("Location");
    end_routes();
}

static void bad_routes_are_refused(void **state)
{
    (void)state;
    mux = gev_http_mux_new();
    assert_fails(gev_http_mux_add(NULL, "GET", "/", say_ok, NULL), EINVAL);
    assert_fails(gev_http_mux_add(mux, "", "/", say_ok, NULL), EINVAL);
    assert_fails(gev_http_mux_add(mux, "GET", NULL, say_ok, NULL), EINVAL);
    assert_fails(gev_http_mux_add(mux, "GET", "x", say_ok, NULL), EINVAL);
    assert_fails(gev_http_mux_add(mux, "GET", "", say_ok, NULL), EINVAL);
    assert_fails(gev_http_mux_add(mux, "GET", "/", NULL, NULL), EINVAL);
    assert_int_equal(gev_http_mux_add(mux, "GET", "/", say_ok, NULL), 0);
    assert_fails(gev_http_mux_add(mux, "GET", "/", say_ok, NULL), EEXIST);
    assert_int_equal(gev_http_mux_add(mux, NULL, "/", say_ok, NULL), 0);
    assert_fails(gev_http_mux_add(mux, NULL, "/", say_ok, NULL), EEXIST);
    gev_http_mux_free(mux);
    gev_http_mux_free(NULL);
}

static void a_route_that_found_no_memory_is_none(void **state)
{
    long k = 0;
    int rc;

    (void)state;
    begin_routes();
    do {
        fault_arm(FAULT_ALLOC, ++k, ENOMEM);
        rc = gev_http_mux_add(mux, "GET", "/new", say_route, NULL);
        if (fault_disarm()) {
            assert_int_equal(rc, -1);
            request("GET /new");
            assert_status(404);
        }
    } while (rc < 0);
    assert_true(k > 3);
    end_routes();
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_no_pointer(gev_http_mux_new(), ENOMEM);
    assert_true(fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_longest_pattern_is_asked),
        TEST(what_no_pattern_fits_is_not_found),
        TEST(everything_else_can_have_a_handler),
        TEST(another_method_is_told_which_are_allowed),
        TEST(head_is_answered_by_gets_handler),
        TEST(only_the_slash_lacks),
        TEST(bad_routes_are_refused),
        TEST(a_route_that_found_no_memory_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
