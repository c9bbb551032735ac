/* SPDX-License-Identifier: MIT */
/*
 * gev/curl.h - libcurl's easy transfers, many at once
 *
 * What is declared here is in libgev_curl (pkg-config: gev-curl), which needs
 * libcurl 7.62 or later and no interposition: gev_curl_perform() takes the place of
 * curl_easy_perform(), and everything else of libcurl is used as it is.
 *
 *   static void *fetch(void *url)
 *   {
 *       CURL *easy = curl_easy_init();
 *
 *       curl_easy_setopt(easy, CURLOPT_URL, url);
 *       if (gev_curl_perform(easy) != CURLE_OK)
 *           ...
 *       curl_easy_cleanup(easy);
 *   }
 *
 * Not part of gev.h, which must do without libcurl.
 */
#ifndef GEV_CURL_H
#define GEV_CURL_H

#include <curl/curl.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_curl_perform() - curl_easy_perform() that lets other greenlets run
 * @easy: an easy handle, in no other transfer
 *
 * libcurl runs on the calling greenlet, and so do its callbacks: what they are
 * given may be on its stack, and they may wait. Connections are kept for the next
 * transfer of the same handle in this thread, as curl_easy_perform() does; see
 * gev_curl_cleanup().
 *
 * A kill, or a scope that expires, ends the transfer and closes its connection;
 * CURLOPT_QUICK_EXIT is then set on @easy (libcurl 7.87), so that nobody waits for
 * a name that is still being looked up.
 *
 * Unlike curl_easy_perform() it does not clear CURLOPT_ERRORBUFFER's buffer when
 * there is no error, and CURLOPT_MAXCONNECTS means nothing. What libcurl cannot do
 * without blocking (LDAP, file:, parts of FTPS' shutdown) blocks the thread here.
 *
 * Set CURLOPT_NOSIGNAL and ignore SIGPIPE in callbacks that wait: libcurl sets its
 * action around them, for the process.
 *
 * Switches:  yes
 * Context:   any greenlet, not the hub
 * Return:    what curl_easy_perform() returns, errno as it was. Or, with errno set:
 *              CURLE_ABORTED_BY_CALLBACK  ECANCELED: this greenlet was killed
 *              CURLE_OPERATION_TIMEDOUT   ETIMEDOUT: a scope expired
 *              CURLE_OUT_OF_MEMORY        ENOMEM
 *              CURLE_FAILED_INIT          EPERM: on the hub
 * See:       curl_easy_perform(3)
 */
GEV_API CURLcode gev_curl_perform(CURL *easy);

/**
 * gev_curl_cleanup() - close the connections that are kept for further transfers
 *
 * Of this thread, where it happens by itself when the thread ends; those of up to
 * 64 handles are kept. Call it before curl_global_cleanup(), and for an orderly end
 * of connections before main returns.
 *
 * Switches:  never
 * Context:   anywhere but in a callback of libcurl's
 */
GEV_API void gev_curl_cleanup(void);

GEV_END_DECLS

#endif
