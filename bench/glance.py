# SPDX-License-Identifier: MIT
"""glance - a few rows side by side: the page's first tables and the README's.

Both are made from the same results by the same function, so they agree.
"""
from units import number, scale, times

# label of the line, name of the row
LINES = [
    ("64-byte echo, 100 connections", "echo: 100 connections"),
    ("64-byte echo, 1,000 connections", "echo: 1,000 connections"),
    ("64-byte echo, 5,000 connections", "echo: 5,000 connections"),
    ("64-byte echo, 10,000 connections, 100 of them busy",
     "echo: 10,000 connections, 100 busy"),
    ("connect, echo, close", "connect + echo + close"),
    ("one stream of 64 KiB writes", "one stream of 64 KiB writes, echoed"),
    ("memory of an idle connection", "memory per idle connection: 10,000"),
    ("p99 of 100 beside a greedy one",
     "fairness: p99 of 100 beside a greedy one"),
    ("HTTP hello, 100 connections", "HTTP hello: 100 connections"),
    ("HTTP hello, pipelined × 16",
     "HTTP hello: pipelined × 16, 100 connections"),
    ("HTTP, a file of 10 KiB", "HTTP file: 10 KiB"),
    ("memory of an idle HTTP connection",
     "HTTP: memory per idle connection, 10,000"),
    ("send and receive over a channel",
     "sync: channel send + receive, unbuffered"),
    ("spawn and join, 1,000 at a time", "sync: spawn + join, 1,000 at a time"),
    ("round trip of a yield, 1,000 greenlets", "switch: over 1,000"),
    ("round trip of a yield, 100,000 greenlets", "switch: over 100,000"),
]
PEERS = ["raw epoll", "libev", "libuv", "Asio", "State Threads", "Go", "gevent",
         "node", "threads", "nginx", "h2o", "Boost.Context", "Boost.Fiber"]

README_BEGIN = "<!-- costs: made by bench/page.py --readme -->"
README_END = "<!-- end of costs -->"
# label, row, baseline, others; how: "ratio" to the baseline, or "value"
README = [
    ("64-byte echo, 100 connections", "echo: 100 connections",
     ["raw epoll", "libev", "Asio", "State Threads", "Go", "threads"], "ratio"),
    ("64-byte echo, 5,000 connections all busy", "echo: 5,000 connections",
     ["raw epoll", "libev", "Asio", "Go", "threads"], "ratio"),
    ("64-byte echo, 10,000 connections of which 100 busy",
     "echo: 10,000 connections, 100 busy", ["raw epoll", "libev", "Go"],
     "ratio"),
    ("connect, echo, close", "connect + echo + close",
     ["raw epoll", "libev", "State Threads", "Go"], "ratio"),
    ("round trip of a yield, one greenlet", "switch: over 1",
     ["Boost.Context", "Boost.Fiber"], "value"),
    ("round trip over 1,000 greenlets", "switch: over 1,000",
     ["Boost.Context", "Boost.Fiber"], "value"),
    ("round trip over 100,000 greenlets", "switch: over 100,000",
     ["Boost.Context", "Boost.Fiber"], "value"),
    ("memory of a parked greenlet, 64-byte frame",
     "parked: bytes each of 1,000,000", ["Boost.Context"], "value"),
    ("memory of an idle connection, 16 KiB buffer on the stack",
     "memory per idle connection: 10,000", ["libev", "Asio", "Go"], "value"),
    ("HTTP hello, 100 connections", "HTTP hello: 100 connections",
     ["raw epoll", "nginx", "h2o", "Go", "node"], "value"),
    ("HTTP hello, 16 pipelined, one core",
     "HTTP hello: pipelined × 16, 100 connections",
     ["raw epoll", "nginx", "h2o", "Go"], "value"),
    ("HTTP file of 1 KiB", "HTTP file: 1 KiB", ["nginx", "h2o", "Go"], "value"),
    ("HTTP file of 1 MiB", "HTTP file: 1 MiB", ["nginx", "h2o", "Go"], "value"),
    ("memory of an idle HTTP connection",
     "HTTP: memory per idle connection, 10,000",
     ["nginx", "h2o", "node", "Go"], "value"),
    ("send and receive over a channel",
     "sync: channel send + receive, unbuffered",
     ["Go", "Boost.Fiber", "gevent"], "value"),
]
MORE = "More, with pictures and method: [docs/benchmarks.md](docs/benchmarks.md)."
SHORT = {"million per second": "M/s", "thousand per second": "k/s",
         "per second": "/s"}


def by_name(results):
    return {r["name"]: r for r in results["rows"] if r["series"]}


def quantity(row, name):
    """"4.68 µs", or None if it was not measured."""
    entry = row["series"].get(name)
    divisor, unit = scale([row])
    return entry and "%s %s" % (number(entry["median"] / divisor),
                                SHORT.get(unit, unit))


def to_baseline(row, name):
    """Its ratio to the baseline, turn by turn; 1 for the baseline itself."""
    entry = row["series"].get(name)
    if name == row["baseline"] and entry:
        return 1.0
    return entry and entry.get("ratio")


def against_gev(row, name):
    """How many times gev's cost this one costs: above 1, gev is better."""
    mine, theirs = to_baseline(row, row["candidate"]), to_baseline(row, name)
    if not mine or not theirs:
        return None
    return mine / theirs if row["more_is_better"] else theirs / mine


def matrix(results):
    """The page's: gev's number, and each other one as so many times it."""
    rows = by_name(results)
    lines = [(label, rows[name]) for label, name in LINES if name in rows]
    peers = [p for p in PEERS if any(against_gev(r, p) for _, r in lines)]
    out = ["| | gev | %s |" % " | ".join(peers),
           "|---|---|" + "---:|" * len(peers)]
    for label, row in lines:
        cells = [against_gev(row, p) for p in peers]
        out.append("| %s | %s | %s |" % (
            label + (" **busy**" if row["busy"] else ""),
            quantity(row, row["candidate"]),
            " | ".join("" if c is None else times(c) for c in cells)))
    return out


def readme_cell(row, name, how):
    if how == "value":
        return quantity(row, name)
    ratio = to_baseline(row, name)
    return ratio and "%.2f" % ratio


def readme(results):
    """The README's table, as lines."""
    rows = by_name(results)
    out = ["| | others | gev |", "|---|---|---|"]
    for label, name, others, how in README:
        if name not in rows:
            continue
        cells = [(o, readme_cell(rows[name], o, how)) for o in others]
        out.append("| %s | %s | **%s** |" % (
            label, ", ".join("%s %s" % c for c in cells if c[1]),
            readme_cell(rows[name], rows[name]["candidate"], how)))
    return out


def readme_block(results):
    return "\n".join([README_BEGIN, *readme(results), "", MORE, README_END])


def cut_readme(text):
    """(before, the block, after) of a README's text."""
    begin = text.index(README_BEGIN)
    end = text.index(README_END) + len(README_END)
    return text[:begin], text[begin:end], text[end:]
