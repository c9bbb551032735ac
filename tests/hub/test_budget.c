/* SPDX-License-Identifier: MIT */
/*
 * The I/O budget and bounded turns: nobody starves the others
 */
#include "run.h"

#include <fcntl.h>

#include "support/sock.h"

static int pair[2];

struct reader {
    long reads;
    bool stop;
};

/* There is always something to read: it never has to wait. */
static void *read_zeros(void *arg)
{
    struct reader *r = arg;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    char buf[16];

    while (!r->stop && gev_read(fd, buf, sizeof buf) > 0) {
        r->reads++;
    }
    gev_close(fd);
    return NULL;
}

static void a_fast_source_does_not_starve_the_others(void **state)
{
    struct reader r = {0};
    struct gev_stats s;

    (void)state;
    assert_int_equal(gev_go(read_zeros, &r), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('o')), 0);
    assert_int_equal(gev_yield(), 0);
    assert_string_equal(run_log, "o");
    assert_true(r.reads > 1 && r.reads < 1000);
    assert_int_equal(gev_sleep(0.01), 0); /* timers neither */
    assert_int_equal(gev_stats(&s, sizeof s), 0);
    assert_true(s.budget_yields > 0);
    r.stop = true;
    assert_int_equal(gev_run(20), 0);
}

static void two_fast_sources_share(void **state)
{
    struct reader a = {0}, b = {0};
    double ratio;

    (void)state;
    assert_int_equal(gev_go(read_zeros, &a), 0);
    assert_int_equal(gev_go(read_zeros, &b), 0);
    assert_int_equal(gev_sleep(0.05), 0);
    a.stop = true;
    b.stop = true;
    assert_int_equal(gev_run(20), 0);
    ratio = (double)a.reads / (double)b.reads;
    assert_true(ratio > 0.5 && ratio < 2);
}

static void *wait_for_byte(void *arg)
{
    char c;

    note(gev_read(pair[0], &c, 1) == 1 ? c : '!');
    return arg;
}

static void a_fast_source_does_not_starve_io(void **state)
{
    struct reader r = {0};
    struct gev_greenlet *g;

    (void)state;
    sock_pair(pair, true);
    g = gev_spawn(wait_for_byte, NULL);
    assert_int_equal(gev_go(read_zeros, &r), 0);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(write(pair[1], "b", 1), 1);
    finish(g);
    assert_string_equal(run_log, "b");
    r.stop = true;
    assert_int_equal(gev_run(20), 0);
    gev_close(pair[0]);
    gev_close(pair[1]);
}

struct chain {
    long left;
};

/* Each spawns the next: the queue is never empty. */
static void *next_link(void *arg)
{
    struct chain *c = arg;

    if (c->left > 0) {
        c->left--;
        (void)gev_go(next_link, c);
    }
    return NULL;
}

static void a_chain_of_spawns_does_not_starve_timers(void **state)
{
    struct chain c = {1L << 40};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(gev_go(next_link, &c), 0);
    }
    assert_int_equal(gev_sleep(0.01), 0);
    assert_true(c.left > 0);
    c.left = 0;
    assert_int_equal(gev_run(20), 0);
}

static void *fail_on_and_on(void *arg)
{
    struct reader *r = arg;

    (void)gev_timeout_push(0);
    (void)gev_sleep(1);
    while (!r->stop && gev_sleep(1) == -1) {
        r->reads++;
    }
    return NULL;
}

static void failing_calls_use_the_budget_too(void **state)
{
    struct reader r = {0};

    (void)state;
    assert_int_equal(gev_go(fail_on_and_on, &r), 0);
    assert_int_equal(gev_sleep(0.01), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('o')), 0);
    assert_int_equal(gev_yield(), 0);
    assert_string_equal(run_log, "o");
    r.stop = true;
    assert_int_equal(gev_run(20), 0);
}

static void main_alone_goes_on_after_its_budget(void **state)
{
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    char buf[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(gev_read(fd, buf, sizeof buf), sizeof buf);
    }
    gev_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fast_source_does_not_starve_the_others),
        TEST(two_fast_sources_share),
        TEST(a_fast_source_does_not_starve_io),
        TEST(a_chain_of_spawns_does_not_starve_timers),
        TEST(failing_calls_use_the_budget_too),
        TEST(main_alone_goes_on_after_its_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
