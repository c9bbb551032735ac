#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the benchmark scripts say of given samples; nothing is measured here."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "bench")
sys.path.insert(0, BENCH)
import compare
import draw
import glance
import limits
import page
import quiet
import rows
import run
import subjects
import summary
import units
from summary import Target

FACTS = {"date": "2026-01-01 00:00 UTC", "commit": "abc", "changed": False,
         "cpu": "a CPU", "hypervisor": True, "cores": 2, "memory_gib": 8,
         "kernel": "6", "system": "Debian", "compiler": "cc", "server_core": 0,
         "build": "release", "load_core": 1, "versions": {"wrk": "4.1"}}


def samples(*values):
    return {turn: {"value": v, "cpu_share": 0.5, "ops_per_s": 1000}
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

    def test_a_limit_within_the_interval_is_just_reached_or_missed(self):
        self.assertTrue(row(gev=(101, 102, 102, 103, 105))["targets"][0][
            "just"])
        self.assertFalse(row(gev=(101,) * 5)["targets"][0]["just"])

    def test_the_spread_leaves_out_a_tenth_at_each_end(self):
        self.assertEqual(summary.spread(range(100)), [10, 89])
        self.assertEqual(summary.spread([3, 1, 2]), [1, 3])

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

    def test_a_change_within_the_intervals_is_noise_however_large(self):
        old = row(gev=(100, 130, 160, 190, 220))
        new = row(gev=(150, 180, 210, 240, 270))
        self.assertEqual(self.changes(old, new), [])

    def test_a_latency_has_to_change_by_more(self):
        def lateness(*values):
            r = row(gev=values)
            return dict(r, unit="us")
        self.assertEqual(self.changes(lateness(*(100,) * 5),
                                      lateness(*(107,) * 5)), [])
        self.assertEqual(len(self.changes(lateness(*(100,) * 5),
                                          lateness(*(115,) * 5))), 1)

    def test_without_a_baseline_the_number_itself_counts(self):
        def alone(value):
            declared = rows.Row("parked", "parked", None, subjects.GEV)
            r = summary.summarize(declared,
                                  {subjects.GEV: samples(*[value] * 5)})
            return dict(row("parked"), **r)
        self.assertEqual(self.changes(alone(256), alone(270)), [])
        found = self.changes(alone(256), alone(300))
        self.assertEqual([c["worse"] for c in found], [True])

    def test_what_one_run_did_not_measure_is_no_change(self):
        empty = row()
        empty["series"] = {}
        self.assertEqual(self.changes(row(), empty), [])

    def test_more_of_what_is_better_is_an_improvement(self):
        found = self.changes(row(more=True), row(gev=(130,) * 5, more=True))
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
        done = self.run_it(results(row(), row("gone"), row("noisy")),
                           results(row("noisy", gev=(95, 99, 104, 111, 120)),
                                   row("added"), row(gev=(150,) * 5)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("REGRESSED echo: 100 connections", done.stdout)
        self.assertIn("(+45.6 %, worse)", done.stdout)
        self.assertIn("not measured any more: gone", done.stdout)
        self.assertIn("new: added", done.stdout)
        self.assertNotIn("noisy", done.stdout)
        self.assertIn("2 rows compared: 1 regressed", done.stdout)

    def test_a_change_on_a_busy_machine_is_unsure_and_no_failure(self):
        done = self.run_it(results(row()),
                           results(dict(row(gev=(150,) * 5), busy=True)))
        self.assertEqual(done.returncode, 0)
        self.assertIn("unsure    echo: 100 connections", done.stdout)
        self.assertIn("on a busy machine", done.stdout)

    def test_a_change_of_few_samples_is_unsure(self):
        done = self.run_it(results(row()), results(row(gev=(150, 151))))
        self.assertEqual(done.returncode, 0)
        self.assertIn("of 2 samples", done.stdout)

    def test_runs_of_two_sizes_are_compared_in_what_both_have(self):
        done = self.run_it(results(row(), row("only in full")),
                           dict(results(row()), size="quick"))
        self.assertNotIn("only in full", done.stdout)
        self.assertIn("1 rows compared", done.stdout)

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
        bad.update(busy=True, problems=["Go: NotBuilt go_echo"],
                   notes=["a note"])
        late, fair = row("late", group="latency"), row("f", group="fairness")
        for r in (late, fair):
            for entry in r["series"].values():
                entry["beside"] = {"rate": 5, "p50_us": 15, "p90_us": 28,
                                   "p99_us": 1000, "p999_us": 4000,
                                   "p99_alone_us": 900}
        with open(os.path.join(self.folder, "latest.json"), "w") as f:
            json.dump(results(*curve, bad, late, fair), f)

    def test_latency_and_generators_have_lines_of_their_own(self):
        beside = {"rate": 50000, "p50_us": 15, "p90_us": 28, "p99_us": 1000,
                  "p999_us": 4000, "load_per_s": 200000, "wrk_per_s": 150000}
        late, tool = row("late", group="latency"), row("g", group="generator")
        for r in (late, tool):
            r["series"]["gev"]["beside"] = beside
            r["series"]["raw epoll"]["beside"] = beside
        self.assertIn("| gev | 50,000/s | 15.0 | 28.0 | 1,000 | 4,000 |",
                      page.latency_lines([late]))
        self.assertIn("- gev: ours 200 thousand per second, wrk 150",
                      page.generator_lines([tool]))

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
        text_of_page = self.read("page.md")
        for text in ("5 of 6 reached", "**missed**", "1.20×", "**busy**",
                     "NotBuilt go_echo", "a CPU", "wrk 4.1", "libst", "n^0.00",
                     "bench/run.py --only X", 'bench/run.py --group "echo"',
                     "(./busy.svg)", "the load was the limit", "a note",
                     "| 64-byte echo, 100 connections | 103 ns | 0.97× |"):
            self.assertIn(text, text_of_page)
        self.assertIn("5 of 6 reached", self.read("latest.md"))

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_each_group_has_a_picture_for_light_and_dark(self):
        self.run_it("draw.py")
        for name in ("echo.svg", "busy.svg", "latency.svg", "fairness.svg"):
            svg = self.read(name)
            self.assertIn("less is better", svg)
            self.assertIn("prefers-color-scheme: dark", svg)
            self.assertIn("</svg>", svg)


class Readme(unittest.TestCase):
    """README.md's table of costs is that of the published run."""
    PUBLISHED = os.path.join(BENCH, "results", "latest.json")

    def test_the_costs_in_the_readme_are_those_of_the_published_run(self):
        if not os.path.exists(self.PUBLISHED):
            self.skipTest("no run is published yet: no bench/results/")
        with open(self.PUBLISHED) as f:
            published = json.load(f)
        with open(os.path.join(ROOT, "README.md")) as f:
            _, block, _ = glance.cut_readme(f.read())
        self.assertEqual(block, glance.readme_block(published),
                         "bench/page.py bench/results --readme makes it")

    def test_its_lines_are_rows_that_exist(self):
        names = {r.name for r in rows.ROWS}
        for line in (*glance.README, *glance.LINES):
            self.assertIn(line[1], names)

    def test_the_table_is_replaced_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "README.md")
            with open(path, "w") as f:
                f.write("before\n%s\nold\n%s\nafter\n" % (
                    glance.README_BEGIN, glance.README_END))
            with open(os.path.join(folder, "latest.json"), "w") as f:
                json.dump(results(row()), f)
            for _ in range(2):
                subprocess.run([sys.executable, os.path.join(BENCH, "page.py"),
                                folder, "--readme", path], check=True)
            with open(path) as f:
                text = f.read()
        self.assertTrue(text.startswith("before\n<!--"), text)
        self.assertTrue(text.endswith("-->\nafter\n"), text)
        self.assertNotIn("old", text)
        self.assertIn("| raw epoll 1.00 | **1.03** |", text)


class Units(unittest.TestCase):
    def test_numbers_have_three_digits(self):
        for value, text in ((0.034, "0.03"), (4.678, "4.68"), (9.999, "10.0"),
                            (46.78, "46.8"), (99.96, "100"), (467.8, "468"),
                            (46780, "46,780"), (0.001, "0"), (None, "–")):
            self.assertEqual(units.number(value), text)

    def test_a_table_has_one_unit(self):
        declared = row(gev=(4680,) * 5)
        self.assertEqual(units.scale([declared]), (1000, "µs"))
        self.assertEqual(units.scale([row()]), (1, "ns"))


class Limits(unittest.TestCase):
    def served(self, at_most):
        """limits.fill() on an echo server that takes so many connections."""
        listener = socket.create_server(("127.0.0.1", 0))
        held = []

        def serve():
            conns = []
            while len(conns) <= at_most:
                conns.append(listener.accept()[0])
                if len(conns) <= at_most:
                    conns[-1].sendall(conns[-1].recv(100))
            for c in conns:
                c.close()
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        try:
            return limits.fill(held, listener.getsockname(), 10)
        finally:
            for s in held:
                s.close()
            listener.close()

    def test_the_first_connection_that_is_closed_ends_it(self):
        n, reason = self.served(3)
        self.assertEqual(n, 3)
        self.assertIn("closes", reason)

    def test_a_server_that_takes_all_has_no_reason(self):
        self.assertEqual(self.served(10), (10, None))


class Declarations(unittest.TestCase):
    def test_names_are_unique_and_so_are_their_files(self):
        names = [run.slug(r.name) for r in rows.ROWS]
        self.assertEqual(len(names), len(set(names)))

    def test_each_group_has_a_title(self):
        self.assertEqual({r.group for r in rows.ROWS}, set(rows.TITLES))
        self.assertEqual(set(rows.AXES), set(rows.TITLES))

    def test_each_subject_has_a_colour(self):
        for name in {*subjects.ECHO, *subjects.HTTP, *subjects.RELAY,
                     subjects.BOOST, subjects.FIBER} - draw.HIDDEN:
            self.assertIn(name, draw.COLOURS)

    def test_each_peer_says_how_it_is_tuned(self):
        for peer in (*subjects.ECHO, *subjects.HTTP, *subjects.RELAY,
                     subjects.BOOST, subjects.FIBER):
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
