/* SPDX-License-Identifier: MIT */
/*
 * gev/http.h - an HTTP/1.1 server whose handlers are plain blocking functions
 *
 *   static int hello(struct gev_http *x, void *arg)
 *   {
 *       return gev_http_reply(x, 200, "text/plain", "Hello, World!\n", 14);
 *   }
 *
 *   struct gev_http_server *s =
 *       gev_http_server_new("127.0.0.1:8080", hello, NULL, NULL);
 *   gev_http_server_run(s);
 *
 * Each connection has a greenlet; the handler runs in it, once per request. An
 * exchange, struct gev_http, is one request and its response. It lives until
 * the handler returns, and so does all memory that it gives out. It is on the
 * heap: other greenlets may use it too, one at a time.
 *
 * What is not HTTP never reaches a handler: it is answered with 4xx or 5xx and
 * the connection is closed, lingering, so that the client can read the answer.
 *
 * The calls that wait fail as said in gev.h, and besides with
 *
 *   ETIMEDOUT   also: the client was too slow (see struct gev_http_options)
 *   ECONNRESET  the client has gone, or closed in the middle of its request
 *   EPIPE       likewise, while writing
 *
 * After one of these, and after ECANCELED, the connection cannot be used any
 * more: return -1.
 */
#ifndef GEV_HTTP_H
#define GEV_HTTP_H

#include <sys/socket.h>
#include <sys/types.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

struct gev_http;
struct gev_stream_ops;

/**
 * typedef gev_http_handler - answers one request
 * @x:   the exchange, borrowed until the handler returns
 * @arg: as given to gev_http_server_new()
 *
 * Timeout scopes and shields that it leaves open are closed for it. A request
 * body that it did not read is skipped if little is left of it; otherwise the
 * connection is closed after the response. TRACE and OPTIONS * are answered
 * without it.
 *
 * Return:    0 when the response is complete: nothing written and no
 *            gev_http_status() is answered with 500. -1 when it failed: 500 if
 *            nothing was sent yet, or else the connection is aborted, so that
 *            the client does not take what it got for the whole
 */
typedef int gev_http_handler(struct gev_http *x, void *arg);

/* ---- the request ------------------------------------------------------ */

/**
 * gev_http_method() - the method, as sent: "GET"
 *
 * Strings of a request are valid until the handler returns.
 */
GEV_API const char *gev_http_method(const struct gev_http *x);

/**
 * gev_http_target() - the request target, exactly as sent
 */
GEV_API const char *gev_http_target(const struct gev_http *x);

/**
 * gev_http_path() - the path, percent-decoded once
 *
 * It may hold any bytes but NUL, ".." and "//" included.
 *
 * Return:    the path, or NULL with errno: EILSEQ (a bad escape, or %00),
 *            ENOMEM
 */
GEV_API const char *gev_http_path(struct gev_http *x);

/**
 * gev_http_query() - what follows the first '?', not decoded; "" for none
 */
GEV_API const char *gev_http_query(const struct gev_http *x);

/**
 * gev_http_host() - the host that is asked, perhaps with ":port"
 *
 * From the target if that has it, else the Host field; "" if an HTTP/1.0
 * request has neither.
 *
 * Return:    the host, or NULL with errno ENOMEM
 */
GEV_API const char *gev_http_host(struct gev_http *x);

/**
 * gev_http_minor() - 1 for HTTP/1.1, 0 for HTTP/1.0
 */
GEV_API int gev_http_minor(const struct gev_http *x);

/**
 * gev_http_header() - the first value of a field
 * @name: in any case
 *
 * Return:    without white space around it, or NULL if there is none
 */
GEV_API const char *gev_http_header(const struct gev_http *x, const char *name);

/**
 * gev_http_header_at() - one field after the other, in the order sent
 * @i:         0 for the first
 * @ret_name:  may be NULL
 * @ret_value: may be NULL
 *
 * Return:    0, or -1 with errno ENOENT after the last
 */
GEV_API int gev_http_header_at(const struct gev_http *x, size_t i,
                               const char **ret_name, const char **ret_value);

/**
 * gev_http_peer() - who sent it
 * @ret_len: may be NULL
 *
 * Return:    the peer's address, valid as long as the connection
 */
GEV_API const struct sockaddr *gev_http_peer(const struct gev_http *x,
                                             socklen_t *ret_len);

/* ---- its body --------------------------------------------------------- */

/**
 * gev_http_length() - how long the request's body is
 *
 * Return:    bytes; 0 if there is none; -1 if that is not known: chunked
 */
GEV_API int64_t gev_http_length(const struct gev_http *x);

/**
 * gev_http_body_limit() - how long a body this request may have
 * @max: bytes; in place of max_body of struct gev_http_options
 *
 * A request that announces more than the server's max_body is answered with
 * 413 before the handler runs, so the options must allow what a handler wants.
 *
 * Return:    0, or -1 with errno: EINVAL (negative), EALREADY (reading has
 *            begun), EFBIG (the length is known and above it)
 */
GEV_API int gev_http_body_limit(struct gev_http *x, int64_t max);

/**
 * gev_http_read() - read from the body, chunked or not
 * @buf: room for @n bytes
 *
 * A client that waits for "100 Continue" is told so at the first read.
 *
 * Switches:  if nothing has arrived. Answers to earlier requests are sent first;
 *            what was written of this one only by gev_http_flush(), or once it
 *            is more than a buffer holds
 * Return:    1 .. @n; 0 at the end; -1 with errno as said at the top, or:
 *              EBADMSG  it is not chunked as it should be
 *              EFBIG    it is longer than allowed
 */
GEV_API ssize_t gev_http_read(struct gev_http *x, void *buf, size_t n);

/**
 * gev_http_view() - gev_http_read() without copying
 * @ret_data: the bytes, valid until the next call that reads the body
 *
 * Return:    how many, or as gev_http_read()
 */
GEV_API ssize_t gev_http_view(struct gev_http *x, const void **ret_data);

/**
 * gev_http_read_all() - read the rest of the body
 * @max:      EFBIG if it is longer
 * @ret_data: the bytes and a NUL, valid until the handler returns
 *
 * Return:    how many, the NUL not counted; or as gev_http_read()
 */
GEV_API ssize_t gev_http_read_all(struct gev_http *x, size_t max,
                                  void **ret_data);

/**
 * gev_http_trailer() - the first value of a field that followed a chunked body
 *
 * Return:    NULL if there is none, or before the end of the body was read
 */
GEV_API const char *gev_http_trailer(const struct gev_http *x,
                                     const char *name);

/* ---- the response ----------------------------------------------------- */

/**
 * gev_http_status() - choose the status
 * @code: 200 .. 599; it is 200 if nobody chooses
 *
 * Return:    0, or -1 with errno: EINVAL, EALREADY (the head is out)
 */
GEV_API int gev_http_status(struct gev_http *x, int code);

/**
 * gev_http_set() - set a field of the response, in place of earlier ones
 * @name:  copied
 * @value: copied; NULL removes the field
 *
 * Content-Length must be a number and is gev_http_set_length(). Of Connection,
 * "close" is honoured. Date may be replaced.
 *
 * Return:    0, or -1 with errno set:
 *              EINVAL    a bad name; CR, LF, NUL or another control character
 *                        in @value; Transfer-Encoding, Keep-Alive, another
 *                        Connection: those are the server's business
 *              EALREADY  the head is out
 *              ENOMEM    no memory
 */
GEV_API int gev_http_set(struct gev_http *x, const char *name,
                         const char *value);

/**
 * gev_http_add() - gev_http_set() that leaves earlier ones: Set-Cookie
 */
GEV_API int gev_http_add(struct gev_http *x, const char *name,
                         const char *value);

/**
 * gev_http_reply() - answer with all there is to say
 * @code: the status; 0 leaves what gev_http_status() said
 * @type: Content-Type; NULL leaves what gev_http_set() said
 * @body: copied or sent before the call returns; may be on the caller's stack
 * @n:    its length
 *
 * Head and body go out together, with other answers if requests were
 * pipelined, when nothing else is left to do or to read. HEAD, 204, 205 and 304
 * have no body on the wire.
 *
 * Switches:  if it is large and the client slow
 * Return:    0, or -1 with errno: EINVAL, EALREADY, ENOMEM, or as said at the
 *            top
 */
GEV_API int gev_http_reply(struct gev_http *x, int code, const char *type,
                           const void *body, size_t n);

/**
 * gev_http_set_length() - promise how long the body will be
 * @n: exactly as much must then be written, or the connection is aborted
 *
 * Return:    0, or -1 with errno: EINVAL (negative), EALREADY
 */
GEV_API int gev_http_set_length(struct gev_http *x, int64_t n);

/**
 * gev_http_write() - write a piece of the body
 * @data: copied or sent before the call returns
 * @n:    0 does nothing
 *
 * The first one fixes the head. Without a promised length the body is chunked,
 * or for HTTP/1.0 ends with the connection. Small pieces are collected.
 *
 * A client may write its whole request before it reads: read the body first.
 *
 * Switches:  when the buffer is full and the client slow
 * Return:    0, or -1 with errno as said at the top; EMSGSIZE (more than was
 *            promised), EALREADY (the response is complete)
 */
GEV_API int gev_http_write(struct gev_http *x, const void *data, size_t n);

/**
 * gev_http_printf() - gev_http_write() with a format
 *
 * Return:    0, or -1 as gev_http_write(); ENOMEM
 */
GEV_API int gev_http_printf(struct gev_http *x, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * gev_http_flush() - send what has been written so far
 *
 * Also the head, if nothing was written yet. A handler that is about to wait
 * long for something else calls it, so that the client, and answers to earlier
 * pipelined requests, need not wait as well.
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno as gev_http_write()
 */
GEV_API int gev_http_flush(struct gev_http *x);

/**
 * gev_http_send_fd() - write a piece of the body from a file
 * @fd:     a regular file, borrowed
 * @offset: where it begins
 * @n:      how much; the length of the body if none was promised
 *
 * Switches:  yes
 * Return:    0, or -1 with errno as gev_http_write(), sendfile(2); EIO when
 *            the file is shorter: the connection is then aborted
 */
GEV_API int gev_http_send_fd(struct gev_http *x, int fd, off_t offset,
                             int64_t n);

/**
 * gev_http_error() - answer with a status and a short text
 * @code: 400 .. 599
 * @text: for the client, plain text; NULL for the status' own words
 *
 * Return:    as gev_http_reply()
 */
GEV_API int gev_http_error(struct gev_http *x, int code, const char *text);

/**
 * gev_http_redirect() - answer with a Location
 * @code:     301, 302, 303, 307 or 308
 * @location: a URI reference of visible characters
 *
 * Return:    as gev_http_reply()
 */
GEV_API int gev_http_redirect(struct gev_http *x, int code,
                              const char *location);

/**
 * gev_http_inform() - send an informational response before the real one
 * @code: 102 .. 199; 103 takes along the fields set so far
 *
 * Not sent to HTTP/1.0 clients. "100 Continue" is sent by itself.
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno: EINVAL, EALREADY (the head is out), or as
 *            said at the top
 */
GEV_API int gev_http_inform(struct gev_http *x, int code);

/**
 * gev_http_take() - leave HTTP: an upgrade
 * @ret_ops:  how the transport is used from now on; see gev/stream.h
 * @ret_ctx:  for it
 * @ret_left: bytes that the client has sent after its request
 * @ret_n:    how many
 *
 * What was written so far is sent; the response is what the handler then sends
 * itself ("HTTP/1.1 101 ..."). The connection is closed when the handler
 * returns, unless it called gev_server_keep(). No limits apply any more but
 * those of the handler's own scopes.
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno: EALREADY (a response has begun), EBUSY (the
 *            request's body was not read to its end: it is no part of what
 *            follows), or as said at the top
 */
GEV_API int gev_http_take(struct gev_http *x,
                          const struct gev_stream_ops **ret_ops, void **ret_ctx,
                          const void **ret_left, size_t *ret_n);

/* ---- memory of the exchange -------------------------------------------- */

/**
 * gev_http_alloc() - memory until the handler has returned
 *
 * Return:    @n bytes, 16-byte aligned, not cleared; NULL with errno ENOMEM
 */
GEV_API void *gev_http_alloc(struct gev_http *x, size_t n);

/**
 * gev_http_defer() - call a function when the handler has returned
 * @fn:  the last recorded is called first; also when the greenlet is killed or
 *       ends by gev_exit(). It must not use @x
 * @arg: for @fn; not a pointer into a run stack
 *
 * Return:    0, or -1 with errno: EINVAL (no @fn), EFAULT, ENOMEM
 */
GEV_API int gev_http_defer(struct gev_http *x, void (*fn)(void *arg),
                           void *arg);

GEV_END_DECLS

#endif
