/* SPDX-License-Identifier: MIT */
/*
 * gev_relay: every kind of descriptor, and its end and errors
 */
#include "relaying.h"

#include <sys/mman.h>

static void unix_pair(int fds[2])
{
    sock_pair(fds, true);
}

static void foreign_pair(int fds[2])
{
    sock_pair(fds, false);
}

/* fds[0] is written, fds[1] is read. */
static void pipe_pair(int fds[2])
{
    int p[2];

    assert_int_equal(pipe(p), 0);
    fds[0] = p[1];
    fds[1] = p[0];
}

static void gev_pipe_pair(int fds[2])
{
    int p[2];

    assert_int_equal(gev_pipe(p), 0);
    fds[0] = p[1];
    fds[1] = p[0];
}

/* Moves j.len bytes through a relay; all must arrive, and the end. */
static void move(size_t n)
{
    struct job feed = {.fn = job_feed, .fd = a[0], .len = n};
    struct job relay = {.fn = job_relay};
    struct job drink = {.fn = job_drink, .fd = b[1]};
    struct gev_greenlet *gr = job_start(&relay), *gd = job_start(&drink);
    struct gev_greenlet *gf = job_start(&feed);

    job_join(gf);
    job_join(gr);
    assert_outcome(feed.out, (long)n, 0);
    assert_outcome(relay.out, 0, 0);
    assert_int_equal(moved, n);
    if (gev_shutdown_fd(b[0], SHUT_WR) < 0) {
        gev_close(b[0]); /* a pipe has no half-close */
    }
    job_join(gd);
    assert_outcome(drink.out, (long)n, 0);
    assert_nothing_held();
}

static void every_byte_arrives_between_all_kinds(void **state)
{
    static void (*const kinds[])(int fds[2]) = {
        sock_tcp_pair, unix_pair, foreign_pair, pipe_pair, gev_pipe_pair,
    };
    size_t n = (size_t)proc_scale(ALL);

    (void)state;
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 5; k++) {
            kinds[i](a);
            kinds[k](b);
            move(n);
            close_all();
        }
    }
}

static void bytes_of_sockets_are_spliced(void **state)
{
    (void)state;
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    fault_count_reset();
    struct job relay = {.fn = job_relay};
    struct gev_greenlet *g = job_start(&relay);
    assert_int_equal(write(a[0], "hello", 5), 5);
    gev_close(a[0]);
    job_join(g);
    assert_outcome(relay.out, 0, 0);
    assert_int_equal(fault_count(FAULT_RECV | FAULT_SEND | FAULT_READ), 0);
    assert_in_range(fault_count(FAULT_SPLICE), 3, 6);
    char buf[8];
    assert_int_equal(read(b[1], buf, sizeof buf), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(read(b[1], buf, sizeof buf), 0);
    gev_close(a[1]);
    close_pair(b);
}

static void a_file_is_relayed_through_a_buffer(void **state)
{
    int file = memfd_create("gev-relay", MFD_CLOEXEC), fds[2];
    char text[1000], got[2000];

    (void)state;
    memset(text, 'f', sizeof text);
    assert_int_equal(write(file, text, sizeof text), sizeof text);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    sock_pair(fds, true);
    errno = 4711;
    assert_int_equal(gev_relay(file, fds[0], 0, &moved), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(moved, sizeof text);
    assert_int_equal(gev_relay(fds[1], file, 0, NULL), 0);
    assert_int_equal(pread(file, got, sizeof got, 0), 2 * sizeof text);
    assert_memory_equal(got + sizeof text, text, sizeof text);
    close_pair(fds);
    gev_close(file);
}

static void the_end_is_passed_on_unless_told_not_to(void **state)
{
    char c;

    (void)state;
    for (unsigned flags = 0; flags < 2; flags++) {
        sock_tcp_pair(a);
        sock_tcp_pair(b);
        sock_set_nonblock(b[1], true);
        assert_int_equal(shutdown(a[0], SHUT_WR), 0);
        assert_int_equal(gev_relay(a[1], b[0], flags, &moved), 0);
        assert_int_equal(moved, 0);
        if (flags & GEV_RELAY_NO_SHUTDOWN) {
            assert_int_equal(read(b[1], &c, 1), -1);
            assert_int_equal(gev_write(b[0], "x", 1), 1);
        } else {
            assert_int_equal(gev_read(b[1], &c, 1), 0);
            assert_fails(gev_write(b[0], "x", 1), EPIPE);
        }
        close_all();
    }
}

static void a_socket_may_be_relayed_to_itself(void **state)
{
    char buf[8];

    (void)state;
    sock_pair(a, true);
    sock_pair(b, true);
    assert_int_equal(write(a[0], "echo", 4), 4);
    assert_int_equal(shutdown(a[0], SHUT_WR), 0);
    assert_int_equal(gev_relay(a[1], a[1], 0, &moved), 0);
    assert_int_equal(read(a[0], buf, sizeof buf), 4);
    assert_int_equal(read(a[0], buf, sizeof buf), 0);
    close_all();
}

/* Starts one; it waits for bytes. */
static struct gev_greenlet *start_idle(struct job *relay)
{
    unix_pair(a);
    unix_pair(b);
    *relay = (struct job){.fn = job_relay};
    struct gev_greenlet *g = job_start(relay);
    assert_false(relay->done);
    return g;
}

/* Starts one that waits for room, with a full pipe. */
static struct gev_greenlet *start_stuck(struct job *relay)
{
    struct gev_greenlet *g;

    unix_pair(a);
    unix_pair(b);
    small_buffers(b[0]);
    sock_fill(b[0]);
    *relay = (struct job){.fn = job_relay};
    assert_int_equal(write(a[0], "0123456789", 10), 10);
    g = job_start(relay);
    assert_false(relay->done);
    return g;
}

static void a_waiting_relay_holds_neither_pipe_nor_buffer(void **state)
{
    struct job relay;
    struct gev_greenlet *g;
    int before;

    (void)state;
    unix_pair(a);
    unix_pair(b);
    before = n_fds();
    relay = (struct job){.fn = job_relay};
    g = job_start(&relay);
    assert_int_equal(n_fds(), before);
    assert_int_equal(write(a[0], "x", 1), 1);
    char c;
    assert_int_equal(gev_read(b[1], &c, 1), 1);
    gev_yield();
    assert_int_equal(n_fds(), before);
    assert_true(gev__pipe_count() >= 1);
    assert_nothing_held();
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(relay.out, -1, ECANCELED);
    close_all();
}

static void kill_and_scope_end_it_at_each_wait(void **state)
{
    struct gev_greenlet *(*const starts[])(struct job *) = {start_idle,
                                                            start_stuck};
    struct job relay;

    (void)state;
    for (int i = 0; i < 2; i++) {
        int before = n_fds();
        struct gev_greenlet *g = starts[i](&relay);
        assert_int_equal(gev_kill(g, 5), 0);
        gev_unref(g);
        assert_outcome(relay.out, -1, ECANCELED);
        assert_nothing_held();
        int64_t id = gev_timeout_push(0.01);
        assert_fails(gev_relay(a[1], b[0], 0, &moved), ETIMEDOUT);
        assert_int_equal(gev_timeout_pop(id), 1);
        close_all();
        assert_int_equal(n_fds(), before);
    }
}

static void the_descriptors_limits_count(void **state)
{
    struct job relay;
    struct gev_greenlet *g;

    (void)state;
    unix_pair(a);
    unix_pair(b);
    assert_int_equal(gev_settimeout(a[1], 0.01, GEV_FOREVER), 0);
    assert_fails(gev_relay(a[1], b[0], 0, NULL), ETIMEDOUT);
    close_all();
    g = start_stuck(&relay);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_int_equal(gev_settimeout(b[0], GEV_FOREVER, 0.01), 0);
    assert_int_equal(write(a[0], "more", 4), 4);
    assert_fails(gev_relay(a[1], b[0], 0, NULL), ETIMEDOUT);
    close_all();
}

static void with_no_time_it_looks_once(void **state)
{
    char buf[8];

    (void)state;
    unix_pair(a);
    unix_pair(b);
    assert_int_equal(write(a[0], "abc", 3), 3);
    int64_t id = gev_timeout_push(0);
    assert_fails(gev_relay(a[1], b[0], 0, &moved), ETIMEDOUT);
    gev_timeout_pop(id);
    assert_int_equal(moved, 3);
    assert_int_equal(read(b[1], buf, sizeof buf), 3);
    close_all();
}

static void what_was_stuck_in_a_pipe_is_never_seen_again(void **state)
{
    struct job relay;
    struct gev_greenlet *g = start_stuck(&relay);
    char buf[64];

    (void)state;
    gev_kill(g, 5);
    gev_unref(g);
    close_all();
    for (int i = 0; i < 10; i++) { /* more than are kept */
        unix_pair(a);
        unix_pair(b);
        assert_int_equal(write(a[0], "new", 3), 3);
        assert_int_equal(shutdown(a[0], SHUT_WR), 0);
        assert_int_equal(gev_relay(a[1], b[0], 0, &moved), 0);
        assert_int_equal(read(b[1], buf, sizeof buf), 3);
        assert_memory_equal(buf, "new", 3);
        close_all();
    }
}

static void closing_either_end_is_ebadf(void **state)
{
    struct job relay;
    struct gev_greenlet *g = start_idle(&relay);

    (void)state;
    gev_close(a[1]);
    job_join(g);
    assert_outcome(relay.out, -1, EBADF);
    gev_close(a[0]);
    close_pair(b);
    g = start_stuck(&relay);
    gev_close(b[0]);
    job_join(g);
    assert_outcome(relay.out, -1, EBADF);
    gev_close(b[1]);
    close_pair(a);
    g = start_idle(&relay);
    gev_close(b[0]); /* noticed when there is something for it */
    assert_int_equal(write(a[0], "x", 1), 1);
    job_join(g);
    assert_outcome(relay.out, -1, EBADF);
    gev_close(b[1]);
    close_pair(a);
    assert_nothing_held();
}

static void resets_and_closed_peers_are_told(void **state)
{
    struct job relay = {.fn = job_relay};

    (void)state;
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    struct gev_greenlet *g = job_start(&relay);
    sock_reset(a[0]);
    job_join(g);
    assert_outcome(relay.out, -1, ECONNRESET);
    gev_close(a[1]);
    close_pair(b);
    sock_tcp_pair(a);
    sock_pair(b, true);
    gev_close(b[1]);
    assert_int_equal(write(a[0], "x", 1), 1); /* and no SIGPIPE */
    assert_fails(gev_relay(a[1], b[0], 0, &moved), EPIPE);
    assert_int_equal(moved, 0);
    close_pair(a);
    gev_close(b[0]);
    assert_nothing_held();
}

static void a_second_reader_or_writer_gets_ebusy(void **state)
{
    struct job relay;
    struct gev_greenlet *g = start_idle(&relay);
    char c;

    (void)state;
    assert_fails(gev_relay(a[1], b[0], 0, NULL), EBUSY);
    assert_fails(gev_read(a[1], &c, 1), EBUSY);
    gev_kill(g, 5);
    gev_unref(g);
    close_all();
    g = start_stuck(&relay);
    assert_fails(gev_write(b[0], "x", 1), EBUSY);
    gev_kill(g, 5);
    gev_unref(g);
    close_all();
}

static void a_reader_that_came_meanwhile_keeps_its_place(void **state)
{
    struct job relay, drink = {.fn = job_drink};
    struct gev_greenlet *g = start_stuck(&relay), *r;
    char buf[4096];

    (void)state;
    drink.fd = a[1];
    r = job_start(&drink);
    while (gev_state(g) != GEV_DEAD) {
        (void)recv(b[1], buf, sizeof buf, MSG_DONTWAIT);
        assert_int_equal(gev_sleep(0.0005), 0);
    }
    assert_outcome(relay.out, -1, EBUSY);
    gev_unref(g);
    assert_int_equal(gev_state(r), GEV_ACTIVE);
    assert_int_equal(gev_shutdown_fd(a[0], SHUT_WR), 0);
    job_join(r);
    close_all();
}

static void bad_arguments_are_refused(void **state)
{
    int d[2];

    (void)state;
    unix_pair(a);
    unix_pair(b);
    assert_fails(gev_relay(a[1], b[0], 8, NULL), EINVAL);
    assert_fails(gev_relay(-1, b[0], 0, NULL), EBADF);
    assert_fails(gev_relay(a[1], -1, 0, NULL), EBADF);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, d), 0);
    assert_fails(gev_relay(d[0], b[0], 0, NULL), EINVAL);
    assert_fails(gev_relay(a[1], d[0], 0, NULL), EINVAL);
    close_pair(d);
    close_all();
}

static void a_stuck_relay_lets_the_loop_sleep(void **state)
{
    struct job relay;
    struct gev_greenlet *g = start_stuck(&relay);
    struct gev_stats before, after;

    (void)state;
    assert_int_equal(write(a[0], "more", 4), 4);
    assert_int_equal(gev_sleep(0.02), 0);
    assert_int_equal(gev_stats(&before, sizeof before), 0);
    assert_int_equal(gev_sleep(0.05), 0);
    assert_int_equal(gev_stats(&after, sizeof after), 0);
    assert_true(after.polls - before.polls < 10);
    gev_kill(g, 5);
    gev_unref(g);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives_between_all_kinds),
        cmocka_unit_test(bytes_of_sockets_are_spliced),
        cmocka_unit_test(a_file_is_relayed_through_a_buffer),
        cmocka_unit_test(the_end_is_passed_on_unless_told_not_to),
        cmocka_unit_test(a_socket_may_be_relayed_to_itself),
        cmocka_unit_test(a_waiting_relay_holds_neither_pipe_nor_buffer),
        cmocka_unit_test(kill_and_scope_end_it_at_each_wait),
        cmocka_unit_test(the_descriptors_limits_count),
        cmocka_unit_test(with_no_time_it_looks_once),
        cmocka_unit_test(what_was_stuck_in_a_pipe_is_never_seen_again),
        cmocka_unit_test(closing_either_end_is_ebadf),
        cmocka_unit_test(resets_and_closed_peers_are_told),
        cmocka_unit_test(a_second_reader_or_writer_gets_ebusy),
        cmocka_unit_test(a_reader_that_came_meanwhile_keeps_its_place),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(a_stuck_relay_lets_the_loop_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
