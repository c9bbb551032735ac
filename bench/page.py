#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""page - the numbers as text, made from RESULTS/latest.json alone.

usage: bench/page.py RESULTS [--docs [FILE]]

Writes RESULTS/latest.md; with --docs also docs/benchmarks.md (or FILE), with
method, tuning and traps. Neither is ever edited by hand.
"""
import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
import subjects
from draw import groups, names_of, slug
from rows import TITLES
from summary import growth

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

METHOD = """\
## Method

- Server on core {server_core}, load on core {load_core}, each pinned; everything
  on loopback. Programs that time themselves run on core {server_core}.
- **CPU per operation** is the growth of the server's CPU clock over a window,
  divided by the operations that lie in it as a whole: before and after each window
  the load lets all echoes come back. It is the sum of what
  `/proc/PID/task/*/schedstat` shows, threads that have ended included. Wall
  throughput stands beside it in `latest.json` (`ops_per_s`), with the server's share
  of its core (`cpu_share`): below 0.9 the load, not the server, was the limit.
- Subjects take turns in short windows (A B C, C B A, …). The **ratio** is taken
  turn by turn, its median is judged; in brackets the 95 % interval of that median.
  "raw epoll again" is the baseline against itself: its distance from 1.00 is the
  error of the method. At least 5 pairs per row, unless the row says otherwise.
- Every window has a warm-up, every server is started anew at least once per row;
  for echo three times, as memory layout is luck too.
- Echoes are compared byte by byte, live frames checked after each switch, sums of
  values passed through channels compared; a wrong one fails the row.
- Before a row the machine must be quiet; CPU time that other programs use while it
  runs is measured. A row with more than 5 % of a core from others is repeated once
  and, if that does not help, marked **busy**.
- Memory is the growth of the resident set by `smaps_rollup`, which walks the page
  tables; `statm` may be off by hundreds of KiB.
"""

TRAPS = """\
## Known traps, and what was not comparable

- Debian's libst waits in select(): 1,024 descriptors; past that it spins on EMFILE.
  It is measured below that only. The select server ends there too.
- On a virtual machine, latency at low load measures waking an idle core.
- Bulk transfers over loopback move work between the two sides: the stream row
  quotes server plus client.
- wrk parses answers and is slower than our load: where `cpu_share` is low the
  requests per second are wrk's, not the server's. CPU per request does not depend
  on that much, but fewer requests per wake-up cost more each.
- The raw epoll HTTP server has no parser, no limits and no timeouts. Nobody could
  use it; it is the floor.
- Go counts all its threads (the collector's too) on one core: GOMAXPROCS=1 is
  fair to a single hub, not what one would deploy. gevent and node are measured as
  Debian and NodeSource package them.
- Boost.Context is a switch, not a library of greenlets: no scheduler, no waiting,
  no I/O. Its stacks come from a pool of ours.
- An event, lock or semaphore of gev and gevent lives in one thread; Go's work
  between threads and pay for it.
"""


def number(value):
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def cell(entry):
    if not entry:
        return "–"
    text = number(entry["median"])
    if entry.get("ratio") is not None:
        text += " = %.2f×" % entry["ratio"]
        if entry["n"] > 1:
            text += " (%.2f–%.2f)" % tuple(entry["interval"])
    return text


def table(rows):
    """A line per row, a column per subject."""
    names = [n for n in names_of(rows)]
    if any("raw epoll again" in r["series"] for r in rows):
        names.append("raw epoll again")
    lines = ["| %s | %s |" % (rows[0]["unit"], " | ".join(names)),
             "|---" * (len(names) + 1) + "|"]
    for row in rows:
        label = row["name"] + (" **busy**" if row["busy"] else "")
        lines.append("| %s | %s |" % (label, " | ".join(
            cell(row["series"].get(n)) for n in names)))
    return lines


def detail(rows):
    """Percentiles, and whether the load was the limit."""
    lines = []
    for row in rows:
        for name, e in row["series"].items():
            b = e["beside"]
            if "p999_us" in b and row["group"] == "latency":
                lines.append(
                    "- %s at %s/s: p50 %s, p90 %s, p99 %s, p99.9 %s µs" % (
                        name, number(b["rate"]), number(b["p50_us"]),
                        number(b["p90_us"]), number(b["p99_us"]),
                        number(b["p999_us"])))
            if row["group"] in ("echo", "http", "pipelined", "files") and \
                    b.get("cpu_share", 1) < 0.9:
                lines.append("- %s, %s: the load was the limit (the server "
                             "used %.0f %% of its core)" % (
                                 row["name"], name, 100 * b["cpu_share"]))
    return lines


def growth_lines(rows):
    """Fitted growth of each curve."""
    if not all(r["x"] for r in rows) or len(rows) < 3:
        return []
    parts = []
    for name in names_of(rows):
        points = [(r["x"], r["series"][name]["median"]) for r in rows
                  if name in r["series"]]
        b = growth(points) if len(points) > 2 else None
        if b is not None:
            parts.append("%s x^%.2f" % (name, b))
    return ["Fitted growth (least squares over the logarithms): %s." %
            "; ".join(parts)] if parts else []


def section(group, rows, pictures):
    lines = ["### " + TITLES.get(group, group), ""]
    if pictures:
        lines += ["![%s](%s/%s.svg)" % (TITLES.get(group, group), pictures,
                                        slug(group)), ""]
    lines += table(rows) + [""]
    notes = sorted({r["note"] for r in rows if r["note"]})
    lines += ["Baseline: %s.%s" % (rows[0]["baseline"], "".join(
        " %s." % (n[0].upper() + n[1:]) for n in notes))]
    lines += growth_lines(rows)
    more = detail(rows)
    if more:
        lines += [""] + more
    problems = ["- %s: %s" % (r["name"], p.split("\n")[0])
                for r in rows for p in r["problems"]]
    if problems:
        lines += ["", "Not measured:", ""] + problems
    lines += ["", "Again: " + "; ".join(
        "`%s`" % r["command"] for r in rows), ""]
    return lines


def targets(results):
    lines = ["## Targets", "",
             "| what | target | measured | share of the target | |",
             "|---|---|---|---|---|"]
    judged = []
    for row in results["rows"]:
        mine = row["series"].get(row["candidate"], {}).get("median")
        for t in row["targets"]:
            judged.append(t["verdict"])
            got = "–" if t["got"] is None else \
                "%.3f ×" % t["got"] if "×" in t["target"] else \
                "%s %s" % (number(mine), row["unit"])
            lines.append("| %s%s | %s | %s | %s | %s |" % (
                row["name"], " (busy)" if row["busy"] else "", t["target"],
                got, "%.2f" % t["share"] if "share" in t else "–",
                t["verdict"] if t["verdict"] == "reached"
                else "**%s**" % t["verdict"]))
    lines.insert(2, "%d of %d reached. Where less is better, a share above 1 is "
                 "a miss; where more is (≥), one below 1.\n" % (
                     judged.count("reached"), len(judged)))
    return lines + [""]


def machine(results):
    f = results["facts"]
    return ["## Machine and versions", "",
            "- %s, %d cores%s, %s GiB; %s, Linux %s" % (
                f["cpu"], f["cores"],
                ", virtual machine" if f["hypervisor"] else "",
                f["memory_gib"], f["system"], f["kernel"]),
            "- gev %s%s, %s build, %s" % (
                f["commit"], " with local changes" if f["changed"] else "",
                f["build"], f["compiler"]),
            "- " + ", ".join("%s %s" % v for v in f["versions"].items()),
            "- measured %s%s" % (
                f["date"], "" if results["complete"]
                else "; **incomplete: rows are missing**"), ""]


def tuning():
    return ["## How each peer is tuned", ""] + [
        "- **%s**: %s." % item for item in subjects.TUNING.items()] + [""]


HEAD = """\
# Benchmarks

Made by `bench/page.py` from [latest.json](%s/latest.json); not edited by hand.
`make bench` measures all of it again in about a quarter of an hour, `make
bench-quick` the most important rows in two minutes; `bench/run.py --only NAME`
repeats one row, and `bench/compare.py OLD.json NEW.json` tells two runs apart.
Where the time goes is in [profile.md](profile.md). All numbers of this page are
from one run on one machine; bars and curves show medians with the whole range.
"""


def whole_page(results, pictures):
    lines = [HEAD % pictures] + machine(results) + targets(results)
    lines += [METHOD.format(**results["facts"])]
    lines += ["## Rows", ""]
    for group, rows in groups(results).items():
        lines += section(group, rows, pictures)
    return "\n".join(lines + tuning() + [TRAPS])


def short_page(results):
    lines = ["# Latest results", ""] + machine(results) + targets(results)
    for group, rows in groups(results).items():
        lines += ["## " + TITLES.get(group, group), ""] + table(rows) + [""]
    return "\n".join(lines)


def write(path, text):
    with open(path, "w") as f:
        f.write(text.rstrip("\n") + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("results")
    p.add_argument("--docs", nargs="?",
                   const=os.path.join(ROOT, "docs", "benchmarks.md"))
    args = p.parse_args()
    with open(os.path.join(args.results, "latest.json")) as f:
        results = json.load(f)
    write(os.path.join(args.results, "latest.md"), short_page(results))
    if args.docs:
        pictures = os.path.relpath(args.results, os.path.dirname(
            os.path.abspath(args.docs)))
        write(args.docs, whole_page(results, pictures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
