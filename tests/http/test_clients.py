#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Other people's HTTP clients against examples/http/hello: what they get, how
often, and on how many connections. Those that are not installed are skipped."""
import http.client
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from programs import Hello, WAIT, build, equal, main

HELLO = "Hello, World!"
HERE = Path(__file__).resolve().parent


def needs(*programs):
    """Skips a test whose programs are not there."""
    def decorate(test):
        missing = [p for p in programs if not shutil.which(p)]
        if not missing:
            return test

        def skipped():
            print("skip", test.__name__, "needs", *missing)
        skipped.__name__ = test.__name__
        return skipped
    return decorate


def run(*command, **kwargs):
    """Runs a client to its end. Returns stdout, stderr; it must exit with 0."""
    p = subprocess.run([str(c) for c in command], timeout=4 * WAIT,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
    assert p.returncode == 0, (command, p.returncode, p.stdout, p.stderr)
    return p.stdout, p.stderr.decode()


def number(pattern, text):
    m = re.search(pattern, text, re.M)
    assert m, (pattern, text)
    return int(m[1])


class Url:
    """hello, and its URL; it must end well."""

    def __enter__(self):
        self.server = Hello().__enter__()
        return f"http://127.0.0.1:{self.server.port}/"

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                equal(self.server.end(), (0, ""))
        finally:
            self.server.__exit__()


@needs("curl")
def curl_in_every_version_it_speaks():
    with Url() as url:
        for version, proto in (("--http1.1", "1.1"), ("--http1.0", "1.1"),
                               ("--http2", "1.1")):
            out, _ = run("curl", "-sS", version, "-w", " %{http_version}", url)
            equal(out.decode(), f"{HELLO} {proto}")
        out, err = run("curl", "-sSv", "--http2", url, url)
        equal(out.decode(), HELLO * 2)
        assert "> Upgrade: h2c" in err and "Re-using existing" in err, err


@needs("curl")
def curl_keeps_one_connection():
    with Url() as url:
        out, _ = run("curl", "-sS", "-w", " %{num_connects}\n", *[url] * 5)
        equal(out.decode(), f"{HELLO} 1\n" + f"{HELLO} 0\n" * 4)
        out, _ = run("curl", "-sS", "-H", "Connection: close", "-w",
                     " %{num_connects}\n", *[url] * 2)
        equal(out.decode(), f"{HELLO} 1\n" * 2)


@needs("curl")
def curl_asks_for_the_head_alone():
    with Url() as url:
        out, _ = run("curl", "-sSI", url)
        head = out.decode()
        assert head.startswith("HTTP/1.1 200 OK\r\n"), head
        assert "\r\nContent-Length: 13\r\n" in head, head
        assert head.endswith("\r\n\r\n"), head


@needs("curl")
def curl_uploads_large_bodies_in_either_framing():
    data = os.urandom(3 << 20)
    with Url() as url, tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        out, err = run("curl", "-sSv", "--data-binary", f"@{f.name}", "-H",
                       "Expect: 100-continue", url + "echo")
        assert out == data, len(out)
        equal(err.count("< HTTP/1.1 100 Continue"), 1)
        out, err = run("curl", "-sSv", "-X", "POST", "-T", "-", url + "echo",
                       input=data)
        assert out == data, len(out)
        assert "> Transfer-Encoding: chunked" in err, err
        # Larger than allowed: the refusal arrives, not a reset.
        out, _ = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                     "-H", "Content-Length: 99999999", "--data-binary",
                     f"@{f.name}", url)
        equal(out, b"413")


@needs("wget")
def wget_gets_two_pages_on_one_connection():
    with Url() as url:
        out, err = run("wget", "--no-verbose", "--debug", "-O", "-", url, url)
        equal(out.decode().count(HELLO), 2)
        equal((out.decode() + err).count("Reusing fd"), 1)


@needs("ab")
def ab_keeps_its_connections():
    with Url() as url:
        out, _ = run("ab", "-q", "-k", "-n", 5000, "-c", 50, url)
        text = out.decode()
        equal(number(r"^Complete requests: +(\d+)", text), 5000)
        equal(number(r"^Failed requests: +(\d+)", text), 0)
        equal(number(r"^Keep-Alive requests: +(\d+)", text), 5000)
        equal(number(r"^HTML transferred: +(\d+)", text), 5000 * 13)
        assert "Non-2xx" not in text, text
        out, _ = run("ab", "-q", "-n", 500, "-c", 20, url)
        equal(number(r"^Failed requests: +(\d+)", out.decode()), 0)


@needs("h2load")
def h2load_counts_no_errors():
    with Url() as url:
        out, _ = run("h2load", "--h1", "-n", 5000, "-c", 50, "-m", 8, url)
        text = out.decode()
        assert ("5000 succeeded, 0 failed, 0 errored, 0 timeout" in text and
                "5000 2xx, 0 3xx, 0 4xx, 0 5xx" in text), text


@needs("wrk")
def wrk_counts_no_errors():
    with Url() as url:
        out, _ = run("wrk", "-t1", "-c50", "-d1s", url)
        text = out.decode()
        assert "Socket errors" not in text and "Non-2xx" not in text, text
        assert number(r"(\d+) requests in", text) > 100, text


@needs("go")
def go_net_http():
    program = build / "tests" / "http" / "go_client"
    env = dict(os.environ, GOCACHE=str((build / "go-cache").resolve()),
               GOFLAGS="-mod=mod", GO111MODULE="off", GOTOOLCHAIN="local")
    run("go", "build", "-o", program, HERE / "go_client.go", env=env)
    with Url() as url:
        out, _ = run(program, url.split("/")[2])
        m = re.fullmatch(r"833 requests on (\d+) connections\n", out.decode())
        assert m and 8 <= int(m[1]) <= 16, out


def python_http_client():
    data = os.urandom(30000)
    with Url() as url:
        conn = http.client.HTTPConnection(url.split("/")[2], timeout=WAIT)
        conn.connect()
        sock = conn.sock
        for _ in range(200):
            conn.request("GET", "/")
            r = conn.getresponse()
            equal((r.status, r.read().decode()), (200, HELLO))
        for body, chunked in (data, False), (iter((data, data)), True):
            conn.request("POST", "/echo", body, encode_chunked=chunked,
                         headers={"Transfer-Encoding": "chunked"}
                         if chunked else {})
            equal(conn.getresponse().read() == data * (1 + chunked), True)
        conn.request("HEAD", "/")
        r = conn.getresponse()
        equal((r.status, r.getheader("Content-Length"), r.read()),
              (200, "13", b""))
        assert conn.sock is sock  # all of it on one connection
        conn.close()


main(
    curl_in_every_version_it_speaks,
    curl_keeps_one_connection,
    curl_asks_for_the_head_alone,
    curl_uploads_large_bodies_in_either_framing,
    wget_gets_two_pages_on_one_connection,
    ab_keeps_its_connections,
    h2load_counts_no_errors,
    wrk_counts_no_errors,
    go_net_http,
    python_http_client,
)
