/* SPDX-License-Identifier: MIT */
/*
 * demo [--connections N] [--seconds S] - an echo server and its clients, all of
 * them greenlets of one thread
 *
 * Each client sends a message, waits for it to come back, compares every byte,
 * and begins anew. A line shows how it goes; after S seconds a summary follows.
 *
 * Memory is what the process grew by while the connections were made, divided
 * by their number: both ends live here, so it is that of two greenlets, two
 * descriptors' records and their share of everything else. The kernel's socket
 * buffers are not in it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gev.h>

#define MESSAGE      64
#define INTERVAL     0.25 /* seconds between two updates of the line */
#define FDS_FOR_REST 64   /* descriptors that are not connections */

static struct {
    long n_wanted;  /* connections asked for */
    double seconds; /* how long to talk */
    char address[GEV_ADDRSTRLEN];
    long n_connected;
    long n_failed; /* clients that could not go on */
    int error;     /* errno of the first of them */
    bool talking;  /* false: clients wait for the others, or end */
    bool over;
    uint64_t echoes; /* messages that came back as they were sent */
    uint64_t wrong;  /* and those that did not */
} demo = {.n_wanted = 5000, .seconds = 5.0};

static void echo(int fd, const struct sockaddr *peer, void *arg)
{
    char buf[16384];
    ssize_t n;

    (void)peer;
    (void)arg;
    while ((n = gev_read(fd, buf, sizeof buf)) > 0) {
        if (gev_writeall(fd, buf, (size_t)n) != n) {
            break;
        }
    }
}

/* A message that no other client sends, nor this one at another time. */
static void compose(char *message, uint32_t client, uint32_t round)
{
    uint32_t x = client * 2654435761u ^ round * 40503u ^ 1u;

    for (size_t i = 0; i < MESSAGE; i += sizeof x) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        memcpy(message + i, &x, sizeof x);
    }
}

/* Return: 0, or -1 with errno */
static int talk(int fd, uint32_t client)
{
    for (uint32_t round = 0; demo.talking; round++) {
        char sent[MESSAGE];
        char got[MESSAGE];
        ssize_t n;

        compose(sent, client, round);
        if (gev_writeall(fd, sent, sizeof sent) != (ssize_t)sizeof sent) {
            return -1;
        }
        n = gev_readall(fd, got, sizeof got);
        if (n != (ssize_t)sizeof got) {
            errno = n >= 0 && errno == 0 ? ECONNRESET : errno;
            return -1;
        }
        if (memcmp(sent, got, sizeof sent) == 0) {
            demo.echoes++;
        } else {
            demo.wrong++;
        }
    }
    return 0;
}

static void *client(void *arg)
{
    int fd = gev_dial(demo.address, 10.0);
    int rc = fd < 0 ? -1 : 0;

    if (rc == 0) {
        demo.n_connected++;
        while (rc == 0 && !demo.talking && !demo.over) {
            rc = gev_sleep(0.02);
        }
        rc = rc < 0 ? rc : talk(fd, (uint32_t)(uintptr_t)arg);
    }
    if (rc < 0) {
        demo.error = demo.n_failed++ == 0 ? errno : demo.error;
    }
    if (fd >= 0) {
        gev_close(fd);
    }
    return NULL;
}

/* Resident bytes of this process. */
static double resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void show(double rate, double bytes)
{
    bool tty = isatty(STDOUT_FILENO);

    printf("%s%ld connections   %.0f echoes/s   %.0f bytes/connection%s",
           tty ? "\r" : "", demo.n_connected, rate, bytes,
           tty ? "\033[K" : "\n");
    fflush(stdout);
}

/* Waits until all clients are connected, or have failed. */
static void wait_connected(double before)
{
    while (demo.n_connected + demo.n_failed < demo.n_wanted) {
        gev_sleep(INTERVAL / 5);
    }
    show(0, (resident() - before) / (double)demo.n_wanted);
}

/* Lets the clients talk. Return: bytes per connection, the most that was. */
static double watch(double before, double *ret_seconds)
{
    double begin = gev_now(), last = begin, most = 0;
    uint64_t counted = 0;

    demo.talking = true;
    do {
        double left = begin + demo.seconds - last;

        gev_sleep(left < INTERVAL ? left : INTERVAL);
        double now = gev_now();
        double bytes = (resident() - before) / (double)demo.n_wanted;
        most = bytes > most ? bytes : most;
        show((double)(demo.echoes - counted) / (now - last), most);
        counted = demo.echoes;
        last = now;
    } while (last < begin + demo.seconds);
    *ret_seconds = last - begin;
    demo.talking = false;
    demo.over = true;
    return most;
}

static int summary(double seconds, double bytes, uint64_t echoes)
{
    printf(
        "%s\n%ld connections, %ld greenlets, 1 thread\n"
        "%llu echoes of %d bytes in %.1f s: %.0f/s\n"
        "memory: %.0f bytes per connection, server and client together\n"
        "        (a greenlet each; a buffer of 16 KiB on the server's stack)\n",
        isatty(STDOUT_FILENO) ? "\n" : "", demo.n_connected,
        2 * demo.n_connected, (unsigned long long)echoes, MESSAGE, seconds,
        (double)echoes / seconds, bytes);
    if (demo.n_failed) {
        printf("%ld clients failed, the first one with: %s\n", demo.n_failed,
               gev_strerror(demo.error));
    }
    if (demo.wrong) {
        printf("%llu messages came back changed\n",
               (unsigned long long)demo.wrong);
    }
    if (demo.n_failed || demo.wrong || !echoes) {
        return 1;
    }
    printf("every byte came back as it was sent\n");
    return 0;
}

static int run(struct gev_greenlet **clients)
{
    double before = resident(), bytes, seconds;
    uint64_t echoes;

    for (long i = 0; i < demo.n_wanted; i++) {
        clients[i] = gev_spawn(client, (void *)(uintptr_t)i);
        if (!clients[i]) {
            fprintf(stderr, "demo: %s\n", gev_strerror(errno));
            return 1;
        }
    }
    wait_connected(before);
    bytes = watch(before, &seconds);
    echoes = demo.echoes; /* those in flight do not count */
    gev_joinall(clients, (size_t)demo.n_wanted, GEV_FOREVER);
    for (long i = 0; i < demo.n_wanted; i++) {
        gev_unref(clients[i]);
    }
    return summary(seconds, bytes, echoes);
}

/* Both ends of a connection are descriptors of this process. */
static int fit_limit(void)
{
    long room = (gev_raise_fd_limit() - FDS_FOR_REST) / 2;

    if (room < 1) {
        fprintf(stderr, "demo: the limit on descriptors is too low\n");
        return -1;
    }
    if (demo.n_wanted > room) {
        printf("the limit on descriptors allows %ld connections, not %ld\n",
               room, demo.n_wanted);
        demo.n_wanted = room;
    }
    return 0;
}

static int serve_and_run(void)
{
    struct gev_server *server = gev_server_new(echo, NULL);
    struct gev_greenlet **clients;
    int fd = gev_server_listen(server, "127.0.0.1:0", 0, 0);
    int status;

    clients = calloc((size_t)demo.n_wanted, sizeof(struct gev_greenlet *));
    if (!clients || fd < 0 || gev_server_start(server) < 0) {
        fprintf(stderr, "demo: %s\n", gev_strerror(errno));
        return 1;
    }
    gev_sockname(fd, demo.address, sizeof demo.address);
    status = run(clients);
    gev_server_stop(server, 1.0);
    gev_server_free(server);
    free(clients);
    return status;
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"connections", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int o;

    opterr = 0;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        char *end = optarg;

        if (o == 'c') {
            demo.n_wanted = strtol(optarg, &end, 10);
        } else if (o == 's') {
            demo.seconds = strtod(optarg, &end);
        } else {
            return false;
        }
        if (*end || end == optarg) {
            return false;
        }
    }
    return optind == argc && demo.n_wanted > 0 && demo.n_wanted < 1000000 &&
           demo.seconds > 0 && demo.seconds < 1e6;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: demo [--connections N] [--seconds S]\n");
        return 2;
    }
    return fit_limit() < 0 ? 1 : serve_and_run();
}
