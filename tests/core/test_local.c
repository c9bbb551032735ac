/* SPDX-License-Identifier: MIT */
/*
 * Greenlet-local values, numbers and names
 */
#include <gev.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/note.h"
#include "support/fault.h"
#include "support/proc.h"

#define assert_fails(call, error)                                              \
    do {                                                                       \
        errno = 0;                                                             \
        assert_int_equal((call), -1);                                          \
        assert_int_equal(errno, (error));                                      \
    } while (0)

static gev_key key;

static void *set_and_yield(void *arg)
{
    bool empty = gev_getspecific(key) == NULL;

    (void)gev_setspecific(key, arg);
    (void)gev_yield();
    note(empty && gev_getspecific(key) == arg ? "own" : "other's");
    return NULL;
}

static void each_greenlet_has_its_own_value(void **state)
{
    (void)state;
    assert_int_equal(gev_key_create(&key, NULL), 0);
    assert_null(gev_getspecific(key));
    assert_int_equal(gev_setspecific(key, "main"), 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(gev_go(set_and_yield, num(i)), 0);
    }
    assert_int_equal(gev_run(5), 0);
    assert_string_equal(note_text, "own own own");
    assert_string_equal(gev_getspecific(key), "main");
    assert_int_equal(gev_key_delete(key), 0);
}

static void note_destroyed(void *value)
{
    note_num(num_of(value));
    if (gev_getspecific(key)) {
        note("not NULL");
    }
}

static void *set_and_defer(void *arg)
{
    (void)gev_setspecific(key, arg);
    (void)gev_defer(note_destroyed, num(1));
    (void)gev_setspecific(key, NULL);
    (void)gev_setspecific(key, arg);
    return NULL;
}

static void *set_and_sleep(void *arg)
{
    (void)gev_setspecific(key, arg);
    (void)gev_sleep(GEV_FOREVER);
    note("end");
    return NULL;
}

static void the_destructor_runs_after_what_was_deferred(void **state)
{
    struct gev_greenlet *g;

    (void)state;
    assert_int_equal(gev_key_create(&key, note_destroyed), 0);
    assert_int_equal(gev_go(set_and_defer, num(2)), 0);
    assert_int_equal(gev_run(5), 0);
    assert_string_equal(note_text, "1 not NULL 2");
    note_clear(NULL);
    g = gev_spawn(set_and_sleep, num(3));
    assert_int_equal(gev_yield(), 0);
    assert_int_equal(gev_kill(g, 5), 0);
    assert_string_equal(note_text, "end 3");
    gev_unref(g);
    assert_int_equal(gev_key_delete(key), 0);
}

static void set_anew(void *value)
{
    note_num(num_of(value));
    (void)gev_setspecific(key, num(num_of(value) + 1));
}

static void *set_once(void *arg)
{
    (void)gev_setspecific(key, arg);
    return NULL;
}

static void destructors_that_set_values_are_called_four_times(void **state)
{
    (void)state;
    assert_int_equal(gev_key_create(&key, set_anew), 0);
    assert_int_equal(gev_go(set_once, num(1)), 0);
    assert_int_equal(gev_run(5), 0);
    assert_string_equal(note_text, "1 2 3 4");
    assert_int_equal(gev_key_delete(key), 0);
}

static void mains_values_are_destroyed_at_shutdown(void **state)
{
    (void)state;
    assert_int_equal(gev_key_create(&key, note_destroyed), 0);
    assert_int_equal(gev_setspecific(key, num(9)), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(note_text, "9");
    assert_null(gev_getspecific(key));
    assert_int_equal(gev_key_delete(key), 0);
}

static void a_deleted_key_is_forgotten(void **state)
{
    gev_key again;

    (void)state;
    assert_int_equal(gev_key_create(&key, note_destroyed), 0);
    assert_int_equal(gev_setspecific(key, num(1)), 0);
    assert_int_equal(gev_key_delete(key), 0);
    assert_null(gev_getspecific(key));
    assert_fails(gev_setspecific(key, NULL), EINVAL);
    assert_fails(gev_key_delete(key), EINVAL);
    assert_fails(gev_key_delete(0), EINVAL);
    assert_int_equal(gev_key_create(&again, NULL), 0); /* the same index */
    assert_int_not_equal(again, key);
    assert_null(gev_getspecific(again));
    assert_int_equal(gev_key_delete(again), 0);
    assert_int_equal(gev_shutdown(), 0);
    assert_string_equal(note_text, "");
}

static void there_is_a_limit_on_keys(void **state)
{
    static gev_key keys[GEV_KEYS_MAX];
    int n = 0;

    (void)state;
    while (n < GEV_KEYS_MAX && gev_key_create(&keys[n], NULL) == 0) {
        assert_int_equal(gev_setspecific(keys[n], num(n + 1)), 0);
        n++;
    }
    assert_int_equal(n, GEV_KEYS_MAX);
    assert_fails(gev_key_create(&key, NULL), EAGAIN);
    assert_fails(gev_key_create(NULL, NULL), EINVAL);
    for (int i = 0; i < n; i++) {
        assert_int_equal(num_of(gev_getspecific(keys[i])), i + 1);
        assert_int_equal(gev_key_delete(keys[i]), 0);
    }
}

static void *set_a_local(void *arg)
{
    int local = 0;
    bool shared = gev_on_run_stack(&local);

    (void)arg;
    if (gev_setspecific(key, &local) < 0) {
        note(shared && errno == EFAULT ? "refused" : "?");
    } else {
        note(shared ? "?" : "refused"); /* a stack that does not move */
        (void)gev_setspecific(key, NULL);
    }
    return NULL;
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    assert_int_equal(gev_key_create(&key, note_destroyed), 0);
    assert_int_equal(gev_go(set_a_local, NULL), 0);
    assert_int_equal(gev_run(5), 0);
    assert_string_equal(note_text, "refused");
    for (long k = 1;; k++) {
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        int rc = gev_setspecific(key, num(1));
        if (!fault_disarm()) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, -1);
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(gev_key_delete(key), 0);
}

static void *in_thread(void *arg)
{
    bool ok = gev_getspecific(key) == NULL && gev_setspecific(key, arg) == 0;

    return ok && gev_getspecific(key) == arg ? arg : NULL;
}

static void keys_are_valid_in_all_threads(void **state)
{
    pthread_t t;
    void *ok;

    (void)state;
    assert_int_equal(gev_key_create(&key, NULL), 0);
    assert_int_equal(gev_setspecific(key, num(1)), 0);
    assert_int_equal(pthread_create(&t, NULL, in_thread, num(2)), 0);
    assert_int_equal(pthread_join(t, &ok), 0);
    assert_ptr_equal(ok, num(2));
    assert_ptr_equal(gev_getspecific(key), num(1));
    assert_int_equal(gev_key_delete(key), 0);
}

static void *create_and_delete(void *arg)
{
    _Atomic int *stop = arg;
    gev_key k;

    while (!*stop) {
        if (gev_key_create(&k, NULL) == 0) {
            (void)gev_key_delete(k);
        }
    }
    return NULL;
}

/* A fork while another thread is making a key leaves the lock free. */
static void a_forks_child_can_make_keys(void **state)
{
    static _Atomic int stop;
    pthread_t t;
    int status;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, create_and_delete, &stop), 0);
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            alarm(20); /* ends it where it would wait for ever */
            _exit(gev_key_create(&key, NULL) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    stop = 1;
    assert_int_equal(pthread_join(t, NULL), 0);
}

static void *end_at_once(void *arg)
{
    return arg;
}

static void numbers_tell_greenlets_apart(void **state)
{
    struct gev_greenlet *a = gev_greenlet_new(end_at_once, 0);
    struct gev_greenlet *b = gev_greenlet_new(end_at_once, 0);

    (void)state;
    assert_int_equal(gev_id(NULL), 1); /* main */
    assert_true(gev_id(a) > 1);
    assert_true(gev_id(b) > gev_id(a));
    gev_unref(a);
    gev_unref(b);
}

static void a_name_is_kept_and_cut(void **state)
{
    struct gev_greenlet *g = gev_spawn(end_at_once, NULL);
    char name[200];

    (void)state;
    assert_string_equal(gev_name(g), "");
    assert_int_equal(gev_set_name(g, "worker"), 0);
    assert_string_equal(gev_name(g), "worker");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(gev_set_name(g, name), 0);
    assert_int_equal(strlen(gev_name(g)), GEV_NAME_MAX);
    fault_arm(FAULT_ALLOC, 1, ENOMEM);
    assert_fails(gev_set_name(g, "other"), ENOMEM);
    assert_true(fault_disarm());
    assert_int_equal(strlen(gev_name(g)), GEV_NAME_MAX);
    assert_int_equal(gev_set_name(g, NULL), 0);
    assert_string_equal(gev_name(g), "");
    assert_int_equal(gev_set_name(NULL, "me"), 0);
    assert_string_equal(gev_name(NULL), "me");
    assert_int_equal(gev_join(g, 5), 0);
    assert_fails(gev_set_name(g, "late"), EPERM);
    gev_unref(g);
}

static int end_hub(void **state)
{
    (void)state;
    return gev_shutdown();
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, note_clear, end_hub)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_greenlet_has_its_own_value),
        TEST(the_destructor_runs_after_what_was_deferred),
        TEST(destructors_that_set_values_are_called_four_times),
        TEST(mains_values_are_destroyed_at_shutdown),
        TEST(a_deleted_key_is_forgotten),
        TEST(there_is_a_limit_on_keys),
        TEST(bad_values_are_refused),
        TEST(keys_are_valid_in_all_threads),
        TEST(a_forks_child_can_make_keys),
        TEST(numbers_tell_greenlets_apart),
        TEST(a_name_is_kept_and_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
