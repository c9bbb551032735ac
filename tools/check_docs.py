#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that what the documents say about the tree is so.

Three conventions:

  1. A line of a fenced block that holds a name, two or more spaces and a path
     into the tree claims that the file defines or uses that name:

         gev_read            src/net/io.c       try first, then wait

     Checked in every .md file; what stands before the name or after the path
     does not matter.
  2. Relative links, [text](path) and [text](path#heading), lead to a file.
     Checked in every .md file.
  3. Each ```sh block of README.md has the line before it

         <!-- run by: FILE -->

     and every command of the block (comments and blank lines aside, "$ " in
     front taken off) stands in that FILE, so a test runs it. FILE may be
     several, separated by commas.

Usage: tools/check_docs.py [ROOT]          prints each breach; exit 1 if any
"""
import re
import sys
from pathlib import Path

MUST_EXIST = ["README.md", "docs/architecture.md"]
CLAIM = re.compile(
    r"([A-Za-z_]\w*)(?:\([^)]*\))?(?:\s{2,}|\t)"
    r"((?:src|include|examples|tests|tools|bench|fuzz)/[\w./-]+\.\w+)")
RUN_BY = re.compile(r"<!-- run by: (.+?) -->")

breaches = []


def breach(path, line, text):
    breaches.append(f"{path}:{line}: {text}")


def blocks(text):
    """Yields (language, line before the fence, first line's number, lines)."""
    lines = text.split("\n")
    start, language, before = None, "", ""
    for n, line in enumerate(lines):
        fence = re.match(r"\s*```\s*(\w*)", line)
        if not fence:
            continue
        if start is None:
            start, language = n + 1, fence[1]
            before = lines[n - 1] if n else ""
        else:
            yield language, before, start + 1, lines[start:n]
            start = None


def check_claims(root, path, text):
    n_claims = 0
    for _, _, first, lines in blocks(text):
        for n, line in enumerate(lines, first):
            m = CLAIM.search(line)
            if not m:
                continue
            n_claims += 1
            name, file = m[1], root / m[2]
            if not file.exists():
                breach(path, n, f"there is no {m[2]}")
            elif not re.search(rf"\b{re.escape(name)}\b", file.read_text()):
                breach(path, n, f"{m[2]} has no {name}")
    return n_claims


def check_links(root, path, text):
    text = re.sub(r"```.*?```", lambda m: "\n" * m[0].count("\n"), text,
                  flags=re.S)
    for n, line in enumerate(text.split("\n"), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (root / path.parent / target.split("#")[0]).exists():
                breach(path, n, f"the link to {target} leads nowhere")


def check_commands(root, path, text):
    for language, before, first, lines in blocks(text):
        if language != "sh":
            continue
        m = RUN_BY.search(before)
        if not m:
            breach(path, first - 1, "an sh block without <!-- run by: ... -->")
            continue
        runners = ""
        for name in re.split(r",\s*", m[1]):
            if (root / name).is_file():
                runners += (root / name).read_text()
            else:
                breach(path, first - 2, f"there is no {name} to run it")
        for n, line in enumerate(lines, first):
            command = line.strip().removeprefix("$ ").split(" #")[0].rstrip()
            if command and command[0] != "#" and command not in runners:
                breach(path, n, f"{m[1]} does not run: {command}")


def main():
    default = Path(__file__).resolve().parent.parent
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for name in MUST_EXIST:
        if not (root / name).exists():
            breach(name, 0, "missing")
    n_claims = 0
    files = sorted(root.glob("*.md")) + sorted(root.glob("docs/**/*.md"))
    for file in files:
        path, text = file.relative_to(root), file.read_text()
        n_claims += check_claims(root, path, text)
        check_links(root, path, text)
        if str(path) == "README.md":
            check_commands(root, path, text)
    print("\n".join(breaches) if breaches else
          f"{len(files)} documents, {n_claims} claims: all true")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
