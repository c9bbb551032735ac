/* SPDX-License-Identifier: MIT */
/*
 * gev/http_files.h - files of a directory as responses
 *
 *   struct gev_http_files *files = gev_http_files_new("/srv/www", NULL);
 *
 *   server = gev_http_server_new(":8080", gev_http_files_handler, files, NULL);
 *
 * The decoded path of a request names a file beneath the root; nothing outside
 * is ever opened, whatever links and ".." say: links that stay beneath the root
 * are followed, except on kernels without openat2(2), where none is. Segments
 * "." and "..", empty ones and, unless it is allowed, those that begin with a
 * dot are not found (".well-known" is). A backslash is a character like any
 * other.
 *
 * Answered: GET and HEAD; OPTIONS (204); 405 with Allow for the rest. 200 with
 * Content-Type by the name's suffix, Last-Modified and a strong ETag; 304, 412
 * as the request's conditions have it (RFC 9110 13); 206, 416 for a single byte
 * range, with If-Range; several ranges, or bad ones, are answered with the whole
 * file. HEAD is answered as GET would be, Range included (RFC 9110 14.2 would
 * have it ignored; servers agree not to). A directory is sent to its name with
 * "/" (301), and there its index is the answer, or else 403. What is not a
 * regular file (FIFO, device, socket) is not found. 403: no permission; 503: no
 * descriptors or memory.
 *
 * Where FILE.gz lies beside FILE, not older, and the client prefers gzip, it is
 * sent with Content-Encoding. With Vary, whether it is or not.
 *
 * Small files leave together with their head; larger ones by sendfile(2). The
 * length is promised: if a file turns out shorter while it is sent, the
 * connection is aborted. Opening and reading are done directly, on all
 * greenlets' time: fine for what is in memory or on a local disk.
 *
 * Descriptors of files are kept for a while. What a file's name stands for is
 * looked up again after cache_time, or at once when the file that is open was
 * changed, replaced or removed.
 */
#ifndef GEV_HTTP_FILES_H
#define GEV_HTTP_FILES_H

#include <gev/base.h>
#include <gev/http.h>

GEV_BEGIN_DECLS

struct gev_http_files;

/**
 * struct gev_http_files_options - how files are served; grows at its end only
 *
 * Filled in by gev_http_files_options_init(). Strings are copied.
 */
struct gev_http_files_options {
    size_t struct_size;        /* set by gev_http_files_options_init() */
    const char *prefix;        /* taken off the path: "/"; "/static/" */
    const char *index;         /* of a directory: "index.html"; NULL: none */
    const char *cache_control; /* the field's value; NULL: no such field */
    int dot_files;             /* 1: serve names that begin with a dot; 0 */
    int precompressed;         /* 1: look for FILE.gz; 1 */
    unsigned cache_files;      /* descriptors kept, at most an eighth of what
                                  the process may have: 128; 0: none */
    double cache_time;         /* seconds: 1 */
};

/**
 * gev_http_files_options_init() - fill in the defaults
 * @o:    the options
 * @size: sizeof(struct gev_http_files_options) as the caller knows it
 */
GEV_API void gev_http_files_options_init(struct gev_http_files_options *o,
                                         size_t size);

/**
 * gev_http_files_new() - serve what is beneath a directory
 * @root: its path; opened now, so that it may be renamed later
 * @o:    copied; NULL for the defaults
 *
 * Switches:  never
 * Return:    to be given to gev_http_files_handler(), or NULL with errno set:
 *            EINVAL (no root, a prefix without "/" around it, options that make
 *            no sense), ENOMEM, or as open(2)
 * See:       Go's http.FileServer
 */
GEV_API struct gev_http_files *
gev_http_files_new(const char *root, const struct gev_http_files_options *o);

/**
 * gev_http_files_free() - free it
 * @f: from gev_http_files_new(), or NULL
 *
 * What is being sent is sent to its end; no new request may come to it.
 */
GEV_API void gev_http_files_free(struct gev_http_files *f);

/**
 * gev_http_files_handler() - a gev_http_handler that serves files
 * @x:     the exchange
 * @files: the struct gev_http_files
 *
 * Switches:  if the client is slow
 * Return:    0, or -1 with errno as gev_http_reply() and gev_http_send_fd()
 */
GEV_API int gev_http_files_handler(struct gev_http *x, void *files);

/**
 * gev_http_files_send() - answer with one file
 * @x:    the exchange
 * @f:    beneath whose root it is
 * @path: its path there, without a "/" in front: "a/b.html"
 *
 * As gev_http_files_handler() answers a request for it. Fields that were set
 * before stay, but for those that it sets itself; they are lost if the answer is
 * an error. Of @f's options prefix and dot_files do not matter, of the path's
 * segments "..", "." and empty ones are not found here either.
 *
 * Switches:  if the client is slow
 * Return:    as gev_http_files_handler()
 */
GEV_API int gev_http_files_send(struct gev_http *x, struct gev_http_files *f,
                                const char *path);

GEV_END_DECLS

#endif
