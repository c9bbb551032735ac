# SPDX-License-Identifier: MIT
"""The rules of the checklist about static files and the access log, against
examples/http/files."""
import os
import tempfile
from pathlib import Path

import wire
from checklist_acts import H, hear, shows
from programs import Hello, equal

DIGITS = b"0123456789"
CLOSE = b"Connection: close\r\n"


class Files(Hello):
    """files over a folder of its own, with a log."""

    paths = "examples/http/files", "tests/http/files"

    def __init__(self):
        # pylint: disable=consider-using-with
        self.folder = tempfile.TemporaryDirectory()
        base = Path(self.folder.name)
        self.root, self.log = base / "root", base / "log"
        (self.root / "folder").mkdir(parents=True)
        (self.root / "digits.txt").write_bytes(DIGITS)
        (base / "secret").write_bytes(b"secret")
        (self.root / "out").symlink_to("../secret")
        os.mkfifo(self.root / "fifo")
        super().__init__("--log", self.log, self.root)

    def __exit__(self, *args):
        super().__exit__(*args)
        self.folder.cleanup()

    def ask(self, path, fields=b"", method=b"GET"):
        with self.connect() as s:
            s.sendall(method + b" " + path + b" HTTP/1.1\r\n" + H + CLOSE +
                      fields + b"\r\n")
            data = b""
            while more := s.recv(1 << 20):
                data += more
        (r,) = wire.responses(data, (0,) if method == b"HEAD" else ())
        return r

    def ranged(self, value, **kwargs):
        r = self.ask(b"/digits.txt", b"Range: " + value + b"\r\n", **kwargs)
        return r.status, r.body, r.get("content-range")


@shows("SF1")
def no_path_leads_out_of_the_root():
    with Files() as server:
        for path in (b"/../secret", b"/%2e%2e/secret", b"/..%2fsecret",
                     b"/folder/..%2f..%2fsecret", b"/..\\..\\secret", b"/out",
                     b"/%2e%2e%5csecret", b"//../secret", b"/./../secret"):
            r = server.ask(path)
            assert r.status in (400, 403, 404), (path, r.status)
            assert b"secret" not in r.body.replace(path, b""), r.body


@shows("SF2", "SF3", "TO5")
def ranges_are_single_ones():
    with Files() as server:
        for value, status, body, where in (
                (b"bytes=0-0", 206, b"0", "bytes 0-0/10"),
                (b"bytes=5-", 206, b"56789", "bytes 5-9/10"),
                (b"bytes=-5", 206, b"56789", "bytes 5-9/10"),
                (b"bytes=-50", 206, DIGITS, "bytes 0-9/10"),
                (b"bytes=8-99999", 206, b"89", "bytes 8-9/10"),
                (b"bytes=5-3", 200, DIGITS, None),
                (b"bytes=0-0,2-2", 200, DIGITS, None),
                (b"bytes=a", 200, DIGITS, None),
                (b"items=0-1", 200, DIGITS, None)):
            equal(server.ranged(value), (status, body, where))
        status, _, where = server.ranged(b"bytes=99999-")
        equal((status, where), (416, "bytes */10"))
        # A thousand of them that overlap cost no more than one.
        many = b"bytes=0-" + b"".join(b",5-%d" % i for i in range(1000))
        equal(server.ranged(many)[0] in (200, 416), True)
        # RFC 9110 14.2: with other methods than GET it MUST be ignored.
        equal(server.ranged(b"bytes=0-0", method=b"HEAD"), (200, b"", None))
        equal(server.ranged(b"bytes=0-0", method=b"POST")[0], 405)


@shows("SF4", "SF6")
def what_has_not_changed_is_not_sent():
    with Files() as server:
        r = server.ask(b"/digits.txt")
        etag, modified = r.get("etag").encode(), r.get("last-modified").encode()
        late = b"If-Modified-Since: " + modified + b"\r\n"
        weak = etag if etag.startswith(b"W/") else b"W/" + etag
        for value in etag, weak, b"*", b'"x", ' + etag:
            fields = b"If-None-Match: " + value + b"\r\n"
            r = server.ask(b"/digits.txt", fields)
            equal((r.status, r.body), (304, b""))
            equal(r.get("etag").encode(), etag)
        equal(server.ask(b"/digits.txt", late).status, 304)
        # The former wins.
        equal(server.ask(b"/digits.txt", b'If-None-Match: "x"\r\n' +
                         late).status, 200)
        equal(server.ask(b"/digits.txt", b'If-Match: "x"\r\n').status, 412)
        for value, status in (b'"x"', 200), (etag, 206):
            if value == etag and etag == weak:
                continue  # a weak one never matches here
            equal(server.ask(b"/digits.txt", b"Range: bytes=0-0\r\nIf-Range: " +
                             value + b"\r\n").status, status)


@shows("SF7")
def a_file_that_shrinks_is_never_made_whole():
    size = 64 << 20
    with Files() as server, server.connect() as s:
        path = server.root / "big"
        with open(path, "wb") as f:
            f.truncate(size)
        s.sendall(b"GET /big HTTP/1.1\r\n" + H + CLOSE + b"\r\n")
        n = len(s.recv(1000))
        os.truncate(path, 1 << 20)
        try:
            while more := len(s.recv(1 << 20)):
                n += more
        except ConnectionResetError:
            pass
        assert n < size, n


@shows("SF8")
def what_is_no_file_is_not_served():
    with Files() as server:
        for path, status in ((b"/fifo", (403, 404)), (b"/folder/", (403, 404)),
                             (b"/none", (404,))):
            r = server.ask(path)
            assert r.status in status, (path, r.status)


@shows("TO12")
def nothing_a_client_says_breaks_the_log():
    with Files() as server:
        equal(server.ask(b'/"x%0a%1b').status, 404)
        with server.connect() as s:  # a byte that no target may have
            s.sendall(b'GET /"\x1b[31m HTTP/1.1\r\n' + H + b"\r\n")
            equal([r.status for r in hear(s)], [400])
        server.ask(b"/digits.txt", b'User-Agent: a"\x80\\b\r\n')
        equal(server.end(), (0, ""))
        log = server.log.read_bytes()
        lines = log.split(b"\n")
        equal(len(lines), 4)  # and nothing behind the last
        assert all(32 <= c < 127 for c in log.replace(b"\n", b"")), log
        assert b'/\\x22x%0a%1b' in log, log
