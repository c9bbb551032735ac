/* SPDX-License-Identifier: MIT */
/*
 * Every allocation and system call fails once: the hub's calls say so, and
 * nothing is lost, leaked or aborted
 *
 * The scenario is a list of steps, each of which succeeds or fails with the
 * errno that was injected. A failed step is tried again after the fault is
 * gone, so that the scenario always comes to its end.
 */
#include "run.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/fault.h"
#include "support/sock.h"

static int pair[2];
static int n_ended;  /* greenlets that did their work */
static int n_called; /* calls from gev_call_threadsafe() */
static int wrong;    /* line of what should not be, or 0 */
static int injected; /* the errno that may be seen */

/* A call fails only with the errno that was injected; then it is tried again
   without faults. */
#define STEP(call)                                                             \
    do {                                                                       \
        errno = 0;                                                             \
        if (!(call)) {                                                         \
            if (errno != injected && !wrong) {                                 \
                wrong = __LINE__;                                              \
            }                                                                  \
            fault_disarm();                                                    \
            if (!(call) && !wrong) {                                           \
                wrong = __LINE__;                                              \
            }                                                                  \
        }                                                                      \
    } while (0)

static void *sleeper(void *arg)
{
    STEP(gev_sleep(0.0005) == 0);
    n_ended++;
    return arg;
}

static void *scoped(void *arg)
{
    int64_t id = 0;

    STEP((id = gev_timeout_push(10)) > 0);
    STEP(gev_yield() == 0);
    STEP(gev_shield_begin() == 0);
    STEP(gev_yield() == 0);
    STEP(gev_shield_end() == 0);
    STEP(gev_timeout_pop(id) == 0);
    n_ended++;
    return arg;
}

static void *reader(void *arg)
{
    STEP(gev_wait_fd(pair[0], GEV_READ, 10) == GEV_READ);
    n_ended++;
    return arg;
}

static void count_call(void *arg)
{
    (void)arg;
    n_called++;
}

static void count_signal(int signo, void *arg)
{
    (void)signo;
    (void)arg;
}

static void *deferrer(void *arg)
{
    STEP(gev_defer(count_call, NULL) == 0);
    n_ended++;
    return arg;
}

/* All of it once; main's part. */
static void scenario(void)
{
    struct gev_greenlet *g = NULL, *h = NULL;
    struct gev_signal *s = NULL;
    struct gev_hub *hub = NULL;

    STEP(gev_init() == 0);
    STEP((hub = gev_hub_get()) != NULL);
    STEP((g = gev_spawn(sleeper, NULL)) != NULL);
    STEP(gev_go(scoped, NULL) == 0);
    STEP(gev_go_copy(reader, "copy", 5) == 0);
    STEP(gev_go(deferrer, NULL) == 0);
    STEP((h = gev_spawn_later(0.0002, sleeper, NULL)) != NULL);
    STEP((s = gev_signal(SIGUSR1, count_signal, NULL)) != NULL);
    STEP(gev_call_threadsafe(hub, count_call, NULL) == 0);
    STEP(gev_yield() == 0);
    STEP(write(pair[1], "x", 1) == 1);
    STEP(gev_join(g, 10) == 0);
    STEP(gev_join(h, 10) == 0);
    STEP(gev_sigwait(SIGUSR2, 0.0002) == -1 && errno == ETIMEDOUT);
    STEP(gev_run(10) == 0);
    gev_signal_cancel(s);
    gev_unref(g);
    gev_unref(h);
    gev_hub_put(hub);
    STEP(gev_shutdown() == 0);
}

/* Fails the k-th call of @kinds, for every k. */
static void fail_each(unsigned kinds, int err)
{
    int n_fds = proc_n_fds();
    long k = 1;
    bool hit = true;

    injected = err;
    for (; hit && k < 5000; k++) {
        sock_pair(pair, true);
        n_ended = 0;
        n_called = 0;
        wrong = 0;
        fault_arm(kinds, k, err);
        scenario();
        hit = fault_disarm() || fault_count(kinds) >= k;
        if (wrong || n_ended != 5 || n_called != 2) {
            print_error("k = %ld: line %d, %d ended, %d called\n", k, wrong,
                        n_ended, n_called);
        }
        assert_int_equal(gev_shutdown(), 0);
        assert_int_equal(wrong, 0);
        assert_int_equal(n_ended, 5);
        assert_int_equal(n_called, 2);
        gev_close(pair[0]);
        gev_close(pair[1]);
        assert_int_equal(proc_n_fds(), n_fds);
    }
    assert_true(k > 2);
}

static void every_failed_malloc_is_enomem(void **state)
{
    (void)state;
    fail_each(FAULT_HEAP, ENOMEM);
}

static void every_failed_mapping_is_enomem(void **state)
{
    (void)state;
    fail_each(FAULT_MMAP | FAULT_MPROTECT, ENOMEM);
}

static void no_descriptors_for_the_hub_is_emfile(void **state)
{
    (void)state;
    fail_each(FAULT_EVENTFD, EMFILE);
}

static void every_failed_sigaction_is_passed_on(void **state)
{
    (void)state;
    fail_each(FAULT_SIGNAL, EINVAL);
}

/* From the k-th on everything fails, until the scenario sees it. */
static void without_any_memory_nothing_aborts(void **state)
{
    (void)state;
    injected = ENOMEM;
    for (long k = 1; k < 40; k++) {
        sock_pair(pair, true);
        wrong = 0;
        fault_arm_from(FAULT_ALLOC, k, ENOMEM);
        scenario();
        fault_disarm();
        assert_int_equal(gev_shutdown(), 0);
        assert_int_equal(wrong, 0);
        gev_close(pair[0]);
        gev_close(pair[1]);
    }
}

static void a_failed_start_can_be_tried_again(void **state)
{
    (void)state;
    fault_arm(FAULT_EVENTFD, 1, ENFILE);
    assert_fails(gev_init(), ENFILE);
    fault_disarm();
    assert_int_equal(gev_init(), 0);
}

static void every_call_that_starts_the_hub_passes_emfile_on(void **state)
{
    struct gev_stats s;

    (void)state;
    fault_arm_from(FAULT_EVENTFD, 1, EMFILE);
    assert_fails(gev_init(), EMFILE);
    assert_no_pointer(gev_spawn(sleeper, NULL), EMFILE);
    assert_no_pointer(gev_spawn_copy(sleeper, "x", 1), EMFILE);
    assert_no_pointer(gev_spawn_private(sleeper, NULL, 65536), EMFILE);
    assert_no_pointer(gev_spawn_later(1, sleeper, NULL), EMFILE);
    assert_fails(gev_go(sleeper, NULL), EMFILE);
    assert_fails(gev_go_copy(sleeper, "x", 1), EMFILE);
    assert_fails(gev_yield(), EMFILE);
    assert_fails(gev_sleep(1), EMFILE);
    assert_fails(gev_run(1), EMFILE);
    assert_no_pointer(gev_loop(), EMFILE);
    assert_fails(gev_hub_hold(), EMFILE);
    assert_no_pointer(gev_hub_get(), EMFILE);
    assert_fails(gev_set_error_handler(NULL, NULL), EMFILE);
    assert_fails(gev_set_report(NULL, NULL), EMFILE);
    assert_fails(gev_stats(&s, sizeof s), EMFILE);
    assert_fails(gev_timeout_push(1), EMFILE);
    assert_fails(gev_shield_begin(), EMFILE);
    assert_no_pointer(gev_signal(SIGUSR1, count_signal, NULL), EMFILE);
    assert_fails(gev_sigwait(SIGUSR1, 1), EMFILE);
    fault_disarm();
}

/* With so many descriptors left, in a child of its own. */
static int start_with(int left)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int top = dup(0);
        struct rlimit r = {(rlim_t)(top + left), (rlim_t)(top + left)};
        bool ok;

        close(top);
        setrlimit(RLIMIT_NOFILE, &r);
        errno = 0;
        ok = gev_init() == 0 ? gev_sleep(0.001) == 0 : errno == EMFILE;
        _exit(ok && gev_shutdown() == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void a_hub_without_descriptors_does_not_abort(void **state)
{
    (void)state;
    for (int left = 0; left < 6; left++) {
        assert_int_equal(start_with(left), 0);
    }
}

/* Has 64 KiB to be kept, and no memory to keep them in. */
static void *yield_without_memory(void *arg)
{
    volatile char local[65536];
    int *fired = arg;
    int r;

    for (size_t i = 0; i < sizeof local; i++) {
        local[i] = (char)i;
    }
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    errno = 0;
    r = gev_yield();
    *fired = fault_disarm();
    if (*fired ? r != -1 || errno != ENOMEM : r != 0) {
        wrong = __LINE__;
    }
    if (gev_yield() < 0) {
        wrong = __LINE__;
    }
    for (size_t i = 0; i < sizeof local; i++) {
        if (local[i] != (char)i) {
            wrong = __LINE__;
        }
    }
    n_ended++;
    return NULL;
}

static void a_wait_without_memory_for_the_stack_is_enomem(void **state)
{
    int fired = 0;
    struct gev_greenlet *v[2];

    (void)state;
    n_ended = 0;
    wrong = 0;
    for (int i = 0; i < 2; i++) {
        v[i] = gev_spawn(yield_without_memory, &fired);
    }
    for (int i = 0; i < 2; i++) {
        finish(v[i]);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(n_ended, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_failed_malloc_is_enomem),
        TEST(every_failed_mapping_is_enomem),
        TEST(no_descriptors_for_the_hub_is_emfile),
        TEST(every_failed_sigaction_is_passed_on),
        TEST(without_any_memory_nothing_aborts),
        TEST(a_failed_start_can_be_tried_again),
        TEST(every_call_that_starts_the_hub_passes_emfile_on),
        TEST(a_hub_without_descriptors_does_not_abort),
        TEST(a_wait_without_memory_for_the_stack_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
