#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/sync: what is taken is what was sent, and each has a share."""
import re

from harness import equal, example, main, run


def all_numbers_are_consumed_once():
    status, out, err = run(example("sync/producer"), "10")
    squares = sum(n * n for first in (1, 1001) for n in range(first, first + 10))
    equal((status, err), (0, ""))
    equal(out.splitlines()[-1], f"the squares' sum is {squares}")


def each_consumer_has_its_share():
    _, out, _ = run(example("sync/producer"), "300")
    took = {name: int(n) for name, n in re.findall(r"(\w+) took (\d+)", out)}
    equal(sorted(took), ["Ann", "Bob", "Cid"])
    equal(sum(took.values()), 600)
    equal(min(took.values()) > 150, True)


main(all_numbers_are_consumed_once, each_consumer_has_its_share)
