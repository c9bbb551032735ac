/* SPDX-License-Identifier: MIT */
/*
 * gev_curl_perform cut short: killed, out of time, out of memory, or refused
 */
#include "performing.h"

#include "support/fault.h"

static CURL *cut;
static struct got cut_got;

static void *perform_cut(void *unused)
{
    perform(cut, gev_curl_perform, &cut_got);
    return unused;
}

static void a_kill_ends_the_transfer_and_its_connection(void **state)
{
    struct gev_greenlet *g;
    struct got got;

    (void)state;
    cut = handle_for("/stall");
    g = gev_spawn(perform_cut, NULL);
    await_served(&serving.n_waiting, 1);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_int_equal(cut_got.code, CURLE_ABORTED_BY_CALLBACK);
    assert_int_equal(cut_got.err, ECANCELED);
    await_served(&serving.n_now, 0);

    curl_easy_setopt(cut, CURLOPT_WRITEFUNCTION, keep);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/bytes/4", serving.port);
    curl_easy_setopt(cut, CURLOPT_URL, url);
    perform(cut, gev_curl_perform, &got); /* the handle is as good as new */
    assert_int_equal(got.code, CURLE_OK);
    assert_int_equal(got.n, 4);
    curl_easy_cleanup(cut);
}

static void a_scope_that_expires_ends_the_transfer(void **state)
{
    struct got got;
    int64_t id;

    (void)state;
    cut = handle_for("/stall");
    id = gev_timeout_push(0.05);
    perform(cut, gev_curl_perform, &got);
    assert_int_equal(got.code, CURLE_OPERATION_TIMEDOUT);
    assert_int_equal(got.err, ETIMEDOUT);
    perform(cut, gev_curl_perform, &got); /* at once, until it is popped */
    assert_int_equal(got.code, CURLE_OPERATION_TIMEDOUT);
    assert_int_equal(got.err, ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    await_served(&serving.n_now, 0);
    curl_easy_cleanup(cut);
}

static void a_kill_while_a_name_is_looked_up_does_not_wait_for_it(void **state)
{
    struct gev_greenlet *g;
    double begin;

    (void)state;
    cut = handle_for("/");
    set_bad_name(cut);
    g = gev_spawn(perform_cut, NULL);
    assert_int_equal(gev_yield(), 0); /* now its thread has begun */
    begin = gev_now();
    assert_int_equal(gev_kill(g, 5), 0);
    assert_true(gev_now() - begin < 1);
    gev_unref(g);
    assert_true(cut_got.code == CURLE_ABORTED_BY_CALLBACK ||
                cut_got.code == CURLE_COULDNT_RESOLVE_HOST);
    curl_easy_cleanup(cut);
}

/* Refused. */

static long perform_on_hub(void *easy)
{
    return gev_curl_perform(easy);
}

static void on_the_hub_it_is_refused(void **state)
{
    CURL *easy = handle_for("/bytes/1");
    struct outcome o = run_on_hub(perform_on_hub, easy);

    (void)state;
    assert_int_equal(o.r, CURLE_FAILED_INIT);
    assert_int_equal(o.err, EPERM);
    curl_easy_cleanup(easy);
}

static void no_handle_is_a_bad_argument(void **state)
{
    (void)state;
    assert_int_equal(gev_curl_perform(NULL), CURLE_BAD_FUNCTION_ARGUMENT);
    gev_curl_cleanup();
    gev_curl_cleanup();
}

/* Each allocation of gev's, and of libgev_curl's, fails in turn. */
static void without_memory_it_says_so_and_loses_nothing(void **state)
{
    CURL *easy = handle_for("/delay/2");
    struct got got;
    long k;

    (void)state;
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    perform(easy, gev_curl_perform, &got);
    for (k = 1; k < 100; k++) {
        gev_curl_cleanup();
        fault_arm(FAULT_HEAP, k, ENOMEM);
        perform(easy, gev_curl_perform, &got);
        if (!fault_disarm()) {
            break;
        }
        /* what needs memory only to be faster goes on without */
        if (got.code != CURLE_OK) {
            assert_int_equal(got.code, CURLE_OUT_OF_MEMORY);
        }
        perform(easy, gev_curl_perform, &got);
        assert_int_equal(got.code, CURLE_OK);
    }
    assert_int_equal(got.code, CURLE_OK);
    assert_true(k > 2 && k < 100);
    curl_easy_cleanup(easy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kill_ends_the_transfer_and_its_connection),
        TEST(a_scope_that_expires_ends_the_transfer),
        TEST(a_kill_while_a_name_is_looked_up_does_not_wait_for_it),
        TEST(on_the_hub_it_is_refused),
        TEST(no_handle_is_a_bad_argument),
        TEST(without_memory_it_says_so_and_loses_nothing),
        cmocka_unit_test(no_descriptor_is_left),
    };

    return cmocka_run_group_tests(tests, begin_all, end_serving);
}
