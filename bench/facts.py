# SPDX-License-Identifier: MIT
"""facts - what a measurement was made on: machine, versions, sources."""
import os
import re
import subprocess
import time

import harness
import subjects


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, cwd=harness.ROOT)
    except OSError:
        return ""
    return done.stdout.strip()


def first(path, pattern, default=""):
    try:
        with open(path) as f:
            m = re.search(pattern, f.read(), re.M)
    except OSError:
        return default
    return m[1] if m else default


def versions():
    found = {}
    for package in subjects.PACKAGES + ["gcc", "libc6"]:
        version = output("dpkg-query", "-W", "-f", "${Version}", package)
        if version:
            found[package] = version
    return found


def gather(build):
    memory = int(first("/proc/meminfo", r"MemTotal:\s+(\d+)", "0"))
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": output("git", "rev-parse", "--short=12", "HEAD"),
        "changed": bool(output("git", "status", "--porcelain", "-uno", "--",
                               "src", "include", "bench")),
        "cpu": first("/proc/cpuinfo", r"model name\s*:\s*(.+)"),
        "hypervisor": "hypervisor" in first("/proc/cpuinfo",
                                            r"^flags\s*:(.+)"),
        "cores": os.cpu_count(), "memory_gib": round(memory / 2**20, 1),
        "kernel": os.uname().release,
        "system": first("/etc/os-release", r'PRETTY_NAME="(.+)"'),
        "compiler": output("cc", "--version").split("\n")[0],
        "build": build_type(build),
        "server_core": harness.SERVER_CPU, "load_core": harness.LOAD_CPU,
        "versions": versions(),
    }


def build_type(build):
    options = output("meson", "introspect", build, "--buildoptions")
    m = re.search(r'"name": "buildtype", "value": "(\w+)"', options)
    return m[1] if m else "unknown"
