/* SPDX-License-Identifier: MIT */
/*
 * Two connections with something between them: who feeds the one, who reads the
 * other, and what is checked in the end
 *
 *    feeder -> a[0] ===== a[1] -> relay -> b[0] ===== b[1] -> reader
 */
#ifndef TESTS_NET_RELAYING_H
#define TESTS_NET_RELAYING_H

#include "run.h"

#include <sys/socket.h>

#include "net/bufpool.h"
#include "net/pipepool.h"
#include "support/fault.h"
#include "support/proc.h"
#include "support/sock.h"

enum { ALL = 3000000, PIECE = 50000 };

static int a[2], b[2];

static inline char byte_at(size_t i)
{
    return (char)(i * 7 + i / 251);
}

/* Writes j->len bytes and ends. */
static inline long job_feed(struct job *j)
{
    char *buf = malloc(PIECE);
    size_t done = 0;

    while (buf && done < j->len) {
        size_t n = j->len - done < PIECE ? j->len - done : PIECE;
        for (size_t i = 0; i < n; i++) {
            buf[i] = byte_at(done + i);
        }
        ssize_t r = gev_writeall(j->fd, buf, n);
        if (r < 0) {
            break;
        }
        done += (size_t)r;
    }
    free(buf);
    if (gev_shutdown_fd(j->fd, SHUT_WR) < 0) {
        gev_close(j->fd); /* a pipe */
    }
    return (long)done;
}

/* Reads to the end. How many bytes were right. */
static inline long job_drink(struct job *j)
{
    char *buf = malloc(PIECE);
    long done = 0;
    ssize_t n = -1;

    while (buf && (n = gev_read(j->fd, buf, PIECE)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            done += buf[i] == byte_at((size_t)done);
        }
    }
    free(buf);
    return n < 0 ? -1 : done;
}

static uint64_t moved;

static inline long job_relay(struct job *j)
{
    return gev_relay(a[1], b[0], (unsigned)j->flags, &moved);
}

static inline void close_all(void)
{
    close_pair(a);
    close_pair(b);
}

static inline void assert_nothing_held(void)
{
    struct gev__bufpool_stats st;

    gev__bufpool_stats(&st);
    assert_int_equal(st.in_use, 0);
}

/* How many descriptors are open besides the pipes that are kept. */
static inline int n_fds(void)
{
    return proc_n_fds() - 2 * (int)gev__pipe_count();
}

/* A descriptor whose peer takes nothing more. */
static inline void small_buffers(int fd)
{
    int size = 4096;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size),
                     0);
}

#endif
