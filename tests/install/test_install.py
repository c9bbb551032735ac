#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs gev into a temporary folder and builds the README's program with it.

The program is the first ```c block of README.md, built with nothing but
`cc $(pkg-config --cflags --libs gev)`, once against libgev.so and once, with
--static's list, against libgev.a. It is an echo server that takes an address,
and exits 0 on SIGTERM.

Then linked.c, with libgev_patch.a inside as docs/patching.md says, and libcurl.

Usage: test_install.py BUILD SOURCE
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WAIT = 10.0  # seconds for the server to answer or to end
DELAY = 0.3  # seconds before an answer to linked.c


def run(*command, **kwargs):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE, **kwargs).stdout


def first_c_block(readme):
    block = re.search(r"^```c\n(.*?)^```", readme.read_text(), re.M | re.S)
    if not block:
        sys.exit(f"{readme} has no ```c block")
    return block[1]


def install(build, destdir):
    """Returns the environment in which pkg-config and ld.so see the copy."""
    run("meson", "install", "-C", str(build), "--no-rebuild",
        "--destdir", str(destdir))
    pc = next(destdir.rglob("gev.pc"), None)
    if pc is None:
        sys.exit("gev.pc was not installed")
    return dict(os.environ, PKG_CONFIG_PATH=str(pc.parent),
                PKG_CONFIG_SYSROOT_DIR=str(destdir),
                LD_LIBRARY_PATH=str(pc.parent.parent))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port, server):
    end = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), WAIT)
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.02)


def check_echo(program, env):
    port = free_port()
    server = subprocess.Popen([program, f"127.0.0.1:{port}"], env=env)
    try:
        with connect(port, server) as s:
            s.sendall(b"hello\n")
            s.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: s.recv(4096), b""))
        assert answer == b"hello\n", answer
        server.send_signal(signal.SIGTERM)
        status = server.wait(WAIT)
        assert status == 0, f"the server ended with {status}"
    finally:
        server.kill()
        server.wait()


class Slow(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(DELAY)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


def archive_command(docs):
    """The one that docs/patching.md gives."""
    return re.search(r"^    (cc program\.c(?:.*\\\n)*.*)", docs, re.M)[1]


def check_linked(source, work, env):
    command = archive_command((source / "docs/patching.md").read_text())
    shutil.copy(source / "tests/install/linked.c", work / "program.c")
    if subprocess.run(["pkg-config", "--exists", "libcurl"]).returncode != 0:
        print("no libcurl: its calls are not tested")
        return
    curl = run("pkg-config", "--libs", "libcurl").strip()
    run("sh", "-ec", command + " " + curl, env=env, cwd=work)
    assert "libgev_patch" not in run("ldd", work / "program", env=env)
    with Server(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:%d/" % server.server_address[1]
        print(run(work / "program", url, env=env, timeout=WAIT).strip())
        server.shutdown()


def main():
    build, source = Path(sys.argv[1]), Path(sys.argv[2])
    work = Path(tempfile.mkdtemp(prefix="gev-install-"))
    try:
        (work / "echo.c").write_text(first_c_block(source / "README.md"))
        env = install(build, work / "root")
        libdir = env["LD_LIBRARY_PATH"]
        for kind in ("gev.h", "gev/greenlet.h"):
            assert list((work / "root").rglob(f"include/{kind}")), kind
        for name in ("libgev.so", "libgev.so.0", "libgev.a"):
            assert Path(libdir, name).exists(), name

        shell = "cc echo.c -o {} $(pkg-config --cflags {} gev)"
        run("sh", "-ec", shell.format("echo", "--libs"), env=env, cwd=work)
        assert "libgev.so.0" in run("ldd", work / "echo", env=env)
        check_echo(work / "echo", env)

        # Nothing in it names libgev_patch, which must be there all the same.
        run("sh", "-ec", "cc -Wl,--as-needed echo.c -o echo-patched"
            " $(pkg-config --cflags --libs gev-patch)", env=env, cwd=work)
        assert "libgev_patch.so.0" in run("ldd", work / "echo-patched",
                                          env=env)
        check_echo(work / "echo-patched", env)

        check_linked(source, work, env)

        libs = run("pkg-config", "--static", "--libs", "gev", env=env)
        libs = libs.replace("-lgev", "-l:libgev.a")
        flags = run("pkg-config", "--cflags", "gev", env=env)
        run("cc", "echo.c", "-o", "echo-static", *flags.split(),
            *libs.split(), cwd=work)
        assert "libgev" not in run("ldd", work / "echo-static", env=env)
        check_echo(work / "echo-static", env)
    finally:
        shutil.rmtree(work)
    print("installed, built twice, echoed, ended with 0")


if __name__ == "__main__":
    main()
