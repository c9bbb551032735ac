#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/process/pipeline.c: what it prints, and what it says when a program
is missing or fails."""
import os
import tempfile
from collections import Counter
from pathlib import Path

from harness import equal, example, main, run

PIPELINE = "process/pipeline"


def counts(n):
    digits = Counter(i * i % 10 for i in range(n))
    return [[str(digits[d]), str(d)] for d in sorted(digits)]


def numbers_are_sorted_and_counted():
    for n in (10000, 200000):  # the second: far more than the pipes hold
        status, out, err = run(example(PIPELINE), str(n))
        equal((status, err), (0, ""))
        lines = out.splitlines()
        equal([x.split() for x in lines[:-1]], counts(n))
        equal(lines[-1], f"{2 * n} bytes were sorted")


def none_at_all_is_fine():
    equal(run(example(PIPELINE), "0"), (0, "0 bytes were sorted\n", ""))


def a_missing_program_is_one_line_and_1():
    status, out, err = run(example(PIPELINE), env={**os.environ, "PATH": "/"})
    equal((status, out, err), (1, "", "sort: No such file or directory\n"))


def a_program_that_ends_early_is_an_error():
    with tempfile.TemporaryDirectory() as d:
        fake = Path(d) / "sort"
        fake.write_text("#!/bin/sh\nexit 3\n")
        fake.chmod(0o755)
        status, _, err = run(example(PIPELINE), "200000",
                             env={**os.environ, "PATH": f"{d}:/usr/bin:/bin"})
    equal(status, 1)
    assert err.endswith("pipeline: a program failed\n"), err


main(numbers_are_sorted_and_counted, none_at_all_is_fine,
     a_missing_program_is_one_line_and_1,
     a_program_that_ends_early_is_an_error)
