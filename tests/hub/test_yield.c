/* SPDX-License-Identifier: MIT */
/*
 * gev_yield, the run queue's order, and gev_now
 */
#include "run.h"

#include <sys/wait.h>

struct letter {
    char c;
    int times;
};

static void *note_and_yield(void *arg)
{
    const struct letter *l = arg;

    for (int i = 0; i < l->times; i++) {
        note(l->c);
        if (gev_yield() < 0) {
            note('!');
        }
    }
    return NULL;
}

static void yielding_greenlets_take_turns(void **state)
{
    struct letter a = {'a', 3}, b = {'b', 3}, c = {'c', 3};

    (void)state;
    assert_int_equal(gev_go(note_and_yield, &a), 0);
    assert_int_equal(gev_go(note_and_yield, &b), 0);
    assert_int_equal(gev_go(note_and_yield, &c), 0);
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "abcabcabc");
}

static void main_takes_its_turn_like_the_others(void **state)
{
    struct letter a = {'a', 3};

    (void)state;
    assert_int_equal(gev_go(note_and_yield, &a), 0);
    for (int i = 0; i < 3; i++) {
        note('m');
        assert_int_equal(gev_yield(), 0);
    }
    assert_int_equal(gev_run(20), 0);
    assert_string_equal(run_log, "mamama");
}

static void yield_comes_back_when_nothing_else_runs(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gev_yield(), 0);
    }
}

static void *yield_much(void *arg)
{
    bool *stop = arg;

    while (!*stop) {
        if (gev_yield() < 0) {
            break;
        }
    }
    return NULL;
}

static void yielding_greenlets_do_not_starve_timers(void **state)
{
    bool stop = false;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gev_go(yield_much, &stop), 0);
    }
    assert_int_equal(gev_sleep(0.02), 0);
    stop = true;
    assert_int_equal(gev_run(20), 0);
}

static void *set_errno_and_yield(void *arg)
{
    int mine = (int)(intptr_t)arg;
    bool ok = errno == 0 || errno != mine;

    for (int i = 0; i < 20; i++) {
        errno = mine;
        ok = gev_yield() == 0 && errno == mine && ok;
    }
    return LETTER(ok);
}

static void each_greenlet_keeps_its_errno_over_a_yield(void **state)
{
    struct gev_greenlet *v[10];

    (void)state;
    for (int i = 0; i < 10; i++) {
        v[i] = gev_spawn(set_errno_and_yield, LETTER(1000 + i));
    }
    errno = 4711;
    assert_int_equal(gev_joinall(v, 10, 20), 0);
    assert_int_equal(errno, 4711);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(gev_value(v[i]), LETTER(1));
        gev_unref(v[i]);
    }
}

static long yield_once(void *arg)
{
    (void)arg;
    return gev_yield();
}

static void yield_on_the_hub_is_refused(void **state)
{
    (void)state;
    assert_outcome(on_hub(yield_once, NULL), -1, EPERM);
}

#define N_FAIR   50
#define N_ROUNDS 200

struct fair {
    int turns[N_FAIR];
    int worst; /* the most that one was ever ahead of another */
};

struct fair_one {
    struct fair *of;
    int i;
};

static void *be_fair(void *arg)
{
    struct fair_one *me = arg;

    for (int k = 0; k < N_ROUNDS; k++) {
        struct fair *f = me->of;
        int ahead = ++f->turns[me->i];

        for (int i = 0; i < N_FAIR; i++) {
            if (ahead - f->turns[i] > f->worst) {
                f->worst = ahead - f->turns[i];
            }
        }
        if (gev_yield() < 0) {
            break;
        }
    }
    return NULL;
}

static void nobody_gets_ahead_by_more_than_a_turn(void **state)
{
    struct fair f = {0};
    struct fair_one v[N_FAIR];

    (void)state;
    for (int i = 0; i < N_FAIR; i++) {
        v[i] = (struct fair_one){&f, i};
        assert_int_equal(gev_go(be_fair, &v[i]), 0);
    }
    assert_int_equal(gev_run(20), 0);
    assert_int_equal(f.worst, 1);
    assert_int_equal(f.turns[N_FAIR - 1], N_ROUNDS);
}

static void now_goes_on_without_the_loop(void **state)
{
    double begin = gev_now();

    (void)state;
    for (int i = 0; i < 1000000 && gev_now() == begin; i++) {
    }
    assert_true(gev_now() > begin);
    assert_int_equal(gev_is_hub(), 0);
}

static void checkpoint_in_a_thread_without_a_hub_starts_none(void **state)
{
    (void)state;
    gev_shutdown();
    assert_int_equal(gev_checkpoint(), 1);
    assert_int_equal(gev_checkpoint(), 1);
    assert_int_equal(gev_init(), 0);
    assert_int_equal(gev_checkpoint(), 0);
}

static void *spin(void *arg)
{
    int *spun = arg;

    while (gev_checkpoint() == 0) {
        ++*spun;
    }
    *spun = -errno;
    return NULL;
}

static void
checkpoint_yields_when_the_budget_is_gone_and_sees_a_kill(void **state)
{
    int spun = 0;
    struct gev_greenlet *g = gev_spawn(spin, &spun);

    (void)state;
    assert_int_equal(gev_sleep(0.001), 0);
    assert_true(spun > 0);
    assert_int_equal(gev_kill(g, GEV_FOREVER), 0);
    assert_int_equal(spun, -ECANCELED);
    gev_unref(g);
}

static void *note_ran(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

/* It runs in its parent's memory: what it switched to would run twice. */
static void checkpoint_switches_to_nobody_in_the_child_of_a_vfork(void **state)
{
    static int ran, ran_meanwhile;
    int status = -1;
    pid_t pid;

    (void)state;
    assert_int_equal(gev_go(note_ran, &ran), 0);
    pid = vfork();
    if (pid == 0) {
        int ones = 0;

        for (int i = 0; i < 100; i++) {
            ones += gev_checkpoint() == 1;
        }
        ran_meanwhile = ran;
        _exit(ones > 50 ? 7 : 8);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(ran_meanwhile, 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_int_equal(ran, 1);
}

static void on_the_hub(void *arg)
{
    *(int *)arg = gev_checkpoint();
}

static void checkpoint_says_so_on_the_hub(void **state)
{
    static int on_hub;

    (void)state;
    assert_int_equal(gev_call_soon(on_the_hub, &on_hub), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_int_equal(on_hub, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(yielding_greenlets_take_turns),
        TEST(main_takes_its_turn_like_the_others),
        TEST(yield_comes_back_when_nothing_else_runs),
        TEST(yielding_greenlets_do_not_starve_timers),
        TEST(each_greenlet_keeps_its_errno_over_a_yield),
        TEST(yield_on_the_hub_is_refused),
        TEST(nobody_gets_ahead_by_more_than_a_turn),
        TEST(now_goes_on_without_the_loop),
        TEST(checkpoint_in_a_thread_without_a_hub_starts_none),
        TEST(checkpoint_yields_when_the_budget_is_gone_and_sees_a_kill),
        TEST(checkpoint_switches_to_nobody_in_the_child_of_a_vfork),
        TEST(checkpoint_says_so_on_the_hub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
