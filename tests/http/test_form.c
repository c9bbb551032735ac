/* SPDX-License-Identifier: MIT */
/*
 * Parameters of queries and forms, cookies
 */
#include "serving.h"

#include <stdio.h>

/* What the handler looks for, and how it ended. */
static const char *wanted;
static char found[4096];
static int failed; /* errno, or 0 */

static void keep(const char *value)
{
    failed = value ? 0 : errno;
    snprintf(found, sizeof found, "%s", value ? value : "");
}

static int look_in_query(struct gev_http *x, void *arg)
{
    keep(gev_http_param(x, gev_http_query(x), wanted));
    return say_ok(x, arg);
}

static int list_query(struct gev_http *x, void *arg)
{
    const char *name;
    const char *value;
    size_t i;

    found[0] = '\0';
    for (i = 0; gev_http_param_at(x, gev_http_query(x), i, &name, &value) == 0;
         i++) {
        sprintf(found + strlen(found), "[%s=%s]", name, value);
    }
    failed = errno;
    return say_ok(x, arg);
}

static int look_in_form(struct gev_http *x, void *arg)
{
    char *form;

    if (gev_http_form(x, 100, &form) < 0) {
        failed = errno;
    } else {
        keep(gev_http_param(x, form, wanted));
    }
    return say_ok(x, arg);
}

static int look_for_cookie(struct gev_http *x, void *arg)
{
    keep(gev_http_cookie(x, wanted));
    return say_ok(x, arg);
}

static void get(const char *target, const char *fields)
{
    char text[2000];

    failed = -1;
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n",
             target, fields);
    ask(text);
    assert_status(200);
}

static void a_parameter_is_found_and_decoded(void **state)
{
    static const struct {
        const char *target;
        const char *name;
        const char *value; /* NULL: not found */
        int err;
    } rows[] = {
        {"/?a=1", "a", "1", 0},
        {"/?a=1&b=2", "b", "2", 0},
        {"/?a=1&a=2", "a", "1", 0},
        {"/?a", "a", "", 0},
        {"/?a=", "a", "", 0},
        {"/?a&b=2", "b", "2", 0},
        {"/?&&a=1&&", "a", "1", 0},
        {"/?a=b=c", "a", "b=c", 0},
        {"/?a=x+y%20z", "a", "x y z", 0},
        {"/?a=%26%3D%25", "a", "&=%", 0},
        {"/?%61=1", "a", "1", 0},
        {"/?a+b=1", "a b", "1", 0},
        {"/?a%2Bb=1", "a+b", "1", 0},
        {"/?a=%C3%A9", "a", "\xc3\xa9", 0},
        {"/?%zz=0&a=1", "a", "1", 0}, /* another's bad name does not matter */
        {"/?=1", "", "1", 0},
        {"/", "a", NULL, ENOENT},
        {"/?", "a", NULL, ENOENT},
        {"/?ab=1", "a", NULL, ENOENT},
        {"/?A=1", "a", NULL, ENOENT},
        {"/?a=%", "a", NULL, EILSEQ},
        {"/?a=%1", "a", NULL, EILSEQ},
        {"/?a=%1&b", "a", NULL, EILSEQ},
        {"/?a=%1g", "a", NULL, EILSEQ},
        {"/?a=x%00y", "a", NULL, EILSEQ},
    };
    struct gev_http_server *s = serve(look_in_query);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wanted = rows[i].name;
        get(rows[i].target, "");
        assert_int_equal(failed, rows[i].err);
        if (rows[i].value) {
            assert_string_equal(found, rows[i].value);
        }
    }
    end(s);
}

static void parameters_can_be_listed(void **state)
{
    struct gev_http_server *s = serve(list_query);

    (void)state;
    get("/?b=2&a=1&&c&b=%33", "");
    assert_string_equal(found, "[b=2][a=1][c=][b=3]");
    assert_int_equal(failed, ENOENT);
    get("/?b=2&a=%", "");
    assert_string_equal(found, "[b=2]");
    assert_int_equal(failed, EILSEQ);
    end(s);
}

static void post(const char *type, const char *data, size_t n)
{
    char text[2000];
    int len = snprintf(text, sizeof text,
                       "POST / HTTP/1.1\r\nHost: a\r\n%s%s%s"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                       type ? "Content-Type: " : "", type ? type : "",
                       type ? "\r\n" : "", n);
    int fd = client();

    failed = -1;
    memcpy(text + len, data, n);
    assert_int_equal(gev_writeall(fd, text, (size_t)len + n), (size_t)len + n);
    hear_end(fd);
    gev_close(fd);
}

#define FORM "application/x-www-form-urlencoded"

static void a_form_is_read(void **state)
{
    struct gev_http_server *s = serve(look_in_form);
    char large[200];

    (void)state;
    wanted = "b";
    post(FORM, "a=1&b=x+y", 9);
    assert_int_equal(failed, 0);
    assert_string_equal(found, "x y");
    post("Application/X-WWW-Form-URLencoded ; charset=utf-8", "b=", 2);
    assert_int_equal(failed, 0);
    assert_string_equal(found, "");
    post(FORM, "", 0);
    assert_int_equal(failed, ENOENT);
    post(FORM "2", "b=1", 3);
    assert_int_equal(failed, EPROTOTYPE);
    post(NULL, "b=1", 3);
    assert_int_equal(failed, EPROTOTYPE);
    post(FORM, "b=\0x", 4);
    assert_int_equal(failed, EILSEQ);
    memset(large, 'x', sizeof large);
    post(FORM, large, 101);
    assert_int_equal(failed, EFBIG);
    end(s);
}

static void cookies_are_found(void **state)
{
    static const struct {
        const char *fields;
        const char *name;
        const char *value;
    } rows[] = {
        {"Cookie: a=1\r\n", "a", "1"},
        {"Cookie: a=1; b=2\r\n", "b", "2"},
        {"Cookie: a=1;b=2 \t; c=3\r\n", "b", "2"},
        {"Cookie: a=1\r\nCookie: b=2\r\n", "b", "2"},
        {"Cookie: a=\"q q\"\r\n", "a", "q q"},
        {"Cookie: a=\"\r\n", "a", "\""},
        {"Cookie: a=\r\n", "a", ""},
        {"Cookie: a=b=c\r\n", "a", "b=c"},
        {"Cookie: a=%41\r\n", "a", "%41"},
        {"Cookie: aa=1; a=2\r\n", "a", "2"},
        {"Cookie: a; b=2\r\n", "a", NULL},
        {"Cookie: A=1\r\n", "a", NULL},
        {"Cookie: x=a=1\r\n", "a", NULL},
        {"Cookie: ;;; ;\r\n", "a", NULL},
        {"", "a", NULL},
    };
    struct gev_http_server *s = serve(look_for_cookie);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wanted = rows[i].name;
        get("/", rows[i].fields);
        assert_int_equal(failed, rows[i].value ? 0 : ENOENT);
        if (rows[i].value) {
            assert_string_equal(found, rows[i].value);
        }
    }
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_parameter_is_found_and_decoded),
        TEST(parameters_can_be_listed),
        TEST(a_form_is_read),
        TEST(cookies_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
