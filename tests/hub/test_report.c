/* SPDX-License-Identifier: MIT */
/*
 * gev_set_error_handler and gev_set_report: who is told of a failed greenlet
 */
#include "run.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

static struct {
    struct gev_greenlet *g;
    int err;
    int state;
    void *arg;
    int n;
    char after_defers; /* the log's last letter */
} told;

static void on_error(struct gev_greenlet *g, int err, void *arg)
{
    told.g = g;
    told.err = err;
    told.state = gev_state(g);
    told.arg = arg;
    told.n++;
    told.after_defers = run_log_len ? run_log[run_log_len - 1] : '\0';
}

static int begin_report(void **state)
{
    memset(&told, 0, sizeof told);
    return begin_test(state);
}

#undef TEST
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_report, end_test)

static void *fail_late(void *arg)
{
    (void)arg;
    (void)gev_defer(note_letter, LETTER('d'));
    (void)gev_yield();
    return gev_fail(EIO);
}

static void the_handler_is_told_after_the_defers(void **state)
{
    struct gev_greenlet *g = gev_spawn(fail_late, NULL);

    (void)state;
    assert_int_equal(gev_set_error_handler(on_error, &told), 0);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(told.n, 1);
    assert_ptr_equal(told.g, g);
    assert_int_equal(told.err, EIO);
    assert_int_equal(told.state, GEV_DEAD);
    assert_ptr_equal(told.arg, &told);
    assert_int_equal(told.after_defers, 'd');
    assert_int_equal(gev_error(g), EIO);
    gev_unref(g);
}

static void a_joiner_reads_the_error_instead(void **state)
{
    struct gev_greenlet *g = gev_spawn(fail_late, NULL);

    (void)state;
    assert_int_equal(gev_set_error_handler(on_error, NULL), 0);
    assert_int_equal(gev_join(g, 20), 0);
    assert_int_equal(gev_error(g), EIO);
    assert_int_equal(told.n, 0);
    gev_unref(g);
}

static void *fail_and_take_back(void *arg)
{
    (void)arg;
    (void)gev_fail(EIO);
    return gev_fail(0);
}

static void *fail_canceled(void *arg)
{
    (void)arg;
    return gev_fail(ECANCELED);
}

static void a_kill_is_not_an_error(void **state)
{
    struct gev_greenlet *g = gev_spawn(note_and_end, NULL);

    (void)state;
    assert_int_equal(gev_set_error_handler(on_error, NULL), 0);
    assert_int_equal(gev_kill(g, 20), 0);
    assert_int_equal(gev_go(fail_canceled, NULL), 0);
    assert_int_equal(gev_go(fail_and_take_back, NULL), 0);
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(told.n, 0);
    gev_unref(g);
}

static int waited[3];

static void waiting_handler(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    (void)err;
    (void)arg;
    for (int i = 0; i < 3; i++) {
        errno = 0;
        waited[i] = i == 0   ? gev_yield()
                    : i == 1 ? gev_sleep(0.001)
                             : gev_join(gev_current(), 1);
        waited[i] = waited[i] < 0 ? errno : 0;
    }
    note('e');
}

static void a_handler_that_waits_is_refused(void **state)
{
    (void)state;
    assert_int_equal(gev_set_error_handler(waiting_handler, NULL), 0);
    assert_int_equal(gev_go(fail_late, NULL), 0);
    assert_int_equal(gev_go(note_and_end, LETTER('o')), 0);
    assert_int_equal(gev_run(20), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(waited[i], EPERM);
    }
    assert_string_equal(run_log, "ode");
}

static void spawning_handler(struct gev_greenlet *g, int err, void *arg)
{
    (void)g;
    (void)err;
    (void)gev_go(note_and_end, arg);
}

static void a_handler_may_spawn(void **state)
{
    (void)state;
    assert_int_equal(gev_set_error_handler(spawning_handler, LETTER('n')), 0);
    assert_int_equal(gev_go(fail_late, NULL), 0);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "dn");
}

static char text_seen[1000];

static void keep_text(const char *text, void *arg)
{
    note((char)(intptr_t)arg);
    strncat(text_seen, text, sizeof text_seen - strlen(text_seen) - 1);
}

static void without_a_handler_a_line_is_reported(void **state)
{
    (void)state;
    text_seen[0] = '\0';
    assert_int_equal(gev_set_report(keep_text, LETTER('t')), 0);
    assert_int_equal(gev_set_error_handler(on_error, NULL), 0);
    assert_int_equal(gev_set_error_handler(NULL, NULL), 0);
    assert_int_equal(gev_go(fail_late, NULL), 0);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "dt");
    assert_non_null(strstr(text_seen, "failed"));
    assert_non_null(strstr(text_seen, "EIO"));
    assert_int_equal(text_seen[strlen(text_seen) - 1], '\n');
}

/* Runs a function with stderr in a pipe. */
static ssize_t stderr_of(void (*fn)(void), char *buf, size_t size)
{
    int fds[2];
    int kept = dup(STDERR_FILENO);
    ssize_t n;

    if (kept < 0 || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -1;
    }
    dup2(fds[1], STDERR_FILENO);
    fn();
    dup2(kept, STDERR_FILENO);
    n = read(fds[0], buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    close(kept);
    close(fds[0]);
    close(fds[1]);
    return n;
}

static void deadlock(void)
{
    (void)gev_sleep(GEV_FOREVER);
}

static void reports_go_to_stderr_by_default(void **state)
{
    char buf[1000];

    (void)state;
    assert_int_equal(gev_set_report(keep_text, NULL), 0);
    assert_int_equal(gev_set_report(NULL, NULL), 0);
    assert_true(stderr_of(deadlock, buf, sizeof buf) > 0);
    assert_non_null(strstr(buf, "gev: deadlock"));
    assert_string_equal(run_log, "");
}

static void *start_a_hub(void *arg)
{
    return gev_init() == 0 ? arg : NULL;
}

static void start_in_a_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, start_a_hub, NULL) == 0) {
        pthread_join(thread, NULL);
    }
}

static void a_stack_mode_that_does_not_exist_is_reported(void **state)
{
    const char *mode = getenv("GEV_STACK");
    char *former = mode ? strdup(mode) : NULL;
    char bad[1000], good[1000];

    (void)state;
    setenv("GEV_STACK", "evcit", 1);
    (void)stderr_of(start_in_a_thread, bad, sizeof bad);
    setenv("GEV_STACK", "evict", 1);
    (void)stderr_of(start_in_a_thread, good, sizeof good);
    if (former) {
        setenv("GEV_STACK", former, 1);
    } else {
        unsetenv("GEV_STACK");
    }
    free(former);
    assert_non_null(strstr(bad, "GEV_STACK=evcit"));
    assert_string_equal(good, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_handler_is_told_after_the_defers),
        TEST(a_joiner_reads_the_error_instead),
        TEST(a_kill_is_not_an_error),
        TEST(a_handler_that_waits_is_refused),
        TEST(a_handler_may_spawn),
        TEST(without_a_handler_a_line_is_reported),
        TEST(reports_go_to_stderr_by_default),
        TEST(a_stack_mode_that_does_not_exist_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
