/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the differential program share.
 */
#ifndef TESTS_PATCH_DIFFERENTIAL_H
#define TESTS_PATCH_DIFFERENTIAL_H

#include <netinet/in.h>
#include <stddef.h>
#include <unistd.h>

#define DELAY 60 /* ms before a child acts */
#define LONG  40 /* ms from which on a call has taken its time */
#define BIG   (1 << 20)

extern char buf[BIG], big[BIG];

/* Calls, and prints what came of it. */
#define SHOW(call)                                                             \
    do {                                                                       \
        start();                                                               \
        long shown = (long)(call);                                             \
        show(#call, shown);                                                    \
    } while (0)

/* In a child, after a while. */
#define LATER(action)                                                          \
    do {                                                                       \
        if (fork() == 0) {                                                     \
            pause_ms(DELAY);                                                   \
            action;                                                            \
            _exit(0);                                                          \
        }                                                                      \
    } while (0)

void start(void);
void show(const char *what, long r);
void pause_ms(int ms);
void reap(void);
void show_bytes(long n);
void fresh(void);
int listener(struct sockaddr_in *sa);
void tcp_pair(int fds[2]);
void udp_pair(int fds[2]);
void unix_pair(int type, int fds[2]);
void tty_pair(int fds[2]);
void close_both(const int fds[2]);
void drain(int fd, size_t want);

void stream_pair(int fds[2]);
void test_pipe(void);
void test_stream(void (*make)(int fds[2]));
void test_dgram(int fds[2]);
void test_seqpacket(void);
void test_tty(void);
void test_files(void);
void test_connect(void);
void test_full_backlog(void);
void test_poll(void);
void test_select(void);
void test_epoll(void);
void test_sleep(void);
void test_names(void);
void test_processes(void);
void test_descriptors(void);
void test_forms(void);
void test_service(void);
void test_attacks(void);
void test_handlers(void);
void test_interrupted(void);
void test_masked(void);

#endif
