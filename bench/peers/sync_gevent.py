#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sync_gevent - what bench/channel.c and wake.c do, with Debian's python3-gevent.

  pair 0     gevent.queue.Channel, one puts, one gets
  pair N     gevent.queue.Queue(N)
  many N     a Channel, N put and N get
  queue 0    put and get by one greenlet on an unbounded Queue
  queue N    as pair N
  spawn N    spawn N greenlets, joinall
  event N    N wait for an Event that is set and cleared
  semaphore  a unit back and forth between two Semaphores
  lock       an RLock, acquired and released
"""
import json
import statistics
import sys
import time

import gevent
from gevent.event import Event
from gevent.lock import RLock, Semaphore
from gevent.queue import Channel, Queue

REPS = 3
PER_REP = 20000


def put(queue, n):
    for i in range(1, n + 1):
        queue.put(i)


def get(queue, n, total):
    for _ in range(n):
        value = queue.get()  # switches, so not in the next line
        total[0] += value


def pairs(queue, n):
    share, total = PER_REP // n, [0]
    gevent.joinall([gevent.spawn(f, *args) for _ in range(n) for f, args in (
        (put, (queue, share)), (get, (queue, share, total)))])
    return total[0] == n * (share * (share + 1) // 2)


def alone():
    queue, total = Queue(), 0
    for i in range(1, PER_REP + 1):
        queue.put(i)
        total += queue.get()
    return total == PER_REP * (PER_REP + 1) // 2


def spawn(n):
    for _ in range(PER_REP // n):
        gevent.joinall([gevent.spawn(int) for _ in range(n)])
    return True


def event(n):
    e, woken = Event(), [0]

    def wait_again():
        while True:
            e.wait()
            woken[0] += 1
    waiters = [gevent.spawn(wait_again) for _ in range(n)]
    gevent.sleep(0)
    for i in range(1, PER_REP // n + 1):
        e.set()
        e.clear()
        while woken[0] < i * n:
            gevent.sleep(0)
    gevent.killall(waiters)
    return woken[0] == PER_REP // n * n


def semaphore():
    a, b = Semaphore(0), Semaphore(0)

    def hand_back():
        for _ in range(PER_REP // 2):
            a.acquire()
            b.release()
    other = gevent.spawn(hand_back)
    for _ in range(PER_REP // 2):
        a.release()
        b.acquire()
    other.join()
    return True


def lock():
    one = RLock()
    for _ in range(PER_REP):
        one.acquire()
        one.release()
    return True


def run(mode, n):
    if mode == "many":
        return pairs(Channel(), n)
    if mode == "queue" and n == 0:
        return alone()
    if mode in ("pair", "queue"):
        return pairs(Queue(n) if n else Channel(), 1)
    if mode == "spawn":
        return spawn(n)
    if mode == "event":
        return event(n)
    if mode == "semaphore":
        return semaphore()
    if mode == "lock":
        return lock()
    sys.exit("usage: sync_gevent.py pair|many|queue|spawn|event|semaphore|lock"
             " N [--quick]")


def main():
    global PER_REP
    mode, n = sys.argv[1], int(sys.argv[2])
    if sys.argv[-1] == "--quick":
        PER_REP = max(n, 1000)
    times, right = [], True
    for _ in range(REPS):
        start = time.perf_counter()
        right = run(mode, n) and right
        times.append((time.perf_counter() - start) * 1e9 / PER_REP)
    print(json.dumps({"mode": mode, "n": n, "ns": statistics.median(times),
                      "frames_ok": right}))
    return 0 if right else 1


sys.exit(main())
