/* SPDX-License-Identifier: MIT */
/*
 * gev_serve: a whole server in one call, for programs that are nothing else
 */
#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

#include <gev/server.h>

#define GRACE 10.0 /* seconds for handlers after the first signal */

long gev_raise_fd_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return -1;
    }
    if (limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
            return -1;
        }
    }
    return limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
}

static int serve(struct gev_server *s, const char *addr)
{
    if (gev_server_listen(s, addr, 0, 0) < 0 ||
        gev_server_stop_on_signals(s, GRACE) < 0) {
        return -1;
    }
    return gev_server_run(s);
}

int gev_serve(const char *addr, gev_handler *handler, void *arg)
{
    int saved = errno, rc;
    struct gev_server *s = gev_server_new(handler, arg);

    if (!s) {
        return -1;
    }
    (void)gev_raise_fd_limit(); /* fewer connections at once, that is all */
    errno = saved;
    rc = serve(s, addr);
    gev_server_free(s); /* leaves errno alone */
    return rc;
}
