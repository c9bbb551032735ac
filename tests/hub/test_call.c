/* SPDX-License-Identifier: MIT */
/*
 * gev_call_soon, links of a greenlet's end, and parts of a hub
 */
#include "run.h"

#include <sys/wait.h>

#include "hub/call.h"
#include "hub/part.h"
#include "support/fault.h"

struct linked {
    struct gev__call call;
    char letter;
};

static void note_link(struct gev__call *c)
{
    note(gev_is_hub() ? GEV__CONTAINER(c, struct linked, call)->letter : '!');
}

static void calls_are_made_on_the_hub_in_order(void **state)
{
    (void)state;
    assert_int_equal(gev_call_soon(note_letter, LETTER('a')), 0);
    assert_int_equal(gev_call_soon(note_letter, LETTER('b')), 0);
    assert_string_equal(run_log, "");
    assert_int_equal(gev_run(GEV_FOREVER), 0); /* one call is something to do */
    assert_string_equal(run_log, "ab");
}

static void call_again(void *arg)
{
    note((char)(intptr_t)arg);
    if (run_log_len < 3 && gev_call_soon(call_again, arg) < 0) {
        note('!');
    }
}

static void calls_come_before_greenlets_but_do_not_starve_them(void **state)
{
    (void)state;
    assert_int_equal(gev_go(note_and_end, LETTER('g')), 0);
    assert_int_equal(gev_call_soon(call_again, LETTER('c')), 0);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "cgc");
}

static void calls_refuse_what_they_cannot_keep(void **state)
{
    (void)state;
    assert_fails(gev_call_soon(NULL, NULL), EINVAL);
    assert_int_equal(gev_init(), 0);
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_fails(gev_call_soon(note_letter, NULL), ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(gev_run(1), 0);
    assert_string_equal(run_log, "");
}

static long call_with_a_local(void *arg)
{
    int local = 0;

    (void)arg;
    return gev_call_soon(note_letter, &local);
}

static void a_pointer_into_a_run_stack_is_refused(void **state)
{
    (void)state;
    assert_outcome(in_greenlet(call_with_a_local, NULL), -1, EFAULT);
}

static void links_fire_after_the_end_in_order(void **state)
{
    static struct linked l[3];
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('x'));
    struct gev__list *links = gev__greenlet_links(g);

    (void)state;
    for (int i = 0; i < 3; i++) {
        l[i].letter = (char)('a' + i);
        gev__call_init(&l[i].call, note_link);
        gev__list_push(links, &l[i].call.link);
    }
    gev__call_cancel(&l[1].call);
    gev__call_cancel(&l[1].call); /* harmless */
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "xac");
    gev_unref(g);
}

static void a_fired_link_can_still_be_cancelled(void **state)
{
    static struct linked l;
    struct gev_greenlet *g = gev_spawn(note_and_end, LETTER('x'));

    (void)state;
    l.letter = 'l';
    gev__call_init(&l.call, note_link);
    gev__list_push(gev__greenlet_links(g), &l.call.link);
    assert_int_equal(gev_kill(g, 0), 0); /* NEW: ends here */
    gev__call_cancel(&l.call);
    assert_int_equal(gev_run(GEV_FOREVER), 0);
    assert_string_equal(run_log, "");
    gev_unref(g);
}

struct part {
    struct gev__part part;
    char letter;
};

static void note_end(struct gev__part *p)
{
    note(GEV__CONTAINER(p, struct part, part)->letter);
}

static void note_fork(struct gev__part *p)
{
    (void)p;
    note('f');
}

static const struct gev__part_kind first_kind = {note_end, note_fork};
static const struct gev__part_kind second_kind = {note_end, NULL};

static void parts_end_with_the_hub_last_added_first(void **state)
{
    static struct part a = {.letter = 'a'};
    static struct part b = {.letter = 'b'};
    struct gev__hub *hub;

    (void)state;
    assert_int_equal(gev_init(), 0);
    hub = gev__hub_tls;
    assert_null(gev__part_find(hub, &first_kind));
    gev__part_add(hub, &a.part, &first_kind);
    gev__part_add(hub, &b.part, &second_kind);
    assert_ptr_equal(gev__part_find(hub, &first_kind), &a.part);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(run_log, "ba");
}

static void parts_and_calls_hear_of_a_fork(void **state)
{
    static struct part a = {.letter = 'a'};
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(gev_init(), 0);
    gev__part_add(gev__hub_tls, &a.part, &first_kind);
    assert_int_equal(gev_call_soon(note_letter, LETTER('c')), 0);
    pid = fork();
    if (pid == 0) {
        int rc = gev_run(1);

        _exit(rc == 0 && strcmp(run_log, "f") == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(gev_run(1), 0);
    assert_string_equal(run_log, "c"); /* the parent's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_are_made_on_the_hub_in_order),
        TEST(calls_come_before_greenlets_but_do_not_starve_them),
        TEST(links_fire_after_the_end_in_order),
        TEST(a_fired_link_can_still_be_cancelled),
        TEST(parts_end_with_the_hub_last_added_first),
        TEST(parts_and_calls_hear_of_a_fork),
        TEST(calls_refuse_what_they_cannot_keep),
        TEST(a_pointer_into_a_run_stack_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
