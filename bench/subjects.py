# SPDX-License-Identifier: MIT
"""subjects - the programs that are compared, and how each is tuned.

A subject is a name and, per kind of work, the command without the address.
"""

GEV, SMALL = "gev", "gev, 64 B buffer"
EPOLL, AGAIN = "raw epoll", "raw epoll again"
LIBEV, LIBUV, ST = "libev", "libuv", "State Threads"
GO, GEVENT, NODE = "Go", "gevent", "node"
THREADS, SELECT = "threads", "select"
BOOST, BY_HAND = "Boost.Context", "gev_switch by hand"
NGINX, RELAY_RW = "nginx", "gev, read + write"
ASIO, FIBER, H2O = "Asio", "Boost.Fiber", "h2o"
NOPUSH = "nginx, tcp_nopush"
DEAD, LIVE = "gev, dead range", "gev, buffer alive"
LIBC, PATCH = "libc", "libgev_patch"

ECHO = {
    GEV: ("echo_gev",), SMALL: ("echo_gev", "--small"),
    EPOLL: ("peers/echo_epoll",), AGAIN: ("peers/echo_epoll",),
    LIBEV: ("peers/echo_libev",), LIBUV: ("peers/echo_uv",),
    ASIO: ("peers/echo_asio",),
    ST: ("peers/echo_st",), GO: ("peers/go_echo",),
    GEVENT: ("echo_gevent.py",), NODE: ("echo_node.js",),
    THREADS: ("peers/echo_threads",), SELECT: ("peers/echo_select",),
}
HTTP = {
    GEV: ("examples/http/hello",), EPOLL: ("peers/http_raw",),
    NGINX: ("http.nginx",), H2O: ("peers/http_h2o",),
    GO: ("peers/go_http",), NODE: ("http_node.js",),
}
FILES = {
    GEV: ("examples/http/files", "--log", "none", "--cache-files", "100",
          "{dir}", "{addr}"),
    NGINX: ("http.nginx", "{addr}", "{dir}"),
    NOPUSH: ("http.nginx", "{addr}", "{dir}", "nopush"),
    H2O: ("peers/http_h2o", "{addr}", "{dir}"),
    GO: ("peers/go_http", "{addr}", "{dir}"),
}
RELAY = {
    GEV: ("examples/proxy/proxy",), RELAY_RW: ("peers/relay_rw",),
    GO: ("peers/go_relay",),
}

# What was done so that each is at its best; the page prints it.
TUNING = {
    GEV: "one thread, one hub; the buffer (16 KiB) on the handler's stack; "
         "backlog SOMAXCONN, TCP_NODELAY as gev sets them by itself; files "
         "without an access log and with 100 open files cached, as nginx",
    EPOLL: "one thread, level-triggered epoll, 1,024 events per call, one "
           "16 KiB buffer for all, backlog SOMAXCONN, TCP_NODELAY",
    LIBEV: "as raw epoll; EVBACKEND_EPOLL, an ev_io per connection",
    LIBUV: "one loop, one 16 KiB buffer for all, uv_try_write() first, "
           "backlog 4,096, TCP_NODELAY",
    ASIO: "Boost.Asio with C++20 coroutines (co_await), one thread, the loop "
          "without locks (CONCURRENCY_HINT_UNSAFE), 16 KiB buffer in the "
          "coroutine's frame, backlog SOMAXCONN, TCP_NODELAY",
    ST: "Debian's libst: waits in select(), so at most 1,024 descriptors; "
        "64 KiB stacks, 16 KiB buffer on them, backlog SOMAXCONN, TCP_NODELAY",
    GO: "GOMAXPROCS=1 (its other threads run on the same core and are "
        "counted); 16 KiB buffer per goroutine; io.Copy (splice) for the "
        "relay; net/http's defaults; backlog and TCP_NODELAY are its own",
    GEVENT: "Debian's python3-gevent, StreamServer without a pool, libev loop, "
            "backlog 4,096, TCP_NODELAY, recv(16384)",
    NODE: "one process; net / http modules, noDelay, backlog 4,096, no "
          "keep-alive timeout",
    NGINX: "one worker, epoll, multi_accept, access_log off, sendfile on, "
           "open_file_cache on, keepalive_requests 10⁹, backlog 4,096; hello "
           "is `return 200`",
    NOPUSH: "as nginx; the head waits for the file's first bytes, as gev's "
            "does",
    H2O: "libh2o with its own epoll loop, one thread, a handler in C for "
         "hello, h2o_file_register for files, no access log, backlog "
         "SOMAXCONN; TCP_NODELAY as it sets it by itself",
    THREADS: "a blocking thread per connection, 64 KiB stacks, all on the "
             "server's core, backlog SOMAXCONN, TCP_NODELAY",
    SELECT: "one thread, fd_set scanned after each call; 1,024 descriptors at "
            "most; backlog SOMAXCONN, TCP_NODELAY",
    BOOST: "boost::context::fiber on pooled 8 KiB stacks out of one mapping "
           "(no system call per fiber), resumed by main",
    FIBER: "boost::fibers with its default scheduler (round robin), pooled "
           "16 KiB stacks (8 overflow); Debian's build, so its locks are atomic; channels "
           "and mutexes are its own",
}

PACKAGES = ["libev-dev", "libuv1-dev", "libst-dev", "libboost-context-dev",
            "libboost-fiber-dev", "libh2o-evloop-dev",
            "golang-go", "python3-gevent", "nodejs", "nginx-light", "wrk"]
