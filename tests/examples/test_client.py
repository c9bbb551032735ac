#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/echo/client.c: a line out, its answer in."""
import socket
import threading

from harness import Server, equal, example, main, run


def client(port, text):
    return run(example("echo/client"), f"127.0.0.1:{port}", input=text)


def each_line_is_answered():
    with Server("echo/upper") as server:
        equal(client(server.port, "one\ntwo\n\nlast, without a newline"),
              (0, "ONE\nTWO\n\nLAST, WITHOUT A NEWLINE", ""))
    with Server("echo/echo") as server:
        equal(client(server.port, "As It Is\n"), (0, "As It Is\n", ""))


def a_long_line_goes_in_pieces():
    line = "".join(chr(97 + i % 26) for i in range(5000)) + "\n"
    with Server("echo/upper_select") as server:
        equal(client(server.port, line), (0, line.upper(), ""))


def no_server_is_one_line_and_1():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    equal(client(port, "x\n"),
          (1, "", f"client: cannot connect to 127.0.0.1:{port}: "
                  "Connection refused\n"))


def a_bad_address_is_one_line_and_1():
    equal(run(example("echo/client"), "nonsense"),
          (1, "", "client: cannot connect to nonsense: not an address\n"))


def a_server_that_closes_is_one_line_and_1():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        def close_first():
            s = listener.accept()[0]
            s.recv(10)
            s.close()

        t = threading.Thread(target=close_first)
        t.start()
        equal(client(port, "x\n"),
              (1, "", "client: the server closed the connection\n"))
        t.join()


main(each_line_is_answered, a_long_line_goes_in_pieces,
     no_server_is_one_line_and_1, a_bad_address_is_one_line_and_1,
     a_server_that_closes_is_one_line_and_1)
