# SPDX-License-Identifier: MIT
"""harness - start servers and loads on cores of their own, and end them.

Shared by run.py and scenarios.py. Every process started here is known by its
handle and ended by it; every wait has a limit; everything stays on loopback.
"""
import functools
import json
import os
import resource
import select
import shutil
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]
START_LIMIT = 10   # seconds for a server to say that it listens
WINDOW_LIMIT = 60  # seconds for one answer of the load generator


class NotBuilt(Exception):
    """The program is not in the build folder."""


# Debian's python3-gevent is for /usr/bin/python3 only.
INTERPRETERS = {
    ".py": ("/usr/bin/python3", ("-c", "import gevent")),
    ".js": ("node", ("-e", "0")),
    ".nginx": ("/usr/bin/python3", ("-c", "import os; os.stat('/usr/sbin/nginx')")),
}


class Failed(Exception):
    """A program ended badly, or said something unexpected."""


@functools.lru_cache(None)
def can_run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


class Build:
    """The folder with the built programs."""

    def __init__(self, path):
        self.path = path

    def program(self, name):
        """Path of bench/NAME, or of an example by its whole name."""
        path = os.path.join(self.path, name if name.startswith("examples/")
                            else "bench/" + name)
        if not os.path.exists(path):
            raise NotBuilt(name)
        return path

    def command(self, name):
        """How to start it: scripts are those of bench/peers in the sources."""
        interpreter = INTERPRETERS.get(os.path.splitext(name)[1])
        if not interpreter:
            return [self.program(name)]
        program, needs = interpreter
        if not shutil.which(program) or not can_run(program, *needs):
            raise NotBuilt(name)
        return [program, os.path.join(ROOT, "bench", "peers", name)]


def pin(cpu):
    """For preexec_fn: what follows runs on that core only."""
    return lambda: os.sched_setaffinity(0, {cpu})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_line(pipe, seconds):
    """One line from an unbuffered pipe, or Failed when time is up."""
    line, end = b"", time.monotonic() + seconds
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise Failed("no answer within %d s" % seconds)
        part = os.read(pipe.fileno(), 65536)
        if not part:
            raise Failed("ended early")
        line += part
    return line.decode()


def stop(process):
    """Ends a process that we started: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def last_child(pid):
    """The worker: who does the work where a process starts others for it."""
    path = "/proc/%d/task/%d/children" % (pid, pid)
    with open(path) as f:
        children = f.read().split()
    return last_child(int(children[-1])) if children else pid


def process_cpu(pid):
    """CPU clock of a process in seconds, ended threads included: see proc.h."""
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3)


class Server:
    """A running server, pinned; use it in a with statement."""

    def __init__(self, build, name, args=(), env=None, nofile=None,
                 cpu=SERVER_CPU):
        def prepare():
            os.sched_setaffinity(0, {cpu})
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        self.name = name
        self.addr = "127.0.0.1:%d" % free_port()
        self.process = subprocess.Popen(
            [*build.command(name), *self._arguments(args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, bufsize=0, preexec_fn=prepare,
            env=dict(os.environ, GOMAXPROCS="1", **(env or {})))
        self.pid = self.process.pid
        try:
            line = read_line(self.process.stdout, START_LIMIT)
            if not line.startswith("listening on "):
                raise Failed("%s said '%s'" % (name, line.strip()))
            self.pid = last_child(self.pid)
        except Failed:
            self.stop()
            raise

    def _arguments(self, args):
        """The address comes first, or where "{addr}" stands."""
        if "{addr}" in args:
            return [self.addr if a == "{addr}" else a for a in args]
        return [self.addr, *args]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        stop(self.process)

    def cpu_seconds(self):
        """CPU time of all its threads, those that ended too."""
        return process_cpu(self.pid)


def load_command(build, server, mode, options):
    command = [build.program("load"), mode, server.addr,
               "-p", str(server.pid), "-c", str(LOAD_CPU)]
    for name, value in options.items():
        command += ["-" + name] if value is True else ["-" + name, str(value)]
    return command


def load(build, server, mode, **options):
    """Runs the load generator once; options are its own, by letter."""
    done = subprocess.run(load_command(build, server, mode, options),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=WINDOW_LIMIT + float(options.get("t", 1)))
    if done.returncode != 0:
        raise Failed("%s: %s" % (server.name, done.stderr.decode().strip()))
    return json.loads(done.stdout)


class Load:
    """A load generator that keeps its connections and measures on request."""

    def __init__(self, build, server, mode, **options):
        self.name = server.name
        self.process = subprocess.Popen(
            load_command(build, server, mode, dict(options, i=True)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        try:
            self.opened = json.loads(self._line())
        except Failed:
            stop(self.process)
            raise

    def _line(self):
        try:
            return read_line(self.process.stdout, WINDOW_LIMIT)
        except Failed as e:
            raise Failed("load on %s: %s" % (self.name, e))

    def window(self):
        """Warm-up and one measured window, as the load prints it."""
        self.process.stdin.write(b"\n")
        return json.loads(self._line())

    def stop(self):
        stop(self.process)
