#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gev-run's options, and what GEV_PATCH may say.

Usage: test_run.py GEV_RUN
"""
import os
import subprocess
import sys

LIMIT = 20
REFUSED = 125
GEV_RUN = sys.argv[1]
WORDS = "all, hub, wait, transfer, connect, fd, time, dns, process, nss, signal"
HELLO = ["sh", "-c", "echo $GEV_PATCH"]


def run(*command, patch=None):
    env = {k: v for k, v in os.environ.items() if k != "GEV_PATCH"}
    if patch is not None:
        env["GEV_PATCH"] = patch
    r = subprocess.run([GEV_RUN, *command], env=env, text=True,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=LIMIT)
    return r.returncode, r.stdout, r.stderr


def equal(got, wanted):
    assert got == wanted, f"{got!r}, not {wanted!r}"


def words_that_exist_are_passed_on():
    for words in ("all,-dns", "-dns,-nss", "hub", "hub,-time", "dns,nss",
                  "all,,hub,", ""):
        equal(run(f"--patch={words}", *HELLO), (0, words + "\n", ""))


def an_unknown_word_is_refused():
    for words, bad in (("nsss", "nsss"), ("all,-dn", "-dn"), ("ns", "ns"),
                       ("hub,Nss,x", "Nss"), ("-", "-"), ("all, dns", " dns")):
        equal(run(f"--patch={words}", *HELLO),
              (REFUSED, "", f"gev-run: --patch: '{bad}' is unknown; the words "
                            f"are {WORDS}\n"))


def the_library_tells_of_an_unknown_word_and_goes_on():
    told = f"gev: GEV_PATCH: 'later' is unknown; the words are {WORDS}\n"
    equal(run("true", patch="all,later,-dns"), (0, "", told))
    equal(run("true", patch="later"), (0, "", told))
    equal(run("true", patch="all,-dns"), (0, "", ""))
    equal(run("true", patch="," * 1000 + "hub"), (0, "", ""))


def help_names_the_words():
    status, out, err = run("--help")
    equal((status, err), (0, ""))
    assert WORDS in out, out


def what_is_no_option_is_refused_with_the_usage():
    for command in (["--what", "true"], ["--patch", "true"], [], ["--"]):
        status, out, err = run(*command)
        said = f"gev-run: unknown option '{command[0]}'\n" if command[1:] else ""
        equal((status, out), (REFUSED, ""))
        assert err.startswith(said + "usage: gev-run "), err


TESTS = [words_that_exist_are_passed_on, an_unknown_word_is_refused,
         the_library_tells_of_an_unknown_word_and_goes_on, help_names_the_words,
         what_is_no_option_is_refused_with_the_usage]

for test in TESTS:
    test()
    print(f"ok {test.__name__}")
