/* SPDX-License-Identifier: MIT */
/*
 * producer - producers and consumers around a channel.
 *
 * Two producers send numbers, three consumers square and add them. The channel
 * holds four numbers: a producer that is ahead waits for the consumers. When
 * both producers have ended, main closes the channel; consumers take what is
 * left in it and end.
 *
 *   usage: producer [NUMBERS]      each producer sends so many; default 10
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <gev.h>

static struct gev_channel *numbers; /* of long */
static long n_numbers = 10;         /* from each producer */
static long total;                  /* sum of the squares */

static void *produce(void *arg)
{
    long first = (long)(intptr_t)arg;

    for (long i = first; i < first + n_numbers; i++) {
        if (gev_channel_send(numbers, &i, GEV_FOREVER) < 0) {
            return gev_fail(errno);
        }
    }
    printf("producer of %ld ... has ended\n", first);
    return NULL;
}

static void *consume(void *arg)
{
    long n = 0;
    long number;

    while (gev_channel_recv(numbers, &number, GEV_FOREVER) == 0) {
        total += number * number;
        n++;
        gev_yield(); /* as if this were work: the others have their turn */
    }
    if (errno != EPIPE) { /* not the end, but an error */
        return gev_fail(errno);
    }
    printf("%s took %ld\n", (const char *)arg, n);
    return NULL;
}

int main(int argc, char **argv)
{
    static char names[][4] = {"Ann", "Bob", "Cid"};
    struct gev_greenlet *producers[2], *consumers[3];

    if (argc > 1) {
        n_numbers = strtol(argv[1], NULL, 10);
    }
    numbers = gev_channel_new(sizeof(long), 4);
    for (int i = 0; i < 3; i++) {
        consumers[i] = gev_spawn(consume, names[i]);
    }
    for (int i = 0; i < 2; i++) {
        producers[i] = gev_spawn(produce, (void *)(intptr_t)(1 + 1000 * i));
    }
    if (gev_joinall(producers, 2, GEV_FOREVER) < 0 ||
        gev_channel_close(numbers) < 0 ||
        gev_joinall(consumers, 3, GEV_FOREVER) < 0) {
        perror("producer");
        return EXIT_FAILURE;
    }
    printf("the squares' sum is %ld\n", total);
    gev_channel_free(numbers);
    return EXIT_SUCCESS;
}
