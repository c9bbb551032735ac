/* SPDX-License-Identifier: MIT */
/*
 * A transfer: libcurl says which sockets and which time it waits for, the greenlet
 * waits for them with gev_poll() and calls libcurl again.
 *
 * Each transfer has a multi handle of its own, which is what curl_easy_perform()
 * does inside. One for all, driven by the hub, would run the callbacks of all on the
 * hub's stack, where CURLOPT_WRITEDATA and CURLOPT_ERRORBUFFER, mostly addresses of
 * locals, mean nothing: docs/decisions/0009-curl-on-the-greenlet.md.
 *
 * Happy path: add; libcurl connects, and reports its socket and its timer; poll;
 * tell libcurl which socket is ready; until nothing runs; read the outcome; remove.
 *
 * Failure modes
 *   killed, out of time    the handle is removed, which closes its connection
 *   no memory              likewise, CURLE_OUT_OF_MEMORY
 *   nothing ever happens   libcurl's own timers are honoured, and it is called once
 *                          a second, so that progress callbacks can abort
 *   descriptor closed      by another greenlet: libcurl is told of an error on it
 */
/* curl_multi_socket_all() is deprecated for those who have many transfers. */
#define CURL_DISABLE_DEPRECATION

#include "curl/transfer.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include <gev/hub.h>
#include <gev/io.h>

#define TICK 1.0 /* seconds, as curl_easy_perform() has it */

static struct pollfd *find(struct gev__transfer *t, int fd)
{
    for (size_t i = 0; i < t->n_fds; i++) {
        if (t->fds[i].fd == fd) {
            return &t->fds[i];
        }
    }
    return NULL;
}

static struct pollfd *add(struct gev__transfer *t, int fd)
{
    if (t->n_fds == t->max_fds) {
        size_t max = t->max_fds ? 2 * t->max_fds : 4;
        struct pollfd *fds = realloc(t->fds, max * sizeof *fds);

        if (!fds) {
            return NULL;
        }
        t->fds = fds;
        t->max_fds = max;
    }
    t->fds[t->n_fds] = (struct pollfd){.fd = fd};
    return &t->fds[t->n_fds++];
}

/* A CURLMOPT_SOCKETFUNCTION. Return: -1 without memory. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *unused)
{
    struct gev__transfer *t = arg;
    struct pollfd *p = find(t, fd);

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (p) {
            *p = t->fds[--t->n_fds];
        }
        (void)gev_fd_forget(fd); /* libcurl may close it next */
        return 0;
    }
    p = p ? p : add(t, fd);
    if (!p) {
        return -1;
    }
    p->events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
                        (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

/* A CURLMOPT_TIMERFUNCTION. */
static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct gev__transfer *t = arg;

    (void)multi;
    t->due = ms < 0 ? INFINITY : gev_now() + (double)ms * 1e-3;
    return 0;
}

struct gev__transfer *gev__transfer_new(void)
{
    struct gev__transfer *t = calloc(1, sizeof *t);

    if (!t) {
        return NULL;
    }
    t->multi = curl_multi_init();
    if (!t->multi) {
        free(t);
        return NULL;
    }
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    t->due = INFINITY;
    return t;
}

void gev__transfer_free(struct gev__transfer *t)
{
    curl_multi_cleanup(t->multi);
    free(t->fds);
    free(t);
}

/* Waits until a socket is ready or it is time. As gev_poll(). */
static int wait_event(struct gev__transfer *t)
{
    double secs = t->due - gev_now();

    secs = secs < 0 ? 0 : secs > TICK ? TICK : secs;
    return gev_poll(t->fds, (nfds_t)t->n_fds, (int)ceil(secs * 1e3));
}

/* Tells libcurl of each socket that is ready. The list may change meanwhile. */
static CURLMcode tell_ready(struct gev__transfer *t, int *running)
{
    CURLMcode rc = CURLM_OK;

    for (size_t i = 0; i < t->n_fds && rc == CURLM_OK; i++) {
        short r = t->fds[i].revents;
        int fd = t->fds[i].fd;

        if (r) {
            t->fds[i].revents = 0;
            rc = curl_multi_socket_action(
                t->multi, fd,
                (r & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
                    (r & POLLOUT ? CURL_CSELECT_OUT : 0) |
                    (r & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0),
                running);
            i = (size_t)-1; /* from the beginning */
        }
    }
    return rc;
}

/* Waits once and calls libcurl. */
static CURLMcode step(struct gev__transfer *t, int *running, int *ret_err)
{
    int n = wait_event(t);
    CURLMcode rc = CURLM_OK;

    if (n < 0) {
        *ret_err = errno;
        return CURLM_OK;
    }
    if (n > 0) {
        rc = tell_ready(t, running);
    }
    if (rc == CURLM_OK && t->due <= gev_now()) {
        t->due = INFINITY; /* once; it says when the next one is */
        rc =
            curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, running);
    } else if (n == 0) {
        rc = curl_multi_socket_all(t->multi, running);
    }
    return rc;
}

static CURLcode code_of_multi(CURLMcode rc)
{
    switch (rc) {
    case CURLM_OK:
        return CURLE_OK;
    case CURLM_ADDED_ALREADY:
        return CURLE_FAILED_INIT;
    case CURLM_BAD_EASY_HANDLE:
        return CURLE_BAD_FUNCTION_ARGUMENT;
    default: /* our callback, or libcurl itself, had no memory */
        return CURLE_OUT_OF_MEMORY;
    }
}

CURLcode gev__transfer_code(int err)
{
    switch (err) {
    case ECANCELED:
        return CURLE_ABORTED_BY_CALLBACK;
    case ETIMEDOUT:
        return CURLE_OPERATION_TIMEDOUT;
    case EPERM:
        return CURLE_FAILED_INIT;
    default:
        return CURLE_OUT_OF_MEMORY;
    }
}

/* Runs what was added until it is done. */
static CURLcode drive(struct gev__transfer *t, int *ret_err)
{
    int running = 0, left;
    CURLMcode rc =
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    CURLMsg *m;

    while (rc == CURLM_OK && running && !*ret_err) {
        rc = step(t, &running, ret_err);
    }
    if (*ret_err) {
        return gev__transfer_code(*ret_err);
    }
    if (rc != CURLM_OK) {
        return code_of_multi(rc);
    }
    m = curl_multi_info_read(t->multi, &left);
    /* libcurl has lost it: it could not even say so */
    return m ? m->data.result : CURLE_OUT_OF_MEMORY;
}

CURLcode gev__transfer_run(struct gev__transfer *t, CURL *easy, int *ret_err)
{
    CURLMcode rc = curl_multi_add_handle(t->multi, easy);
    CURLcode code;

    *ret_err = 0;
    if (rc != CURLM_OK) {
        return code_of_multi(rc);
    }
    t->easy = easy;
    code = drive(t, ret_err);
#if LIBCURL_VERSION_NUM >= 0x075700
    if (*ret_err) {
        /* or removing it joins the thread that looks up the name */
        (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    }
#endif
    (void)curl_multi_remove_handle(t->multi, easy);
    return code;
}
