#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Notes as JSON: made, read, dropped, expired, refused; a graceful end."""
import http.client
import json
import signal
import time

from harness import Server, WAIT, equal, example, main, receive_all, run


class Api(Server):
    def __init__(self):
        super().__init__("http/api")

    def ask(self, method, path, body=None):
        """Status, headers, the JSON value or None."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        c.request(method, path,
                  json.dumps(body) if isinstance(body, dict) else body)
        r = c.getresponse()
        text = r.read()
        c.close()
        if text and r.headers["Content-Type"] == "application/json":
            text = json.loads(text)
        return r.status, r.headers, text or None


def a_note_lives_until_it_is_deleted():
    with Api() as api:
        equal(api.ask("GET", "/notes")[2], {"made": 0, "notes": {}})
        text = 'quotes " and \\ and \n and ä and \u2028'
        status, h, note = api.ask("POST", "/notes", {"text": text})
        equal((status, h["Location"], note["text"]), (201, "/notes/1", text))
        equal(api.ask("GET", "/notes/1")[2], note)
        equal(api.ask("GET", "/notes")[2], {"made": 1, "notes": {"1": note}})
        equal(api.ask("DELETE", "/notes/1")[0], 204)
        equal(api.ask("GET", "/notes/1")[0], 404)
        equal(api.ask("DELETE", "/notes/1")[0], 404)
        equal(api.ask("GET", "/notes")[2], {"made": 1, "notes": {}})
        equal(api.end(), (0, ""))


def a_note_expires_by_itself():
    with Api() as api:
        api.ask("POST", "/notes", {"text": "soon", "seconds": 0.1})
        api.ask("POST", "/notes", {"text": "later", "seconds": 600})
        end = time.monotonic() + WAIT
        while len(api.ask("GET", "/notes")[2]["notes"]) == 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        equal(list(api.ask("GET", "/notes")[2]["notes"]), ["2"])
        equal(api.end(), (0, ""))


def what_is_no_note_is_refused():
    with Api() as api:
        for body in ["", "nonsense", "[]", '{"text": 1}', '{"seconds": 1}',
                     '{"text": "a", "seconds": "b"}', '{"text": "\\u0000"}',
                     b'{"text": "\xff"}', "{" * 2000]:
            status, _, value = api.ask("POST", "/notes", body)
            equal((body, status), (body, 400))
            assert "want" in value["error"]
        equal(api.ask("POST", "/notes", "x" * 70000)[0], 413)
        equal(api.ask("PUT", "/notes", "{}")[0], 405)
        equal(api.ask("GET", "/notes/x")[0], 404)
        equal(api.ask("GET", "/other")[0], 404)
        equal(api.ask("GET", "/notes")[2], {"made": 0, "notes": {}})
        equal(api.end(), (0, ""))


def there_is_room_for_a_thousand():
    with Api() as api:
        c = http.client.HTTPConnection("127.0.0.1", api.port, timeout=WAIT)
        for i in range(1001):
            c.request("POST", "/notes", json.dumps({"text": str(i)}))
            r = c.getresponse()
            equal(r.status, 201 if i < 1000 else 507)
            r.read()
        c.close()
        equal(api.end(), (0, ""))


def a_request_that_has_begun_is_answered_at_the_end():
    body = b'{"text": "late"}'
    with Api() as api, api.connect() as s:
        s.sendall(b"POST /notes HTTP/1.1\r\nHost: a\r\n"
                  b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
                  % len(body))
        equal(s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        api.process.send_signal(signal.SIGTERM)
        s.sendall(body)
        got = receive_all(s)
        assert got.startswith(b"HTTP/1.1 201 ") and b'"late"' in got, got
        equal(api.finish(), (0, ""))


def a_bad_address_is_told():
    status, _, err = run(example("http/api"), "nonsense")
    equal(status, 1)
    assert err.startswith("api: nonsense: "), err


main(a_note_lives_until_it_is_deleted, a_note_expires_by_itself,
     what_is_no_note_is_refused, there_is_room_for_a_thousand,
     a_request_that_has_begun_is_answered_at_the_end, a_bad_address_is_told)
