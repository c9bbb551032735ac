# SPDX-License-Identifier: MIT
"""Real servers for the tests, as the distribution has them: each on a free
loopback port, in a folder of its own that goes away, not as root, and ended by
its process id. What is not installed skips the test (exit status 77).
"""
import asyncio
import contextlib
import glob
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WAIT = 60.0  # seconds for a server to be ready, or to end

SKIP = 77


def skip(why):
    print("skipped:", why)
    sys.exit(SKIP)


def need(*programs):
    """Their paths; skips the test if one is not there."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = [shutil.which(p, path=path) for p in programs]
    for name, where in zip(programs, found):
        if where is None:
            skip(f"{name} is not installed (tools/setup.sh peers)")
    return found if len(found) > 1 else found[0]


def free_port():
    """A port that nobody has, and that the kernel gives to nobody by itself, as
    a connection of another test's or in place of port 0, before its server does
    bind it."""
    first, last = map(int, Path(
        "/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    others = [*range(10000, first), *range(last + 1, 65536)]
    while True:
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", random.choice(others or [0])))
            return s.getsockname()[1]


def names():
    """Names of this machine, as far as they mean 127.0.0.1."""
    host = socket.gethostname()
    try:
        found = {i[4][0] for i in socket.getaddrinfo(host, 80)}
    except OSError:
        found = set()
    return ["localhost"] + ([host] if found == {"127.0.0.1"} else [])


def unprivileged():
    """For subprocess: who runs servers that refuse to be root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


@contextlib.contextmanager
def folder():
    """A temporary folder that the unprivileged user owns."""
    path = Path(tempfile.mkdtemp(prefix="gev-real-"))
    if os.geteuid() == 0:
        shutil.chown(path, "nobody", "nogroup")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def server(command, port, folder, **kwargs):
    """Runs a server; it is ready when it accepts connections."""
    with open(folder / "log", "wb") as log:
        p = subprocess.Popen([str(c) for c in command], cwd=folder,
                             stdin=subprocess.DEVNULL, stdout=log,
                             stderr=subprocess.STDOUT, **kwargs)
    try:
        wait_for_port(p, port, folder / "log")
        yield p
    finally:
        p.terminate()
        try:
            p.wait(WAIT)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def wait_for_port(p, port, log):
    end = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if p.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{p.args[0]} does not listen: "
                                     + log.read_text()) from None
            time.sleep(0.02)


class Delayed:
    """An HTTP server of ours: GET /N gives N bytes, DELAY seconds later.

    All requests at once, on a thread of this process.
    """

    def __init__(self, delay):
        self.delay = delay
        self.n_served = 0
        self.loop = asyncio.new_event_loop()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(
            self.serve, sock=self.listener, backlog=1024))
        self.loop.run_forever()
        self.server.close()
        rest = asyncio.all_tasks(self.loop)
        for task in rest:
            task.cancel()
        self.loop.run_until_complete(
            asyncio.gather(*rest, return_exceptions=True))
        self.loop.close()

    async def serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.CancelledError,
                                 asyncio.IncompleteReadError):
            head = b""
            while b" HTTP/1.0" not in head:
                head = await reader.readuntil(b"\r\n\r\n")
                n = int(b"0" + head.split(b" ")[1].split(b"/")[1])
                await asyncio.sleep(self.delay)
                self.n_served += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                             % n + b"x" * n)
                await writer.drain()
        writer.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)


def certificate(folder):
    """A certificate for this machine's names, signed by itself."""
    openssl = need("openssl")
    names = f"DNS:localhost,DNS:{socket.gethostname()},IP:127.0.0.1"
    subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext",
                    f"subjectAltName={names}", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    os.chmod(folder / "key.pem", 0o644)
    return folder / "cert.pem"


NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off; client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=1024;
        ssl_certificate cert.pem; ssl_certificate_key key.pem;
        location /file/ {{ alias {folder}/file/; }}
        location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(upstream):
    """nginx with TLS in front of an HTTP server, and /file/. Port, certificate,
    its folder."""
    program = need("nginx")
    with folder() as d:
        cert = certificate(d)
        (d / "file").mkdir()
        port = free_port()
        (d / "conf").write_text(NGINX.format(port=port, upstream=upstream,
                                             folder=d))
        with server([program, "-p", d, "-c", d / "conf"], port, d,
                    **unprivileged()):
            yield port, cert, d


@contextlib.contextmanager
def redis():
    """redis-server without persistence; its port."""
    program = need("redis-server")
    port = free_port()
    with folder() as d:
        with server([program, "--port", port, "--bind", "127.0.0.1", "--save",
                     "", "--appendonly", "no", "--dir", d], port, d,
                    **unprivileged()):
            yield port


def pg_program(name):
    """One of PostgreSQL's server programs, which Debian keeps off the PATH."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    if not found:
        skip(f"{name} is not installed (tools/setup.sh peers)")
    return found[-1]


@contextlib.contextmanager
def postgres():
    """PostgreSQL that trusts everybody, user "gev"; its port."""
    initdb, program = pg_program("initdb"), pg_program("postgres")
    port = free_port()
    with folder() as d:
        subprocess.run([initdb, "-D", d / "data", "-U", "gev", "-A", "trust",
                        "--no-sync", "--no-locale", "-E", "UTF8"], cwd=d,
                       check=True, capture_output=True, **unprivileged())
        with server([program, "-D", d / "data", "-p", port, "-k", d, "-h",
                     "127.0.0.1", "-N", "300", "-F"], port, d,
                    **unprivileged()):
            isready = [pg_program("pg_isready"), "-q", "-h", "127.0.0.1",
                       "-p", str(port)]
            end = time.monotonic() + WAIT
            while subprocess.run(isready).returncode != 0:
                assert time.monotonic() < end, "PostgreSQL does not start"
                time.sleep(0.02)
            yield port
