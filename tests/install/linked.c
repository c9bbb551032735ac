/* SPDX-License-Identifier: MIT */
/*
 * linked URL - libgev_patch as a part of the program
 *
 * Exits with 0 if every name is bound to the program's own copy, for itself and for
 * libcurl, whose transfers wait side by side: each takes DELAY at the server.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include <curl/curl.h>
#include <gev.h>
#include <gev/patch.h>

#define N     10
#define DELAY 0.3 /* seconds, see test_install.py */

static int n_done;

static size_t drop(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

static void *fetch(void *url)
{
    CURL *c = curl_easy_init();

    curl_easy_setopt(c, CURLOPT_URL, (char *)url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    n_done += curl_easy_perform(c) == CURLE_OK;
    curl_easy_cleanup(c);
    return NULL;
}

int main(int argc, char **argv)
{
    Dl_info ours, recv_of;
    double begin;

    if (argc != 2 || gev_patch_check(stdout) != 0 ||
        !dladdr((void *)main, &ours) ||
        !dladdr(dlsym(RTLD_DEFAULT, "recv"), &recv_of) ||
        ours.dli_fbase != recv_of.dli_fbase) {
        fputs("not every name is bound to the program\n", stderr);
        return 1;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    begin = gev_now();
    for (int i = 0; i < N; i++) {
        gev_go(fetch, argv[1]);
    }
    gev_run(GEV_FOREVER);
    begin = gev_now() - begin;
    printf("%d of %d in %.2f s\n", n_done, N, begin);
    return n_done == N && begin < N * DELAY / 2 ? 0 : 1;
}
