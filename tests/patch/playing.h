/* SPDX-License-Identifier: MIT */
/*
 * Rounds: a greenlet makes a call, something fails, and a thread without a hub acts
 * as the peer as soon as somebody waits or something has failed.
 */
#ifndef TESTS_PATCH_PLAYING_H
#define TESTS_PATCH_PLAYING_H

#include <stdbool.h>
#include <stddef.h>

#include "faults.h"

#define BIG (1 << 20)

extern char out[BIG], in[BIG]; /* what is sent, what arrives */
extern int fds[2];             /* the call's end, the peer's */

/* A call, who helps it to its end, and what it must give. */
struct op {
    const char *name;
    void (*make)(int fds[2]);
    long (*call)(void);
    void (*peer)(void);
    long want;
    size_t n_bytes; /* that must have arrived in @in, as in @out */
};

/**
 * struct round - one call with one fault
 */
struct round {
    const struct op *op;
    enum faults_of of; /* see faults_arm() */
    int one;           /* likewise */
    int error;         /* likewise */
    bool sticky;       /* likewise */
    bool may_fail;     /* -1 with @error, or a part, will do */
    long k;            /* likewise */
    long result;       /* what the call gave */
    int err;           /* and its errno */
    long fired;        /* calls that failed */
};

/**
 * play_init() - once, before all
 */
int play_init(void);

/**
 * play_one() - one of them
 */
void play_one(struct round *r);

/**
 * play_all() - rounds with k from 1 until nothing fails any more
 */
void play_all(struct round *r);

/* Each of these, once with one failure and once with all from some point on. */
void play(const struct op *ops, size_t n, enum faults_of last);

void unix_stream(int pair[2]);
void unix_dgram(int pair[2]);
void tcp(int pair[2]);
void pipe_to_read(int pair[2]);
void pipe_to_write(int pair[2]);

#endif
