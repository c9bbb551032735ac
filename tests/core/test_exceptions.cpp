/* SPDX-License-Identifier: MIT */
/*
 * C++ exceptions, thrown and caught inside one greenlet while others are
 * suspended in try blocks. gev's headers compile as C++.
 *
 * Not tested because not supported: a switch inside a catch block. The C++
 * runtime keeps the exceptions being handled in a list per thread, which
 * greenlets share: they would have to leave their catch blocks in reverse order.
 */
#include <gev/greenlet.h>

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include <cmocka.h>
}

static struct gev_greenlet *top; /* the test's own greenlet */
static int n_destroyed;          /* objects on unwound stacks */

struct counted {
    counted() = default;
    counted(const counted &) = delete;
    counted &operator=(const counted &) = delete;
    ~counted()
    {
        n_destroyed++;
    }
};

static void *num(std::intptr_t n)
{
    return reinterpret_cast<void *>(n);
}

static std::intptr_t num_of(const void *value)
{
    return reinterpret_cast<std::intptr_t>(value);
}

/* Throws @key from @depth try blocks further down, after a switch in each. */
static void throw_from(int depth, int key)
{
    counted here;

    gev_switch(top, nullptr, nullptr);
    if (depth == 0) {
        throw std::runtime_error(std::to_string(key));
    }
    try {
        throw_from(depth - 1, key);
    } catch (const std::logic_error &) {
        gev_fail(1); /* not that kind */
    }
}

static void *catch_own(void *value)
{
    int me = static_cast<int>(num_of(value));
    std::string caught;

    try {
        throw_from(me, me);
    } catch (const std::exception &e) {
        caught = e.what();
    }
    gev_switch(top, nullptr, nullptr);
    return num(caught == std::to_string(me));
}

static void four_greenlets_get_their_own_exception_back(void **)
{
    struct gev_greenlet *g[4];

    n_destroyed = 0;
    for (int i = 0; i < 4; i++) {
        g[i] = gev_greenlet_new(catch_own, 0);
    }
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 4; i++) {
            assert_int_equal(gev_switch(g[i], num(i), nullptr), 0);
        }
    }
    for (auto *one : g) {
        assert_int_equal(gev_state(one), GEV_DEAD);
        assert_int_equal(num_of(gev_value(one)), 1);
        gev_unref(one);
    }
    assert_int_equal(n_destroyed, 1 + 2 + 3 + 4);
}

static void *throw_often(void *value)
{
    int n_caught = 0;

    for (int i = 0; i < 1000; i++) {
        try {
            counted here;

            gev_switch(top, nullptr, nullptr);
            throw i;
        } catch (int n) {
            n_caught += n == i;
        }
    }
    (void)value;
    return num(n_caught);
}

static void exceptions_and_switches_alternate(void **)
{
    struct gev_greenlet *a = gev_greenlet_new(throw_often, 0);
    struct gev_greenlet *b = gev_greenlet_new(throw_often, 256 << 10);

    n_destroyed = 0;
    while (gev_state(b) != GEV_DEAD) {
        assert_int_equal(gev_switch(a, nullptr, nullptr), 0);
        assert_int_equal(gev_switch(b, nullptr, nullptr), 0);
    }
    assert_int_equal(num_of(gev_value(a)), 1000);
    assert_int_equal(num_of(gev_value(b)), 1000);
    assert_int_equal(n_destroyed, 2000);
    gev_unref(a);
    gev_unref(b);
}

/* The way to have destructors run when a greenlet is told to end. */
static void *turn_the_end_into_an_exception(void *value)
{
    try {
        counted here;

        if (gev_switch(top, nullptr, nullptr) < 0) {
            throw std::runtime_error("ended");
        }
    } catch (const std::runtime_error &) {
        n_destroyed += 10;
    }
    return value;
}

static void the_end_can_be_turned_into_an_exception(void **)
{
    struct gev_greenlet *g =
        gev_greenlet_new(turn_the_end_into_an_exception, 0);

    n_destroyed = 0;
    assert_int_equal(gev_switch(g, nullptr, nullptr), 0);
    assert_int_equal(gev_unref(g), 0);
    assert_int_equal(n_destroyed, 11);
}

static void *throw_out(void *value)
{
    if (value) {
        throw std::runtime_error("nobody catches this");
    }
    throw 7;
}

static int status_of_throwing(void *value)
{
    const struct rlimit no_core = {0, 0};
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        try {
            gev_switch(gev_greenlet_new(throw_out, 0), value, nullptr);
        } catch (...) { /* would be the wrong greenlet's */
            _exit(1);
        }
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void an_exception_that_leaves_its_greenlet_aborts(void **)
{
    int status = status_of_throwing(num(1));

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    status = status_of_throwing(nullptr);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void exceptions_in_main_pass_suspended_greenlets_by(void **)
{
    struct gev_greenlet *g = gev_greenlet_new(catch_own, 0);
    bool caught = false;

    assert_int_equal(gev_switch(g, num(3), nullptr), 0);
    try {
        assert_int_equal(gev_switch(g, nullptr, nullptr), 0);
        throw std::logic_error("main's");
    } catch (const std::logic_error &) {
        caught = true;
    }
    assert_true(caught);
    while (gev_state(g) != GEV_DEAD) {
        assert_int_equal(gev_switch(g, nullptr, nullptr), 0);
    }
    assert_int_equal(num_of(gev_value(g)), 1);
    gev_unref(g);
}

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_greenlets_get_their_own_exception_back),
        cmocka_unit_test(exceptions_and_switches_alternate),
        cmocka_unit_test(the_end_can_be_turned_into_an_exception),
        cmocka_unit_test(exceptions_in_main_pass_suspended_greenlets_by),
        cmocka_unit_test(an_exception_that_leaves_its_greenlet_aborts),
    };

    top = gev_current();
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
