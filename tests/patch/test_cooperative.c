/* SPDX-License-Identifier: MIT */
/*
 * libc's names in greenlets: who waits does not keep the others waiting
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#define TEST(name) cmocka_unit_test(name)

#define N     50
#define DELAY 0.1 /* seconds that each waits */
#define MANY                                                                   \
    2.0 /* fewer than the sum of any ten, with room for a slow machine */

static int fds[2];

static void make_pair(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void close_pair(void)
{
    close(fds[0]);
    close(fds[1]);
}

/* Runs N of them and gives the seconds that it took. */
static double run_many(gev_fn *fn)
{
    double begin = gev_now();

    for (intptr_t i = 0; i < N; i++) {
        assert_int_equal(gev_go(fn, (void *)i), 0);
    }
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    return gev_now() - begin;
}

static int n_done;

static void *nap(void *arg)
{
    (void)arg;
    n_done += usleep((useconds_t)(DELAY * 1e6)) == 0;
    return NULL;
}

static void many_sleep_in_the_time_of_one(void **state)
{
    (void)state;
    n_done = 0;
    assert_true(run_many(nap) < MANY);
    assert_int_equal(n_done, N);
}

static void *nap_as_c11_does(void *arg)
{
    struct timespec t = {0, (long)(DELAY * 1e9)};

    (void)arg;
    n_done += thrd_sleep(&t, NULL) == 0;
    return NULL;
}

static void many_c11_sleeps_take_the_time_of_one(void **state)
{
    (void)state;
    n_done = 0;
    assert_true(run_many(nap_as_c11_does) < MANY);
    assert_int_equal(n_done, N);
}

/* The first one waits for the last. */
static void *take_or_give(void *arg)
{
    eventfd_t value = 0;

    if (arg) {
        n_done += eventfd_write(fds[0], 1) == 0;
    } else {
        n_done += eventfd_read(fds[0], &value) == 0 && value == 1;
    }
    return NULL;
}

static void an_eventfds_reader_lets_its_writers_run(void **state)
{
    (void)state;
    fds[0] = eventfd(0, EFD_SEMAPHORE);
    n_done = 0;
    run_many(take_or_give);
    assert_int_equal(n_done, N);
    close(fds[0]);
}

static void *wait_for_child(void *arg)
{
    pid_t pid = fork();
    int status = 0;

    (void)arg;
    if (pid == 0) {
        usleep((useconds_t)(DELAY * 1e6));
        _exit(3);
    }
    n_done += waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3;
    return NULL;
}

static void many_wait_for_children_in_the_time_of_one(void **state)
{
    (void)state;
    n_done = 0;
    assert_true(run_many(wait_for_child) < MANY);
    assert_int_equal(n_done, N);
}

static void *look_up(void *arg)
{
    struct addrinfo *list = NULL;

    (void)arg;
    n_done += getaddrinfo("localhost", "80", NULL, &list) == 0;
    freeaddrinfo(list);
    n_done += gethostbyname("localhost") != NULL;
    return NULL;
}

static void many_look_names_up(void **state)
{
    (void)state;
    n_done = 0;
    run_many(look_up);
    assert_int_equal(n_done, 2 * N);
}

static int listener;
static struct sockaddr_in address;

static void *call(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char c = 0;

    (void)arg;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        read(fd, &c, 1) == 1 && c == 'x') {
        n_done++;
    }
    close(fd);
    return NULL;
}

/* Several accept on one listener; each answers after a while. */
static void *answer(void *arg)
{
    int fd = accept(listener, NULL, NULL);

    (void)arg;
    usleep((useconds_t)(DELAY * 1e6));
    n_done += write(fd, "x", 1) == 1;
    close(fd);
    return NULL;
}

static void *call_and_answer(void *arg)
{
    gev_go(call, arg);
    return answer(arg);
}

static void many_connect_and_accept_at_once(void **state)
{
    socklen_t len = sizeof address;

    (void)state;
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, N), 0);
    getsockname(listener, (struct sockaddr *)&address, &len);
    n_done = 0;
    assert_true(run_many(call_and_answer) < MANY);
    assert_int_equal(n_done, 2 * N);
    assert_int_equal(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    close(listener);
}

static void *read_one(void *arg)
{
    char c;

    (void)arg;
    n_done += read(fds[0], &c, 1) == 1;
    return NULL;
}

static void *write_all(void *arg)
{
    for (int i = 0; i < N; i++) {
        usleep(100);
        if (write(fds[1], "x", 1) != 1) {
            break;
        }
    }
    return arg;
}

static void several_read_one_stream_and_each_has_its_byte(void **state)
{
    (void)state;
    make_pair();
    n_done = 0;
    assert_int_equal(gev_go(write_all, NULL), 0);
    run_many(read_one);
    assert_int_equal(n_done, N);
    close_pair();
}

/* What a read() that waits gives, and its buffer. */
static struct {
    ssize_t n;
    int err;
    char rest[8];
} got;

static void *read_and_tell(void *arg)
{
    char buf[8];

    (void)arg;
    memset(buf, '#', sizeof buf);
    got.n = read(fds[0], buf, sizeof buf);
    got.err = errno;
    memcpy(got.rest, buf, sizeof buf);
    return NULL;
}

static struct gev_greenlet *start_reader(void)
{
    struct gev_greenlet *g = gev_spawn(read_and_tell, NULL);

    assert_non_null(g);
    assert_int_equal(gev_sleep(0.001), 0); /* it waits now */
    return g;
}

static void bytes_beyond_the_count_stay_as_they_were(void **state)
{
    struct gev_greenlet *g;

    (void)state;
    make_pair();
    g = start_reader();
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_int_equal(got.n, 2);
    assert_memory_equal(got.rest, "ab######", 8);
    gev_unref(g);
    close_pair();
}

static void close_wakes_who_waits_with_ebadf(void **state)
{
    struct gev_greenlet *g;

    (void)state;
    make_pair();
    g = start_reader();
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_int_equal(got.n, -1);
    assert_int_equal(got.err, EBADF);
    gev_unref(g);
    close(fds[1]);
}

static void a_direct_close_wakes_who_waits_with_ebadf(void **state)
{
    const unsigned flags = 0;
    struct gev_greenlet *g;

    (void)state;
    for (int i = 0; i < 2; i++) {
        make_pair();
        g = start_reader();
        assert_int_equal(i == 0
                             ? syscall(SYS_close, fds[0])
                             : syscall(SYS_close_range, fds[0], fds[0], flags),
                         0);
        assert_int_equal(gev_join(g, 1), 0);
        assert_int_equal(got.n, -1);
        assert_int_equal(got.err, EBADF);
        gev_unref(g);
        close(fds[1]);
    }
}

static void syscall_passes_on_arguments_result_and_errno(void **state)
{
    char buf[4] = "";

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "abcd", 4), 4);
    /* Six of them count: from, where, to, where, length, flags. */
    assert_int_equal(syscall(SYS_splice, fds[0], NULL, fds[0], NULL, 1L, 0L),
                     -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(syscall(SYS_read, fds[0], buf, 3L), 3);
    assert_memory_equal(buf, "abc", 4);
    assert_int_equal(syscall(SYS_close, -1), -1);
    assert_int_equal(errno, EBADF);
    close_pair();
}

static void a_killed_greenlets_read_gives_ecanceled(void **state)
{
    struct gev_greenlet *g;

    (void)state;
    make_pair();
    g = start_reader();
    assert_int_equal(gev_kill(g, GEV_FOREVER), 0);
    assert_int_equal(got.n, -1);
    assert_int_equal(got.err, ECANCELED);
    gev_unref(g);
    close_pair();
}

static void a_scope_ends_a_read_with_etimedout(void **state)
{
    int64_t scope = gev_timeout_push(0.01);
    char c;

    (void)state;
    make_pair();
    assert_int_equal(read(fds[0], &c, 1), -1);
    assert_int_equal(errno, ETIMEDOUT);
    gev_timeout_pop(scope);
    close_pair();
}

static int ticks;

static void *tick(void *arg)
{
    while (usleep(1000) == 0) {
        ticks++;
    }
    return arg;
}

static void passthrough_calls_the_real_functions(void **state)
{
    struct gev_greenlet *g = gev_spawn(tick, NULL);
    int before;

    (void)state;
    gev_sleep(0.02);
    before = ticks;
    assert_true(before > 0);
    assert_int_equal(gev_passthrough_end(), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(gev_passthrough_begin(), 0);
    usleep(20000);
    assert_int_equal(ticks, before);
    assert_int_equal(gev_passthrough_end(), 0);
    usleep(20000);
    assert_true(ticks > before);
    gev_kill(g, GEV_FOREVER);
    gev_unref(g);
}

static void every_name_is_bound_to_libgev_patch(void **state)
{
    (void)state;
    assert_int_equal(gev_patch_check(stderr), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_sleep_in_the_time_of_one),
        TEST(many_c11_sleeps_take_the_time_of_one),
        TEST(an_eventfds_reader_lets_its_writers_run),
        TEST(many_wait_for_children_in_the_time_of_one),
        TEST(many_look_names_up),
        TEST(many_connect_and_accept_at_once),
        TEST(several_read_one_stream_and_each_has_its_byte),
        TEST(bytes_beyond_the_count_stay_as_they_were),
        TEST(close_wakes_who_waits_with_ebadf),
        TEST(a_direct_close_wakes_who_waits_with_ebadf),
        TEST(syscall_passes_on_arguments_result_and_errno),
        TEST(a_killed_greenlets_read_gives_ecanceled),
        TEST(a_scope_ends_a_read_with_etimedout),
        TEST(passthrough_calls_the_real_functions),
        TEST(every_name_is_bound_to_libgev_patch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
