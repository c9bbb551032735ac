/* SPDX-License-Identifier: MIT */
/*
 * gev/http_mux.h - which handler answers which path
 *
 *   struct gev_http_mux *mux = gev_http_mux_new();
 *
 *   gev_http_mux_add(mux, "GET", "/", home, NULL);        // just "/"
 *   gev_http_mux_add(mux, "POST", "/items", create, db);
 *   gev_http_mux_add(mux, NULL, "/static/", files, dir);  // all below
 *   server = gev_http_server_new(":8080", gev_http_mux_handler, mux, NULL);
 *
 * A pattern is compared with the decoded path byte by byte. "/x" means just
 * that path, "/x/" it and everything below; the longest that fits is asked,
 * except "/" alone, which is no subtree; "/" followed by "*" stands for
 * everything that nothing else fits. "." and ".." mean nothing here: a path is
 * never changed.
 *
 * A method that the server does not know is 501 before the mux is asked.
 * Answered without a handler: 404 (nothing fits); 405 with Allow (another
 * method does); OPTIONS, if no handler was added for it (204 with Allow); HEAD
 * goes to the handler of GET; a path that lacks only the "/" at its end is sent
 * there (301, or 308 unless it is GET or HEAD); 400 for a path that cannot be
 * decoded.
 */
#ifndef GEV_HTTP_MUX_H
#define GEV_HTTP_MUX_H

#include <gev/base.h>
#include <gev/http.h>

GEV_BEGIN_DECLS

struct gev_http_mux;

/**
 * gev_http_mux_new() - a mux that fits nothing yet
 *
 * Switches:  never
 * Return:    the mux, or NULL with errno ENOMEM
 * See:       Go's http.ServeMux
 */
GEV_API struct gev_http_mux *gev_http_mux_new(void);

/**
 * gev_http_mux_free() - free it
 * @mux: the mux, or NULL; no server uses it any more
 */
GEV_API void gev_http_mux_free(struct gev_http_mux *mux);

/**
 * gev_http_mux_add() - have a handler asked
 * @mux:     the mux; may be in use
 * @method:  "GET" ..., copied; NULL: all that no other handler of @pattern is
 *           for
 * @pattern: begins with "/", copied; see the top
 * @handler: what is called
 * @arg:     for it; not a pointer into a run stack
 *
 * Switches:  never
 * Return:    0, or -1 with errno set:
 *              EINVAL  NULL, an empty @method, or a bad @pattern
 *              EEXIST  @method and @pattern were added before
 *              EFAULT  @arg points into a run stack
 *              ENOMEM  no memory
 */
GEV_API int gev_http_mux_add(struct gev_http_mux *mux, const char *method,
                             const char *pattern, gev_http_handler *handler,
                             void *arg);

/**
 * gev_http_mux_handler() - a gev_http_handler that asks the right one
 * @x:   the exchange
 * @mux: the struct gev_http_mux
 *
 * Return:    as the handler that was asked
 */
GEV_API int gev_http_mux_handler(struct gev_http *x, void *mux);

GEV_END_DECLS

#endif
