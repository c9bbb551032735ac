/* SPDX-License-Identifier: MIT */
/*
 * fetch - gevent's classic: a greenlet per URL, libcurl as it is
 *
 *   fetch http://localhost:8080/ https://localhost:8443/ ...
 *
 * Prints each URL and its number of bytes. curl_easy_perform() blocks in poll(2),
 * which libgev_patch, linked here before libc, lets others run in. CURL_CA_BUNDLE
 * names a file of certificates to trust, as for curl(1).
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gev.h>

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
    CURLcode rc;
    size_t total = 0;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L); /* signals are everybody's */
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &total);
    if (trusted) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
    }
    rc = curl_easy_perform(easy);
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
    struct gev_greenlet **v = calloc((size_t)argc, sizeof *v);

    signal(SIGPIPE, SIG_IGN); /* CURLOPT_NOSIGNAL leaves it to us */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 1; i < argc && v; i++) {
        v[i] = gev_spawn(fetch, argv[i]);
    }
    if (!v || gev_joinall(v, (size_t)argc, GEV_FOREVER) < 0) {
        perror("fetch");
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        gev_unref(v[i]);
    }
    free(v);
    curl_global_cleanup();
    return n_failed ? 2 : 0;
}
