/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo, getnameinfo, gethostbyname and their relatives
 *
 * The first two are the hub's resolver's (gev/dns.h). The others fill a caller's
 * buffer with pointers into itself, which a thread must not do while the caller's
 * stack may be elsewhere: libc's function runs in a thread with a copy of the
 * buffer, and the result is moved into the caller's, pointers and all.
 *
 * Failure modes
 *   killed, out of time   TRY_AGAIN; what the thread finds is lost
 *   no thread, no memory  TRY_AGAIN, ENOMEM
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gev/dns.h>
#include <gev/offload.h>

#include "patch/guard.h"
#include "patch/real.h"

/* Libc's function, called by a greenlet that GEV_PATCH makes wait for it: modules
   of the name service run here. */
#define IN_LINE(name, ...)                                                     \
    __extension__({                                                            \
        GEV__IN_NSS;                                                           \
        GEV__REAL(name)(__VA_ARGS__);                                          \
    })

#define STATIC_ROOM 8192 /* libc's own begins with 1024 and grows */

GEV__INTERPOSED int getaddrinfo(const char *node, const char *service,
                                const struct addrinfo *hints,
                                struct addrinfo **ret)
{
    int go = GEV__GUARD(dns, getaddrinfo);

    if (go != GEV__COOPERATE) {
        return go < 0 ? EAI_SYSTEM
                      : IN_LINE(getaddrinfo, node, service, hints, ret);
    }
    gev__count_waited(GEV__N_getaddrinfo);
    /* Its list is made as libc's is: freeaddrinfo(3) frees it. */
    return gev_getaddrinfo(node, service, hints, ret);
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED int getnameinfo(const struct sockaddr *sa, socklen_t sa_len,
                                char *host, socklen_t host_len, char *serv,
                                socklen_t serv_len, int flags)
{
    int go = GEV__GUARD(dns, getnameinfo);

    if (go != GEV__COOPERATE) {
        return go < 0 ? EAI_SYSTEM
                      : IN_LINE(getnameinfo, sa, sa_len, host, host_len, serv,
                                serv_len, flags);
    }
    gev__count_waited(GEV__N_getnameinfo);
    return gev_getnameinfo(sa, sa_len, host, host_len, serv, serv_len, flags);
}

/* A look-up in a thread. gev_offload() copies it there and back, so the thread's
   pointers are off by as much as its copy is from ours. */
struct job {
    bool by_addr;           /* gethostbyaddr_r(), not gethostbyname2_r() */
    int family;             /* ANY_FAMILY: gethostbyname_r() */
    int rc;                 /* what the function returned */
    int h_err;              /* and its h_errno */
    size_t len;             /* of the buffer */
    size_t key_size;        /* of the question, which follows the buffer */
    const char *base;       /* of the buffer in the thread's copy */
    bool found;             /* @host is an answer */
    struct hostent host;    /* pointing into the thread's buffer */
    _Alignas(8) char buf[]; /* a pointer is aligned here as in the caller's */
};

#define ANY_FAMILY (-1)

static void look_up(void *io)
{
    struct job *j = io;
    struct hostent *found = NULL;
    char *key = j->buf + j->len;

    if (j->by_addr) {
        j->rc = GEV__REAL(gethostbyaddr_r)(key, (socklen_t)j->key_size,
                                           j->family, &j->host, j->buf, j->len,
                                           &found, &j->h_err);
    } else if (j->family == ANY_FAMILY) {
        j->rc = GEV__REAL(gethostbyname_r)(key, &j->host, j->buf, j->len,
                                           &found, &j->h_err);
    } else {
        j->rc = GEV__REAL(gethostbyname2_r)(key, j->family, &j->host, j->buf,
                                            j->len, &found, &j->h_err);
    }
    j->base = j->buf;
    j->found = found != NULL;
}

/* What is asked. */
struct question {
    const void *key;
    size_t key_size;
    int family;
    bool by_addr;
};

/* Where a caller wants the answer. */
struct place {
    struct hostent *host;
    char *buf;
    size_t len;
};

static void *moved(const struct job *j, const void *p, char *buf)
{
    return p ? buf + ((const char *)p - j->base) : NULL;
}

static void move_list(const struct job *j, char **list, char *buf)
{
    for (; list && *list; list++) {
        *list = moved(j, *list, buf);
    }
}

static void move_answer(const struct job *j, const struct place *to, size_t pad)
{
    char *buf = to->buf + pad;

    memcpy(buf, j->buf, j->len);
    *to->host = j->host;
    to->host->h_name = moved(j, j->host.h_name, buf);
    to->host->h_aliases = moved(j, j->host.h_aliases, buf);
    to->host->h_addr_list = moved(j, j->host.h_addr_list, buf);
    move_list(j, to->host->h_aliases, buf);
    move_list(j, to->host->h_addr_list, buf);
}

/* As the gethostby…_r() functions. */
static int ask(const struct question *q, const struct place *to,
               struct hostent **result, int *h_err)
{
    size_t pad = -(uintptr_t)to->buf % sizeof(char *), size;
    struct job *j;
    int rc;

    *result = NULL;
    if (to->len < pad) {
        return ERANGE;
    }
    size = sizeof *j + (to->len - pad) + q->key_size;
    j = calloc(1, size);
    *h_err = TRY_AGAIN;
    if (!j) {
        return ENOMEM;
    }
    j->by_addr = q->by_addr;
    j->family = q->family;
    j->len = to->len - pad;
    j->key_size = q->key_size;
    memcpy(j->buf + j->len, q->key, q->key_size);
    if (gev_offload(look_up, j, size) < 0) {
        free(j);
        return errno;
    }
    rc = j->rc;
    *h_err = j->h_err;
    if (j->found) {
        move_answer(j, to, pad);
        *result = to->host;
    }
    free(j);
    if (rc) {
        errno = rc;
    }
    return rc;
}

/* For the functions that give a pointer to memory of their own: valid until the
   next one ends. While one waits others may end, so each has a buffer of its own
   until then. */
static struct hostent *ask_static(const struct question *q)
{
    static _Thread_local struct hostent host;
    static _Thread_local char *kept;
    struct place to = {.host = &host, .len = STATIC_ROOM / 2};
    struct hostent *found = NULL;
    int rc = ERANGE;

    while (rc == ERANGE) {
        free(to.buf);
        to.len *= 2;
        to.buf = malloc(to.len);
        rc = to.buf ? ask(q, &to, &found, &h_errno) : ENOMEM;
    }
    if (!to.buf) {
        h_errno = TRY_AGAIN;
    }
    if (found) {
        free(kept);
        kept = to.buf;
    } else {
        free(to.buf);
    }
    if (rc) {
        errno = rc;
    }
    return found;
}

static struct question of_name(const char *name, int family)
{
    return (struct question){
        .key = name, .key_size = strlen(name) + 1, .family = family};
}

/* A killed greenlet's look-up. */
static struct hostent *fail(void)
{
    h_errno = TRY_AGAIN;
    return NULL;
}

GEV__INTERPOSED struct hostent *gethostbyname(const char *name)
{
    int go = GEV__GUARD(dns, gethostbyname);

    if (go != GEV__COOPERATE) {
        return go < 0 ? fail() : IN_LINE(gethostbyname, name);
    }
    gev__count_waited(GEV__N_gethostbyname);
    struct question q = of_name(name, ANY_FAMILY);
    return ask_static(&q);
}

GEV__INTERPOSED struct hostent *gethostbyname2(const char *name, int family)
{
    int go = GEV__GUARD(dns, gethostbyname2);

    if (go != GEV__COOPERATE) {
        return go < 0 ? fail() : IN_LINE(gethostbyname2, name, family);
    }
    gev__count_waited(GEV__N_gethostbyname2);
    struct question q = of_name(name, family);
    return ask_static(&q);
}

GEV__INTERPOSED struct hostent *gethostbyaddr(const void *addr, socklen_t len,
                                              int family)
{
    int go = GEV__GUARD(dns, gethostbyaddr);

    if (go != GEV__COOPERATE) {
        return go < 0 ? fail() : IN_LINE(gethostbyaddr, addr, len, family);
    }
    gev__count_waited(GEV__N_gethostbyaddr);
    struct question q = {
        .key = addr, .key_size = len, .family = family, .by_addr = true};
    return ask_static(&q);
}

/* A killed greenlet's. */
static int fail_r(struct hostent **result, int *h_err)
{
    *result = NULL;
    *h_err = TRY_AGAIN;
    return errno;
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED int gethostbyname_r(const char *name, struct hostent *ret,
                                    char *buf, size_t len,
                                    struct hostent **result, int *h_err)
{
    int go = GEV__GUARD(dns, gethostbyname_r);
    struct place to = {.host = ret, .buf = buf, .len = len};

    if (go < 0) {
        return fail_r(result, h_err);
    }
    if (go == GEV__PASS) {
        return IN_LINE(gethostbyname_r, name, ret, buf, len, result, h_err);
    }
    gev__count_waited(GEV__N_gethostbyname_r);
    struct question q = of_name(name, ANY_FAMILY);
    return ask(&q, &to, result, h_err);
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED int gethostbyname2_r(const char *name, int family,
                                     struct hostent *ret, char *buf, size_t len,
                                     struct hostent **result, int *h_err)
{
    int go = GEV__GUARD(dns, gethostbyname2_r);
    struct place to = {.host = ret, .buf = buf, .len = len};

    if (go < 0) {
        return fail_r(result, h_err);
    }
    if (go == GEV__PASS) {
        return IN_LINE(gethostbyname2_r, name, family, ret, buf, len, result,
                       h_err);
    }
    gev__count_waited(GEV__N_gethostbyname2_r);
    struct question q = of_name(name, family);
    return ask(&q, &to, result, h_err);
}

/* NOLINTNEXTLINE(readability-function-size): libc's parameters */
GEV__INTERPOSED int gethostbyaddr_r(const void *addr, socklen_t addr_len,
                                    int family, struct hostent *ret, char *buf,
                                    size_t len, struct hostent **result,
                                    int *h_err)
{
    int go = GEV__GUARD(dns, gethostbyaddr_r);
    struct place to = {.host = ret, .buf = buf, .len = len};

    if (go < 0) {
        return fail_r(result, h_err);
    }
    if (go == GEV__PASS) {
        return IN_LINE(gethostbyaddr_r, addr, addr_len, family, ret, buf, len,
                       result, h_err);
    }
    gev__count_waited(GEV__N_gethostbyaddr_r);
    struct question q = {
        .key = addr, .key_size = addr_len, .family = family, .by_addr = true};
    return ask(&q, &to, result, h_err);
}
