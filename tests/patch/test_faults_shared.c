/* SPDX-License-Identifier: MIT */
/*
 * O_NONBLOCK of a descriptor that two threads, or processes, use at the same time
 *
 * Each has a hub. The first is stopped in the instant in which it has set the flag,
 * and the second does what it does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#include "faults.h"

#define INSTANT  0.05 /* seconds that the first is stopped */
#define PATIENCE 5    /* seconds after which the second is taken to be stuck */

static int listener, pair[2];
static sem_t in_between, first_done, done;
static _Thread_local bool is_first;
static bool stopped;

/* Before accept4(2) or sendfile(2): the first has set the flag, lets the second go
   and stays for an instant; the second stays until the first is done. */
static void stop(void)
{
    if (is_first && !stopped) {
        stopped = true;
        sem_post(&in_between);
        nanosleep(&(struct timespec){.tv_nsec = (long)(INSTANT * 1e9)}, NULL);
    } else if (!is_first) {
        while (sem_wait(&first_done) < 0) {
        }
        sem_post(&first_done);
    }
}

static void *accept_first(void *arg)
{
    *(int *)arg = accept(listener, NULL, NULL);
    sem_post(&first_done);
    return NULL;
}

/* Nothing is left for it. */
static void *accept_second(void *arg)
{
    int64_t scope;

    scope = gev_timeout_push(4 * INSTANT);
    *(int *)arg = accept(listener, NULL, NULL) < 0 ? errno : 0;
    gev_timeout_pop(scope);
    return NULL;
}

static void *read_second(void *arg)
{
    char c;

    *(int *)arg = (int)read(pair[0], &c, 1);
    return NULL;
}

struct thread {
    gev_fn *fn;
    int result;
};

static void *in_thread(void *arg)
{
    struct thread *t = arg;

    while (sem_wait(&in_between) < 0) {
    }
    if (gev_go(t->fn, &t->result) == 0) {
        (void)gev_run(GEV_FOREVER);
    }
    sem_post(&done);
    (void)gev_shutdown();
    return NULL;
}

/* Return: whether the second ended. */
static bool is_done(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    return sem_timedwait(&done, &until) == 0;
}

static void run_both(gev_fn *first, void *ret_first, struct thread *second)
{
    pthread_t t;

    stopped = false;
    is_first = true;
    sem_init(&in_between, 0, 0);
    sem_init(&first_done, 0, 0);
    sem_init(&done, 0, 0);
    assert_int_equal(pthread_create(&t, NULL, in_thread, second), 0);
    assert_int_equal(gev_go(first, ret_first), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_true(stopped);
    assert_true(is_done());
    assert_int_equal(pthread_join(t, NULL), 0);
}

static void two_that_accept_do_not_block_each_other(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    static struct thread second = {.fn = accept_second};
    socklen_t len = sizeof sa;
    static int accepted;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&sa, &len);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
    faults_before(GEV__N_accept4, stop);
    run_both(accept_first, &accepted, &second);
    faults_before(GEV__N_accept4, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(second.result, ETIMEDOUT);
    assert_int_equal(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    close(accepted);
    close(listener);
}

static int file;

static void *send_file(void *arg)
{
    off_t at = 0;

    *(ssize_t *)arg = sendfile(pair[0], file, &at, 1);
    (void)!write(pair[1], "x", 1);
    return NULL;
}

/* The read waits: it does not see the flag that sendfile has set. */
static void a_read_beside_a_sendfile_waits(void **state)
{
    static struct thread second = {.fn = read_second};
    static ssize_t sent;

    (void)state;
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    faults_before(GEV__N_sendfile64, stop);
    run_both(send_file, &sent, &second);
    faults_before(GEV__N_sendfile64, NULL);
    assert_int_equal(sent, 1);
    assert_int_equal(second.result, 1);
    close(pair[0]);
    close(pair[1]);
    close(file);
}

/* A process that ends while it has the lock gives it back. */
static void end_here(void)
{
    if (is_first) {
        _exit(7);
    }
}

static void a_process_that_ends_in_between_holds_nobody_up(void **state)
{
    int64_t scope;
    pid_t pid;
    int status;

    (void)state;
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid = fork();
    if (pid == 0) {
        ssize_t sent;

        faults_before(GEV__N_sendfile64, end_here);
        (void)send_file(&sent);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    scope = gev_timeout_push(PATIENCE);
    assert_int_equal(sendfile(pair[0], file, NULL, 1), 1);
    assert_int_equal(gev_timeout_pop(scope), 0);
    close(pair[0]);
    close(pair[1]);
    close(file);
}

/* --- a listener of two processes --- */

#define N_CALLS 2000
#define IDLE    1.0 /* seconds without a call after which an acceptor ends */

/* Accepts until nobody calls. A process that is stuck in accept(2) never ends. */
static int accept_all(void)
{
    int n = 0;

    for (;;) {
        int64_t scope = gev_timeout_push(IDLE);
        int fd = accept(listener, NULL, NULL);
        gev_timeout_pop(scope);
        if (fd < 0) {
            return errno == ETIMEDOUT ? n : -1;
        }
        n++;
        close(fd);
    }
}

static void call_all(const struct sockaddr_in *sa)
{
    char c;

    for (int i = 0; i < N_CALLS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0) {
            (void)!read(fd, &c, 1); /* until it is accepted and closed */
        }
        close(fd);
    }
}

static void processes_that_share_a_listener_do_not_block(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sa;
    pid_t acceptor, caller;
    int status;

    (void)state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
    acceptor = fork();
    if (acceptor == 0) {
        _exit(accept_all() >= 0 ? 0 : 1);
    }
    caller = fork();
    if (caller == 0) {
        gev_passthrough_begin();
        call_all(&sa);
        _exit(0);
    }
    assert_true(accept_all() >= 0);
    assert_int_equal(waitpid(acceptor, &status, 0), acceptor);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(caller, &status, 0), caller);
    assert_int_equal(status, 0);
    assert_int_equal(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_that_accept_do_not_block_each_other),
        cmocka_unit_test(a_read_beside_a_sendfile_waits),
        cmocka_unit_test(a_process_that_ends_in_between_holds_nobody_up),
        cmocka_unit_test(processes_that_share_a_listener_do_not_block),
    };

    faults_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
