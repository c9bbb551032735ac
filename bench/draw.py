#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""draw - a picture per group of rows, by gnuplot.

usage: bench/draw.py RESULTS        RESULTS/latest.json -> RESULTS/GROUP.svg

Groups whose rows have an x become curves, others bars; both show the whole
range of the samples, and take a logarithmic axis where the values span more
than a factor of 20. Colours are of middle brightness, and a style sheet turns
text and axes light where the reader's screen is dark.
"""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from rows import TITLES

COLOURS = {"gev": "#e4572e", "gev, dead range": "#e4572e",
           "raw epoll": "#3d7edb", "Boost.Context": "#3d7edb",
           "nginx": "#2a9d8f", "Go": "#b07aa1", "gevent": "#c69214",
           "node": "#59a14f", "libev": "#8c8c8c", "libuv": "#9c755f",
           "State Threads": "#c05780", "threads": "#5c6bc0",
           "select": "#6b8e9b", "gev, buffer alive": "#8c8c8c",
           "gev, 64 B buffer": "#3d7edb", "gev_switch by hand": "#d98c6a",
           "gev, read + write": "#8c8c8c"}
INK, DARK_INK = "#404040", "#d8d8d8"
HIDDEN = {"raw epoll again"}  # the method's error: for the table
STYLE = """<style>svg { color: %s }
@media (prefers-color-scheme: dark) {
 svg { color: %s }
 g[fill="rgb(64,64,64)"], text { fill: %s !important }
 [stroke="rgb( 64,  64,  64)"] { stroke: %s !important }
}</style>""" % (INK, DARK_INK, DARK_INK, DARK_INK)


def slug(name):
    return name.replace(" ", "-")


def groups(results):
    """{group: [row, ...]} of the rows that have numbers, in their order."""
    found = {}
    for row in results["rows"]:
        if row["series"]:
            found.setdefault(row["group"], []).append(row)
    return found


def names_of(rows):
    names = []
    for row in rows:
        names += [n for n in row["series"]
                  if n not in names and n not in HIDDEN]
    return sorted(names, key=lambda n: list(COLOURS).index(n)
                  if n in COLOURS else 99)


def wide(rows):
    values = [e["median"] for r in rows for n, e in r["series"].items()
              if n not in HIDDEN and e["median"] > 0]
    return bool(values) and max(values) > 20 * min(values)


def point(x, entry):
    low = min(max(entry["low"], entry["median"] / 100), entry["median"])
    return "%g %g %g %g" % (x, entry["median"], low, entry["high"])


def head(path, title, rows, log):
    unit = {"us": "µs", "/s": "per second"}.get(rows[0]["unit"],
                                                rows[0]["unit"])
    return [
        'set terminal svg size 860,420 dynamic font "sans-serif,12"',
        'set output "%s"' % path, 'set encoding utf8',
        'set title "%s" textcolor rgb "%s"' % (title, INK),
        'set border 3 linecolor rgb "%s"' % INK,
        'set tics nomirror textcolor rgb "%s"' % INK,
        'set ylabel "%s" textcolor rgb "%s"' % (unit, INK),
        'set key outside right top textcolor rgb "%s"' % INK,
        'set style fill solid 0.85 noborder',
        'set grid ytics linecolor rgb "#909090" dashtype 3',
        'set bars small',
        'set logscale y' if log else 'set yrange [0:*]',
    ]


def plot(clauses, blocks):
    lines = ["plot " + ", \\\n     ".join(clauses)]
    for block in blocks:
        lines += block + ["e"]
    return lines


def curves(rows):
    clauses, blocks = [], []
    for name in names_of(rows):
        points = [point(r["x"], r["series"][name]) for r in rows
                  if name in r["series"] and r["series"][name]["median"] > 0]
        if not points:
            continue
        width = 3 if name.startswith("gev") else 1.6
        style = 'linecolor rgb "%s" linewidth %g' % (
            COLOURS.get(name, "#8c8c8c"), width)
        clauses += ["'-' using 1:2 with lines %s title \"%s\"" % (style, name),
                    "'-' using 1:2:3:4 with yerrorbars pointtype 7 "
                    "pointsize 0.5 %s notitle" % style]
        blocks += [points, points]
    ticks = ", ".join('"{:,}" {}'.format(r["x"], r["x"]) for r in rows)
    return ["set logscale x", "set xtics (%s)" % ticks, "set offsets 0,0,0,0"
            ] + plot(clauses, blocks)


def bars(rows):
    names = names_of(rows)
    one = len(rows) == 1
    clauses, blocks, ticks = [], [], []
    for j, name in enumerate(names):
        points = [point(i * (len(names) + 1) + j, r["series"][name])
                  for i, r in enumerate(rows)
                  if name in r["series"] and r["series"][name]["median"] > 0]
        if not points:
            continue
        clauses.append("'-' using 1:2:3:4:(0.8) with boxerrorbars linecolor "
                       'rgb "%s" %s' % (COLOURS.get(name, "#8c8c8c"), "notitle"
                                    if one else 'title "%s"' % name))
        blocks.append(points)
        ticks.append((name, j))
    if not one:
        ticks = [(r["name"].split(": ", 1)[-1],
                  i * (len(names) + 1) + (len(names) - 1) / 2)
                 for i, r in enumerate(rows)]
    width = len(rows) * (len(names) + 1) - 1
    return ["set xrange [-0.8:%g]" % (width - 0.2),
            "set xtics (%s)%s" % (
                ", ".join('"%s" %g' % t for t in ticks),
                " rotate by -20" if len(ticks) > 4 else "")
            ] + plot(clauses, blocks)


def restyle(path):
    with open(path) as f:
        svg = f.read()
    at = svg.index(">", svg.index("<svg")) + 1
    with open(path, "w") as f:
        f.write(svg[:at] + STYLE + svg[at:])


def main():
    folder = sys.argv[1]
    if not shutil.which("gnuplot"):
        print("draw: gnuplot is not installed", file=sys.stderr)
        return 1
    with open(os.path.join(folder, "latest.json")) as f:
        results = json.load(f)
    for group, rows in groups(results).items():
        path = os.path.join(folder, slug(group) + ".svg")
        is_curve = all(r["x"] for r in rows) and len(rows) > 1
        script = head(path, TITLES.get(group, group), rows, wide(rows))
        script += curves(rows) if is_curve else bars(rows)
        done = subprocess.run(["gnuplot"], input="\n".join(script) + "\n",
                              text=True, capture_output=True)
        if done.returncode != 0:
            print("draw: %s: %s" % (group, done.stderr), file=sys.stderr)
            return 1
        restyle(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
