#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that nobody here wrote, under gev-run: what they print and how they end
is what it is without. Each runs three times: plain, under gev-run, and under gev-run
with a hub in the main thread. A program that is not installed is passed over, and
said so."""
import contextlib
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import WAIT, build, equal, main
from servers import Delayed, free_port, nginx, pg_program, postgres, redis
from servers import wait_for_port

GEV_RUN = str(build / "src/patch/gev-run")
WAYS = {"gev-run": [GEV_RUN], "with a hub": [GEV_RUN, "--patch=all,hub"]}
NUMBER = (r"\d+(\.\d+)?", "N")  # what differs from run to run
DATE = (r"Date: .*", "Date:")

n_same = 0


def outcome(command, input, hide, env):
    p = subprocess.run([str(c) for c in command], timeout=2 * WAIT,
                       input=input, capture_output=True,
                       env={**os.environ, **env})
    out, err = p.stdout.decode(errors="replace"), p.stderr.decode(
        errors="replace")
    for pattern, by in hide:
        out, err = re.sub(pattern, by, out), re.sub(pattern, by, err)
    return p.returncode, out, err


def same(*command, status=0, input=b"", hide=(), wants="", env={}):
    """Runs it in each way; the plain one must end with status, and print wants."""
    global n_same
    if shutil.which(str(command[0])) is None:
        print(f"     {command[0]} is not installed")
        return
    plain = outcome(command, input, hide, env)
    assert plain[0] == status and wants in plain[1] + plain[2], plain
    for way, front in WAYS.items():
        got = outcome([*front, *command], input, hide, env)
        assert got == plain, (f"{way}: {command}: {got!r:.1500}\n"
                              f"not {plain!r:.1500}")
    n_same += 1


def curl_and_wget():
    with Delayed(0.05) as d, nginx(d.port) as (port, cert, folder):
        (folder / "file/page").write_bytes(os.urandom(3000).hex().encode())
        http, https = f"http://localhost:{d.port}", f"https://localhost:{port}"
        closed = f"http://127.0.0.1:{free_port()}/"
        trust = ["--cacert", cert]
        same("curl", "-s", f"{http}/1000", wants="x" * 1000)
        same("curl", "-s", *trust, f"{https}/file/page")
        same("curl", "-sS", f"{https}/5", status=60, wants="certificate")
        same("curl", "-sS", closed, status=7, hide=[NUMBER])
        same("curl", "-s", "--max-time", "0.02", f"{http}/1", status=28)
        same("curl", "-s", "-Z", *trust,
             *[f"{https}/{i}" for i in [7] * 20], wants="x" * 140,
             hide=[(r"DL%[\s\S]*", "")])
        same("curl", "-s", "-v", "-o", "/dev/null", f"{http}/9",
             hide=[(r"localhost:\d+|port \d+", "P"), NUMBER], wants="N OK")
        same("wget", "-q", "-O", "-", f"{http}/1000", wants="x" * 1000)
        same("wget", "-q", "-O", "-", "--ca-certificate", cert,
             f"{https}/file/page")
        same("wget", "-q", "-t", "1", "-O", "-", closed, status=4)


def openssl_and_nc():
    request = b"GET /file/page HTTP/1.0\r\nHost: localhost\r\n\r\n"
    with Delayed(0) as d, nginx(d.port) as (port, cert, folder):
        (folder / "file/page").write_text("the page\n")
        same("openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile",
             cert, "-quiet", "-ign_eof", "-verify_return_error", input=request,
             hide=[DATE], wants="the page")
        same("openssl", "s_client", "-connect", f"127.0.0.1:{free_port()}",
             "-quiet", status=1, hide=[(r"[0-9A-F]{8,}|:\d+", "H")])
        same("nc", "-N", "127.0.0.1", d.port, hide=[DATE],
             input=b"GET /3 HTTP/1.1\r\n\r\n", wants="xxx")
        same("nc", "-z", "-v", "127.0.0.1", d.port, hide=[NUMBER],
             wants="succeeded")
        same("nc", "-z", "127.0.0.1", free_port(), status=1)


def nc_as_a_server():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for front in ([], *WAYS.values()):
            server, port = start_nc(front, taken.getsockname()[1])
            try:
                talk_to_nc(server, port)
            finally:
                server.kill()
                server.wait()


def talk_to_nc(server, port):
    server.stdin.write(b"from the server")
    server.stdin.flush()
    with socket.create_connection(("127.0.0.1", port), WAIT) as s:
        s.sendall(b"from the client" * 1000)
        equal(s.recv(100), b"from the server")
    server.stdin.close()
    equal(server.stdout.read(), b"from the client" * 1000)
    equal(server.wait(WAIT), 0)


def start_nc(front, port):
    """An nc that listens, and where: there, or at another port if it is taken."""
    for attempt in range(20):
        p = subprocess.Popen([*front, "nc", "-l", "127.0.0.1", str(port)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        while p.poll() is None:
            if listens(p, port):
                return p, port
        said = p.communicate()[1]
        assert b"Address already in use" in said, said
        port = free_port()
    raise AssertionError("all ports are taken")


def listens(process, port):
    """Does it? nc -l serves one connection only, so nobody may try."""
    with contextlib.suppress(OSError):
        fds = {os.readlink(fd)
               for fd in Path(f"/proc/{process.pid}/fd").iterdir()}
        rows = [row.split() for row in open("/proc/net/tcp")]
        return any(row[1].endswith(f":{port:04X}") and row[3] == "0A"
                   and f"socket:[{row[9]}]" in fds for row in rows)
    return False


def redis_programs():
    with redis() as port:
        cli = ["redis-cli", "-p", str(port)]
        same(*cli, "set", "key", "a value", wants="OK")
        same(*cli, "get", "key", wants="a value")
        same(*cli, "nonsense", wants="ERR")
        same(*cli, "blpop", "nothing", "1", wants="")
        same(*cli, input=b"set a 1\nincr b\ndel b\nget a\n", wants="1")
        same(*cli, "--pipe", input=b"SET k v\r\n" * 1000,
             wants="replies: 1000")
        same("redis-cli", "-p", str(free_port()), "ping", status=1,
             hide=[NUMBER])
        for more in ([], ["--threads", "2"], ["-P", "8"]):
            same("redis-benchmark", "-p", str(port), "-n", "2000", "-c", "50",
                 "-t", "set,get", "--csv", *more, hide=[NUMBER], wants="GET")


def postgresql_programs():
    with postgres() as port:
        at = ["-h", "127.0.0.1", "-p", str(port), "-U", "gev"]
        psql = ["psql", *at, "-X", "-d", "postgres", "-v", "ON_ERROR_STOP=1"]
        same(*psql, "-Atc", "select 6 * 7", wants="42")
        same(*psql, "-c", "select pg_sleep(0.1), n from generate_series(1, 3)"
             " n", wants="3 rows")
        same(*psql, "-c", "select 1 / 0", status=1, wants="division by zero")
        same(*psql, input=b"create temp table t (n int);\n"
             b"copy t from stdin;\n1\n2\n3\n\\.\n\\! echo shell\n"
             b"select sum(n) from t;\n", wants="6")
        same("psql", "-h", "127.0.0.1", "-p", str(free_port()), "-c", "",
             status=2, hide=[NUMBER], wants="refused")
        pgbench = pg_program("pgbench")
        subprocess.run([pgbench, *at, "-i", "-q", "postgres"], check=True,
                       capture_output=True)  # notices of what is not there
        same(pgbench, *at, "-i", "-q", "postgres",
             hide=[NUMBER, (r"\(.*\)", "()"), (r"\r.*\r", "")], wants="done")
        same(pgbench, *at, "-c", "8", "-j", "2", "-t", "20",
             "postgres", hide=[NUMBER], wants="processed")
        same("pg_dump", *at, "-a", "-t", "pgbench_branches", "postgres",
             hide=[(r"\\(un)?restrict \S+", "")], wants="COPY")
        same("pg_isready", *at, wants="accepting")


PYTHON_CLIENT = """
import concurrent.futures, subprocess, sys, urllib.request
def get(n):
    return len(urllib.request.urlopen(sys.argv[1] + str(n)).read())
print(get(100))
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(list(pool.map(get, range(16))))
print(subprocess.run(["sh", "-c", "sleep 0.05; echo child; exit 3"],
                     capture_output=True))
try:
    urllib.request.urlopen(sys.argv[1] + "1", timeout=0.01)
except OSError as e:
    print(type(e).__name__, e)
"""

# Each begins with vfork(2): a child that used its parent's hub would end both.
PYTHON_CHILDREN = """
import subprocess
n = 0
for i in range(1000):
    try:
        subprocess.Popen(["/nonexistent/program"])
    except FileNotFoundError:
        n += 1
print(n)
"""

PYTHON_SERVER = """
import asyncio, select, socket, threading, time
async def echo(reader, writer):
    writer.write(await reader.read(100))
    await writer.drain()
    writer.close()
async def client(port, i):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.01)
    writer.write(b"%d" % i)
    return int(await reader.read(100))
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(sum(await asyncio.gather(*[client(port, i) for i in range(100)])))
asyncio.run(main())
a, b = socket.socketpair()
a.settimeout(0.02)
try:
    a.recv(1)
except TimeoutError as e:
    print(e)
t = threading.Thread(target=lambda: (time.sleep(0.02), b.send(b"x")))
t.start()
print(select.select([a], [], [], 5)[0] == [a], a.recv(1))
t.join()
"""


def python_and_perl():
    with Delayed(0.05) as d:
        url = f"http://localhost:{d.port}/"
        same("/usr/bin/python3", "-c", PYTHON_CLIENT, url, wants="child")
        same("/usr/bin/python3", "-c", PYTHON_SERVER, wants="4950")
        same("/usr/bin/python3", "-c", PYTHON_CHILDREN, wants="1000")
        same("perl", "-MIO::Socket::INET", "-e",
             "my $s = IO::Socket::INET->new('localhost:' . shift) or die $!;"
             "print $s \"GET /5 HTTP/1.0\\r\\n\\r\\n\"; read($s, $b, 50);"
             "print $b; select(undef, undef, undef, 0.05); print `echo hi`",
             d.port, wants="hi")


class Names(socketserver.BaseRequestHandler):
    """A name server that knows of every name that it is 192.0.2.7."""

    def handle(self):
        query, sock = self.request
        end = query.index(b"\0", 12) + 5
        sock.sendto(query[:2] + b"\x85\x80\0\1\0\1\0\0\0\0" + query[12:end]
                    + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7",
                    self.client_address)


def dig_and_host():
    with socketserver.UDPServer(("127.0.0.1", 0), Names) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = str(server.server_address[1])
        same("dig", "@127.0.0.1", "-p", port, "+short", "+noedns", "a.test",
             "A", wants="192.0.2.7")
        same("host", "-p", port, "-t", "A", "b.test", "127.0.0.1",
             wants="192.0.2.7")
        server.shutdown()


def git_over_https():
    if shutil.which("git") is None:
        return
    me = ["-c", "user.name=gev", "-c", "user.email=gev@localhost"]
    with nginx(free_port()) as (port, cert, folder):
        repo, copy = folder / "file/repo", folder / "copy"
        for args in (["init", "-q"], [*me, "commit", "-q", "--allow-empty",
                                      "-m", "the first"],
                     ["update-server-info"]):
            repo.mkdir(exist_ok=True)
            subprocess.run(["git", *args], cwd=repo, check=True)
        same("sh", "-ec", f"rm -rf {copy}; git clone -q $1 {copy};"
             f"git -C {copy} log --format=%s; git ls-remote $1", "sh",
             f"https://localhost:{port}/file/repo/.git", wants="the first",
             env={"GIT_SSL_CAINFO": str(cert)})


def load_generators():
    with Delayed(0.01) as d:
        url = f"http://127.0.0.1:{d.port}/10"
        same("ab", "-q", "-n", "200", "-c", "20", url, wants="Complete",
             hide=[NUMBER, (r" +", " "), (r"Connection Times[\s\S]*", "")])


def shells():
    same("sh", "-c", "echo one | tr a-z A-Z; sleep 0.05; (exit 5)", status=5,
         wants="ONE")
    same("bash", "-c", "read -t 0.05 x < <(sleep 1); echo $?; wait; "
         "for i in 1 2 3; do (sleep 0.$i; echo $i) & done; wait; kill -9 $$",
         status=-9, wants="3")
    same("timeout", "0.05", "sleep", "5", status=124)
    same("sh", "-c", "seq 100000 | sort -n | tail -1", wants="100000")


def end():
    print(f"     {n_same} commands: the same plain and " + ", ".join(WAYS))
    assert n_same > 10


main(curl_and_wget, openssl_and_nc, nc_as_a_server, redis_programs,
     postgresql_programs, python_and_perl, dig_and_host, git_over_https,
     load_generators, shells, end)
