/* SPDX-License-Identifier: MIT */
/*
 * The probe: asking a hub's thread where it is, at any moment
 */
#include "hogs.h"

#include "hub/hub.h"
#include "hub/probe.h"

/* Asks for the hub of the main thread, from another one. */
struct asking {
    struct gev__hub *hub;
    struct gev__probe probe;
    pthread_t thread;
    _Atomic bool stop;
    long taken;
    long passed;
    long unanswered;
};

static void *ask_until_stopped(void *arg)
{
    struct asking *a = arg;

    while (!atomic_load(&a->stop)) {
        int rc = gev__probe_take(&a->probe, gev__hub_beat(a->hub));

        a->taken += rc > 0;
        a->passed += rc == 0;
        a->unanswered += rc < 0;
    }
    return NULL;
}

static void *ask_too_late(void *arg)
{
    struct asking *a = arg;

    a->passed = gev__probe_take(&a->probe, gev__hub_beat(a->hub) - 1) == 0;
    return NULL;
}

static void ask_from_a_thread(struct asking *a, void *(*fn)(void *))
{
    assert_int_equal(gev_init(), 0);
    a->hub = gev__hub_tls;
    assert_int_equal(gev__probe_open(a->hub, &a->probe, SIGURG), 0);
    assert_int_equal(pthread_create(&a->thread, NULL, fn, a), 0);
}

static void a_hog_that_has_ended_is_not_named(void **state)
{
    static struct asking a;

    (void)state;
    a = (struct asking){0};
    ask_from_a_thread(&a, ask_too_late);
    pthread_join(a.thread, NULL);
    assert_int_equal(a.passed, 1);
    gev__probe_close(a.hub, &a.probe);
}

static void *switch_by_hand(void *arg)
{
    for (;;) {
        char pad[600]; /* so that memcpy(3) copies */

        memset(pad, 1, sizeof pad);
        if (gev_switch(gev_parent(NULL), arg, NULL) < 0) {
            return NULL;
        }
        spun += (unsigned long)pad[spun % sizeof pad];
    }
}

static void *switch_all_the_time(void *arg)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_by_hand, 0);
    double end = gev_now() + 0.5;

    while (gev_now() < end) {
        for (int i = 0; i < 100; i++) {
            (void)gev_switch(g, arg, NULL);
        }
    }
    gev_unref(g);
    return NULL;
}

static void switches_may_be_interrupted_anywhere(void **state)
{
    static struct asking a;

    (void)state;
    a = (struct asking){0};
    ask_from_a_thread(&a, ask_until_stopped);
    finish(gev_spawn(switch_all_the_time, NULL));
    atomic_store(&a.stop, true);
    pthread_join(a.thread, NULL);
    assert_true(a.taken > 0);
    gev__probe_close(a.hub, &a.probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hog_that_has_ended_is_not_named),
        TEST(switches_may_be_interrupted_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
