#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/greenlet: who prints when."""
from harness import equal, example, main, run


def pingpong_takes_turns():
    equal(run(example("greenlet/pingpong")), (0, "12\n56\n34\n78\n", ""))


def each_baozi_is_eaten_before_the_next_is_made():
    wanted = "".join(f"producer: made baozi {i}\nconsumer: ate baozi {i}\n"
                     for i in range(1, 6))
    equal(run(example("greenlet/baozi")), (0, wanted, ""))


main(pingpong_takes_turns, each_baozi_is_eaten_before_the_next_is_made)
