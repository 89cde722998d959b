"""Requests that two parsers could read differently, or that must never pass: (name, bytes, statuses).

Every case goes to a listener in front of a recording mail server, on a connection of its own. The
answer must have one of the statuses; after a 400 the connection must be closed; and no complete request
may have reached the mail server. CONTROL_CASES look odd but are right, and must pass: without them a
gate that refuses everything would look perfect.
"""

from harness import PATH, query

GOOD = f"{PATH}?{query()}"
HOST = "Host: mail.test\r\n"
REFUSED, FORBIDDEN, EITHER = (400,), (403,), (400, 403)


def head(line, fields=HOST):
    """A request head from its request line and its field lines (with line ends)."""
    return f"{line}\r\n{fields}\r\n".encode("latin-1")


def posted(fields, body=b"", line=f"POST {GOOD} HTTP/1.1"):
    """A POST of a permitted device with these further field lines."""
    return head(line, HOST + fields) + body


def chunked(body):
    return posted("Transfer-Encoding: chunked\r\n", body)


def lengths():
    """Content-Length: anything but one run of digits."""
    values = ["", " ", "+3", "-1", "-0", "0x3", "3 3", "3,3", "3, 3", "3,4", "3;", "3.0", "1e1", "३", "3a", "a3",
              "\t3 4", "3\x0b", "\x0b3", "99999999999999999999", "18446744073709551619", "4294967299a", "३3",
              "\"3\"", "'3'", "3\\", "0,3", "3,", ",3", "None", "NaN", "inf", "1_0", "3\xa0", "\xa03", "৩"]
    for number, value in enumerate(values):
        value = value.encode("utf-8").decode("latin-1")
        yield f"length-odd-{number}", posted(f"Content-Length: {value}\r\n", b"abc"), REFUSED
    pairs = [("3", "3"), ("3", "4"), ("0", "3"), ("3", "0"), ("", "3"), ("3", ""), ("03", "3"), ("3", "x")]
    for number, (one, two) in enumerate(pairs):
        fields = f"Content-Length: {one}\r\nContent-Length: {two}\r\n"
        yield f"length-twice-{number}", posted(fields, b"abc"), REFUSED
        fields = f"Content-Length: {one}\r\nX: y\r\ncontent-length: {two}\r\n"
        yield f"length-twice-apart-{number}", posted(fields, b"abc"), REFUSED


def codings():
    """Transfer-Encoding: anything but exactly `chunked`."""
    values = ["", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked",
              "chunked ,", ", chunked", "xchunked", "chunkedx", "chunked x", "x chunked", "\x0bchunked", "\x0cchunked",
              "chunked\x0b", "chunked\x00", "\x00chunked", "chunked;q=1", "chunked; foo=bar", "\"chunked\"", "'chunked'",
              "chunked identity", "identity, chunked", "chunked, identity", "cow", "chu nked", "chunk", "hunked",
              "chunked\\", "[chunked]", "chunked,chunked", "deflate", "compress", "trailers, chunked", "ch\xfcnked",
              "chunked\x7f", "CHUNKED, identity", "\xa0chunked", "chunked\x85", "0", "false", "chunked\x1f"]
    body = b"3\r\nabc\r\n0\r\n\r\n"
    for number, value in enumerate(values):
        yield f"coding-odd-{number}", posted(f"Transfer-Encoding: {value}\r\n", body), REFUSED
        with_length = f"Transfer-Encoding: {value}\r\nContent-Length: {len(body)}\r\n"
        yield f"coding-odd-and-length-{number}", posted(with_length, body), REFUSED
    names = ["Transfer-Encoding", "transfer-encoding", "TRANSFER-ENCODING"]
    for number, name in enumerate(names):
        yield f"coding-and-length-{number}", posted(f"{name}: chunked\r\nContent-Length: 3\r\n", body), REFUSED
        yield f"length-and-coding-{number}", posted(f"Content-Length: 3\r\n{name}: chunked\r\n", body), REFUSED
        yield f"coding-twice-{number}", posted(f"{name}: chunked\r\nTransfer-encoding: chunked\r\n", body), REFUSED
        yield f"coding-then-other-{number}", posted(f"{name}: chunked\r\nTransfer-encoding: x\r\n", body), REFUSED
    yield "coding-in-1.0", posted("Transfer-Encoding: chunked\r\n", body, f"POST {GOOD} HTTP/1.0"), REFUSED
    yield "coding-in-1.0-keep-alive", posted("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", body,
                                             f"POST {GOOD} HTTP/1.0"), REFUSED
    odd = ["Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding\t: chunked",
           "Transfer-Encoding:\r\n chunked", "Transfer-Encoding\r\n: chunked", "Transfer-Encoding: chu\r\n nked",
           "Transfer-Encoding: x\r\n\tchunked", "\x00Transfer-Encoding: chunked", "Transfer-Encoding\x00: chunked",
           "X: y\rTransfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked", "Transfer\x7f-Encoding: chunked",
           "Transfer-Encoding chunked", "Transfer-Encoding=chunked", "Transfer Encoding: chunked"]
    for number, line in enumerate(odd):
        yield f"coding-line-{number}", posted(f"{line}\r\n", body), REFUSED
        yield f"coding-line-and-length-{number}", posted(f"Content-Length: 3\r\n{line}\r\n", b"abc"), REFUSED


def chunks():
    """Chunk framing: sizes of hexadecimal digits only, exact line ends, a clean last chunk."""
    sizes = ["", " ", "-1", "+3", "0x3", "0X3", "3 ", " 3", "\t3", "3\t", "3\x0b", "g", "3g", "3.", "3,", "3_", "\"3\"",
             "fffffffffffffffff", "10000000000000000", "ffffffffffffffff", "8000000000000000", "00000000000000003",
             "\x003", "3\x00", "-3", "~3", "3\x7f", "\xb3", "0 3", "3 0", "1e9999", "３"]
    for number, size in enumerate(sizes):
        raw = size.encode("utf-8") if ord(max(size, default="a")) > 255 else size.encode("latin-1")
        yield f"chunk-size-{number}", chunked(raw + b"\r\nabc\r\n0\r\n\r\n"), REFUSED
    bodies = [b"3\nabc\r\n0\r\n\r\n", b"3\rabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc0\r\n\r\n",
              b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc\rx0\r\n\r\n", b"3\r\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n\r\n0\r\n\r\n",
              b"\r\n3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\nX: y\r\n\r\n", b"3\r\nabc\r\n0\r\nX y\r\n\r\n",
              b"3\r\nabc\r\n0\r\n X: y\r\n\r\n", b"3\r\nabc\r\n0\r\nX : y\r\n\r\n", b"3\r\nabc\r\n0\r\n: y\r\n\r\n",
              b"3\r\nabc\r\n0\r\nX: \x00\r\n\r\n", b"3\r\nabc\r\n0\r\nX: y\n\r\n", b"3\r\nabc\r\n0\r\n\n",
              b"3\r\nabc\r\n0\r\rX", b"3;a=b\nc\r\nabc\r\n0\r\n\r\n", b"3;\x00\r\nabc\r\n0\r\n\r\n",
              b"3;a=\"\r\nabc\r\n0\r\n\r\n\"\r\n0\r\n\r\n", b"3;a\rb\r\nabc\r\n0\r\n\r\n",
              b"3; \x7f\r\nabc\r\n0\r\n\r\n", b"0\n\r\n", b"0\r\nTransfer-Encoding: chunked\n\r\n"]
    for number, body in enumerate(bodies):
        yield f"chunk-body-{number}", chunked(body), REFUSED
    yield "chunk-extension-endless", chunked(b"3;" + b"a" * 200_000 + b"\r\nabc\r\n0\r\n\r\n"), REFUSED
    yield "chunk-size-endless", chunked(b"0" * 200_000 + b"3\r\nabc\r\n0\r\n\r\n"), REFUSED
    yield "chunk-trailers-endless", chunked(b"0\r\n" + b"X: y\r\n" * 40_000 + b"\r\n"), (400, 431)


def syntax():
    """Bytes that don't belong in a head."""
    for byte in [*range(0, 9), *range(10, 32), 127]:
        text = chr(byte)
        if byte not in (10, 13):
            yield f"value-byte-{byte:02x}", posted(f"X: a{text}b\r\nContent-Length: 0\r\n"), REFUSED
        yield f"name-byte-{byte:02x}", posted(f"X{text}Y: a\r\nContent-Length: 0\r\n"), REFUSED
        yield f"target-byte-{byte:02x}", posted("", line=f"POST {GOOD}&X=a{text}b HTTP/1.1"), REFUSED
        yield f"method-byte-{byte:02x}", posted("", line=f"PO{text}ST {GOOD} HTTP/1.1"), REFUSED
    for byte in b"()<>@,;\\\"/[]?={} \x80\xff\xe9":
        yield f"name-separator-{byte:02x}", posted(f"X{chr(byte)}Y: a\r\nContent-Length: 0\r\n"), REFUSED
    for byte in b"()<>@,;:\\\"/[]?={}\x80\xff":
        yield f"method-separator-{byte:02x}", posted("", line=f"PO{chr(byte)}ST {GOOD} HTTP/1.1"), REFUSED
    lines = ["X : y", "X\t: y", " X: y", "\tX: y", ": y", ":", "X", "X y", "X: a\r\n b", "X: a\r\n\tb", "X:\r\n y",
             "X: a\rb", "X: a\nY: b", "X: a\n b", "X: a\r\rY: b", "\r", "Content-Length\x20: 0", "GET / HTTP/1.1",
             "X: a\r\n\x0bY: b"]
    for number, line in enumerate(lines):
        yield f"line-{number}", posted(f"{line}\r\nContent-Length: 0\r\n"), REFUSED
        yield f"first-line-{number}", head(f"POST {GOOD} HTTP/1.1", f"{line}\r\n{HOST}Content-Length: 0\r\n"), REFUSED
    yield "all-lf", f"POST {GOOD} HTTP/1.1\nHost: mail.test\nContent-Length: 0\n\n".encode(), REFUSED
    yield "all-cr", f"POST {GOOD} HTTP/1.1\rHost: mail.test\rContent-Length: 0\r\r".encode(), REFUSED
    yield "end-lf-lf", f"POST {GOOD} HTTP/1.1\r\nHost: mail.test\r\nContent-Length: 0\n\n".encode(), REFUSED
    yield "end-crlf-lf", f"POST {GOOD} HTTP/1.1\r\nHost: mail.test\r\nContent-Length: 0\r\n\n".encode(), REFUSED
    yield "two-empty-lines-first", b"\r\n\r\n" + posted("Content-Length: 0\r\n"), REFUSED
    yield "lf-first", b"\n" + posted("Content-Length: 0\r\n"), REFUSED
    yield "space-first", b" " + posted("Content-Length: 0\r\n"), REFUSED
    yield "nul-first", b"\0" + posted("Content-Length: 0\r\n"), REFUSED


def request_lines():
    """Versions, spaces and forms of the request line."""
    for number, version in enumerate(["HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/2", "HTTP/3.0", "HTTP/9.9"]):
        yield f"version-other-{number}", posted("", line=f"POST {GOOD} {version}"), REFUSED
    odd = ["", "HTTP", "HTTP/", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1.1.1", "HTTP/1.10", "HTTP/11.1", "HTTP/01.1",
           "HTTP/1.01", "http/1.1", "Http/1.1", "HTTP /1.1", "HTTP/ 1.1", "HTTP/1 .1", "HTTPS/1.1", "XHTTP/1.1",
           "HTTP/1,1", "HTTP/a.b", "HTTP/-1.1", "HTTP/+1.1", "HTTP/1.1 ", "HTTP/1.1\t", " HTTP/1.1", "HTTP/1.1 x",
           "HTTP/4294967297.1", "HTTP/1.4294967297", "HTTP/1.1\0", "HTTP/257.1", "\tHTTP/1.1", "ICY/1.1"]
    for number, version in enumerate(odd):
        yield f"version-odd-{number}", posted("", line=f"POST {GOOD} {version}"), REFUSED
    lines = [f"POST  {GOOD} HTTP/1.1", f"POST\t{GOOD} HTTP/1.1", f" POST {GOOD} HTTP/1.1", f"POST {GOOD}", "POST",
             "POST HTTP/1.1", "", f"{GOOD} HTTP/1.1", f"POST {GOOD} {GOOD} HTTP/1.1", f"POST {GOOD}\x0bHTTP/1.1",
             f"POST {GOOD} x HTTP/1.1", f"POST /x y{GOOD} HTTP/1.1", f"POST\x0c{GOOD} HTTP/1.1"]
    for number, line in enumerate(lines):
        yield f"request-line-{number}", posted("Content-Length: 0\r\n", line=line), REFUSED


def hosts():
    """Exactly one Host that is a host."""
    for number, fields in enumerate(["", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host: a\r\nhost: b\r\n",
                                     "Host:\r\nHost: a\r\n", "Host : a\r\n", " Host: a\r\n", "X: y\r\n Host: a\r\n"]):
        yield f"host-count-{number}", head(f"POST {GOOD} HTTP/1.1", fields + "Content-Length: 0\r\n"), REFUSED
    values = ["a b", "a/b", "a@b", "user@mail.test", "a\\b", "a?b", "a#b", "a:b", "a:99999", "a:-1", "a:1:2", "[::1",
              "::1]", "a\x00b", "a\tb", "http://a", "a<b", "a\"b", "\xe9", "a%00b", "a, a", "[zz]", "a:8x"]
    for number, value in enumerate(values):
        fields = f"Host: {value}\r\nContent-Length: 0\r\n"
        yield f"host-value-{number}", head(f"POST {GOOD} HTTP/1.1", fields), REFUSED
    forms = [f"http://other.test{GOOD}", f"https://other.test{GOOD}", f"http://mail.test.evil{GOOD}",
             f"http://mail.test@other.test{GOOD}", f"http://mail.test:1{GOOD}", f"ftp://mail.test{GOOD}",
             f"http:{GOOD}", f"http:/{GOOD}", f"//mail.test{GOOD}", f"http:///{GOOD}", f"http://user@mail.test{GOOD}",
             "mail.test:443", "*", "http://mail.test", f"gopher://mail.test{GOOD}", f"file://{GOOD}"]
    for number, target in enumerate(forms):
        yield f"target-form-{number}", posted("Content-Length: 0\r\n", line=f"POST {target} HTTP/1.1"), EITHER


def paths():
    """Everything that isn't the one path, by any spelling of it."""
    tail = f"?{query()}"
    odd = ["/Microsoft-Server-ActiveSync/..", "/Microsoft-Server-ActiveSync/../owa", "/owa/../Microsoft-Server-ActiveSync",
           "/./Microsoft-Server-ActiveSync", "/Microsoft-Server-ActiveSync/.", "//Microsoft-Server-ActiveSync",
           "/Microsoft-Server-ActiveSync//", "/Microsoft-Server-ActiveSync;x", "/Microsoft-Server-ActiveSync;/owa",
           "/;/Microsoft-Server-ActiveSync", "/owa;/Microsoft-Server-ActiveSync", "/Microsoft-Server-ActiveSync%2f",
           "/Microsoft-Server-ActiveSync%2F..%2Fowa", "/Microsoft-Server-ActiveSync%5c..%5cowa", "/%2e%2e/owa",
           "/Microsoft-Server-ActiveSync/%2e%2e/owa", "/Microsoft-Server-ActiveSync\\", "\\Microsoft-Server-ActiveSync",
           "/Microsoft-Server-ActiveSync\\..\\owa", "/Microsoft-Server-ActiveSync%00", "/Microsoft-Server-ActiveSync%00/owa",
           "/Microsoft%2DServer-ActiveSync", "/%4dicrosoft-Server-ActiveSync", "/Microsoft-Server-ActiveSync%20",
           "/Microsoft-Server-ActiveSync%3f", "/Microsoft-Server-ActiveSync%23", "/Microsoft-Server-ActiveSync#",
           "/Microsoft-Server-ActiveSync#/owa", "/Microsoft-Server-ActiveSync%252f..%252fowa", "/%2fowa", "/..;/owa",
           "/Microsoft-Server-ActiveSync/.;/owa", "/Microsoft-Server-ActiveSync%c0%af..%c0%afowa", "/owa/..;/x",
           "/Microsoft-Server-ActiveSync%", "/Microsoft-Server-ActiveSync%g0", "/Microsoft-Server-ActiveSync%u002f",
           "/Microsoft-Server-ActiveSync\xc3\xa9", "/Microsoft-Server-ActiveS\xffnc", "Microsoft-Server-ActiveSync",
           "/Microsoft-Server-ActiveSync/..%2f..%2f"]
    for number, path in enumerate(odd):
        yield f"path-odd-{number}", posted("Content-Length: 0\r\n", line=f"POST {path}{tail} HTTP/1.1"), EITHER
    other = ["/", "/owa", "/owa/", "/ecp", "/ecp/x.js", "/EWS/Exchange.asmx", "/ews/exchange.asmx/x", "/powershell",
             "/PowerShell/", "/mapi/emsmdb", "/rpc", "/rpc/rpcproxy.dll", "/oab", "/OAB/x/oab.xml", "/autodiscover",
             "/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.json", "/autodiscover/autodiscover.json@x",
             "/Microsoft-Server-ActiveSync/", "/Microsoft-Server-ActiveSync/default.eas", "/Microsoft-Server-ActiveSyncX",
             "/Microsoft-Server-ActiveSyn", "/x/Microsoft-Server-ActiveSync", "/traveler", "/servlet/traveler", "/api",
             "/exchange", "/exchweb", "/public", "/ecp/proxyLogon.ecp", "/aspnet_client", "/metrics", "/readyz", "/status",
             "/healthz", "/api/gateway/v1/devices", "/SOGo/Microsoft-Server-ActiveSync", "/Microsoft_Server_ActiveSync"]
    for number, path in enumerate(other):
        yield f"path-other-{number}", posted("Content-Length: 0\r\n", line=f"POST {path}{tail} HTTP/1.1"), FORBIDDEN
        yield f"path-options-{number}", head(f"OPTIONS {path} HTTP/1.1"), FORBIDDEN
    yield "autodiscover-at", posted("Content-Length: 0\r\n",
                                    line="POST /autodiscover/autodiscover.json?@x/powershell HTTP/1.1"), EITHER


def methods():
    for method in ["GET", "PUT", "DELETE", "TRACE", "PATCH", "PROPFIND", "post", "Post", "options", "POSTX", "XPOST", "TRACK",
                   "DEBUG", "SEARCH", "MOVE", "QUERY", "RPC_IN_DATA", "RPC_OUT_DATA"]:
        yield f"method-{method}", head(f"{method} {GOOD} HTTP/1.1", HOST + "Content-Length: 0\r\n"), FORBIDDEN
    yield "method-long", head("X" * 40 + f" {GOOD} HTTP/1.1"), EITHER
    yield "method-CONNECT", head("CONNECT mail.test:443 HTTP/1.1"), EITHER
    yield "method-CONNECT-path", head(f"CONNECT {GOOD} HTTP/1.1"), EITHER
    yield "http2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 403)
    yield "options-star", head("OPTIONS * HTTP/1.1"), EITHER
    yield "tls-hello-in-plain", bytes.fromhex("16030100a5010000a10303") + b"\0" * 160, REFUSED


def queries():
    """Queries that can be read in two ways, or not at all."""
    odd = ["Cmd=Sync&Cmd=Ping&DeviceId=PHONE1&DeviceType=P&User=a", "Cmd=Sync&cmd=Ping&DeviceId=PHONE1&DeviceType=P&User=a",
           "Cmd=Sync&DeviceId=PHONE1&DeviceId=DENIED&DeviceType=P&User=a", "Cmd=Sync&DeviceId=PHONE1&deviceid=PHONE1&User=a",
           "Cmd=Sync&DeviceId=PHONE1&Device%49d=DENIED&DeviceType=P", "Cmd=Sync&DeviceId=PHONE1&DeviceType=P&User=a&User=b",
           "Cmd=Sync&DeviceId=PHONE1&DeviceType=P&User=a&USER=b", "Cmd=Sync&DeviceId=PHONE1&DeviceType=P&DeviceType=Q",
           "Cmd=Sync&DeviceId=PHONE1&User=a?DeviceId=DENIED", f"{query()}?", f"{query()}?Cmd=Ping", f"?{query()}",
           f"{query()}&Cmd", "Cmd=Sync&DeviceId=PH%4", "Cmd=Sync&DeviceId=PHONE1&User=%", "Cmd=Sync&DeviceId=PHONE1&User=%zz",
           "Cmd=Sync&DeviceId=PHONE1%00&User=a", "Cmd=Sync&DeviceId=PHONE1&User=a%00b", "Cmd=Sync&DeviceId=PHONE1&User=a%0d%0ab",
           f"{query()}#x", "%43md=Sync&DeviceId=PHONE1&Cmd=Ping", "Cmd=Sync&DeviceId=PHONE1&User=a%0aX:y",
           "jQAJBAxQSE9ORTE=&DeviceId=PHONE1", "!!!!", "jQAJBA===", "jQAJB", "=", "jQAJBAxQ SE9ORTE=", "jQAJBAxQSE9ORTE*",
           "jQA=JBAx", "Cmd=Sync&Device+Id=PHONE1&DeviceId=PHONE1;DeviceId=DENIED"]
    for number, text in enumerate(odd):
        yield f"query-odd-{number}", posted("Content-Length: 0\r\n", line=f"POST {PATH}?{text} HTTP/1.1"), EITHER
    twice = odd[:8] + odd[8:11]
    for number, text in enumerate(twice):
        yield f"query-twice-{number}", posted("Content-Length: 0\r\n", line=f"POST {PATH}?{text} HTTP/1.1"), REFUSED
    missing = ["", "?", "?Cmd=Sync", "?Cmd=Sync&User=a", "?Cmd=Sync&DeviceId=&User=a&DeviceType=P",
               "?Cmd=Sync&Device=PHONE1", "?DeviceId=PHONE1", "?Cmd=Nonsense&DeviceId=PHONE1&User=a&DeviceType=P",
               "?Cmd=&DeviceId=PHONE1&User=a&DeviceType=P", "?Cmd=Sync&DeviceId=NOBODY&User=a&DeviceType=P",
               "?Cmd=Sync&DeviceId=DENIED&User=a&DeviceType=P", "?Cmd=Sync&DeviceId=PHONE1,DENIED&User=a&DeviceType=P",
               "?Cmd=Sync&DeviceId=" + "A" * 2000 + "&User=a&DeviceType=P", "?Cmd=Sync&DeviceId=PHONE1*&User=a&DeviceType=P",
               "?Cmd=Sync&DeviceId=%20PHONE1&User=a&DeviceType=P", "?Cmd=Sync&DeviceId=PHONE1%20&User=a&DeviceType=P",
               "?Cmd=Sync&DeviceId=+PHONE1&User=a&DeviceType=P", "?Cmd=Autodiscover&DeviceId=PHONE1&User=a"]
    for number, text in enumerate(missing):
        yield f"query-missing-{number}", posted("Content-Length: 0\r\n", line=f"POST {PATH}{text} HTTP/1.1"), EITHER


def credentials():
    """Authorization fields that can't be decoded or say two things."""
    odd = ["Authorization: Basic !!!!", "Authorization: Basic YWxp", "Authorization: Basic", "Authorization: Basic =",
           "Authorization: Basic YWxpY2U6cHc=\r\nAuthorization: Basic Ym9iOnB3", "Authorization: Basic YWxpY2U6cHc= x",
           "Authorization: Basic YWxpY2U6cHc=, Basic Ym9iOnB3", "Authorization: Basic YQBiOnB3",
           "Authorization: Basic YQpiOnB3", "Authorization: Basic YWxpY2U6cHc=\r\nauthorization: Basic YWxpY2U6cHc="]
    for number, line in enumerate(odd):
        yield f"credential-odd-{number}", posted(f"{line}\r\nContent-Length: 0\r\n"), EITHER
    yield "version-contradiction", posted("MS-ASProtocolVersion: 14.1\r\nMS-ASProtocolVersion: 2.5\r\nContent-Length: 0\r\n"), EITHER


def sizes():
    yield "head-large-field", posted("X: " + "a" * 20_000 + "\r\nContent-Length: 0\r\n"), (431,)
    yield "head-large-target", posted("", line=f"POST {GOOD}&X=" + "a" * 20_000 + " HTTP/1.1"), (400, 414, 431)
    yield "head-many-fields", posted("X: y\r\n" * 150 + "Content-Length: 0\r\n"), (431,)
    yield "head-many-small-fields", posted("a:b\r\n" * 3000 + "Content-Length: 0\r\n"), (431,)
    yield "head-long-name", posted("X" * 20_000 + ": y\r\n"), (431,)
    yield "head-long-method", posted("", line="P" * 20_000 + f" {GOOD} HTTP/1.1"), (400, 431)
    yield "head-endless-line", b"POST /" + b"a" * 200_000, (400, 414, 431)


def wbxml_bodies():
    """A body whose root element isn't the command of the URL."""
    ping = bytes.fromhex("03016a00000d4548033830000101")
    bodies = [ping, b"not wbxml at all", bytes.fromhex("03016a00"), b"\x03", bytes.fromhex("03016a000000"), b"<xml/>",
              bytes.fromhex("03016a000007570100"), bytes.fromhex("02016a00000756520330000101"),
              bytes.fromhex("03016a04000756520330000101"), bytes.fromhex("0301030000075652033000010 1".replace(" ", "")),
              bytes.fromhex("03016a0000000756") + b"\x83\x00", b"\x03\x01\x6a\x00\x00\xff\x56"]
    for number, body in enumerate(bodies):
        fields = f"Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {len(body)}\r\n"
        yield f"body-root-{number}", posted(fields, body), EITHER


def _all():
    for table in (lengths, codings, chunks, syntax, request_lines, hosts, paths, methods, queries, credentials, sizes,
                  wbxml_bodies):
        yield from table()


CASES = list(_all())

CONTROL_CASES = [
    ("plain", posted("Content-Length: 0\r\n")),
    ("no-length", posted("")),
    ("length-zeros", posted("Content-Length: 0\r\n")),
    ("space-around-value", posted("Content-Length: \t 0 \t\r\n")),
    ("no-space-before-value", posted("Content-Length:0\r\n")),
    ("names-in-lower-case", head(f"POST {GOOD} HTTP/1.1", "host: mail.test\r\ncontent-length: 0\r\n")),
    ("names-in-upper-case", head(f"POST {GOOD} HTTP/1.1", "HOST: mail.test\r\nCONTENT-LENGTH: 0\r\n")),
    ("path-in-lower-case", posted("", line=f"POST {PATH.lower()}?{query()} HTTP/1.1")),
    ("path-in-upper-case", posted("", line=f"POST {PATH.upper()}?{query()} HTTP/1.1")),
    ("value-of-high-bytes", posted("X: \xe9\xff\xa0\r\nContent-Length: 0\r\n")),
    ("empty-value", posted("X:\r\nContent-Length: 0\r\n")),
    ("one-empty-line-first", b"\r\n" + posted("Content-Length: 0\r\n")),
    ("host-with-port", head(f"POST {GOOD} HTTP/1.1", "Host: mail.test:443\r\n")),
    ("host-ipv6", head(f"POST {GOOD} HTTP/1.1", "Host: [::1]:443\r\n")),
    ("absolute-form", posted("", line=f"POST http://mail.test{GOOD} HTTP/1.1")),
    ("http-1.0", head(f"POST {GOOD} HTTP/1.0", "Host: mail.test\r\nContent-Length: 0\r\n")),
    ("chunked-none", chunked(b"0\r\n\r\n")),
    ("chunked-upper-case", posted("Transfer-Encoding: Chunked\r\n", b"0\r\n\r\n")),
    ("chunk-size-with-zero", chunked(b"0000\r\n\r\n")),
    ("trailer-dropped", chunked(b"0\r\nX-Trailer: y\r\n\r\n")),
    ("options", head(f"OPTIONS {PATH} HTTP/1.1")),
    ("id-in-lower-case", posted("", line=f"POST {PATH}?{query(device='phone1')} HTTP/1.1")),
    ("unknown-parameter", posted("", line=f"POST {GOOD}&Extra=1 HTTP/1.1")),
    ("names-of-parameters-in-lower-case", posted("", line=f"POST {PATH}?cmd=FolderSync&user=a&deviceid=PHONE1&devicetype=P HTTP/1.1")),
    ("basic", posted("Authorization: Basic YWxpY2U6cHc=\r\nContent-Length: 0\r\n")),
]
