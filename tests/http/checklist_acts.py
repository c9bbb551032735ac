# SPDX-License-Identifier: MIT
"""The rules of the checklist that are more than bytes in and responses out:
time, halves of connections, several of them. Each act names the ids it shows."""
import socket
import struct
import threading
import time

import wire
from programs import Hello, Probe, equal

H = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + H + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
RST = struct.pack("ii", 1, 0)  # linger: close with a reset
BIG = 10 << 20

acts = []


def shows(*ids):
    def register(act):
        act.ids = ids
        acts.append(act)
        return act
    return register


def post(path, fields, body=b""):
    return (b"POST " + path + b" HTTP/1.1\r\n" + H + fields + b"\r\n" + body)


def get(path, fields=b""):
    return b"GET " + path + b" HTTP/1.1\r\n" + H + fields + b"\r\n"


def hear(s):
    """All that comes until the end. Returns the responses."""
    data = b""
    while more := s.recv(1 << 20):
        data += more
    return wire.responses(data)


def hear_one(s):
    """One response with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(1)
        assert more, data
        data += more
    head = wire.HEAD.match(data)
    assert head, data
    for line in head[3].split(b"\r\n"):
        if line.lower().startswith(b"content-length: "):
            for _ in range(int(line[16:])):
                data += s.recv(1)
    return wire.responses(data)[0]


def await_note(server, text):
    """Until a handler has noted a line. Returns it."""
    limit = time.monotonic() + wire.WAIT
    while time.monotonic() < limit:
        for line in server.notes():
            if line.startswith(text):
                return line
        time.sleep(0.02)
    raise AssertionError(f"no note {text}: {server.notes()}")


def statuses(server, data, fin=False):
    with server.connect() as s:
        s.sendall(data)
        if fin:
            s.shutdown(socket.SHUT_WR)
        return [r.status for r in hear(s)]


def fine(server):
    equal(statuses(server, get(b"/", b"Connection: close\r\n")), [200])


@shows("BF13", "CH21")
def a_short_body_is_an_error_to_the_handler():
    with Probe() as server:
        equal(statuses(server, post(b"/read?cl", b"Content-Length: 10\r\n",
                                    b"HELLO"), fin=True), [])
        await_note(server, "cl ECONNRESET after 5")
        equal(statuses(server, post(b"/read?ch", CHUNKED, b"5\r\nHEL"),
                       fin=True), [])
        await_note(server, "ch ECONNRESET after 3")


@shows("BF14", "CH20", "TO3")
def a_body_that_does_not_come_is_408():
    with Probe("--body-timeout", 0.4) as server:
        begin = time.monotonic()
        for i, (fields, body) in enumerate((
                (b"Content-Length: 10\r\n", b"HELLO"),
                (CHUNKED, b"5\r\nHELLO\r\n0\r\n\r"),
                (CHUNKED, b"5\r\nHEL"))):
            equal(statuses(server, post(b"/read?%d" % i, fields, body)), [408])
            await_note(server, f"{i} ETIMEDOUT")
        assert time.monotonic() - begin > 1.2


@shows("TO2", "TO9")
def a_head_that_drips_is_408_counted_from_its_first_byte():
    with Hello("--header-timeout", 1) as server, server.connect() as s:
        begin = time.monotonic()
        s.setblocking(True)
        got = []
        t = threading.Thread(target=lambda: got.extend(hear(s)))
        t.start()
        try:
            for c in GET[:4] * 100:
                s.sendall(bytes((c,)) if c != 32 else b"A")
                time.sleep(0.05)
                if got:
                    break
        except OSError:
            pass
        t.join(wire.WAIT)
        equal([r.status for r in got], [408])
        assert 0.9 < time.monotonic() - begin < 3


@shows("TO1", "CN15")
def silence_is_closed_silently():
    with Hello("--idle-timeout", 0.5, "--header-timeout", 0.5) as server:
        begin = time.monotonic()
        equal(statuses(server, b""), [])
        assert time.monotonic() - begin > 0.4
        equal(statuses(server, b"", fin=True), [])
        equal(statuses(server, b"GET / HT", fin=True), [])
        fine(server)
        equal(server.end(), (0, ""))  # and nothing is said about it


@shows("CN19")
def an_idle_connection_is_closed_silently():
    with Hello("--idle-timeout", 0.5) as server:
        begin = time.monotonic()
        equal(statuses(server, GET), [200])
        assert time.monotonic() - begin > 0.4


@shows("CN18")
def the_last_of_many_requests_says_close():
    with Hello("--max-requests", 3) as server, server.connect() as s:
        s.sendall(GET * 5)
        got = hear(s)
        equal([r.get("connection") for r in got], [None, None, "close"])


@shows("CN11")
def pipelined_requests_are_served_one_after_the_other():
    with Probe() as server, server.connect() as s:
        s.sendall(get(b"/sleep") + get(b"/sleep", b"Connection: close\r\n"))
        first, second = (tuple(map(float, r.body.split())) for r in hear(s))
        assert first[0] + 0.19 < first[1] <= second[0] < second[1]


@shows("CN12")
def who_has_said_all_still_gets_everything():
    with Probe() as server, server.connect() as s:
        s.sendall(get(b"/sleep") + get(b"/stream") + get(b"/big?half"))
        s.shutdown(socket.SHUT_WR)
        got = hear(s)
        equal([r.status for r in got], [200, 200, 200])
        equal(len(got[2].body), BIG)


@shows("CN14")
def a_reset_is_told_to_the_handler():
    with Probe() as server:
        with server.connect() as s:
            s.sendall(get(b"/big?rst"))
            s.recv(1000)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        note = await_note(server, "rst E")
        assert note in ("rst ECONNRESET", "rst EPIPE"), note
        await_note(server, "rst ended")  # what was deferred has run
        fine(server)


@shows("CN16")
def a_body_nobody_reads_is_skipped_if_it_is_small():
    small, large = b"x" * 10240, b"x" * BIG
    with Probe("--max-body", 1 << 30) as server:
        with server.connect() as s:
            for fields, body in (
                    (b"Content-Length: 10240\r\n", small),
                    (CHUNKED, b"2800\r\n" + small + b"\r\n0\r\n\r\n")):
                s.sendall(post(b"/ignore", fields, body))
                r = hear_one(s)
                equal((r.status, r.get("connection")), (200, None))
            s.sendall(post(b"/ignore", b"Content-Length: %d\r\n" % BIG))
            r = hear_one(s)
            equal((r.status, r.get("connection")), (200, "close"))
            try:
                s.sendall(large)
            except OSError:
                pass  # it reads only so much of it


@shows("CN17", "BF12")
def a_refusal_can_be_read_before_the_body_is_sent():
    with Hello() as server:
        for body in b"", b"x" * BIG:
            with server.connect() as s:
                s.sendall(post(b"/", b"Content-Length: %d\r\n" % (100 << 20)))
                if body:
                    s.settimeout(5)
                    try:
                        s.sendall(body[:900000])  # less than it drains
                    except OSError:
                        pass
                equal([r.status for r in hear(s)], [413])


@shows("EX1")
def who_expects_is_told_to_continue_once():
    with Hello() as server, server.connect() as s:
        s.sendall(post(b"/", b"Expect: 100-continue\r\n"
                       b"Content-Length: 10\r\n"))
        equal(s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(b"HELLO")
        time.sleep(0.05)
        s.sendall(b"HELLO" + get(b"/", b"Connection: close\r\n"))
        equal([(r.status, r.body) for r in hear(s)],
              [(200, b"HELLOHELLO"), (200, b"Hello, World!")])


@shows("EX2")
def who_expects_and_is_refused_is_not_told_to_continue():
    with Probe() as server:
        for path, status in (b"/none", 404), (b"/code/401", 401):
            with server.connect() as s:
                s.sendall(post(path, b"Expect: 100-continue\r\n"
                               b"Content-Length: 100000\r\n"))
                got = hear(s)
                equal([r.status for r in got], [status])
                equal(got[0].get("connection"), "close")


@shows("EX3")
def who_does_not_wait_need_not_be_told():
    with Hello() as server, server.connect() as s:
        s.sendall(post(b"/", b"Expect: 100-continue\r\n"
                       b"Content-Length: 5\r\nConnection: close\r\n",
                       b"HELLO"))
        got = [r for r in hear(s) if r.status != 100]
        equal([(r.status, r.body) for r in got], [(200, b"HELLO")])


@shows("RS5", "RS7")
def what_is_not_whole_does_not_look_whole():
    with Probe() as server:
        with server.connect() as s:
            s.sendall(get(b"/fail-late") + GET)
            data = b""
            try:
                while more := s.recv(1000):
                    data += more
            except ConnectionResetError:
                pass
            assert data.startswith(b"HTTP/1.1 200 "), data
            try:
                wire.responses(data)
                raise AssertionError(f"looks whole: {data}")
            except wire.Bad:
                pass
        # What was less than promised had not left yet.
        equal(statuses(server, get(b"/own/less") +
                       get(b"/", b"Connection: close\r\n")), [500, 200])
        with server.connect() as s:
            s.sendall(get(b"/own/more", b"Connection: close\r\n"))
            while s.recv(1000):
                pass
        await_note(server, "own EMSGSIZE")
        fine(server)


@shows("RS8")
def errors_have_a_date_and_a_type():
    with Hello() as server, server.connect() as s:
        s.sendall(get(b"/none"))
        r = hear_one(s)
        assert r.get("date") and r.get("content-type"), r.fields


@shows("UP1")
def an_upgrade_can_be_taken():
    with Probe() as server, server.connect() as s:
        s.sendall(get(b"/take", b"Connection: upgrade\r\nUpgrade: echo\r\n") +
                  b"one ")
        head = b""
        while not head.endswith(b"one "):
            head += s.recv(100)
        assert head.startswith(b"HTTP/1.1 101 "), head
        s.sendall(b"two")
        equal(s.recv(100), b"two")


@shows("TO4")
def a_client_that_does_not_read_is_cut_off():
    with Probe("--write-timeout", 0.5) as server, server.connect() as s:
        s.sendall(get(b"/big?slow"))
        begin = time.monotonic()
        await_note(server, "slow ETIMEDOUT")
        assert time.monotonic() - begin < 10
        try:
            while s.recv(1 << 20):
                pass
            raise AssertionError("it ended as if it were whole")
        except ConnectionResetError:
            pass


@shows("TO7")
def connections_above_the_limit_wait():
    with Probe("--max-connections", 20) as server:
        held = [server.connect() for _ in range(20)]
        for s in held:
            s.sendall(get(b"/"))
            equal(hear_one(s).status, 200)
        more = [server.connect() for _ in range(100)]
        for s in more:
            s.sendall(get(b"/", b"Connection: close\r\n"))
        more[0].settimeout(0.2)
        try:
            raise AssertionError(f"served above the limit: {more[0].recv(1)}")
        except TimeoutError:
            more[0].settimeout(wire.WAIT)
        for s in held:
            s.close()
        for s in more:
            equal([r.status for r in hear(s)], [200])
            s.close()


@shows("TO8")
def without_descriptors_it_waits_without_work():
    # test_abuse.py has it with 200 clients and looks at the CPU.
    with Hello(preexec_fn=limit_files) as server:
        held = [server.connect() for _ in range(60)]
        last = server.connect()
        last.sendall(get(b"/", b"Connection: close\r\n"))
        for s in held:
            s.close()
        equal([r.status for r in hear(last)], [200])
        last.close()


def limit_files():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


@shows("TO10")
def a_handler_that_never_waits_keeps_others_waiting_only():
    with Probe() as server, server.connect() as s, server.connect() as other:
        s.sendall(get(b"/spin", b"Connection: close\r\n"))
        other.sendall(get(b"/", b"Connection: close\r\n"))
        equal([r.status for r in hear(other)], [200])
        equal([r.body for r in hear(s)], [b"spun"])


@shows("TO11")
def a_stop_answers_what_is_asked_and_closes_what_is_idle():
    with Probe() as server:
        idle, busy = server.connect(), server.connect()
        idle.sendall(get(b"/"))
        equal(hear_one(idle).status, 200)
        busy.sendall(get(b"/sleep"))
        time.sleep(0.05)
        server.process.terminate()
        equal(hear(idle), [])
        got = hear(busy)
        equal([(r.status, r.get("connection")) for r in got], [(200, "close")])
        equal(server.finish(), (0, ""))
        idle.close()
        busy.close()
