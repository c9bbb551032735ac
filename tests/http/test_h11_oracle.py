#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the gate accepts, h11 must accept, with the same framing.

Requests of the fuzzer's corpus, and mutations of them from a fixed seed, go
through gate_dump and through Debian's python3-h11, a strict parser of its own
making. Where both speak, method, target, fields, content, trailers and the bytes
that are left must be the same. Where the gate refuses, h11 may do as it likes.

Where h11 is narrower than RFC 9110 and 9112, on purpose or not, the request is
changed to what it means before h11 sees it (see as_h11_takes_it):

  * empty lines before the request line (RFC 9112 2.2, SHOULD): taken off
  * empty elements around "chunked" (RFC 9110 5.6.1.2, MUST): taken out
  * white space in front of a chunk extension (RFC 9112 7.1.1, MUST): taken out
  * a minor version above 1 (RFC 9110 2.5): h11 reports it, the gate says 1

A trailer that the gate leaves out (RFC 9110 6.5.1) h11 checks as if it were a
head's: if it then refuses the request, that is counted, not failed.

Usage: test_h11_oracle.py GATE_DUMP CORPUS [MUTATIONS]
"""
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

try:
    import h11
except ImportError:
    print("python3-h11 is not installed")
    sys.exit(77)

FORBIDDEN = set("""authorization cache-control connection content-encoding
    content-length content-range content-type cookie expect host if-match
    if-modified-since if-none-match if-range if-unmodified-since keep-alive
    max-forwards pragma proxy-authorization proxy-connection range te trailer
    transfer-encoding upgrade""".split())
WORDS = [
    b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b",", b";", b"\0", b"\x85",
    b"0", b"5", b"a", b"A", b"=", b'"', b"\\", b"/", b"?", b"\r\n\r\n",
    b"\r\n ", b"0\r\n\r\n", b"1\r\nx\r\n", b"3;a=b\r\nxyz\r\n", b"chunked",
    b"Host: b\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"HTTP/1.0",
    b"Expect: 100-continue\r\n", b"X: y\r\n", b"HTTP/1.2", b"\xff", b"\x0b",
]


def seeds(corpus):
    """The corpus without its first byte, which says how the fuzzer cuts."""
    return [f.read_bytes()[1:] for f in sorted(Path(corpus).iterdir())]


def mutate(rng, base, all_seeds):
    data = bytearray(base)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            data[at:at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            data[at:at] = rng.choice(WORDS)
        elif kind == 2:
            del data[at:at + rng.choice((1, 2, 5))]
        elif kind == 3:
            lines = bytes(data).split(b"\r\n")
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            data = bytearray(b"\r\n".join(lines))
        elif kind == 4:
            other = rng.choice(all_seeds).split(b"\r\n")
            lines = bytes(data).split(b"\r\n")
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(other))
            data = bytearray(b"\r\n".join(lines))
        else:
            ends = [m.start() for m in re.finditer(b"\r\n", data)] or [at]
            at = rng.choice(ends)
            data[at:at] = rng.choice(WORDS)
    return bytes(data)


def unescape(text):
    return re.sub(rb"\\x([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), text)


def gate(program, requests):
    """The gate's result of each request, as a dictionary of lists."""
    send = b"".join(struct.pack(">I", len(r)) + r for r in requests)
    out = subprocess.run([program], input=send, capture_output=True, check=True)
    for text in out.stdout.split(b"\0")[:-1]:
        result = {}
        for line in text.rstrip(b"\n").split(b"\n"):
            key, _, value = line.partition(b" ")
            result.setdefault(key.decode(), []).append(unescape(value))
        yield result


excused = []


def as_h11_takes_it(request, result):
    while request.startswith(b"\r\n"):
        request = request[2:]
    head, end, rest = request.partition(b"\r\n\r\n")
    head = re.sub(rb"(?im)^(transfer-encoding:)[ \t,]*(chunked)[ \t,]*\r?$",
                  rb"\1 \2", head.replace(b"\r\n", b"\n")).replace(
                      b"\n", b"\r\n")
    if b"chunked" in result["flags"][0].split():
        rest = bare_chunk_lines(rest)
    return head + end + rest


def bare_chunk_lines(body):
    """Without white space between size and extension."""
    out, at = b"", 0
    while True:
        m = re.compile(rb"([0-9A-Fa-f]+)([^\r]*)\r\n").match(body, at)
        size = int(m[1], 16)
        out += m[1] + m[2].lstrip(b" \t") + b"\r\n"
        if size == 0:
            return out + body[m.end():]
        out += body[m.end():m.end() + size + 2]
        at = m.end() + size + 2


def ask_h11(request):
    """Request, content, trailers and the bytes left, as h11 has them."""
    conn = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    conn.receive_data(request)
    head, content = None, b""
    while True:
        event = conn.next_event()
        if isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            content += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            trailers = [(bytes(n), bytes(v)) for n, v in event.headers]
            return head, content, trailers, len(conn.trailing_data[0])
        else:
            raise h11.RemoteProtocolError(f"{event} after {content!r}")


def pairs(lines):
    """(lower-case name, value) of "Name: value" lines."""
    return [(n.lower(), v) for n, _, v in (x.partition(b": ") for x in lines)]


def normal(fields):
    """h11 writes the values of framing fields anew."""
    return [(n, v.lstrip(b"0") or b"0") if n == b"content-length" else
            (n, v.lower()) if n == b"transfer-encoding" else (n, v)
            for n, v in fields]


def has_forbidden_trailers(request, result):
    """Whether the gate left trailers out of what follows the last chunk."""
    end = len(request) - int(result["rest"][0])
    section = request[int(result["head"][0]):end].rpartition(b"\r\n0")[2]
    names = (line.partition(b":")[0].lower().decode("latin-1")
             for line in section.split(b"\r\n"))
    return (b"chunked" in result["flags"][0].split()
            and any(name in FORBIDDEN for name in names))


def differences(request, result):
    try:
        head, content, trailers, rest = ask_h11(as_h11_takes_it(request,
                                                                result))
    except h11.RemoteProtocolError as e:
        if has_forbidden_trailers(request, result):
            excused.append(request)
            return
        yield f"h11 refuses: {e}"
        return
    method, target, _ = result["request"][0].split(b" ")
    mine = normal(pairs(result.get("field", [])))
    theirs = normal([(bytes(n), bytes(v)) for n, v in head.headers])
    if (method, target) != (head.method, head.target):
        yield f"request line {head.method} {head.target}"
    if mine != theirs:
        yield f"fields {theirs}"
    if result["body"][0] != content:
        yield f"content {content}"
    if int(result["rest"][0]) != rest:
        yield f"{rest} bytes left"
    kept = [(n, v) for n, v in trailers if n.decode() not in FORBIDDEN]
    if pairs(result.get("trailer", [])) != kept:
        yield f"trailers {trailers}"


def main():
    program, corpus = sys.argv[1:3]
    n_mutations = int(sys.argv[3]) if len(sys.argv) > 3 else 60000
    rng = random.Random(20240417)
    requests = seeds(corpus)
    requests += [mutate(rng, rng.choice(requests), requests)
                 for _ in range(n_mutations)]
    n_accepted = n_wrong = 0
    for request, result in zip(requests, gate(program, requests)):
        if result["status"] != [b"200"]:
            continue
        n_accepted += 1
        for difference in differences(request, result):
            n_wrong += 1
            print(f"{request!r}\n  gate: {result}\n  {difference}")
    print(f"{len(requests)} requests, {n_accepted} accepted by the gate,"
          f" {len(excused)} excused, {n_wrong} differences")
    return 0 if n_wrong == 0 and n_accepted > n_mutations // 20 else 1


if __name__ == "__main__":
    sys.exit(main())
