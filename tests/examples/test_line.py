#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""post: the protocol in order and out of order, in pieces, and pipelined."""
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from harness import (Program, WAIT, equal, example, main, receive_all, run)


@contextmanager
def post():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        with Program(example("line/post"), f"unix:{path}") as p:
            yield p, str(path)


def connect_soon(s, path):
    """It may not be there yet, or be bound and not listen."""
    end = time.monotonic() + WAIT
    while True:
        try:
            return s.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.01)


@contextmanager
def client(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(WAIT)
        connect_soon(s, path)
        yield s, s.makefile("rb")


LETTER = (b"HELO me\r\n", b"MAIL FROM:<a>\r\n", b"RCPT TO:<b>\r\n",
          b"DATA\r\n", b"hello\r\n..dot\r\n.\r\n", b"QUIT\r\n")
ANSWERS = [b"220 at your service\r\n", b"250 hello\r\n", b"250 ok\r\n",
           b"250 ok\r\n", b"354 end with a dot\r\n", b"250 taken\r\n",
           b"221 bye\r\n"]


def assert_printed(p):
    equal([p.read_line() for _ in range(4)],
          ["from <a>", "to <b>", "hello", ".dot"])


def a_letter_is_taken_step_by_step():
    with post() as (p, path):
        with client(path) as (s, f):
            equal(f.readline(), ANSWERS[0])
            for line, answer in zip(LETTER, ANSWERS[1:]):
                s.sendall(line)
                equal(f.readline(), answer)
            equal(f.read(), b"")
        assert_printed(p)
        equal(p.end(), (0, ""))


def all_at_once_and_byte_by_byte_are_the_same():
    with post() as (p, path):
        for piece in 1000, 1:
            with client(path) as (s, _):
                text = b"".join(LETTER)
                for i in range(0, len(text), piece):
                    s.sendall(text[i:i + piece])
                equal(receive_all(s), b"".join(ANSWERS))
            assert_printed(p)


def out_of_order_is_told_what_it_is_time_for():
    with post() as (_, path), client(path) as (s, f):
        s.sendall(b"DATA\nNOOP\nhelo x\nDATA\nQUIT\n")
        equal(f.read(), ANSWERS[0] + b"503 now it is time for HELO \r\n"
              b"250 ok\r\n250 hello\r\n503 now it is time for MAIL FROM:\r\n"
              b"221 bye\r\n")


def a_line_without_end_is_refused():
    with post() as (_, path), client(path) as (s, f):
        s.sendall(b"x" * 1001)
        equal(f.read(), ANSWERS[0] + b"500 line too long\r\n")


def bad_arguments_are_one_line():
    equal(run(example("line/post"), "-x"), (2, "", "usage: post [ADDR]\n"))
    status, out, err = run(example("line/post"), "nonsense")
    equal((status, out), (1, ""))
    assert err.startswith("post: nonsense: ") and err.count("\n") == 1, err


main(a_letter_is_taken_step_by_step,
     all_at_once_and_byte_by_byte_are_the_same,
     out_of_order_is_told_what_it_is_time_for,
     a_line_without_end_is_refused,
     bad_arguments_are_one_line)
