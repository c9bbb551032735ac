#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/dns: names as arguments and as lines, good and bad ones."""
import re
import subprocess

from harness import WAIT, equal, example, main


def resolve(*names, lines=""):
    """Its exit code, and its output without times, sorted."""
    done = subprocess.run([example("dns/resolve"), *names], input=lines,
                          capture_output=True, text=True, timeout=WAIT)
    out = re.sub(r" \(\d+ ms\)$", "", done.stdout, flags=re.M)
    return done.returncode, sorted(out.splitlines())


def arguments_are_looked_up():
    equal(resolve("127.0.0.1", "::1", "10.1"),
          (0, ["10.1: 10.0.0.1", "127.0.0.1: 127.0.0.1", "::1: ::1"]))
    code, lines = resolve("localhost")
    equal((code, lines[0].split(" ")[0]), (0, "localhost:"))
    assert {"127.0.0.1", "::1"} & set(lines[0].split(" ")), lines


def lines_are_looked_up():
    lines = "".join(f"127.0.{i // 250}.{i % 250}\n" for i in range(3000))
    code, out = resolve(lines=lines + "localhost\n")
    equal((code, len(out)), (0, 3001))
    assert "127.0.4.7: 127.0.4.7" in out, out[:5]


def what_has_no_address_is_named():
    code, out = resolve("127.0.0.1", "1.2.3.4.5..6")
    equal((code, out[0]), (2, "1.2.3.4.5..6: Name or service not known"))
    equal(out[1], "127.0.0.1: 127.0.0.1")


main(arguments_are_looked_up, lines_are_looked_up, what_has_no_address_is_named)
