/* SPDX-License-Identifier: MIT */
/*
 * gev_backdoor_start: the console, who may use it, and how it ends
 *
 * Main is the one who types: it is a greenlet, so the sessions run meanwhile.
 */
#include "run.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <gev/backdoor.h>

#include "support/fault.h"
#include "support/sock.h"

#define PROMPT "gev> "

static char path[64];
static char addr[80];
static char answer[1 << 16];

static void assert_has(const char *what)
{
    if (!strstr(answer, what)) {
        print_error("no \"%s\" in:\n%s", what, answer);
    }
    assert_non_null(strstr(answer, what));
}

/* Reads until the prompt, or the end; gives whether there was one. */
static bool hear(int fd)
{
    size_t n = 0;
    bool prompt = false;

    while (!prompt && n < sizeof answer - 1) {
        ssize_t r = gev_read(fd, answer + n, sizeof answer - 1 - n);

        if (r <= 0) {
            break;
        }
        n += (size_t)r;
        answer[n] = '\0';
        prompt = n >= strlen(PROMPT) &&
                 strcmp(answer + n - strlen(PROMPT), PROMPT) == 0;
    }
    answer[n] = '\0';
    return prompt;
}

static void say(int fd, const char *text)
{
    assert_int_equal(gev_writeall(fd, text, strlen(text)),
                     (ssize_t)strlen(text));
}

static void ask(int fd, const char *text)
{
    say(fd, text);
    assert_true(hear(fd));
}

static int come_in(void)
{
    int fd = gev_dial(addr, 5);

    assert_true(fd >= 0);
    assert_int_equal(gev_settimeout(fd, 20, 20), 0);
    assert_true(hear(fd));
    return fd;
}

static void *sleep_long(void *arg)
{
    (void)gev_sleep(1000);
    return arg;
}

static struct gev_greenlet *sleeper(const char *name)
{
    struct gev_greenlet *g = gev_spawn(sleep_long, NULL);

    assert_non_null(g);
    assert_int_equal(gev_set_name(g, name), 0);
    assert_int_equal(gev_yield(), 0);
    return g;
}

static void end_sleeper(struct gev_greenlet *g)
{
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static int begin(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/gev-backdoor-%d", (int)getpid());
    snprintf(addr, sizeof addr, "unix:%s", path);
    return gev_backdoor_start(addr) < 0;
}

static int end(void **state)
{
    int rc = gev_shutdown();

    (void)state;
    return rc < 0 || access(path, F_OK) == 0; /* it has unlinked it */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

static void it_greets_and_helps(void **state)
{
    int fd = come_in();
    char want[100];

    (void)state;
    snprintf(want, sizeof want,
             "gev backdoor of process %d; \"help\" lists the commands\n",
             (int)getpid());
    assert_has(want);
    ask(fd, "help\n");
    assert_has("ps          all greenlets\n");
    assert_has("kill ID     make");
    assert_has("quit");
    ask(fd, "\n");
    assert_string_equal(answer, PROMPT);
    say(fd, "quit\n");
    assert_false(hear(fd));
    gev_close(fd);
}

static void ps_lists_all(void **state)
{
    struct gev_greenlet *g = sleeper("cron");
    int fd = come_in();
    char want[100];

    (void)state;
    ask(fd, "ps\r\n"); /* as telnet sends it */
    snprintf(want, sizeof want, "greenlet %u \"cron\" sleeps for 0.",
             gev_id(g));
    assert_has(want);
    assert_has("greenlet 1 \"main\" waits to read descriptor ");
    assert_has("\"backdoor\" runs");
    assert_null(strstr(answer, "#0"));
    gev_close(fd);
    end_sleeper(g);
}

static void bt_shows_where(void **state)
{
    struct gev_greenlet *g = sleeper("cron");
    int fd = come_in();
    char line[32];

    (void)state;
    snprintf(line, sizeof line, "  bt   %u  \n", gev_id(g));
    ask(fd, line);
    assert_has("\"cron\" sleeps");
    assert_has("#0  ");
    ask(fd, "bt all\n");
    assert_has("\"cron\" sleeps");
    assert_has("\"main\" waits");
    ask(fd, "bt\n");
    assert_has("error: which?");
    ask(fd, "bt x\n");
    assert_has("error: which?");
    ask(fd, "bt -1\n");
    assert_has("error: which?");
    ask(fd, "bt 99999999999\n");
    assert_has("error: which?");
    ask(fd, "bt 4000000\n");
    assert_has("error: there is no greenlet 4000000\n");
    gev_close(fd);
    end_sleeper(g);
}

static void descriptors_timers_and_counters_are_shown(void **state)
{
    struct gev_greenlet *g = sleeper("cron");
    int fd = come_in();
    char want[64];

    (void)state;
    ask(fd, "fds\n");
    assert_has(" listener");
    snprintf(want, sizeof want, "%d stream, read by greenlet 1\n", fd);
    assert_has(want);
    ask(fd, "timers\n");
    snprintf(want, sizeof want, "greenlet %u \"cron\" waits ", gev_id(g));
    assert_has(want);
    ask(fd, "stats\n");
    assert_has("greenlets 3\n");
    assert_has("\npolls ");
    gev_close(fd);
    end_sleeper(g);
}

static void kill_ends_one(void **state)
{
    struct gev_greenlet *g = sleeper("cron");
    int fd = come_in();
    char line[32];

    (void)state;
    snprintf(line, sizeof line, "kill %u\n", gev_id(g));
    ask(fd, line);
    assert_has("told to end\n");
    assert_int_equal(gev_join(g, 20), 0);
    ask(fd, "kill 1\n"); /* main cannot be */
    assert_has("error: ");
    ask(fd, "kill 4000000\n");
    assert_has("error: there is no greenlet");
    gev_unref(g);
    gev_close(fd);
}

static void what_it_does_not_know_it_says(void **state)
{
    int fd = come_in();

    (void)state;
    ask(fd, "PS\n");
    assert_has("error: there is no command \"PS\"; \"help\" lists them\n");
    ask(fd, "\x1b[2Jx\xff\n");
    assert_has("\"?[2Jx?\"");
    gev_close(fd);
}

static void a_line_too_long_ends_the_session(void **state)
{
    int fd = come_in();
    char line[2000];

    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    say(fd, line);
    assert_false(hear(fd));
    assert_has("error: the line is too long\n");
    gev_close(fd);
}

static void a_last_line_without_an_end_counts(void **state)
{
    int fd = come_in();

    (void)state;
    say(fd, "stats");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(hear(fd));
    assert_has("greenlets 2\n");
    assert_false(hear(fd));
    gev_close(fd);
}

static void a_browser_is_turned_away(void **state)
{
    int fd = come_in();

    (void)state;
    say(fd, "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nkill 1\n");
    assert_false(hear(fd));
    gev_close(fd);
}

static void the_path_is_the_owners(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(gev_backdoor_stop(), 0);
    assert_int_equal(lstat(path, &st), -1);
    assert_fails(gev_backdoor_stop(), EINVAL);
    assert_true(gev_backdoor_start(addr) >= 0); /* and again */
}

static void a_fifth_session_waits(void **state)
{
    int fds[5];

    (void)state;
    for (int i = 0; i < 4; i++) {
        fds[i] = come_in();
    }
    fds[4] = gev_dial(addr, 5);
    assert_true(fds[4] >= 0);
    assert_int_equal(gev_settimeout(fds[4], 0.1, 0.1), 0);
    assert_false(hear(fds[4]));
    assert_string_equal(answer, "");
    say(fds[0], "quit\n");
    assert_int_equal(gev_settimeout(fds[4], 20, 20), 0);
    assert_true(hear(fds[4]));
    for (int i = 0; i < 5; i++) {
        gev_close(fds[i]);
    }
}

static void one_who_does_not_read_holds_up_nobody(void **state)
{
    struct gev_greenlet *g[300];
    int slow;
    int fd;

    (void)state;
    for (int i = 0; i < 300; i++) {
        g[i] = gev_spawn(sleep_long, NULL);
        assert_non_null(g[i]);
    }
    slow = come_in();
    for (int i = 0; i < 100; i++) {
        say(slow, "ps\n"); /* 15 KiB each */
    }
    fd = come_in();
    ask(fd, "stats\n");
    assert_has("greenlets 303\n");
    gev_close(slow);
    gev_close(fd);
    assert_int_equal(gev_killall(g, 300, 20), 0);
    for (int i = 0; i < 300; i++) {
        gev_unref(g[i]);
    }
}

static void the_loopback_will_do_and_nothing_else(void **state)
{
    static const char *const far[] = {"0.0.0.0:0", ":0", "[::]:0",
                                      "10.1.2.3:80", "[2001:db8::1]:80"};
    int fd;

    (void)state;
    assert_fails(gev_backdoor_start("127.0.0.1:0"), EBUSY);
    assert_int_equal(gev_backdoor_stop(), 0);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        assert_fails(gev_backdoor_start(far[i]), EACCES);
    }
    assert_fails(gev_backdoor_start("fd:0"), EINVAL);
    assert_fails(gev_backdoor_start("localhost"), EINVAL);
    assert_fails(gev_backdoor_start(NULL), EINVAL);
    assert_fails(gev_backdoor_start("unix:/no/such/folder/x"), ENOENT);
    fd = gev_backdoor_start("127.0.0.1:0");
    assert_true(fd >= 0);
    assert_int_equal(gev_sockname(fd, addr, sizeof addr), 0);
    fd = come_in();
    ask(fd, "stats\n");
    gev_close(fd);
    assert_int_equal(gev_backdoor_stop(), 0);
    assert_true(gev_backdoor_start("unix:@gev-backdoor-test") >= 0);
}

static void stopping_ends_the_sessions(void **state)
{
    int fd = come_in();

    (void)state;
    assert_int_equal(gev_backdoor_stop(), 0);
    assert_false(hear(fd));
    gev_close(fd);
}

static void the_hub_may_end_with_a_session_open(void **state)
{
    int fd = come_in();

    (void)state;
    assert_int_equal(gev_shutdown(), 0);
    assert_int_equal(access(path, F_OK), -1);
    close(fd);
}

static void a_child_has_none(void **state)
{
    pid_t child = fork();
    int status;
    int fd;

    (void)state;
    if (child == 0) {
        int wrong = gev_sleep(0.001) < 0;

        errno = 0;
        wrong |= gev_backdoor_stop() == 0 || errno != EINVAL;
        wrong |= access(path, F_OK) != 0; /* the parent's */
        _exit(wrong);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fd = come_in();
    ask(fd, "stats\n");
    gev_close(fd);
}

static void what_fails_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(gev_backdoor_stop(), 0);
    assert_int_equal(gev_yield(), 0);
    for (long k = 1;; k++) {
        int r;

        errno = 0;
        fault_arm(FAULT_ALLOC | FAULT_SOCKET | FAULT_BIND | FAULT_LISTEN, k,
                  ENOMEM);
        r = gev_backdoor_start(addr);
        if (!fault_disarm()) {
            assert_true(r >= 0);
            break;
        }
        if (r >= 0) { /* it could do without */
            assert_int_equal(gev_backdoor_stop(), 0);
            continue;
        }
        assert_int_equal(errno, ENOMEM);
        assert_fails(gev_backdoor_stop(), EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_greets_and_helps),
        TEST(ps_lists_all),
        TEST(bt_shows_where),
        TEST(descriptors_timers_and_counters_are_shown),
        TEST(kill_ends_one),
        TEST(what_it_does_not_know_it_says),
        TEST(a_line_too_long_ends_the_session),
        TEST(a_last_line_without_an_end_counts),
        TEST(a_browser_is_turned_away),
        TEST(the_path_is_the_owners),
        TEST(a_fifth_session_waits),
        TEST(one_who_does_not_read_holds_up_nobody),
        TEST(the_loopback_will_do_and_nothing_else),
        TEST(stopping_ends_the_sessions),
        TEST(the_hub_may_end_with_a_session_open),
        TEST(a_child_has_none),
        TEST(what_fails_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
