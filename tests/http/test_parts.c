/* SPDX-License-Identifier: MIT */
/*
 * The parts that can be tried without a server: arena and dates
 */
#include "hub/run.h"

#include "http/arena.h"
#include "http/date.h"
#include "http/status.h"

static void note_it(void *arg)
{
    note(*(const char *)arg);
}

static void an_arena_gives_aligned_memory_that_is_kept(void **state)
{
    struct gev__arena a = {0};
    char *p[1000];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++) {
            p[i] = gev__arena_alloc(&a, i);
            assert_non_null(p[i]);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            memset(p[i], (int)i, i);
        }
        for (size_t i = 0; i < 1000; i++) {
            for (size_t k = 0; k < i; k += 97) {
                assert_int_equal(p[i][k], (char)i);
            }
        }
        gev__arena_reset(&a);
    }
    assert_null(gev__arena_alloc(&a, SIZE_MAX - 5));
    assert_string_equal(gev__arena_copy(&a, "abcd", 3), "abc");
    gev__arena_fini(&a);
}

static void an_arena_begins_anew_where_it_began(void **state)
{
    struct gev__arena a = {0};

    (void)state;
    const void *first = gev__arena_alloc(&a, 100);
    (void)gev__arena_alloc(&a, 100000);
    (void)gev__arena_alloc(&a, 3000);
    gev__arena_reset(&a);
    assert_ptr_equal(gev__arena_alloc(&a, 100), first);
    gev__arena_fini(&a);
    gev__arena_fini(&a); /* nothing any more */
}

static void what_an_arena_defers_runs_last_first(void **state)
{
    static char abc[] = "abc";
    struct gev__arena a = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gev__arena_defer(&a, note_it, &abc[i]), 0);
    }
    gev__arena_reset(&a);
    assert_string_equal(run_log, "cba");
    gev__arena_reset(&a);
    assert_string_equal(run_log, "cba");
    gev__arena_fini(&a);
}

static void dates_are_those_of_rfc_9110(void **state)
{
    char text[GEV__HTTP_DATE_LEN + 1];

    (void)state;
    gev__http_date(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    gev__http_date(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    gev__http_date(951782399, text);
    assert_string_equal(text, "Mon, 28 Feb 2000 23:59:59 GMT");
    gev__http_date(951782400, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 00:00:00 GMT");
}

static void statuses_have_words(void **state)
{
    (void)state;
    assert_string_equal(gev__http_status_words(404), "Not Found");
    assert_string_equal(gev__http_status_words(511),
                        "Network Authentication Required");
    assert_string_equal(gev__http_status_words(299), "");
    assert_string_equal(gev__http_status_words(-1), "");
    assert_string_equal(gev__http_status_words(1000), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_arena_gives_aligned_memory_that_is_kept),
        TEST(an_arena_begins_anew_where_it_began),
        TEST(what_an_arena_defers_runs_last_first),
        TEST(dates_are_those_of_rfc_9110),
        TEST(statuses_have_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
