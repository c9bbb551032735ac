/* SPDX-License-Identifier: MIT */
/*
 * What the tests of gdb look at: greenlets parked in functions with names, one
 * that has written all over the run stack since, and at last a crash in one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev.h>

#define KEEP __attribute__((noinline))

static int fds[2];
static volatile int sum; /* keeps calls from becoming jumps */

KEEP static void read_in_the_middle(int number)
{
    char buf[4096]; /* dead while it waits */

    sum += (int)gev_read(fds[0], buf, sizeof buf) + number;
}

KEEP static void call_deeply(int depth, int number)
{
    if (depth > 0) {
        call_deeply(depth - 1, number + 1);
    } else {
        read_in_the_middle(number);
    }
    sum += number; /* so it is still known to the debugger */
}

KEEP static void *reader(void *arg)
{
    (void)gev_set_name(NULL, "reader");
    call_deeply(2, 4711);
    sum++;
    return arg;
}

KEEP static void *sleeper(void *arg)
{
    (void)gev_sleep(1000);
    sum++;
    return arg;
}

/* Leaves other bytes where the others' frames were, and stays there. */
KEEP static void *scribbler(void *arg)
{
    char buf[16384];

    memset(buf, 0x5a, sizeof buf);
    sum += buf[sum & 1023];
    (void)gev_sleep(1000);
    sum += buf[sum & 1023];
    return arg;
}

KEEP static void everything_is_parked(void)
{
    sum++;
}

KEEP static void crash(void)
{
    sum++;
    abort();
}

KEEP static void *crasher(void *arg)
{
    (void)gev_sleep(0.001);
    crash();
    return arg;
}

int main(void)
{
    if (pipe(fds) < 0 || gev_go(reader, NULL) < 0 ||
        !gev_spawn_private(sleeper, NULL, 65536) ||
        gev_go(scribbler, NULL) < 0) {
        return 1;
    }
    (void)gev_yield();
    everything_is_parked();
    (void)gev_go(crasher, NULL);
    (void)gev_go(sleeper, NULL);
    (void)gev_spawn_later(1000, sleeper, NULL);
    return gev_run(20) < 0;
}
