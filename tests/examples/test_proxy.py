#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The proxy: every byte both ways, half-close, a target that is not there."""
import signal
import socket
import threading
from contextlib import contextmanager

from harness import (Program, Server, WAIT, equal, example, main, receive,
                     receive_all, run)


class Proxy(Server):
    def __init__(self, target):
        self.name = "proxy/proxy"
        Program.__init__(self, example(self.name), "127.0.0.1:0", target)
        self.port = int(self.read_line().rpartition(":")[2])


@contextmanager
def target():
    """A listener of ours, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(WAIT)
        yield s, f"127.0.0.1:{s.getsockname()[1]}"


def both_directions_and_half_close_pass():
    with target() as (listener, addr), Proxy(addr) as proxy:
        with proxy.connect() as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"question")
                equal(receive(server, 8), b"question")
                client.shutdown(socket.SHUT_WR)
                equal(receive_all(server), b"")
                server.sendall(b"answer after your end")
                server.shutdown(socket.SHUT_WR)
                equal(receive_all(client), b"answer after your end")
        equal(proxy.end(), (0, ""))


def every_byte_of_many_connections_arrives():
    data = bytes(i * 7 & 255 for i in range(1 << 20))
    with Server("echo/echo") as echo:
        with Proxy(f"127.0.0.1:{echo.port}") as proxy:
            def one(i, failed):
                mine = data[i:] + data[:i]
                with proxy.connect() as s:
                    sender = threading.Thread(target=s.sendall, args=(mine,))
                    sender.start()
                    if receive(s, len(mine)) != mine:
                        failed.append(i)
                    sender.join()
                    s.shutdown(socket.SHUT_WR)
                    if s.recv(1) != b"":
                        failed.append(i)

            failed = []
            threads = [threading.Thread(target=one, args=(i, failed))
                       for i in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            equal(failed, [])
            equal(proxy.end(), (0, ""))


def a_slow_receiver_slows_the_sender_down():
    with target() as (listener, addr), Proxy(addr) as proxy:
        with proxy.connect() as client:
            server, _ = listener.accept()
            with server:
                client.settimeout(1)
                sent = 0
                try:
                    while sent < 1 << 28:
                        sent += client.send(bytes(1 << 20))
                except TimeoutError:
                    pass
                assert sent < 1 << 27, f"{sent} bytes are somewhere"
                client.shutdown(socket.SHUT_WR)
                equal(len(receive_all(server)), sent)


def without_a_target_the_client_is_closed():
    with target() as (listener, addr):
        listener.close()
        with Proxy(addr) as proxy:
            with proxy.connect() as client:
                equal(client.recv(1), b"")
            status, err = proxy.end()
            equal(status, 0)
            equal(err, f"proxy: {addr}: Connection refused\n")


def a_signal_lets_connections_end():
    with target() as (listener, addr), Proxy(addr) as proxy:
        with proxy.connect() as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"1")
                equal(receive(server, 1), b"1")
                proxy.process.send_signal(signal.SIGTERM)
                server.sendall(b"2")
                equal(receive(client, 1), b"2")
                client.shutdown(socket.SHUT_WR)
                equal(receive_all(server), b"")
                server.shutdown(socket.SHUT_WR)
                equal(receive_all(client), b"")
                equal(proxy.finish(), (0, ""))


def bad_arguments_are_one_line():
    for args in [], ["a"], ["a", "b", "c"], ["-x", "b"]:
        equal(run(example("proxy/proxy"), *args),
              (2, "", "usage: proxy LISTEN TARGET\n"))
    equal(run(example("proxy/proxy"), "127.0.0.1:0", "nonsense"),
          (1, "", "proxy: nonsense: not an address\n"))
    equal(run(example("proxy/proxy"), "nonsense", "127.0.0.1:1"),
          (1, "", "proxy: cannot listen on nonsense: not an address\n"))


main(both_directions_and_half_close_pass,
     every_byte_of_many_connections_arrives,
     a_slow_receiver_slows_the_sender_down,
     without_a_target_the_client_is_closed,
     a_signal_lets_connections_end,
     bad_arguments_are_one_line)
