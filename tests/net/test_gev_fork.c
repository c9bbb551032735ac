/* SPDX-License-Identifier: MIT */
/*
 * gev_fork: in the child the others are gone, or with GEV_FORK_KEEP all go on;
 * the parent does not notice
 */
#include "processes.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "support/sock.h"

/* In the child nothing may be asserted: it ends with a line number, or 0. */
#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond)) {                                                         \
            _exit(__LINE__ % 200 + 1);                                         \
        }                                                                      \
    } while (0)

static void assert_good(pid_t pid)
{
    int status = 0;

    assert_true(pid > 0);
    assert_int_equal(gev_waitpid(pid, &status, 0), pid);
    if (status) {
        print_error("the child's status: %#x\n", (unsigned)status);
    }
    assert_int_equal(status, 0);
}

static void by_default_the_others_are_dead_in_the_child(void **state)
{
    int ticks = 0, before;
    struct gev_greenlet *t = gev_spawn(tick, &ticks);
    pid_t pid;

    (void)state;
    eventually(ticks > 2);
    errno = ENOTTY;
    pid = gev_fork(0);
    if (pid == 0) {
        MUST(errno == ENOTTY);
        MUST(gev_state(t) == GEV_DEAD); /* without any other call of gev */
        before = ticks;
        MUST(gev_sleep(0.01) == 0 && ticks == before);
        _exit(0);
    }
    assert_int_equal(errno, ENOTTY);
    before = ticks;
    assert_good(pid);
    eventually(ticks > before + 2);
    assert_int_equal(gev_kill(t, SOON), 0);
    gev_unref(t);
}

static void kept_greenlets_go_on_in_both(void **state)
{
    int ticks = 0, before;
    struct gev_greenlet *t = gev_spawn(tick, &ticks);
    pid_t pid;

    (void)state;
    eventually(ticks > 2);
    pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        before = ticks;
        while (ticks < before + 5) {
            MUST(gev_sleep(0.001) == 0);
        }
        MUST(gev_state(t) == GEV_ACTIVE);
        MUST(gev_kill(t, SOON) == 0 && gev_unref(t) == 0);
        MUST(gev_shutdown() == 0);
        _exit(0);
    }
    before = ticks;
    assert_good(pid);
    eventually(ticks > before + 2);
    assert_int_equal(gev_kill(t, SOON), 0);
    gev_unref(t);
}

/* Written by greenlets of both processes. */
struct shared {
    atomic_int parent, child, ended;
};

static pid_t parent_pid;

static void *fork_keeping(void *arg)
{
    struct shared *s = arg;
    char mine[64];
    pid_t pid;

    memset(mine, 'x', sizeof mine);
    pid = gev_fork(GEV_FORK_KEEP);
    for (size_t i = 0; i < sizeof mine; i++) {
        atomic_fetch_add(&s->ended, mine[i] != 'x');
    }
    if (pid == 0) {
        atomic_fetch_add(&s->child, gev_sleep(0.002) == 0);
    } else {
        atomic_fetch_add(&s->parent, gev_sleep(0.002) == 0);
        (void)gev_waitpid(pid, NULL, 0);
    }
    return NULL;
}

/* Main goes on in the child, too, though a greenlet forked. */
static void a_greenlet_may_fork_and_main_goes_on_in_both(void **state)
{
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(s, MAP_FAILED);
    parent_pid = getpid();
    struct gev_greenlet *g = gev_spawn(fork_keeping, s);
    int rc = gev_join(g, SOON);
    if (getpid() != parent_pid) {
        MUST(rc == 0 && gev_state(g) == GEV_DEAD);
        _exit(0);
    }
    assert_int_equal(rc, 0);
    gev_unref(g);
    assert_int_equal(s->child, 1);
    assert_int_equal(s->parent, 1);
    assert_int_equal(s->ended, 0);
    munmap(s, sizeof *s);
}

static void kept_scopes_and_timers_fire_in_both(void **state)
{
    int64_t id = gev_timeout_push(0.02);
    pid_t pid = gev_fork(GEV_FORK_KEEP);

    (void)state;
    if (pid == 0) {
        MUST(gev_sleep(SOON) == -1 && errno == ETIMEDOUT);
        MUST(gev_timeout_pop(id) == 1);
        _exit(0);
    }
    assert_fails(gev_sleep(SOON), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(id), 1);
    assert_good(pid);
}

static long job_read_one(struct job *j)
{
    return gev_read(j->fd, j->buf, 1);
}

/* Two waiters in two processes, one byte each: both are woken by their own epoll
   set. */
static void kept_readers_wait_in_both(void **state)
{
    int fds[2];
    char c = 0;
    struct job j = {.fn = job_read_one, .buf = &c};
    struct gev_greenlet *g;
    pid_t pid;

    (void)state;
    sock_pair(fds, true);
    j.fd = fds[0];
    g = job_start(&j);
    assert_int_equal(gev_sleep(0.002), 0); /* registered */
    pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        MUST(gev_join(g, SOON) == 0 && j.out.r == 1);
        _exit(0);
    }
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_good(pid);
    job_join(g);
    assert_outcome(j.out, 1, 0);
    close_pair(fds);
}

/* What the child closes stays registered in the parent's set. */
static void the_childs_epoll_set_is_its_own(void **state)
{
    static const unsigned flags[] = {0, GEV_FORK_KEEP};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int fds[2];
        char c = 0;
        struct job j = {.fn = job_read_one, .buf = &c};
        sock_pair(fds, true);
        j.fd = fds[0];
        struct gev_greenlet *g = job_start(&j);
        assert_int_equal(gev_sleep(0.002), 0);
        pid_t pid = gev_fork(flags[i]);
        if (pid == 0) {
            MUST(gev_close(fds[0]) == 0 && gev_sleep(0.002) == 0);
            MUST(i == 0 || (j.done && j.out.err == EBADF));
            _exit(0);
        }
        assert_good(pid);
        assert_false(j.done);
        assert_int_equal(write(fds[1], "x", 1), 1);
        job_join(g);
        assert_outcome(j.out, 1, 0);
        close_pair(fds);
    }
}

static void count_signal(int signo, void *arg)
{
    (void)signo;
    ++*(int *)arg;
}

static void kept_signal_watchers_see_their_own_process(void **state)
{
    int n = 0;
    struct gev_signal *s = gev_signal(SIGUSR1, count_signal, &n);
    pid_t pid = gev_fork(GEV_FORK_KEEP);

    (void)state;
    if (pid == 0) {
        raise(SIGUSR1);
        for (int i = 0; i < 1000 && n == 0; i++) {
            MUST(gev_sleep(0.001) == 0);
        }
        MUST(n == 1);
        _exit(0);
    }
    assert_good(pid);
    assert_int_equal(n, 0);
    gev_signal_cancel(s);
}

static long job_waitpid(struct job *j)
{
    return gev_waitpid(j->flags, NULL, 0);
}

/* The parent's children are not the child's: who waits is told so. */
static void kept_waits_for_children_end_with_echild(void **state)
{
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct cued c = fork_cued(0);
    struct job one = {.fn = job_waitpid, .flags = c.pid};
    struct job any = {.fn = job_waitpid, .flags = -1};
    struct job proc = {.fn = job_wait, .arg = p};
    struct gev_greenlet *g = job_start(&one), *h = job_start(&any),
                        *k = job_start(&proc);
    pid_t pid;

    (void)state;
    pid = gev_fork(GEV_FORK_KEEP);
    if (pid == 0) {
        MUST(gev_join(g, SOON) == 0 && gev_join(h, SOON) == 0);
        MUST(gev_join(k, SOON) == 0);
        MUST(one.out.r == -1 && one.out.err == ECHILD);
        MUST(any.out.r == -1 && any.out.err == ECHILD);
        MUST(proc.out.r == -1 && proc.out.err == ECHILD);
        _exit(0);
    }
    job_join(h); /* the fork itself is the first to end */
    assert_outcome(any.out, pid, 0);
    assert_false(one.done || proc.done);
    end_cued(&c);
    gev_process_close(p, 0);
    job_join(g);
    job_join(k);
    assert_outcome(one.out, c.pid, 0);
    assert_outcome(proc.out, 0, 0);
    gev_process_free(p);
}

static void in_a_child_processes_are_not_its_own(void **state)
{
    struct cued c = fork_cued(0); /* first: it would inherit their pipes */
    struct gev_process *p = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct gev_process *q = start(ARGS("cat"), OPTIONS(.in = GEV_PROCESS_PIPE));
    struct job one = {.fn = job_waitpid, .flags = c.pid};
    struct job proc = {.fn = job_wait, .arg = p};
    struct gev_greenlet *g = job_start(&one), *k = job_start(&proc);
    pid_t pid, qid = gev_process_pid(q);

    (void)state;
    gev_process_free(q); /* and nobody has seen it end */
    pid = gev_fork(0);
    if (pid == 0) {
        MUST(gev_process_wait(p, NULL, SOON) == -1 && errno == ECHILD);
        MUST(gev_process_kill(p, 0) == 0); /* it can be reached */
        gev_process_free(p);
        MUST(gev_process_run(ARGS("true"), NULL, NULL, SOON) == 0);
        MUST(gev_waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
        MUST(gev_shutdown() == 0);
        _exit(0);
    }
    assert_good(pid);
    eventually(!is_unreaped(qid));
    assert_false(one.done || proc.done);
    end_cued(&c);
    gev_process_close(p, 0);
    job_join(g);
    job_join(k);
    assert_outcome(one.out, c.pid, 0);
    assert_outcome(proc.out, 0, 0);
    gev_process_free(p);
}

static void the_child_may_have_children_of_its_own(void **state)
{
    static const unsigned flags[] = {0, GEV_FORK_KEEP};

    (void)state;
    for (int i = 0; i < 2; i++) {
        pid_t pid = gev_fork(flags[i]);
        if (pid == 0) {
            int status = 0;
            pid_t grandchild = gev_fork(flags[i]);

            if (grandchild == 0) {
                (void)gev_sleep(0.005);
                _exit(8);
            }
            MUST(gev_waitpid(grandchild, &status, 0) == grandchild);
            MUST(WEXITSTATUS(status) == 8);
            _exit(0);
        }
        assert_good(pid);
    }
}

static void a_killed_greenlet_may_fork(void **state)
{
    struct gev_greenlet *g;
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(s, MAP_FAILED);
    parent_pid = getpid();
    g = gev_spawn(fork_keeping, s);
    assert_int_equal(gev_yield(), 0); /* it has forked, and sleeps */
    int rc = gev_kill(g, SOON);
    if (getpid() != parent_pid) {
        MUST(rc == 0);
        _exit(0);
    }
    assert_int_equal(rc, 0);
    gev_unref(g);
    assert_int_equal(s->parent + s->child, 0);
    munmap(s, sizeof *s);
    assert_true(waitpid(-1, NULL, 0) > 0);
}

static long fork_on_hub(void *arg)
{
    (void)arg;
    return gev_fork(0);
}

static void bad_calls_are_refused(void **state)
{
    (void)state;
    assert_fails(gev_fork(2), EINVAL);
    assert_fails(gev_fork(~0u), EINVAL);
    assert_outcome(run_on_hub(fork_on_hub, NULL), -1, EPERM);
    assert_no_children();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_default_the_others_are_dead_in_the_child),
        TEST(kept_greenlets_go_on_in_both),
        TEST(a_greenlet_may_fork_and_main_goes_on_in_both),
        TEST(kept_scopes_and_timers_fire_in_both),
        TEST(kept_readers_wait_in_both),
        TEST(the_childs_epoll_set_is_its_own),
        TEST(kept_signal_watchers_see_their_own_process),
        TEST(kept_waits_for_children_end_with_echild),
        TEST(in_a_child_processes_are_not_its_own),
        TEST(the_child_may_have_children_of_its_own),
        TEST(a_killed_greenlet_may_fork),
        TEST(bad_calls_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
