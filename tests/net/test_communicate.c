/* SPDX-License-Identifier: MIT */
/*
 * gev_process_communicate and gev_process_run: everything goes in, everything
 * comes out, and nothing stands still
 */
#include "processes.h"

#define MIB ((size_t)1 << 20)

#define IO(...)                                                                \
    {                                                                          \
        .size = sizeof(struct gev_process_io), __VA_ARGS__                     \
    }

static const struct gev_process_options all_pipes = {
    .size = sizeof all_pipes,
    .in = GEV_PROCESS_PIPE,
    .out = GEV_PROCESS_PIPE,
    .err = GEV_PROCESS_PIPE,
};

/* A gev_process_communicate() in a greenlet. */
struct talk {
    struct gev_process *p;
    struct gev_process_io io;
    double timeout;
};

static long job_talk(struct job *j)
{
    struct talk *t = j->arg;

    return gev_process_communicate(t->p, &t->io, t->timeout);
}

static void clear(struct gev_process_io *io)
{
    free(io->out);
    free(io->err);
    io->out = io->err = NULL;
}

static void what_goes_in_comes_out(void **state)
{
    struct gev_process *p =
        start(SH("tr a-z A-Z; echo bad >&2; exit 4"), &all_pipes);
    struct gev_process_io io = IO(.in = "hello", .in_size = 5);

    (void)state;
    errno = ENOTTY;
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    assert_int_equal(errno, ENOTTY);
    assert_int_equal(io.out_size, 5);
    assert_string_equal(io.out, "HELLO");
    assert_int_equal(io.err_size, 4);
    assert_string_equal(io.err, "bad\n");
    assert_int_equal(WEXITSTATUS(io.status), 4);
    for (int i = 0; i < 3; i++) {
        assert_fails(gev_process_fd(p, i), EBADF);
    }
    clear(&io);
    gev_process_free(p);
}

static void no_output_is_an_empty_string_and_no_pipe_is_null(void **state)
{
    struct gev_process *p =
        start(ARGS("true"), OPTIONS(.out = GEV_PROCESS_PIPE));
    struct gev_process_io io = IO(.status = 1, .err_size = 5);

    (void)state;
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    assert_string_equal(io.out, "");
    assert_int_equal(io.out_size, 0);
    assert_null(io.err);
    assert_int_equal(io.err_size, 0);
    assert_int_equal(io.status, 0);
    clear(&io);
    gev_process_free(p);
}

static void ten_mebibytes_go_both_ways_while_others_run(void **state)
{
    size_t n = under_valgrind() ? MIB : 10 * MIB;
    char *data = malloc(n);
    int ticks = 0;
    struct gev_greenlet *t = gev_spawn(tick, &ticks);
    struct gev_process *p =
        start(SH("exec 3>&1; tee /dev/fd/2"), &all_pipes); /* out and err */
    struct talk talk = {
        .p = p, .io = IO(.in = data, .in_size = n), .timeout = SOON};
    struct job j = {.fn = job_talk, .arg = &talk};

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < n; i++) {
        data[i] = (char)(i * 2654435761u >> 13);
    }
    assert_outcome(job_run(&j), 0, 0);
    assert_int_equal(talk.io.out_size, n);
    assert_int_equal(talk.io.err_size, n);
    assert_memory_equal(talk.io.out, data, n);
    assert_memory_equal(talk.io.err, data, n);
    assert_true(ticks > 0);
    assert_int_equal(gev_kill(t, SOON), 0);
    gev_unref(t);
    clear(&talk.io);
    free(data);
    gev_process_free(p);
}

/* SIGPIPE would end this program. */
static void input_that_is_not_wanted_is_dropped_without_sigpipe(void **state)
{
    size_t n = MIB;
    char *data = calloc(1, n);
    struct gev_process *p = start(SH("exec <&-; echo fine"), &all_pipes);
    struct gev_process_io io = IO(.in = data, .in_size = n);
    sigset_t pending;

    (void)state;
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    assert_string_equal(io.out, "fine\n");
    assert_int_equal(io.status, 0);
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    clear(&io);
    free(data);
    gev_process_free(p);
}

static void a_sigpipe_that_the_program_blocks_stays_blocked(void **state)
{
    struct gev_process_io io = IO(.in = "x", .in_size = 1);
    sigset_t set, former, now;
    struct gev_process *p;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, &former);
    p = start(SH("exec <&-; echo closed; sleep .1"), &all_pipes);
    assert_int_equal(gev_wait_fd(gev_process_fd(p, 1), GEV_READ, SOON),
                     GEV_READ);
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    assert_true(sigismember(&now, SIGPIPE));
    sigtimedwait(&set, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    clear(&io);
    gev_process_free(p);
}

static void a_child_that_closes_its_pipes_is_waited_for(void **state)
{
    int fds[2];
    struct gev_process *p;
    struct gev_process_io io = IO();

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    p = start(SH("exec >&- 2>&-; read x; exit 6"),
              OPTIONS(.in = fds[0], .out = GEV_PROCESS_PIPE,
                      .err = GEV_PROCESS_PIPE));
    assert_fails(gev_process_communicate(p, &io, 0.02), ETIMEDOUT);
    assert_fails(gev_process_fd(p, 1), EBADF); /* it has ended */
    assert_int_equal(write(fds[1], "\n", 1), 1);
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    assert_int_equal(WEXITSTATUS(io.status), 6);
    assert_string_equal(io.out, "");
    close_pair(fds);
    clear(&io);
    gev_process_free(p);
}

/* The child has ended; who holds its output is its own child. */
static void grandchildren_may_hold_the_pipes_until_the_limit(void **state)
{
    struct gev_process *p =
        start(SH("sleep 100 & echo $!; exit 3"),
              OPTIONS(.out = GEV_PROCESS_PIPE, .err = GEV_PROCESS_NULL));
    struct gev_process_io io = IO();
    int status = 0;

    (void)state;
    assert_int_equal(gev_process_wait(p, &status, SOON), 0);
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_fails(gev_process_communicate(p, &io, 0.05), ETIMEDOUT);
    assert_null(io.out);
    gev_process_close(p, 1); /* what was read is kept */
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    assert_int_equal(kill((pid_t)strtol(io.out, NULL, 10), SIGKILL), 0);
    clear(&io);
    gev_process_free(p);
}

static void after_a_limit_it_goes_on_where_it_stopped(void **state)
{
    size_t n = 300000; /* more than two pipes hold */
    char *data = malloc(n);
    struct gev_process *p = start(SH("sleep 0.1; cat"), &all_pipes);
    struct gev_process_io io = IO(.in = data, .in_size = n);
    int tries = 0;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        data[i] = (char)('a' + i % 26);
    }
    while (gev_process_communicate(p, &io, 0.01) < 0) {
        assert_int_equal(errno, ETIMEDOUT);
        assert_true(tries++ < 2000);
    }
    assert_true(tries > 0);
    assert_int_equal(io.out_size, n);
    assert_memory_equal(io.out, data, n);
    clear(&io);
    free(data);
    gev_process_free(p);
}

static void more_than_the_limit_is_emsgsize_and_can_go_on(void **state)
{
    struct gev_process *p =
        start(SH("printf 12345; printf 678 >&2; cat"), &all_pipes);
    struct gev_process_io io = IO(.limit = 7);

    (void)state;
    assert_fails(gev_process_communicate(p, &io, SOON), EMSGSIZE);
    assert_fails(gev_process_communicate(p, &io, SOON), EMSGSIZE);
    assert_null(io.out);
    io.limit = 8;
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    assert_string_equal(io.out, "12345");
    assert_string_equal(io.err, "678");
    clear(&io);
    gev_process_free(p);
}

static void a_child_without_an_end_meets_the_limit(void **state)
{
    struct gev_process_io io = IO(.limit = MIB);

    (void)state;
    assert_fails(gev_process_run(ARGS("yes"), NULL, &io, SOON), EMSGSIZE);
    eventually(waitpid(-1, NULL, WNOHANG) == -1); /* killed and reaped */
}

static void a_kill_leaves_the_child_and_what_was_read(void **state)
{
    struct gev_process *p =
        start(SH("echo early; cat"),
              OPTIONS(.in = GEV_PROCESS_PIPE, .out = GEV_PROCESS_PIPE));
    int in = fcntl(gev_process_fd(p, 0), F_DUPFD_CLOEXEC, 3);
    struct talk talk = {.p = p, .io = IO(), .timeout = SOON};
    struct job j = {.fn = job_talk, .arg = &talk};
    struct gev_greenlet *g;

    (void)state;
    assert_int_equal(gev_wait_fd(gev_process_fd(p, 1), GEV_READ, SOON),
                     GEV_READ);
    g = job_start(&j);
    assert_int_equal(gev_kill(g, SOON), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(write(in, "late\n", 5), 5);
    close(in);
    assert_int_equal(gev_process_communicate(p, &talk.io, SOON), 0);
    assert_string_equal(talk.io.out, "early\nlate\n");
    clear(&talk.io);
    gev_process_free(p);
}

static void a_scope_ends_it_at_each_of_its_waits(void **state)
{
    static const char *const lines[] = {
        "sleep 100",               /* output does not end */
        "exec sleep 100 >&- 2>&-", /* the child does not */
    };
    char *data = calloc(1, MIB);

    (void)state;
    for (size_t i = 0; i < 3; i++) { /* the third: input is not taken */
        struct gev_process *p = start(SH(lines[i % 2]), &all_pipes);
        struct gev_process_io io =
            IO(.in = i == 2 ? data : NULL, .in_size = i == 2 ? MIB : 0);
        int64_t id = gev_timeout_push(0.05);

        assert_fails(gev_process_communicate(p, &io, SOON), ETIMEDOUT);
        assert_int_equal(gev_timeout_pop(id), 1);
        assert_int_equal(gev_process_kill(p, SIGKILL), 0);
        assert_int_equal(exit_of(p), -SIGKILL);
        gev_process_free(p);
    }
    free(data);
}

static void one_at_a_time(void **state)
{
    struct gev_process *p =
        start(ARGS("sleep", "100"), OPTIONS(.out = GEV_PROCESS_PIPE));
    struct talk talk = {.p = p, .io = IO(), .timeout = SOON};
    struct job j = {.fn = job_talk, .arg = &talk};
    struct gev_greenlet *g = job_start(&j);
    struct gev_process_io io = IO();

    (void)state;
    assert_fails(gev_process_communicate(p, &io, SOON), EBUSY);
    assert_int_equal(gev_process_kill(p, SIGKILL), 0);
    job_join(g);
    assert_outcome(j.out, 0, 0);
    clear(&talk.io);
    gev_process_free(p);
}

static void freed_meanwhile_it_is_ebadf(void **state)
{
    static const char *const lines[] = {"cat", "exec >&- 2>&-; read x"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int fds[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        struct gev_process *p =
            start(SH(lines[i]), OPTIONS(.in = fds[0], .out = GEV_PROCESS_PIPE));
        struct talk talk = {.p = p, .io = IO(), .timeout = SOON};
        struct job j = {.fn = job_talk, .arg = &talk};
        struct gev_greenlet *g = job_start(&j);

        assert_int_equal(gev_sleep(0.01), 0);
        assert_false(j.done);
        gev_process_free(p);
        job_join(g);
        assert_outcome(j.out, -1, EBADF);
        close_pair(fds);
        eventually(waitpid(-1, NULL, WNOHANG) == -1);
    }
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_process *p = start(ARGS("true"), NULL);
    struct gev_process_io io = IO(), small = {.size = 8};
    struct gev_process_io no_input = IO(.in_size = 5);

    (void)state;
    assert_fails(gev_process_communicate(NULL, &io, 1), EINVAL);
    assert_fails(gev_process_communicate(p, NULL, 1), EINVAL);
    assert_fails(gev_process_communicate(p, &small, 1), EINVAL);
    assert_fails(gev_process_communicate(p, &no_input, 1), EINVAL);
    assert_fails(gev_process_communicate(p, &io, -1), EINVAL);
    assert_fails(gev_process_communicate(p, &io, NAN), EINVAL);
    assert_fails(gev_process_run(NULL, NULL, &io, 1), EINVAL);
    assert_fails(gev_process_run(ARGS("true"), NULL, &small, 1), EINVAL);
    assert_fails(gev_process_run(ARGS("true"), NULL, NULL, -1), EINVAL);
    assert_int_equal(gev_process_communicate(p, &io, SOON), 0);
    gev_process_free(p);
}

static void run_does_all_of_it(void **state)
{
    struct gev_process_io io = IO(.in = "b\na\n", .in_size = 4);

    (void)state;
    assert_int_equal(gev_process_run(ARGS("sort"), NULL, &io, SOON), 0);
    assert_string_equal(io.out, "a\nb\n");
    assert_null(io.err);
    clear(&io);
    io = (struct gev_process_io)IO();
    assert_int_equal(gev_process_run(SH("cat; echo e >&2; exit 9"),
                                     OPTIONS(.in = GEV_PROCESS_NULL,
                                             .err = GEV_PROCESS_PIPE),
                                     &io, SOON),
                     0);
    assert_null(io.out);
    assert_string_equal(io.err, "e\n");
    assert_int_equal(WEXITSTATUS(io.status), 9);
    clear(&io);
    assert_int_equal(gev_process_run(SH("echo dropped"), NULL, NULL, SOON), 0);
    assert_fails(gev_process_run(ARGS("/nonexistent"), NULL, &io, SOON),
                 ENOENT);
}

static long job_run_sleep(struct job *j)
{
    (void)j;
    return gev_process_run(ARGS("sleep", "100"), NULL, NULL, SOON);
}

static void run_kills_what_it_gives_up(void **state)
{
    struct job j = {.fn = job_run_sleep};
    struct gev_greenlet *g;

    (void)state;
    assert_fails(gev_process_run(ARGS("sleep", "100"), NULL, NULL, 0.02),
                 ETIMEDOUT);
    eventually(waitpid(-1, NULL, WNOHANG) == -1);
    g = job_start(&j);
    assert_int_equal(gev_kill(g, SOON), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    eventually(waitpid(-1, NULL, WNOHANG) == -1);
}

static long run_true(struct job *j)
{
    struct gev_process_io io = IO(.in = j, .in_size = sizeof *j);
    long r = gev_process_run(ARGS("cat"), NULL, &io, SOON);

    if (r == 0) {
        r = io.out_size == sizeof *j && memcmp(io.out, j, sizeof *j) == 0;
        clear(&io);
    }
    return r;
}

static void fifty_at_once_each_get_their_own(void **state)
{
    enum { N = 50 };
    static struct job j[N];
    struct gev_greenlet *g[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        j[i] = (struct job){.fn = run_true, .flags = i};
        g[i] = gev_spawn(job_main, &j[i]);
    }
    for (int i = 0; i < N; i++) {
        job_join(g[i]);
        assert_outcome(j[i].out, 1, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_goes_in_comes_out),
        TEST(no_output_is_an_empty_string_and_no_pipe_is_null),
        TEST(ten_mebibytes_go_both_ways_while_others_run),
        TEST(input_that_is_not_wanted_is_dropped_without_sigpipe),
        TEST(a_sigpipe_that_the_program_blocks_stays_blocked),
        TEST(a_child_that_closes_its_pipes_is_waited_for),
        TEST(grandchildren_may_hold_the_pipes_until_the_limit),
        TEST(after_a_limit_it_goes_on_where_it_stopped),
        TEST(more_than_the_limit_is_emsgsize_and_can_go_on),
        TEST(a_child_without_an_end_meets_the_limit),
        TEST(a_kill_leaves_the_child_and_what_was_read),
        TEST(a_scope_ends_it_at_each_of_its_waits),
        TEST(one_at_a_time),
        TEST(freed_meanwhile_it_is_ebadf),
        TEST(bad_arguments_are_refused),
        TEST(run_does_all_of_it),
        TEST(run_kills_what_it_gives_up),
        TEST(fifty_at_once_each_get_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
