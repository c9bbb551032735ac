/* SPDX-License-Identifier: MIT */
/*
 * What a handler reads of a request's head
 *
 * Strings are pieces of the buffer that the head was received into, which stays
 * in place until the handler has returned. Only a path that had to be decoded, or
 * that a query follows, is a copy.
 */
#include <errno.h>
#include <string.h>

#include "core/ret.h"
#include "http/exchange.h"
#include "http/percent.h"

const char *gev_http_method(const struct gev_http *x)
{
    return gev__http_head_str(&x->head, x->head.name);
}

const char *gev_http_target(const struct gev_http *x)
{
    return gev__http_head_str(&x->head, x->head.target);
}

/* Is it the end of the target, which is terminated, and needs no decoding? */
static bool is_plain(const struct gev__http_head *h, struct gev__http_span path)
{
    return path.at + path.len == h->target.at + h->target.len &&
           !memchr(h->buf + path.at, '%', path.len);
}

const char *gev_http_path(struct gev_http *x)
{
    struct gev__http_span span = x->head.path;
    char *path;
    int rc;

    if (x->path) {
        return x->path;
    }
    if (span.len == 0) {
        x->path = x->head.form == GEV__HTTP_ASTERISK ? "*" : "/";
        return x->path;
    }
    if (is_plain(&x->head, span)) {
        x->path = gev__http_head_str(&x->head, span);
        return x->path;
    }
    path = gev__arena_alloc(&x->arena, span.len + 1);
    rc = path
             ? gev__percent_decode(path, x->head.buf + span.at, span.len, false)
             : -ENOMEM;
    if (gev__ret(rc) < 0) {
        return NULL;
    }
    x->path = path;
    return path;
}

const char *gev_http_query(const struct gev_http *x)
{
    return x->head.query.len ? gev__http_head_str(&x->head, x->head.query) : "";
}

const char *gev_http_host(struct gev_http *x)
{
    struct gev__http_span host = x->head.host;
    const char *p = gev__http_head_str(&x->head, host);

    if (host.len == 0) {
        return "";
    }
    if (p[host.len] == '\0') { /* a Host field */
        return p;
    }
    if (!x->host) {
        x->host = gev__arena_copy(&x->arena, p, host.len);
        if (!x->host) {
            errno = ENOMEM;
        }
    }
    return x->host;
}

int gev_http_minor(const struct gev_http *x)
{
    return x->head.minor;
}

const char *gev_http_header(const struct gev_http *x, const char *name)
{
    int i = gev__http_head_find(&x->head, name, 0);

    return i < 0 ? NULL : gev__http_head_str(&x->head, x->head.fields[i].value);
}

int gev_http_header_at(const struct gev_http *x, size_t i,
                       const char **ret_name, const char **ret_value)
{
    if (i >= x->head.n_fields) {
        return (int)gev__ret(-ENOENT);
    }
    if (ret_name) {
        *ret_name = gev__http_head_str(&x->head, x->head.fields[i].name);
    }
    if (ret_value) {
        *ret_value = gev__http_head_str(&x->head, x->head.fields[i].value);
    }
    return 0;
}

const struct sockaddr *gev_http_peer(const struct gev_http *x,
                                     socklen_t *ret_len)
{
    const struct gev__conn *net = gev__http_conn_net(x->c);

    if (ret_len) {
        *ret_len = net->peer_len;
    }
    return gev__conn_peer(net);
}

int64_t gev_http_length(const struct gev_http *x)
{
    return x->head.chunked ? -1 : x->head.content_length;
}
