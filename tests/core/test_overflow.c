/* SPDX-License-Identifier: MIT */
/*
 * A stack overflow hits the guard: one line names the greenlet, and the process
 * dies of it as it would have anyway. All other faults go where they went.
 *
 * Each case is a forked child with its stderr in a pipe.
 */
#include <gev/greenlet.h>

#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/asan.h"
#include "core/note.h"

static char said[8192]; /* what the child wrote to stderr */
static int status;      /* how it ended */

static void read_all(int fd)
{
    size_t len = 0;
    ssize_t n;

    memset(said, 0, sizeof said);
    while ((n = read(fd, said + len, sizeof said - 1 - len)) > 0) {
        len += (size_t)n;
    }
    close(fd);
}

/* Runs @child with @arg in a process of its own. */
static void run_child(void (*child)(size_t), size_t arg)
{
    const struct rlimit no_core = {0, 0};
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        close(STDOUT_FILENO);
        signal(SIGSEGV, SIG_DFL); /* cmocka has its own */
        child(arg);
        _exit(0);
    }
    close(fds[1]);
    read_all(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static bool died_of_sigsegv(void)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* "gev: stack overflow in greenlet 0x…" with the address that the child told
   us first, once. */
static bool named_the_greenlet(void)
{
    char want[80];
    const char *line;
    void *g;

    if (sscanf(said, "greenlet %p\n", &g) != 1) {
        return false;
    }
    snprintf(want, sizeof want, "gev: stack overflow in greenlet %p:", g);
    line = strstr(said, want);
    return line && !strstr(line + 1, "gev: stack overflow");
}

static volatile int never; /* 0; the compiler does not know */

/* At -O2, too, each level has its kilobyte. */
static __attribute__((noinline)) int recurse(int depth)
{
    volatile char bytes[1024];

    bytes[0] = (char)depth;
    return depth == never - 1 ? 0 : recurse(depth + 1) + bytes[0];
}

static void *recurse_for_ever(void *value)
{
    fprintf(stderr, "greenlet %p\n", (void *)gev_current());
    recurse(0);
    return value;
}

static void overflow(size_t private_stack)
{
    gev_switch(gev_greenlet_new(recurse_for_ever, private_stack), NULL, NULL);
}

static void an_overflow_of_the_run_stack_names_the_greenlet(void **state)
{
    (void)state;
    run_child(overflow, 0);
    assert_true(named_the_greenlet());
    assert_true(died_of_sigsegv());
}

static void an_overflow_of_a_private_stack_names_the_greenlet(void **state)
{
    static const size_t sizes[] = {1, 16 << 10, 256 << 10, 4 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        run_child(overflow, sizes[i]);
        if (sizes[i] > 1) { /* one page has no room for fprintf() */
            assert_true(named_the_greenlet());
        }
        assert_non_null(strstr(said, "gev: stack overflow in greenlet 0x"));
        assert_true(died_of_sigsegv());
    }
}

static void *overflow_here(void *arg)
{
    overflow(*(size_t *)arg);
    return NULL;
}

static void overflow_in_thread(size_t private_stack)
{
    pthread_t t;

    gev_current();
    pthread_create(&t, NULL, overflow_here, &private_stack);
    pthread_join(t, NULL);
}

static void an_overflow_in_another_thread_is_named(void **state)
{
    (void)state;
    run_child(overflow_in_thread, 0);
    assert_true(named_the_greenlet());
    assert_true(died_of_sigsegv());
}

/* Jumps over the first pages of the guard, as a large array does. */
static void *reach_far_down(void *value)
{
    volatile char *bytes;

    fprintf(stderr, "greenlet %p\n", (void *)gev_current());
    bytes = alloca((size_t)num_of(value));
    bytes[0] = 1;
    return num(bytes[0]);
}

static void overflow_by_a_large_array(size_t size)
{
    gev_switch(gev_greenlet_new(reach_far_down, 0), num((intptr_t)size), NULL);
}

static void an_array_larger_than_the_stack_hits_the_guard(void **state)
{
    (void)state;
    if (getenv("GEV_STACK") && strcmp(getenv("GEV_STACK"), "private") == 0) {
        run_child(overflow_by_a_large_array, (1 << 20) + (32 << 10));
    } else {
        run_child(overflow_by_a_large_array, (8 << 20) + (512 << 10));
    }
    /* ASan puts the array elsewhere; valgrind, where GEV_TEST_SLOW is set,
       takes the step for a change of stacks. */
    if (!HAVE_ASAN && !getenv("GEV_TEST_SLOW")) {
        assert_true(named_the_greenlet());
        assert_true(died_of_sigsegv());
    }
}

static void *write_to_null(void *value)
{
    volatile char *nowhere =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    nowhere[num_of(value)] = 1;
    return value;
}

static void fault_elsewhere(size_t in_greenlet)
{
    gev_current();
    if (in_greenlet) {
        gev_switch(gev_greenlet_new(write_to_null, 0), num(8), NULL);
    } else {
        write_to_null(num(8));
    }
}

static void other_faults_are_not_called_overflows(void **state)
{
    (void)state;
    for (size_t in_greenlet = 0; in_greenlet < 2; in_greenlet++) {
        run_child(fault_elsewhere, in_greenlet);
        assert_null(strstr(said, "gev:"));
        assert_true(died_of_sigsegv());
    }
}

static void tell_and_exit(int signo)
{
    static const char text[] = "former handler\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);

    (void)signo;
    _exit(n > 0 ? 42 : 1);
}

static void fault_with_handler(size_t when)
{
    struct sigaction sa = {.sa_handler = tell_and_exit};

    if (when == 1) {
        sa.sa_flags = SA_ONSTACK;
    }
    sigaction(SIGSEGV, &sa, NULL);
    if (when == 1) {
        overflow(0);
    } else {
        fault_elsewhere(1);
    }
}

static void a_former_handler_gets_other_faults(void **state)
{
    (void)state;
    run_child(fault_with_handler, 0);
    assert_string_equal(said, "former handler\n");
    assert_true(WIFEXITED(status)); /* valgrind makes a status of its own */
}

static void a_former_handler_gets_overflows_after_the_report(void **state)
{
    (void)state;
    run_child(fault_with_handler, 1);
    assert_true(named_the_greenlet());
    assert_non_null(strstr(said, "former handler\n"));
    assert_true(WIFEXITED(status));
}

static void raise_sigsegv(size_t how)
{
    gev_current();
    if (how == 0) {
        raise(SIGSEGV);
    } else {
        kill(getpid(), SIGSEGV);
    }
}

static void a_sigsegv_that_was_sent_is_not_lost(void **state)
{
    (void)state;
    for (size_t how = 0; how < 2; how++) {
        run_child(raise_sigsegv, how);
        assert_null(strstr(said, "gev:"));
        assert_true(died_of_sigsegv());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overflow_of_the_run_stack_names_the_greenlet),
        cmocka_unit_test(an_overflow_of_a_private_stack_names_the_greenlet),
        cmocka_unit_test(an_overflow_in_another_thread_is_named),
        cmocka_unit_test(an_array_larger_than_the_stack_hits_the_guard),
        cmocka_unit_test(other_faults_are_not_called_overflows),
        cmocka_unit_test(a_former_handler_gets_other_faults),
        cmocka_unit_test(a_former_handler_gets_overflows_after_the_report),
        cmocka_unit_test(a_sigsegv_that_was_sent_is_not_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
