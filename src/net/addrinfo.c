/* SPDX-License-Identifier: MIT */
/*
 * Lists of addresses: copying them, and making them of numbers.
 *
 * What libc makes is copied and freed at once, so that there is one kind of list
 * and one way to free it.
 */
#include "net/addrinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <gev/dns.h>

void gev_freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;

        free(list->ai_canonname);
        free(list);
        list = next;
    }
}

bool gev__addrinfo_append(struct addrinfo ***end, const struct addrinfo *model,
                          const struct sockaddr *sa, socklen_t len)
{
    struct addrinfo *ai = malloc(sizeof *ai + len);

    if (!ai) {
        return false;
    }
    *ai = *model;
    ai->ai_next = NULL;
    ai->ai_canonname = NULL;
    ai->ai_addrlen = len;
    ai->ai_addr = (struct sockaddr *)(void *)(ai + 1);
    memcpy(ai->ai_addr, sa, len);
    if (model->ai_canonname) {
        ai->ai_canonname = strdup(model->ai_canonname);
        if (!ai->ai_canonname) {
            free(ai);
            return false;
        }
    }
    **end = ai;
    *end = &ai->ai_next;
    return true;
}

struct addrinfo *gev__addrinfo_copy(const struct addrinfo *list)
{
    struct addrinfo *copy = NULL, **end = &copy;

    for (; list; list = list->ai_next) {
        if (!gev__addrinfo_append(&end, list, list->ai_addr,
                                  list->ai_addrlen)) {
            gev_freeaddrinfo(copy);
            return NULL;
        }
    }
    return copy;
}

/* Whether a name might be an address: "1.2.3.4", "0x7f.1", "fe80::1%eth0". */
static bool may_be_address(const char *node)
{
    return (node[0] >= '0' && node[0] <= '9') || strchr(node, ':');
}

/* Whether a service needs no /etc/services, which may be slow to read. */
static bool is_port(const char *service)
{
    return service[strspn(service, "0123456789")] == 0;
}

int gev__addrinfo_numeric(const char *node, const char *service,
                          const struct addrinfo *hints, struct addrinfo **ret)
{
    struct addrinfo h = *hints;
    bool only = h.ai_flags & AI_NUMERICHOST;
    struct addrinfo *list;
    int rc;

    if ((node && !only && !may_be_address(node)) ||
        (service && !is_port(service))) {
        return GEV__NOT_NUMERIC;
    }
    h.ai_flags |= AI_NUMERICHOST;
    rc = getaddrinfo(node, service, &h, &list);
    if (rc == EAI_NONAME && node && !only) {
        return GEV__NOT_NUMERIC;
    }
    if (rc == 0) {
        *ret = gev__addrinfo_copy(list);
        freeaddrinfo(list);
        rc = *ret ? 0 : EAI_MEMORY;
        for (struct addrinfo *ai = *ret; ai; ai = ai->ai_next) {
            ai->ai_flags = hints->ai_flags; /* without what we added */
        }
    }
    return rc;
}
