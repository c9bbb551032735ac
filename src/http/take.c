/* SPDX-License-Identifier: MIT */
/*
 * What a handler may do with its exchange besides answering: memory, clean-up,
 * and leaving HTTP
 */
#include <errno.h>

#include <gev/greenlet.h>

#include "core/ret.h"
#include "http/clock.h"
#include "http/request_body.h"
#include "http/transport.h"

void *gev_http_alloc(struct gev_http *x, size_t n)
{
    void *p = gev__arena_alloc(&x->arena, n);

    if (!p) {
        errno = ENOMEM;
    }
    return p;
}

int gev_http_defer(struct gev_http *x, void (*fn)(void *arg), void *arg)
{
    if (!fn || gev_on_run_stack(arg)) {
        return (int)gev__ret(fn ? -EFAULT : -EINVAL);
    }
    return (int)gev__ret(gev__arena_defer(&x->arena, fn, arg));
}

int gev_http_take(struct gev_http *x, const struct gev_stream_ops **ret_ops,
                  void **ret_ctx, const void **ret_left, size_t *ret_n)
{
    int rc;

    if (!ret_ops || !ret_ctx || !ret_left || !ret_n) {
        return (int)gev__ret(-EINVAL);
    }
    if (x->re.stage != GEV__HTTP_NOTHING) {
        return (int)gev__ret(-EALREADY);
    }
    if (!gev__http_body_over(x)) {
        return (int)gev__ret(-EBUSY);
    }
    rc = gev__http_flush(x);
    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    x->re.stage = GEV__HTTP_TAKEN;
    x->re.code = 101;
    *ret_ops = x->c->ops;
    *ret_ctx = x->c->ctx;
    *ret_left = x->in.p + x->in.at;
    *ret_n = x->in.end - x->in.at;
    x->in.at = x->in.end;
    return 0;
}
