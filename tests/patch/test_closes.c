/* SPDX-License-Identifier: MIT */
/*
 * Numbers that other threads close: who waits for the next descriptor of that number
 * is woken
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#define TEST(name) cmocka_unit_test(name)

static int n_done;

/* What is waited for: an eventfd, or an epoll descriptor that has one. Neither is made
   by a call that is interposed. */
static struct {
    bool polls;
    int fd;   /* waited for */
    int bell; /* makes it readable */
} thing;

static void make_thing(void)
{
    struct epoll_event v = {.events = EPOLLIN};

    thing.fd = thing.polls ? epoll_create1(0) : eventfd(0, 0);
    thing.bell = thing.polls ? eventfd(0, 0) : thing.fd;
    if (thing.polls) {
        epoll_ctl(thing.fd, EPOLL_CTL_ADD, thing.bell, &v);
    }
}

static void close_thing(void)
{
    close(thing.fd);
    if (thing.polls) {
        close(thing.bell);
    }
}

static bool by_range;

static void *close_elsewhere(void *arg)
{
    if (by_range) {
        close_range((unsigned)thing.fd, (unsigned)thing.fd, 0);
        close_range((unsigned)thing.bell, (unsigned)thing.bell, 0);
    } else {
        close_thing();
    }
    return arg;
}

static void *ring(void *arg)
{
    const uint64_t one = 1;

    gev_sleep(0.01); /* the other one waits, or has not lost anything */
    n_done += write(thing.bell, &one, sizeof one) == sizeof one;
    return arg;
}

static int by_read(void)
{
    uint64_t v;

    return read(thing.fd, &v, sizeof v) == sizeof v;
}

static int by_poll(void)
{
    struct pollfd p[2] = {{.fd = -1}, {.fd = thing.fd, .events = POLLIN}};

    return poll(p, 2, -1);
}

static int by_select(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(thing.fd, &set);
    return select(thing.fd + 1, &set, NULL, NULL, NULL);
}

static int by_epoll_wait(void)
{
    struct epoll_event v;

    return epoll_wait(thing.fd, &v, 1, -1);
}

/* Waits in vain for two seconds, or gets 1. */
static int wait_for_ring(int (*wait)(void))
{
    int64_t scope = gev_timeout_push(2);
    int r;

    assert_int_equal(gev_go(ring, NULL), 0);
    r = wait();
    gev_timeout_pop(scope);
    return r;
}

static void a_number_that_another_thread_closed_is_watched_anew(void **state)
{
    int (*const ways[])(void) = {by_read, by_poll, by_select, by_epoll_wait};
    pthread_t t;
    int before;

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        thing.polls = ways[i] == by_epoll_wait;
        make_thing();
        before = thing.fd;
        assert_int_equal(wait_for_ring(ways[i]), 1);
        for (int k = 0; k < 2; k++) {
            by_range = k == 1;
            assert_int_equal(pthread_create(&t, NULL, close_elsewhere, NULL),
                             0);
            assert_int_equal(pthread_join(t, NULL), 0);
            make_thing();
            assert_int_equal(thing.fd, before);
            assert_int_equal(wait_for_ring(ways[i]), 1);
        }
        close_thing();
    }
}

/* A pidfd has the number. */
static void a_child_is_waited_for_by_a_number_closed_elsewhere(void **state)
{
    int64_t scope;
    pthread_t t;
    pid_t pid;

    (void)state;
    thing.polls = false;
    by_range = false;
    make_thing();
    assert_int_equal(wait_for_ring(by_read), 1);
    assert_int_equal(pthread_create(&t, NULL, close_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    pid = fork();
    if (pid == 0) {
        usleep(10000);
        _exit(0);
    }
    scope = gev_timeout_push(2);
    assert_int_equal(wait4(pid, NULL, 0, NULL), pid);
    gev_timeout_pop(scope);
}

/* Each thread with a hub has a record of its own of what was closed. */
static void *wait_and_end(void *arg)
{
    int fd = eventfd(1, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};

    gev_init();
    n_done += poll(&p, 1, 1000) == 1;
    close(fd);
    gev_shutdown();
    return arg;
}

static void threads_that_waited_can_end(void **state)
{
    pthread_t t;

    (void)state;
    n_done = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&t, NULL, wait_and_end, NULL), 0);
        assert_int_equal(pthread_join(t, NULL), 0);
    }
    assert_int_equal(n_done, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_number_that_another_thread_closed_is_watched_anew),
        TEST(a_child_is_waited_for_by_a_number_closed_elsewhere),
        TEST(threads_that_waited_can_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
