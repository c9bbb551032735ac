/* SPDX-License-Identifier: MIT */
/*
 * step3 - greenlets talk through channels. Values are copied, so both ends may
 * use local variables; a send waits until somebody receives.
 */
#include <errno.h>
#include <stdio.h>

#include <gev.h>

static struct gev_channel *numbers, *squares;

static void *count(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 5; i++) {
        if (gev_channel_send(numbers, &i, GEV_FOREVER) < 0) {
            break;
        }
    }
    gev_channel_close(numbers); /* no more: receivers get EPIPE */
    return NULL;
}

static void *square(void *arg)
{
    int n;

    (void)arg;
    while (gev_channel_recv(numbers, &n, GEV_FOREVER) == 0) {
        n *= n;
        if (gev_channel_send(squares, &n, GEV_FOREVER) < 0) {
            break;
        }
    }
    gev_channel_close(squares);
    return NULL;
}

int main(void)
{
    int n;

    numbers = gev_channel_new(sizeof(int), 0);
    squares = gev_channel_new(sizeof(int), 0);
    if (!numbers || !squares || gev_go(count, NULL) < 0 ||
        gev_go(square, NULL) < 0) {
        perror("step3");
        return 1;
    }
    while (gev_channel_recv(squares, &n, GEV_FOREVER) == 0) {
        printf("%d\n", n);
    }
    printf("the end: %s\n", errno == EPIPE ? "closed" : gev_strerror(errno));
    gev_channel_free(squares);
    gev_channel_free(numbers);
    return 0;
}
