/* SPDX-License-Identifier: MIT */
/*
 * gev_curl_perform, and the transfers that are kept for their connections.
 *
 * curl_easy_perform() keeps the connections in the easy handle. We cannot put
 * anything there, so each thread has a short list of idle transfers, last used
 * first, each marked with its handle's address. A new handle at the address of an
 * old one finds the old one's connections: libcurl uses those that match.
 *
 * Failure modes
 *   no memory     CURLE_OUT_OF_MEMORY; the list itself takes none
 *   fork          the child forgets the list without closing anything: the
 *                 connections are the parent's, and closing one of TLS would say so
 *                 to the peer
 */
#include <gev/curl.h>

#include <errno.h>
#include <pthread.h>

#include <gev/io.h>

#include "curl/transfer.h"

#define MAX_IDLE 64

static _Thread_local struct gev__transfer *idle; /* last used first */
static _Thread_local int n_idle;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;

static void forget_all(void)
{
    idle = NULL;
    n_idle = 0;
}

static void on_thread_end(void *unused)
{
    (void)unused;
    gev_curl_cleanup();
}

static void start_once(void)
{
    /* Without a key the connections stay until the process ends. */
    (void)pthread_key_create(&at_thread_end, on_thread_end);
    (void)pthread_atfork(NULL, NULL, forget_all);
}

/* The idle transfer of a handle, or a new one; NULL without memory. */
static struct gev__transfer *take(const void *easy)
{
    for (struct gev__transfer **p = &idle, *t; (t = *p); p = &t->next) {
        if (t->easy == easy) {
            *p = t->next;
            n_idle--;
            return t;
        }
    }
    return gev__transfer_new();
}

/* Keeps it; the one that was not used for longest has to go. */
static void give_back(struct gev__transfer *t)
{
    struct gev__transfer **p = &idle, *last;

    pthread_once(&once, start_once);
    (void)pthread_setspecific(at_thread_end, &at_thread_end);
    t->next = idle;
    idle = t;
    if (++n_idle <= MAX_IDLE) {
        return;
    }
    while ((*p)->next) {
        p = &(*p)->next;
    }
    last = *p;
    *p = NULL;
    n_idle--;
    gev__transfer_free(last);
}

CURLcode gev_curl_perform(CURL *easy)
{
    int saved = errno, err;
    struct gev__transfer *t;
    CURLcode code;

    if (!easy) {
        return CURLE_BAD_FUNCTION_ARGUMENT;
    }
    if (gev_poll(NULL, 0, 0) < 0) { /* killed, out of time, on the hub */
        return gev__transfer_code(errno);
    }
    t = take(easy);
    if (!t) {
        errno = ENOMEM;
        return CURLE_OUT_OF_MEMORY;
    }
    code = gev__transfer_run(t, easy, &err);
    give_back(t);
    errno = err ? err : saved;
    return code;
}

void gev_curl_cleanup(void)
{
    while (idle) {
        struct gev__transfer *t = idle;

        idle = t->next;
        n_idle--;
        gev__transfer_free(t);
    }
}
