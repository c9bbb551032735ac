/* SPDX-License-Identifier: MIT */
/*
 * The rounds; see the header.
 */
#include "playing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>

#define MOST 100 /* calls that one operation makes, at most */

char out[BIG], in[BIG];
int fds[2];

static struct round *now;
static sem_t go;
static bool gone; /* the peer was told already */

static void let_peer_go(void)
{
    if (!gone) {
        gone = true;
        sem_post(&go);
    }
}

static void *play_peer(void *arg)
{
    while (sem_wait(&go) < 0) {
    }
    now->op->peer();
    return arg;
}

static void *make_call(void *arg)
{
    faults_arm(now->of, now->one, now->k, now->error, now->sticky);
    errno = EXDEV;
    now->result = now->op->call();
    now->err = errno;
    now->fired = faults_disarm();
    let_peer_go();
    return arg;
}

static int n_open(void)
{
    int n = 0;

    for (int fd = 0; fd < 200; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

static bool is_right(const struct round *r)
{
    if (r->result == r->op->want) {
        return r->err == EXDEV;
    }
    return r->may_fail &&
           (r->result < 0 ? r->err == r->error : r->result <= r->op->want);
}

static void check(const struct round *r, int open_before)
{
    if (!is_right(r)) {
        fail_msg("%s, call %ld of set %d, %d: %ld, errno %d", r->op->name, r->k,
                 r->of, r->one, r->result, r->err);
    }
    if (r->result == r->op->want && memcmp(in, out, r->op->n_bytes) != 0) {
        fail_msg("%s, call %ld of set %d, %d: bytes", r->op->name, r->k, r->of,
                 r->one);
    }
    assert_int_equal(n_open(), open_before);
    assert_int_equal(faults_balance(), 0);
}

/* A peer that waits for bytes that will not come. */
static void end_peer(void)
{
    if (shutdown(fds[0], SHUT_RDWR) < 0 && dup2(fds[1], fds[0]) < 0) {
        fail();
    }
}

void play_one(struct round *r)
{
    struct gev_greenlet *g;
    pthread_t peer;
    int flags[2], open_before;

    now = r;
    gone = false;
    sem_init(&go, 0, 0);
    memset(in, 0, sizeof in);
    r->op->make(fds);
    open_before = n_open();
    for (int i = 0; i < 2; i++) {
        flags[i] = fcntl(fds[i], F_GETFL);
    }
    assert_int_equal(pthread_create(&peer, NULL, play_peer, NULL), 0);
    g = gev_spawn(make_call, NULL);
    assert_non_null(g);
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    gev_unref(g);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcntl(fds[i], F_GETFL), flags[i]);
    }
    if (r->result != r->op->want) {
        end_peer();
    }
    assert_int_equal(pthread_join(peer, NULL), 0);
    check(r, open_before);
    close(fds[0]);
    close(fds[1]);
    sem_destroy(&go);
}

void play_all(struct round *r)
{
    for (r->k = 1; r->k < MOST; r->k++) {
        play_one(r);
        if (r->fired == 0) {
            return;
        }
    }
    fail_msg("%s: calls without end", r->op->name);
}

void play(const struct op *ops, size_t n, enum faults_of last)
{
    for (size_t i = 0; i < n; i++) {
        for (int of = FAULTS_MEMORY; of <= (int)last; of++) {
            struct round r = {.op = &ops[i], .of = of, .error = ENOMEM};

            play_all(&r);
            r.sticky = true;
            play_all(&r);
        }
    }
}

int play_init(void)
{
    for (size_t i = 0; i < BIG; i++) {
        out[i] = (char)(i % 251);
    }
    if (gev_init() < 0) {
        return -1;
    }
    faults_install();
    faults_on_wait = let_peer_go;
    signal(SIGPIPE, SIG_IGN); /* the peer of a call that has failed */
    return 0;
}

void unix_stream(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

void unix_dgram(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
}

void tcp(int pair[2])
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    int l = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(l, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(l, 1), 0);
    getsockname(l, (struct sockaddr *)&sa, &len);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&sa, len), 0);
    pair[1] = accept(l, NULL, NULL);
    assert_true(pair[1] >= 0);
    close(l);
}

void pipe_to_read(int pair[2])
{
    assert_int_equal(pipe(pair), 0);
}

void pipe_to_write(int pair[2])
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pair[0] = ends[1];
    pair[1] = ends[0];
}
