/* SPDX-License-Identifier: MIT */
/*
 * Streams over descriptors: idle ones, kills and limits, closing from elsewhere,
 * a reader beside a writer, detaching
 */
#include "run.h"

#include <sys/socket.h>

#include "net/bufpool.h"
#include "support/proc.h"
#include "support/sock.h"

static int fds[2]; /* fds[1] is the peer */
static struct gev_stream *s;
static char big[400000];

static int open_stream(void **state)
{
    (void)state;
    sock_pair(fds, true);
    s = gev_stream_new(fds[0], 0);
    return s ? 0 : -1;
}

static int nothing_is_left(void **state)
{
    struct gev__bufpool_stats st;

    (void)state;
    gev_stream_free(s);
    gev_close(fds[1]);
    gev__bufpool_stats(&st);
    return st.in_use == 0 ? 0 : -1;
}

static size_t buffers_in_use(void)
{
    struct gev__bufpool_stats st;

    gev__bufpool_stats(&st);
    return st.in_use;
}

static long job_line(struct job *j)
{
    char *line;
    size_t len = 0;
    int r = gev_stream_readline(j->arg, 100, &line, &len);

    if (r >= 0 && j->buf) {
        memcpy(j->buf, line, len + 1);
    }
    return r;
}

static long job_flush(struct job *j)
{
    ssize_t n = gev_stream_write(j->arg, big, sizeof big);

    return n == (ssize_t)sizeof big ? gev_stream_flush(j->arg) : -1;
}

static void idle_streams_hold_no_buffer(void **state)
{
    enum { N = 1000 };
    static struct job jobs[N];
    static struct gev_greenlet *v[N];
    static int pairs[N][2];
    static char lines[N][8];
    long n = proc_scale(N);

    (void)state;
    gev_raise_fd_limit();
    for (long i = 0; i < n; i++) {
        sock_pair(pairs[i], true);
        struct gev_stream *one = gev_stream_new(pairs[i][0], 0);
        assert_non_null(one);
        jobs[i] = (struct job){.fn = job_line, .arg = one, .buf = lines[i]};
        v[i] = job_start(&jobs[i]);
        assert_false(jobs[i].done);
    }
    assert_int_equal(buffers_in_use(), 0);
    for (long i = 0; i < n; i++) { /* half of each line: now it is needed */
        assert_int_equal(write(pairs[i][1], "ha", 2), 2);
    }
    while (buffers_in_use() < (size_t)n) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    for (long i = 0; i < n; i++) {
        assert_int_equal(write(pairs[i][1], "lf\n", 3), 3);
    }
    for (long i = 0; i < n; i++) {
        job_join(v[i]);
        assert_outcome(jobs[i].out, 1, 0);
        assert_string_equal(lines[i], "half");
        jobs[i].done = false;
        v[i] = job_start(&jobs[i]);
        assert_false(jobs[i].done);
    }
    assert_int_equal(buffers_in_use(), 0);
    for (long i = 0; i < n; i++) {
        close(pairs[i][1]);
        job_join(v[i]);
        assert_outcome(jobs[i].out, 0, 0);
        assert_int_equal(gev_stream_close(jobs[i].arg), 0);
    }
}

static void a_request_and_its_answer_are_one_write_each(void **state)
{
    char buf[64];
    struct job j = {.fn = job_line, .arg = s, .buf = buf};

    (void)state;
    assert_int_equal(gev_stream_printf(s, "HELO %s\r\n", "me"), 9);
    assert_int_equal(write(fds[1], "250 hi\r\n", 8), 8);
    assert_int_equal(job_line(&j), 1); /* it flushes, then reads */
    assert_string_equal(buf, "250 hi");
    assert_int_equal(read(fds[1], buf, sizeof buf), 9);
    assert_memory_equal(buf, "HELO me\r\n", 9);
}

static void kill_and_limits_lose_nothing(void **state)
{
    char buf[64];
    struct job j = {.fn = job_line, .arg = s, .buf = buf};

    (void)state;
    assert_int_equal(write(fds[1], "ha", 2), 2);
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    int64_t id = gev_timeout_push(0.01);
    assert_fails(job_line(&j), ETIMEDOUT);
    assert_fails(job_line(&j), ETIMEDOUT); /* it is a level */
    assert_fails(gev_stream_write(s, "x", 1), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_int_equal(gev_settimeout(fds[0], 0.01, GEV_FOREVER), 0);
    assert_fails(job_line(&j), ETIMEDOUT);
    assert_int_equal(write(fds[1], "lf\n", 3), 3);
    assert_int_equal(job_line(&j), 1);
    assert_string_equal(buf, "half");
}

static void a_killed_writer_leaves_the_rest_to_be_flushed(void **state)
{
    struct job j = {.fn = job_flush, .arg = s};
    char got[4096];

    (void)state;
    assert_int_equal(gev_stream_write(s, "first", 5), 5);
    long filled = sock_fill(fds[0]);
    struct gev_greenlet *g = job_start(&j);
    assert_false(j.done);
    assert_fails(gev_stream_write(s, "x", 1), EBUSY);
    assert_fails(gev_stream_flush(s), EBUSY);
    assert_int_equal(gev_kill(g, 5), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(gev_stream_pending(s), 5);
    while (filled > 0) {
        filled -= gev_read(fds[1], got, sizeof got);
    }
    assert_int_equal(gev_stream_flush(s), 0);
    assert_int_equal(gev_read(fds[1], got, sizeof got), 5);
    assert_memory_equal(got, "first", 5);
}

static void one_reads_while_another_writes(void **state)
{
    char buf[64];
    struct job r = {.fn = job_line, .arg = s, .buf = buf};
    struct job w = {.fn = job_flush, .arg = s};
    size_t n = 0;

    (void)state;
    struct gev_greenlet *gr = job_start(&r), *gw = job_start(&w);
    assert_false(r.done || w.done);
    assert_fails(job_line(&r), EBUSY);
    r.done = false;
    assert_int_equal(write(fds[1], "in\n", 3), 3);
    job_join(gr);
    assert_outcome(r.out, 1, 0);
    assert_string_equal(buf, "in");
    assert_false(w.done);
    while (n < sizeof big) {
        n += (size_t)gev_read(fds[1], big, sizeof big);
    }
    job_join(gw);
    assert_outcome(w.out, 0, 0);
}

static void close_wakes_reader_and_writer_with_ebadf(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct job r = {.fn = job_line, .arg = s};
        struct job w = {.fn = job_flush, .arg = s};
        struct gev_greenlet *gr = job_start(&r), *gw = job_start(&w);
        assert_false(r.done || w.done);
        if (how) {
            gev_stream_free(s);
        } else {
            assert_fails(gev_stream_close(s), EBUSY);
        }
        job_join(gr);
        job_join(gw);
        assert_outcome(r.out, -1, EBADF);
        assert_outcome(w.out, -1, EBADF);
        assert_int_equal(buffers_in_use(), 0);
        gev_close(fds[1]);
        open_stream(NULL);
    }
}

static void close_wakes_also_where_the_descriptor_stays_open(void **state)
{
    struct job r = {.fn = job_line};

    (void)state;
    gev_stream_free(s);
    gev_close(fds[1]);
    sock_pair(fds, true);
    s = gev_stream_new(fds[0], GEV_STREAM_KEEP_OPEN);
    r.arg = s;
    struct gev_greenlet *g = job_start(&r);
    assert_int_equal(gev_stream_close(s), 0);
    s = NULL;
    job_join(g);
    assert_outcome(r.out, -1, EBADF);
    assert_int_equal(gev_write(fds[0], "x", 1), 1);
    gev_close(fds[0]);
}

static void closing_the_descriptor_is_seen_too(void **state)
{
    struct job r = {.fn = job_line, .arg = s};
    struct gev_greenlet *g = job_start(&r);

    (void)state;
    gev_close(fds[0]);
    job_join(g);
    assert_outcome(r.out, -1, EBADF);
    assert_fails(gev_stream_close(s), EBADF);
    s = NULL;
}

static void a_reset_in_the_middle_is_told_after_the_bytes(void **state)
{
    char got[8];
    int tcp[2];

    (void)state;
    sock_tcp_pair(tcp);
    struct gev_stream *t = gev_stream_new(tcp[0], 0);
    assert_int_equal(write(tcp[1], "abc", 3), 3);
    assert_int_equal(gev_stream_readn(t, got, 1), 1);
    sock_reset(tcp[1]);
    assert_int_equal(gev_stream_readn(t, got, 8), 2);
    assert_int_equal(errno, ECONNRESET);
    assert_fails(gev_stream_read(t, got, 1), ECONNRESET);
    gev_stream_free(t);
}

static void detach_gives_descriptor_and_rest_back(void **state)
{
    char buf[64];
    void *rest = NULL;
    size_t n = 99;
    struct job j = {.fn = job_line, .arg = s, .buf = buf};

    (void)state;
    struct gev_greenlet *g = job_start(&j);
    assert_fails(gev_stream_detach(s, &rest, &n), EBUSY);
    assert_int_equal(write(fds[1], "line\nrest", 9), 9);
    job_join(g);
    assert_int_equal(gev_stream_printf(s, "bye"), 3);
    assert_int_equal(gev_stream_buffered(s), 4);
    assert_int_equal(gev_stream_fd(s), fds[0]);
    assert_int_equal(gev_stream_detach(s, &rest, &n), fds[0]);
    s = NULL;
    assert_int_equal(n, 4);
    assert_memory_equal(rest, "rest", 4);
    free(rest);
    assert_int_equal(read(fds[1], buf, sizeof buf), 3);
    s = gev_stream_new(fds[0], 0);
    assert_int_equal(gev_stream_detach(s, &rest, &n), fds[0]);
    assert_null(rest);
    assert_int_equal(n, 0);
    s = gev_stream_new_memory("x", 1);
    assert_fails(gev_stream_detach(s, &rest, &n), EINVAL);
    gev_close(fds[0]);
}

static long line_on_hub(void *arg)
{
    char *line;

    return gev_stream_readline(arg, 10, &line, NULL);
}

static void the_hub_may_not_read(void **state)
{
    (void)state;
    assert_outcome(run_on_hub(line_on_hub, s), -1, EPERM);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_stream, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idle_streams_hold_no_buffer),
        TEST(a_request_and_its_answer_are_one_write_each),
        TEST(kill_and_limits_lose_nothing),
        TEST(a_killed_writer_leaves_the_rest_to_be_flushed),
        TEST(one_reads_while_another_writes),
        TEST(close_wakes_reader_and_writer_with_ebadf),
        TEST(close_wakes_also_where_the_descriptor_stays_open),
        TEST(closing_the_descriptor_is_seen_too),
        TEST(a_reset_in_the_middle_is_told_after_the_bytes),
        TEST(detach_gives_descriptor_and_rest_back),
        TEST(the_hub_may_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
