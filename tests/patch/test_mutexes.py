#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gev-run --check-mutexes tells who waits with a lock, once for each place.

Usage: test_mutexes.py GEV_RUN MUTEXES
"""
import re
import subprocess
import sys

LIMIT = 20
REFUSED = 125
MAX_PLACES = 256  # of 17 * 17
gev_run, program = sys.argv[1:]

HOLDER = '"holder"'
MAIN = '"main"'


def run(case):
    """Returns the reports, without gev's own prefix and numbers, and stdout."""
    r = subprocess.run([gev_run, "--check-mutexes", program, case], text=True,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=LIMIT)
    assert r.returncode == 0, r
    return [short(line) for line in r.stderr.splitlines()], r.stdout.split("\n")


def short(line):
    line = re.sub(r"\+0x[0-9a-f]+ in mutexes\b", "", line)
    return re.sub(r"^gev: greenlet \d+ ", "", line)


def holds(who, call, function, kind="mutex", locked=None):
    return (f"{who} waits in {call}() at {function} while it holds a {kind} "
            f"locked at {locked or function}")


def equal(got, wanted):
    assert got == wanted, f"{got!r}, not {wanted!r}"


def who_sleeps_with_a_mutex_is_told_once_for_each_place():
    equal(run("sleeps")[0], [holds(HOLDER, "usleep", "sleeps")])


def each_place_that_waits_is_told():
    equal(run("places")[0],
          [holds(HOLDER, call, "waits_in_many_places")
           for call in ("usleep", "gev_yield", "gev_sleep", "recv")])


def who_unlocks_before_it_waits_is_not_told():
    equal(run("unlocks")[0], [])


def waiting_for_a_condition_is_not_told():
    equal(run("condition"), ([], ["1", ""]))


def recursive_ones_are_held_until_the_last_unlock():
    equal(run("recursive")[0],
          [holds(HOLDER, "usleep", "locks_twice"),
           holds(HOLDER, "usleep", "locks_twice", "read lock")])


def every_way_to_lock_is_seen():
    reports, out = run("ways")
    equal(out, ["0"] * 17 + [""])
    equal(reports,
          [holds(HOLDER, "usleep", "locks_every_way", kind) for kind in
           ["mutex"] * 7 + ["read lock"] * 4 + ["write lock"] * 4 +
           ["spin lock"] * 2])


def what_could_not_be_locked_and_threads_without_a_hub_are_not_told():
    equal(run("busy"), ([], ["1", ""]))


def who_ends_with_a_mutex_is_told_and_another_may_unlock_it():
    equal(run("another")[0],
          [f"{HOLDER} has ended while it holds a mutex locked at "
           "locks_and_leaves"])


def more_locks_than_are_noted_do_no_harm():
    reports, _ = run("many")
    equal(reports, [holds(HOLDER, "usleep", "locks_many")])


def after_so_many_pairs_of_places_it_is_silent():
    places = [10 * i + k for i in range(1, 5) for k in range(4)] + [50]
    wanted = [holds(HOLDER, "usleep", f"wait_{k}", locked=f"lock_{i}")
              for i in places for k in places]
    equal(run("everywhere")[0], wanted[:MAX_PLACES])


def each_thread_with_a_hub_is_watched():
    equal(run("thread")[0], [holds(HOLDER, "usleep", "sleeps")])


def main_is_watched_before_it_has_a_hub():
    equal(run("main")[0], [holds(MAIN, "gev_sleep", "main_sleeps")])


def the_programs_own_trace_and_report_function_are_kept():
    reports, out = run("trace")
    equal([short(line.removeprefix("reported: ")) for line in out],
          [holds(HOLDER, "usleep", "sleeps"), "1", "0", ""])
    equal(reports, [holds(HOLDER, "usleep", "locks_twice"),
                    holds(HOLDER, "usleep", "locks_twice", "read lock")])
    equal(run("trace all"), ([holds(HOLDER, "usleep", "sleeps")], ["1", ""]))


def a_function_without_a_name_is_found_by_addr2line():
    r = subprocess.run([gev_run, "--check-mutexes", program, "nameless"],
                       text=True, capture_output=True, timeout=LIMIT)
    places = re.findall(r" at mutexes\+(0x[0-9a-f]+)", r.stderr)
    equal(len(places), 2)
    for place in places:
        out = subprocess.run(["addr2line", "-f", "-e", program, place],
                             text=True, capture_output=True, timeout=LIMIT)
        equal(out.stdout.split("\n")[0], "nameless")


def with_threads_it_is_refused():
    r = subprocess.run([gev_run, "--threads", "--check-mutexes", "true"],
                       text=True, capture_output=True, timeout=LIMIT)
    equal((r.returncode, r.stdout), (REFUSED, ""))
    assert r.stderr.startswith("gev-run: --check-mutexes "), r


def a_program_without_greenlets_runs_as_without():
    r = subprocess.run([gev_run, "--check-mutexes", "sh", "-c",
                        "echo one; exit 3"], text=True, capture_output=True,
                       timeout=LIMIT)
    equal((r.returncode, r.stdout, r.stderr), (3, "one\n", ""))


TESTS = [who_sleeps_with_a_mutex_is_told_once_for_each_place,
         each_place_that_waits_is_told, who_unlocks_before_it_waits_is_not_told,
         waiting_for_a_condition_is_not_told,
         recursive_ones_are_held_until_the_last_unlock,
         every_way_to_lock_is_seen,
         what_could_not_be_locked_and_threads_without_a_hub_are_not_told,
         who_ends_with_a_mutex_is_told_and_another_may_unlock_it,
         more_locks_than_are_noted_do_no_harm,
         after_so_many_pairs_of_places_it_is_silent,
         each_thread_with_a_hub_is_watched, main_is_watched_before_it_has_a_hub,
         the_programs_own_trace_and_report_function_are_kept,
         a_function_without_a_name_is_found_by_addr2line,
         with_threads_it_is_refused, a_program_without_greenlets_runs_as_without]

status = 0
for test in TESTS:
    try:
        test()
        print(f"ok {test.__name__}")
    except (AssertionError, subprocess.TimeoutExpired) as e:
        print(f"FAIL {test.__name__}: {e}")
        status = 1
sys.exit(status)
