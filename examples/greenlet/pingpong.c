/* SPDX-License-Identifier: MIT */
/*
 * pingpong - two greenlets that hand control to each other: greenlet's own
 * first example. No hub, no I/O: only the core.
 */
#include <stdio.h>

#include <gev/greenlet.h>

static struct gev_greenlet *t1, *t2;

static void *first(void *value)
{
    (void)value;
    printf("12\n");
    gev_switch(t2, NULL, NULL);
    printf("34\n");
    gev_switch(t2, NULL, NULL);
    return NULL; /* when main drops t1, which nobody resumes any more */
}

static void *second(void *value)
{
    (void)value;
    printf("56\n");
    gev_switch(t1, NULL, NULL);
    printf("78\n");
    return NULL; /* to the parent: main */
}

int main(void)
{
    t1 = gev_greenlet_new(first, 0);
    t2 = gev_greenlet_new(second, 0);
    if (!t1 || !t2 || gev_switch(t1, NULL, NULL) < 0) {
        perror("pingpong");
        return 1;
    }
    gev_unref(t1);
    gev_unref(t2);
    return 0;
}
