#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is what docs/http-conformance.md says shown by a test? Every row and test that
it names must exist, and a row of the table must show that very section.

Usage: test_conformance.py BUILD SOURCE"""
import re
import sys
from pathlib import Path

import checklist
import checklist_acts
from checklist_rows import rows

source = Path(sys.argv[2])
LINE = re.compile(r"\| (91(?:10|12) [\d.]+) \| (.+) \| ([^|]+) \|$")


def c_tests(program):
    path = source / "tests" / "http" / (program + ".c")
    return path.read_text() if path.exists() else ""


def check(section, name):
    """Returns what is wrong with a test that is said to show a section."""
    if ": " in name:
        program, test = name.split(": ")
        found = re.search(rf"\b{test}\(void \*\*state\)", c_tests(program))
        return None if found else f"{name}: there is no such test"
    if name not in checklist.IDS:
        return f"{name}: there is no such row"
    acts = [a for a in checklist_acts.acts if name in a.ids]
    sections = {s for r in rows if r.id == name for s in r.rfc}
    if sections and section not in sections and not acts:
        return f"no row {name} says that it shows {section}: {sorted(sections)}"
    return None


def main():
    n, wrong, sections = 0, [], set()
    for line in (source / "docs" / "http-conformance.md").read_text().split(
            "\n"):
        m = LINE.match(line)
        if not m:
            continue
        sections.add(m[1])
        for name in m[3].split(", "):
            if name == "every response: `wire.py`":
                continue
            n += 1
            what = check(m[1], name)
            if what:
                wrong.append(f"{m[1]}: {what}")
    print("\n".join(wrong))
    print(f"{len(sections)} sections, {n} references, {len(wrong)} wrong")
    return 1 if wrong or n < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
