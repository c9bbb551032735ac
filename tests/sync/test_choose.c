/* SPDX-License-Identifier: MIT */
/*
 * gev_choose: what is possible, fairness, meetings, limits and kills
 */
#include "channels.h"

/* A greenlet that receives from all of some channels at once. */
struct chooser {
    struct gev_channel *ch[3]; /* NULL: no case of that index */
    struct gev_channel *to;    /* sends 70 to it, as the last case, or NULL */
    double timeout;            /* of the call */
    int chosen;                /* what gev_choose() returned */
    int err;                   /* errno behind it */
    int error;                 /* of the case */
    long value;                /* received */
    struct gev_greenlet *g;    /* who */
};

static void *choose(void *arg)
{
    struct chooser *c = arg;
    long in[3] = {-1, -1, -1};
    long out = 70;
    struct gev_case cases[4];

    for (int i = 0; i < 3; i++) {
        cases[i] = gev_case_recv(c->ch[i], &in[i]);
    }
    cases[3] = gev_case_send(c->to, &out);
    c->chosen = gev_choose(cases, 4, c->timeout);
    c->err = errno;
    if (c->chosen >= 0) {
        c->error = cases[c->chosen].error;
        c->value = c->chosen < 3 ? in[c->chosen] : 0;
    }
    return NULL;
}

static void chooser_start(struct chooser *c)
{
    c->timeout = GEV_FOREVER;
    c->chosen = -2;
    c->g = gev_spawn(choose, c);
    assert_non_null(c->g);
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(c->chosen, -2);
}

static void chooser_end(struct chooser *c, int chosen, long value)
{
    finish(c->g);
    assert_int_equal(c->chosen, chosen);
    assert_int_equal(c->error, 0);
    assert_int_equal(c->value, value);
}

static void what_is_possible_is_done_at_once(void **state)
{
    struct gev_channel *a = make_channel(1);
    struct gev_channel *b = make_channel(1);
    long in = 0, out = 5;
    struct gev_case cases[] = {gev_case_recv(a, &in), gev_case_send(b, &out)};

    (void)state;
    errno = 4711;
    assert_int_equal(gev_choose(cases, 2, GEV_FOREVER), 1);
    assert_int_equal(cases[1].error, 0);
    assert_int_equal(gev_channel_size(b), 1);
    assert_int_equal(gev_channel_send(a, &out, 0), 0);
    assert_int_equal(gev_choose(cases, 2, 0), 0);
    assert_int_equal(in, 5);
    assert_int_equal(errno, 4711);
    assert_fails(gev_choose(cases, 2, 0), ETIMEDOUT); /* the default case */
    assert_fails(gev_choose(cases, 2, 0.005), ETIMEDOUT);
    gev_channel_free(a);
    gev_channel_free(b);
}

static void a_sender_meets_who_chooses(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct chooser c = {.ch = {a, NULL, b}};
    long value = 9;

    (void)state;
    chooser_start(&c);
    assert_int_equal(gev_channel_send(b, &value, 0), 0);
    assert_fails(gev_channel_send(a, &value, 0), ETIMEDOUT); /* it has chosen */
    chooser_end(&c, 2, 9);
    gev_channel_free(a);
    gev_channel_free(b);
}

static void a_receiver_gets_from_who_chooses(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct chooser c = {.to = a};
    long value = 0;

    (void)state;
    chooser_start(&c);
    assert_int_equal(gev_channel_recv(a, &value, 0), 0);
    assert_int_equal(value, 70);
    assert_fails(gev_channel_recv(a, &value, 0), ETIMEDOUT);
    chooser_end(&c, 3, 0);
    gev_channel_free(a);
}

static void two_that_choose_meet(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct chooser x = {.ch = {a, b, NULL}};
    struct chooser y = {.to = b, .timeout = GEV_FOREVER};

    (void)state;
    chooser_start(&x);
    y.g = gev_spawn(choose, &y);
    finish(y.g);
    assert_int_equal(y.chosen, 3);
    chooser_end(&x, 1, 70);
    gev_channel_free(a);
    gev_channel_free(b);
}

static void nobody_meets_himself(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct chooser c = {.ch = {a, a, a}, .to = a};
    long value = 3;

    (void)state;
    chooser_start(&c); /* it waits, both to send and to receive */
    assert_int_equal(gev_channel_send(a, &value, 0), 0);
    chooser_end(&c, 0, 3);
    chooser_start(&c);
    assert_int_equal(gev_channel_recv(a, &value, 0), 0);
    assert_int_equal(value, 70);
    finish(c.g);
    assert_int_equal(c.chosen, 3);
    gev_channel_free(a);
}

static void two_that_could_do_either_do_one(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct chooser x = {.ch = {a, NULL, NULL}, .to = a};
    struct chooser y = {.ch = {a, NULL, NULL}, .to = a, .timeout = 1};

    (void)state;
    chooser_start(&x);
    y.g = gev_spawn(choose, &y);
    finish(y.g);
    finish(x.g);
    assert_true((x.chosen == 0 && y.chosen == 3) ||
                (x.chosen == 3 && y.chosen == 0));
    gev_channel_free(a);
}

static void each_possible_case_has_its_share(void **state)
{
    enum { ROUNDS = 4000, N = 5 };
    struct gev_channel *ch[N];
    struct gev_case cases[N + 2];
    int n_chosen[N + 2] = {0};
    long value = 1;

    (void)state;
    for (int i = 0; i < N + 2; i++) { /* 1 and 3 are never possible */
        cases[i] = gev_case_recv(NULL, &value);
    }
    for (int i = 0; i < N; i++) {
        ch[i] = make_channel(1);
        cases[i < 1 ? i : i < 2 ? 2 : i + 2].channel = ch[i];
        assert_int_equal(gev_channel_send(ch[i], &value, 0), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        int i = gev_choose(cases, N + 2, 0);

        assert_true(i >= 0);
        n_chosen[i]++;
        assert_int_equal(gev_channel_send(cases[i].channel, &value, 0), 0);
    }
    for (int i = 0; i < N + 2; i++) {
        if (cases[i].channel) {
            assert_in_range(n_chosen[i], ROUNDS / N * 3 / 4,
                            ROUNDS / N * 5 / 4);
        } else {
            assert_int_equal(n_chosen[i], 0);
        }
    }
    for (int i = 0; i < N; i++) {
        gev_channel_free(ch[i]);
    }
}

static void a_closed_channel_is_chosen_with_epipe(void **state)
{
    struct gev_channel *a = make_channel(1);
    struct gev_channel *b = make_channel(0);
    struct chooser c = {.ch = {b, a, NULL}};
    long value = 4;
    struct gev_case cases[] = {gev_case_recv(a, &value)};

    (void)state;
    chooser_start(&c);
    gev_channel_close(b);
    finish(c.g);
    assert_int_equal(c.chosen, 0);
    assert_int_equal(c.error, EPIPE);
    assert_int_equal(gev_channel_send(a, &value, 0), 0);
    gev_channel_close(a);
    assert_int_equal(gev_choose(cases, 1, 0), 0);
    assert_int_equal(cases[0].error, 0); /* what it holds comes first */
    assert_int_equal(gev_choose(cases, 1, 0), 0);
    assert_int_equal(cases[0].error, EPIPE);
    cases[0] = gev_case_send(a, &value);
    assert_int_equal(gev_choose(cases, 1, 0), 0);
    assert_int_equal(cases[0].error, EPIPE);
    gev_channel_free(a);
    gev_channel_free(b);
}

static void a_freed_channel_is_chosen_with_ebadf(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct chooser c = {.ch = {b, a, a}, .to = b};

    (void)state;
    chooser_start(&c);
    gev_channel_free(a);
    gev_channel_free(b); /* it has not run since */
    finish(c.g);
    assert_int_equal(c.chosen, 1);
    assert_int_equal(c.error, EBADF);
}

static void a_kill_leaves_no_trace_in_the_lines(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct chooser c = {.ch = {a, b, a}, .to = b};
    struct waiter w = {0};
    long value = 8;

    (void)state;
    chooser_start(&c);
    assert_int_equal(gev_kill(c.g, 0), 0);
    assert_fails(gev_channel_send(a, &value, 0), ETIMEDOUT);
    assert_fails(gev_channel_recv(b, &value, 0), ETIMEDOUT);
    finish(c.g);
    assert_int_equal(c.chosen, -1);
    assert_int_equal(c.err, ECANCELED);
    waiter_start(&w, receiver, a, 0);
    assert_int_equal(gev_channel_send(a, &value, 0), 0);
    waiter_end(&w, 0, 0);
    gev_channel_free(a);
    gev_channel_free(b);
}

static void killed_after_the_choice_it_has_the_value(void **state)
{
    struct gev_channel *a = make_channel(0);
    struct chooser c = {.ch = {NULL, a, NULL}};
    long value = 8;

    (void)state;
    chooser_start(&c);
    assert_int_equal(gev_channel_send(a, &value, 0), 0);
    assert_int_equal(gev_kill(c.g, 0), 0);
    chooser_end(&c, 1, 8);
    gev_channel_free(a);
}

static void scopes_end_a_choice(void **state)
{
    struct gev_channel *a = make_channel(0);
    long value;
    struct gev_case c = gev_case_recv(a, &value);
    int64_t scope = gev_timeout_push(0.005);

    (void)state;
    assert_fails(gev_choose(&c, 1, GEV_FOREVER), ETIMEDOUT);
    assert_fails(gev_choose(&c, 1, 0), ETIMEDOUT);
    assert_int_equal(gev_timeout_pop(scope), 1);
    gev_channel_free(a);
}

static void without_cases_time_goes_by(void **state)
{
    struct gev_case off = gev_case_recv(NULL, NULL);
    double begin = gev_now();

    (void)state;
    assert_fails(gev_choose(NULL, 0, 0.005), ETIMEDOUT);
    assert_fails(gev_choose(&off, 1, 0.005), ETIMEDOUT);
    assert_true(gev_now() - begin >= 0.01);
}

static void very_many_wait_in_one_channel(void **state)
{
    long n = proc_scale(100000);
    struct gev_channel *a = make_channel(0);
    struct gev_channel *b = make_channel(0);
    struct chooser *c = calloc((size_t)n, sizeof *c);
    bool in_order = true;

    (void)state;
    assert_non_null(c);
    for (long i = 0; i < n; i++) {
        c[i] = (struct chooser){.ch = {b, a, NULL}, .timeout = GEV_FOREVER};
        c[i].g = gev_spawn(choose, &c[i]);
        assert_non_null(c[i].g);
    }
    assert_int_equal(gev_yield(), 0);
    for (long i = 0; i < n; i++) {
        if (gev_channel_send(a, &i, 0) < 0) {
            in_order = false;
        }
    }
    for (long i = 0; i < n; i++) {
        finish(c[i].g);
        in_order = in_order && c[i].chosen == 1 && c[i].value == i;
    }
    assert_true(in_order);
    free(c);
    gev_channel_free(a);
    gev_channel_free(b);
}

static long choose_0(void *ch)
{
    static long value = 6;
    struct gev_case c = gev_case_send(ch, &value);

    return gev_choose(&c, 1, 0);
}

static long choose_1(void *ch)
{
    static long value = 6;
    struct gev_case c = gev_case_send(ch, &value);

    return gev_choose(&c, 1, 1);
}

static void the_hub_may_try(void **state)
{
    struct gev_channel *a = make_channel(1);

    (void)state;
    assert_outcome(on_hub(choose_0, a), 0, 0);
    assert_outcome(on_hub(choose_0, a), -1, ETIMEDOUT);
    assert_outcome(on_hub(choose_1, a), -1, EPERM);
    gev_channel_free(a);
}

static void bad_arguments_are_refused(void **state)
{
    struct gev_channel *a = make_channel(1);
    long value = 1;
    struct gev_case c = gev_case_recv(a, &value);

    (void)state;
    assert_fails(gev_choose(NULL, 1, 0), EINVAL);
    assert_fails(gev_choose(&c, 1, -1), EINVAL);
    assert_fails(gev_choose(&c, 1, NAN), EINVAL);
    assert_fails(gev_choose(&c, SIZE_MAX, 0), EINVAL);
    c.op = (enum gev_op)5;
    assert_fails(gev_choose(&c, 1, 0), EINVAL);
    c = gev_case_recv(a, NULL);
    assert_fails(gev_choose(&c, 1, 0), EINVAL);
    c = gev_case_send(a, NULL);
    assert_fails(gev_choose(&c, 1, 0), EINVAL);
    gev_channel_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_possible_is_done_at_once),
        TEST(a_sender_meets_who_chooses),
        TEST(a_receiver_gets_from_who_chooses),
        TEST(two_that_choose_meet),
        TEST(nobody_meets_himself),
        TEST(two_that_could_do_either_do_one),
        TEST(each_possible_case_has_its_share),
        TEST(a_closed_channel_is_chosen_with_epipe),
        TEST(a_freed_channel_is_chosen_with_ebadf),
        TEST(a_kill_leaves_no_trace_in_the_lines),
        TEST(killed_after_the_choice_it_has_the_value),
        TEST(scopes_end_a_choice),
        TEST(without_cases_time_goes_by),
        TEST(very_many_wait_in_one_channel),
        TEST(the_hub_may_try),
        TEST(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
