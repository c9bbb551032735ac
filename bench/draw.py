#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""draw - a picture per group of rows, by gnuplot.

usage: bench/draw.py RESULTS        RESULTS/latest.json -> RESULTS/GROUP.svg

Rows with an x become curves, others bars, one below the other; latency becomes a
curve over the percentiles. Bars and points are medians, the thin line is the
range from the 10th to the 90th percentile of the windows (of all of them where
there are few). An axis is logarithmic where the values span more than a factor
of 20, and then says so. Colours are of middle brightness, and a style sheet
turns text and axes light where the reader's screen is dark.
"""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from rows import AXES, TITLES
from units import number, scale

COLOURS = {"gev": "#e4572e", "gev, dead range": "#e4572e",
           "raw epoll": "#3d7edb", "Boost.Context": "#3d7edb",
           "nginx": "#2a9d8f", "h2o": "#7d6be0", "libev": "#8c8c8c",
           "libuv": "#a0714f", "Asio": "#17a2b8", "Boost.Fiber": "#17a2b8",
           "State Threads": "#c05780", "Go": "#b07aa1", "node": "#59a14f",
           "gevent": "#c69214", "threads": "#7d6be0", "select": "#6b8e9b",
           "gev, buffer alive": "#8c8c8c", "gev, 64 B buffer": "#3d7edb",
           "gev_switch by hand": "#d98c6a", "gev, read + write": "#8c8c8c"}
OTHER = "#8c8c8c"
INK, DARK_INK = "#404040", "#d8d8d8"
HIDDEN = {"raw epoll again"}  # the method's error: for the table
# Of these groups only the table shows: a few bytes, which are the measurement's
# pages, and a line on top of gev's.
HIDDEN_IN = {"idle memory": {"raw epoll", "gev, 64 B buffer"},
             "http memory": {"raw epoll"}}
CURVES = {"switch", "frame", "parked", "echo", "idle memory"}
PERCENTILES = [("p50_us", "50 %%"), ("p90_us", "90 %%"), ("p99_us", "99 %%"),
               ("p999_us", "99.9 %%")]  # as gnuplot's formats
WIDTH = 860
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


def names_of(rows, drawn=False):
    """Of all subjects, or of those in the picture."""
    hidden = HIDDEN | (HIDDEN_IN.get(rows[0]["group"], set()) if drawn
                       else set())
    names = []
    for row in rows:
        names += [n for n in row["series"]
                  if n not in names and n not in hidden]
    return sorted(names, key=lambda n: list(COLOURS).index(n)
                  if n in COLOURS else 99)


def plain(text):
    """For gnuplot, where an underscore makes an index."""
    return text.replace("_", "\\\\_")


def colour(name):
    return COLOURS.get(name, OTHER)


def is_gev(name):
    return name in ("gev", "gev, dead range")


def visible(rows):
    """Medians that can be shown: positive, of series that are drawn."""
    names = names_of(rows, drawn=True)
    return [e["median"] for r in rows for n, e in r["series"].items()
            if n in names and e["median"] > 0]


def wide(rows):
    values = visible(rows)
    return bool(values) and max(values) > 20 * min(values)


def spread(entry):
    low, high = entry.get("spread") or (entry["low"], entry["high"])
    return max(low, entry["median"] / 100), high


def fairness_rows(rows):
    """The row once more before itself, with what was measured alone."""
    out = []
    for row in rows:
        alone = {n: dict(median=e["beside"]["p99_alone_us"],
                         low=e["beside"]["p99_alone_us"],
                         high=e["beside"]["p99_alone_us"])
                 for n, e in row["series"].items()
                 if "p99_alone_us" in e.get("beside", {})}
        out += [dict(row, name="the 100 alone", series=alone),
                dict(row, name="beside a greedy one")]
    return out


def better(rows):
    if rows[0]["group"] == "generator":
        return "1 is equal"
    return "more is better" if rows[0]["more_is_better"] else "less is better"


def head(path, rows, height):
    group = rows[0]["group"]
    title = "%s   {/*0.85 %s}" % (TITLES.get(group, group), better(rows))
    return [
        'set terminal svg size %d,%d dynamic font "sans-serif,13"' % (
            WIDTH, height),
        'set output "%s"' % path, 'set encoding utf8',
        'set title "%s" textcolor rgb "%s" font ",15"' % (title, INK),
        'set border linecolor rgb "%s"' % INK,
        'set tics nomirror textcolor rgb "%s"' % INK,
        'set style fill solid 0.9 noborder',
    ]


def axis(which, rows, unit, log):
    group = rows[0]["group"]
    text = ", ".join(t for t in (AXES.get(group, ""), unit,
                                 "logarithmic" if log else "") if t and t != "×")
    return ['set format %s "%%.10g"' % which,
            'set %slabel "%s" textcolor rgb "%s"' % (which, text, INK),
            'set grid %stics linecolor rgb "#909090" dashtype 3' % which]


def plot(clauses, blocks):
    lines = ["plot " + ", \\\n     ".join(clauses)]
    for block in blocks:
        lines += block + ["e"]
    return lines


# --- curves -----------------------------------------------------------------

def curve(name, points):
    """Its three clauses; points are (x, y, low, high)."""
    style = 'linecolor rgb "%s" linewidth %g' % (
        colour(name), 3.5 if is_gev(name) else 1.8)
    block = ["%g %g %g %g" % p for p in points]
    return (["'-' using 1:2 with lines %s title \"%s\"" % (style, plain(name)),
             "'-' using 1:3:(0):($4-$3) with vectors nohead %s notitle" % style,
             "'-' using 1:2 with points pointtype 7 pointsize %g %s notitle" % (
                 0.7 if is_gev(name) else 0.5, style)],
            [block, block, block])


def draw_curves(lines_of):
    """{name: points}; the legend in the order in which the lines end."""
    clauses, blocks = [], []
    order = sorted(lines_of, key=lambda n: (-lines_of[n][-1][0],
                                            -lines_of[n][-1][1]))
    for name in order:
        c, b = curve(name, lines_of[name])
        clauses, blocks = clauses + c, blocks + b
    for name in filter(is_gev, order):  # once more, on top of the others
        c, b = curve(name, lines_of[name])
        clauses += [c[0].split(" title ")[0] + " notitle", *c[1:]]
        blocks += b
    return plot(clauses, blocks)


def curves(path, rows):
    log, (by, unit) = wide(rows), scale(rows)
    found = {}
    for name in names_of(rows, drawn=True):
        points = [(r["x"], r["series"][name]["median"] / by,
                   *(v / by for v in spread(r["series"][name])))
                  for r in rows if name in r["series"]
                  and r["series"][name]["median"] > 0]
        if points:
            found[name] = points
    ticks = ", ".join('"{:,}" {}'.format(r["x"], r["x"]) for r in rows)
    return head(path, rows, 440) + axis("y", rows, unit, log) + [
        "set border 3", "set logscale x", "set xtics (%s)" % ticks,
        "set xrange [%g:%g]" % (rows[0]["x"] / 1.2, rows[-1]["x"] * 1.2),
        'set xlabel "%s" textcolor rgb "%s"' % (
            "live bytes" if rows[0]["group"] == "frame" else
            "connections" if rows[0]["group"] in ("echo", "idle memory")
            else "greenlets", INK),
        "set logscale y" if log else "set yrange [0:*]",
        'set key outside right center textcolor rgb "%s"' % INK,
    ] + draw_curves(found)


def percentiles(path, rows):
    """Latency: a line per server over the percentiles."""
    found = {}
    for name in names_of(rows):
        entry = rows[0]["series"][name]
        found[name] = [(i, entry["beside"][key],
                        *(spread(entry) if key == "p99_us"
                          else (entry["beside"][key],) * 2))
                       for i, (key, _) in enumerate(PERCENTILES)
                       if entry["beside"].get(key)]
    ticks = ", ".join('"%s" %d' % (text, i)
                      for i, (_, text) in enumerate(PERCENTILES))
    return head(path, rows, 440) + axis("y", rows, "µs", True) + [
        "set border 3", "set xtics (%s)" % ticks, "set xrange [-0.1:3.1]",
        'set xlabel "so many are faster" textcolor rgb "%s"' % INK,
        "set logscale y",
        'set key outside right center textcolor rgb "%s"' % INK,
    ] + draw_curves({n: p for n, p in found.items() if p})


# --- bars -------------------------------------------------------------------

def wrap(text, width=30):
    """At spaces, for gnuplot."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\\n".join(lines)


def label_of(row):
    return row["name"].split(": ", 1)[-1]


def places(rows):
    """[(y, name, entry)] from the top, [(y, label)], and how many lines."""
    names, bars, ticks, y = names_of(rows, drawn=True), [], [], 0
    for row in rows:
        here = [n for n in names if row["series"].get(n, {}).get("median", 0)
                > 0]
        if len(rows) == 1:
            here.sort(key=lambda n: row["series"][n]["median"],
                      reverse=row["more_is_better"])
            ticks += [(y + i, n) for i, n in enumerate(here)]
        elif here:
            ticks.append((y + (len(here) - 1) / 2, wrap(label_of(row))))
        bars += [(y + i, n, row["series"][n]) for i, n in enumerate(here)]
        y += max(len(here), 1) + 0.8
    return bars, ticks, y


def bar_rows(bars, name, base, by):
    return ["%g %g %g %g %g %g" % (e["median"] / by, y, base,
                                   e["median"] / by, y - 0.42, y + 0.42)
            for y, n, e in bars if n == name]


def bars(path, rows):
    rows = fairness_rows(rows) if rows[0]["group"] == "fairness" else rows
    log, (by, unit) = wide(rows), scale(rows)
    found, ticks, n_lines = places(rows)
    longest = max(spread(e)[1] for _, _, e in found) / by
    base = min(visible(rows)) / by / 2 if log else 0
    clauses, blocks = [], []
    for name in names_of(rows, drawn=True):
        block = bar_rows(found, name, base, by)
        if not block:
            continue
        title = "notitle" if len(rows) == 1 else 'title "%s"' % plain(name)
        clauses.append("'-' using 1:2:3:4:5:6 with boxxyerror linecolor rgb "
                       '"%s" %s' % (colour(name), title))
        blocks.append(block)
    clauses.append("'-' using 3:2:($4-$3):(0) with vectors nohead linewidth 1 "
                   'linecolor rgb "%s" notitle' % INK)
    blocks.append(["%g %g %g %g" % (e["median"] / by, y,
                                    *(v / by for v in spread(e)))
                   for y, _, e in found])
    labels = ['set label "%s" at %g,%g left offset 0.6,0 font ",11" '
              'textcolor rgb "%s"' % (number(e["median"] / by),
                                      spread(e)[1] / by, y, INK)
              for y, _, e in found]
    return head(path, rows, int(120 + 20 * n_lines)) + \
        axis("x", rows, unit, log) + [
            "set border 3", "set yrange [%g:-0.8] " % (n_lines - 0.8),
            "set ytics scale 0 (%s)" % ", ".join(
                '"%s" %g' % (plain(text), y) for y, text in ticks),
            "set logscale x" if log else "",
            "set xrange [%g:%g]" % (base, longest * (3 if log else 1.12)),
            "set key off" if len(rows) == 1 else
            'set key outside right center samplen 2 textcolor rgb "%s"' % INK,
        ] + labels + plot(clauses, blocks)


# --- files ------------------------------------------------------------------

def script_of(path, rows):
    if rows[0]["group"] == "latency":
        return percentiles(path, rows)
    is_curve = rows[0]["group"] in CURVES and len(rows) > 1
    return curves(path, rows) if is_curve else bars(path, rows)


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
        done = subprocess.run(
            ["gnuplot"], input="\n".join(script_of(path, rows)) + "\n",
            text=True, capture_output=True)
        if done.returncode != 0 or "line " in done.stderr:
            print("draw: %s: %s" % (group, done.stderr), file=sys.stderr)
            return 1
        restyle(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
