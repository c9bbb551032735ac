/* SPDX-License-Identifier: MIT */
/*
 * One transfer of libcurl's at a time, driven by the greenlet that wants it.
 */
#ifndef CURL_TRANSFER_H
#define CURL_TRANSFER_H

#include <curl/curl.h>
#include <poll.h>
#include <stddef.h>

/**
 * struct gev__transfer - a multi handle for one easy handle, and what it waits for
 *
 * On the heap: libcurl keeps its address between transfers.
 */
struct gev__transfer {
    CURLM *multi;               /* ours alone; has the connections */
    const void *easy;           /* whose they are; only compared */
    struct pollfd *fds;         /* what libcurl wants to know of */
    size_t n_fds;               /* of these */
    size_t max_fds;             /* room */
    double due;                 /* when libcurl wants to be called; INFINITY */
    struct gev__transfer *next; /* in the list of idle ones */
};

/**
 * gev__transfer_new() - without connections yet
 *
 * Return:    NULL without memory
 */
struct gev__transfer *gev__transfer_new(void);

/**
 * gev__transfer_free() - close its connections; no transfer is under way
 */
void gev__transfer_free(struct gev__transfer *t);

/**
 * gev__transfer_run() - perform an easy handle's transfer to its end
 * @ret_err: receives an errno if gev ended it, 0 if libcurl did
 *
 * Switches:  yes
 * Return:    the outcome
 */
CURLcode gev__transfer_run(struct gev__transfer *t, CURL *easy, int *ret_err);

/**
 * gev__transfer_code() - libcurl's word for an errno of gev's
 */
CURLcode gev__transfer_code(int err);

#endif
