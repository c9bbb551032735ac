#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the benchmark scripts say of given samples; nothing is measured here."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "bench")
sys.path.insert(0, BENCH)
import compare
import quiet
import rows
import run
import subjects
import summary
from summary import Target

FACTS = {"date": "2026-01-01 00:00 UTC", "commit": "abc", "changed": False,
         "cpu": "a CPU", "hypervisor": True, "cores": 2, "memory_gib": 8,
         "kernel": "6", "system": "Debian", "compiler": "cc", "server_core": 0,
         "build": "release", "load_core": 1, "versions": {"wrk": "4.1"}}


def samples(*values):
    return {turn: {"value": v, "cpu_share": 0.5}
            for turn, v in enumerate(values)}


def row(name="echo: 100 connections", gev=(102, 103, 104, 103, 103), x=None,
        group="echo", targets=None, more=False):
    declared = rows.Row(group, name, None, subjects.EPOLL, x=x,
                        more_is_better=more,
                        targets=[Target(1.03, subjects.EPOLL)]
                        if targets is None else targets)
    result = summary.summarize(declared, {
        subjects.EPOLL: samples(100, 100, 100, 100, 100),
        subjects.GEV: samples(*gev)})
    result.update(problems=[], others=0.0, took_s=1, busy=False,
                  command="bench/run.py --only X")
    return result


def results(*all_rows):
    return {"facts": FACTS, "size": "full", "complete": True,
            "rows": list(all_rows)}


class Summary(unittest.TestCase):
    def test_the_ratio_is_taken_turn_by_turn(self):
        declared = rows.Row("echo", "drifting", None, subjects.EPOLL)
        r = summary.summarize(declared, {
            subjects.EPOLL: samples(100, 200, 400),
            subjects.GEV: samples(110, 220, 440)})
        self.assertAlmostEqual(r["series"]["gev"]["ratio"], 1.1)

    def test_turns_without_the_baseline_do_not_count(self):
        base = {0: {"value": 100}, 2: {"value": 100}}
        mine = {0: {"value": 110}, 1: {"value": 900}, 2: {"value": 110}}
        self.assertEqual(summary.ratios(mine, base), [1.1, 1.1])

    def test_a_target_at_its_limit_is_reached(self):
        self.assertEqual(row()["targets"][0]["verdict"], "reached")

    def test_a_target_beyond_its_limit_is_missed(self):
        r = row(gev=(104, 104, 104, 104, 104))
        self.assertEqual(r["targets"][0]["verdict"], "missed")
        self.assertAlmostEqual(r["targets"][0]["got"], 1.04)

    def test_more_may_be_better(self):
        goals = [Target(4, subjects.EPOLL, least=True),
                 Target(500, None, "/s", least=True)]
        r = row(gev=(450,) * 5, targets=goals, more=True)
        self.assertEqual([t["verdict"] for t in r["targets"]],
                         ["reached", "missed"])

    def test_what_was_not_measured_is_not_reached(self):
        declared = rows.Row("echo", "e", None, subjects.EPOLL,
                            targets=[Target(1, subjects.EPOLL)])
        r = summary.summarize(declared, {})
        self.assertEqual(r["targets"][0]["verdict"], "not measured")

    def test_growth_finds_the_exponent(self):
        points = [(n, 3 * n ** 0.5) for n in (1, 10, 100, 1000)]
        self.assertAlmostEqual(summary.growth(points), 0.5)

    def test_the_interval_holds_the_median(self):
        low, high = summary.confidence([1, 2, 3, 4, 100])
        self.assertTrue(low <= 3 <= high)


class Compare(unittest.TestCase):
    def changes(self, old, new, least=3):
        return compare.compare(results(old), results(new), least)[0]

    def test_the_same_is_no_change(self):
        self.assertEqual(self.changes(row(), row()), [])

    def test_noise_is_no_change(self):
        wide = row(gev=(90, 100, 110, 120, 103))
        self.assertEqual(self.changes(row(), wide), [])

    def test_slower_is_a_regression(self):
        found = self.changes(row(), row(gev=(120,) * 5))
        self.assertEqual([c["worse"] for c in found], [True])

    def test_faster_is_an_improvement(self):
        found = self.changes(row(), row(gev=(80,) * 5))
        self.assertEqual([c["worse"] for c in found], [False])

    def test_less_of_what_is_better_is_a_regression(self):
        found = self.changes(row(more=True), row(gev=(80,) * 5, more=True))
        self.assertEqual([c["worse"] for c in found], [True])

    def test_small_changes_are_let_pass(self):
        found = self.changes(row(gev=(100,) * 5), row(gev=(102,) * 5))
        self.assertEqual(found, [])

    def run_it(self, old, new):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, n) for n in ("old", "new")]
            for path, data in zip(paths, (old, new)):
                with open(path, "w") as f:
                    json.dump(data, f)
            return subprocess.run(
                [sys.executable, os.path.join(BENCH, "compare.py"), *paths],
                capture_output=True, text=True)

    def test_the_program_names_regressions_and_fails(self):
        done = self.run_it(results(row(), row("gone")),
                           results(row(gev=(150,) * 5)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("REGRESSED echo: 100 connections", done.stdout)
        self.assertIn("not measured any more: gone", done.stdout)

    def test_the_program_is_content_with_the_same(self):
        self.assertEqual(self.run_it(results(row()),
                                     results(row())).returncode, 0)


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        curve = [row("echo: %d connections" % n, x=n) for n in (10, 100, 1000)]
        bad = row("busy", group="busy", gev=(120,) * 5)
        bad.update(busy=True, problems=["Go: NotBuilt go_echo"])
        with open(os.path.join(self.folder, "latest.json"), "w") as f:
            json.dump(results(*curve, bad), f)

    def run_it(self, *command):
        done = subprocess.run([sys.executable, os.path.join(BENCH, command[0]),
                               self.folder, *command[1:]],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def read(self, name):
        with open(os.path.join(self.folder, name)) as f:
            return f.read()

    def test_the_page_says_what_was_reached_and_missed(self):
        self.run_it("page.py", "--docs", os.path.join(self.folder, "page.md"))
        page = self.read("page.md")
        for text in ("3 of 4 reached", "**missed**", "1.200 ×", "**busy**",
                     "NotBuilt go_echo", "a CPU", "wrk 4.1", "libst", "x^0.00",
                     "bench/run.py --only X", "(./busy.svg)",
                     "the load was the limit"):
            self.assertIn(text, page)
        self.assertIn("3 of 4 reached", self.read("latest.md"))

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_each_group_has_a_picture_for_light_and_dark(self):
        self.run_it("draw.py")
        for name in ("echo.svg", "busy.svg"):
            svg = self.read(name)
            self.assertIn("prefers-color-scheme: dark", svg)
            self.assertIn("</svg>", svg)


class Declarations(unittest.TestCase):
    def test_names_are_unique_and_so_are_their_files(self):
        names = [run.slug(r.name) for r in rows.ROWS]
        self.assertEqual(len(names), len(set(names)))

    def test_each_group_has_a_title(self):
        self.assertEqual({r.group for r in rows.ROWS}, set(rows.TITLES))

    def test_each_peer_says_how_it_is_tuned(self):
        for peer in (*subjects.ECHO, *subjects.HTTP, *subjects.RELAY,
                     subjects.BOOST):
            if peer not in (subjects.SMALL, subjects.AGAIN,
                            subjects.RELAY_RW):
                self.assertIn(peer, subjects.TUNING)

    def test_each_program_is_built_or_is_there(self):
        with open(os.path.join(BENCH, "meson.build")) as f:
            built = f.read()
        with open(os.path.join(BENCH, "peers", "meson.build")) as f:
            built += f.read()
        for what in (subjects.ECHO, subjects.HTTP, subjects.RELAY):
            for program, *_ in what.values():
                self.check_program(program, built)

    def check_program(self, program, built):
        name = os.path.basename(program)
        if program.startswith("examples/"):
            path = os.path.join(ROOT, program + ".c")
            self.assertTrue(os.path.exists(path), path)
        elif "." in name:
            path = os.path.join(BENCH, "peers", name)
            self.assertTrue(os.path.exists(path), path)
        else:
            self.assertRegex(built, "'%s'" % re.escape(
                name.removeprefix("go_")))


class Quiet(unittest.TestCase):
    def test_our_own_time_is_not_charged_to_others(self):
        before = quiet.others_busy()
        child = "sum(i for i in range(20_000_000))"
        subprocess.run([sys.executable, "-c", child], check=True)
        used = os.times().children_user
        others = quiet.others_busy() - before
        wall = os.cpu_count() * used * 4 + 5
        self.assertGreater(used, 0.05)
        self.assertLess(others, wall)  # others may run, but not so much


if __name__ == "__main__":
    unittest.main()
