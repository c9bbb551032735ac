/* SPDX-License-Identifier: MIT */
/*
 * Redirects to the name with a "/" behind it, which mux and files have in common
 */
#include "http/redirect.h"

#include <stdbool.h>
#include <string.h>

int gev__http_add_slash(struct gev_http *x)
{
    const char *method = gev_http_method(x);
    const char *target = gev_http_target(x);
    const char *query = strchr(target, '?');
    size_t len = query ? (size_t)(query - target) : strlen(target);
    char *location = gev_http_alloc(x, strlen(target) + 2), *end;
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    if (!location) {
        return -1;
    }
    end = mempcpy(location, target, len);
    stpcpy(stpcpy(end, "/"), query ? query : "");
    return gev_http_redirect(x, is_get ? 301 : 308, location);
}
