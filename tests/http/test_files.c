/* SPDX-License-Identifier: MIT */
/*
 * Files as responses: which one, with what in the head, and which never
 */
#include "serving_files.h"

#include <sys/socket.h>
#include <sys/un.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct gev_http_files_options file_options(void)
{
    struct gev_http_files_options o;

    gev_http_files_options_init(&o, sizeof o);
    return o;
}

static void make_tree(void)
{
    put_text("index.html", "<p>home");
    put_text("a.txt", "0123456789");
    put_text("empty", "");
    put_text("back\\slash", "backslash");
    put_text("sp ace.css", "css");
    put_text(".hidden", "hidden");
    assert_int_equal(mkdirat(root_fd, ".git", 0755), 0);
    put_text(".git/config", "secret");
    assert_int_equal(mkdirat(root_fd, ".well-known", 0755), 0);
    put_text(".well-known/x", "well");
    assert_int_equal(mkdirat(root_fd, "dir", 0755), 0);
    put_text("dir/index.html", "<p>dir");
    put_text("dir/.in", "secret");
    assert_int_equal(mkdirat(root_fd, "bare", 0755), 0);
    assert_int_equal(symlinkat("/etc/passwd", root_fd, "passwd"), 0);
    assert_int_equal(symlinkat("..", root_fd, "dir/up"), 0);
    assert_int_equal(symlinkat("../..", root_fd, "dir/out"), 0);
    assert_int_equal(symlinkat("a.txt", root_fd, "link"), 0);
    assert_int_equal(symlinkat("loop", root_fd, "loop"), 0);
}

static void a_path_names_a_file(void **state)
{
    static const char *const rows[][3] = {
        {"GET /a.txt", "0123456789", "text/plain; charset=utf-8"},
        {"GET /a.txt?x=/../y", "0123456789", "text/plain; charset=utf-8"},
        {"GET /%61.txt", "0123456789", "text/plain; charset=utf-8"},
        {"GET http://a/a.txt", "0123456789", "text/plain; charset=utf-8"},
        {"GET /", "<p>home", "text/html; charset=utf-8"},
        {"GET http://a", "<p>home", "text/html; charset=utf-8"},
        {"GET /index.html", "<p>home", "text/html; charset=utf-8"},
        {"GET /dir/", "<p>dir", "text/html; charset=utf-8"},
        {"GET /empty", "", "application/octet-stream"},
        {"GET /sp%20ace.css", "css", "text/css; charset=utf-8"},
        {"GET /back%5Cslash", "backslash", "application/octet-stream"},
        {"GET /back\\slash", "backslash", "application/octet-stream"},
        {"GET /link", "0123456789", "application/octet-stream"},
        {"GET /dir/up/a.txt", "0123456789", "text/plain; charset=utf-8"},
        {"GET /.well-known/x", "well", "application/octet-stream"},
        {"HEAD /a.txt", "", "text/plain; charset=utf-8"},
    };

    (void)state;
    begin_files(NULL);
    make_tree();
    for (int round = 0; round < 2; round++) { /* opened, and open already */
        for (size_t i = 0; i < LEN(rows); i++) {
            request(rows[i][0], "");
            assert_status(200);
            assert_body(rows[i][1]);
            assert_string_equal(value("Content-Type"), rows[i][2]);
            assert_string_equal(value("Accept-Ranges"), "bytes");
            assert_int_equal(value("ETag")[0], '"');
            assert_int_equal(strlen(value("Last-Modified")), 29);
            assert_has("\r\nDate: ");
            assert_hasnt("\r\nCache-Control: ");
            assert_hasnt("\r\nVary: ");
        }
    }
    request("HEAD /a.txt", "");
    assert_string_equal(value("Content-Length"), "10");
    end_files();
}

/* Row SF1: nothing but what is beneath the root. */
static void no_path_leads_out(void **state)
{
    static const char *const rows[] = {
        "GET /../etc/passwd",
        "GET /%2e%2e/etc/passwd",
        "GET /%2e%2e%2fetc%2fpasswd",
        "GET /a/..%2f..%2f",
        "GET /dir/../a.txt",
        "GET /dir/..",
        "GET /..",
        "GET /.",
        "GET /./a.txt",
        "GET /..\\..\\etc\\passwd",
        "GET /..%5c..%5cetc%5cpasswd",
        "GET //etc/passwd",
        "GET //a.txt",
        "GET /dir//index.html",
        "GET /%2fetc/passwd",
        "GET /passwd",
        "GET /dir/out/etc/passwd",
        "GET /loop",
        "GET /.hidden",
        "GET /.git/config",
        "GET /.git/",
        "GET /dir/.in",
        "GET /dir/.well-known/x",
        "GET /a.txt/",
        "GET /a.txt/x",
        "GET /missing",
        "GET /missing/",
        "GET /dir/missing/x",
        "GET /proc/self/environ",
    };

    (void)state;
    begin_files(NULL);
    make_tree();
    for (size_t i = 0; i < LEN(rows); i++) {
        request(rows[i], "");
        if (status() != 404) {
            fail_msg("%s: %s", rows[i], got.text);
        }
        assert_hasnt("root:");
        assert_hasnt("secret");
    }
    request("GET /%00", "");
    assert_status(400);
    request("GET /a.txt%00.html", "");
    assert_status(400);
    request("GET /%zz", "");
    assert_status(400);
    end_files();
}

static void long_paths_are_not_found(void **state)
{
    char line[7000] = "GET ";

    (void)state;
    begin_files(NULL);
    for (int i = 0; i < 3000; i++) {
        strcpy(line + 4 + 2 * (size_t)i, "/x");
    }
    int fd = client();
    say(fd, line);
    say(fd, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    hear_end(fd);
    gev_close(fd);
    assert_status(404);
    end_files();
}

/* Row SF8: what is no regular file never makes the server wait. */
static void only_regular_files_are_served(void **state)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    begin_files(NULL);
    make_tree();
    assert_int_equal(mkfifoat(root_fd, "fifo", 0644), 0);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s/socket", root);
    assert_int_equal(bind(s, (struct sockaddr *)&sa, sizeof sa), 0);
    request("GET /fifo", "");
    assert_status(404);
    request("GET /socket", "");
    assert_status(404);
    request("GET /fifo/", "");
    assert_status(404);
    request("GET /bare/", "");
    assert_status(403);
    request("GET /dir?a=b", "");
    assert_status(301);
    assert_string_equal(value("Location"), "/dir/?a=b");
    request("HEAD /bare", "");
    assert_status(301);
    close(s);
    end_files();
}

static void a_file_without_permission_is_forbidden(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        skip(); /* root may read everything */
    }
    begin_files(NULL);
    put_text("mine", "secret");
    assert_int_equal(fchmodat(root_fd, "mine", 0, 0), 0);
    request("GET /mine", "");
    assert_status(403);
    end_files();
}

static void other_methods_are_told_which_are_allowed(void **state)
{
    (void)state;
    begin_files(NULL);
    make_tree();
    request("OPTIONS /a.txt", "");
    assert_status(204);
    assert_string_equal(value("Allow"), "GET, HEAD, OPTIONS");
    request("DELETE /a.txt", "");
    assert_status(405);
    assert_string_equal(value("Allow"), "GET, HEAD, OPTIONS");
    request("POST /a.txt", "Content-Length: 0\r\nRange: bytes=0-0\r\n");
    assert_status(405);
    end_files();
}

static void options_change_what_is_served(void **state)
{
    struct gev_http_files_options o = file_options();

    (void)state;
    o.prefix = "/static/";
    o.index = NULL;
    o.cache_control = "max-age=60, public";
    o.dot_files = 1;
    begin_files(&o);
    make_tree();
    request("GET /static/a.txt", "");
    assert_body("0123456789");
    assert_string_equal(value("Cache-Control"), "max-age=60, public");
    request("GET /static/.hidden", "");
    assert_body("hidden");
    request("GET /static/.git/config", "");
    assert_body("secret");
    request("GET /static/", "");
    assert_status(403);
    request("GET /static/nothing/", "");
    assert_status(404);
    request("GET /static/dir", "");
    assert_string_equal(value("Location"), "/static/dir/");
    static const char *const not_found[] = {
        "GET /a.txt",
        "GET /static",
        "GET /static/./a.txt",
        "GET /static/..",
        "GET /Static/a.txt",
        "GET /static//a.txt",
        "GET /static/.git/../a.txt",
    };
    for (size_t i = 0; i < LEN(not_found); i++) {
        request(not_found[i], "");
        assert_status(404);
    }
    end_files();
}

static int send_one(struct gev_http *x, void *arg)
{
    (void)arg;
    gev_http_set(x, "Content-Type", "text/x-mine");
    gev_http_set(x, "ETag", "\"mine\"");
    gev_http_set(x, "X-Mine", "1");
    return gev_http_files_send(x, files, gev_http_path(x) + 1);
}

static void a_handler_can_send_one(void **state)
{
    struct gev_http_server *s;

    (void)state;
    begin_files(NULL);
    make_tree();
    s = serve(send_one);
    request("GET /a.txt", "");
    assert_status(200);
    assert_body("0123456789");
    assert_string_equal(value("X-Mine"), "1");
    assert_hasnt("mine\r\n");
    assert_hasnt("\"mine\"");
    request("GET /.hidden", ""); /* the handler says so */
    assert_body("hidden");
    request("GET /../a.txt", "");
    assert_status(404);
    end(s);
    end_files();
}

static int send_two(struct gev_http *x, void *arg)
{
    struct outcome *o = arg;

    gev_http_reply(x, 200, NULL, "x", 1);
    o->r = gev_http_files_send(x, files, "a.txt");
    o->err = errno;
    return 0;
}

static void wrong_calls_are_refused(void **state)
{
    struct gev_http_files_options o;
    static struct outcome out;

    (void)state;
    begin_files(NULL);
    assert_no_pointer(gev_http_files_new(NULL, NULL), EINVAL);
    assert_no_pointer(gev_http_files_new("/no/such/folder", NULL), ENOENT);
    assert_no_pointer(gev_http_files_new("/dev/null", NULL), ENOTDIR);
    static const char *const prefixes[] = {"", "static/", "/static", NULL};
    for (size_t i = 0; i < LEN(prefixes); i++) {
        o = file_options();
        o.prefix = prefixes[i];
        assert_no_pointer(gev_http_files_new(root, &o), EINVAL);
    }
    o = file_options();
    o.cache_control = "a\r\nb: c";
    assert_no_pointer(gev_http_files_new(root, &o), EINVAL);
    o = file_options();
    o.index = "a/b";
    assert_no_pointer(gev_http_files_new(root, &o), EINVAL);
    o = file_options();
    o.cache_time = -1;
    assert_no_pointer(gev_http_files_new(root, &o), EINVAL);
    o = file_options();
    o.struct_size = 1;
    assert_no_pointer(gev_http_files_new(root, &o), EINVAL);
    gev_http_files_options_init(NULL, 0);
    gev_http_files_free(NULL);
    struct gev_http_server *s = serve_with(send_two, &out, NULL);
    request("GET /", "");
    assert_body("x");
    assert_outcome(out, -1, EALREADY);
    end(s);
    end_files();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_path_names_a_file),
        TEST(no_path_leads_out),
        TEST(long_paths_are_not_found),
        TEST(only_regular_files_are_served),
        TEST(a_file_without_permission_is_forbidden),
        TEST(other_methods_are_told_which_are_allowed),
        TEST(options_change_what_is_served),
        TEST(a_handler_can_send_one),
        TEST(wrong_calls_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
