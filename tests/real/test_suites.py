#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests that nobody here wrote: those of glib that come as a package
(libglib2.0-tests), in a D-Bus session. Each says under gev-run, with a hub and
without, what it says otherwise; their threads close, make and hand on descriptors that
the main thread waits for. Passed over where the package is missing."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import WAIT, build, main

FOLDER = Path("/usr/libexec/installed-tests/glib")
SESSION = "dbus-run-session"
TESTS = ["async-close-output-stream", "converter-stream", "filter-streams",
         "gdbus-auth", "gdbus-close-pending", "gdbus-connection-loss",
         "gdbus-exit-on-close", "gdbus-names", "gdbus-overflow", "gdbus-peer",
         "gdbus-proxy", "gsocketclient-slow", "io-stream", "network-address",
         "pollable", "socket", "socket-listener", "socket-service",
         "spawn-singlethread", "task", "unix-streams"]
TRIES = 3  # some measure time, and the machine may be busy
GEV_RUN = str((build / "src/patch/gev-run").resolve())
WAYS = {"plain": [], "gev-run": [GEV_RUN],
        "with a hub": [GEV_RUN, "--patch=all,hub"]}


def outcome(front, test):
    """Its status, and each line that tells of a test."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "XDG_RUNTIME_DIR": home,
               "G_TEST_SRCDIR": str(FOLDER), "G_TEST_BUILDDIR": str(FOLDER)}
        p = subprocess.run([SESSION, "--", *front, str(FOLDER / test)],
                           env=env, cwd=home, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=2 * WAIT)
    return p.returncode, re.findall(r"^(?:not )?ok .*", p.stdout, re.M)


def compare(test):
    """How many tests it has, once all ways agree."""
    for left in reversed(range(TRIES)):
        got = {w: outcome(f, test) for w, f in WAYS.items()}
        if all(g == got["plain"] for g in got.values()):
            return len(got["plain"][1])
        assert left, f"{test}: {got}"
    return 0


def glib():
    if not (FOLDER / "socket").exists() or not shutil.which(SESSION):
        print("     libglib2.0-tests is not installed")
        return
    with ThreadPoolExecutor(4) as pool:  # they wait for most of their time
        n = sum(pool.map(compare, TESTS))
    print(f"     {n} tests of {len(TESTS)} programs: the same "
          + ", ".join(WAYS))
    assert n > 100


main(glib)
