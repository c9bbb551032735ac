/* SPDX-License-Identifier: MIT */
/*
 * gev_file_open and its kin: files in threads
 *
 * What blocks for as long as the test wants is a FIFO: opening it for reading
 * waits until somebody opens it for writing.
 */
#include "hub/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "support/fault.h"

static char folder[64];
static char path[96];
static char fifo[96];

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/gev-file-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    errno = 0;
    return mkfifo(fifo, 0600);
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    unlink(fifo);
    rmdir(folder);
    return gev_shutdown();
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

/* Writes and reads with buffers on its own stack, which others use meanwhile. */
static long write_and_read(void *arg)
{
    char out[4096], in[4096];
    int fd = gev_file_open(arg, O_RDWR | O_CREAT | O_EXCL, 0600);
    long r;

    memset(out, 'x', sizeof out);
    memset(in, '-', sizeof in);
    if (fd < 0 || gev_file_pwrite(fd, out, sizeof out, 10) != sizeof out) {
        return -2;
    }
    if (gev_file_fsync(fd) < 0 || gev_file_fdatasync(fd) < 0) {
        return -3;
    }
    r = gev_file_pread(fd, in, sizeof in, 12);
    if (r < 0 || memcmp(in, out, (size_t)r) != 0 || in[r] != '-') {
        return -4;
    }
    return gev_file_close(fd) == 0 ? r : -5;
}

static void *scribble(void *arg)
{
    while (gev_yield() == 0) {
        volatile char noise[8192];

        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = 'n';
        }
    }
    return arg;
}

static void what_was_written_is_read(void **state)
{
    struct gev_greenlet *g = gev_spawn(scribble, NULL);

    (void)state;
    assert_outcome(in_greenlet(write_and_read, path), 4094, 0);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void stat_and_fstat_say_what_is_there(void **state)
{
    struct stat st;

    (void)state;
    assert_fails(gev_file_stat(path, &st), ENOENT);
    assert_outcome(in_greenlet(write_and_read, path), 4094, 0);
    errno = 4711;
    assert_int_equal(gev_file_stat(path, &st), 0);
    assert_int_equal(st.st_size, 4106);
    int fd = gev_file_open(path, O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    st.st_size = 0;
    assert_int_equal(gev_file_fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 4106);
    assert_int_equal(gev_close(fd), 0);
    assert_int_equal(errno, 4711);
}

static void errors_are_those_of_the_system_calls(void **state)
{
    struct stat st;
    char c = 0;

    (void)state;
    assert_fails(gev_file_open("/nonexistent/x", O_RDONLY, 0), ENOENT);
    assert_fails(gev_file_open(NULL, O_RDONLY, 0), EFAULT);
    assert_fails(gev_file_stat(NULL, &st), EFAULT);
    assert_fails(gev_file_fstat(-1, &st), EBADF);
    assert_fails(gev_file_pread(-1, &c, 1, 0), EBADF);
    assert_fails(gev_file_pwrite(-1, &c, 1, 0), EBADF);
    assert_fails(gev_file_fsync(-1), EBADF);
    assert_fails(gev_file_fdatasync(-1), EBADF);
    assert_fails(gev_file_close(-1), EBADF);
    assert_fails(gev_file_close(9999), EBADF);
    assert_fails(gev_file_pread(0, &c, SIZE_MAX, 0), ENOMEM);
}

static long open_fifo(void *arg)
{
    return gev_file_open(arg, O_RDONLY, 0);
}

static bool thread_runs(void)
{
    struct gev_offload_stats s;

    assert_int_equal(gev_offload_stats(&s, sizeof s), 0);
    return s.running > 0;
}

static void until_no_thread_runs(void)
{
    for (int i = 0; thread_runs() && i < 20000; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_false(thread_runs());
    assert_int_equal(gev_sleep(0.001), 0); /* the hub has heard of it */
}

/* Blocks in open(2) until unblock(). */
static struct gev_greenlet *start_open(struct job *j)
{
    struct gev_greenlet *g = job_start(j);

    for (int i = 0; !thread_runs() && i < 20000; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    return g;
}

static int unblock(void)
{
    int fd = -1;

    for (int i = 0; fd < 0 && i < 20000; i++) {
        fd = open(fifo, O_WRONLY | O_NONBLOCK);
        if (fd < 0) {
            assert_int_equal(gev_sleep(0.001), 0);
        }
    }
    assert_true(fd >= 0);
    return fd;
}

static void a_slow_open_stops_nobody(void **state)
{
    struct job j = {.fn = open_fifo, .arg = fifo};
    struct gev_greenlet *g = start_open(&j);

    (void)state;
    assert_false(j.done);
    int fd = unblock();
    finish(g);
    assert_true(j.out.r >= 0);
    assert_int_equal(gev_file_close((int)j.out.r), 0);
    close(fd);
}

static void what_a_killed_one_opened_is_closed(void **state)
{
    struct job j = {.fn = open_fifo, .arg = fifo};
    int before = proc_n_fds();

    (void)state;
    assert_int_equal(gev_init(), 0);
    before = proc_n_fds();
    struct gev_greenlet *g = start_open(&j);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    close(unblock());
    until_no_thread_runs();
    assert_int_equal(proc_n_fds(), before);
}

static long read_fifo_forever(void *arg)
{
    char buf[64];

    return gev_file_pread(*(int *)arg, buf, sizeof buf, 0);
}

static void close_wakes_who_reads(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(gev_pipe(fds), 0);
    /* a pipe has no offset: the error comes from the thread */
    assert_outcome(in_greenlet(read_fifo_forever, &fds[0]), -1, ESPIPE);
    assert_int_equal(gev_file_close(fds[0]), 0);
    assert_int_equal(gev_file_close(fds[1]), 0);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    assert_int_equal(fcntl(fds[1], F_GETFD), -1);
}

static long close_after_kill(void *arg)
{
    (void)gev_kill(gev_current(), 0);
    return gev_file_close(*(int *)arg);
}

static void a_killed_close_closes(void **state)
{
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_outcome(in_greenlet(close_after_kill, &fd), -1, ECANCELED);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static long close_it(void *arg)
{
    return gev_file_close(*(int *)arg);
}

/* The one thread is busy, so the close waits in the queue. */
static void a_close_that_waits_is_made_whatever_happens(void **state)
{
    int fd = open("/dev/null", O_RDONLY), other = open("/dev/null", O_RDONLY);
    struct job o = {.fn = open_fifo, .arg = fifo};
    struct job c = {.fn = close_it, .arg = &fd}, d = {.fn = close_it};
    struct gev_greenlet *g, *h;

    (void)state;
    assert_int_equal(gev_offload_set_size(1), 0);
    assert_int_equal(gev_offload_set_limits(1, 5), 0);
    g = start_open(&o);
    h = job_start(&c);
    d.arg = &other;
    finish(job_start(&d)); /* the queue is full: at once */
    assert_outcome(d.out, 0, 0);
    assert_int_equal(fcntl(other, F_GETFD), -1);
    assert_int_equal(gev_kill(h, 20), 0);
    gev_unref(h);
    assert_outcome(c.out, -1, ECANCELED);
    int w = unblock();
    finish(g);
    until_no_thread_runs();
    for (int i = 0; fcntl(fd, F_GETFD) >= 0 && i < 20000; i++) {
        assert_int_equal(gev_sleep(0.001), 0);
    }
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    close((int)o.out.r);
    close(w);
}

static void without_memory_nothing_happens(void **state)
{
    struct stat st;
    char c;
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_int_equal(gev_file_fstat(fd, &st), 0);
    fault_arm_from(FAULT_HEAP, 1, ENOMEM);
    int r = gev_file_open(path, O_CREAT | O_RDWR, 0600), e1 = errno;
    ssize_t n = gev_file_pread(fd, &c, 1, 0);
    int e2 = errno, s = gev_file_stat("/", &st), e3 = errno;
    int cl = gev_file_close(fd), e4 = errno;
    assert_true(fault_disarm());
    assert_int_equal(r, -1);
    assert_int_equal(e1, ENOMEM);
    assert_int_equal(n, -1);
    assert_int_equal(e2, ENOMEM);
    assert_int_equal(s, -1);
    assert_int_equal(e3, ENOMEM);
    assert_int_equal(cl, -1);
    assert_int_equal(e4, ENOMEM);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed is closed */
    assert_int_equal(access(path, F_OK), -1);
}

static long stat_on_hub(void *arg)
{
    struct stat st;

    return gev_file_stat(arg, &st);
}

static void the_hub_may_not_wait(void **state)
{
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    assert_outcome(on_hub(stat_on_hub, folder), -1, EPERM);
    assert_outcome(on_hub(close_it, &fd), -1, EPERM);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_written_is_read),
        CASE(stat_and_fstat_say_what_is_there),
        CASE(errors_are_those_of_the_system_calls),
        CASE(a_slow_open_stops_nobody),
        CASE(what_a_killed_one_opened_is_closed),
        CASE(close_wakes_who_reads),
        CASE(a_killed_close_closes),
        CASE(a_close_that_waits_is_made_whatever_happens),
        CASE(without_memory_nothing_happens),
        CASE(the_hub_may_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
