#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run - measure gev beside its peers, row by row, and say what was missed.

Rows are declared in rows.py. Each finished one is kept in RESULTS/parts/, so a
run can be done in parts:

  bench/run.py --budget 400            begins a run, ends after about 400 s
  bench/run.py --resume --budget 400   goes on with it; exit 3 while rows remain

A row during which other programs used the machine is measured again once, and
marked if it did not help. When all rows are there, RESULTS/latest.json is
complete, and the pictures and pages are made from it; of a full run into
bench/results also docs/benchmarks.md and the README's table.

usage: bench/run.py [--quick | --smoke] [--only NAME | --group GROUP] [--resume]
                    [--budget S] [--build DIR] [--results DIR] [--strict]
                    [--list]
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
import facts
import harness
import quiet
import rows
from harness import Failed, NotBuilt
from measure import Context
from summary import summarize

MORE = 3  # exit status: rows remain
PUBLISHED = os.path.join(harness.ROOT, "bench", "results")


# --- the results folder -----------------------------------------------------

def slug(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def write_json(path, data):
    with open(path + ".new", "w") as f:
        json.dump(data, f, indent=1, ensure_ascii=False)
        f.write("\n")
    os.replace(path + ".new", path)


def read_json(path):
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


class Store:
    """One run: its facts, and a file for each row that is done."""

    def __init__(self, folder, build, size):
        self.folder = folder
        self.parts = os.path.join(folder, "parts")
        library = os.path.join(build, "libgev.so")
        stamp = os.stat(library).st_mtime if os.path.exists(library) else 0
        self.key = {"size": size, "build": os.path.abspath(build),
                    "stamp": stamp}
        self.run = None

    def begin(self, resume, build):
        """Goes on with the run that is there if it is the same, or starts."""
        old = read_json(os.path.join(self.parts, "run.json"))
        if resume and old and old["key"] == self.key:
            self.run = old
            return
        if resume and old:
            print("the programs were built anew: starting over")
        shutil.rmtree(self.parts, ignore_errors=True)
        os.makedirs(self.parts)
        self.run = {"key": self.key, "facts": facts.gather(build)}
        write_json(os.path.join(self.parts, "run.json"), self.run)

    def path(self, row):
        return os.path.join(self.parts, slug(row.name) + ".json")

    def has(self, row):
        return os.path.exists(self.path(row))

    def put(self, row, result):
        write_json(self.path(row), result)

    def save(self, wanted):
        """Joins the parts, in the order of the declarations."""
        done = [read_json(self.path(r)) for r in wanted if self.has(r)]
        path = os.path.join(self.folder, "latest.json")
        write_json(path, {"facts": self.run["facts"],
                          "size": self.key["size"],
                          "complete": len(done) == len(wanted), "rows": done})
        return path


# --- measuring --------------------------------------------------------------

def once(row, context):
    """One measurement of the row, with what else happened meanwhile."""
    context.problems, context.notes = [], []
    before = quiet.wait(quiet.WAIT_AT_MOST[context.size])
    watch, measured = quiet.Watch(), {}
    began = time.monotonic()
    try:
        measured = row.how(context)
    except (Failed, NotBuilt, subprocess.TimeoutExpired, OSError) as e:
        context.problems.append("%s: %s" % (type(e).__name__, e))
    result = summarize(row, measured)
    result.update(problems=context.problems, notes=context.notes,
                  others=round(max(watch.share(), before), 3),
                  took_s=round(time.monotonic() - began, 1))
    result["busy"] = result["others"] > quiet.SHARE
    return result


def run_row(row, context, may_repeat):
    result = once(row, context)
    if result["busy"] and may_repeat:
        context.memo.clear()
        again = once(row, context)
        if again["others"] < result["others"]:
            result = again
    return result


# --- the report -------------------------------------------------------------

def number(value):
    return "-" if value is None else \
        "%.1f" % value if value < 1000 else "{:,.0f}".format(value)


def ratio_text(entry):
    if entry.get("ratio") is None:
        return "-"
    return "%.3f (%.2f-%.2f)" % (entry["ratio"], *entry["interval"])


def print_row(r):
    series = r["series"]
    gev = series.get(r["candidate"], {})
    base = series.get(r["baseline"], {})
    verdict = ", ".join("%s: %s" % (t["target"], t["verdict"])
                        for t in r["targets"]) or "-"
    print("%-48s %10s %10s %-3s %-20s %s%s" % (
        r["name"], number(base.get("median")), number(gev.get("median")),
        r["unit"], ratio_text(gev), verdict,
        "  BUSY MACHINE (%.0f %%)" % (100 * r["others"]) if r["busy"] else ""))
    others = ["%s %s%s" % (name, number(e["median"]),
                           " = %.2f x" % e["ratio"] if "ratio" in e else "")
              for name, e in series.items()
              if name not in (r["baseline"], r["candidate"])]
    if others:
        print("    beside it: " + "; ".join(others))
    for note in r["notes"]:
        print("    " + note)
    for problem in r["problems"]:
        print("    PROBLEM: " + problem)
    sys.stdout.flush()


def draw(folder, update_docs):
    """Pictures and pages; the numbers are safe whatever happens here."""
    here = os.path.dirname(os.path.abspath(__file__))
    for script in ["draw.py", "page.py"]:
        command = [sys.executable, os.path.join(here, script), folder]
        if update_docs and script == "page.py":
            command += ["--docs", "--readme"]
        if subprocess.run(command).returncode != 0:
            print("run: %s failed" % script, file=sys.stderr)


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--quick", action="store_true",
                   help="few rows, few turns: two minutes")
    p.add_argument("--smoke", action="store_true",
                   help="every row once, tiny: shows that it works")
    p.add_argument("--only", metavar="NAME",
                   help="the row of this name, else those that contain it")
    p.add_argument("--group", help="the rows of one picture")
    p.add_argument("--resume", action="store_true",
                   help="go on with the run that RESULTS/parts holds")
    p.add_argument("--budget", type=float, default=float("inf"), metavar="S",
                   help="begin no row after so many seconds")
    p.add_argument("--build", default=os.path.join(harness.ROOT, "build"))
    p.add_argument("--results", help="folder (default: bench/results for a "
                   "full run, else BUILD/bench-SIZE)")
    p.add_argument("--strict", action="store_true",
                   help="fail if a row could not be measured in full")
    p.add_argument("--list", action="store_true", help="name the rows")
    args = p.parse_args()
    args.some = bool(args.only or args.group)
    return args


def chosen(args, size):
    if args.group:
        return [r for r in rows.ROWS if r.group == args.group]
    if not args.only:
        return [r for r in rows.ROWS if size != "quick" or r.quick]
    exactly = [r for r in rows.ROWS if r.name == args.only]
    return exactly or [r for r in rows.ROWS if args.only in r.name]


def results_folder(args, size):
    if args.results:
        return args.results
    if size == "full" and (not args.some or args.resume):
        return PUBLISHED
    return os.path.join(args.build, "bench-only" if args.some
                        else "bench-" + size)


def measure_all(args, todo, context, store):
    """Return: the results of this part, and whether time ran out."""
    began, results = time.monotonic(), []
    for row in todo:
        if time.monotonic() - began >= args.budget:
            return results, True
        left = args.budget - (time.monotonic() - began)
        result = run_row(row, context, context.size == "full" and left > 60)
        result["command"] = 'bench/run.py --only "%s"' % row.name
        store.put(row, result)
        print_row(result)
        results.append(result)
    return results, False


def main():
    args = parse()
    size = "smoke" if args.smoke else "quick" if args.quick else "full"
    wanted = chosen(args, size)
    if args.list or not wanted:
        print("\n".join("%-12s %s" % (r.group, r.name) for r in rows.ROWS))
        return 0 if args.list else 2
    context = Context(harness.Build(args.build), size)
    store = Store(results_folder(args, size), args.build, size)
    store.begin(args.resume, args.build)
    if size == "full" and store.run["facts"]["build"] != "release":
        print("run: %s is no release build; its numbers are not to be shown"
              % args.build, file=sys.stderr)
    replace = args.resume and args.some
    todo = [r for r in wanted if replace or not store.has(r)]
    began = time.monotonic()
    results, more = measure_all(args, todo, context, store)
    all_rows = chosen(argparse.Namespace(only=None, group=None), size) \
        if replace else wanted
    path = store.save(all_rows)
    print("%d of %d rows in %.0f s, saved in %s%s" % (
        len(results), len(wanted), time.monotonic() - began, path,
        "; go on with --resume" if more else ""))
    if not more and not args.smoke and (replace or not args.some):
        draw(store.folder, size == "full" and
             os.path.realpath(store.folder) == PUBLISHED)
    if args.strict and any(r["problems"] or not r["series"] for r in results):
        return 1
    return MORE if more else 0


if __name__ == "__main__":
    sys.exit(main())
