#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/seeing.md: what it shows is what examples/seeing does."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import WAIT, Program, example


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port):
    end = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=WAIT)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Seeing(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.door = os.path.join(self.dir, "seeing.gev")
        self.port = free_port()
        self.program = Program(example("seeing/seeing"),
                               f"127.0.0.1:{self.port}", f"unix:{self.door}")
        self.program.__enter__()
        self.peer = connect(self.port)

    def tearDown(self):
        self.peer.close()
        self.program.__exit__()
        shutil.rmtree(self.dir)

    def ask(self, line):
        self.peer.sendall(line)
        self.assertEqual(self.peer.recv(100), b"ok\n")

    def end(self):
        """Ends it; gives what it wrote to stderr."""
        self.peer.close()
        self.program.process.send_signal(signal.SIGTERM)
        self.program.process.wait(WAIT)
        for t in self.program.readers:
            t.join(WAIT)
        return self.program.err

    def test_the_monitor_names_the_nested_function(self):
        self.ask(b"short\n")
        self.ask(b"a line that takes long\n")
        err = self.end()
        self.assertRegex(err, r'gev: greenlet \d+ "conn" has kept the hub for '
                              r"0\.\d\d s \(limit 0\.10 s\)")
        self.assertIn("check_signature", err)
        self.assertEqual(err.count("has kept the hub"), 1)

    def test_a_signal_prints_run_info(self):
        self.ask(b"short\n")
        self.program.process.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        err = self.end()
        self.assertRegex(err, r'greenlet \d+ "conn" waits to read descriptor')
        self.assertIn("#0", err)

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_nc_can_use_the_backdoor(self):
        self.ask(b"short\n")
        done = subprocess.run(["nc", "-N", "-U", self.door], timeout=WAIT,
                              input=b"ps\nnonsense\nquit\n",
                              stdout=subprocess.PIPE, check=False)
        said = done.stdout.decode()
        self.assertIn('"help" lists the commands', said)
        self.assertRegex(said, r'"conn" waits to read descriptor \d+ for \d')
        self.assertIn('there is no command "nonsense"', said)


if __name__ == "__main__":
    unittest.main(argv=["test_seeing"], warnings="ignore")
