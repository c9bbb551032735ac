# SPDX-License-Identifier: MIT
"""Running the programs of this folder, which print "name value" lines, and judging
their times on a machine that may be busy: the best of several runs counts, and all
are printed."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

from harness import WAIT, build, equal, main, run  # noqa: E402, F401
from servers import skip  # noqa: E402

# How late a tick beside it may be: "ours_ms" is without the time that the machine
# gave to others while we could have run, "tick_ms" is with it.
MAX_LATE_MS = 20.0
# By this machine's name libcurl starts 200 threads at once on few cores: 9 to 24 ms on
# a quiet machine. The goal is 20; this tells it from a call that blocks, 500 ms.
MAX_LATE_THREADS_MS = 50.0
NOISY = 5000.0
TRIES = 8


def program(name):
    """tests/real/NAME, which is built only where its library is."""
    path = build / "tests/real" / name
    if not path.exists():
        skip(f"{name} was not built: its library is missing")
    return str(path)


def values(*command, **env):
    """Runs it; what it prints, by name. It must end with 0."""
    p = subprocess.run([str(c) for c in command], timeout=4 * WAIT,
                       capture_output=True, text=True, errors="replace",
                       env={**os.environ, **env})
    assert p.returncode == 0, \
        f"{command[:3]} ended with {p.returncode}: {p.stdout}{p.stderr}"
    return dict(line.split(" ", 1) for line in p.stdout.splitlines())


def best(what, attempt, **limits):
    """Runs until one run has each of its values within its limit."""
    seen = []
    for _ in range(TRIES):
        got = attempt()
        seen.append({name: float(got[name]) for name in limits})
        if all(seen[-1][name] <= limits[name] for name in limits):
            break
    text = "; ".join(" ".join(f"{n} {v:g}" for n, v in s.items())
                     for s in seen)
    print(f"     {what}: {text}")
    slow = os.environ.get("GEV_TEST_SLOW")
    assert slow or all(seen[-1][n] <= limits[n] for n in limits), \
        f"{what}: never within {limits}"
    return got
