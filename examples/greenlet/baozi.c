/* SPDX-License-Identifier: MIT */
/*
 * baozi - a producer makes five steamed buns, a consumer eats each while it is
 * hot. A switch hands over a value: here the number of the bun.
 */
#include <stdint.h>
#include <stdio.h>

#include <gev/greenlet.h>

#define N_BAOZI 5

static struct gev_greenlet *producer, *consumer;

static void *produce(void *value)
{
    (void)value;
    for (intptr_t i = 1; i <= N_BAOZI; i++) {
        printf("producer: made baozi %d\n", (int)i);
        gev_switch(consumer, (void *)i, NULL);
    }
    return NULL; /* to the parent: main */
}

/* The first bun comes as the argument, the others out of gev_switch(), which
   fails when main drops this greenlet. */
static void *consume(void *baozi)
{
    do {
        printf("consumer: ate baozi %d\n", (int)(intptr_t)baozi);
    } while (gev_switch(producer, NULL, &baozi) == 0);
    return NULL;
}

int main(void)
{
    producer = gev_greenlet_new(produce, 0);
    consumer = gev_greenlet_new(consume, 0);
    if (!producer || !consumer || gev_switch(producer, NULL, NULL) < 0) {
        perror("baozi");
        return 1;
    }
    gev_unref(consumer);
    gev_unref(producer);
    return 0;
}
