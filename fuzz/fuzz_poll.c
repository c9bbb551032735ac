/* SPDX-License-Identifier: MIT */
/*
 * A program of gev calls, decoded from the input
 *
 * Main and the greenlets that it starts take their next instruction from the same
 * bytes, whoever runs. Each pipe carries the numbers 0, 1, 2 ... mod 256, so a
 * byte lost, doubled or taken from another life of the descriptor is seen. When
 * the bytes are used up all pipes are closed and everybody killed. Then must
 *
 *   gev_run() end       nobody is left behind, parked without a cause
 *   gev_stats() say 0   no greenlet left
 *   each wait have ended with a result that its call may give
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gev.h>

enum {
    N_PIPES = 4,
    N_WORKERS = 12,
    MAX_CHUNK = 3000,
    MAX_INPUT = 4096,
    MAX_SCOPES = 4,
    LIMIT = 10, /* seconds: reached only by a hang */
};

/* A pipe or a socket pair, and what has gone through. */
struct channel {
    int fds[2];
    unsigned life; /* grows when it is made anew */
    uint8_t n_put, n_got;
    bool is_open;
    bool is_writing; /* a call may yield before it takes its turn to write */
};

static struct {
    const uint8_t *at, *end; /* instructions not taken yet */
    struct channel channels[N_PIPES];
    struct gev_greenlet *workers[N_WORKERS];
    bool is_mixed; /* a channel may carry another one's bytes */
} p;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static unsigned next(void)
{
    return p.at < p.end ? *p.at++ : 0;
}

static struct channel *next_channel(void)
{
    return &p.channels[next() % N_PIPES];
}

static struct gev_greenlet **next_worker(void)
{
    return &p.workers[next() % N_WORKERS];
}

static double next_secs(void)
{
    unsigned b = next();

    return b < 64 ? 0 : b * 2e-6;
}

/* How often a call has yielded at its start, before it looked at anything. */
static uint64_t n_yields(void)
{
    struct gev_stats st;

    must(gev_stats(&st, sizeof st) == 0);
    return st.budget_yields;
}

/* Whether a failed call may have failed so. */
static void check_error(ssize_t r)
{
    must(r >= 0 || errno == EBUSY || errno == EBADF || errno == ETIMEDOUT ||
         errno == ECANCELED || errno == EPIPE || errno == EDEADLK ||
         errno == ECONNRESET);
}

/* Likewise, where @yields is n_yields() from before the call: if it yielded at its
 * start the number may have become anything. */
static void check_io(ssize_t r, uint64_t yields)
{
    int err = errno;

    if (n_yields() == yields) {
        errno = err;
        check_error(r);
    }
}

static void reopen(struct channel *c, bool sockets)
{
    if (c->is_open) {
        return;
    }
    int r = sockets ? gev_socketpair(SOCK_STREAM, c->fds) : gev_pipe(c->fds);
    must(r == 0);
    c->life++;
    c->n_put = c->n_got = 0;
    c->is_open = true;
    c->is_writing = false;
}

static void close_channel(struct channel *c)
{
    if (c->is_open) {
        c->is_open = false;
        c->life++;
        must(gev_close(c->fds[0]) == 0 && gev_close(c->fds[1]) == 0);
    }
}

static void put(struct channel *c, bool all)
{
    uint8_t bytes[MAX_CHUNK];
    unsigned life = c->life;
    uint64_t yields = n_yields();
    size_t n = next() * 11U + 1;

    if (!c->is_open || c->is_writing) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(c->n_put + i);
    }
    c->is_writing = true;
    ssize_t r = all ? gev_writeall(c->fds[1], bytes, n)
                    : gev_write(c->fds[1], bytes, n);
    check_io(r, yields);
    must(r <= (ssize_t)n);
    if (c->life == life) {
        c->n_put = (uint8_t)(c->n_put + (r > 0 ? r : 0));
        c->is_writing = false;
    } else if (r > 0 && n_yields() != yields) {
        p.is_mixed = true; /* closed and opened anew before it began */
    } else {
        must(all || r <= 0);
    }
}

/* Nothing that comes may be of another life of the number. */
static void check_bytes(const struct channel *c, const uint8_t *bytes,
                        ssize_t n)
{
    for (ssize_t i = 0; i < n && !p.is_mixed; i++) {
        must(bytes[i] == (uint8_t)(c->n_got + i));
    }
}

static void get(struct channel *c, bool all)
{
    uint8_t bytes[MAX_CHUNK];
    unsigned life = c->life;
    uint64_t yields = n_yields();
    size_t n = next() * 11U + 1;

    if (!c->is_open) {
        return;
    }
    ssize_t r =
        all ? gev_readall(c->fds[0], bytes, n) : gev_read(c->fds[0], bytes, n);
    check_io(r, yields);
    must(r <= (ssize_t)n);
    if (c->life == life) {
        check_bytes(c, bytes, r);
        c->n_got = (uint8_t)(c->n_got + (r > 0 ? r : 0));
    } else if (r > 0 && n_yields() != yields) {
        p.is_mixed = true;
    } else {
        must(all || r <= 0);
    }
}

static void poll_some(void)
{
    struct pollfd v[N_PIPES];
    unsigned bits = next(), events = next();
    nfds_t n = 0;

    for (int i = 0; i < N_PIPES; i++) {
        if ((bits & (1U << i)) && p.channels[i].is_open) {
            v[n].fd = p.channels[i].fds[(bits >> (4 + i)) & 1];
            v[n].events = (short)(events & (POLLIN | POLLPRI | POLLOUT));
            n++;
        }
    }
    int r = gev_poll(v, n, (int)(next() % 3));
    check_error(r);
    must(r <= (int)n);
}

static void select_some(void)
{
    fd_set rd;
    struct timeval limit = {0, next() * 4};
    unsigned bits = next();

    FD_ZERO(&rd);
    for (int i = 0; i < N_PIPES; i++) {
        if ((bits & (1U << i)) && p.channels[i].is_open) {
            FD_SET(p.channels[i].fds[0], &rd);
        }
    }
    check_error(gev_select(FD_SETSIZE, &rd, NULL, NULL, &limit));
}

static void *work(void *arg);

static void spawn(bool later)
{
    struct gev_greenlet **w = next_worker();
    unsigned n = next() % 32;

    if (*w) {
        gev_unref(*w);
    }
    *w = later ? gev_spawn_later(next_secs(), work, (void *)(uintptr_t)n)
               : gev_spawn(work, (void *)(uintptr_t)n);
    must(*w != NULL);
}

/* Joins or kills a worker, which may be the caller. */
static void end_worker(bool is_kill)
{
    struct gev_greenlet *w = *next_worker();
    double secs = next_secs();

    if (w) {
        gev_ref(w); /* its place may be taken meanwhile */
        check_error(is_kill ? gev_kill(w, secs) : gev_join(w, secs));
        must(gev_unref(w) == 0);
    }
}

/* One instruction that is about descriptors. */
static void do_io(unsigned op)
{
    struct channel *c = next_channel();

    switch (op % 8) {
    case 0:
    case 1:
        put(c, op & 8);
        break;
    case 2:
    case 3:
        get(c, op & 8);
        break;
    case 4:
        close_channel(c);
        break;
    case 5:
        reopen(c, op & 8);
        break;
    case 6:
        if (c->is_open) {
            check_error(gev_settimeout(c->fds[0], next_secs(), next_secs()));
        }
        break;
    default:
        if (c->is_open) {
            check_error(gev_wait_fd(c->fds[op >> 3 & 1], (int)(op % 3) + 1,
                                    next_secs()));
        }
        break;
    }
}

/* One instruction of another kind. */
static void do_other(unsigned op)
{
    switch (op % 8) {
    case 0:
        spawn(op & 8);
        break;
    case 1:
        end_worker(true);
        break;
    case 2:
        end_worker(false);
        break;
    case 3:
        check_error(gev_sleep(next_secs()));
        break;
    case 4:
        poll_some();
        break;
    case 5:
        select_some();
        break;
    default:
        check_error(gev_yield());
        break;
    }
}

/* Takes up to @n instructions, in scopes that it opens and closes. */
static void run(unsigned n)
{
    int64_t scopes[MAX_SCOPES];
    int n_scopes = 0;

    while (n-- > 0 && p.at < p.end) {
        unsigned op = next();
        if (op >= 0xf0 && n_scopes < MAX_SCOPES) {
            scopes[n_scopes] = gev_timeout_push(next_secs());
            must(scopes[n_scopes++] > 0);
        } else if (op >= 0xe0 && n_scopes > 0) {
            must(gev_timeout_pop(scopes[--n_scopes]) >= 0);
        } else if (op & 0x40) {
            do_other(op);
        } else {
            do_io(op);
        }
    }
    while (n_scopes > 0) {
        must(gev_timeout_pop(scopes[--n_scopes]) >= 0);
    }
}

static void *work(void *arg)
{
    run((unsigned)(uintptr_t)arg);
    return NULL;
}

static void ignore_report(const char *text, void *arg)
{
    (void)text;
    (void)arg;
}

static void end_all(void)
{
    struct gev_stats st;

    for (int i = 0; i < N_PIPES; i++) {
        close_channel(&p.channels[i]);
    }
    must(gev_killall(p.workers, N_WORKERS, LIMIT) == 0);
    for (int i = 0; i < N_WORKERS; i++) {
        must(gev_unref(p.workers[i]) == 0);
        p.workers[i] = NULL;
    }
    must(gev_run(LIMIT) == 0); /* those whose handle was dropped */
    must(gev_stats(&st, sizeof st) == 0);
    must(st.greenlets == 0 && st.ready == 0 && st.waiting == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_INPUT) {
        return 0;
    }
    p.at = data;
    p.end = data + size;
    p.is_mixed = false;
    must(gev_set_report(ignore_report, NULL) == 0);
    for (int i = 0; i < N_PIPES; i++) {
        reopen(&p.channels[i], i % 2);
    }
    while (p.at < p.end) {
        int64_t limit =
            gev_timeout_push(0.001); /* main waits for nobody long */
        must(limit > 0);
        run(16);
        must(gev_timeout_pop(limit) >= 0);
    }
    end_all();
    return 0;
}
