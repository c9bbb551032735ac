# SPDX-License-Identifier: MIT
"""page_text - what the page says of every run alike: how, and what to mind."""

HEAD = """\
# Benchmarks

The same work done by gev and by what one might take instead, on one machine, in one
run (%s): bare epoll, libev, libuv, Boost.Asio with coroutines,
Go, gevent, node, State Threads, nginx, h2o, a thread per connection, select(). Made
by `bench/page.py` from [latest.json](%s/latest.json); not edited by hand.

`make bench` measures all of it again in about a quarter of an hour, `make
bench-quick` the most important rows in two minutes, `bench/run.py --only NAME` one
row; `bench/compare.py OLD.json NEW.json` names what became slower from one run to
another. Where the time goes: [profile.md](profile.md).
"""

READING = """\
Bars and points are medians, the thin line is the range of the middle 80 % of the
windows (of all where they are fewer than ten); in brackets the 95 % interval of the
median ratio. What wins a row by a few percent on this machine may lose it on yours.
"""

METHOD = """\
## Method

- Server on core {server_core}, load on core {load_core}, each pinned; everything
  on loopback. Programs that time themselves run on core {server_core}.
- **CPU per operation** is the growth of the server's CPU clock over a window,
  divided by the operations that lie in it as a whole: before and after each window
  the load lets all echoes come back. It is the sum of what
  `/proc/PID/task/*/schedstat` shows, threads that have ended included. Wall
  throughput stands beside it; where the server used less than 90 % of its core, the
  load was the limit, which is marked.
- Subjects take turns in short windows (A B C, C B A, …). The **ratio** is taken
  turn by turn, its median is judged; in brackets the 95 % interval of that median.
  "raw epoll again" is the baseline against itself: its distance from 1.00 is the
  error of the method. At least 5 pairs per row, unless the row says otherwise.
- Every window has a warm-up, every server is started anew at least once per row;
  for echo three times, as memory layout is luck too.
- Echoes are compared byte by byte, live frames checked after each switch, sums of
  values passed through channels compared; a wrong one fails the row.
- Before a row the machine must be quiet; CPU time that other programs use while it
  runs is measured. A row with more than 5 % of a core from others is repeated once
  and, if that does not help, marked **busy**.
- Memory is the growth of the resident set by `smaps_rollup`, which walks the page
  tables; `statm` may be off by hundreds of KiB.
"""

TRAPS = """\
## Known traps, and what was not comparable

- Debian's libst waits in select(): 1,024 descriptors. It and the select server are
  measured below that only; what happens beyond is a row of its own.
- On a virtual machine, latency at low load measures waking an idle core.
- Bulk transfers over loopback move work between the two sides: the stream row
  quotes server plus client.
- wrk parses answers and is slower than our load: where a star stands the
  requests per second are wrk's, not the server's. CPU per request does not depend
  on that much, but fewer requests per wake-up cost more each.
- The raw epoll HTTP server has no parser, no limits and no timeouts. Nobody could
  use it; it is the floor.
- Go counts all its threads (the collector's too) on one core: GOMAXPROCS=1 is
  fair to a single hub, not what one would deploy. gevent and node are measured as
  Debian and NodeSource package them.
- Boost.Context is a switch, not a library of greenlets: no scheduler, no waiting,
  no I/O. Its stacks come from a pool of ours. Boost.Fiber adds the scheduler, and
  locks that other threads might take.
- Latencies are an open loop's: each counts from when its operation was due, not
  from when it could be sent, so a server that stalls is charged for all that had
  to wait (no coordinated omission). "Half of the peak" is half of each server's
  own: a faster server is asked for more.
- An event, lock or semaphore of gev and gevent lives in one thread; Go's work
  between threads and pay for it.
"""
