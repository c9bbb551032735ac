#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""callgrind - where the instructions of an echo or a hello go, by callgrind.

usage: bench/callgrind.py echo|hello [--peer | --server PROGRAM] [--build DIR]
                        [--ops N] [--top N]
       bench/callgrind.py --docs [--build DIR]     the tables of docs/profile.md

The server runs under callgrind; connections are opened and warmed up, the
counters set to zero, N operations made, the counters read. Instructions are
repeatable to a fraction of a percent on any machine, busy or not; they are
those of user space alone. The kernel's share is measured without callgrind.
--peer takes the raw epoll server instead of gev's.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import harness
from harness import Build, Failed, Load, Server

SERVERS = {"echo": ("echo_gev", "peers/echo_epoll"),
           "hello": ("examples/http/hello", "peers/http_raw")}
PROFILE = os.path.join(harness.ROOT, "docs", "profile.md")
DOCUMENTED = 16  # functions in each of its tables


class UnderCallgrind(Build):
    """Starts programs under callgrind."""

    def __init__(self, path, out):
        super().__init__(path)
        self.out = out

    def command(self, name):
        return ["valgrind", "-q", "--tool=callgrind",
                "--callgrind-out-file=" + self.out, self.program(name)]


def control(letter, pid):
    done = subprocess.run(["callgrind_control", letter, str(pid)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed("callgrind_control: " + done.stderr)


def count(build, what, program, ops):
    """[(instructions, function)] of so many operations, the largest first."""
    with tempfile.TemporaryDirectory(prefix="bench-profile-") as folder:
        out = os.path.join(folder, "out")
        options = {"n": 100, "o": ops, "w": 0}
        if what == "hello":
            options["H"] = True
        with Server(UnderCallgrind(build.path, out), program) as server:
            load = Load(build, server, "echo", **options)
            try:
                load.window()  # warm: tables filled, pools grown
                control("-z", server.pid)
                load.window()
                control("-d", server.pid)
            finally:
                load.stop()
        dump = sorted(f for f in os.listdir(folder) if f.startswith("out."))
        return annotate(os.path.join(folder, dump[0]))


def names(found, text):
    """A name of the file's format: "(7) name" defines what "(7)" means."""
    m = re.match(r"\((\d+)\)(?: (.*))?", text)
    if not m:
        return text
    if m[2]:
        found[m[1]] = m[2]
    return found[m[1]]


def annotate(path):
    """Self cost per function. Calls are left out: switching stacks, callgrind
    takes a greenlet's first call to be under way for ever."""
    costs, seen_fn, seen_file = {}, {}, {}
    function, file, skip = None, "", False
    with open(path) as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("fn="):
                function = (names(seen_fn, line[3:]).split("'")[0], file)
            elif line[:3] in ("fl=", "fi=", "fe="):
                name = names(seen_file, line[3:])
                file = name if line[:3] == "fl=" else file
            elif line.startswith("cfn="):
                names(seen_fn, line[4:])
            elif line[:4] in ("cfi=", "cfl="):
                names(seen_file, line[4:])
            elif line.startswith("calls="):
                skip = True
            elif re.match(r"[+\-*\d]", line) and function:
                if not skip and len(line.split()) > 1:
                    costs[function] = costs.get(function, 0) + \
                        int(line.split()[1])
                skip = False
    return sorted(((n, "%s %s" % (fn, re.sub(r".*\.\./(?=src/)", "", fl)))
                   for (fn, fl), n in costs.items()), reverse=True)


def kernel_share(build, what, program):
    """System time of the server as a share of its CPU time."""
    with Server(build, program) as server:
        options = {"H": True} if what == "hello" else {}
        harness.load(build, server, "echo", n=100, t=1, **options)
        with open("/proc/%d/stat" % server.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
    user, system = int(fields[11]), int(fields[12])
    return system / (user + system) if user + system else 0.0


def table(found, total, ops):
    return ["| instructions | share | function |", "|---|---|---|"] + [
        "| %.1f | %.1f %% | %s |" % (n / ops, 100 * n / total,
                                     where.replace(" ???", ""))
        for n, where in found]


def section(build, what, ops):
    """What docs/profile.md says of an echo or a hello."""
    mine, peer = SERVERS[what]
    found = count(build, what, mine, ops)
    total = sum(n for n, _ in found)
    floor = sum(n for n, _ in count(build, what, peer, ops))
    lines = ["gev: **%s instructions**, raw epoll %.0f; the kernel takes %.0f %% "
             "of gev's CPU time." % (
                 "{:,.0f}".format(total / ops), floor / ops,
                 100 * kernel_share(build, what, mine)), ""]
    return lines + table(found[:DOCUMENTED], total, ops)


def update_docs(build, ops):
    """Puts the tables between their marks in docs/profile.md."""
    with open(PROFILE) as f:
        text = f.read()
    for what in SERVERS:
        begin, end = "<!-- %s -->\n" % what, "\n<!-- end of %s -->" % what
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = before + begin + "\n".join(section(build, what, ops)) + end + \
            after
    with open(PROFILE, "w") as f:
        f.write(text)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("what", choices=SERVERS, nargs="?")
    p.add_argument("--docs", action="store_true")
    p.add_argument("--peer", action="store_true")
    p.add_argument("--server", metavar="PROGRAM")
    p.add_argument("--build", default=os.path.join(harness.ROOT, "build"))
    p.add_argument("--ops", type=int, default=20000)
    p.add_argument("--top", type=int, default=25)
    args = p.parse_args()
    build = Build(args.build)
    if args.docs:
        update_docs(build, args.ops)
        return 0
    if not args.what:
        p.error("echo or hello?")
    program = args.server or SERVERS[args.what][args.peer]
    found = count(build, args.what, program, args.ops)
    total = sum(n for n, _ in found)
    print("%s: %.1f instructions per %s in user space; the kernel takes "
          "%.0f %% of its CPU time" % (
              program, total / args.ops, args.what,
              100 * kernel_share(build, args.what, program)))
    print("\n".join(table(found[:args.top], total, args.ops)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
