/* SPDX-License-Identifier: MIT */
/*
 * differential: libc's name service and log
 *
 * What the machine's files do not have is not found, in both runs alike.
 */
#include "differential.h"

#include <aliases.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <pwd.h>
#include <rpc/netdb.h>
#include <shadow.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <wordexp.h>

#define ROOM 65536

int __getlogin_r_chk(char *buf, size_t n, size_t size);
void __syslog_chk(int priority, int flag, const char *fmt, ...);
void __vsyslog_chk(int priority, int flag, const char *fmt, va_list ap);

/* Every entry begins with its name. */
static void show_entry(const char *what, const void *entry)
{
    show(what, entry != NULL);
    printf("  %s\n", entry ? *(char *const *)entry : "-");
}

/* name(key …) and name_r(key …). */
#define LOOK_UP(type, name, ...)                                               \
    do {                                                                       \
        struct type e, *p;                                                     \
        start();                                                               \
        p = name(__VA_ARGS__);                                                 \
        show_entry(#name "(" #__VA_ARGS__ ")", p);                             \
        p = NULL;                                                              \
        SHOW(name##_r(__VA_ARGS__, &e, buf, ROOM, &p));                        \
        show_entry("  found", p);                                              \
        SHOW(name##_r(__VA_ARGS__, &e, buf, 1, &p));                           \
    } while (0)

/* get…ent() and get…ent_r(), up to the end. */
#define WALK(type, what, ...)                                                  \
    do {                                                                       \
        struct type e, *p;                                                     \
        set##what(__VA_ARGS__);                                                \
        do {                                                                   \
            start();                                                           \
            show_entry("get" #what, p = get##what());                          \
        } while (p);                                                           \
        end##what();                                                           \
        set##what(__VA_ARGS__);                                                \
        p = NULL;                                                              \
        while (get##what##_r(&e, buf, ROOM, &p) == 0 && p) {                   \
            show_entry("get" #what "_r", p);                                   \
        }                                                                      \
        end##what();                                                           \
    } while (0)

/* The same where there is an h_errno, too. */
#define LOOK_UP_ERR(type, name, ...)                                           \
    do {                                                                       \
        struct type e, *p;                                                     \
        int h_err = 0;                                                         \
        start();                                                               \
        p = name(__VA_ARGS__);                                                 \
        show_entry(#name "(" #__VA_ARGS__ ")", p);                             \
        p = NULL;                                                              \
        SHOW(name##_r(__VA_ARGS__, &e, buf, ROOM, &p, &h_err));                \
        show_entry("  found", p);                                              \
        printf("  h_errno %d\n", h_err);                                       \
    } while (0)

#define WALK_ERR(type, what, ...)                                              \
    do {                                                                       \
        struct type e, *p;                                                     \
        int h_err;                                                             \
        set##what(__VA_ARGS__);                                                \
        do {                                                                   \
            start();                                                           \
            show_entry("get" #what, p = get##what());                          \
        } while (p);                                                           \
        end##what();                                                           \
        set##what(__VA_ARGS__);                                                \
        p = NULL;                                                              \
        while (get##what##_r(&e, buf, ROOM, &p, &h_err) == 0 && p) {           \
            show_entry("get" #what "_r", p);                                   \
        }                                                                      \
        end##what();                                                           \
    } while (0)

static void test_users(void)
{
    LOOK_UP(passwd, getpwnam, "root");
    LOOK_UP(passwd, getpwnam, "nobody-of-that-name");
    LOOK_UP(passwd, getpwuid, 0);
    LOOK_UP(passwd, getpwuid, 123456);
    WALK(passwd, pwent);
    /* By its address: linking the name gives a warning. */
    SHOW(((int (*)(uid_t, char *))dlsym(RTLD_DEFAULT, "getpw"))(0, buf));
    printf("  %.20s\n", buf);
    SHOW(getlogin() != NULL);
    SHOW(getlogin_r(buf, ROOM));
    SHOW(__getlogin_r_chk(buf, ROOM, ROOM));
    fresh();
    SHOW(cuserid(buf) == buf);
    printf("  %s\n", buf);
    LOOK_UP(spwd, getspnam, "root");
    WALK(spwd, spent);
}

static void test_groups(void)
{
    gid_t groups[64];
    int n = 64;

    LOOK_UP(group, getgrnam, "root");
    LOOK_UP(group, getgrnam, "nobody-of-that-name");
    LOOK_UP(group, getgrgid, 0);
    WALK(group, grent);
    LOOK_UP(sgrp, getsgnam, "root");
    WALK(sgrp, sgent);
    SHOW(getgrouplist("root", 7, groups, &n));
    SHOW(n);
    n = 0;
    SHOW(getgrouplist("root", 7, groups, &n));
    SHOW(n);
    if (fork() == 0) {
        SHOW(initgroups("root", 7));
        SHOW(getgroups(64, groups));
        _exit(0);
    }
    reap();
}

static void test_nets(void)
{
    struct ether_addr ether = {{2, 0, 0, 0, 0, 1}};

    LOOK_UP(servent, getservbyname, "http", "tcp");
    LOOK_UP(servent, getservbyname, "no-such-service", NULL);
    LOOK_UP(servent, getservbyport, htons(53), "udp");
    WALK(servent, servent, 0);
    LOOK_UP(protoent, getprotobyname, "tcp");
    LOOK_UP(protoent, getprotobynumber, 17);
    WALK(protoent, protoent, 1);
    LOOK_UP_ERR(netent, getnetbyname, "loopback");
    LOOK_UP_ERR(netent, getnetbyaddr, 127, AF_INET);
    WALK_ERR(netent, netent, 0);
    WALK_ERR(hostent, hostent, 0);
    SHOW(gethostid());
    LOOK_UP(rpcent, getrpcbyname, "portmapper");
    LOOK_UP(rpcent, getrpcbynumber, 100003);
    WALK(rpcent, rpcent, 0);
    SHOW(ether_ntohost(buf, &ether));
    SHOW(ether_hostton("no-such-host", &ether));
}

static void test_others(void)
{
    char *host, *user, *domain;
    wordexp_t words;

    SHOW(setnetgrent("no-such-group"));
    SHOW(getnetgrent(&host, &user, &domain));
    SHOW(getnetgrent_r(&host, &user, &domain, buf, ROOM));
    endnetgrent();
    SHOW(innetgr("no-such-group", "h", "u", "d"));
    LOOK_UP(aliasent, getaliasbyname, "postmaster");
    WALK(aliasent, aliasent);
    SHOW(wordexp("~root/x $(echo word) ~nobody-of-that-name", &words, 0));
    for (size_t i = 0; i < words.we_wordc; i++) {
        printf("  %s\n", words.we_wordv[i]);
    }
    wordfree(&words);
    SHOW(wordexp("(", &words, 0));
}

static void log_list(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsyslog(LOG_INFO, fmt, ap);
    va_end(ap);
    va_start(ap, fmt);
    __vsyslog_chk(LOG_INFO, 1, fmt, ap);
    va_end(ap);
}

/* A copy of each line goes to standard error, which is a pipe. */
static void test_syslog(void)
{
    int out = dup(STDERR_FILENO), pipes[2];

    pipe(pipes);
    dup2(pipes[1], STDERR_FILENO);
    openlog("differential", LOG_PERROR, LOG_USER);
    start();
    syslog(LOG_INFO, "plain %d %s", 1, "one");
    __syslog_chk(LOG_INFO, 1, "fortified %d %s", 2, "two");
    log_list("as a list %d %s", 3, "three");
    show("syslog", 0);
    closelog();
    dup2(out, STDERR_FILENO);
    close(pipes[1]);
    for (ssize_t n; (n = read(pipes[0], buf, ROOM)) > 0;) {
        printf("%.*s", (int)n, buf);
    }
    close(pipes[0]);
    close(out);
}

void test_service(void)
{
    test_users();
    test_groups();
    test_nets();
    test_others();
    test_syslog();
}
