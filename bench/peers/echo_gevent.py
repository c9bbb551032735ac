#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""echo_gevent - the echo server on gevent: a greenlet per connection.

StreamServer with its pool off; sockets get TCP_NODELAY; the loop is libev's
epoll. Debian's python3-gevent is for /usr/bin/python3 only.
"""
import socket
import sys

from gevent import config
config.loop = "libev-cext"
from gevent.server import StreamServer


def serve(conn, _):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        data = conn.recv(16384)
        if not data:
            return
        conn.sendall(data)


def main():
    host, port = sys.argv[1].split(":")
    server = StreamServer((host, int(port)), serve, backlog=4096)
    server.start()
    print("listening on", sys.argv[1], flush=True)
    server.serve_forever()


try:
    main()
except KeyboardInterrupt:
    pass
