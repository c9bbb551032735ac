/* SPDX-License-Identifier: MIT */
/*
 * libc's name service in greenlets: a module that waits does not deadlock
 *
 * The module is the test's own (tests/patch/nss); a thread is its server.
 */
#include <errno.h>
#include <nss.h>
#include <printf.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include <gev.h>
#include <gev/patch.h>

#include "nss/wire.h"

#define TEST(name) cmocka_unit_test(name)

#define DELAY    30000 /* µs until the server answers */
#define DEADLOCK 2     /* seconds after which a look-up is taken for one */
#define LIMIT    30    /* seconds for all tests */
#define N_USERS  2

void __syslog_chk(int priority, int flag, const char *fmt, ...);
void __vsyslog_chk(int priority, int flag, const char *fmt, va_list ap);

/* Answers each letter with the next one. A thread without a hub: it blocks. */
static void *serve(void *arg)
{
    int fd = *(int *)arg;
    char c;

    while (recv(fd, &c, 1, 0) == 1) {
        usleep(DELAY);
        c++;
        if (send(fd, &c, 1, 0) != 1) {
            break;
        }
    }
    return NULL;
}

/* Named, so that the linker keeps the module: libc finds what is loaded. */
enum nss_status _nss_gevtest_getpwnam_r(const char *name, struct passwd *to,
                                        char *buf, size_t n, int *err);

static void start_server(void)
{
    static __typeof__(_nss_gevtest_getpwnam_r) *volatile module;
    static int fds[2];
    pthread_t thread;

    module = _nss_gevtest_getpwnam_r;
    (void)module;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0 ||
        pthread_create(&thread, NULL, serve, &fds[1]) != 0 ||
        pthread_detach(thread) != 0 ||
        __nss_configure_lookup("passwd", "gevtest") != 0) {
        abort();
    }
    wire_connect(fds[0]);
}

static int ticks;

static void *tick(void *arg)
{
    while (usleep(1000) == 0) {
        ticks++;
    }
    return arg;
}

static const char *user; /* whom to look up */
static unsigned uids[N_USERS];
static int ticks_inside[N_USERS]; /* of others, during a look-up */

static void *look_up(void *arg)
{
    intptr_t i = (intptr_t)arg;
    int before = ticks;
    struct passwd *p = getpwnam(user);

    ticks_inside[i] = ticks - before;
    uids[i] = p ? p->pw_uid : 0;
    return NULL;
}

static void *look_up_r(void *arg)
{
    intptr_t i = (intptr_t)arg;
    int before = ticks;
    struct passwd entry, *p = NULL;
    char buf[100];

    getpwnam_r(user, &entry, buf, sizeof buf, &p);
    ticks_inside[i] = ticks - before;
    uids[i] = p ? p->pw_uid : 0;
    return NULL;
}

/* Several greenlets do this, and one ticks. How many found the user? */
static int run_beside_a_ticker(gev_fn *fn)
{
    struct gev_greenlet *ticker = gev_spawn(tick, NULL), *g[N_USERS];
    int found = 0;

    ticks = 0;
    memset(uids, 0, sizeof uids);
    gev_sleep(0.01);
    for (intptr_t i = 0; i < N_USERS; i++) {
        g[i] = gev_spawn(fn, (void *)i);
    }
    for (int i = 0; i < N_USERS; i++) {
        gev_join(g[i], GEV_FOREVER);
        gev_unref(g[i]);
        found += uids[i] == (unsigned char)(user[0] + 1);
    }
    gev_kill(ticker, GEV_FOREVER);
    gev_unref(ticker);
    return found;
}

/* What this program does when it is run as its own child: look-ups only. */
static int be_child(const char *name)
{
    alarm(DEADLOCK);
    start_server();
    user = name;
    return run_beside_a_ticker(look_up_r) == N_USERS ? 0 : 1;
}

static int status_of_child(const char *families, const char *name)
{
    char self[] = "/proc/self/exe", buf[32];
    char *argv[] = {self, buf, NULL};
    pid_t pid;
    int status = -1;

    snprintf(buf, sizeof buf, "%s", name);
    assert_int_equal(setenv("GEV_PATCH", families, 1), 0);
    assert_int_equal(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
    assert_int_equal(unsetenv("GEV_PATCH"), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void two_who_hold_libcs_lock_do_not_wait_for_each_other(void **state)
{
    (void)state;
    user = "through";
    assert_int_equal(run_beside_a_ticker(look_up), N_USERS);
}

static void two_who_hold_a_modules_lock_do_not_wait_for_each_other(void **state)
{
    (void)state;
    user = "through";
    assert_int_equal(run_beside_a_ticker(look_up_r), N_USERS);
}

static void nobody_runs_while_libc_looks_a_user_up(void **state)
{
    (void)state;
    user = "through";
    run_beside_a_ticker(look_up_r);
    assert_true(ticks > 0);
    assert_int_equal(ticks_inside[0], 0);
    assert_int_equal(ticks_inside[1], 0);
}

static void unguarded_they_deadlock(void **state)
{
    int status = status_of_child("all,-nss", "through");

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGALRM);
    assert_int_equal(status_of_child("all", "through"), 0);
}

static void a_module_that_calls_by_itself_is_known_by_its_name(void **state)
{
    (void)state;
    assert_int_equal(status_of_child("all,-nss", "directly"), 0);
}

static unsigned found_uid;

static void in_a_thread(void *io)
{
    (void)io;
    look_up_r(0);
    found_uid = uids[0];
}

static void *offload(void *arg)
{
    return gev_offload(in_a_thread, NULL, 0) < 0 ? gev_fail(EIO) : arg;
}

static void others_run_while_a_thread_looks_a_user_up(void **state)
{
    struct gev_greenlet *ticker = gev_spawn(tick, NULL), *g;

    (void)state;
    user = "through";
    ticks = 0;
    found_uid = 0;
    g = gev_spawn(offload, NULL);
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_int_equal(found_uid, 't' + 1);
    assert_true(ticks > 0);
    gev_kill(ticker, GEV_FOREVER);
    gev_unref(ticker);
    gev_unref(g);
}

/* printf's %Q waits, and says whether others ran. */
static int n_printed, ticks_in_printf;

static int print_slowly(FILE *out, const struct printf_info *info,
                        const void *const *args)
{
    int before = ticks;

    (void)info;
    (void)args;
    usleep(DELAY);
    n_printed++;
    ticks_in_printf += ticks - before;
    return fprintf(out, "Q");
}

static int no_arguments(const struct printf_info *info, size_t n, int *types,
                        int *sizes)
{
    (void)info;
    (void)n;
    (void)types;
    (void)sizes;
    return 0;
}

__attribute__((noinline)) static void log_list(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsyslog(LOG_DEBUG, fmt, ap);
    va_end(ap);
    va_start(ap, fmt);
    __vsyslog_chk(LOG_DEBUG, 0, fmt, ap);
    va_end(ap);
}

static void *log_slowly(void *arg)
{
    const char *volatile fmt = "%Q";

    openlog("gev-test", 0, LOG_USER);
    syslog(LOG_DEBUG, fmt, 0);
    __syslog_chk(LOG_DEBUG, 0, fmt, 0);
    log_list(fmt, 0);
    closelog();
    return arg;
}

static void nobody_runs_inside_syslog(void **state)
{
    struct gev_greenlet *ticker = gev_spawn(tick, NULL), *g;

    (void)state;
    assert_int_equal(register_printf_specifier('Q', print_slowly, no_arguments),
                     0);
    gev_sleep(0.01);
    g = gev_spawn(log_slowly, NULL);
    assert_int_equal(gev_join(g, GEV_FOREVER), 0);
    assert_int_equal(n_printed, 4);
    assert_int_equal(ticks_in_printf, 0);
    assert_int_equal(gev_kill(ticker, GEV_FOREVER), 0);
    gev_unref(ticker);
    gev_unref(g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(two_who_hold_libcs_lock_do_not_wait_for_each_other),
        TEST(two_who_hold_a_modules_lock_do_not_wait_for_each_other),
        TEST(nobody_runs_while_libc_looks_a_user_up),
        TEST(unguarded_they_deadlock),
        TEST(a_module_that_calls_by_itself_is_known_by_its_name),
        TEST(others_run_while_a_thread_looks_a_user_up),
        TEST(nobody_runs_inside_syslog),
    };

    if (argc > 1) {
        return be_child(argv[1]);
    }
    alarm(LIMIT);
    start_server();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
