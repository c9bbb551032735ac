#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/demo/demo.c with few connections, and what it prints."""
import os
import pty
import re

from harness import WAIT, equal, example, main, run

DEMO = "demo/demo"


def it_ends_with_a_summary():
    status, out, err = run(example(DEMO), "--connections", "200",
                           "--seconds", "0.6")
    equal((status, err), (0, ""))
    lines = out.splitlines()
    live = [x for x in lines if re.fullmatch(
        r"200 connections   \d+ echoes/s   \d+ bytes/connection", x)]
    assert len(live) >= 3, out
    assert "200 connections, 400 greenlets, 1 thread" in lines, out
    equal(lines[-1], "every byte came back as it was sent")
    m = re.search(r"^(\d+) echoes of 64 bytes in ([\d.]+) s: (\d+)/s$", out,
                  re.M)
    assert m and int(m[1]) >= 200 and 0.6 <= float(m[2]) < WAIT, out


def on_a_terminal_the_line_is_drawn_over():
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(example(DEMO), ["demo", "--connections=20", "--seconds=.3"])
    out = b""
    try:
        while True:
            out += os.read(fd, 4096)
    except OSError:  # the terminal is gone
        pass
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
    assert out.count(b"\r20 connections   ") >= 2, out


def too_many_connections_are_cut_to_the_limit():
    status, out, _ = run("sh", "-c", 'ulimit -n 128; exec "$0" "$@"',
                         example(DEMO), "--connections", "1000",
                         "--seconds", "0.2")
    equal(status, 0)
    assert "limit on descriptors allows 32 connections, not 1000" in out, out


def a_limit_that_leaves_nothing_is_one_line_and_1():
    status, out, err = run("sh", "-c", 'ulimit -n 20; exec "$0"',
                           example(DEMO))
    equal((status, out, err),
          (1, "", "demo: the limit on descriptors is too low\n"))


def bad_options_are_2():
    for args in (["--connections", "0"], ["--connections", "5x"],
                 ["--seconds", "-1"], ["--seconds"], ["--seconds", "nan"],
                 ["extra"]):
        status, out, err = run(example(DEMO), *args)
        equal((status, out, err.count("\n")), (2, "", 1))


main(it_ends_with_a_summary, on_a_terminal_the_line_is_drawn_over,
     too_many_connections_are_cut_to_the_limit,
     a_limit_that_leaves_nothing_is_one_line_and_1, bad_options_are_2)
