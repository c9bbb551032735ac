#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gev_curl_perform against a server that answers each request 0.5 s later, and
against nginx with TLS in front of it: 200 transfers take the time of one."""
import os
import re

from measure import MAX_LATE_MS, MAX_LATE_THREADS_MS, NOISY, best, build
from measure import equal, main, program, run, values
from servers import Delayed, names, nginx

DELAY = 0.5
N = 200


def check(what, prefix, env={}, ours_ms=MAX_LATE_MS, **limits):
    got = best(what, lambda: values(program("curl_many_gev"), N, prefix, **env),
               tick_ms=NOISY, ours_ms=ours_ms, **limits)
    equal(got["right"], str(N))


def http_by_name():
    with Delayed(DELAY) as d:
        for name in names():
            check(f"{N} x {name}", f"http://{name}:{d.port}/", total=2,
                  ours_ms=MAX_LATE_THREADS_MS)


def https_by_name():
    """200 handshakes are computed at once, and the tick comes in between."""
    with Delayed(DELAY) as d, nginx(d.port) as (port, cert, _):
        check(f"{N} x https", f"https://localhost:{port}/",
              {"CURL_CA_BUNDLE": str(cert)}, total=4)


def the_example_fetches_and_says_what_it_could_not():
    fetch = build / "examples/curl/fetch"
    with Delayed(0.1) as d:
        urls = [f"http://localhost:{d.port}/{i}" for i in range(30)]
        status, out, err = run(fetch, *urls)
        equal((status, sorted(out.splitlines()), err),
              (0, sorted(f"{u}: {i} bytes" for i, u in enumerate(urls)), ""))
        with nginx(d.port) as (port, cert, _):
            url = f"https://localhost:{port}/3"
            trust = {**os.environ, "CURL_CA_BUNDLE": str(cert)}
            equal(run(fetch, url, env=trust)[:2], (0, f"{url}: 3 bytes\n"))
            status, out, _ = run(fetch, url)
            equal(status, 2)
            assert re.search("certificate|CA cert", out), out


main(http_by_name, https_by_name,
     the_example_fetches_and_says_what_it_could_not)
