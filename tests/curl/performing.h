/* SPDX-License-Identifier: MIT */
/*
 * What the tests of this folder share: a transfer whose outcome goes through the
 * stack of whoever performs it, and fixtures that count descriptors
 */
#ifndef TESTS_CURL_PERFORMING_H
#define TESTS_CURL_PERFORMING_H

#include <gev/curl.h>

#include "serving.h"

#include "support/proc.h"

/* What came of a transfer. */
struct got {
    CURLcode code;
    int err;
    long status;
    size_t n;
    char body[64];
    long connects;
};

static inline size_t keep(char *data, size_t size, size_t n, void *arg)
{
    struct got *got = arg;

    for (size_t i = 0; i < size * n; i++, got->n++) {
        if (got->n < sizeof got->body - 1) {
            got->body[got->n] = data[i];
        }
    }
    return size * n;
}

static inline CURL *handle_for(const char *path)
{
    CURL *easy = curl_easy_init();
    char url[128];

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", serving.port, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

/* Performs it once more; what it gives goes through this frame. */
static inline void perform(CURL *easy, CURLcode (*how)(CURL *easy),
                           struct got *ret)
{
    struct got got = {0};

    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &got);
    errno = 0;
    got.code = how(easy);
    got.err = errno;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &got.status);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &got.connects);
    *ret = got;
}

/* The same, of a handle of its own. */
static inline struct got get(const char *path)
{
    CURL *easy = handle_for(path);
    struct got got;

    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    perform(easy, gev_curl_perform, &got);
    curl_easy_cleanup(easy);
    return got;
}

static inline void set_bad_name(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_URL, "http://no.such.name.invalid/");
}

static int n_fds_before;

static inline int begin(void **state)
{
    (void)state;
    return gev_init();
}

static inline int end(void **state)
{
    (void)state;
    gev_curl_cleanup();
    for (int i = 0; i < 2000 && serving.n_now; i++) {
        (void)gev_sleep(0.001);
    }
    return gev_shutdown();
}

static inline void no_descriptor_is_left(void **state)
{
    (void)state;
    assert_int_equal(gev_shutdown(), 0);
    /* A resolver's thread that libcurl let go closes its own a bit later. */
    for (int i = 0; i < 2000 && proc_n_fds() != n_fds_before; i++) {
        usleep(1000);
    }
    assert_int_equal(proc_n_fds(), n_fds_before);
}

static inline int begin_all(void **state)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)gev_raise_fd_limit();
    if (begin_serving(state) < 0 || gev_init() < 0) {
        return -1;
    }
    (void)get("/bytes/1"); /* what libcurl opens once */
    gev_curl_cleanup();
    (void)end(state);
    n_fds_before = proc_n_fds();
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

#endif
