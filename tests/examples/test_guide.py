#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/guide.md: every command prints what the guide says.

A ```console block is a session: "$ " begins a command, what follows is its
output. A command that ends with "&" is a server; it is stopped after the block.
"""
import re
import socket
import sys
import time
from pathlib import Path

from harness import WAIT, Program, build, equal, main, run

root = Path(sys.argv[2])


def sessions():
    text = (root / "docs/guide.md").read_text(encoding="utf-8")
    return re.findall(r"```console\n(.*?)```", text, re.S)


def commands(session):
    """Yields (command, its output)."""
    for part in re.split(r"^\$ ", session, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command.replace("build/", f"{build}/", 1), output


def wait_for(port):
    end = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), WAIT).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, "nobody listens"
            time.sleep(0.01)


def run_command(command, output):
    status, out, err = run("bash", "-c", command)
    equal((status, out.replace("\r\n", "\n"), err), (0, output, ""))


def each_session_is_as_written():
    n = 0
    for session in sessions():
        (first, output), *rest = commands(session)
        n += 1 + len(rest)
        if not first.endswith(" &"):
            run_command(first, output)
            continue
        program = first.removesuffix(" &").split(" ")
        with Program(*program) as server:
            equal(server.read_line() + "\n", output)
            wait_for(int(program[-1].rsplit(":", 1)[1]))
            for command in rest:
                run_command(*command)
    assert n >= 12, f"only {n} commands found"


main(each_session_is_as_written)
