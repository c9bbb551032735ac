/* SPDX-License-Identifier: MIT */
/*
 * resolve - look up many names at once, one greenlet each
 *
 *   resolve example.org localhost     prints addresses and time, as they come
 *   GEV_DNS=ares resolve < names      one a line; by c-ares, without threads
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gev.h>

#define MAX_AT_ONCE 1000
#define LIMIT       10.0 /* seconds for a name */

static struct gev_semaphore *room;
static int n_failed;

static void print_addresses(const struct addrinfo *ai)
{
    char host[NI_MAXHOST];

    for (; ai; ai = ai->ai_next) {
        if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof host, NULL, 0,
                        NI_NUMERICHOST) == 0) {
            printf(" %s", host);
        }
    }
}

static void *resolve(void *name)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    double begin = gev_now();
    int64_t limit = gev_timeout_push(LIMIT);
    int rc = gev_getaddrinfo(name, NULL, &hints, &list);
    int err = errno;

    gev_timeout_pop(limit);
    printf("%s:", (char *)name);
    if (rc) {
        n_failed++;
        printf(" %s", rc == EAI_SYSTEM ? gev_strerror(err) : gai_strerror(rc));
    }
    print_addresses(list); /* no other greenlet runs while we print */
    printf(" (%.0f ms)\n", (gev_now() - begin) * 1e3);
    gev_freeaddrinfo(list);
    gev_semaphore_release(room);
    return NULL;
}

/* Starts a greenlet with a copy of the name as soon as there is room. */
static int start(const char *name)
{
    int rc = gev_semaphore_acquire(room, GEV_FOREVER);

    return rc < 0 ? rc : gev_go_copy(resolve, name, strlen(name) + 1);
}

static int start_lines(void)
{
    struct gev_stream *in = gev_stream_new(0, 0);
    char *line;
    int rc = in ? 1 : -1;

    while (rc == 1 &&
           (rc = gev_stream_readline(in, NI_MAXHOST, &line, NULL)) == 1) {
        rc = start(line) < 0 ? -1 : 1;
    }
    gev_stream_free(in);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0;

    room = gev_semaphore_new(MAX_AT_ONCE, MAX_AT_ONCE);
    for (int i = 1; i < argc && rc == 0; i++) {
        rc = start(argv[i]);
    }
    if (rc < 0 || (argc == 1 && start_lines() < 0) ||
        gev_run(GEV_FOREVER) < 0) {
        perror("resolve");
        return 1;
    }
    gev_semaphore_free(room);
    return n_failed ? 2 : 0;
}
