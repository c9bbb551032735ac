#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A signal interrupts what Python's main thread waits for in the hub, so that a
handler, Ctrl-C's too, runs at once: found by Python's own test_selectors."""
from measure import build, equal, main, run

PROGRAM = """
import select, signal, socket, time
class Done(Exception):
    pass
def on_alarm(*_):
    raise Done
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, 0.1)
a, b = socket.socketpair()
begin = time.monotonic()
try:
    select.select([a], [], [], 3)
except Done:
    pass
print("soon" if time.monotonic() - begin < 2 else "late")
"""


def a_signal_interrupts_a_wait():
    python = ["/usr/bin/python3", "-c", PROGRAM]
    plain = run(*python)
    print("     plain:", *plain)
    equal(run(str(build / "src/patch/gev-run"), "--patch=all,hub", *python),
          plain)


main(a_signal_interrupts_a_wait)
