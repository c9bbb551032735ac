/* SPDX-License-Identifier: MIT */
/*
 * gev_relay_both: half-close either way, idle connections, and how one direction
 * ends the other
 */
#include "relaying.h"

static uint64_t both[2];

static long job_both(struct job *j)
{
    double idle = j->arg ? *(double *)j->arg : GEV_FOREVER;

    return gev_relay_both(a[1], b[0], idle, both);
}

static struct gev_greenlet *start(struct job *j, double *idle)
{
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    *j = (struct job){.fn = job_both, .arg = idle};
    struct gev_greenlet *g = job_start(j);
    assert_int_equal(gev_yield(), 0); /* the second direction starts, too */
    assert_false(j->done);
    return g;
}

static void assert_gets(int fd, const char *text)
{
    char buf[64];
    size_t n = strlen(text);

    assert_int_equal(gev_readall(fd, buf, n), n);
    assert_memory_equal(buf, text, n);
}

static void assert_gets_end(int fd)
{
    char c;

    assert_int_equal(gev_read(fd, &c, 1), 0);
}

static void both_directions_move_and_end_by_themselves(void **state)
{
    struct job j;
    struct gev_greenlet *g = start(&j, NULL);

    (void)state;
    assert_int_equal(write(a[0], "ping", 4), 4);
    assert_gets(b[1], "ping");
    assert_int_equal(write(b[1], "pong!", 5), 5);
    assert_gets(a[0], "pong!");
    assert_int_equal(shutdown(a[0], SHUT_WR), 0);
    assert_gets_end(b[1]);
    assert_int_equal(write(b[1], "still here", 10), 10);
    assert_gets(a[0], "still here");
    assert_false(j.done);
    assert_int_equal(shutdown(b[1], SHUT_WR), 0);
    assert_gets_end(a[0]);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    assert_int_equal(both[0], 4);
    assert_int_equal(both[1], 15);
    close_all();
    assert_nothing_held();
}

static void the_target_may_end_first(void **state)
{
    struct job j;
    struct gev_greenlet *g = start(&j, NULL);

    (void)state;
    assert_int_equal(write(b[1], "hello", 5), 5);
    assert_int_equal(shutdown(b[1], SHUT_WR), 0);
    assert_gets(a[0], "hello");
    assert_gets_end(a[0]);
    assert_int_equal(write(a[0], "thanks", 6), 6);
    assert_gets(b[1], "thanks");
    assert_int_equal(shutdown(a[0], SHUT_WR), 0);
    assert_gets_end(b[1]);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    close_all();
}

static void much_goes_both_ways_at_once(void **state)
{
    struct job j, feed[2], drink[2];
    struct gev_greenlet *g = start(&j, NULL), *v[4];
    long n = proc_scale(ALL);

    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = i ? b[1] : a[0];
        feed[i] = (struct job){.fn = job_feed, .fd = fd, .len = (size_t)n};
        drink[i] = (struct job){.fn = job_drink, .fd = fd};
        v[i] = job_start(&drink[i]);
        v[2 + i] = job_start(&feed[i]);
    }
    job_join(g);
    for (int i = 0; i < 4; i++) {
        job_join(v[i]);
    }
    assert_outcome(j.out, 0, 0);
    for (int i = 0; i < 2; i++) {
        assert_outcome(feed[i].out, n, 0);
        assert_outcome(drink[i].out, n, 0);
        assert_int_equal(both[i], n);
    }
    close_all();
    assert_nothing_held();
}

static void a_reset_ends_both(void **state)
{
    struct job j;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct gev_greenlet *g = start(&j, NULL);
        sock_reset(i ? b[1] : a[0]);
        job_join(g);
        assert_outcome(j.out, -1, ECONNRESET);
        gev_close(i ? a[0] : b[1]);
        gev_close(a[1]);
        gev_close(b[0]);
    }
}

static void closing_one_ends_both(void **state)
{
    struct job j;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct gev_greenlet *g = start(&j, NULL);
        gev_close(i ? b[0] : a[1]);
        job_join(g);
        assert_outcome(j.out, -1, EBADF);
        gev_close(a[0]);
        gev_close(b[1]);
        gev_close(i ? a[1] : b[0]);
    }
}

static void kill_ends_both(void **state)
{
    struct job j;
    struct gev_greenlet *g = start(&j, NULL);
    struct gev_stats st;

    (void)state;
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(gev_run(5), 0);
    assert_int_equal(gev_stats(&st, sizeof st), 0);
    assert_int_equal(st.greenlets, 0);
    assert_int_equal(write(a[0], "x", 1), 1); /* nobody takes it */
    char c;
    assert_int_equal(gev_read(a[1], &c, 1), 1);
    close_all();
}

static void kill_while_the_other_direction_goes_on(void **state)
{
    struct job j;
    struct gev_greenlet *g = start(&j, NULL);

    (void)state;
    assert_int_equal(shutdown(a[0], SHUT_WR), 0);
    assert_gets_end(b[1]); /* the caller only waits for the other now */
    assert_false(j.done);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(gev_run(5), 0);
    close_all();
}

static void kill_before_the_second_has_started(void **state)
{
    struct job j = {.fn = job_both};

    (void)state;
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    struct gev_greenlet *g = job_start(&j); /* has spawned it, no more */
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(gev_run(5), 0);
    close_all();
}

static void a_scope_around_it_counts(void **state)
{
    (void)state;
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    int64_t id = gev_timeout_push(0.02);
    assert_fails(gev_relay_both(a[1], b[0], GEV_FOREVER, both), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_int_equal(gev_run(5), 0);
    close_all();
}

static void idle_connections_time_out(void **state)
{
    (void)state;
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    double begin = gev_now();
    assert_fails(gev_relay_both(a[1], b[0], 0.05, both), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.049);
    assert_int_equal(both[0] + both[1], 0);
    assert_int_equal(gev_run(5), 0);
    close_all();
}

/* The quiet direction is not idle while the other one moves. */
static void one_busy_direction_keeps_both_alive(void **state)
{
    struct job j;
    double idle = 0.4;
    struct gev_greenlet *g = start(&j, &idle);

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(write(b[1], "tick", 4), 4);
        assert_gets(a[0], "tick");
        assert_int_equal(gev_sleep(0.04), 0);
    }
    assert_false(j.done);
    job_join(g);
    assert_outcome(j.out, -1, ETIMEDOUT);
    assert_int_equal(both[1], 80);
    close_all();
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    sock_tcp_pair(a);
    assert_fails(gev_relay_both(a[0], a[1], -1, NULL), EINVAL);
    assert_fails(gev_relay_both(a[0], a[1], NAN, NULL), EINVAL);
    assert_fails(gev_relay_both(-1, a[1], 1, NULL), EBADF);
    assert_fails(gev_relay_both(a[0], -1, 1, NULL), EBADF);
    close_pair(a);
}

static void each_allocation_that_fails_is_enomem(void **state)
{
    (void)state;
    for (long k = 1;; k++) {
        int before = n_fds();
        sock_tcp_pair(a);
        sock_tcp_pair(b);
        assert_int_equal(shutdown(a[0], SHUT_WR), 0);
        assert_int_equal(shutdown(b[1], SHUT_WR), 0);
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        int r = gev_relay_both(a[1], b[0], 5, both), err = errno;
        bool hit = fault_disarm();
        assert_int_equal(gev_run(5), 0);
        close_all();
        assert_int_equal(n_fds(), before);
        if (!hit) {
            assert_int_equal(r, 0);
            break;
        }
        if (r < 0) {
            assert_int_equal(err, ENOMEM);
        }
    }
    assert_nothing_held();
}

static void shutdown_ends_relays(void **state)
{
    struct job j = {.fn = job_both};

    (void)state;
    sock_tcp_pair(a);
    sock_tcp_pair(b);
    struct gev_greenlet *g = gev_spawn(job_main, &j);
    gev_unref(g);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_outcome(j.out, -1, ECANCELED);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_move_and_end_by_themselves),
        cmocka_unit_test(the_target_may_end_first),
        cmocka_unit_test(much_goes_both_ways_at_once),
        cmocka_unit_test(a_reset_ends_both),
        cmocka_unit_test(closing_one_ends_both),
        cmocka_unit_test(kill_ends_both),
        cmocka_unit_test(kill_while_the_other_direction_goes_on),
        cmocka_unit_test(kill_before_the_second_has_started),
        cmocka_unit_test(a_scope_around_it_counts),
        cmocka_unit_test(idle_connections_time_out),
        cmocka_unit_test(one_busy_direction_keeps_both_alive),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(each_allocation_that_fails_is_enomem),
        cmocka_unit_test(shutdown_ends_relays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
