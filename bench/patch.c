/* SPDX-License-Identifier: MIT */
/*
 * patch - what a call of libc's that does not wait costs when libgev_patch has its
 * name.
 *
 *   read N        64 bytes from a TCP connection where they are
 *   read-alone N  the same in a program that never has a hub
 *   file N        64 bytes from a regular file
 *   write N       64 bytes to a TCP connection that has room
 *   poll N        poll() of a descriptor that is ready, without a time limit
 *
 * All but the second run in a greenlet. The interposed function and libc's own take
 * turns, N batches each, so that both see the same machine: medians of both.
 */
#include <gev.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rounds.h"

#define SIZE  64
#define BATCH 256 /* calls timed together */
#define QUICK 20  /* batches of a smoke test */

typedef ssize_t read_fn(int, void *, size_t);
typedef ssize_t write_fn(int, const void *, size_t);
typedef int poll_fn(struct pollfd *, nfds_t, int);

static read_fn *libc_read;
static write_fn *libc_write;
static poll_fn *libc_poll;
static int fds[2], file;
static char buf[BATCH * SIZE];
static size_t n_batches;
static double *ns[2]; /* of the interposed function, of libc's */
static const char *mode;

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void tcp_pair(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    int l = socket(AF_INET, SOCK_STREAM, 0);

    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(l, (struct sockaddr *)&sa, len) < 0 || listen(l, 1) < 0 ||
        getsockname(l, (struct sockaddr *)&sa, &len) < 0 ||
        connect(fds[0], (struct sockaddr *)&sa, len) < 0) {
        die("connect");
    }
    fds[1] = accept(l, NULL, NULL);
    file = fileno(tmpfile());
    if (fds[1] < 0 || write(file, buf, sizeof buf) != sizeof buf) {
        die("accept");
    }
    close(l);
}

static uint64_t timed_reads(int fd, read_fn *fn)
{
    char to[SIZE];
    uint64_t start = clock_ns();

    for (int i = 0; i < BATCH; i++) {
        frames_bad |= fn(fd, to, sizeof to) != sizeof to;
    }
    return clock_ns() - start;
}

static void note(bool libc, size_t batch, uint64_t taken)
{
    ns[libc][batch] = (double)taken / BATCH;
}

/* Nothing of this batch is timed but the calls. */
static void fill(void)
{
    frames_bad |= libc_write(fds[1], buf, sizeof buf) != sizeof buf;
}

static void drain(void)
{
    for (size_t n = 0; n < sizeof buf;) {
        ssize_t r = libc_read(fds[1], buf, sizeof buf - n);
        if (r <= 0) {
            die("read");
        }
        n += (size_t)r;
    }
}

static uint64_t batch_read(bool libc)
{
    fill();
    return timed_reads(fds[0], libc ? libc_read : read);
}

static uint64_t batch_file(bool libc)
{
    if (lseek(file, 0, SEEK_SET) != 0) {
        die("lseek");
    }
    return timed_reads(file, libc ? libc_read : read);
}

static uint64_t batch_write(bool libc)
{
    write_fn *fn = libc ? libc_write : write;
    uint64_t start = clock_ns();

    for (int i = 0; i < BATCH; i++) {
        frames_bad |= fn(fds[0], buf, SIZE) != SIZE;
    }
    start = clock_ns() - start;
    drain();
    return start;
}

static uint64_t batch_poll(bool libc)
{
    poll_fn *fn = libc ? libc_poll : poll;
    struct pollfd p = {.fd = fds[0], .events = POLLOUT};
    uint64_t start = clock_ns();

    for (int i = 0; i < BATCH; i++) {
        frames_bad |= fn(&p, 1, -1) != 1;
    }
    return clock_ns() - start;
}

static uint64_t (*batch)(bool libc);

static void *run(void *arg)
{
    for (size_t i = 0; i < n_batches; i++) {
        note(i % 2, i, batch(i % 2)); /* who begins alternates */
        note(i % 2 == 0, i, batch(i % 2 == 0));
    }
    for (int i = 0; i < 2; i++) {
        qsort(ns[i], n_batches, sizeof ns[i][0], rounds_compare);
    }
    printf("{\"mode\": \"%s\", \"ns\": %.1f, \"libc_ns\": %.1f, "
           "\"frames_ok\": %s}\n",
           mode, ns[0][n_batches / 2], ns[1][n_batches / 2],
           frames_bad ? "false" : "true");
    fflush(stdout);
    return arg;
}

static bool choose(void)
{
    static const struct {
        const char *name;
        uint64_t (*batch)(bool libc);
    } all[] = {
        {"read", batch_read}, {"read-alone", batch_read},
        {"file", batch_file}, {"write", batch_write},
        {"poll", batch_poll},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(mode, all[i].name) == 0) {
            batch = all[i].batch;
        }
    }
    return batch != NULL;
}

static void find_libc(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

    if (!libc) {
        die("dlopen");
    }
    *(void **)(void *)&libc_read = dlsym(libc, "read");
    *(void **)(void *)&libc_write = dlsym(libc, "write");
    *(void **)(void *)&libc_poll = dlsym(libc, "poll");
    frames_bad |= libc_read == read || libc_write == write || libc_poll == poll;
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;

    mode = argc > 2 ? argv[1] : "";
    if (!choose()) {
        fprintf(stderr,
                "usage: patch read|read-alone|file|write|poll N [--quick]\n");
        return 2;
    }
    n_batches = quick ? QUICK : strtoul(argv[2], NULL, 10);
    for (int i = 0; i < 2; i++) {
        ns[i] = rounds_array(n_batches, sizeof ns[i][0]);
    }
    find_libc();
    tcp_pair();
    if (strcmp(mode, "read-alone") == 0) {
        run(NULL);
    } else if (gev_go(run, NULL) < 0 || gev_run(GEV_FOREVER) < 0) {
        die("gev_run");
    }
    return frames_bad != 0;
}
