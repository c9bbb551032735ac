#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Headless Chromium: the page of events shows ticks and what is said; the file
server's page has its style, script and image. Screenshots go to the folder that
is the third argument.

Usage: test_browser.py BUILD CHROMIUM FOLDER"""
import http.client
import http.server
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

from harness import Program, WAIT, equal, example, main, receive_all

chromium, pictures = sys.argv[2], Path(sys.argv[3])


class Server(Program):
    def __init__(self, *command):
        super().__init__(example(command[0]), *map(str, command[1:]),
                         "127.0.0.1:0")
        self.port = int(self.read_line().rpartition(":")[2])


def browse(port, *args):
    """Runs the browser to its end. Returns what it prints."""
    with tempfile.TemporaryDirectory(prefix="gev-browser-") as profile:
        p = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--hide-scrollbars", "--window-size=400,300",
             f"--user-data-dir={profile}", *args, f"http://127.0.0.1:{port}/"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=WAIT)
        equal(p.returncode, 0)
        return p.stdout


def png(r, g, b, size=32):
    """A square of one colour."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    rows = (b"\0" + bytes((r, g, b)) * size) * size
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def colours(path, top=0):
    """How often each colour is in a screenshot, by its bytes; from row @top."""
    data = path.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    equal((depth, kind in (2, 6)), (8, True))
    size, at, packed = 3 if kind == 2 else 4, 8, b""
    while at < len(data):
        n, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + n] if name == b"IDAT" else b""
        at += 12 + n
    raw, count, above = zlib.decompress(packed), {}, bytes(width * size)
    for y in range(height):
        line = bytearray(raw[y * (width * size + 1):][:width * size + 1])
        method, line = line[0], line[1:]
        for i in range(width * size):
            a = line[i - size] if i >= size else 0
            b, c = above[i], above[i - size] if i >= size else 0
            p = a + b - c
            paeth = min((abs(p - v), k, v)
                        for k, v in enumerate((a, b, c)))[2]
            line[i] = line[i] + (0, a, b, (a + b) // 2, paeth)[method] & 255
        for x in range(0, width * size if y >= top else 0, size):
            pixel = bytes(line[x:x + 3])
            count[pixel] = count.get(pixel, 0) + 1
        above = line
    return count


@contextmanager
def slowly_loaded(port):
    """A proxy that adds an image which takes its time to the page: the browser
    looks at a page when it is loaded, and by then there are events."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/slow":
                time.sleep(2)
                return
            with socket.create_connection(("127.0.0.1", port), WAIT) as s:
                s.sendall(b"GET %s HTTP/1.0\r\n\r\n" % self.path.encode())
                try:
                    if self.path == "/":
                        page = receive_all(s).partition(b"\r\n\r\n")[2]
                        self.wfile.write(
                            b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
                            b"\r\n" + page + b"<img src=slow>")
                    while piece := s.recv(65536):
                        self.wfile.write(piece)
                except OSError:
                    pass  # the browser has gone

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy.server_port
        finally:
            proxy.shutdown()
            thread.join()


def the_page_of_events_shows_ticks_and_messages():
    with Server("http/events", "--tick", "0.05") as server:
        ended = threading.Event()

        def speak():
            while not ended.wait(0.05):
                c = http.client.HTTPConnection("127.0.0.1", server.port)
                c.request("POST", "/say", "said & done")
                c.getresponse().read()
                c.close()

        speaker = threading.Thread(target=speak)
        speaker.start()
        try:
            shot = pictures / "events.png"
            with slowly_loaded(server.port) as port:
                dom = browse(port, "--dump-dom")
                browse(port, f"--screenshot={shot}")
        finally:
            ended.set()
            speaker.join()
        assert re.search(r"<span id=\"tick\">\d\d:\d\d:\d\d</span>", dom), dom
        assert "said &amp; done\n" in dom, dom
        # Below the form, where messages are, it is not all white.
        assert colours(shot, 130).get(b"\0\0\0", 0) >= 20, "nothing shown"
        equal(server.end(), (0, ""))


def the_page_of_files_has_all_its_parts():
    with tempfile.TemporaryDirectory(prefix="gev-site-") as d:
        site = Path(d)
        (site / "index.html").write_text(
            "<!doctype html><title>site</title>"
            "<link rel=stylesheet href=style.css><h1>Files</h1>"
            "<img src=pic/red.png width=100 height=100><p id=js>no"
            "<script src=app.js></script>")
        (site / "style.css").write_text("body { background: rgb(0, 0, 255) }")
        (site / "app.js").write_text(
            "document.getElementById('js').textContent = 'script ran';")
        (site / "pic").mkdir()
        (site / "pic" / "red.png").write_bytes(png(255, 0, 0))
        with Server("http/files", "--log", site / "log", site) as server:
            dom = browse(server.port, "--dump-dom")
            assert "script ran" in dom, dom
            shot = pictures / "files.png"
            browse(server.port, f"--screenshot={shot}")
            equal(server.end(), (0, ""))
        log = (site / "log").read_text()
        for name in "/", "/style.css", "/app.js", "/pic/red.png":
            assert f'"GET {name} HTTP/1.1" 200 ' in log, log
        count = colours(shot)
        assert count.get(b"\xff\0\0", 0) >= 9000, "no image"
        assert count.get(b"\0\0\xff", 0) >= 50000, "no style"


main(the_page_of_events_shows_ticks_and_messages,
     the_page_of_files_has_all_its_parts)
