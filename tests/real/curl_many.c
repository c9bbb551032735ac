/* SPDX-License-Identifier: MIT */
/*
 * Many transfers at once with a ticker beside them; PERFORM is the function that
 * performs one.
 *
 *   curl_many N URL-PREFIX
 *
 * gets URL-PREFIX0, URL-PREFIX1 …, I bytes from the I-th.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <gev.h>
#ifdef WITH_GEV_CURL
#include <gev/curl.h>
#endif

#include "ticker.h"

static const char *prefix;
static long n_right, n_wrong;
static int max_threads;

static size_t count(char *data, size_t size, size_t n, void *total)
{
    (void)data;
    *(size_t *)total += size * n;
    return size * n;
}

static CURLcode get(const char *url, size_t *total)
{
    const char *trusted = getenv("CURL_CA_BUNDLE");
    CURL *easy = curl_easy_init();
    CURLcode rc;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, total);
    if (trusted) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
    }
    rc = PERFORM(easy);
    curl_easy_cleanup(easy);
    return rc;
}

static void *fetch(void *arg)
{
    size_t i = (size_t)(intptr_t)arg, total = 0;
    char url[256];
    CURLcode rc;
    int n;

    snprintf(url, sizeof url, "%s%zu", prefix, i);
    rc = get(url, &total);
    n = n_threads();
    max_threads = n > max_threads ? n : max_threads;
    if (rc == CURLE_OK && total == i) {
        n_right++;
    } else if (n_wrong++ == 0) {
        printf("wrong %s: %s, %zu bytes\n", url, curl_easy_strerror(rc), total);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    long n = argc == 3 ? atol(argv[1]) : 0;
    struct gev_greenlet **v = calloc((size_t)n + 1, sizeof *v);
    double begin;

    prefix = argv[2];
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    ticker_start();
    (void)gev_yield();
    begin = gev_now();
    for (long i = 0; i < n; i++) {
        v[i] = gev_spawn(fetch, (void *)(intptr_t)i);
    }
    (void)gev_joinall(v, (size_t)n, GEV_FOREVER);
    printf("total %.3f\n", gev_now() - begin);
    ticker_stop();
    printf("right %ld\nthreads %d\n", n_right, max_threads);
    return n_right != n;
}
