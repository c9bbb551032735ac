/* SPDX-License-Identifier: MIT */
/*
 * Built without c-ares: gev_dns_use("ares") says so.
 */
#include <errno.h>

#include "net/dns.h"

const struct gev__resolver gev__resolver_ares = {.name = "ares"};

int gev__ares_set_servers(struct gev__dns *dns, const char *servers)
{
    (void)dns;
    (void)servers;
    return -ENOSYS;
}

void gev__ares_end(struct gev__dns *dns)
{
    (void)dns;
}

size_t gev__ares_channels(const struct gev__dns *dns)
{
    (void)dns;
    return 0;
}
