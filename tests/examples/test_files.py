#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The file server: with Python's client and curl, its log, its counters, SIGUSR1,
the end while files are on their way."""
import gzip
import http.client
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from harness import Program, Server, WAIT, equal, example, main, receive_all, run


class Files(Server):
    def __init__(self, *args):
        self.name = "http/files"
        Program.__init__(self, example(self.name), *map(str, args),
                         "127.0.0.1:0")
        self.port = int(self.read_line().rpartition(":")[2])

    def get(self, path, method="GET", **headers):
        """Status, headers, body."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        c.request(method, path,
                  headers={k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        body = r.read()
        c.close()
        return r.status, r.headers, body


@contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="gev-files-") as d:
        root = Path(d) / "root"
        root.mkdir()
        (root / "index.html").write_text("<h1>home</h1>")
        (root / "style.css").write_text("h1 { color: red }")
        (root / "big.bin").write_bytes(bytes(range(256)) * 20000)
        (root / "sub").mkdir()
        (root / "sub" / "index.html").write_text("sub")
        yield root


def until(true):
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.01)


def files_come_with_what_belongs_to_them():
    with folder() as root, Files("--log", "none", "--cache-control",
                                 "max-age=5", root) as server:
        status, h, body = server.get("/")
        equal((status, body), (200, b"<h1>home</h1>"))
        equal(h["Content-Type"], "text/html; charset=utf-8")
        equal(h["Cache-Control"], "max-age=5")
        equal(server.get("/", If_None_Match=h["ETag"])[0], 304)
        equal(server.get("/", If_Modified_Since=h["Last-Modified"])[0], 304)
        equal(server.get("/", "HEAD")[1]["Content-Length"], "13")
        status, h, body = server.get("/big.bin", Range="bytes=255-257")
        equal((status, body), (206, b"\xff\x00\x01"))
        equal(h["Content-Range"], "bytes 255-257/5120000")
        equal(server.get("/big.bin")[2], (root / "big.bin").read_bytes())
        packed = gzip.compress(b"h1 { color: red }")
        (root / "style.css.gz").write_bytes(packed)
        time.sleep(1.1)  # names are looked up again after a second
        status, h, body = server.get("/style.css", Accept_Encoding="gzip")
        equal((h["Content-Encoding"], body), ("gzip", packed))
        equal(server.get("/style.css")[2], b"h1 { color: red }")
        equal(server.end(), (0, ""))


def what_is_not_there_or_not_allowed_is_said():
    with folder() as root, Files("--log", "none", root) as server:
        (root / ".secret").write_text("x")
        for path in ["/missing", "/.secret", "/../x", "/%2e%2e/x", "//",
                     "/index.html/"]:
            equal((path, server.get(path)[0]), (path, 404))
        equal(server.get("/%00")[0], 400)
        equal(server.get("/sub")[1]["Location"], "/sub/")
        equal(server.get("/sub/")[2], b"sub")
        status, h, _ = server.get("/", "PUT")
        equal((status, h["Allow"]), (405, "GET, HEAD, OPTIONS"))
        equal(server.end(), (0, ""))


def curl_resumes_a_download():
    if not shutil.which("curl"):
        return
    with folder() as root, Files("--log", "none", root) as server:
        part = root.parent / "part"
        part.write_bytes((root / "big.bin").read_bytes()[:1234567])
        status, _, err = run("curl", "-sS", "-C", "-", "-o", str(part),
                             f"http://127.0.0.1:{server.port}/big.bin")
        equal((status, err), (0, ""))
        equal(part.read_bytes(), (root / "big.bin").read_bytes())
        equal(server.end(), (0, ""))


def the_log_goes_to_standard_output():
    with folder() as root, Files(root) as server:
        server.get("/sub/", User_Agent='me "1"', Referer="http://r/")
        line = server.read_line()
        m = re.fullmatch(
            r'127\.0\.0\.1 - - \[[^]]+\] "GET /sub/ HTTP/1\.1" 200 3 '
            r'"http://r/" "me \\x221\\x22" (\d+\.\d{6})', line)
        assert m and float(m[1]) < WAIT, line
        server.get("/missing%0aline")
        assert '"GET /missing%0aline HTTP/1.1" 404 ' in server.read_line()
        equal(server.end(), (0, ""))


def a_signal_opens_the_log_anew():
    with folder() as root:
        log, old = root.parent / "log", root.parent / "log.1"
        with Files("--log", log, root) as server:
            server.get("/before")
            os.rename(log, old)
            server.process.send_signal(signal.SIGUSR1)
            until(log.exists)
            server.get("/after")
            equal(server.end(), (0, ""))  # writes what is left
        assert "/before" in old.read_text() and "/after" not in old.read_text()
        assert "/after" in log.read_text()


def the_counters_are_there_for_prometheus():
    with folder() as root, Files("--log", "none", root) as server:
        for _ in range(3):
            server.get("/")
        status, h, body = server.get("/-/metrics")
        equal(h["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        values = dict(line.rsplit(" ", 1) for line in body.decode().split("\n")
                      if line and not line.startswith("#"))
        equal(values['gev_http_responses_total{class="2xx"}'], "3")
        equal(values["gev_http_requests_total"], "4")
        equal(server.end(), (0, ""))


def a_download_under_way_is_finished_at_the_end():
    with folder() as root, Files("--log", "none", root) as server:
        with server.connect() as s:
            s.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            head = s.recv(1)
            server.process.send_signal(signal.SIGTERM)
            got = head + receive_all(s)
            equal(len(got.partition(b"\r\n\r\n")[2]), 5120000)
            equal(server.finish(), (0, ""))


def many_clients_get_what_they_asked_for():
    with folder() as root, Files("--log", "none", root) as server:
        big, failed = (root / "big.bin").read_bytes(), []

        def one(i):
            a = i * 4321
            _, _, body = server.get("/big.bin", Range=f"bytes={a}-{a + 99999}")
            if body != big[a:a + 100000]:
                failed.append(i)

        threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        equal(failed, [])
        equal(server.end(), (0, ""))


def bad_arguments_are_told():
    for args in [], ["-x", "1", "/"], ["--log"], ["a", "b", "c"]:
        status, _, err = run(example("http/files"), *args)
        equal((status, err.split("\n")[0][:12]), (2, "usage: files"))
    equal(run(example("http/files"), "/no/such/folder"),
          (1, "", "files: /no/such/folder: No such file or directory\n"))
    equal(run(example("http/files"), "--log", "/no/such/x", "/"),
          (1, "", "files: /no/such/x: No such file or directory\n"))


main(files_come_with_what_belongs_to_them,
     what_is_not_there_or_not_allowed_is_said,
     curl_resumes_a_download,
     the_log_goes_to_standard_output,
     a_signal_opens_the_log_anew,
     the_counters_are_there_for_prometheus,
     a_download_under_way_is_finished_at_the_end,
     many_clients_get_what_they_asked_for,
     bad_arguments_are_told)
