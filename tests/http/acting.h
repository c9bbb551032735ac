/* SPDX-License-Identifier: MIT */
/*
 * A handler that does what a test tells it, and stores what its calls gave
 */
#ifndef TESTS_HTTP_ACTING_H
#define TESTS_HTTP_ACTING_H

#include "serving.h"

/* What the handler is to do, and what its calls gave. */
static int (*act)(struct gev_http *x);
static struct outcome out[16];
static int n_out;

/* Stores what a call gave. */
static inline int keep(int r)
{
    if (n_out < 16) {
        out[n_out++] = (struct outcome){r, errno};
    }
    return r;
}

static inline int do_act(struct gev_http *x, void *arg)
{
    (void)arg;
    n_calls++;
    return act(x);
}

/* Has one request handled and hears the answer, to the end. */
static inline const char *answered(int (*fn)(struct gev_http *x),
                                   const char *request)
{
    struct gev_http_server *s = serve(do_act);

    act = fn;
    n_out = 0;
    ask(request);
    end(s);
    return got.text;
}

#endif
