#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/gev-gdb.py: the backtraces of parked greenlets, in a live process and
out of core files.

gdb starts tests/debug/parked, so nothing has to be attached to, and writes the
core files itself: what the kernel does with cores does not matter.

Usage: test_gdb.py PARKED SOURCE_ROOT
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SKIP = 77
WAIT = 100  # seconds for a gdb session

parked = Path(sys.argv[1])
script = Path(sys.argv[2]) / "tools/gev-gdb.py"

# There 32 GB of addresses are reserved, all of which gdb's gcore reads.
no_cores = os.environ.get("GEV_STACK") == "private"
with_cores = unittest.skipIf(no_cores, "gcore takes too long")

READER = ["read_in_the_middle (number=4713)", "call_deeply (",
          "4713", "call_deeply (", "4712", "call_deeply (", "4711",
          "reader (arg="]


def gdb(*commands, files=()):
    """Runs them, and no other; gives what gdb prints."""
    args = ["gdb", "-q", "-nx", "-batch", "-ex", "set width 0"]
    args += ["-ex", "set debuginfod enabled off", "-ex", f"source {script}"]
    for c in commands:
        args += ["-ex", c]
    done = subprocess.run(args + [str(f) for f in files], timeout=WAIT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    # A parameter whose value at the entry is known as well is shown twice.
    return re.sub(r"(\w+)=\1@entry=", r"\1=", done.stdout.decode())


def between(text, first, last):
    """What was printed between two echoed marks."""
    return text.split(f"<{first}>")[1].split(f"<{last}>")[0]


def backtrace_of(text, name):
    """The lines of the greenlet whose line has @name, in "gev bt"."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines)
                 if line.startswith("greenlet") and name in line)
    end = start + 1
    while lines[end].startswith("  "):
        end += 1
    return lines[start:end]


def mark(name):
    return f"echo <{name}>"


class Gdb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = Path(tempfile.mkdtemp())
        cls.parked_core = cls.dir / "parked.core"
        cls.crash_core = cls.dir / "crash.core"
        commands = [
            "break everything_is_parked", "run",
            mark("ps"), "gev ps", mark("bt"), "gev bt", mark("state"),
            "show trust-readonly-sections", "show confirm", "info files",
            "frame", mark("wrong"), "gev bt 4000", mark("wrong2"),
            "gev bt x", mark("core"), f"gcore {cls.parked_core}",
            "continue", mark("crash"), "gev ps", "gev bt",
            mark("end"), f"gcore {cls.crash_core}", "kill"]
        if no_cores:
            commands = [c for c in commands if not c.startswith("gcore")]
        cls.live = gdb(*commands, files=[parked])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def assert_in_order(self, wanted, lines):
        text = "\n".join(lines)
        at = 0
        for w in wanted:
            at = text.find(w, at)
            self.assertGreaterEqual(at, 0, f"no {w!r} in its place in:\n{text}")
            at += 1

    def check_parked(self, bt):
        self.assert_in_order(READER, backtrace_of(bt, '"reader"'))
        for name in ("scribbler (arg=", "sleeper (arg="):
            self.assert_in_order(["gev_sleep (", name], bt.split("\n"))

    def test_ps_lists_all(self):
        ps = between(self.live, "ps", "bt")
        self.assertRegex(ps, r"thread 1: 3 greenlets, \w+ stacks, \d+ bytes")
        self.assertRegex(ps, r'greenlet 1 "main" runs')
        self.assertRegex(ps, r'greenlet \d+ "hub"')
        self.assertRegex(ps,
                         r'greenlet \d+ "reader" waits to read descriptor \d')
        self.assertEqual(len(re.findall(r" sleeps \(", ps)), 2)

    def test_backtraces_in_a_live_process(self):
        bt = between(self.live, "bt", "state")
        self.check_parked(bt)
        self.assert_in_order(["everything_is_parked (", "main ("],
                             backtrace_of(bt, '"main"'))
        self.assert_in_order(["hub_main ("], backtrace_of(bt, '"hub"'))

    def test_gdb_is_left_as_it_was(self):
        state = between(self.live, "state", "wrong")
        self.assertIn("is off.", state)
        self.assertNotIn("gev-gdb-", state)
        self.assertRegex(state, r"#0  everything_is_parked \(")
        self.assertIn("SIGABRT", self.live)  # and the process went on

    def test_wrong_numbers_are_refused(self):
        self.assertIn("gev: there is no greenlet 4000",
                      between(self.live, "wrong", "wrong2"))
        self.assertIn("gev bt [ID [THREAD]]",
                      between(self.live, "wrong2", "core"))

    @with_cores
    def test_backtraces_out_of_a_core_file(self):
        text = gdb(mark("bt"), "gev bt", mark("end"),
                   files=[parked, self.parked_core])
        self.check_parked(between(text, "bt", "end"))
        live = between(self.live, "bt", "state")
        self.assertEqual(backtrace_of(between(text, "bt", "end"), '"reader"'),
                         backtrace_of(live, '"reader"'))

    @with_cores
    def test_backtraces_out_of_the_core_of_a_crash(self):
        live = between(self.live, "crash", "end")
        text = gdb(mark("bt"), "gev ps", "gev bt", mark("end"),
                   files=[parked, self.crash_core])
        for bt in (live, between(text, "bt", "end")):
            self.check_parked(bt)
            self.assert_in_order(["abort", "crash (", "crasher (arg="],
                                 bt.split("\n"))
            self.assertIn("starts later", bt)
            self.assertIn("to run sleeper", bt)
            self.assertIn('"main" is in gev_run()', bt)

    @with_cores
    def test_one_can_be_chosen(self):
        bt = between(self.live, "bt", "state")
        number = re.search(r'greenlet (\d+) "reader"', bt)[1]
        text = gdb(mark("bt"), f"gev bt {number}", mark("1"),
                   f"gev bt {number} 1", mark("2"), f"gev bt {number} 2",
                   mark("end"), files=[parked, self.parked_core])
        self.assert_in_order(READER, between(text, "bt", "1").split("\n"))
        self.assertNotIn("main", between(text, "bt", "1"))
        self.assert_in_order(READER, between(text, "1", "2").split("\n"))
        self.assertIn("there is no greenlet", between(text, "2", "end"))

    @with_cores
    def test_without_debug_information_it_says_so(self):
        stripped = self.dir / "stripped"
        subprocess.run(["strip", "-g", "-o", stripped, parked], check=True)
        text = gdb("gev ps", files=[stripped, self.parked_core])
        self.assertIn("compiled with -g", text)

    def test_without_a_process_it_says_so(self):
        self.assertIn("there is no process", gdb("gev ps", files=[parked]))


if __name__ == "__main__":
    if not shutil.which("gdb"):
        print("gdb is not installed: skipped")
        sys.exit(SKIP)
    unittest.main(argv=sys.argv[:1])
