/* SPDX-License-Identifier: MIT */
/*
 * Backtraces: down to static functions, of greenlets that are anywhere
 *
 * They need libdw; where it is missing there is nothing to test.
 */
#include "looking.h"

#include <dlfcn.h>

static bool have_libdw(void)
{
    return GEV_HAVE_LIBDW && dlopen("libdw.so.1", RTLD_LAZY) != NULL;
}

static int print_backtrace(FILE *out, void *arg)
{
    return gev_print_backtrace(out, arg);
}

/* The names stand in @text in this order. */
static void assert_order(const char *text, const char *const *names)
{
    const char *at = text;

    for (; *names && at; names++) {
        at = strstr(at, *names);
        if (!at) {
            print_error("no \"%s\" in its place in:\n%s", *names, text);
        }
    }
    assert_non_null(at);
}

static const char *const reader_frames[] = {
    "waits to read descriptor",
    "read_any()",
    "read_in_the_middle() at ",
    "recurse() at ",
    "recurse() at ",
    "recurse() at ",
    "reader() at ",
    NULL,
};

static void a_parked_one_is_shown_down_to_static_functions(void **state)
{
    struct gev_greenlet *g = gev_spawn(reader, LETTER(2));
    char *text;

    (void)state;
    assert_int_equal(gev_yield(), 0);
    text = printed(print_backtrace, g); /* the occupant, or evicted */
    assert_has(text, "hub/looking.h:");
    assert_order(text, reader_frames);
    free(text);
    finish(gev_spawn(note_and_end, NULL)); /* evicts it in shared mode too */
    text = printed(print_backtrace, g);
    assert_order(text, reader_frames);
    free(text);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void a_private_stack_is_shown(void **state)
{
    struct gev_greenlet *g = gev_spawn_private(reader, LETTER(2), 65536);
    char *text;

    (void)state;
    assert_int_equal(gev_yield(), 0);
    text = printed(print_backtrace, g);
    assert_order(text, reader_frames);
    free(text);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

KEEP static int look_at_oneself(FILE *out, void *arg)
{
    int rc = gev_print_backtrace(out, NULL);

    (void)arg;
    depth_sum++;
    return rc;
}

static void the_current_one_begins_at_the_caller(void **state)
{
    char *text = printed(look_at_oneself, NULL);

    (void)state;
    assert_has(text, "greenlet 1 \"main\" runs\n    #0  look_at_oneself() at ");
    assert_has(text, "the_current_one_begins_at_the_caller() at ");
    free(text);
}

/* Run by a greenlet, main waits. */
static char *seen_from_inside;

static void *look_at_all(void *arg)
{
    size_t size;
    FILE *out = open_memstream(&seen_from_inside, &size);

    if (out) {
        (void)gev_print_run_info(out);
        fclose(out);
    }
    return arg;
}

KEEP static void main_waits_here(void)
{
    struct gev_greenlet *g = gev_spawn(look_at_all, NULL);

    (void)gev_join(g, 20);
    gev_unref(g);
    depth_sum++;
}

static void main_is_shown_to_a_greenlet(void **state)
{
    (void)state;
    main_waits_here();
    assert_has(seen_from_inside,
               "greenlet 1 \"main\" waits for the end of greenlet ");
    assert_has(seen_from_inside, "gev_join()");
    assert_has(seen_from_inside, "main_waits_here() at ");
    assert_has(seen_from_inside, "look_at_all() at ");
    free(seen_from_inside);
}

static void run_on_the_hub(void *arg)
{
    (void)look_at_all(arg);
    note('h');
}

static void the_hub_may_look(void **state)
{
    struct gev_greenlet *g = gev_spawn(reader, NULL);

    (void)state;
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_call_soon(run_on_the_hub, NULL), 0);
    while (!run_log_len) {
        assert_int_equal(gev_sleep(0.2), 0); /* so that it still sleeps then */
    }
    assert_has(seen_from_inside, "read_in_the_middle() at ");
    assert_has(seen_from_inside, "greenlet 1 \"main\" sleeps");
    free(seen_from_inside);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void *switch_back(void *arg)
{
    (void)gev_switch(gev_parent(NULL), arg, NULL);
    depth_sum++;
    return NULL;
}

static void one_switched_away_by_hand_is_shown(void **state)
{
    struct gev_greenlet *g = gev_greenlet_new(switch_back, 0);
    char *text;

    (void)state;
    assert_int_equal(gev_switch(g, NULL, NULL), 0);
    text = printed(print_info, NULL);
    assert_has(text, "was switched away from by hand");
    assert_has(text, ", spawned by 1\n");
    assert_has(text, "switch_back() at ");
    free(text);
    gev_unref(g);
}

static void a_new_one_is_named_by_its_function(void **state)
{
    struct gev_greenlet *g = gev_spawn(sleeper, NULL);
    char *text = printed(print_backtrace, g);

    (void)state;
    assert_has(text, " starts now\n    to run sleeper()\n");
    free(text);
    assert_int_equal(gev_kill(g, 20), 0);
    gev_unref(g);
}

static void equal_backtraces_are_printed_once(void **state)
{
    struct gev_greenlet *g[3];
    char line[64];
    char *text;

    (void)state;
    for (int i = 0; i < 3; i++) {
        g[i] = gev_spawn(sleeper, NULL);
    }
    assert_int_equal(gev_yield(), 0);
    text = printed(print_info, NULL);
    snprintf(line, sizeof line, "\n    as greenlet %u\n", g[0]->id);
    assert_has(text, line);
    assert_has(strstr(text, line) + 1, line);
    assert_null(strstr(strstr(text, "sleeper() at ") + 1, "sleeper() at "));
    free(text);
    assert_int_equal(gev_killall(g, 3, 20), 0);
    for (int i = 0; i < 3; i++) {
        gev_unref(g[i]);
    }
}

static void *spawn_two(void *arg)
{
    (void)gev_go(sleeper, NULL);
    if (arg) {
        (void)gev_go(spawn_two, NULL);
    }
    return sleeper(NULL);
}

static void tracking_shows_the_tree_and_the_time(void **state)
{
    struct gev_greenlet *top;
    char *text;
    uint32_t id;
    char want[600];

    (void)state;
    assert_int_equal(gev_set_tracking(1), 0);
    assert_int_equal(gev_set_tracking(1), 1);
    top = gev_spawn(spawn_two, LETTER(1));
    id = top->id;
    assert_int_equal(gev_sleep(0.01), 0);
    text = printed(print_info, NULL);
    snprintf(want, sizeof want, "\ngreenlet %u sleeps for 0.", id);
    assert_has(text, want);
    snprintf(want, sizeof want, ", spawned by 1\n    ");
    assert_has(text, want);
    snprintf(want, sizeof want, "\n  greenlet %u sleeps for ", id + 1);
    assert_has(text, want);
    snprintf(want, sizeof want, "\n  greenlet %u sleeps for ", id + 2);
    assert_has(text, want);
    snprintf(want, sizeof want, "\n    greenlet %u sleeps for ", id + 3);
    assert_has(text, want);
    snprintf(want, sizeof want, ", spawned by %u\n", id + 2);
    assert_has(text, want);
    free(text);
    assert_int_equal(gev_kill(top, 20), 0);
    gev_unref(top);
    text = printed(print_info, NULL);
    snprintf(want, sizeof want, ", spawned by %u, which is gone\n", id);
    assert_has(text, want);
    free(text);
    assert_int_equal(gev_set_tracking(0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(a_parked_one_is_shown_down_to_static_functions),
        PIPE_TEST(a_private_stack_is_shown),
        TEST(the_current_one_begins_at_the_caller),
        TEST(main_is_shown_to_a_greenlet),
        PIPE_TEST(the_hub_may_look),
        TEST(one_switched_away_by_hand_is_shown),
        TEST(a_new_one_is_named_by_its_function),
        TEST(equal_backtraces_are_printed_once),
        TEST(tracking_shows_the_tree_and_the_time),
    };

    if (!have_libdw()) {
        return 77; /* skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
