#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The README's commands, as they stand there, and its program.

make works in the source folder, with the build folder that is given:

    make run      started, talked to with nc, stopped with Ctrl-C
    make demo     run to its end

Usage: test_readme.py BUILD SOURCE
"""
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from harness import WAIT, Program, build, equal, example, main, run

source = Path(sys.argv[2])
PROGRAMS = ["echo/echo.c", "http/minimal.c"]  # in the order of their blocks


def environment():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        addr = "127.0.0.1:%d" % s.getsockname()[1]
    # Not those of a make that may be running this.
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return dict(env, BUILD=str(build.resolve()), ADDR=addr), addr


def make_run_starts_a_server_that_nc_can_talk_to():
    env, addr = environment()
    host, port = addr.split(":")
    with Program("sh", "-c", "make run", env=env, cwd=source,
                 start_new_session=True) as p:
        lines = []
        while not lines or lines[-1] != f"listening on {addr}":
            lines.append(p.read_line())
        assert f"    nc {host} {port}" in lines, lines
        status, out, _ = run("nc", "-N", host, port, input="hello\n")
        equal((status, out), (0, "hello\n"))
        os.killpg(p.process.pid, signal.SIGINT)  # Ctrl-C; a session of our own
        p.finish()
        ended(p.process.pid)


def ended(group):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("something of make run is left")


def make_demo_ends_by_itself_with_a_summary():
    env, _ = environment()
    p = subprocess.run(["sh", "-c", "make demo"], env=env, cwd=source,
                       timeout=3 * WAIT, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    equal(p.returncode, 0)
    assert "every byte came back as it was sent" in p.stdout, p.stdout


def the_programs_in_the_readme_are_the_examples():
    readme = (source / "README.md").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```", readme, re.M | re.S)
    for block, name in zip(blocks, PROGRAMS, strict=True):
        equal(block, (source / "examples" / name).read_text())
        assert block.count("\n") <= 60


def the_http_server_says_hello():
    _, addr = environment()
    with Program(example("http/minimal"), addr) as p:
        url = f"http://{addr}/"
        end = time.monotonic() + WAIT
        while True:
            try:
                with urllib.request.urlopen(url, timeout=WAIT) as answer:
                    equal(answer.read(), b"Hello, World!\n")
                break
            except urllib.error.URLError:
                assert time.monotonic() < end, "nobody listens"
                time.sleep(0.01)
        equal(p.end(), (0, ""))


main(make_run_starts_a_server_that_nc_can_talk_to,
     make_demo_ends_by_itself_with_a_summary,
     the_programs_in_the_readme_are_the_examples,
     the_http_server_says_hello)
