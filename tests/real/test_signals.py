#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A known miss. Python's test_selectors (test_select_interrupt_exc) found it: where
main has a hub, a signal does not end a call that waits with EINTR, so a handler of
Python's, Ctrl-C's too, runs when the wait is over. The kernel interrupts the hub's
epoll_wait(2), and libev goes on: nobody is told. docs/patching.md says so."""
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
