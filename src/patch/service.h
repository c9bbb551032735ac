/* SPDX-License-Identifier: MIT */
/*
 * The names of libc's that may run a module of its name service (nsswitch.conf),
 * or that hold a lock of libc's while they wait: one line each.
 *
 * GEV__SERVICES(S, X) is S(X, result, name, parameters, arguments). names.h makes
 * names of them, service.c functions.
 */
#ifndef PATCH_SERVICE_H
#define PATCH_SERVICE_H

#include <aliases.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <pwd.h>
#include <rpc/netdb.h>
#include <shadow.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <syslog.h>
#include <unistd.h>
#include <wordexp.h>

/* What the functions that end in _r have in common. */
#define GEV__TO(type)     struct type *to, char *buf, size_t n, struct type **ret
#define GEV__TO_ERR(type) GEV__TO(type), int *err
#define GEV__TO_HERE      to, buf, n, ret
#define GEV__TO_HERE_ERR  GEV__TO_HERE, err
#define GEV__BY_NAME      const char *name
#define GEV__BY_NAME_OF   const char *name, const char *proto
#define GEV__BY_PORT_OF   int port, const char *proto

/* passwd, shadow */
#define GEV__SERVICES_USERS(S, X)                                              \
    S(X, struct passwd *, getpwnam, (GEV__BY_NAME), (name))                    \
    S(X, int, getpwnam_r, (GEV__BY_NAME, GEV__TO(passwd)),                     \
      (name, GEV__TO_HERE))                                                    \
    S(X, struct passwd *, getpwuid, (uid_t id), (id))                          \
    S(X, int, getpwuid_r, (uid_t id, GEV__TO(passwd)), (id, GEV__TO_HERE))     \
    S(X, struct passwd *, getpwent, (void), ())                                \
    S(X, int, getpwent_r, (GEV__TO(passwd)), (GEV__TO_HERE))                   \
    S(X, void, setpwent, (void), ())                                           \
    S(X, void, endpwent, (void), ())                                           \
    S(X, int, getpw, (uid_t id, char *buf), (id, buf))                         \
    S(X, char *, getlogin, (void), ())                                         \
    S(X, int, getlogin_r, (char *buf, size_t n), (buf, n))                     \
    S(X, int, __getlogin_r_chk, (char *buf, size_t n, size_t size),            \
      (buf, n, size))                                                          \
    S(X, char *, cuserid, (char *buf), (buf))                                  \
    S(X, struct spwd *, getspnam, (GEV__BY_NAME), (name))                      \
    S(X, int, getspnam_r, (GEV__BY_NAME, GEV__TO(spwd)), (name, GEV__TO_HERE)) \
    S(X, struct spwd *, getspent, (void), ())                                  \
    S(X, int, getspent_r, (GEV__TO(spwd)), (GEV__TO_HERE))                     \
    S(X, void, setspent, (void), ())                                           \
    S(X, void, endspent, (void), ())

/* group, gshadow, initgroups */
#define GEV__SERVICES_GROUPS(S, X)                                             \
    S(X, struct group *, getgrnam, (GEV__BY_NAME), (name))                     \
    S(X, int, getgrnam_r, (GEV__BY_NAME, GEV__TO(group)),                      \
      (name, GEV__TO_HERE))                                                    \
    S(X, struct group *, getgrgid, (gid_t id), (id))                           \
    S(X, int, getgrgid_r, (gid_t id, GEV__TO(group)), (id, GEV__TO_HERE))      \
    S(X, struct group *, getgrent, (void), ())                                 \
    S(X, int, getgrent_r, (GEV__TO(group)), (GEV__TO_HERE))                    \
    S(X, void, setgrent, (void), ())                                           \
    S(X, void, endgrent, (void), ())                                           \
    S(X, struct sgrp *, getsgnam, (GEV__BY_NAME), (name))                      \
    S(X, int, getsgnam_r, (GEV__BY_NAME, GEV__TO(sgrp)), (name, GEV__TO_HERE)) \
    S(X, struct sgrp *, getsgent, (void), ())                                  \
    S(X, int, getsgent_r, (GEV__TO(sgrp)), (GEV__TO_HERE))                     \
    S(X, void, setsgent, (void), ())                                           \
    S(X, void, endsgent, (void), ())                                           \
    S(X, int, getgrouplist, (const char *user, gid_t id, gid_t *to, int *n),   \
      (user, id, to, n))                                                       \
    S(X, int, initgroups, (const char *user, gid_t id), (user, id))

/* services, protocols, networks, hosts, rpc, ethers */
#define GEV__SERVICES_NETS(S, X)                                               \
    S(X, struct servent *, getservbyname, (GEV__BY_NAME_OF), (name, proto))    \
    S(X, int, getservbyname_r, (GEV__BY_NAME_OF, GEV__TO(servent)),            \
      (name, proto, GEV__TO_HERE))                                             \
    S(X, struct servent *, getservbyport, (GEV__BY_PORT_OF), (port, proto))    \
    S(X, int, getservbyport_r, (GEV__BY_PORT_OF, GEV__TO(servent)),            \
      (port, proto, GEV__TO_HERE))                                             \
    S(X, struct servent *, getservent, (void), ())                             \
    S(X, int, getservent_r, (GEV__TO(servent)), (GEV__TO_HERE))                \
    S(X, void, setservent, (int stay), (stay))                                 \
    S(X, void, endservent, (void), ())                                         \
    S(X, struct protoent *, getprotobyname, (GEV__BY_NAME), (name))            \
    S(X, int, getprotobyname_r, (GEV__BY_NAME, GEV__TO(protoent)),             \
      (name, GEV__TO_HERE))                                                    \
    S(X, struct protoent *, getprotobynumber, (int id), (id))                  \
    S(X, int, getprotobynumber_r, (int id, GEV__TO(protoent)),                 \
      (id, GEV__TO_HERE))                                                      \
    S(X, struct protoent *, getprotoent, (void), ())                           \
    S(X, int, getprotoent_r, (GEV__TO(protoent)), (GEV__TO_HERE))              \
    S(X, void, setprotoent, (int stay), (stay))                                \
    S(X, void, endprotoent, (void), ())                                        \
    S(X, struct netent *, getnetbyname, (GEV__BY_NAME), (name))                \
    S(X, int, getnetbyname_r, (GEV__BY_NAME, GEV__TO_ERR(netent)),             \
      (name, GEV__TO_HERE_ERR))                                                \
    S(X, struct netent *, getnetbyaddr, (uint32_t net, int type), (net, type)) \
    S(X, int, getnetbyaddr_r, (uint32_t net, int type, GEV__TO_ERR(netent)),   \
      (net, type, GEV__TO_HERE_ERR))                                           \
    S(X, struct netent *, getnetent, (void), ())                               \
    S(X, int, getnetent_r, (GEV__TO_ERR(netent)), (GEV__TO_HERE_ERR))          \
    S(X, void, setnetent, (int stay), (stay))                                  \
    S(X, void, endnetent, (void), ())                                          \
    S(X, struct hostent *, gethostent, (void), ())                             \
    S(X, int, gethostent_r, (GEV__TO_ERR(hostent)), (GEV__TO_HERE_ERR))        \
    S(X, void, sethostent, (int stay), (stay))                                 \
    S(X, void, endhostent, (void), ())                                         \
    S(X, long, gethostid, (void), ())                                          \
    S(X, struct rpcent *, getrpcbyname, (GEV__BY_NAME), (name))                \
    S(X, int, getrpcbyname_r, (GEV__BY_NAME, GEV__TO(rpcent)),                 \
      (name, GEV__TO_HERE))                                                    \
    S(X, struct rpcent *, getrpcbynumber, (int id), (id))                      \
    S(X, int, getrpcbynumber_r, (int id, GEV__TO(rpcent)), (id, GEV__TO_HERE)) \
    S(X, struct rpcent *, getrpcent, (void), ())                               \
    S(X, int, getrpcent_r, (GEV__TO(rpcent)), (GEV__TO_HERE))                  \
    S(X, void, setrpcent, (int stay), (stay))                                  \
    S(X, void, endrpcent, (void), ())                                          \
    S(X, int, ether_ntohost, (char *host, const struct ether_addr *addr),      \
      (host, addr))                                                            \
    S(X, int, ether_hostton, (const char *host, struct ether_addr *addr),      \
      (host, addr))

/* netgroup, aliases; ~user in wordexp; what syslog locks */
#define GEV__SERVICES_OTHERS(S, X)                                             \
    S(X, int, setnetgrent, (const char *group), (group))                       \
    S(X, void, endnetgrent, (void), ())                                        \
    S(X, int, getnetgrent, (char **host, char **user, char **domain),          \
      (host, user, domain))                                                    \
    S(X, int, getnetgrent_r,                                                   \
      (char **host, char **user, char **domain, char *buf, size_t n),          \
      (host, user, domain, buf, n))                                            \
    S(X, int, innetgr,                                                         \
      (const char *group, const char *host, const char *user,                  \
       const char *domain),                                                    \
      (group, host, user, domain))                                             \
    S(X, struct aliasent *, getaliasbyname, (GEV__BY_NAME), (name))            \
    S(X, int, getaliasbyname_r, (GEV__BY_NAME, GEV__TO(aliasent)),             \
      (name, GEV__TO_HERE))                                                    \
    S(X, struct aliasent *, getaliasent, (void), ())                           \
    S(X, int, getaliasent_r, (GEV__TO(aliasent)), (GEV__TO_HERE))              \
    S(X, void, setaliasent, (void), ())                                        \
    S(X, void, endaliasent, (void), ())                                        \
    S(X, int, wordexp, (const char *words, wordexp_t *to, int flags),          \
      (words, to, flags))                                                      \
    S(X, void, openlog, (const char *name, int option, int facility),          \
      (name, option, facility))                                                \
    S(X, void, closelog, (void), ())                                           \
    S(X, void, vsyslog, (int priority, const char *fmt, va_list ap),           \
      (priority, fmt, ap))                                                     \
    S(X, void, __vsyslog_chk,                                                  \
      (int priority, int flag, const char *fmt, va_list ap),                   \
      (priority, flag, fmt, ap))

#define GEV__SERVICES(S, X)                                                    \
    GEV__SERVICES_USERS(S, X)                                                  \
    GEV__SERVICES_GROUPS(S, X)                                                 \
    GEV__SERVICES_NETS(S, X)                                                   \
    GEV__SERVICES_OTHERS(S, X)

/* These have arguments that are passed on as a va_list. */
#define GEV__SERVICES_VARIADIC(X)                                              \
    X(nss, void, syslog, (int, const char *, ...))                             \
    X(nss, void, __syslog_chk, (int, int, const char *, ...))

/* What _FORTIFY_SOURCE makes of the plain names; no header declares them here. */
int __getlogin_r_chk(char *buf, size_t n, size_t size);
void __syslog_chk(int priority, int flag, const char *fmt, ...);
void __vsyslog_chk(int priority, int flag, const char *fmt, va_list ap);

#endif
