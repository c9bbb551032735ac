#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Libraries as the distribution has them, in programs that link libgev_patch: each
blocking call waits for its own greenlet only. Which part is to be run is the second
argument: libcurl, hiredis or libpq."""
import os
import sys

from measure import MAX_LATE_MS, MAX_LATE_THREADS_MS, NOISY, best, build
from measure import equal, main
from measure import program, run, values
from servers import Delayed, names, nginx, postgres, redis

DELAY = 0.5


def curl_many(what, n, prefix, env={}, **limits):
    got = best(what, lambda: values(program("curl_many"), n, prefix, **env),
               tick_ms=NOISY, **limits)
    equal(got["right"], str(n))
    return got


def two_hundred_transfers_by_http():
    with Delayed(DELAY) as d:
        for name in ["127.0.0.1", *names()]:
            got = curl_many(f"libcurl, 200 x {name}", 200,
                            f"http://{name}:{d.port}/", total=2,
                            ours_ms=MAX_LATE_THREADS_MS)
            print(f"     threads at the end of a transfer: {got['threads']}")


def two_hundred_transfers_by_https():
    """All at once, 200 handshakes are computed at once: 0.3 s, and the tick comes
    in between."""
    with Delayed(DELAY) as d, nginx(d.port) as (port, cert, _):
        url, env = f"https://localhost:{port}/", {"CURL_CA_BUNDLE": str(cert)}
        curl_many("libcurl, 200 x https", 200, url, env, total=4,
                  ours_ms=MAX_LATE_MS)


def the_example_fetches_with_http_and_https():
    fetch = build / "examples/patch/fetch"
    with Delayed(DELAY) as d, nginx(d.port) as (port, cert, _):
        urls = [f"{scheme}://localhost:{p}/{i}" for i in range(100)
                for scheme, p in [("http", d.port), ("https", port)]]
        status, out, err = run(fetch, *urls,
                               env={**os.environ, "CURL_CA_BUNDLE": str(cert)})
        equal((status, err), (0, ""))
        equal(sorted(out.splitlines()),
              sorted(f"{u}: {u.rsplit('/', 1)[1]} bytes" for u in urls))
        equal(d.n_served, 200)
    equal(run(fetch, f"http://localhost:{d.port}/")[0], 2)


def redis_many(port, n, what, **limits):
    got = best(f"hiredis, {n} x {what}",
               lambda: values(program("redis_many"), port, n, what),
               tick_ms=NOISY, ours_ms=MAX_LATE_MS, **limits)
    equal((got["right"], got["threads"]), (str(n), "1"))
    return got


def five_hundred_greenlets_subscribe():
    with redis() as port:
        got = redis_many(port, 500, "subscribe", total=10)
        equal(got["messages"], str(499 * 10))


def five_hundred_reads_run_out_of_time():
    """SO_RCVTIMEO of 0.3 s: EAGAIN, all at the same time, and never early."""
    with redis() as port:
        got = redis_many(port, 500, "timeout", total=2, latest=1)
        assert float(got["earliest"]) >= 0.299, got


def five_hundred_pops_wait_for_each_other():
    with redis() as port:
        redis_many(port, 500, "block", total=10)


def two_hundred_queries_sleep():
    with postgres() as port:
        info = f"host=127.0.0.1 port={port} user=gev dbname=postgres"
        got = best("libpq, 200 x pg_sleep(0.5)",
                   lambda: values(program("pq_many"), info, 200),
                   connect=30, total=3, tick_ms=NOISY, ours_ms=MAX_LATE_MS)
        equal((got["right"], got["threads"]), ("200", "1"))


parts = {
    "libcurl": [two_hundred_transfers_by_http, two_hundred_transfers_by_https,
                the_example_fetches_with_http_and_https],
    "hiredis": [five_hundred_greenlets_subscribe,
                five_hundred_reads_run_out_of_time,
                five_hundred_pops_wait_for_each_other],
    "libpq": [two_hundred_queries_sleep],
}
main(*parts[sys.argv[2]])
