# SPDX-License-Identifier: MIT
"""web - rows of HTTP: wrk is the load, the server's CPU is its CPU clock's.

wrk runs for a second per turn on the load's core; its own start is outside the
server's account, and in its own (a few milliseconds). A non-2xx answer, or an error of a socket, fails the row.
"""
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time

import harness
from harness import Failed
from measure import each_turn
from subjects import HTTP

PIPELINE = """
local all
init = function(args)
  local r = {}
  for i = 1, %d do r[i] = wrk.format("GET", "/") end
  all = table.concat(r)
end
request = function() return all end
"""


def children_cpu():
    """Seconds of CPU that the processes used that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wrk(server, connections, seconds, path="/", script=None):
    """{"ops", "ops_per_s", "cpu_ns_per_op", ...} of one run of wrk."""
    if not shutil.which("wrk"):
        raise Failed("wrk is not installed")
    command = ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds]
    command += ["-s", script] if script else []
    cpu, began = server.cpu_seconds(), time.monotonic()
    client = children_cpu()
    done = subprocess.run([*command, "http://%s%s" % (server.addr, path)],
                          capture_output=True, text=True, timeout=60,
                          preexec_fn=harness.pin(harness.LOAD_CPU))
    time.sleep(0.01)
    cpu, took = server.cpu_seconds() - cpu, time.monotonic() - began
    client = children_cpu() - client
    count = re.search(r"(\d+) requests in", done.stdout)
    if done.returncode or not count or "Non-2xx" in done.stdout or \
            re.search(r"(connect|read|write) [1-9]", done.stdout):
        raise Failed("wrk: %s %s" % (done.stdout, done.stderr))
    ops = int(count[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    return {"ops": ops, "ops_per_s": rate, "cpu_ns_per_op": cpu * 1e9 / ops,
            "client_ns_per_op": client * 1e9 / ops, "cpu_share": cpu / took}


def hello(names, connections, turns=5, depth=1, field="cpu_ns_per_op"):
    def measure(context):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(PIPELINE % depth)
            script.flush()

            def one(context, server, name):
                r = wrk(server, connections, 1,
                        script=script.name if depth > 1 else None)
                return dict(r, value=r[field])
            return each_turn(names, turns, HTTP, one)(context)
    return measure


def files(names, what, size, both=False, connections=32, turns=5):
    """CPU per file; @both: of server plus client."""
    def measure(context):
        with tempfile.TemporaryDirectory(prefix="bench-files-") as folder:
            os.chmod(folder, 0o755)  # nginx's worker is another user
            with open(os.path.join(folder, "file.bin"), "wb") as f:
                f.write(os.urandom(size))

            def one(context, server, name):
                r = wrk(server, connections, 1, "/file.bin")
                return dict(r, value=r["cpu_ns_per_op"] +
                            both * r["client_ns_per_op"])
            where = {n: tuple(folder if a == "{dir}" else a for a in what[n])
                     for n in names}
            return each_turn(names, turns, where, one)(context)
    return measure


def generator(names, n=100, turns=5):
    """The same requests from both generators: does ours measure what wrk does?"""
    def measure(context):
        def one(context, server, name):
            theirs = wrk(server, n, 1)
            ours = harness.load(context.build, server, "echo", n=n, H=True,
                                t=0.3, w=0.1)
            return {"value": ours["cpu_ns_per_op"] / theirs["cpu_ns_per_op"],
                    "load_cpu_ns": ours["cpu_ns_per_op"],
                    "wrk_cpu_ns": theirs["cpu_ns_per_op"],
                    "load_per_s": ours["ops_per_s"],
                    "wrk_per_s": theirs["ops_per_s"]}
        return each_turn(names, turns, HTTP, one)(context)
    return measure


def churn_generator(names, turns=5):
    """connect, GET, close: ours and ab (without keep-alive) on one server."""
    def measure(context):
        if not shutil.which("ab"):
            raise Failed("ab (apache2-utils) is not installed")

        def one(context, server, name):
            ours = harness.load(context.build, server, "connect", n=32, H=True,
                                t=0.3, w=0.05)
            cpu = server.cpu_seconds()
            done = subprocess.run(
                ["ab", "-q", "-c32", "-n", "10000",
                 "http://%s/" % server.addr], capture_output=True, text=True,
                timeout=60, preexec_fn=harness.pin(harness.LOAD_CPU))
            time.sleep(0.01)
            cpu = server.cpu_seconds() - cpu
            if "Complete requests:      10000" not in done.stdout:
                raise Failed("ab: %s %s" % (done.stdout, done.stderr))
            rate = float(re.search(r"Requests per second:\s+([\d.]+)",
                                   done.stdout)[1])
            return {"value": ours["cpu_ns_per_op"] / (cpu * 1e5),
                    "load_cpu_ns": ours["cpu_ns_per_op"],
                    "ab_cpu_ns": cpu * 1e5,
                    "load_per_s": ours["ops_per_s"], "ab_per_s": rate}
        return each_turn(names, turns, HTTP, one)(context)
    return measure
