/* SPDX-License-Identifier: MIT */
/*
 * A signal at each instruction of a call of main's: none is lost, none ends a call
 * that it ought not to end
 *
 * The processor's trap flag has the kernel send SIGTRAP after each instruction. The
 * trap's handler, which the library does not know of, counts, and raises a signal
 * of the program's at one of them. The next time it is at a later one.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#define TRAP_FLAG 0x100
#define GAP       6 /* steps from the first signal to the second */

static struct {
    long n;            /* instructions so far */
    long at;           /* where the signals come */
    int first, second; /* signals raised there, one after the other; or 0 */
} step;

static volatile int n_ending, n_restarting; /* handlers that ran */
static bool is_in_call;
static int n_missed; /* times that main still waited though it had been ended */
static int fds[2];

static void on_ending(int signo)
{
    (void)signo;
    n_ending++;
}

static void on_restarting(int signo)
{
    (void)signo;
    n_restarting++;
}

/* raise(3) would block signals meanwhile, which takes many more steps. */
static void send_self(int signo)
{
    syscall(SYS_tgkill, getpid(), gettid(), signo);
}

static void on_trap(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    int saved = errno;

    (void)signo;
    (void)info;
    if (++step.n == step.at) {
        send_self(step.first);
    } else if (step.n == step.at + GAP && step.second) {
        send_self(step.second);
    }
    if (step.n > step.at + (step.second ? GAP : 0)) {
        uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    }
    errno = saved;
}

/* Set behind the library's back: it is not one of the program's handlers. */
static void handle_traps(void)
{
    static struct {
        void (*fn)(int, siginfo_t *, void *);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } act;
    struct sigaction made = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    sigaction(SIGTRAP, &made, NULL);
    syscall(SYS_rt_sigaction, SIGTRAP, NULL, &act, sizeof act.mask);
    act.fn = on_trap;
    act.mask = 0; /* the signals come at once */
    syscall(SYS_rt_sigaction, SIGTRAP, &act, NULL, sizeof act.mask);
}

static inline __attribute__((always_inline)) void set_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                     "pushfq\n\t"
                     "orq $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "cc", "memory");
}

static inline __attribute__((always_inline)) void clear_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                     "pushfq\n\t"
                     "andq $~0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "cc", "memory");
}

/* When main waits: was it to? */
static void *let_it_go_on(void *arg)
{
    char c = 'x';

    (void)arg;
    (void)gev_sleep(0.002);
    if (n_ending > 0) {
        (void)gev_sleep(0.002); /* then it is over */
        n_missed += is_in_call;
    }
    return write(fds[1], &c, 1) == 1 ? NULL : fds;
}

static long call_read(void)
{
    char c;

    return read(fds[0], &c, 1);
}

static long call_poll(void)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};

    return poll(&p, 1, -1);
}

static void handle(int signo, void (*fn)(int signo), int flags)
{
    struct sigaction act = {.sa_handler = fn, .sa_flags = flags};

    assert_int_equal(sigaction(signo, &act, NULL), 0);
}

static int begin(void **state)
{
    (void)state;
    handle_traps();
    handle(SIGUSR1, on_ending, 0);
    handle(SIGUSR2, on_restarting, SA_RESTART);
    return pipe(fds) < 0 ? -1 : gev_init();
}

static int end(void **state)
{
    (void)state;
    close(fds[0]);
    close(fds[1]);
    return gev_shutdown();
}

/* One call, with the signals at a step of it. Return: whether it came so far. */
static bool run_once(long (*call)(void), long at, long *ret_r, int *ret_err)
{
    struct gev_greenlet *g = gev_spawn(let_it_go_on, NULL);
    char c;

    assert_non_null(g);
    n_ending = n_restarting = n_missed = 0;
    step.n = 0;
    step.at = at;
    errno = 0;
    is_in_call = true;
    set_trap_flag();
    *ret_r = call();
    clear_trap_flag();
    is_in_call = false;
    *ret_err = errno;
    assert_int_equal(gev_join(g, 20), 0);
    gev_unref(g);
    if (*ret_r < 0 || call == call_poll) {
        assert_int_equal(read(fds[0], &c, 1), 1);
    }
    return step.n > at;
}

/* A signal that comes before the call has begun is not the call's. */
#define BEFORE 1000

static void each_step(long (*call)(void), int first, int second, bool ends)
{
    long stride = second ? 5 : 101, last = second ? 1000 : 3000;
    long ended = 0, r;
    bool is_far = true;
    int err;

    step.first = first;
    step.second = second;
    for (long at = 1 + getpid() % stride; is_far && at < last; at += stride) {
        is_far = run_once(call, at, &r, &err);
        if (n_missed && (ended || at > BEFORE)) {
            print_error("lost at step %ld\n", at);
            assert_false(ends);
        }
        if (r < 0) {
            assert_true(ends);
            assert_int_equal(err, EINTR);
            ended++;
        }
    }
    assert_true(!ends || ended > 0);
}

static void a_read_is_ended_at_each_step(void **state)
{
    (void)state;
    each_step(call_read, SIGUSR1, 0, true);
}

static void a_read_goes_on_with_SA_RESTART(void **state)
{
    (void)state;
    each_step(call_read, SIGUSR2, 0, false);
}

static void one_that_restarts_hides_no_other(void **state)
{
    (void)state;
    each_step(call_read, SIGUSR1, SIGUSR2, true);
}

static void a_poll_is_ended_by_either(void **state)
{
    (void)state;
    each_step(call_poll, SIGUSR1, 0, true);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_read_is_ended_at_each_step),
        TEST(a_read_goes_on_with_SA_RESTART),
        TEST(one_that_restarts_hides_no_other),
        TEST(a_poll_is_ended_by_either),
    };

    if (getenv("GEV_TEST_SLOW")) {
        return 77; /* skipped: with ASan there are too many */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
