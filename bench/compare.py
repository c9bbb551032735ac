#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare - what has become slower from one run to another, beyond the noise.

usage: bench/compare.py OLD.json NEW.json [--least PERCENT]

Both are results of bench/run.py. gev's ratio to its baseline is compared, since
absolute numbers move with the machine; for rows without a baseline, the number
itself. A change counts if the 95 % intervals of the two medians do not overlap
and it is at least PERCENT (3 by default; 10 for rows without a baseline and for
latencies, which move more from run to run than within one). Rows that only one
run has are named, where both are of one size. A change on a busy machine, or found
with fewer than 5 samples, is "unsure": measure that row again (bench/run.py
--resume --only NAME). Exit status: 1 if anything regressed for sure, else 0.
"""
import argparse
import json
import sys

ENOUGH = 5  # samples for an interval to mean something


def measured(row):
    """(what is compared, its interval, is it a ratio), or None."""
    entry = row["series"].get(row["candidate"])
    if not entry:
        return None
    if entry.get("ratio") is not None:
        return entry["ratio"], entry["interval"], True
    return entry["median"], entry["middle"], False


def doubt(old, new):
    """Why a change of this row may be none, or None."""
    if old.get("busy") or new.get("busy"):
        return "on a busy machine"
    n = min(r["series"][r["candidate"]]["n"] for r in (old, new))
    return "of %d samples" % n if n < ENOUGH else None


def change(old, new, least):
    """{"name", "old", "new", "worse"} if the rows differ beyond the noise."""
    a, b = measured(old), measured(new)
    if not a or not b or a[2] != b[2] or not a[0]:
        return None
    by = b[0] / a[0] - 1
    is_steady = a[2] and new["unit"] != "us"
    floor = least if is_steady else max(least, 10)
    apart = b[1][0] > a[1][1] or b[1][1] < a[1][0]
    if not apart or abs(by) * 100 < floor:
        return None
    return {"name": new["name"], "old": a[0], "new": b[0], "by": by,
            "ratio": a[2], "worse": (by > 0) != new["more_is_better"],
            "unsure": doubt(old, new)}


def compare(old, new, least):
    """(changes, names only the old one has, only the new one, compared rows)"""
    before = {r["name"]: r for r in old["rows"]}
    after = {r["name"]: r for r in new["rows"]}
    both = [n for n in after if n in before]
    changes = [c for c in (change(before[n], after[n], least) for n in both)
               if c]
    return (changes, [n for n in before if n not in after],
            [n for n in after if n not in before], len(both))


def line_of(c):
    what = "unsure   " if c["unsure"] else \
        "REGRESSED" if c["worse"] else "improved "
    return "%s %-48s %.3f -> %.3f%s (%+.1f %%%s)%s" % (
        what, c["name"], c["old"], c["new"], " x" if c["ratio"] else "",
        100 * c["by"], ", worse" if c["worse"] else ", better",
        ", " + c["unsure"] if c["unsure"] else "")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("old")
    p.add_argument("new")
    p.add_argument("--least", type=float, default=3, metavar="PERCENT")
    args = p.parse_args()
    runs = []
    for path in (args.old, args.new):
        with open(path) as f:
            runs.append(json.load(f))
    changes, gone, added, n = compare(*runs, args.least)
    for c in sorted(changes, key=lambda c: (bool(c["unsure"]), not c["worse"])):
        print(line_of(c))
    if runs[0].get("size") == runs[1].get("size"):
        for name in gone:
            print("not measured any more: " + name)
        for name in added:
            print("new: " + name)
    sure = [c["worse"] for c in changes if not c["unsure"]]
    print("%d rows compared: %d regressed, %d improved, %d unsure" % (
        n, sum(sure), len(sure) - sum(sure), len(changes) - len(sure)))
    return 1 if any(sure) else 0


if __name__ == "__main__":
    sys.exit(main())
