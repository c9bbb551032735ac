/* SPDX-License-Identifier: MIT */
/*
 * gev_waitpid: the kernel's answers, waited for without blocking the others, and
 * nobody else's children touched
 */
#include "children.h"

#include <pthread.h>

static long job_waitpid(struct job *j)
{
    return gev_waitpid(j->fd, j->arg, j->flags);
}

static void an_ended_child_is_reaped_at_once(void **state)
{
    pid_t pid = fork_exiting(7);
    int status = 0;

    (void)state;
    await_zombie(pid);
    assert_int_equal(gev_waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_no_children();
}

static void a_running_child_is_waited_for_while_others_run(void **state)
{
    struct cued c = fork_cued(3);
    int status = 0, ticks = 0;
    struct job j = {.fn = job_waitpid, .fd = c.pid, .arg = &status};
    struct gev_greenlet *t = gev_spawn(tick, &ticks), *g = job_start(&j);

    (void)state;
    eventually(ticks > 5);
    assert_false(j.done);
    end_cued(&c);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_int_equal(gev_kill(t, SOON), 0);
    gev_unref(t);
}

static void main_may_wait_too(void **state)
{
    pid_t pid = fork_exiting(256 + SIGKILL);
    int status = 0;

    (void)state;
    assert_int_equal(gev_waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void success_leaves_errno_and_a_null_status_is_fine(void **state)
{
    pid_t pid = fork_exiting(0);

    (void)state;
    errno = ENOTTY;
    assert_int_equal(gev_waitpid(pid, NULL, 0), pid);
    assert_int_equal(errno, ENOTTY);
}

static void wnohang_asks(void **state)
{
    struct cued c = fork_cued(0);
    int status = 77;

    (void)state;
    assert_int_equal(gev_waitpid(c.pid, &status, WNOHANG), 0);
    assert_int_equal(status, 77);
    assert_int_equal(gev_waitpid(-1, &status, WNOHANG), 0);
    end_cued(&c);
    await_zombie(c.pid);
    assert_int_equal(gev_waitpid(c.pid, &status, WNOHANG), c.pid);
    assert_int_equal(status, 0);
    assert_fails(gev_waitpid(c.pid, &status, WNOHANG), ECHILD);
}

static void any_child_is_whichever_ends(void **state)
{
    struct cued a = fork_cued(1), b = fork_cued(2);
    int status = 0;
    struct job j = {.fn = job_waitpid, .fd = -1, .arg = &status};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    end_cued(&b);
    job_join(g);
    assert_outcome(j.out, b.pid, 0);
    assert_int_equal(WEXITSTATUS(status), 2);
    end_cued(&a);
    assert_int_equal(gev_waitpid(-1, &status, 0), a.pid);
    assert_fails(gev_waitpid(-1, &status, 0), ECHILD);
}

static void a_group_is_waited_for(void **state)
{
    struct cued other = fork_cued(0), c = fork_cued(4);
    int status = 0;

    (void)state;
    assert_int_equal(setpgid(c.pid, c.pid), 0);
    end_cued(&other);
    await_zombie(other.pid);
    struct job j = {.fn = job_waitpid, .fd = -c.pid, .arg = &status};
    struct gev_greenlet *g = job_start(&j);
    assert_int_equal(gev_sleep(0.005), 0);
    assert_false(j.done);
    end_cued(&c);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    assert_int_equal(gev_waitpid(0, &status, 0), other.pid); /* our own group */
}

static void stops_and_continuations_are_told(void **state)
{
    struct cued c = fork_cued(0);
    int status = 0;
    struct job j = {.fn = job_waitpid,
                    .fd = c.pid,
                    .arg = &status,
                    .flags = WUNTRACED | WCONTINUED};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    kill(c.pid, SIGSTOP);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    assert_true(WIFSTOPPED(status));
    g = job_start(&j);
    kill(c.pid, SIGCONT);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    assert_true(WIFCONTINUED(status));
    end_cued(&c);
    assert_int_equal(gev_waitpid(c.pid, &status, WUNTRACED), c.pid);
    assert_true(WIFEXITED(status));
}

#define N_WAITERS 5

static void all_who_wait_for_one_child_get_its_status(void **state)
{
    struct cued c = fork_cued(9);
    int status[N_WAITERS] = {0};
    struct job j[N_WAITERS];
    struct gev_greenlet *g[N_WAITERS];

    (void)state;
    for (int i = 0; i < N_WAITERS; i++) {
        j[i] = (struct job){.fn = job_waitpid, .fd = c.pid, .arg = &status[i]};
        g[i] = job_start(&j[i]);
    }
    end_cued(&c);
    for (int i = 0; i < N_WAITERS; i++) {
        job_join(g[i]);
        assert_outcome(j[i].out, c.pid, 0);
        assert_int_equal(WEXITSTATUS(status[i]), 9);
    }
    assert_fails(gev_waitpid(c.pid, NULL, 0), ECHILD);
}

static void who_waits_for_one_shares_with_who_waits_for_any(void **state)
{
    struct cued c = fork_cued(9);
    int status[2] = {0};
    struct job any = {.fn = job_waitpid, .fd = -1, .arg = &status[0]};
    struct job one = {.fn = job_waitpid, .fd = c.pid, .arg = &status[1]};
    struct gev_greenlet *g = job_start(&any), *h = job_start(&one);

    (void)state;
    end_cued(&c);
    job_join(h);
    job_join(g);
    assert_outcome(one.out, c.pid, 0);
    assert_int_equal(WEXITSTATUS(status[1]), 9);
    /* whoever reaped it, the other found no child any more, or had it first */
    assert_true(any.out.r == c.pid || any.out.err == ECHILD);
}

static void two_hundred_children_are_waited_for_at_once(void **state)
{
    enum { N = 200 };
    static struct job j[N];
    static int status[N];
    struct gev_greenlet *g[N];
    struct cued gate = fork_cued(0);

    (void)state;
    for (int i = 0; i < N; i++) {
        j[i] = (struct job){
            .fn = job_waitpid, .fd = fork_exiting(i), .arg = &status[i]};
        g[i] = gev_spawn(job_main, &j[i]);
        assert_non_null(g[i]);
    }
    for (int i = 0; i < N; i++) {
        job_join(g[i]);
        assert_outcome(j[i].out, j[i].fd, 0);
        assert_int_equal(WEXITSTATUS(status[i]), i);
    }
    assert_true(is_unreaped(gate.pid));
    end_cued(&gate);
    assert_int_equal(gev_waitpid(gate.pid, NULL, 0), gate.pid);
}

static void other_peoples_children_are_left_alone(void **state)
{
    pid_t foreign = fork_exiting(5), ours = fork_exiting(6);
    int status = 0;

    (void)state;
    await_zombie(foreign);
    assert_int_equal(gev_waitpid(ours, &status, 0), ours);
    assert_int_equal(gev_sleep(0.005), 0);
    assert_int_equal(waitpid(foreign, &status, 0), foreign);
    assert_int_equal(WEXITSTATUS(status), 5);
}

static int n_handled;
static siginfo_t handled;

static void handler(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    n_handled++;
    handled = *info;
}

static void a_handler_of_the_program_is_called_and_stays(void **state)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct sigaction now;
    struct cued c = fork_cued(1);
    int status = 0;
    struct job j = {.fn = job_waitpid, .fd = -1, .arg = &status};

    (void)state;
    n_handled = 0;
    assert_int_equal(sigaction(SIGCHLD, &act, NULL), 0);
    struct gev_greenlet *g = job_start(&j);
    end_cued(&c);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    assert_int_equal(n_handled, 1);
    assert_int_equal(handled.si_pid, c.pid);
    assert_int_equal(sigaction(SIGCHLD, NULL, &now), 0);
    assert_ptr_equal(now.sa_sigaction, handler);
    signal(SIGCHLD, SIG_DFL);
}

static void a_handler_that_wants_no_stops_hears_of_none(void **state)
{
    struct sigaction act = {.sa_sigaction = handler,
                            .sa_flags = SA_SIGINFO | SA_NOCLDSTOP};
    struct cued c = fork_cued(1);
    struct job j = {.fn = job_waitpid, .fd = c.pid, .flags = WUNTRACED};

    (void)state;
    n_handled = 0;
    assert_int_equal(sigaction(SIGCHLD, &act, NULL), 0);
    struct gev_greenlet *g = job_start(&j);
    kill(c.pid, SIGSTOP);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    assert_int_equal(n_handled, 0);
    kill(c.pid, SIGCONT);
    end_cued(&c);
    assert_int_equal(gev_waitpid(c.pid, NULL, 0), c.pid);
    signal(SIGCHLD, SIG_DFL);
}

static void a_handler_installed_meanwhile_stays(void **state)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct sigaction now;
    struct cued c = fork_cued(1);
    struct job j = {.fn = job_waitpid, .fd = -1};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    assert_int_equal(sigaction(SIGCHLD, &act, NULL), 0);
    assert_int_equal(gev_kill(g, SOON), 0);
    gev_unref(g);
    assert_outcome(j.out, -1, ECANCELED);
    assert_int_equal(sigaction(SIGCHLD, NULL, &now), 0);
    assert_ptr_equal(now.sa_sigaction, handler);
    signal(SIGCHLD, SIG_DFL);
    end_cued(&c);
    assert_int_equal(gev_waitpid(c.pid, NULL, 0), c.pid);
}

static void count_signal(int signo, void *arg)
{
    (void)signo;
    ++*(int *)arg;
}

static void a_gev_signal_watcher_is_called_besides(void **state)
{
    int n = 0;
    struct gev_signal *s = gev_signal(SIGCHLD, count_signal, &n);
    struct cued c = fork_cued(1);
    struct job j = {.fn = job_waitpid, .fd = -1};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    end_cued(&c);
    job_join(g);
    assert_outcome(j.out, c.pid, 0);
    eventually(n == 1);
    c = fork_cued(1);
    end_cued(&c);
    eventually(n == 2); /* it is still watched */
    assert_int_equal(gev_waitpid(c.pid, NULL, 0), c.pid);
    gev_signal_cancel(s);
}

static void with_sigchld_ignored_an_ended_child_is_echild(void **state)
{
    struct cued c, d;
    struct job one = {.fn = job_waitpid}, any = {.fn = job_waitpid, .fd = -1};

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    c = fork_cued(0);
    d = fork_cued(0);
    one.fd = c.pid;
    struct gev_greenlet *g = job_start(&one), *h = job_start(&any);
    end_cued(&c);
    job_join(g);
    assert_outcome(one.out, -1, ECHILD);
    assert_false(any.done); /* waitpid(2): until all children have ended */
    end_cued(&d);
    job_join(h);
    assert_outcome(any.out, -1, ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static void a_stranger_who_reaps_it_leaves_echild(void **state)
{
    struct cued c = fork_cued(0);
    struct job j = {.fn = job_waitpid, .fd = c.pid};
    struct gev_greenlet *g = job_start(&j);

    (void)state;
    end_cued(&c);
    assert_int_equal(waitpid(c.pid, NULL, 0), c.pid); /* blocks us all */
    job_join(g);
    assert_outcome(j.out, -1, ECHILD);
}

static void a_kill_leaves_the_child_to_be_reaped(void **state)
{
    static const int pids[] = {1, -1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct cued c = fork_cued(6);
        struct job j = {.fn = job_waitpid, .fd = pids[i] > 0 ? c.pid : -1};
        struct gev_greenlet *g = job_start(&j);
        int status = 0;

        assert_int_equal(gev_kill(g, SOON), 0);
        gev_unref(g);
        assert_outcome(j.out, -1, ECANCELED);
        end_cued(&c);
        assert_int_equal(gev_waitpid(c.pid, &status, 0), c.pid);
        assert_int_equal(WEXITSTATUS(status), 6);
    }
}

static void a_scope_ends_the_wait_and_leaves_the_child(void **state)
{
    static const int pids[] = {1, -1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct cued c = fork_cued(6);
        int64_t id = gev_timeout_push(0.005);
        int status = 0;

        assert_fails(gev_waitpid(pids[i] > 0 ? c.pid : -1, NULL, 0), ETIMEDOUT);
        assert_int_equal(gev_timeout_pop(id), 1);
        end_cued(&c);
        assert_int_equal(gev_waitpid(c.pid, &status, 0), c.pid);
        assert_int_equal(WEXITSTATUS(status), 6);
    }
}

static long waitpid_any(void *arg)
{
    return gev_waitpid(*(pid_t *)arg, NULL, 0);
}

static void bad_calls_are_refused(void **state)
{
    struct cued c = fork_cued(0);

    (void)state;
    assert_fails(gev_waitpid(c.pid, NULL, 0x40), EINVAL);
    assert_fails(gev_waitpid(1, NULL, 0), ECHILD);
    assert_fails(gev_waitpid(getpid(), NULL, 0), ECHILD);
    assert_outcome(run_on_hub(waitpid_any, &c.pid), -1, EPERM);
    end_cued(&c);
    assert_int_equal(gev_waitpid(c.pid, NULL, 0), c.pid);
    assert_fails(gev_waitpid(c.pid, NULL, 0), ECHILD);
    assert_fails(gev_waitpid(-1, NULL, 0), ECHILD);
}

static void *wait_in_thread(void *arg)
{
    struct job *j = arg;

    (void)job_main(j);
    return NULL;
}

static void only_one_threads_hub_has_sigchld(void **state)
{
    struct cued c = fork_cued(0), d = fork_cued(0);
    struct job mine = {.fn = job_waitpid, .fd = -1};
    struct job any = {.fn = job_waitpid, .fd = -1};
    struct job one = {.fn = job_waitpid, .fd = d.pid};
    struct gev_greenlet *g = job_start(&mine);
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, wait_in_thread, &any), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_outcome(any.out, -1, EBUSY);
    assert_int_equal(gev_kill(g, SOON), 0);
    gev_unref(g);
    assert_int_equal(pthread_create(&t, NULL, wait_in_thread, &one), 0);
    end_cued(&d);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_outcome(one.out, d.pid, 0); /* a pidfd needs no signal */
    end_cued(&c);
    assert_int_equal(gev_waitpid(c.pid, NULL, 0), c.pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_ended_child_is_reaped_at_once),
        TEST(a_running_child_is_waited_for_while_others_run),
        TEST(main_may_wait_too),
        TEST(success_leaves_errno_and_a_null_status_is_fine),
        TEST(wnohang_asks),
        TEST(any_child_is_whichever_ends),
        TEST(a_group_is_waited_for),
        TEST(stops_and_continuations_are_told),
        TEST(all_who_wait_for_one_child_get_its_status),
        TEST(who_waits_for_one_shares_with_who_waits_for_any),
        TEST(two_hundred_children_are_waited_for_at_once),
        TEST(other_peoples_children_are_left_alone),
        TEST(a_handler_of_the_program_is_called_and_stays),
        TEST(a_handler_that_wants_no_stops_hears_of_none),
        TEST(a_handler_installed_meanwhile_stays),
        TEST(a_gev_signal_watcher_is_called_besides),
        TEST(with_sigchld_ignored_an_ended_child_is_echild),
        TEST(a_stranger_who_reaps_it_leaves_echild),
        TEST(a_kill_leaves_the_child_to_be_reaped),
        TEST(a_scope_ends_the_wait_and_leaves_the_child),
        TEST(bad_calls_are_refused),
        TEST(only_one_threads_hub_has_sigchld),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
