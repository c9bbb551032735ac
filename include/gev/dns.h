/* SPDX-License-Identifier: MIT */
/*
 * gev/dns.h - names and addresses, looked up while others run
 *
 * The calls of <netdb.h> with gev_ in front; their results and error codes are
 * libc's. Who does the work is chosen by GEV_DNS or gev_dns_use(), per thread:
 *
 *   thread  the default: libc's own functions, in threads of gev/offload.h. All
 *           that nsswitch.conf says is honoured. As many look-ups at once as
 *           there are threads (10)
 *   ares    c-ares, if it was built in: /etc/hosts and DNS, without threads, any
 *           number at once
 *   block   libc's own functions, at once: all greenlets wait
 *
 * Numeric addresses are converted at once, whoever it is. Equal look-ups under
 * way at the same time are made once.
 *
 *   if ((rc = gev_getaddrinfo("example.org", "443", &hints, &list)) != 0)
 *       fail(rc == EAI_SYSTEM ? gev_strerror(errno) : gai_strerror(rc));
 *
 * To connect to a name see gev_dial().
 */
#ifndef GEV_DNS_H
#define GEV_DNS_H

#include <netdb.h>
#include <sys/socket.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

struct addrinfo; /* strict C has none in <netdb.h> */

/**
 * gev_getaddrinfo() - getaddrinfo(3)
 * @node:    name, numeric address (with a scope: "fe80::1%eth0") or NULL
 * @service: name, port number or NULL; not both NULL
 * @hints:   as getaddrinfo(3), or NULL
 * @ret:     the list, to be freed with gev_freeaddrinfo()
 *
 * Switches:  unless @node is numeric or NULL and @service a number or NULL, or
 *            the answer is in the cache
 * Context:   any greenlet, not the hub
 * Return:    0 or an EAI_ code for gai_strerror(3). EAI_SYSTEM with errno set
 *            stands for the five errors in gev.h, EAGAIN (no thread: see
 *            gev_offload()), and what libc says so
 * See:       getaddrinfo(3); gevent.socket.getaddrinfo()
 */
GEV_API int gev_getaddrinfo(const char *node, const char *service,
                            const struct addrinfo *hints,
                            struct addrinfo **ret);

/**
 * gev_freeaddrinfo() - free what gev_getaddrinfo() gave
 * @list: the list, or NULL
 */
GEV_API void gev_freeaddrinfo(struct addrinfo *list);

/**
 * gev_getnameinfo() - getnameinfo(3)
 *
 * Switches:  unless @flags ask for numbers only
 * Context:   any greenlet, not the hub
 * Return:    as gev_getaddrinfo(); EAI_OVERFLOW when a buffer is too small
 */
GEV_API int gev_getnameinfo(const struct sockaddr *sa, socklen_t sa_len,
                            char *host, socklen_t host_len, char *serv,
                            socklen_t serv_len, int flags);

/**
 * gev_dns_use() - choose who looks names up for this thread
 * @resolver: "thread", "ares" or "block"
 *
 * At first it is what the environment variable GEV_DNS says, or "thread".
 * Look-ups under way end where they began.
 *
 * Switches:  never
 * Return:    0, or -1 with errno set:
 *              EINVAL  no such resolver
 *              ENOSYS  gev was built without c-ares
 *              ENOMEM  no memory
 */
GEV_API int gev_dns_use(const char *resolver);

/**
 * gev_dns_set_servers() - the servers that "ares" asks, for this thread
 * @servers: "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", several with
 *           commas between; NULL for the system's (resolv.conf), as at first
 *
 * It does not choose "ares". Look-ups under way go on with the former ones. What
 * is in the cache is forgotten.
 *
 * Switches:  never
 * Return:    0, or -1 with errno set: EINVAL (it does not parse), ENOSYS, ENOMEM
 */
GEV_API int gev_dns_set_servers(const char *servers);

/**
 * gev_dns_set_cache() - keep answers of this thread's look-ups of names
 * @max:  answers kept; the one that was not used for longest makes room. 0, as
 *        at first: none is kept, and those that are go
 * @secs: how long at most; "ares" keeps them for their TTL if that is shorter
 *
 * Only addresses are kept, not that there are none.
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL (negative, NaN), ENOMEM
 */
GEV_API int gev_dns_set_cache(size_t max, double secs);

/**
 * struct gev_dns_stats - this thread's look-ups; grows at its end only
 */
struct gev_dns_stats {
    uint64_t calls;    /* of gev_getaddrinfo(), numeric ones left out */
    uint64_t asked;    /* of these, for which a resolver was asked */
    uint64_t joined;   /* of these, that joined one under way */
    uint64_t cached;   /* of these, answered by the cache */
    size_t under_way;  /* names being looked up now */
    size_t in_cache;   /* answers kept now */
    size_t n_channels; /* "ares": sockets' owners in use now */
};

/**
 * gev_dns_stats() - read them
 * @ret:  filled in
 * @size: sizeof(struct gev_dns_stats) as the caller knows it
 *
 * Switches:  never
 * Return:    0, or -1 with errno EINVAL, ENOMEM
 */
GEV_API int gev_dns_stats(struct gev_dns_stats *ret, size_t size);

GEV_END_DECLS

#endif
