/* SPDX-License-Identifier: MIT */
/*
 * step1 - a greenlet is a function that runs beside others. While one waits,
 * the others go on; only one runs at a time.
 */
#include <stdio.h>

#include <gev.h>

static void *tell(void *arg)
{
    const char *name = arg;

    for (int i = 1; i <= 3; i++) {
        printf("%s %d\n", name, i);
        if (gev_yield() < 0) { /* the other one runs meanwhile */
            break;
        }
    }
    return NULL;
}

int main(void)
{
    static char tick_name[] = "tick", tock_name[] = "tock";
    struct gev_greenlet *tick = gev_spawn(tell, tick_name);
    struct gev_greenlet *tock = gev_spawn(tell, tock_name);

    if (!tick || !tock) {
        perror("step1");
        return 1;
    }
    puts("spawned: nothing has run yet");
    gev_join(tick, GEV_FOREVER);
    gev_join(tock, GEV_FOREVER);
    gev_unref(tick);
    gev_unref(tock);
    puts("both have ended");
    return 0;
}
