/* SPDX-License-Identifier: MIT */
/*
 * A failing system call and the server: every client is served in the end, or is
 * told at once by a closed connection and then served. See faults.h.
 */
#include "faults.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

/* EBADF of these tells that the listener is gone, which is another test. */
#define TELLS_GONE (FAULT_FCNTL | FAULT_STAT)

enum { N_CLIENTS = 4 };

static struct {
    struct gev_server *server;
    char addr[2][GEV_ADDRSTRLEN]; /* of its listeners */
    int n_handled;
    int n_served;    /* clients that are through */
    bool is_serving; /* gev_serve() has not come back */
} t;

/* Serves one byte. Whatever fails, the descriptor is closed for it. */
static void answer(int fd, const struct sockaddr *peer, void *arg)
{
    char c;

    want(peer->sa_family == AF_INET || peer->sa_family == AF_UNIX);
    want(arg == &t);
    t.n_handled++;
    if (gev_read(fd, &c, 1) == 1) {
        (void)gev_write(fd, &c, 1);
    }
}

/* Whether a server gave the byte back. */
static bool asks(const char *addr)
{
    char in = 0, out = 'q';
    int fd = gev_dial(addr, LIMIT);

    if (fd < 0) {
        return false;
    }
    bool served = gev_write(fd, &out, 1) == 1 && gev_read(fd, &in, 1) == 1;
    close_once(fd);
    return served && in == out;
}

static void *client(void *arg)
{
    int n_tries = 1;

    while (!asks(arg) && n_tries < MAX_TRIES) {
        n_tries++;
    }
    want(n_tries < MAX_TRIES && (n_tries == 1 || !round_.again));
    t.n_served++;
    return NULL;
}

static void listen_at_both(void)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof path, "unix:@gev-faults-%d", (int)getpid());
    for (int i = 0; i < 2; i++) {
        const char *at = i ? path : "127.0.0.1:0";
        int r;
        do {
            fd = gev_server_listen(t.server, at, 0, 0);
        } while (refused(fd));
        do {
            r = gev_sockname(fd, t.addr[i], sizeof t.addr[i]);
        } while (refused(r));
    }
}

static void serve_clients(void)
{
    struct gev_greenlet *g[N_CLIENTS];
    int r;

    t.n_served = 0;
    do {
        r = gev_server_start(t.server);
    } while (refused(r));
    for (int i = 0; i < N_CLIENTS; i++) {
        g[i] = go(client, t.addr[i % 2]);
    }
    for (int i = 0; i < N_CLIENTS; i++) {
        join(g[i]);
    }
    do {
        r = gev_server_stop(t.server, LIMIT);
    } while (refused(r));
}

static void whole_life(void)
{
    struct gev_server_stats st;

    arm();
    do {
        t.server = gev_server_new(answer, &t);
    } while (refused(t.server ? 0 : -1));
    t.n_handled = 0;
    listen_at_both();
    serve_clients();
    disarm();
    want(gev_server_stats(t.server, &st, sizeof st) == 0);
    want(t.n_served == N_CLIENTS);
    want(st.connections == 0 && st.listeners == 0);
    want(st.accepted <= (uint64_t)t.n_handled + st.shed);
    gev_server_free(t.server);
}

static void every_client_is_served_in_the_end(void **state)
{
    (void)state;
    assert_true(against_all_but(whole_life, TELLS_GONE) >= 60);
}

static void *stop_when_served(void *unused)
{
    while (t.is_serving && !asks(t.addr[0])) {
        if (gev_yield() < 0) {
            continue;
        }
    }
    if (t.is_serving) {
        want(raise(SIGTERM) == 0);
    }
    return unused;
}

static void serve_until_signal(void)
{
    struct gev_greenlet *g;
    int r;

    (void)snprintf(t.addr[0], sizeof t.addr[0], "unix:@gev-serve-%d",
                   (int)getpid());
    arm();
    do {
        t.is_serving = true;
        g = go(stop_when_served, NULL);
        r = gev_serve(t.addr[0], answer, &t);
        t.is_serving = false;
        int saved = errno;
        join(g);
        errno = saved;
    } while (refused(r));
    disarm();
    want(r == 0);
}

static void serve_ends_with_the_signal_or_the_error(void **state)
{
    (void)state;
    assert_true(against_all_but(serve_until_signal, TELLS_GONE) >= 30);
}

/* The listener is gone: that ends the server, and gev_server_run() says so. */
static void run_until_the_listener_is_gone(void)
{
    int r;

    arm();
    do {
        t.server = gev_server_new(answer, &t);
    } while (refused(t.server ? 0 : -1));
    do {
        r = gev_server_listen(t.server, "127.0.0.1:0", 0, 0);
    } while (refused(r));
    if (round_.again) {
        want(gev_close(r) == 0);
    }
    r = gev_server_run(t.server);
    /* Its number may be the server's own by now. */
    want(r == -1 && (errno == EBADF || errno == ENOTSOCK));
    disarm();
    round_.fired |= !round_.again;
    round_.n_refused = 0;
    want(gev_server_stop(t.server, 0) == 0);
    gev_server_free(t.server);
}

static void a_lost_listener_ends_the_server(void **state)
{
    (void)state;
    round_.scenario = run_until_the_listener_is_gone;
    round_.fault = (struct fault_case){FAULT_ACCEPT, EBADF};
    round_.k = 1;
    assert_true(run_round());
}

/* Nothing works for a while: the server says so or goes on, and can be freed. */
static void bad_times(void)
{
    struct gev_greenlet *g;
    int r;

    t.server = gev_server_new(answer, &t);
    want(t.server && gev_init() == 0);
    listen_at_both();
    want(gev_server_start(t.server) == 0);
    g = go(client, t.addr[0]);
    if (!round_.again) {
        fault_arm_from(round_.fault.kinds, round_.k, round_.fault.err);
    }
    for (int i = 0; i < 10; i++) {
        r = gev_sleep(0.001);
        want(r == 0 || errno == round_.fault.err);
    }
    disarm();
    join(g);
    want(gev_server_stop(t.server, LIMIT) == 0);
    gev_server_free(t.server);
}

static void bad_times_are_survived(void **state)
{
    static const struct fault_case cases[] = {
        {FAULT_ACCEPT, EMFILE}, {FAULT_ACCEPT, ENFILE}, {FAULT_ACCEPT, ENOBUFS},
        {FAULT_ACCEPT, EAGAIN}, {FAULT_RECV, EAGAIN},   {FAULT_SEND, EAGAIN},
        {FAULT_OPEN, EMFILE},   {FAULT_CLOSE, EIO},     {MEMORY, ENOMEM},
    };

    (void)state;
    round_.scenario = bad_times;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        round_.fault = cases[i];
        round_.k = 1;
        (void)run_round();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_client_is_served_in_the_end),
        cmocka_unit_test(serve_ends_with_the_signal_or_the_error),
        cmocka_unit_test(a_lost_listener_ends_the_server),
        cmocka_unit_test(bad_times_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
