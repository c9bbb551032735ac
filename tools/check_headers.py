#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that each public header compiles alone, as C11 and as C++.

Without _GNU_SOURCE and with pedantic warnings as errors, as the strictest user
would include it.

Usage: tools/check_headers.py --cc CC... [--cxx CXX...]
"""
import subprocess
import sys
from pathlib import Path

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def compiles(compiler, flags, include, header):
    source = f"#include <{header}>\n#include <{header}>\n"
    r = subprocess.run([*compiler, *STRICT, *flags, f"-I{include}", "-"],
                       input=source, text=True)
    return r.returncode == 0


def lacks_library(compiler, header):
    """A part of gev that is about a library which this machine does not have."""
    if header.name != "curl.h":
        return False
    r = subprocess.run([*compiler, "-fsyntax-only", "-xc", "-"], text=True,
                       input="#include <curl/curl.h>\n", capture_output=True)
    return r.returncode != 0


def main():
    args = sys.argv[1:]
    cxx = []
    if "--cxx" in args:
        at = args.index("--cxx")
        args, cxx = args[:at], args[at + 1:]
    cc = args[1:]
    include = Path(__file__).resolve().parent.parent / "include"
    failed = n_headers = 0
    for file in sorted(include.rglob("*.h")):
        header = file.relative_to(include)
        if lacks_library(cc, header):
            continue
        n_headers += 1
        ways = [(cc, ["-std=c11", "-xc"])]
        if cxx:
            ways.append((cxx, ["-std=c++17", "-xc++"]))
        for compiler, flags in ways:
            if not compiles(compiler, flags, include, header):
                print(f"{header}: not alone with {compiler[-1]} {flags[0]}")
                failed += 1
    print(f"{n_headers} headers, {failed} failures")
    return 1 if failed or n_headers == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
