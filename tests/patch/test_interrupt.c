/* SPDX-License-Identifier: MIT */
/*
 * EINTR among greenlets: main's calls end when a handler has run, whoever ran
 * meanwhile; nobody else's do, and nothing else ends them
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

#define assert_ends_with(call, error)                                          \
    do {                                                                       \
        errno = 0;                                                             \
        long ends_r = (long)(call);                                            \
        int ends_err = errno;                                                  \
        assert_int_equal(ends_r, -1);                                          \
        assert_int_equal(ends_err, (error));                                   \
    } while (0)

static _Atomic int n_handled;
static int fds[2];
static struct pollfd in;

static void on_signal(int signo)
{
    (void)signo;
    n_handled++;
}

static void handle(int signo, void (*fn)(int signo), int flags)
{
    struct sigaction act = {.sa_handler = fn, .sa_flags = flags};

    assert_int_equal(sigaction(signo, &act, NULL), 0);
}

static void alarm_in(int ms)
{
    struct itimerval t = {.it_value = {0, ms * 1000}};

    setitimer(ITIMER_REAL, &t, NULL);
}

static int begin(void **state)
{
    (void)state;
    n_handled = 0;
    handle(SIGALRM, on_signal, 0);
    handle(SIGUSR1, on_signal, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) {
        return -1;
    }
    in = (struct pollfd){.fd = fds[0], .events = POLLIN};
    return gev_init();
}

static int end(void **state)
{
    (void)state;
    close(fds[0]);
    close(fds[1]);
    return gev_shutdown();
}

static void *compute_until_handled(void *arg)
{
    volatile unsigned n = 0;

    (void)arg;
    while (n_handled == 0) {
        n++;
    }
    return NULL;
}

static void main_is_interrupted_while_others_compute(void **state)
{
    (void)state;
    assert_int_equal(gev_go(compute_until_handled, NULL), 0);
    alarm_in(20);
    assert_ends_with(poll(&in, 1, -1), EINTR);
    assert_int_equal(poll(&in, 1, 1), 0);
}

/* The signal comes before the call waits: its budget is gone, and others run. */
static void nothing_is_lost_while_a_call_waits_for_its_turn(void **state)
{
    char c;

    (void)state;
    for (int i = 0; i < 20; i++) {
        n_handled = 0;
        assert_int_equal(gev_yield(), 0);
        for (int k = 0; k < i; k++) {
            assert_int_equal(gev_checkpoint(), 0);
        }
        assert_int_equal(gev_go(compute_until_handled, NULL), 0);
        alarm_in(2);
        assert_ends_with(read(fds[0], &c, 1), EINTR);
    }
}

struct calls {
    long slept;
    long got;
};

static void *nap(void *arg)
{
    struct calls *c = arg;

    c->slept = usleep(60000);
    return NULL;
}

static void *receive(void *arg)
{
    struct calls *c = arg;
    char byte;

    c->got = read(fds[0], &byte, 1);
    return NULL;
}

static void other_greenlets_calls_go_on(void **state)
{
    struct calls c = {-2, -2};
    struct gev_greenlet *g = gev_spawn(nap, &c), *h = gev_spawn(receive, &c);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    alarm_in(10);
    assert_ends_with(usleep(1000000), EINTR);
    alarm_in(10);
    assert_int_equal(gev_join(g, 20), 0); /* a call of gev's does, too */
    assert_int_equal(n_handled, 2);
    assert_int_equal(c.slept, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(gev_join(h, 20), 0);
    assert_int_equal(c.got, 1);
    gev_unref(g);
    gev_unref(h);
}

static void an_expired_scope_comes_first(void **state)
{
    int64_t id = gev_timeout_push(0);

    (void)state;
    (void)gev_sleep(0.001);
    raise(SIGALRM);
    assert_ends_with(poll(&in, 1, -1), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_int_equal(poll(&in, 1, 1), 0);
}

static int n_watched;

static void watched(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    n_watched++;
}

static void gevs_own_handlers_interrupt_nothing(void **state)
{
    struct gev_signal *s = gev_signal(SIGALRM, watched, NULL);
    struct sigaction now;
    int status;
    pid_t pid;

    (void)state;
    n_watched = 0;
    alarm_in(10);
    assert_int_equal(poll(&in, 1, 40), 0);
    assert_int_equal(n_watched, 1);
    gev_signal_cancel(s);
    assert_int_equal(sigaction(SIGALRM, NULL, &now), 0);
    assert_ptr_equal(now.sa_handler, on_signal);
    alarm_in(10);
    assert_ends_with(poll(&in, 1, 1000), EINTR); /* the program's is back */
    pid = fork();
    if (pid == 0) {
        usleep(20000);
        _exit(3);
    }
    assert_int_equal(waitpid(-1, &status, 0), pid); /* SIGCHLD tells gev */
}

static void *take_the_signal(void *arg)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (n_handled == 0) {
        usleep(1000);
    }
    return arg;
}

static void a_signal_of_another_thread_interrupts_nothing(void **state)
{
    sigset_t set, former;
    pthread_t t;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &former);
    assert_int_equal(pthread_create(&t, NULL, take_the_signal, NULL), 0);
    kill(getpid(), SIGUSR1);
    assert_int_equal(poll(&in, 1, 40), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(n_handled, 1);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
}

static sigjmp_buf back;

static void jump(int signo)
{
    siglongjmp(back, signo);
}

/* Else all calls of this thread would be taken for the handler's. */
static void a_handler_that_jumps_is_over(void **state)
{
    struct calls c = {-2, -2};
    struct gev_greenlet *g;

    (void)state;
    handle(SIGALRM, jump, 0);
    if (sigsetjmp(back, 1) == 0) {
        alarm_in(10);
        for (volatile int i = 0;; i++) {
        }
    }
    g = gev_spawn(receive, &c);
    assert_int_equal(usleep(1000), 0); /* others run */
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(usleep(1000), 0);
    assert_int_equal(c.got, 1);
    assert_int_equal(gev_join(g, 20), 0);
    gev_unref(g);
}

/* --- handlers at any moment --- */

struct storm {
    pthread_t target;
    _Atomic int turn; /* a signal for each; -1: end */
    _Atomic int stop;
};

static void *send_one_each(void *arg)
{
    struct storm *s = arg;
    int seen = 0;

    for (int turn; (turn = s->turn) >= 0;) {
        if (turn == seen) {
            continue;
        }
        for (volatile int i = 0; i < turn * 7 % 5000; i++) {
        }
        pthread_kill(s->target, SIGUSR1);
        seen = turn;
    }
    return NULL;
}

static int to_self[2];
static _Atomic int n_wrong;

/* Calls that elsewhere would switch. */
static void call_in_handler(int signo)
{
    struct timespec t = {0, 1000};
    int saved = errno;
    char c = 'h';

    (void)signo;
    n_wrong += write(to_self[1], &c, 1) != 1;
    n_wrong += read(to_self[0], &c, 1) != 1;
    n_wrong += poll(NULL, 0, 1) != 0;
    n_wrong += nanosleep(&t, NULL) != 0;
    n_handled++;
    errno = saved;
}

static void *tick(void *arg)
{
    const struct storm *s = arg;

    while (!s->stop) {
        (void)usleep(100);
    }
    return NULL;
}

static void handlers_may_call_and_none_is_lost(void **state)
{
    struct storm s = {.target = pthread_self()};
    int n = getenv("GEV_TEST_SLOW") ? 50 : 500;
    struct gev_greenlet *g = gev_spawn(tick, &s);
    sigset_t none, set;
    pthread_t t;

    (void)state;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    handle(SIGUSR1, call_in_handler, 0);
    assert_int_equal(pipe(to_self), 0);
    assert_int_equal(pthread_create(&t, NULL, send_one_each, &s), 0);
    for (int i = 1; i <= n; i++) {
        s.turn = i;
        assert_ends_with(ppoll(&in, 1, NULL, &none), EINTR); /* or it hangs */
        assert_int_equal(n_handled, i);
    }
    s.turn = -1;
    pthread_join(t, NULL);
    s.stop = 1;
    assert_int_equal(gev_join(g, 20), 0);
    gev_unref(g);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    assert_int_equal(n_wrong, 0);
    close(to_self[0]);
    close(to_self[1]);
}

static void on_info(int signo, siginfo_t *info, void *context)
{
    n_wrong += info->si_signo != signo || !context;
    n_handled++;
}

/* Two handlers that are called differently take turns. */
static void *set_in_turns(void *arg)
{
    const struct storm *s = arg;
    struct sigaction plain = {.sa_handler = on_signal}, old;
    struct sigaction info = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO};

    while (!s->stop) {
        n_wrong += sigaction(SIGUSR1, &plain, &old) != 0;
        n_wrong += old.sa_handler != on_signal && old.sa_sigaction != on_info;
        n_wrong +=
            (old.sa_handler == on_signal) == ((old.sa_flags & SA_SIGINFO) != 0);
        n_wrong += sigaction(SIGUSR1, &info, &old) != 0;
        n_wrong += old.sa_handler != on_signal && old.sa_sigaction != on_info;
    }
    return NULL;
}

static void handlers_change_whole_and_forks_find_them_so(void **state)
{
    int n = getenv("GEV_TEST_SLOW") ? 5 : 50, status;
    struct storm s = {.target = pthread_self()};
    pthread_t t[2];

    (void)state;
    n_wrong = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, set_in_turns, &s), 0);
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 100; k++) {
            raise(SIGUSR1);
        }
        pid_t pid = fork();
        if (pid == 0) {
            n_handled = 0;
            raise(SIGUSR1);
            signal(SIGUSR1, on_signal); /* the lock is free */
            raise(SIGUSR1);
            _exit(n_handled == 2 && n_wrong == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    s.stop = 1;
    for (int i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
    }
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_handled, n * 100);
}

static void *poll_masked(void *arg)
{
    struct timespec t = {0, 2000000};

    return ppoll(NULL, 0, &t, arg) == 0 ? NULL : arg;
}

static void a_mask_holds_until_the_last_call_with_one_ends(void **state)
{
    struct timespec t = {1, 0};
    sigset_t none, set, now;

    (void)state;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert_int_equal(gev_go(poll_masked, &none), 0);
    alarm_in(20);
    assert_ends_with(ppoll(&in, 1, &t, &none), EINTR);
    pthread_sigmask(SIG_UNBLOCK, &set, &now);
    assert_true(sigismember(&now, SIGALRM));
}

/* Of who was there before the library: the child's run before its own. */
static _Atomic int n_set, sets_at_fork;

static void set_at_fork(void)
{
    if (sets_at_fork) {
        n_set += signal(SIGUSR2, on_signal) != SIG_ERR;
    }
}

static void be_early(void)
{
    (void)pthread_atfork(set_at_fork, set_at_fork, set_at_fork);
}

static void (*const early)(void)
    __attribute__((section(".preinit_array"), used)) = be_early;

static void handlers_may_be_set_at_a_fork(void **state)
{
    sigset_t mask;
    int status;
    pid_t pid;

    (void)state;
    n_set = 0;
    sets_at_fork = 1;
    pid = fork(); /* or it hangs */
    if (pid == 0) {
        raise(SIGUSR2);
        _exit(n_set == 2 && n_handled == 1 ? 0 : 1);
    }
    sets_at_fork = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(n_set, 2);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    assert_false(sigismember(&mask, SIGUSR2));
    signal(SIGUSR2, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(main_is_interrupted_while_others_compute),
        TEST(nothing_is_lost_while_a_call_waits_for_its_turn),
        TEST(other_greenlets_calls_go_on),
        TEST(an_expired_scope_comes_first),
        TEST(gevs_own_handlers_interrupt_nothing),
        TEST(a_signal_of_another_thread_interrupts_nothing),
        TEST(a_handler_that_jumps_is_over),
        TEST(handlers_may_call_and_none_is_lost),
        TEST(handlers_change_whole_and_forks_find_them_so),
        TEST(a_mask_holds_until_the_last_call_with_one_ends),
        TEST(handlers_may_be_set_at_a_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
