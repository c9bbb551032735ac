# SPDX-License-Identifier: MIT
"""The servers that the scripts here run, as tests/examples/harness.py runs
programs: hello, and probe of this folder."""
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

# Free buffers are poisoned, and linked through themselves.
os.environ.setdefault("LSAN_OPTIONS", "use_poisoned=1")

from harness import (Program, Server, WAIT, build, equal,  # noqa: E402,F401
                     example, main, receive_all, run)


class Hello(Server):
    """examples/http/hello on a free port, with options."""

    paths = "examples/http/hello", "tests/http/hello"

    def __init__(self, *options, **kwargs):
        # pylint: disable=super-init-not-called,non-parent-init-called
        program = next(build / p for p in self.paths if (build / p).exists())
        self.name = program.name
        Program.__init__(self, str(program), *map(str, options),
                         "127.0.0.1:0", **kwargs)
        line = self.read_line()
        m = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)", line)
        assert m, line
        self.port = int(m[1])

    @property
    def pid(self):
        return self.process.pid


class Probe(Hello):
    """tests/http/probe."""

    paths = "tests/http/probe",

    def notes(self):
        """What its handlers noted, as a list of lines."""
        with self.connect() as s:
            s.sendall(b"GET /notes HTTP/1.1\r\nHost: a\r\n"
                      b"Connection: close\r\n\r\n")
            return receive_all(s).split(b"\r\n\r\n", 1)[1].decode().split("\n")


def sanitized():
    """Is it built with a sanitizer, so that everything takes longer?"""
    return b"__asan_init" in (build / "tests/http/probe").read_bytes()
