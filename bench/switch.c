/* SPDX-License-Identifier: MIT */
/*
 * switch - what gev's greenlets cost: a round trip, a birth, a parked byte.
 *
 *   core N        main switches to each of N greenlets, each switches back
 *   yield N       N greenlets call gev_yield(), so the hub takes them in turn
 *   spawn N       gev_go() N greenlets, run them to their end, N at a time
 *   dead N SIZE   N greenlets wait in gev_read() into SIZE bytes of their stack
 *   live N SIZE   the same with SIZE bytes that have to be kept
 *
 * core and yield keep a 64-byte frame alive in every greenlet and check it
 * after every switch. Both also tell the memory of each while all are parked,
 * and how long it takes to wake them all.
 *
 * In dead and live each greenlet has an eventfd, all of which are written to, so
 * each round every one is resumed for one read, and the same system calls are made
 * whatever SIZE is: what 16 KiB cost more than 64 bytes is what the bytes cost.
 * Above MAX_FDS greenlets they queue for one socket; only their memory is told.
 */
#include <gev.h>

#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rounds.h"

#define MAX_FDS 16384

static struct rounds rounds; /* the run's result */
static bool stop;            /* tells yielding greenlets to end */
static size_t n_done;        /* greenlets ended, or datagrams read */
static size_t n_begun;       /* greenlets about to read for the first time */
static size_t frame_size = 8 * FRAME_WORDS; /* live bytes of each greenlet */
static int *fds; /* what each reader waits for; above MAX_FDS the same */

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Prints the result and ends at once: tearing down millions is not measured. */
_Noreturn static void finish(const char *mode)
{
    _exit(rounds_print(&rounds, mode));
}

static void *switch_home(void *id)
{
    struct gev_greenlet *home = gev_parent(gev_current());
    volatile uint64_t frame[FRAME_WORDS];

    frame_fill(frame, (uintptr_t)id);
    while (gev_switch(home, NULL, NULL) == 0) {
        frame_check(frame, (uintptr_t)id);
    }
    return NULL;
}

static void core_round(struct gev_greenlet **g, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (gev_switch(g[i], NULL, NULL) < 0) {
            die("gev_switch");
        }
    }
}

static void run_core(void)
{
    struct gev_greenlet **g = rounds_array(rounds.n, sizeof *g);

    rounds.rss_empty = proc_rss(0);
    for (size_t i = 0; i < rounds.n; i++) {
        g[i] = gev_greenlet_new(switch_home, 0);
        if (!g[i] || gev_switch(g[i], (void *)(uintptr_t)i, NULL) < 0) {
            die("gev_greenlet_new");
        }
    }
    rounds.rss_parked = proc_rss(0);
    uint64_t start = clock_ns();
    core_round(g, rounds.n);
    rounds.wake_ms = (double)(clock_ns() - start) / 1e6;
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        start = clock_ns();
        for (size_t k = 0; k < rounds.per_rep; k++) {
            core_round(g, rounds.n);
        }
        rounds_rep(&rounds, rep, start);
    }
    finish("core");
}

static void *yield_until_stop(void *id)
{
    volatile uint64_t frame[FRAME_WORDS];

    frame_fill(frame, (uintptr_t)id);
    while (!stop) {
        gev_yield();
        frame_check(frame, (uintptr_t)id);
    }
    return NULL;
}

/* The same with a frame of any size, and of 16 bytes more for that. */
static void *yield_deep(void *id)
{
    volatile uint64_t *frame = __builtin_alloca(frame_size);

    frame_fill(frame, (uintptr_t)id);
    while (!stop) {
        gev_yield();
        frame_check(frame, (uintptr_t)id);
    }
    return NULL;
}

/*
 * One of the N, and the last one spawned: since the run queue is first in,
 * first out, all others have been round once whenever its gev_yield() returns.
 */
static void *yield_and_time(void *arg)
{
    (void)arg;
    rounds.rss_parked = proc_rss(0);
    uint64_t start = clock_ns();
    gev_yield();
    rounds.wake_ms = (double)(clock_ns() - start) / 1e6;
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        start = clock_ns();
        for (size_t k = 0; k < rounds.per_rep; k++) {
            gev_yield();
        }
        rounds_rep(&rounds, rep, start);
    }
    stop = true;
    return NULL;
}

static void run_yield(void)
{
    gev_fn *fn = frame_size > FRAME_WORDS * sizeof(uint64_t) ? yield_deep
                                                             : yield_until_stop;

    if (gev_init() < 0) {
        die("gev_init");
    }
    rounds.rss_empty = proc_rss(0);
    for (size_t i = 1; i < rounds.n; i++) {
        if (gev_go(fn, (void *)(uintptr_t)i) < 0) {
            die("gev_go");
        }
    }
    if (gev_go(yield_and_time, NULL) < 0 || gev_run(GEV_FOREVER) < 0) {
        die("gev_run");
    }
    finish("yield");
}

static void *count(void *arg)
{
    n_done++;
    return arg;
}

static void run_spawn(void)
{
    rounds.rss_empty = proc_rss(0);
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        uint64_t start = clock_ns();
        for (size_t k = 0; k < rounds.per_rep; k++) {
            for (size_t i = 0; i < rounds.n; i++) {
                if (gev_go(count, NULL) < 0) {
                    die("gev_go");
                }
            }
            if (gev_run(GEV_FOREVER) < 0) {
                die("gev_run");
            }
        }
        rounds_rep(&rounds, rep, start);
    }
    rounds.rss_parked = proc_rss(0);
    if (n_done != rounds.reps * rounds.per_rep * rounds.n) {
        fprintf(stderr, "switch: %zu greenlets ran\n", n_done);
        _exit(1);
    }
    finish("spawn");
}

/* Waits for its eventfd with the bytes of its buffer dead. */
static void *read_dead(void *fd)
{
    char *buf = __builtin_alloca(frame_size);

    n_begun++;
    while (gev_read(*(int *)fd, buf, frame_size) == sizeof(uint64_t)) {
        n_done++;
    }
    die("gev_read"); /* it is to go on for ever */
}

/* Waits for its eventfd with as many bytes on its stack alive. */
static void *read_live(void *fd)
{
    static uint64_t elsewhere;
    char *buf = __builtin_alloca(frame_size);

    memset(buf, (int)sizeof elsewhere, frame_size);
    n_begun++;
    while (gev_read(*(int *)fd, &elsewhere, sizeof elsewhere) == buf[0]) {
        __asm__ volatile("" : : "r"(buf) : "memory");
        n_done++;
    }
    die("gev_read");
}

/* Makes every eventfd readable, and waits until all have been read. */
static void dead_round(void)
{
    const uint64_t one = 1;
    size_t goal = n_done + rounds.n;

    for (size_t i = 0; i < rounds.n; i++) {
        if (write(fds[i], &one, sizeof one) != sizeof one) {
            die("eventfd");
        }
    }
    while (n_done < goal) {
        gev_yield();
    }
}

static void open_fds(void)
{
    int pair[2];

    gev_raise_fd_limit();
    fds = rounds_array(rounds.n, sizeof *fds);
    if (rounds.n > MAX_FDS && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0) {
        die("socketpair");
    }
    for (size_t i = 0; i < rounds.n; i++) {
        fds[i] = rounds.n > MAX_FDS ? pair[0]
                                    : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fds[i] < 0) {
            die("eventfd");
        }
    }
}

static void run_dead(const char *mode, gev_fn *reader)
{
    open_fds();
    if (gev_init() < 0) {
        die("gev_init");
    }
    rounds.rss_empty = proc_rss(0);
    for (size_t i = 0; i < rounds.n; i++) {
        if (gev_go(reader, &fds[i]) < 0) {
            die("gev_go");
        }
    }
    while (n_begun < rounds.n) { /* each goes from there straight to its wait */
        gev_yield();
    }
    rounds.rss_parked = proc_rss(0);
    if (rounds.n > MAX_FDS) {
        finish(mode);
    }
    rounds.per_rep = rounds.per_rep / 16 ? rounds.per_rep / 16 : 1;
    uint64_t start = clock_ns();
    dead_round();
    rounds.wake_ms = (double)(clock_ns() - start) / 1e6;
    for (size_t rep = 0; rep < rounds.reps; rep++) {
        start = clock_ns();
        for (size_t k = 0; k < rounds.per_rep; k++) {
            dead_round();
        }
        rounds_rep(&rounds, rep, start);
    }
    finish(mode);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

    if (n > 0) {
        rounds_init(&rounds, n, quick);
        frame_size = size > frame_size ? size : frame_size;
        rounds_frame(&rounds, strcmp(argv[1], "dead") == 0 ? 64 : frame_size);
        if (strcmp(argv[1], "core") == 0) {
            run_core();
        } else if (strcmp(argv[1], "yield") == 0) {
            run_yield();
        } else if (strcmp(argv[1], "spawn") == 0) {
            run_spawn();
        } else if (strcmp(argv[1], "dead") == 0 && size > 0) {
            run_dead("dead", read_dead);
        } else if (strcmp(argv[1], "live") == 0 && size > 0) {
            run_dead("live", read_live);
        }
    }
    fprintf(stderr, "usage: switch core|yield|spawn|dead|live N [SIZE] "
                    "[--quick]\n");
    return 2;
}
