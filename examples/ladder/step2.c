/* SPDX-License-Identifier: MIT */
/*
 * step2 - how a greenlet ends: with a value, with an error, or killed. Whoever
 * joins it can ask.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <gev.h>

/* A value that outlives the greenlet is on the heap, never a local variable:
   its stack is gone by then. */
static void *square(void *arg)
{
    int n = *(const int *)arg; /* the copy that gev_spawn_copy() made */
    int *result = malloc(sizeof *result);

    if (n < 0 || !result) {
        free(result);
        return gev_fail(n < 0 ? EDOM : ENOMEM);
    }
    *result = n * n;
    return result;
}

static void say_goodbye(void *arg)
{
    printf("%s: cleaned up\n", (const char *)arg);
}

static void *sleep_long(void *arg)
{
    gev_defer(say_goodbye, arg); /* runs on every kind of end */
    if (gev_sleep(3600) < 0) {
        printf("%s: %s\n", (const char *)arg, gev_strerror(errno));
    }
    return NULL;
}

static void ask(int n)
{
    struct gev_greenlet *g = gev_spawn_copy(square, &n, sizeof n);

    if (!g || gev_join(g, GEV_FOREVER) < 0) {
        perror("step2");
        exit(1);
    }
    if (gev_error(g)) {
        printf("square of %d: %s\n", n, gev_strerror(gev_error(g)));
    } else {
        printf("square of %d: %d\n", n, *(int *)gev_value(g));
        free(gev_value(g));
    }
    gev_unref(g);
}

int main(void)
{
    static char name[] = "sleeper";
    struct gev_greenlet *sleeper = gev_spawn(sleep_long, name);

    ask(7);
    ask(-7);
    gev_kill(sleeper, GEV_FOREVER); /* its sleep fails, then it ends */
    gev_unref(sleeper);
    return 0;
}
