# SPDX-License-Identifier: MIT
"""Runs the real example programs for the tests: with a time limit on
everything, and ended by their own process id."""
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

WAIT = 30.0  # seconds for anything that must happen

build = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("build")


def example(name):
    """examples/NAME of the build folder; tests/... for the reference."""
    path = build / ("tests/examples" if "/" not in name else "examples") / name
    assert path.exists(), path
    return str(path)


class Program:
    """A program in the background; killed when the with block is left.

    A thread reads what it prints, or it would stand still at a full pipe.
    """

    def __init__(self, *command, **kwargs):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **kwargs)
        self.lines = queue.Queue()  # of what it prints; None at the end
        self.err = []
        self.readers = [threading.Thread(target=self.read_out),
                        threading.Thread(target=self.read_err)]
        for t in self.readers:
            t.start()

    def read_out(self):
        for line in self.process.stdout:
            self.lines.put(line.decode().removesuffix("\n"))
        self.lines.put(None)

    def read_err(self):
        self.err = self.process.stderr.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for t in self.readers:
            t.join(WAIT)

    def read_line(self):
        """The next line that it prints, without the newline."""
        try:
            line = self.lines.get(timeout=WAIT)
        except queue.Empty:
            raise AssertionError("it prints no line") from None
        if line is None:
            status, err = self.finish()
            raise AssertionError(f"ended with {status}: {err}")
        return line

    def end(self, signo=signal.SIGTERM):
        """Sends a signal. Returns exit status, stderr."""
        self.process.send_signal(signo)
        return self.finish()

    def finish(self):
        """Waits for its end. Returns exit status, stderr."""
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.process.args} does not end") from None
        for t in self.readers:
            t.join(WAIT)
        return status, self.err


class Server(Program):
    """One that says where it listens; .port is that of its last line."""

    def __init__(self, name, *addrs):
        self.name = name
        addrs = addrs or ("127.0.0.1:0",)
        super().__init__(example(name), *addrs)
        self.ports = []
        for _ in addrs:
            line = self.read_line()
            m = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)", line)
            assert m and m[1] != "0", line
            self.ports.append(int(m[1]))
        self.port = self.ports[0]

    def connect(self, port=None):
        return socket.create_connection(("127.0.0.1", port or self.port), WAIT)


def run(*command, **kwargs):
    """Runs a program to its end. Returns exit status, stdout, stderr."""
    p = subprocess.run(command, timeout=2 * WAIT, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, **kwargs)
    return p.returncode, p.stdout, p.stderr


def receive(s, n):
    """Exactly n bytes of a socket."""
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, f"the stream ended after {len(data)} of {n} bytes"
        data += more
    return data


def receive_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


def equal(got, wanted):
    assert got == wanted, f"got {got!r:.2000}\nnot {wanted!r:.2000}"


def main(*tests):
    """Runs the tests, one line each; exit status 1 if one failed."""
    status = 0
    for test in tests:
        try:
            test()
            print("ok  ", test.__name__)
        except Exception as e:
            print("FAIL", test.__name__, f"{type(e).__name__}: {e}")
            status = 1
        sys.stdout.flush()
    sys.exit(status)
