# SPDX-License-Identifier: MIT
"""The checklist as a table: bytes in, responses out.

An id is that of a rule; a rule may have several rows. `rfc` names the sections
of RFC 9110 and 9112 that the row shows. What must come back is written as

    "200"         one response, and the connection goes on
    "400c"        one response that closes; nothing behind it is answered
    "501|405c"    either
    "200 200"     two, in order
    ""            nothing, and the connection is closed

A row that goes on has a last request appended, for a page that is not there:
its 404 shows that the connection is in step. One that is refused is also sent
with a valid request behind it, which must not be answered.
"""
H = "Host: a\r\n"
GET = "GET / HTTP/1.1\r\n" + H + "\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
HELLO = "Hello, World!"


class Row:
    def __init__(self, id_, data, want, rfc="", **more):
        self.id, self.want, self.rfc = id_, want, rfc.split(", ")
        self.data = data if isinstance(data, bytes) else data.encode("latin-1")
        self.body = more.pop("body", None)     # of the first response
        self.has = more.pop("has", ())         # lines of it
        self.heads = more.pop("heads", ())     # which responses answer HEAD
        self.fin = more.pop("fin", False)      # half-close behind the bytes
        self.server = more.pop("server", "hello")
        self.check = more.pop("check", None)   # of all responses
        assert not more, more


rows = []


def row(*args, **kwargs):
    rows.append(Row(*args, **kwargs))


def line(id_, request_line, want, rfc="", **kwargs):
    """A request line with a good Host behind it."""
    row(id_, request_line + "\r\n" + H + "\r\n", want, rfc, **kwargs)


def get(id_, fields, want, rfc="", **kwargs):
    """GET with some fields."""
    row(id_, f"GET / HTTP/1.1\r\n{H}{fields}\r\n", want, rfc, **kwargs)


def see(id_, fields, has, rfc="", **kwargs):
    """GET with some fields, and what the handler sees of it."""
    row(id_, f"GET / HTTP/1.1\r\n{H}{fields}\r\n", "200", rfc, has=has,
        server="probe", **kwargs)


def post(id_, fields, content, want, rfc="", **kwargs):
    row(id_, f"POST / HTTP/1.1\r\n{H}{fields}\r\n{content}", want, rfc,
        **kwargs)


def chunks(id_, content, want, rfc="9112 7.1", **kwargs):
    post(id_, CHUNKED, content, want, rfc, **kwargs)


# ---- 2.1 request line and target --------------------------------------------
row("RL1", GET, "200", "9112 3, 9112 3.2.1, 9110 9.1, 9110 9.3.1", body=HELLO)
row("RL2", "GET http://x:80/p?q HTTP/1.1\r\nHost: y\r\n\r\n", "200",
    "9112 3.2.2, 9110 7.2", server="probe",
    has=["path /p", "query q", "host x:80"])
row("RL3", "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", "200", "9112 3.2.2",
    server="probe", has=["path /", "host x"])
row("RL4", "GET http://x/ HTTP/1.1\r\n\r\n", "400c", "9112 3.2")
line("RL5", "OPTIONS * HTTP/1.1", "200|204", "9110 9.3.7, 9112 3.2.4",
     check=lambda all_: all_[0].get("allow"))
line("RL5", "GET * HTTP/1.1", "400c", "9112 3.2.4")
row("RL7", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "501|405c",
    "9110 9.3.6, 9112 3.2.3")
row("RL7", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "400c", "9110 9.3.6")
line("RL8", "GET /a b HTTP/1.1", "400c", "9112 3.2")
line("RL9", "GET  / HTTP/1.1", "400c", "9112 3")
line("RL11", "GET / HTTP/1.1 ", "400c", "9112 3")
line("RL12", "GET HTTP/1.1", "400c", "9112 3")
line("RL14", "GET /\0x HTTP/1.1", "400c", "9112 3.2")
line("RL14", "GET /\x80 HTTP/1.1", "400c", "9112 3.2")
line("RL14", "GET /#x HTTP/1.1", "400c", "9112 3.2")
line("RL16", "GET /%00 HTTP/1.1", "400", "9110 17.3")
line("RL16", "GET /%0d%0aX:1 HTTP/1.1", "404", "9110 17.5",
     check=lambda all_: not all_[0].get("x"))
line("RL17", "get / HTTP/1.1", "501c", "9110 9.1")
line("RL18", "FOO / HTTP/1.1", "501c", "9110 9.1, 9110 15.6.2")
line("RL19", "G(T / HTTP/1.1", "400c", "9112 3.1")
line("RL19", "G\x80T / HTTP/1.1", "400c", "9112 3.1")
line("RL21", "GET /" + "a" * 7980 + " HTTP/1.1", "404", "9112 3, 9110 4.1")
row("RL22", "GET /" + "a" * 8192, "414c", "9110 15.5.15, 9112 3")
line("RL22", "GET /" + "a" * 8192 + " HTTP/1.1", "414c", "9112 3")
line("RL23", "GET / HTTP/1.2", "200", "9110 2.5", body=HELLO)
line("RL23", "GET / HTTP/1.9", "200", "9110 2.5", body=HELLO)
line("RL24", "GET / HTTP/2.0", "505c", "9110 15.6.6")
line("RL24", "GET / HTTP/9.9", "505c", "9110 15.6.6")
for v in ("HTTP/1", "HTTP/01.1", "HTTP/ 1.1", "HTTP/1.1x", "http/1.1",
          "HTTP/1.32", "HTTP1.1", "ICE/1.0"):
    line("RL25", "GET / " + v, "400c", "9112 2.3")
row("RL27", "GET /\r\n", "400c", "9112 3")
row("RL28", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", "505|400c",
    "9110 15.6.6")
row("RL29", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400c", "9112 2.2")
row("RL30", "\r\n" + GET, "200", "9112 2.2", body=HELLO)
row("RL30", "\r\n\r\n" + GET, "200", "9112 2.2", body=HELLO)
row("RL30", "\r\n\r\n\r\n" + GET, "400c", "9112 2.2")
line("RL32", " GET / HTTP/1.1", "400c", "9112 2.2")
row("RL32", " \r\n\r\n", "400c", "9112 2.2")
row("RL33", bytes((i * 7919 + i // 251 * 31) % 256 for i in range(4096)) +
    b"\r\n\r\n", "400c", "9112 2.2")
row("RL33", "A" + "".join(chr(33 + i * 7919 % 90) for i in range(4000)) +
    "\r\n\r\n", "400c", "9112 3")

# ---- 2.2 line endings, fields -----------------------------------------------
row("HF1", "GET / HTTP/1.1\nHost: a\n\n", "400c", "9112 2.2")
row("HF2", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400c", "9112 2.2")
row("HF4", "GET / HTTP/1.1\rHost: a\r\n\r\n", "400c", "9112 2.2")
get("HF5", "X: a\rb\r\n", "400c", "9112 2.2, 9110 5.5")
get("HF6", "X:\rTransfer-Encoding: chunked\r\n", "400c", "9112 2.2")
get("HF9", "X: a\r\n b\r\n", "400c", "9112 5.2")
get("HF9", "X: a\r\n\tb\r\n", "400c", "9112 5.2")
row("HF10", "GET / HTTP/1.1\r\n Content-Length: 5\r\n" + H + "\r\n", "400c",
    "9112 2.2")
for f in ("Content-Length : 5", "Transfer-Encoding : chunked", "X\t: 1"):
    get("HF12", f + "\r\n", "400c", "9112 5.1")
get("HF13", ": x\r\n", "400c", "9110 5.1")
get("HF15", "NoColon\r\n", "400c", "9112 5")
for f in ("Bad[Name: x", "(x): 1", "\xc3\xab: 1", "X Y: 1"):
    get("HF16", f + "\r\n", "400c", "9110 5.1")
get("HF17", "X: a\0b\r\n", "400c", "9110 5.5")
get("HF17", "X: a\x01b\r\n", "400c", "9110 5.5")
get("HF17", "X: a\x7fb\r\n", "400c", "9110 5.5")
see("HF19", "X: \xe9t\xe9\r\n", ["field X=[\xe9t\xe9]"], "9110 5.5")
see("HF20", "X:\r\nY: \t \r\n", ["field X=[]", "field Y=[]"], "9112 5.1")
see("HF21", "X:   v \t\r\nY:\tw\r\n", ["field X=[v]", "field Y=[w]"],
    "9112 5.1, 9110 5.5")
get("HF23", "".join(f"X{i}: {'y' * 1000}\r\n" for i in range(40)), "431c",
    "9110 5.4")
get("HF24", "X: " + "y" * 100000 + "\r\n", "431c", "9110 5.4")
get("HF24", "y" * 100000 + ": x\r\n", "431c", "9110 5.4")
get("HF25", "".join(f"X{i}: y\r\n" for i in range(101)), "431c", "9110 5.4")
get("HF25", "".join(f"X{i}: y\r\n" for i in range(99)), "200", "9110 5.4")
see("HF26", "A: 1\r\nA: 2\r\n", ["field A=[1]", "field A=[2]"],
    "9110 5.2, 9110 5.3")
get("HF27", "Cookie: " + "".join(f"c{i}={'v' * 60}; " for i in range(1000)) +
    "\r\n", "431c", "9110 5.4")

# ---- 2.3 Host ---------------------------------------------------------------
row("HO1", "GET / HTTP/1.1\r\n\r\n", "400c", "9112 3.2, 9110 7.2")
row("HO1", "GET / HTTP/1.1\r\nX: y\r\n\r\n", "400c", "9112 3.2")
get("HO2", "Host: b\r\n", "400c", "9112 3.2")
get("HO3", "Host: a\r\n", "400c", "9112 3.2")
row("HO4", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400c", "9110 4.2.1")
for h in ("a/p", "a b", "a,b", "a?x", "a:x", "a:65536", "[::1", "[1]", "@a"):
    row("HO6", f"GET / HTTP/1.1\r\nHost: {h}\r\n\r\n", "400c", "9112 3.2")
for h in ("[::1]:8080", "a:", "xn--a", "127.0.0.1:80", "[v1.a]", "a%20b"):
    row("HO8", f"GET / HTTP/1.1\r\nHost: {h}\r\n\r\n", "200", "9110 7.2",
        server="probe", has=[f"host {h}"])
row("HO9", "GET / HTTP/1.0\r\n\r\n", "200c", "9112 3.2, 9112 9.3", body=HELLO)
row("HO9", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", "400c", "9112 3.2")

# ---- 2.4 body framing -------------------------------------------------------
post("BF1", "Content-Length: 5\r\n", "HELLO", "200", "9112 6.2, 9110 9.3.3",
     body="HELLO")
post("BF2", "", "", "200", "9112 6.3", body="")
row("BF3", f"GET / HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nHELLO" + GET,
    "200 200", "9110 9.3.1, 9112 6.3, 9112 9.3", body=HELLO)
post("BF4", "Content-Length: 5\r\nContent-Length: 6\r\n", "HELLO", "400c",
     "9112 6.3")
post("BF4", "Content-Length: 5, 6\r\n", "HELLO", "400c", "9112 6.3")
post("BF5", "Content-Length: 5\r\nContent-Length: 5\r\n", "HELLO", "400c",
     "9112 6.3")
post("BF5", "Content-Length: 5, 5\r\n", "HELLO", "400c", "9112 6.3")
for v in ("+5", "-5", "-0", "5_0", "0x5", "0o5", "5 0", "5;", "abc", "5.0",
          "9223372036854775808", "99999999999999999999"):
    post("BF7", f"Content-Length: {v}\r\n", "HELLO", "400c",
         "9110 8.6, 9112 6.3")
post("BF8", "Content-Length:\r\n", "HELLO", "400c", "9110 8.6")
post("BF10", "Content-Length: 0005\r\n", "HELLO", "200", "9110 8.6",
     body="HELLO")
post("BF11", "Content-Length:\t5 \t\r\n", "HELLO", "200", "9112 5.1",
     body="HELLO")
post("BF12", "Content-Length: 999999999\r\n", "", "413c", "9110 15.5.14")
post("BF15", "Content-Length: 6\r\n" + CHUNKED, "0\r\n\r\nX", "400c",
     "9112 6.1, 9112 6.3")
post("BF16", CHUNKED + "Content-Length: 40\r\n",
     "0\r\n\r\nGET /evil HTTP/1.1\r\n" + H + "\r\n", "400c",
     "9112 6.1, 9112 6.3, 9112 11.2")
row("BF16", "POST / HTTP/1.0\r\n" + H + CHUNKED + "\r\n0\r\n\r\n", "400c",
    "9112 6.1")
post("BF18", "Transfer-Encoding: gzip\r\n", "", "501c", "9112 6.1")
post("BF19", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", "501c",
     "9112 6.1")
post("BF20", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n", "400c",
     "9112 6.3")
post("BF20", CHUNKED + CHUNKED, "0\r\n\r\n", "400c", "9112 6.1")
post("BF20", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n", "400c",
     "9112 6.1")
for v in ("xchunked", "identity", "chunked;q=1", '"chunked"'):
    post("BF22", f"Transfer-Encoding: {v}\r\n", "0\r\n\r\n", "501|400c",
         "9112 6.1, 9112 7.1")
post("BF23", "Transfer-Encoding:\r\n", "0\r\n\r\n", "400c", "9112 6.1")
for v in ("CHUNKED", "chunked ", "\tchunked\t", "Chunked"):
    post("BF25", f"Transfer-Encoding: {v}\r\n", "5\r\nHELLO\r\n0\r\n\r\n",
         "200", "9112 7, 9112 5.1", body="HELLO")
for v in (",chunked", "chunked,", "chunked ,", " , ,chunked"):
    post("BF27", f"Transfer-Encoding: {v}\r\n", "5\r\nHELLO\r\n0\r\n\r\n",
         "200", "9110 5.6.1.2", body="HELLO")

# ---- 2.5 chunked coding -----------------------------------------------------
HI = "5\r\nHELLO\r\n"
END = "0\r\n\r\n"
chunks("CH1", HI + END, "200", body="HELLO")
chunks("CH1", HI + "6\r\n WORLD\r\n" + END, "200", body="HELLO WORLD")
chunks("CH2", "A\r\n0123456789\r\n000\r\n\r\n", "200", body="0123456789")
chunks("CH2", "a\r\n0123456789\r\n" + END, "200", body="0123456789")
chunks("CH2", "0000005\r\nHELLO\r\n" + END, "200", body="HELLO")
for e in (";a=b", ";a", ';a="q;\\"x"', " ; a = b", ";a=b;c=d", '\t;a="\t"'):
    chunks("CH3", f"5{e}\r\nHELLO\r\n0{e}\r\n\r\n", "200", "9112 7.1.1",
           body="HELLO")
chunks("CH4", "5;" + "a" * 65536 + "\r\nHELLO\r\n" + END, "400|413c",
       "9112 7.1.1")
for e in (";\0", ";a[=1", ";", ";a=", ';a="', ";a=b\n"):
    chunks("CH6", f"5{e}\r\nHELLO\r\n" + END, "400c", "9112 7.1.1")
for n in ("5 ", " 5", "5\t"):
    chunks("CH7", n + "\r\nHELLO\r\n" + END, "400c")
for n in ("0x5", "+5", "-5", "5_", "5g", "", "5,"):
    chunks("CH8", n + "\r\nHELLO\r\n" + END, "400c")
chunks("CH10", "5\rXHELLO\r\n" + END, "400c", "9112 7.1, 9112 2.2")
chunks("CH10", "5\r\r;ABCD\r\n" + END, "400c", "9112 7.1, 9112 2.2")
chunks("CH10", "5\nHELLO\r\n" + END, "400c", "9112 7.1, 9112 2.2")
chunks("CH11", "5\r\nHELLO0\r\n\r\n", "400c")
chunks("CH11", "5\r\nHELLO \r\n" + END, "400c")
chunks("CH13", "5\r\nHELLO\n" + END, "400c")
chunks("CH14", "10000000000000000\r\n", "400|413c")
chunks("CH14", "FFFFFFFFFFFFFFFF\r\n", "400|413c")
chunks("CH14", "7FFFFFFFFFFFFFFF\r\n", "400|413c")
row("CH16", f"POST /see HTTP/1.1\r\n{H}{CHUNKED}\r\n{HI}0\r\nX-T: v\r\n\r\n",
    "200", "9112 7.1.2, 9110 6.5", server="probe",
    has=["trailer v", "body HELLO"])
for t in ("Content-Length: 9", CHUNKED.strip(), "Host: evil"):
    row("CH17", f"POST /see HTTP/1.1\r\n{H}{CHUNKED}\r\n{HI}0\r\n{t}\r\n\r\n",
        "200", "9110 6.5.1, 9112 7.1.2", server="probe",
        has=["host a", "length -1", "body HELLO"])
chunks("CH18", "0\r\n" + "X: yyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 3500 + "\r\n",
       "431c", "9110 5.4")
chunks("CH20", HI + "0\r\n\n", "400c")
chunks("CH20", HI + "0\r\nX: y\n\r\n", "400c")
chunks("CH20", HI + "0\r\n x\r\n\r\n", "400c", "9112 5.2")
row("CH22", f"POST /read HTTP/1.1\r\n{H}{CHUNKED}\r\n" +
    "1\r\nx\r\n" * 1000000 + END, "400c", "9112 7.1", server="probe")
chunks("CH22", ("64\r\n" + "x" * 100 + "\r\n") * 10000 + END, "200",
       body="x" * 1000000)
chunks("CH23", "".join(f"{i:x}\r\n{'y' * i}\r\n" for i in range(1, 40)) + END,
       "200", body="y" * 780)

# ---- 2.6 connections, expectations, responses --------------------------------
row("CN1", "GET / HTTP/1.0\r\n\r\n", "200c", "9112 9.3, 9112 6.1",
    body=HELLO, check=lambda all_: not all_[0].get("transfer-encoding"))
row("CN2", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200",
    "9112 9.3", body=HELLO, check=lambda all_: (
        all_[0].get("connection") == "keep-alive" and
        all_[0].get("content-length") == "13"))
row("CN3", "GET /stream HTTP/1.0\r\n\r\n", "200c", "9112 6.1, 9112 6.3",
    body="one two three", server="probe", check=lambda all_: (
        all_[0].to_end and not all_[0].get("transfer-encoding")))
row("CN3", "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200c",
    "9112 6.3, 9112 9.3", body="one two three", server="probe",
    check=lambda all_: all_[0].to_end)
line("CN3", "GET /stream HTTP/1.1", "200", "9112 7.1", server="probe",
     body="one two three")
get("CN4", "Connection: close\r\n", "200c", "9112 9.6", body=HELLO)
get("CN4", "Connection: x, CLOSE\t\r\n", "200c", "9110 7.6.1", body=HELLO)
get("CN4", "Connection: keep-alive\r\nConnection: close\r\n", "200c",
    "9112 9.3", body=HELLO)
get("CN6", "Proxy-Connection: close\r\n", "200", "9110 7.6.1", body=HELLO)
get("CN6", "Connection: closed, keep-alive\r\n", "200", "9110 7.6.1")
row("CN7", GET * 100, " ".join(["200"] * 100), "9112 9.3.2", body=HELLO)
row("CN8", GET + f"POST / HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nHELLO" + GET,
    "200 200 200", "9112 9.3.2",
    check=lambda all_: [r.body for r in all_[:3]] ==
    [b"Hello, World!", b"HELLO", b"Hello, World!"])
row("CN9", "GET / HTTP/1.1\r\nConnection: close\r\n" + H + "\r\n" + GET,
    "200c", "9112 9.6", body=HELLO)
row("CN12", GET + GET, "200 200", "9112 9.6", fin=True)
row("EX5", f"POST / HTTP/1.1\r\n{H}Expect: x\r\n\r\n", "417c", "9110 10.1.1")
row("EX5", "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 2\r\n\r\nHI",
    "200c", "9110 10.1.1", body="HI")
row("EX5", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
    "\r\nHI", "200c", "9110 10.1.1, 9110 15.2", body="HI",
    check=lambda all_: len(all_) == 1)
get("EX5", "Expect: 100-Continue\r\n", "200", "9110 10.1.1", body=HELLO,
    check=lambda all_: all_[0].status == 200)
get("UP1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n", "200", "9110 7.8",
    body=HELLO)
row("UP1", "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    "200c", "9110 7.8", body=HELLO)
line("RS1", "HEAD / HTTP/1.1", "200",
     "9110 8.6, 9110 9.1, 9110 9.3.2, 9112 6.3", heads=(0,),
     check=lambda all_: all_[0].get("content-length") == "13")
line("RS1", "HEAD /none HTTP/1.1", "404", "9110 9.3.2", heads=(0,))
line("RS1", "HEAD /stream HTTP/1.1", "200", "9110 9.3.2", heads=(0,),
     server="probe")
line("RS2", "GET /code/204 HTTP/1.1", "204", "9110 8.6, 9112 6.1, 9110 15.3.5",
     server="probe", check=lambda all_: not all_[0].get("content-length"))
line("RS2", "GET /code/304 HTTP/1.1", "304", "9110 15.4.5, 9112 6.3",
     server="probe", check=lambda all_: all_[0].get("etag"))
line("RS2", "GET /code/205 HTTP/1.1", "205", "9110 15.3.6", server="probe",
     body="")
line("RS2", "GET /inform HTTP/1.1", "103 200", "9110 15.2", server="probe")
row("RS2", "GET /inform HTTP/1.0\r\n\r\n", "200c", "9110 15.2",
    server="probe")
line("RS3", "GET /bad HTTP/1.1", "200", "9110 5.5, 9110 5.1", server="probe",
     body="EINVAL " * 13, check=lambda all_: not all_[0].get("set-cookie"))
line("RS5", "GET /own/length HTTP/1.1", "200", "9110 8.6", server="probe",
     body="HELLO", check=lambda all_: all_[0].all("content-length") == ["5"])
line("RS5", "GET /own/close HTTP/1.1", "200c", "9112 9.6", server="probe",
     body="bye")
line("RS6", "GET /nothing HTTP/1.1", "500", "9110 15.6.1", server="probe")
line("RS6", "GET /code/202 HTTP/1.1", "202", "9110 15.3.3", server="probe",
     body="")
line("RS6", "GET /fail HTTP/1.1", "500", "9110 15.6.1", server="probe")
line("RS9", "TRACE / HTTP/1.1", "405", "9110 15.5.6, 9110 9.3.8",
     check=lambda all_: all_[0].get("allow"))
line("SV1", "GET /" + "%41" * 10 + " HTTP/1.1", "404", "9110 4.2.3")
line("SV2", "GET https://a/ HTTP/1.1", "421c", "9110 7.4, 9110 4.3.3")
line("SV3", "GET http:///x HTTP/1.1", "400c", "9110 4.2.1, 9112 3.2.2")
line("SV3", "GET http://u@a/x HTTP/1.1", "400c", "9110 4.2.4")
