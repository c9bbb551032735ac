/* SPDX-License-Identifier: MIT */
/*
 * gev_curl_perform: the same results as curl_easy_perform, many at once, callbacks
 * on the greenlet's own stack, connections kept and closed
 */
#include "performing.h"

#include <sys/wait.h>

static size_t refuse(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    (void)size;
    (void)n;
    return 0;
}

static int abort_now(void *arg, curl_off_t a, curl_off_t b, curl_off_t c,
                     curl_off_t d)
{
    (void)arg;
    return a || b || c || d ? 0 : 1;
}

static int abort_later(void *arg, curl_off_t a, curl_off_t b, curl_off_t c,
                       curl_off_t d)
{
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return gev_now() > *(double *)arg;
}

/* The same results as curl_easy_perform(). */

static void set_fail(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
}

static void set_follow(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 5L);
}

static void set_post(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, "what is sent");
}

static void set_refuse(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, refuse);
}

static void set_abort(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, abort_now);
}

static void set_limit(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 50L);
}

static void set_bad_scheme(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_URL, "gev://127.0.0.1/");
}

static void set_closed_port(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:1/");
}

static void set_name(CURL *easy)
{
    char url[64];

    snprintf(url, sizeof url, "http://localhost:%d/bytes/7", serving.port);
    curl_easy_setopt(easy, CURLOPT_URL, url);
}

static const struct {
    const char *path;
    void (*set)(CURL *easy);
    CURLcode code;
    size_t n;
} rows[] = {
    {"/bytes/0", NULL, CURLE_OK, 0},
    {"/bytes/1000", NULL, CURLE_OK, 1000},
    {"/bytes/1000000", NULL, CURLE_OK, 1000000},
    {"/chunks", NULL, CURLE_OK, 7},
    {"/post", set_post, CURLE_OK, 8},
    {"/missing", NULL, CURLE_OK, 2},
    {"/missing", set_fail, CURLE_HTTP_RETURNED_ERROR, 0},
    {"/loop", NULL, CURLE_OK, 0},
    {"/loop", set_follow, CURLE_TOO_MANY_REDIRECTS, 0},
    {"/none", NULL, CURLE_GOT_NOTHING, 0},
    {"/short", NULL, CURLE_PARTIAL_FILE, 1},
    {"/bytes/9", set_refuse, CURLE_WRITE_ERROR, 0},
    {"/stall", set_abort, CURLE_ABORTED_BY_CALLBACK, 0},
    {"/stall", set_limit, CURLE_OPERATION_TIMEDOUT, 0},
    {"/", set_name, CURLE_OK, 7},
    {"/", set_bad_scheme, CURLE_UNSUPPORTED_PROTOCOL, 0},
    {"/", set_bad_name, CURLE_COULDNT_RESOLVE_HOST, 0},
    {"/", set_closed_port, CURLE_COULDNT_CONNECT, 0},
};

static struct got row_outcome(size_t i, CURLcode (*how)(CURL *easy))
{
    CURL *easy = handle_for(rows[i].path);
    struct got got;

    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    if (rows[i].set) {
        rows[i].set(easy);
    }
    perform(easy, how, &got);
    curl_easy_cleanup(easy);
    return got;
}

static struct got row_results[sizeof rows / sizeof *rows];

static void *row_in_greenlet(void *arg)
{
    size_t i = (size_t)(intptr_t)arg;

    row_results[i] = row_outcome(i, gev_curl_perform);
    return NULL;
}

static void each_result_is_that_of_curl_easy_perform(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(gev_go(row_in_greenlet, (void *)(intptr_t)i), 0);
    }
    assert_int_equal(gev_run(20), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct got easy = row_outcome(i, curl_easy_perform);
        struct got *gev = &row_results[i];

        print_message("%s: %s, %zu bytes\n", rows[i].path,
                      curl_easy_strerror(gev->code), gev->n);
        assert_int_equal(easy.code, rows[i].code);
        assert_int_equal(gev->code, rows[i].code);
        assert_int_equal(gev->n, rows[i].n);
        assert_int_equal(easy.n, rows[i].n);
        assert_int_equal(gev->status, easy.status);
        assert_string_equal(gev->body, easy.body);
        assert_int_equal(gev->err, 0);
    }
}

static void a_progress_callback_is_called_though_nothing_comes(void **state)
{
    CURL *easy = handle_for("/stall");
    double begin = gev_now(), until = begin + 0.2;
    struct got got;

    (void)state;
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, abort_later);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &until);
    perform(easy, gev_curl_perform, &got);
    assert_int_equal(got.code, CURLE_ABORTED_BY_CALLBACK);
    assert_int_equal(got.err, 0);
    assert_true(gev_now() - begin < 5); /* a second, as curl_easy_perform() */
    curl_easy_cleanup(easy);
}

/* Many at once. */

static long n_right;

static void *delayed(void *unused)
{
    struct got got = get("/delay/300"); /* its body was written to this stack */

    n_right += got.code == CURLE_OK && got.status == 200 && got.n == 2 &&
               strcmp(got.body, "ok") == 0;
    return unused;
}

static void two_hundred_take_the_time_of_one(void **state)
{
    int n = (int)proc_scale(200);
    double begin = gev_now();

    (void)state;
    n_right = 0;
    serving.max_waiting = 0;
    for (int i = 0; i < n; i++) {
        assert_int_equal(gev_go(delayed, NULL), 0);
    }
    assert_int_equal(gev_run(30), 0);
    print_message("%d transfers of 0.3 s: %.3f s\n", n, gev_now() - begin);
    assert_int_equal(n_right, n);
    assert_true(gev_now() - begin < 0.3 * n || n < 3); /* 60 s, one by one */
    assert_true(serving.max_waiting > n / 2);
}

/* Callbacks. */

static size_t keep_slowly(char *data, size_t size, size_t n, void *arg)
{
    return gev_sleep(0.02) < 0 ? 0 : keep(data, size, n, arg);
}

static void *slowly(void *unused)
{
    CURL *easy = handle_for("/bytes/40");
    struct got got;

    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_slowly);
    perform(easy, gev_curl_perform, &got);
    n_right += got.code == CURLE_OK && got.n == 40;
    curl_easy_cleanup(easy);
    return unused;
}

static void callbacks_may_wait(void **state)
{
    (void)state;
    n_right = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(gev_go(slowly, NULL), 0);
    }
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(n_right, 20);
}

static size_t nest(char *data, size_t size, size_t n, void *arg)
{
    struct got *got = arg;

    (void)data;
    got[0].code = gev_curl_perform(*(CURL **)got[0].body);
    got[1] = get("/bytes/5");
    return size * n;
}

static void a_callback_may_perform_another_handle_not_its_own(void **state)
{
    CURL *easy = handle_for("/bytes/3");
    struct got got[2] = {0};

    (void)state;
    memcpy(got[0].body, &easy, sizeof easy);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, nest);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, got);
    assert_int_equal(gev_curl_perform(easy), CURLE_OK);
    assert_int_equal(got[0].code, CURLE_FAILED_INIT);
    assert_int_equal(got[1].code, CURLE_OK);
    assert_int_equal(got[1].n, 5);
    curl_easy_cleanup(easy);
}

/* Connections. */

static void a_handle_uses_its_connection_again(void **state)
{
    CURL *easy = handle_for("/bytes/3");
    struct got got;

    (void)state;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    perform(easy, gev_curl_perform, &got);
    assert_int_equal(got.connects, 1);
    for (int i = 0; i < 3; i++) {
        perform(easy, gev_curl_perform, &got);
        assert_int_equal(got.code, CURLE_OK);
        assert_int_equal(got.connects, 0);
    }
    await_served(&serving.n_now, 1);
    gev_curl_cleanup();
    await_served(&serving.n_now, 0);
    perform(easy, gev_curl_perform, &got);
    assert_int_equal(got.code, CURLE_OK);
    assert_int_equal(got.connects, 1);
    curl_easy_cleanup(easy);
}

static void few_connections_are_kept(void **state)
{
    CURL *easy[80];
    struct got got;

    (void)state;
    for (int i = 0; i < 80; i++) {
        easy[i] = handle_for("/bytes/3");
        curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, keep);
        perform(easy[i], gev_curl_perform, &got);
        assert_int_equal(got.code, CURLE_OK);
    }
    await_served(&serving.n_now, 64);
    perform(easy[0], gev_curl_perform, &got);
    assert_int_equal(got.connects, 1); /* it was the first to go */
    perform(easy[79], gev_curl_perform, &got);
    assert_int_equal(got.connects, 0);
    for (int i = 0; i < 80; i++) {
        curl_easy_cleanup(easy[i]);
    }
}

static void *perform_in_thread(void *arg)
{
    *(struct got *)arg = get("/bytes/12");
    return NULL;
}

static void a_thread_closes_its_connections_when_it_ends(void **state)
{
    struct got got = {0};
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, perform_in_thread, &got), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(got.code, CURLE_OK);
    assert_int_equal(got.n, 12);
    await_served(&serving.n_now, 0);
}

static void a_child_leaves_the_parents_connections_alone(void **state)
{
    CURL *easy = handle_for("/bytes/3");
    struct got got;
    int status = -1;
    pid_t pid;

    (void)state;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    perform(easy, gev_curl_perform, &got);
    pid = fork();
    if (pid == 0) {
        perform(easy, gev_curl_perform, &got);
        gev_curl_cleanup();
        _exit(got.code == CURLE_OK && got.connects == 1 ? 7 : 8);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    perform(easy, gev_curl_perform, &got);
    assert_int_equal(got.code, CURLE_OK);
    assert_int_equal(got.connects, 0);
    curl_easy_cleanup(easy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_result_is_that_of_curl_easy_perform),
        TEST(a_progress_callback_is_called_though_nothing_comes),
        TEST(two_hundred_take_the_time_of_one),
        TEST(callbacks_may_wait),
        TEST(a_callback_may_perform_another_handle_not_its_own),
        TEST(a_handle_uses_its_connection_again),
        TEST(few_connections_are_kept),
        TEST(a_thread_closes_its_connections_when_it_ends),
        TEST(a_child_leaves_the_parents_connections_alone),
        cmocka_unit_test(no_descriptor_is_left),
    };

    return cmocka_run_group_tests(tests, begin_all, end_serving);
}
