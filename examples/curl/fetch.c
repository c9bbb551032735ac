/* SPDX-License-Identifier: MIT */
/*
 * fetch - get many URLs at once with libcurl, one greenlet each
 *
 *   fetch http://127.0.0.1:8080/ https://localhost:8443/ ...
 *
 * Prints each URL and its number of bytes. curl_easy_perform() has become
 * gev_curl_perform(); all else is libcurl's. CURL_CA_BUNDLE names a file of
 * certificates to trust, as for curl(1).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gev.h>
#include <gev/curl.h>

static int n_failed;

static size_t count(char *data, size_t size, size_t n, void *total)
{
    (void)data;
    *(size_t *)total += size * n;
    return size * n;
}

static void *fetch(void *url)
{
    const char *trusted = getenv("CURL_CA_BUNDLE");
    CURL *easy = curl_easy_init();
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    size_t total = 0; /* its address is good: libcurl runs on this greenlet */

    if (easy) {
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &total);
        if (trusted) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
        }
        rc = gev_curl_perform(easy);
    }
    if (rc == CURLE_OK) {
        printf("%s: %zu bytes\n", (char *)url, total);
    } else {
        printf("%s: %s\n", (char *)url, curl_easy_strerror(rc));
        n_failed++;
    }
    curl_easy_cleanup(easy);
    return NULL;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* CURLOPT_NOSIGNAL leaves that to us */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 1; i < argc; i++) {
        if (gev_go(fetch, argv[i]) < 0) {
            perror("fetch");
            return 1;
        }
    }
    if (gev_run(GEV_FOREVER) < 0) {
        perror("fetch");
        return 1;
    }
    gev_curl_cleanup();
    curl_global_cleanup();
    return n_failed ? 2 : 0;
}
