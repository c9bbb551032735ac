#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the folders' arrows point down only, and that files keep form.

  * A file of src/<layer> includes its own layer and lower ones: core < hub <
    sync < net < http; patch and curl above net. Public headers count as their layer.
  * "quoted" includes are paths from src/ (or tests/, bench/ there), and exist.
  * Only src/hub/loop.c includes <ev.h>; assembly is in src/core/arch/ only.
  * Public headers include <gev/...> and the system's only.
  * Every .c, .h and .S begins with a comment; the first line is its SPDX line;
    a .c and a .h of ours then say in a comment what they are for.
  * Include guards are the path: gev/queue.h GEV_QUEUE_H, src/hub/wait.h
    HUB_WAIT_H, tests/support/fault.h TESTS_SUPPORT_FAULT_H.
  * No file has more than 500 lines.

Usage: tools/check_layers.py [ROOT]        prints each breach; exit 1 if any
"""
import re
import sys
from pathlib import Path

RANK = {"core": 0, "hub": 1, "sync": 2, "net": 3, "http": 4, "patch": 4, "curl": 4}
EV_FILE = "src/hub/loop.c"
MAX_LINES = 500
# Public headers without a source file of the same name.
PUBLIC_LAYER = {
    "base": "core", "greenlet": "core",
    "hub": "hub", "signal": "hub", "timeout": "hub",
    "io": "net", "socket": "net", "server": "net", "stream": "net",
    "http": "http", "http_events": "http", "http_files": "http",
    "http_form": "http", "http_log": "http", "http_metrics": "http",
    "http_mux": "http", "http_server": "http",
    "patch": "patch",
}
FOLDERS = ["src", "include", "tests", "examples", "bench", "fuzz", "tools"]
SUFFIXES = {".c", ".h", ".S", ".cpp", ".py", ".sh"}

breaches = []


def breach(path, line, text):
    breaches.append(f"{path}:{line}: {text}")


def public_layer(root, header):
    """The layer of <gev/HEADER.h>, or None for one that has no place yet."""
    for layer in RANK:
        if (root / "src" / layer / f"{header}.c").exists():
            return layer
    return PUBLIC_LAYER.get(header)


def layer_of(root, path):
    """The layer a file belongs to, or None outside the layers."""
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "gev"):
        return public_layer(root, path.stem)
    return None


def may_include(own, other):
    return own == other or RANK[other] < RANK[own]


def check_quoted(root, path, n, name):
    if path.parts[0] == "include":
        breach(path, n, f'public headers include <gev/...>, not "{name}"')
        return
    bases = {"src": ["src"], "tests": ["src", "tests"],
             "bench": ["src", "bench", "."]}.get(path.parts[0], ["src", "."])
    found = any((root / b / name).exists() for b in bases)
    if not found and path.parts[0] != "src":
        found = (root / path.parent / name).exists()
    if not found:
        breach(path, n, f'"{name}" is not a path from {" or ".join(bases)}/')
        return
    own, other = layer_of(root, path), name.split("/")[0]
    if own in RANK and other in RANK and not may_include(own, other):
        breach(path, n, f'{own} must not include {other}: "{name}"')


def check_angled(root, path, n, name):
    if name == "ev.h" and path.parts[0] not in ("bench", "tests"):
        if str(path) != EV_FILE:
            breach(path, n, f"only {EV_FILE} includes <ev.h>")
    if not name.startswith("gev/"):
        return
    own = layer_of(root, path)
    if own not in RANK:
        return
    other = public_layer(root, name[4:].removesuffix(".h"))
    if other is None:
        breach(path, n, f"<{name}> has no layer: no src/*/ file of that name,"
                        " and it is not in PUBLIC_LAYER of this tool")
    elif not may_include(own, other):
        breach(path, n, f"{own} must not include {other}: <{name}>")


def check_includes(root, path, lines):
    for n, line in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if m and m[1] == '"':
            check_quoted(root, path, n, m[2])
        elif m:
            check_angled(root, path, n, m[2])


def check_assembly(path, text):
    if path.parts[0] != "src" or path.parts[:3] == ("src", "core", "arch"):
        return
    if path.suffix == ".S":
        breach(path, 1, "assembly belongs into src/core/arch/")
    code = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text,
                  flags=re.S)
    for n, line in enumerate(code.split("\n"), 1):
        if re.search(r"\b(__asm__|__asm|asm)\b\s*(volatile|__volatile__)?\s*\(",
                     line.split("//")[0]):
            breach(path, n, "assembly belongs into src/core/arch/")


def check_top(path, text):
    first = text.split("\n", 1)[0]
    if "SPDX-License-Identifier: MIT" not in first or first[:2] not in (
            "/*", "//"):
        breach(path, 1, "the first line is not /* SPDX-License-Identifier:"
                        " MIT */")
    rest = text.split("\n", 1)[1].lstrip() if "\n" in text else ""
    if path.suffix != ".S" and not rest.startswith(("/*", "//")):
        breach(path, 2, "no comment says what this file is for")


def check_guard(path, text):
    parts = list(path.with_suffix("").parts)
    if parts[0] in ("include", "src"):
        parts = parts[1:]
    guard = re.sub(r"[^A-Z0-9]", "_", "_".join(parts).upper()) + "_H"
    if not re.search(rf"^#ifndef {guard}\n#define {guard}$", text, re.M):
        breach(path, 1, f"its include guard is not {guard}")


def check_file(root, path):
    text = (root / path).read_text(encoding="utf-8")
    lines = text.split("\n")
    if len(lines) - 1 > MAX_LINES:
        breach(path, len(lines) - 1, f"more than {MAX_LINES} lines")
    if path.suffix in (".py", ".sh"):
        return
    check_top(path, text)
    check_includes(root, path, lines)
    check_assembly(path, text)
    if path.suffix == ".h":
        check_guard(path, text)


def main():
    default = Path(__file__).resolve().parent.parent
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    n_files = 0
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and file.suffix in SUFFIXES:
                check_file(root, file.relative_to(root))
                n_files += 1
    print("\n".join(breaches) if breaches else f"{n_files} files in order")
    return 1 if breaches or n_files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
