# SPDX-License-Identifier: MIT
"""quiet - is the machine ours? What else ran while a row was measured.

CPU time that others used is what /proc/stat counts as busy, less what this
process and its ended children used. Interrupts are left out: the kernel books
the network's work there, and that is ours.
"""
import os
import time

SHARE = 0.05       # of one core: more than that from others is a busy machine
WAIT_AT_MOST = {"full": 15, "quick": 2, "smoke": 0}  # seconds to wait for quiet


def others_busy():
    """Seconds of CPU used by all processes but ours, steal included."""
    with open("/proc/stat") as f:
        fields = [int(n) for n in f.readline().split()[1:]]
    user, nice, system, steal = fields[0], fields[1], fields[2], fields[7]
    own = os.times()
    busy = (user + nice + system + steal) / os.sysconf("SC_CLK_TCK")
    return busy - (own.user + own.system + own.children_user +
                   own.children_system)


class Watch:
    """Measures others' share of one core from its making on."""

    def __init__(self):
        self.began, self.busy = time.monotonic(), others_busy()

    def share(self):
        """All children of the measured time must have ended and been waited for."""
        seconds = time.monotonic() - self.began
        return max(0.0, others_busy() - self.busy) / seconds if seconds else 0.0


def wait(limit):
    """Waits until the machine is quiet. Return: others' share at the end."""
    end = time.monotonic() + limit
    while True:
        watch = Watch()
        time.sleep(0.3)
        share = watch.share()
        if share <= SHARE or time.monotonic() >= end:
            return share
