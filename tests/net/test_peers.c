/* SPDX-License-Identifier: MIT */
/*
 * Hostile peers: they reset, stall, flood, dribble, read slowly, vanish. Everyone
 * else is served, memory stays bounded, and SIGPIPE is never raised.
 */
#include "run.h"

#include "serving.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "support/proc.h"
#include "support/sock.h"

enum { N_OTHERS = 50, N_ROUNDS = 20 };

static char big[4 << 20];
static volatile sig_atomic_t n_sigpipes;

static void on_sigpipe(int signo)
{
    (void)signo;
    n_sigpipes++;
}

static int count_sigpipes(void **state)
{
    struct sigaction a = {.sa_handler = on_sigpipe};

    (void)state;
    return sigaction(SIGPIPE, &a, NULL);
}

/* After each test. */
static int no_sigpipe_no_greenlet(void **state)
{
    struct gev_stats st;

    (void)state;
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(gev_stats(&st, sizeof st), 0);
    assert_int_equal(st.greenlets, 0);
    assert_int_equal(n_sigpipes, 0);
    return 0;
}

static void end_server(struct gev_server *s)
{
    assert_int_equal(gev_server_stop(s, 10), 0);
    gev_server_free(s);
}

static void resets_in_the_middle_harm_nobody_else(void **state)
{
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    int before = proc_n_fds();
    int good = sock_connect(port);

    (void)state;
    for (int i = 0; i < N_OTHERS; i++) {
        int fd = sock_connect(port);
        sock_fill(fd); /* echoes that nobody reads */
        if (i % 2) {
            assert_int_equal(gev_yield(), 0);
        }
        exchange(good);
        sock_reset(fd);
    }
    exchange(good);
    gev_close(good);
    await_connections(s, 0);
    assert_int_equal(n_handled, N_OTHERS + 1);
    assert_int_equal(proc_n_fds(), before);
    end_server(s);
}

static int n_stalled;

static void impatient(int fd, const struct sockaddr *peer, void *arg)
{
    char c;

    (void)peer;
    (void)arg;
    if (gev_settimeout(fd, 0.02, 0.02) == 0 && gev_read(fd, &c, 1) < 0 &&
        errno == ETIMEDOUT) {
        n_stalled++;
    }
    if (gev_writeall(fd, big, sizeof big) < (ssize_t)sizeof big &&
        errno == ETIMEDOUT) {
        n_stalled++;
    }
}

static void stalled_peers_time_out(void **state)
{
    int port, fd[10];
    struct gev_server *s = started(impatient, NULL, &port);

    (void)state;
    n_stalled = 0;
    for (int i = 0; i < 10; i++) {
        fd[i] = sock_connect(port);
    }
    await_connections(s, 10);
    await_connections(s, 0);
    assert_int_equal(n_stalled, 20);
    for (int i = 0; i < 10; i++) {
        close(fd[i]);
    }
    end_server(s);
}

static bool flood_ends;

/* Always has data, and takes all that comes back. */
static long flood(struct job *j)
{
    long n = 0;

    while (!flood_ends) {
        ssize_t r = gev_write(j->fd, big, 65536);
        if (r > 0) {
            n += r;
            r = gev_readall(j->fd, j->buf, (size_t)r);
        }
        if (r <= 0) {
            return -1;
        }
    }
    return n;
}

static long talk(struct job *j)
{
    char in[64], out[64];

    for (int i = 0; i < N_ROUNDS; i++) {
        memset(out, i, sizeof out);
        if (gev_writeall(j->fd, out, sizeof out) != sizeof out ||
            gev_readall(j->fd, in, sizeof in) != sizeof in ||
            memcmp(in, out, sizeof in) != 0) {
            return i;
        }
    }
    return N_ROUNDS;
}

static void a_flood_leaves_others_their_turns(void **state)
{
    static char sink[65536];
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    struct job f = {.fn = flood, .fd = sock_connect(port), .buf = sink};
    struct job others[N_OTHERS];
    struct gev_greenlet *gf, *g[N_OTHERS];

    (void)state;
    flood_ends = false;
    gf = job_start(&f);
    for (int i = 0; i < N_OTHERS; i++) {
        others[i] = (struct job){.fn = talk, .fd = sock_connect(port)};
        g[i] = job_start(&others[i]);
    }
    for (int i = 0; i < N_OTHERS; i++) {
        job_join(g[i]);
        assert_outcome(others[i].out, N_ROUNDS, 0);
        gev_close(others[i].fd);
    }
    assert_false(f.done); /* it has never stopped */
    flood_ends = true;
    job_join(gf);
    assert_true(f.out.r > 0);
    gev_close(f.fd);
    end_server(s);
}

static void what_came_before_a_half_close_is_answered(void **state)
{
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    int fd = sock_connect(port);
    struct job w = {.fn = job_write, .fd = fd, .buf = big, .len = 60000};
    char *in = test_malloc(60001);

    (void)state;
    struct gev_greenlet *g = job_start(&w);
    job_join(g);
    assert_true(w.out.r > 0);
    assert_int_equal(gev_shutdown_fd(fd, SHUT_WR), 0);
    assert_int_equal(gev_readall(fd, in, 60001), w.out.r);
    assert_memory_equal(in, big, (size_t)w.out.r);
    test_free(in);
    gev_close(fd);
    await_connections(s, 0);
    end_server(s);
}

static long dribble(struct job *j)
{
    for (size_t i = 0; i < j->len; i++) {
        if (gev_write(j->fd, j->buf + i, 1) != 1 || gev_yield() < 0) {
            return -1;
        }
    }
    return (long)j->len;
}

static void single_bytes_are_put_together(void **state)
{
    int fds[2];
    char text[] = "GET / HTTP/1.1\r\nHost: slow\r\n\r\n", in[sizeof text];
    struct job d = {.fn = dribble, .buf = text, .len = sizeof text};

    (void)state;
    sock_tcp_pair(fds);
    d.fd = fds[1];
    struct gev_greenlet *g = job_start(&d);
    assert_int_equal(gev_readall(fds[0], in, sizeof in), sizeof in);
    assert_memory_equal(in, text, sizeof in);
    job_join(g);
    assert_outcome(d.out, sizeof text, 0);
    close_pair(fds);
}

static long write_all(struct job *j)
{
    return gev_writeall(j->fd, j->buf, j->len);
}

/* The writer waits: its bytes stay its own, and are not queued anywhere. */
static void a_slow_reader_holds_the_writer_back(void **state)
{
    static char in[65536];
    int fds[2];
    struct job w = {.fn = write_all, .buf = big, .len = sizeof big};
    size_t n_got = 0, before, n_turns = 0;

    (void)state;
    memset(big, 'b', sizeof big);
    sock_pair(fds, true);
    w.fd = fds[1];
    before = proc_rss();
    struct gev_greenlet *g = job_start(&w);
    assert_false(w.done);
    while (n_got < sizeof big) {
        ssize_t n = gev_read(fds[0], in, 20000);
        assert_true(n > 0);
        assert_int_equal(in[0], 'b');
        n_got += (size_t)n;
        n_turns++;
        assert_true(w.done || n_got < sizeof big);
        assert_int_equal(gev_yield(), 0);
    }
    assert_true(n_turns > 100);
    assert_true(proc_rss() < before + sizeof big / 2);
    job_join(g);
    assert_outcome(w.out, sizeof big, 0);
    close_pair(fds);
}

static long send_file(struct job *j)
{
    off_t at = 0;

    return gev_sendfile(j->fd, j->flags, &at, j->len);
}

/* What was sent before counts; then it is EPIPE or ECONNRESET, and no signal. */
static void a_client_leaves_in_the_middle_of_a_file(void **state)
{
    int file = memfd_create("gev-peers", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(ftruncate(file, 64 << 20), 0);
    for (int i = 0; i < 3; i++) {
        int fds[2];
        struct job j = {.fn = send_file, .flags = file, .len = 64 << 20};
        sock_tcp_pair(fds);
        j.fd = fds[0];
        struct gev_greenlet *g = job_start(&j);
        assert_true(gev_read(fds[1], big, sizeof big) > 0);
        assert_false(j.done);
        if (i == 0) {
            assert_int_equal(gev_fd_forget(fds[1]), 0);
            sock_reset(fds[1]);
        } else {
            gev_close(fds[1]); /* with bytes unread: a reset as well */
        }
        job_join(g);
        assert_in_range(j.out.r, 1, (64 << 20) - 1);
        assert_true(j.out.err == EPIPE || j.out.err == ECONNRESET);
        j = (struct job){
            .fn = send_file, .fd = fds[0], .flags = file, .len = 1 << 20};
        assert_outcome(job_run(&j), -1, EPIPE);
        gev_close(fds[0]);
    }
    close(file);
}

static long write_until_error(struct job *j)
{
    ssize_t n;

    while ((n = gev_writeall(j->fd, big, 100000)) == 100000) {
    }
    return n < 0 || errno == EPIPE || errno == ECONNRESET ? -1 : 0;
}

static void every_way_to_write_to_the_dead_is_an_error_only(void **state)
{
    int fds[2];
    struct iovec v[2] = {{big, 10}, {big, 10}};
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = 2};
    struct job j = {.fn = write_until_error};

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    close(fds[1]);
    job_join(g);
    assert_int_equal(j.out.r, -1);
    assert_fails(gev_write(fds[0], big, 10), EPIPE);
    assert_fails(gev_writev(fds[0], v, 2), EPIPE);
    assert_fails(gev_writeall(fds[0], big, 10), EPIPE);
    assert_fails(gev_writevall(fds[0], v, 2), EPIPE);
    assert_fails(gev_send(fds[0], big, 10, 0), EPIPE);
    assert_fails(gev_sendto(fds[0], big, 10, 0, NULL, 0), EPIPE);
    assert_fails(gev_sendmsg(fds[0], &msg, 0), EPIPE);
    assert_fails(gev_send_fd(fds[0], fds[0]), EPIPE);
    gev_close(fds[0]);
}

/* Two that become ready at once. */
static struct {
    int fd[2];   /* what each waits for */
    int peer[2]; /* the other ends */
    int next[2]; /* the next life of the second one's number, and its peer */
    int n_woken; /* who is first closes what the other waits for */
} pair;

static long close_the_others(struct job *j, long r)
{
    int other = pair.fd[j->fd == pair.fd[0]];
    int err = errno;

    if (pair.n_woken++ == 0) {
        if (gev_close(other) < 0 ||
            gev_socketpair(SOCK_STREAM, pair.next) < 0 ||
            pair.next[0] != other) {
            return -2;
        }
        if (write(pair.next[1], "new", 3) != 3) {
            return -3;
        }
    }
    errno = err;
    return r;
}

static long read_or_lose(struct job *j)
{
    char buf[64];

    return close_the_others(j, gev_read(j->fd, buf, sizeof buf));
}

static long readv_or_lose(struct job *j)
{
    char buf[64];
    struct iovec v[2] = {{buf, 8}, {buf + 8, 8}};

    return close_the_others(j, gev_readv(j->fd, v, 2));
}

static long write_or_lose(struct job *j)
{
    return close_the_others(j, gev_write(j->fd, big, 5));
}

static void open_both(bool full)
{
    for (int i = 0; i < 2; i++) {
        int fds[2];
        sock_pair(fds, true);
        pair.fd[i] = fds[0];
        pair.peer[i] = fds[1];
        if (full) {
            sock_fill(fds[0]);
        }
    }
    pair.n_woken = 0;
}

/* Both are woken by the same poll. When the second one's turn comes its number
 * has a new life, with data and with room, which is none of its business. */
static void the_second_of(long (*fn)(struct job *j), bool is_write)
{
    struct job j[2] = {{.fn = fn}, {.fn = fn}};
    struct gev_greenlet *g[2];
    char buf[8];

    open_both(is_write);
    for (int i = 0; i < 2; i++) {
        j[i].fd = pair.fd[i];
        g[i] = job_start(&j[i]);
    }
    assert_int_equal(gev_sleep(0.001), 0); /* both are watched by now */
    for (int i = 0; i < 2; i++) {
        if (!is_write) {
            assert_int_equal(write(pair.peer[i], "older", 5), 5);
        }
        while (is_write && read(pair.peer[i], big, sizeof big) > 0) {
        }
    }
    job_join(g[0]);
    job_join(g[1]);
    int first = j[1].fd == pair.next[0] ? 0 : 1;
    assert_outcome(j[first].out, 5, 0);
    assert_outcome(j[!first].out, -1, EBADF);
    assert_int_equal(read(pair.next[0], buf, sizeof buf), 3);
    assert_int_equal(read(pair.next[1], buf, sizeof buf), -1);
    close_pair(pair.next);
    close_pair(pair.peer);
    gev_close(j[first].fd);
}

static void a_woken_call_leaves_the_numbers_next_life_alone(void **state)
{
    (void)state;
    the_second_of(read_or_lose, false);
    the_second_of(readv_or_lose, false);
    the_second_of(write_or_lose, true);
}

#define TEST(name) cmocka_unit_test_teardown(name, no_sigpipe_no_greenlet)

/* Linux says so once, and then that the stream has ended. */
static void reset_is_told_by_a_later_read_too(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        struct job r = {.fn = job_read_local};
        struct gev_greenlet *g;
        char all[4];
        int fds[2];

        sock_tcp_pair(fds);
        r.fd = fds[0];
        assert_int_equal(gev_write(fds[1], "once", 4), 4);
        assert_int_equal(gev_read(fds[0], all, sizeof all), 4);
        if (!waits) {
            sock_reset(fds[1]);
        }
        g = job_start(&r);
        if (waits) {
            sock_reset(fds[1]);
        }
        job_join(g);
        assert_outcome(r.out, -1, ECONNRESET);
        gev_close(fds[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_is_told_by_a_later_read_too),
        TEST(resets_in_the_middle_harm_nobody_else),
        TEST(stalled_peers_time_out),
        TEST(a_flood_leaves_others_their_turns),
        TEST(what_came_before_a_half_close_is_answered),
        TEST(single_bytes_are_put_together),
        TEST(a_slow_reader_holds_the_writer_back),
        TEST(a_client_leaves_in_the_middle_of_a_file),
        TEST(every_way_to_write_to_the_dead_is_an_error_only),
        TEST(a_woken_call_leaves_the_numbers_next_life_alone),
    };

    return cmocka_run_group_tests(tests, count_sigpipes, NULL);
}
