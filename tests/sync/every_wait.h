/* SPDX-License-Identifier: MIT */
/*
 * A table of every public call that may wait, so that each can be killed, run
 * out of time and out of memory by the same tests
 *
 * A new blocking call gets a row in one of the tables; tools/check_waits.py
 * fails until it has one.
 */
#ifndef TESTS_SYNC_EVERY_WAIT_H
#define TESTS_SYNC_EVERY_WAIT_H

#include <stdbool.h>

#include <gev.h>

/**
 * struct wait_row - one blocking call
 *
 * Objects are the row's own statics. begin, feed and end run on main.
 */
struct wait_row {
    const char *name;             /* of the call */
    bool timed;                   /* it has a time limit of its own */
    void (*begin)(void);          /* make objects such that the call waits */
    long (*call)(double timeout); /* make it; -1 with errno when it fails */
    void (*feed)(void);           /* let one that waits now succeed */
    void (*end)(void);            /* free the objects */
};

/* A row for a call named gev_NAME, with functions NAME_call and so on. */
#define WAIT_ROW(name, timed, begin, feed, end)                                \
    {                                                                          \
        "gev_" #name, timed, begin, name##_call, feed, end                     \
    }

/* Each ends with a row without a name. */
extern const struct wait_row waits_of_hub[];
extern const struct wait_row waits_of_sync[];
extern const struct wait_row waits_of_queue[];
extern const struct wait_row waits_of_net[];
extern const struct wait_row waits_of_conn[];
extern const struct wait_row waits_of_thread[];

#endif
