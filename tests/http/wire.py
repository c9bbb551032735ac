# SPDX-License-Identifier: MIT
"""A raw HTTP client: bytes in, responses out.

Many exchanges run at once in one thread. Each delivers its bytes in pieces, one
piece per turn of all of them, so that the server sees them apart."""
import itertools
import re
import selectors
import socket
import time

DELIVERIES = ("whole", "bytes", "at CRLF", "in CRLF")
WAIT = 20.0       # seconds without anything happening on any connection
FINE = 3000       # pieces of a delivery, from which on they are …
COARSE = 500      # … so large

HEAD = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) ([ -~]*)\r\n((?:[^\r\n]+\r\n)*)\r\n")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")
DATE = re.compile(rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|"
                  rb"Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT")


def cuts(data, delivery):
    """Yields where the pieces of a delivery end."""
    if delivery == "bytes":
        yield from range(1, len(data))
    elif delivery != "whole":
        for m in re.finditer(rb"\r\n", data):
            if delivery == "at CRLF":
                yield m.start()
                yield m.end()
            else:
                yield m.start() + 1


def pieces(data, delivery):
    """Yields the pieces of a delivery."""
    at = 0
    for end in itertools.islice(cuts(data, delivery), FINE):
        if end > at:
            yield data[at:end]
            at = end
    if delivery == "whole":
        yield data
        return
    for at in range(at, len(data), COARSE):
        yield data[at:at + COARSE]


class Bad(Exception):
    """What came back is not HTTP."""


class Response:
    def __init__(self, status, fields, body, to_end):
        self.status = status
        self.fields = fields  # (lower-case name, value), in order
        self.body = body
        self.to_end = to_end  # it ends with the connection

    def all(self, name):
        return [v for n, v in self.fields if n == name]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def key(self):
        """What must not depend on how the request came."""
        skip = "date", "transfer-encoding"
        return (self.status, self.body, self.to_end,
                tuple(f for f in self.fields if f[0] not in skip))


def read_chunks(data, at):
    body = b""
    while True:
        m = re.compile(rb"([0-9a-fA-F]+)\r\n").match(data, at)
        if not m:
            raise Bad(f"no chunk at {data[at:at + 40]}")
        n = int(m[1], 16)
        at = m.end()
        if n == 0:
            if data[at:at + 2] != b"\r\n":
                raise Bad("no end of chunks")
            return body, at + 2
        body += data[at:at + n]
        at += n
        if data[at:at + 2] != b"\r\n":
            raise Bad("no CRLF behind a chunk")
        at += 2


def read_response(data, at, is_head):
    """A response at an offset. Returns it and the offset behind it."""
    m = HEAD.match(data, at)
    if not m:
        raise Bad(f"no response at {data[at:at + 80]}")
    status, fields = int(m[1]), []
    for line in m[3].split(b"\r\n")[:-1]:
        f = FIELD.fullmatch(line)
        if not f:
            raise Bad(f"a bad field: {line}")
        fields.append((f[1].decode().lower(), f[2].decode("latin-1")))
    r = Response(status, fields, b"", False)
    at = m.end()
    length, coding = r.all("content-length"), r.all("transfer-encoding")
    if len(length) + len(coding) > 1:
        raise Bad("framed twice")
    if is_head or status < 200 or status in (204, 304):
        if (status < 200 or status == 204) and length + coding:
            raise Bad("a body where none can be")
    elif coding:
        if coding != ["chunked"]:
            raise Bad(f"an unknown coding {coding}")
        r.body, at = read_chunks(data, at)
    elif length:
        n = int(length[0])
        r.body = data[at:at + n]
        if len(r.body) < n:
            raise Bad(f"{len(r.body)} of {n} bytes")
        at += n
    else:
        r.body, r.to_end, at = data[at:], True, len(data)
    return r, at


def check_general(r):
    """RS8: what holds for every response."""
    if r.status < 200:
        return
    if len(r.all("date")) != 1 or not DATE.fullmatch(r.get("date").encode()):
        raise Bad(f"Date: {r.all('date')}")
    if r.body and r.get("content-type") is None and r.status != 200:
        raise Bad(f"{r.status} with a body and no Content-Type")
    if r.status == 405 and r.get("allow") is None:
        raise Bad("405 without Allow")


def responses(data, heads=()):
    """All responses of a connection. @heads: which of them, informational ones
    not counted, answer HEAD."""
    at, all_, n = 0, [], 0
    while at < len(data):
        r, at = read_response(data, at, n in heads)
        check_general(r)
        n += r.status >= 200
        all_.append(r)
    return all_


class Exchange:
    """One connection: what is sent, how, and what came back."""

    def __init__(self, port, data, delivery="whole", fin=False):
        self.port, self.delivery, self.fin = port, delivery, fin
        self.pieces = pieces(data, delivery)
        self.pending = b""
        self.sending = True
        self.data = b""      # what came back
        self.ended = None    # "FIN", "RST", or None: it did not end

    def open(self):
        self.sock = socket.create_connection(("127.0.0.1", self.port), WAIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)

    def send_some(self):
        """One piece, or what is left of it. Returns whether it did anything."""
        if not self.pending:
            self.pending = next(self.pieces, b"")
        if not self.pending:
            self.sending = False
            if self.fin:
                self.sock.shutdown(socket.SHUT_WR)
            return True
        try:
            n = self.sock.send(self.pending)
        except BlockingIOError:
            return False
        except OSError:  # the server has closed: what it said is read
            self.sending = False
            return True
        self.pending = self.pending[n:]
        return True

    def receive(self):
        try:
            more = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        except ConnectionResetError:
            self.ended = "RST"
            return
        self.data += more
        if not more:
            self.ended = "FIN"


def run(exchanges, at_once=400):
    """Runs all of them, until each has ended or nothing happens any more."""
    waiting, active = list(reversed(exchanges)), []
    selector = selectors.EpollSelector()
    last = time.monotonic()
    while waiting or active:
        while waiting and len(active) < at_once:
            e = waiting.pop()
            e.open()
            selector.register(e.sock, selectors.EVENT_READ, e)
            active.append(e)
        moved = False
        for e in active:
            moved |= e.sending and e.send_some()
        sending = any(e.sending for e in active)
        if sending:
            time.sleep(0.00005)  # for the server to see a piece by itself
        for key, _ in selector.select(0 if sending else 0.05):
            key.data.receive()
            moved = True
        now = time.monotonic()
        if moved:
            last = now
        elif now - last > WAIT:
            break
        for e in [e for e in active if e.ended]:
            selector.unregister(e.sock)
            e.sock.close()
        active = [e for e in active if not e.ended]
    for e in active:
        e.sock.close()
    selector.close()
