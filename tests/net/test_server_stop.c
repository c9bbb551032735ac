/* SPDX-License-Identifier: MIT */
/*
 * gev_server_stop, gev_server_free, gev_serve: how a server ends
 */
#include "run.h"

#include "serving.h"

#include <signal.h>

#include "support/proc.h"

static struct outcome stop_outcome;

static void stop_waits_for_handlers(void **state)
{
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    int fd = sock_connect(port);

    (void)state;
    exchange(fd);
    shutdown(fd, SHUT_WR);
    assert_int_equal(gev_server_stop(s, GEV_FOREVER), 0);
    assert_int_equal(n_handled, 1);
    assert_fails(gev_server_start(s), EINVAL);
    assert_fails(gev_server_listen(s, "127.0.0.1:0", 0, 0), EINVAL);
    assert_int_equal(gev_server_stop(s, 1), 0);
    gev_server_free(s);
    gev_close(fd);
}

static void stop_kills_those_that_overstay(void **state)
{
    int port;
    struct gev_server *s = started(stubborn, NULL, &port);
    int fd = sock_connect(port);
    double before = gev_now();

    (void)state;
    await_connections(s, 1);
    assert_int_equal(gev_server_stop(s, 0.05), 0);
    assert_true(gev_now() - before >= 0.049);
    assert_int_equal(n_handled, 1);
    gev_server_free(s);
    close(fd);
}

static long job_stop(struct job *j)
{
    return gev_server_stop(j->arg, j->len ? GEV_FOREVER : 0.01);
}

static void second_stop_with_less_grace_kills(void **state)
{
    int port;
    struct gev_server *s = started(stubborn, NULL, &port);
    int fd = sock_connect(port);
    struct job patient = {.fn = job_stop, .arg = s, .len = 1};
    struct job hasty = {.fn = job_stop, .arg = s, .len = 0};

    (void)state;
    await_connections(s, 1);
    struct gev_greenlet *a = job_start(&patient), *b = job_start(&hasty);
    job_join(a);
    job_join(b);
    assert_outcome(patient.out, 0, 0);
    assert_outcome(hasty.out, 0, 0);
    gev_server_free(s);
    close(fd);
}

static void killed_stop_leaves_handlers_running(void **state)
{
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    int fd = sock_connect(port);
    struct job j = {.fn = job_stop, .arg = s, .len = 1};

    (void)state;
    exchange(fd);
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    exchange(fd);
    gev_close(fd);
    assert_int_equal(gev_server_stop(s, 5), 0);
    gev_server_free(s);
}

static void stopper(int fd, const struct sockaddr *peer, void *arg)
{
    struct gev_server **s = arg;

    (void)fd;
    (void)peer;
    stop_outcome.r = gev_server_stop(*s, 5);
    stop_outcome.err = errno;
    n_handled++;
}

static void a_handler_may_stop_its_server(void **state)
{
    int port;
    static struct gev_server *s;

    (void)state;
    s = started(stopper, &s, &port);
    int a = sock_connect(port), b = sock_connect(port);
    assert_int_equal(gev_server_run(s), 0);
    assert_outcome(stop_outcome, 0, 0);
    assert_true(n_handled >= 1);
    gev_server_free(s);
    close(a);
    close(b);
}

static long free_on_hub(void *arg)
{
    gev_server_free(arg);
    return 0;
}

static void free_while_running_kills_handlers(void **state)
{
    int port;
    int before = proc_n_fds();

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct gev_server *s = started(stubborn, NULL, &port);
        int fd = sock_connect(port);
        await_connections(s, 1);
        if (i) {
            assert_outcome(run_on_hub(free_on_hub, s), 0, 0);
        } else {
            gev_server_free(s);
        }
        close(fd);
        for (int k = 0; k < 1000 && n_handled < 1; k++) {
            assert_int_equal(gev_sleep(0.001), 0);
        }
        assert_int_equal(n_handled, 1);
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_true(proc_n_fds() <= before + 1); /* the hub's own may be new */
    gev_server_free(NULL);
}

static void handlers_that_never_started_are_cleaned_up(void **state)
{
    int port;
    struct gev_server *s = started(echo, NULL, &port);
    int before = proc_n_fds();
    int fd[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        fd[i] = sock_connect(port);
    }
    for (int i = 0; i < 100 && stats_of(s).connections == 0; i++) {
        assert_int_equal(gev_yield(), 0);
    }
    gev_server_free(s);
    for (int i = 0; i < 5; i++) {
        close(fd[i]);
    }
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(proc_n_fds(), before - 2); /* listener and spare */
}

static long stop_on_hub_at_once(void *arg)
{
    return gev_server_stop(arg, 0);
}

static long stop_on_hub_with_grace(void *arg)
{
    return gev_server_stop(arg, 1);
}

static void on_the_hub_only_a_stop_without_grace(void **state)
{
    int port;
    struct gev_server *s = started(stubborn, NULL, &port);
    int fd = sock_connect(port);

    (void)state;
    await_connections(s, 1);
    assert_outcome(run_on_hub(stop_on_hub_with_grace, s), -1, EPERM);
    assert_outcome(run_on_hub(stop_on_hub_at_once, s), 0, 0);
    await_connections(s, 0);
    gev_server_free(s);
    close(fd);
}

static void *raise_later(void *arg)
{
    (void)gev_sleep(0.01);
    (void)raise((int)(intptr_t)arg);
    return NULL;
}

static void a_signal_stops_and_a_second_kills(void **state)
{
    int port;
    struct gev_server *s = started(stubborn, NULL, &port);
    int fd = sock_connect(port);

    (void)state;
    await_connections(s, 1);
    assert_int_equal(gev_server_stop_on_signals(s, GEV_FOREVER), 0);
    assert_int_equal(raise(SIGINT), 0);
    for (int i = 0; i < 2000 && stats_of(s).listeners > 0; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_int_equal(stats_of(s).listeners, 0);
    assert_int_equal(n_handled, 0);
    assert_int_equal(raise(SIGTERM), 0);
    await_connections(s, 0);
    assert_int_equal(n_handled, 1);
    gev_server_free(s);
    close(fd);
}

static void serve_ends_with_a_signal(void **state)
{
    struct gev_greenlet *g = gev_spawn(raise_later, (void *)(intptr_t)SIGTERM);

    (void)state;
    errno = 4711;
    assert_int_equal(gev_serve("127.0.0.1:0", echo, NULL), 0);
    assert_int_equal(errno, 4711);
    gev_join(g, 5);
    gev_unref(g);
    assert_true(gev_raise_fd_limit() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_waits_for_handlers),
        cmocka_unit_test(stop_kills_those_that_overstay),
        cmocka_unit_test(second_stop_with_less_grace_kills),
        cmocka_unit_test(killed_stop_leaves_handlers_running),
        cmocka_unit_test(a_handler_may_stop_its_server),
        cmocka_unit_test(free_while_running_kills_handlers),
        cmocka_unit_test(handlers_that_never_started_are_cleaned_up),
        cmocka_unit_test(on_the_hub_only_a_stop_without_grace),
        cmocka_unit_test(a_signal_stops_and_a_second_kills),
        cmocka_unit_test(serve_ends_with_a_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
