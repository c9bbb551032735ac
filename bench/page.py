#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""page - the numbers as text, made from RESULTS/latest.json alone.

usage: bench/page.py RESULTS [--docs [FILE]] [--readme [FILE]]

Writes RESULTS/latest.md; with --docs also docs/benchmarks.md (or FILE), with
method, tuning and traps; with --readme the table of costs in README.md (or
FILE). None of these is ever edited by hand, so they agree.
"""
import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
import glance
import subjects
from draw import better, groups, names_of, slug
from page_text import HEAD, METHOD, READING, TRAPS
from rows import TITLES
from summary import growth
from units import number, scale, times

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOADED = {"echo", "busy", "churn", "http", "pipelined", "files"}


# --- the verdicts -----------------------------------------------------------

def verdict(target):
    text = target["verdict"]
    text += ", just" if target.get("just") else ""
    return text if text.startswith("reached") else "**%s**" % text


def measured(row, target):
    if target["got"] is None:
        return "–"
    if "×" in target["target"]:
        interval = target.get("interval")
        return times(target["got"]) + (" (%.2f–%.2f)" % tuple(interval)
                                       if interval else "")
    divisor, unit = scale([row])
    got = target["got"] / divisor
    is_close = abs(target.get("share", 0) - 1) < 0.01
    return "%s %s" % ("%.1f" % got if is_close else number(got), unit)


def share(target):
    return "%.2f" % target["share"] if "share" in target else "–"


def target_lines(rows, source):
    lines = ["| %s | must be | is | of the limit | |" % {
        "design": "design, section 5", "channels": "issue on channels",
        "HTTP": "issue on HTTP"}.get(source, source), "|---|---|---|---|---|"]
    for row in rows:
        lines += ["| %s%s | %s | %s | %s | %s |" % (
            row["name"], " (busy)" if row["busy"] else "", t["target"],
            measured(row, t), share(t), verdict(t))
            for t in row["targets"] if t.get("source", "design") == source]
    return lines + [""]


def targets(results):
    judged = [t for r in results["rows"] for t in r["targets"]]
    sources = []
    for t in judged:
        if t.get("source", "design") not in sources:
            sources.append(t.get("source", "design"))
    n_reached = sum(t["verdict"] == "reached" for t in judged)
    lines = ["## Targets", "",
             "%d of %d reached. \"Of the limit\": for ≤ a share above 1 is a "
             "miss, for ≥ one below 1. \"Just\": the limit lies within the 95 %% "
             "interval (in brackets), so another run may find otherwise." % (
                 n_reached, len(judged)), ""]
    for source in sources:
        lines += target_lines(results["rows"], source)
    return lines


# --- a group ----------------------------------------------------------------

def cell(entry, divisor):
    if not entry:
        return ""
    text = number(entry["median"] / divisor)
    if entry.get("ratio") is not None:
        text += "<br>%s" % times(entry["ratio"])
        if entry["n"] > 1:
            text += " (%s–%s)" % tuple(number(v) for v in entry["interval"])
    return text


def label(row):
    return row["name"].split(": ", 1)[-1] + (" **busy**" if row["busy"] else "")


def table(rows):
    """A line per row and a column per subject; on its side if there is one."""
    names = names_of(rows)
    if any("raw epoll again" in r["series"] for r in rows):
        names.append("raw epoll again")
    divisor, unit = scale(rows)
    if len(rows) == 1:
        lines = ["| %s | %s | × %s |" % (label(rows[0]), unit,
                                         rows[0]["baseline"]),
                 "|---|---:|---|"]
        cells = [(n, cell(rows[0]["series"][n], divisor)) for n in names]
        return lines + ["| %s | %s |" % (n, c.replace("<br>", " | ")
                                         if "<br>" in c else c + " | ")
                        for n, c in cells]
    return ["| %s | %s |" % (unit, " | ".join(names)),
            "|---" + "|---:" * len(names) + "|"] + [
        "| %s | %s |" % (label(row), " | ".join(
            cell(row["series"].get(n), divisor) for n in names))
        for row in rows]


def latency_lines(rows):
    """Every percentile of every server."""
    lines = ["", "| µs | at | p50 | p90 | p99 | p99.9 |",
             "|---|---:|---:|---:|---:|---:|"]
    for name in names_of(rows):
        b = rows[0]["series"][name]["beside"]
        lines.append("| %s | %s/s | %s |" % (name, number(b["rate"]), " | ".join(
            number(b[k]) for k in ("p50_us", "p90_us", "p99_us", "p999_us"))))
    return lines


def throughput(rows):
    """Operations per second on the wall, and where the load was the limit."""
    lines, limited = [], []
    for row in rows:
        parts = []
        for name in names_of([row]):
            b = row["series"][name]["beside"]
            if "ops_per_s" in b:
                low = b.get("cpu_share", 1) < 0.9
                parts.append("%s %s%s" % (name, number(b["ops_per_s"] / 1000),
                                          "*" if low else ""))
                limited += [name] if low else []
        if parts:
            lines.append("- %s: %s" % (label(row), ", ".join(parts)))
    if not lines:
        return []
    text = "Wall throughput, thousands per second%s:" % (
        " (*: the load was the limit, the server's core was idle more than a "
        "tenth of the time)" if limited else "")
    return ["", text, "", *lines]


def generator_lines(rows):
    """Requests per second that each generator got out of the same server."""
    lines = []
    for row in rows:
        for name in names_of([row]):
            b = row["series"][name]["beside"]
            for tool in ("wrk", "ab"):
                if tool + "_per_s" in b:
                    lines.append("- %s: ours %s thousand per second, %s %s" % (
                        name, number(b["load_per_s"] / 1000), tool,
                        number(b[tool + "_per_s"] / 1000)))
    return ["", *lines]


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
            parts.append("%s n^%.2f (%s)" % (name, b, times(10 ** b)))
    return ["", "Fitted growth (least squares over the logarithms; in brackets: "
            "for ten times as many): %s." % "; ".join(parts)] if parts else []


def not_measured(rows):
    lines = ["- %s: %s" % (r["name"], p.split("\n")[0])
             for r in rows for p in r["problems"]]
    return ["", "Not measured:", ""] + lines if lines else []


def says(rows):
    """What is better, what ratios are to, and the rows' notes, each once."""
    notes = list(dict.fromkeys(r["note"] for r in rows if r["note"]))
    sentences = [better(rows), "ratios are to " + rows[0]["baseline"], *notes]
    return " ".join(s[0].upper() + s[1:] + "." for s in sentences)


def again(group, rows):
    if len(rows) == 1:
        return "Again: `%s`." % rows[0]["command"]
    return "Again: `bench/run.py --group \"%s\"`, or a row of it: `%s`." % (
        group, rows[0]["command"])


def section(group, rows, pictures):
    title = TITLES.get(group, group)
    lines = ["### " + title, "", "![%s](%s/%s.svg)" % (
        title, pictures, slug(group)), "", says(rows), ""]
    lines += table(rows) + growth_lines(rows)
    lines += latency_lines(rows) if group == "latency" else []
    lines += throughput(rows) if group in LOADED else []
    lines += generator_lines(rows) if group == "generator" else []
    found = [n for r in rows for n in r.get("notes", [])]
    lines += ["", *["- " + n for n in found]] if found else []
    return lines + not_measured(rows) + ["", again(group, rows), ""]


# --- the pages --------------------------------------------------------------

def at_a_glance(results):
    return ["## At a glance", "",
            "gev's own number, and how many times that each other one costs: "
            "**above 1, gev is better**. CPU of the server per operation on one "
            "core; p99 is a latency, memory is user space.", "",
            *glance.matrix(results), ""]


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
            "- measured %s in %.0f minutes%s" % (
                f["date"], sum(r["took_s"] for r in results["rows"]) / 60,
                "" if results["complete"]
                else "; **incomplete: rows are missing**"), ""]


def tuning():
    return ["## How each peer is tuned", "",
            "All sockets keep the kernel's default buffer sizes; every server "
            "runs on one core, its load on another.", ""] + [
        "- **%s**: %s." % item for item in subjects.TUNING.items()] + [""]


def whole_page(results, pictures):
    lines = [HEAD % (results["facts"]["date"], pictures)] + targets(results)
    lines += at_a_glance(results) + ["## Workloads", "", READING]
    for group, rows in groups(results).items():
        lines += section(group, rows, pictures)
    lines += machine(results) + [METHOD.format(**results["facts"])]
    return "\n".join(lines + tuning() + [TRAPS])


def short_page(results):
    lines = ["# Latest results", ""] + targets(results) + at_a_glance(results)
    lines += machine(results)
    for group, rows in groups(results).items():
        lines += ["## " + TITLES.get(group, group), ""] + table(rows) + [""]
    return "\n".join(lines)


def write(path, text):
    with open(path, "w") as f:
        f.write(text.rstrip("\n") + "\n")


def update_readme(path, results):
    with open(path) as f:
        before, _, after = glance.cut_readme(f.read())
    write(path, before + glance.readme_block(results) + after)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("results")
    p.add_argument("--docs", nargs="?",
                   const=os.path.join(ROOT, "docs", "benchmarks.md"))
    p.add_argument("--readme", nargs="?", const=os.path.join(ROOT, "README.md"))
    args = p.parse_args()
    with open(os.path.join(args.results, "latest.json")) as f:
        results = json.load(f)
    write(os.path.join(args.results, "latest.md"), short_page(results))
    if args.docs:
        pictures = os.path.relpath(args.results, os.path.dirname(
            os.path.abspath(args.docs)))
        write(args.docs, whole_page(results, pictures))
    if args.readme:
        update_readme(args.readme, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
