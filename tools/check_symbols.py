#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that libgev.so exports what the headers declare, and nothing else.

libgev_patch.so exports what gev/patch.h declares and, besides, the names of libc's
that src/patch/names.h and service.h list.

A public name is what follows GEV_API in a header of include/. Statics, macros
and inline functions do not carry it. What libgev.a defines for other objects to
see begins with gev_, so that it cannot clash with a program's own names.

Headers whose names begin with a PREFIX are of parts that were not built.

Usage: tools/check_symbols.py LIBGEV.SO LIBGEV.A LIBGEV_PATCH.SO [PREFIX...]
                                           prints each breach; exit 1 if any
"""
import re
import subprocess
import sys
from pathlib import Path

# What compilers and sanitizers put into a shared object by themselves.
NOT_OURS = re.compile(r"_init$|_fini$|_edata$|_end$|__bss_start$|__odr_asan|"
                      r"__asan_|__ubsan_|___asan_")


def declared(include, not_built):
    names = {}
    for header in sorted(include.rglob("*.h")):
        if header.name.startswith(not_built):
            continue
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(),
                      flags=re.S)
        text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        for declaration in re.findall(r"\bGEV_API\b([^;{]*)", text):
            m = (re.search(r"\b(gev_\w+)\s*\(", declaration)
                 or re.search(r"\b(gev_\w+)\s*(?:\[|$)", declaration.strip()))
            if m:
                names[m[1]] = header
            else:
                sys.exit(f"{header}: no name in: GEV_API{declaration}")
    return names


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                         capture_output=True, text=True).stdout
    names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
    return {name for name in names if not NOT_OURS.match(name)}


def interposed():
    folder = Path(__file__).resolve().parent.parent / "src/patch"
    names = set()
    for table in (folder / "names.h", folder / "service.h"):
        text = re.sub(r"\\\n\s*", " ", table.read_text())
        found = re.findall(r"\b(?:X\(\w+|S\(X), [\w *]+, (\w+),\s*\(", text)
        if not found:
            sys.exit(f"{table}: no names")
        names.update(found)
    return names


def compare(library, wanted, actual):
    """Prints each difference. Returns how many there are."""
    for name in sorted(wanted - actual):
        print(f"{name} is declared, but {library} does not export it")
    for name in sorted(actual - wanted):
        print(f"{library} exports {name}, but nothing declares it")
    return len(wanted ^ actual)


def foreign(archive):
    out = subprocess.run(["nm", "-g", "--defined-only", archive], check=True,
                         capture_output=True, text=True).stdout
    names = {line.split()[-1] for line in out.splitlines()
             if len(line.split()) == 3}
    if not names:
        sys.exit(f"{archive}: no symbols")
    return {name for name in names
            if not re.match("gev_|_?_?(odr_)?asan|_?_?ubsan|__(gcov|prof|llvm)",
                            name)}


def main():
    include = Path(__file__).resolve().parent.parent / "include"
    public = declared(include, tuple(sys.argv[4:]))
    actual = exported(sys.argv[1])
    patch = {n for n in public if public[n].name == "patch.h"} | interposed()
    public = {n: h for n, h in public.items() if n not in patch}
    wrong = compare("libgev.so", set(public), actual)
    wrong += compare("libgev_patch.so", patch, exported(sys.argv[3]))
    others = foreign(sys.argv[2])
    for name in sorted(others):
        print(f"libgev.a defines {name}")
    print(f"{len(public) + len(patch)} declared, {len(actual)} exported")
    return 1 if wrong or others or not public else 0


if __name__ == "__main__":
    sys.exit(main())
