/* SPDX-License-Identifier: MIT */
/*
 * gev/http_log.h - an access log
 *
 *   struct gev_http_log *log = gev_http_log_new("/var/log/access.log", NULL);
 *
 *   gev_http_server_log(server, log);
 *
 * One line per response, in the combined format of Apache and nginx, and how
 * long it took in seconds, from the head's last byte to the response's:
 *
 *   127.0.0.1 - - [22/Nov/2026:15:24:22 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/7.88.1" 0.000123
 *
 * What came from the client cannot break a line or a terminal: bytes that are
 * not visible ASCII, '"' and '\' are written as \xHH, and fields are cut after
 * 4 KiB. The size is that of the body, as it was promised or sent. What was not
 * HTTP has "-" for its request; a response that was cut off has "!" behind the
 * time.
 *
 * Lines are collected, and written by a greenlet of the log's own: when there
 * are 8 KiB, or after a second. While a pipe or terminal does not take them,
 * 64 KiB are kept; what comes then is lost, and counted. Requests never wait for
 * the log. A log belongs to the thread that made it.
 */
#ifndef GEV_HTTP_LOG_H
#define GEV_HTTP_LOG_H

#include <gev/base.h>
#include <gev/http_server.h>

GEV_BEGIN_DECLS

struct gev_http_log;

/**
 * struct gev_http_log_options - how a log is written; grows at its end only
 *
 * Filled in by gev_http_log_options_init().
 */
struct gev_http_log_options {
    size_t struct_size; /* set by gev_http_log_options_init() */
    double interval;    /* seconds until lines are written: 1 */
    int reopen_signal;  /* opens the file anew: 0 (none); SIGUSR1 */
};

/**
 * gev_http_log_options_init() - fill in the defaults
 * @o:    the options
 * @size: sizeof(struct gev_http_log_options) as the caller knows it
 */
GEV_API void gev_http_log_options_init(struct gev_http_log_options *o,
                                       size_t size);

/**
 * gev_http_log_new() - open a log
 * @path: of a file, appended to, made with mode 0640 if there is none; copied.
 *        NULL or "-": standard output
 * @o:    copied; NULL for the defaults
 *
 * Switches:  never
 * Return:    the log, or NULL with errno set: EINVAL (options that make no
 *            sense), ENOMEM, as open(2), as gev_signal()
 */
GEV_API struct gev_http_log *
gev_http_log_new(const char *path, const struct gev_http_log_options *o);

/**
 * gev_http_log_free() - write what is left, and close it
 * @log: the log, or NULL
 *
 * Lines of servers that go on are dropped from now on.
 *
 * Switches:  until all is written, but at most a second
 */
GEV_API void gev_http_log_free(struct gev_http_log *log);

/**
 * gev_http_server_log() - have a server write to a log
 * @s:   the server
 * @log: the log, which several servers may share; NULL: none any more
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL (no server)
 */
GEV_API int gev_http_server_log(struct gev_http_server *s,
                                struct gev_http_log *log);

/**
 * gev_http_log_reopen() - go on in a new file of the same name
 *
 * For who has renamed the old one. Lines that are collected still go to the
 * old one. If it cannot be opened the old one stays, and an error is counted.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL (NULL, or standard output)
 */
GEV_API int gev_http_log_reopen(struct gev_http_log *log);

/**
 * gev_http_log_flush() - wait until what was logged so far is written
 * @timeout: seconds at most
 *
 * Switches:  if there is something to write
 * Return:    0, or -1 with errno ETIMEDOUT, EINVAL
 */
GEV_API int gev_http_log_flush(struct gev_http_log *log, double timeout);

/**
 * struct gev_http_log_stats - how a log fares; grows at its end only
 */
struct gev_http_log_stats {
    uint64_t lines;  /* logged */
    uint64_t lost;   /* of them: dropped, or not written because of an error */
    uint64_t errors; /* of write(2) and open(2) */
    int last_error;  /* errno of the last one, or 0 */
};

/**
 * gev_http_log_stats() - read the counters
 * @ret:  filled in
 * @size: sizeof(struct gev_http_log_stats) as the caller knows it
 *
 * Return:    0, or -1 with errno EINVAL
 */
GEV_API int gev_http_log_stats(const struct gev_http_log *log,
                               struct gev_http_log_stats *ret, size_t size);

GEV_END_DECLS

#endif
