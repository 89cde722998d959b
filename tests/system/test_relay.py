"""What is sent on, in both directions, and what becomes of the two connections."""

import threading
import time

import pytest
from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, PING_BODY, eventually, options, post
from wire_client import Closed

DROPPED_REQUEST_FIELDS = [
    "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Forwarded",
    "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Real-IP", "X-Client-IP", "X-CommonAccessToken",
    "X-Rps-CAT", "X-IsFromCafe", "X-SourceCafeServer", "X_Forwarded_For", "Some_Field", "_", "Keep-Alive",
    "Proxy-Connection", "TE", "Upgrade", "Trailer"]
DROPPED_ANSWER_FIELDS = ["X-BEServer", "X-FEServer", "X-CalculatedBETarget", "X-DiagInfo", "Server", "X-Powered-By",
                         "X-AspNet-Version", "Keep-Alive", "Proxy-Connection", "Trailer"]


@pytest.mark.parametrize("name", DROPPED_REQUEST_FIELDS)
def test_request_field_is_dropped(shared, name):
    for spelling in (name, name.lower(), name.upper()):
        answer = shared.gate.ask(post(fields=[(spelling, "evil"), ("X-Kept", "yes")]))
        assert answer.status == 200
    for received in shared.upstream.requests:
        assert b"evil" not in received.raw_head
        assert received.value("X-Kept") == "yes"


def test_our_own_fields_replace_the_clients(shared):
    fields = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "gopher"), ("X-Request-Id", "forged"),
              ("x-forwarded-for", "7.7.7.7")]
    shared.gate.ask(post(fields=fields))
    received = shared.upstream.requests[0]
    assert received.values("X-Forwarded-For") == ["127.0.0.1"]
    assert received.values("X-Forwarded-Proto") == ["http"]
    assert len(received.values("X-Request-Id")) == 1 and received.value("X-Request-Id") != "forged"
    assert len(received.values("Host")) == 1
    line = shared.gate.access(received.value("X-Request-Id"))
    assert line["verdict"] == "allow"


def test_fields_that_the_connection_field_names_stop_here(shared):
    shared.gate.ask(post(fields=[("Connection", "X-Hop, keep-alive"), ("X-Hop", "1"), ("X-Kept", "1")]))
    received = shared.upstream.requests[0]
    assert received.value("X-Hop") is None and received.value("X-Kept") == "1"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Authorization", "Host",
                                  "Content-Length", "Cookie", "MS-ASProtocolVersion"])
def test_connection_can_not_name_our_fields_away(shared, name):
    """Either refused, or sent with everything that matters."""
    given = [("Authorization", "Basic YWxpY2U6cHc="), ("Cookie", "a=1")]
    answer = shared.gate.ask(post(fields=[("Connection", name), *given], body=FOLDER_SYNC_BODY))
    if answer.status == 400:
        assert shared.upstream.requests == []
        return
    received = shared.upstream.requests[0]
    assert received.body == FOLDER_SYNC_BODY
    for kept in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Host"):
        assert received.value(kept), kept


@pytest.mark.parametrize("name", ["X-BEResource", "X-AnonResource", "X-AnonResource-Backend", "SecurityToken"])
def test_cookie_is_dropped(shared, name):
    cookies = [f"{name}=evil", f"a=1; {name}=evil; b=2", f"a=1;{name.lower()}=evil", f"{name}=evil; {name.upper()}=evil"]
    for cookie in cookies:
        assert shared.gate.ask(post(fields=[("Cookie", cookie)])).status == 200
    for received in shared.upstream.requests:
        assert b"evil" not in received.raw_head
    assert shared.upstream.requests[1].value("Cookie").replace(" ", "") == "a=1;b=2"


def test_other_cookies_pass_both_ways(shared):
    shared.upstream.answer = lambda received, peer: reply(fields=[("Set-Cookie", "one=1; path=/"), ("Set-Cookie", "two=2")])
    answer = shared.gate.ask(post(fields=[("Cookie", "a=1; b=\"x y\"")]))
    assert shared.upstream.requests[0].value("Cookie") == "a=1; b=\"x y\""
    assert answer.values("set-cookie") == ["one=1; path=/", "two=2"]


@pytest.mark.parametrize("name", DROPPED_ANSWER_FIELDS)
def test_answer_field_is_dropped(shared, name):
    shared.upstream.answer = lambda received, peer: reply(fields=[(name, "evil"), (name.lower(), "evil"), ("X-Kept", "yes")])
    answer = shared.gate.ask(post())
    assert b"evil" not in answer.head and answer.value("x-kept") == "yes"


def test_ordinary_fields_pass_unchanged(shared):
    fields = [("X-MS-PolicyKey", "1307199584"), ("Accept-Language", "fr, en;q=0.5"), ("Accept-Encoding", "gzip"),
              ("X-Odd", "tab\there  two"), ("MS-ASAcceptMultiPart", "T")]
    shared.gate.ask(post(fields=fields, agent="Some Agent/1 (x; y)"))
    received = shared.upstream.requests[0]
    assert [(name, received.value(name)) for name, _ in fields] == fields
    assert received.value("User-Agent") == "Some Agent/1 (x; y)"


def test_names_of_parameters_go_as_specified(shared):
    """Some servers know them in that spelling only, and take a query without them for a base64 one."""
    target = "/Microsoft-Server-ActiveSync?x=1&cmd=FolderSync&USER=alice&device%49d=PHONE1&DeviceType=T"
    assert shared.gate.ask(post(target=target)).status == 200
    assert shared.upstream.requests[0].target.endswith("?x=1&Cmd=FolderSync&User=alice&DeviceId=PHONE1&DeviceType=T")


def test_keep_alive_and_reuse_of_the_mail_servers_connection(make_gate, upstream):
    gate = make_gate(node={"workers": 1}).start()
    with gate.client() as client:
        for _ in range(20):
            assert client.request(post(body=FOLDER_SYNC_BODY)).status == 200
    assert len(upstream.requests) == 20 and upstream.connections == 1


def test_pipelined_requests_are_answered_in_order(shared):
    shared.upstream.answer = lambda received, peer: reply(body=received.value("X-Number").encode())
    data = b"".join(post("PHONE1" if number % 3 else "DENIED", fields=[("X-Number", str(number))], body=FOLDER_SYNC_BODY)
                    for number in range(30))
    with shared.gate.client() as client:
        client.send(data)
        for number in range(30):
            answer = client.read()
            assert answer.status == (200 if number % 3 else 403)
            assert number % 3 == 0 or answer.body == str(number).encode()


def test_expect_is_answered_by_us_after_the_verdict(shared):
    with shared.gate.client() as client:
        client.send(post(body=FOLDER_SYNC_BODY, fields=[("Expect", "100-continue")])[:-len(FOLDER_SYNC_BODY)])
        assert client.read_head()[0] == 100
        assert all(received.body for received in shared.upstream.requests)
        client.send(FOLDER_SYNC_BODY)
        assert client.read().status == 200
    assert shared.upstream.requests[0].value("Expect") is None


def test_expect_of_a_refused_request_gets_no_100(shared):
    with shared.gate.client() as client:
        client.send(post("DENIED", body=b"x" * 100, fields=[("Expect", "100-continue")])[:-100])
        status, _, _ = client.read_head()
        assert status == 403


def test_other_expectations_are_not_passed_on(shared):
    answer = shared.gate.ask(post(fields=[("Expect", "200-maybe")]))
    assert answer.status in (400, 417)
    assert shared.upstream.requests == []


def test_chunked_request(shared):
    body = FOLDER_SYNC_BODY
    data = post(framing=False, fields=[("Content-Type", "application/vnd.ms-sync.wbxml"), ("Transfer-Encoding", "chunked")])
    with shared.gate.client() as client:
        client.send(data + b"3\r\n" + body[:3] + b"\r\n")
        time.sleep(0.05)
        client.send(b"%x\r\n" % len(body[3:]) + body[3:] + b"\r\n0\r\nX-Trailer: dropped\r\n\r\n")
        assert client.read().status == 200
    assert shared.upstream.requests[0].body == body


def test_chunked_answer(shared):
    pieces = [b"a" * 10, b"b" * 70_000, b"c"]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: y\r\n\r\n"
    shared.upstream.answer = lambda received, peer: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
    with shared.gate.client() as client:
        for _ in range(2):
            assert client.request(post()).body == b"".join(pieces)


def test_answer_that_ends_with_the_connection(shared):
    def answer(received, peer):
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100_000)
        peer.close()
    shared.upstream.answer = answer
    assert shared.gate.ask(post()).body == b"x" * 100_000


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(shared, status):
    shared.upstream.answer = lambda received, peer: f"HTTP/1.1 {status} X\r\nX-Kept: yes\r\n\r\n".encode()
    with shared.gate.client() as client:
        for _ in range(2):
            assert client.request(post()).status == status


def test_interim_answers_do_not_end_the_request(shared):
    shared.upstream.answer = lambda received, peer: (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply(body=b"final"))
    assert shared.gate.ask(post()).body == b"final"


def test_switching_protocols_is_never_passed_on(shared):
    asked = []

    def switch(received, peer):
        asked.append(peer)
        return b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"

    shared.upstream.answer = switch
    answer = shared.gate.ask(post(fields=[("Upgrade", "x"), ("Connection", "upgrade")]))
    assert answer.status == 502
    assert eventually(lambda: asked[-1].gone.is_set())


def test_http_1_0_client(shared):
    with shared.gate.client() as client:
        answer = client.request(post().replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
        assert (answer.status, answer.body) == (200, b"ok")
        assert client.is_closed()


def test_http_1_0_client_gets_no_chunks(shared):
    shared.upstream.answer = lambda received, peer: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    with shared.gate.client() as client:
        answer = client.request(post().replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))
        assert answer.value("transfer-encoding") is None and answer.body == b"abc"


def test_connection_close_of_the_client(shared):
    with shared.gate.client() as client:
        assert client.request(post(fields=[("Connection", "close")])).status == 200
        assert client.is_closed()


def test_early_answer_ends_both_connections(shared):
    """The mail server answers before it has the body: pass that on, then nothing may be reused."""
    shared.upstream.read_body = False
    shared.upstream.answer = lambda received, peer: reply(413, b"too much", reason="Too Large")
    with shared.gate.client() as client:
        client.send(post(body=FOLDER_SYNC_BODY + b"x" * 500_000)[:100_000])
        assert client.read().status == 413
        assert client.ended()
    assert shared.upstream.last_peer.gone.wait(5)


BAD_ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"hello\r\n\r\n", b"\0\0\0\0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000, b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n"]


@pytest.mark.parametrize("number", range(len(BAD_ANSWERS)))
def test_odd_answer_is_502_and_its_connection_is_not_used_again(shared, number):
    shared.upstream.answer = lambda received, peer: BAD_ANSWERS[number]
    with shared.gate.client() as client:
        assert client.request(post()).status == 502
    assert shared.upstream.last_peer.gone.wait(3)


def test_bytes_after_an_answer_spoil_the_connection(make_gate, upstream):
    """What comes behind a whole answer must never be taken for the answer to the next request."""
    gate = make_gate(node={"workers": 1}).start()
    upstream.answer = lambda received, peer: reply(body=b"mine") + reply(body=b"poison")
    with gate.client() as client:
        assert client.request(post()).body == b"mine"
        upstream.answer = lambda received, peer: reply(body=b"second")
        time.sleep(0.1)
        assert client.request(post()).body == b"second"
    assert upstream.connections == 2


def test_mail_server_that_can_not_be_reached(gate, upstream):
    upstream.stop()
    begin = time.monotonic()
    assert gate.ask(post()).status == 502
    assert time.monotonic() - begin < 3
    upstream.start()
    assert gate.ask(post()).status == 200


def test_answer_cut_off_in_the_middle_never_looks_whole(shared):
    def answer(received, peer):
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        peer.close()
    shared.upstream.answer = answer
    with shared.gate.client() as client, pytest.raises(Closed):
        client.request(post())


def test_chunks_cut_off_in_the_middle_never_look_whole(shared):
    def answer(received, peer):
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        peer.close()
    shared.upstream.answer = answer
    with shared.gate.client() as client, pytest.raises(Closed):
        client.request(post())


def test_a_reused_connection_that_died_is_replaced_for_a_repeatable_command(make_gate, upstream):
    gate = make_gate(node={"workers": 1}).start()
    with gate.client() as client:
        assert client.request(post(body=FOLDER_SYNC_BODY)).status == 200

        def die_once(received, peer):
            upstream.answer = lambda again, other: reply(body=b"again")
            peer.close()
        upstream.answer = die_once
        answer = client.request(options())
        assert (answer.status, answer.body) == (200, b"again")


def test_sending_mail_is_never_repeated(make_gate, upstream):
    gate = make_gate(node={"workers": 1}).start()
    with gate.client() as client:
        assert client.request(post(body=FOLDER_SYNC_BODY)).status == 200
        upstream.answer = lambda received, peer: peer.close()
        answer = client.request(post(command="SendMail", version="12.1",
                                     fields=[("Content-Length", "4"), ("Content-Type", "message/rfc822")], framing=False) + b"mail")
        assert answer.status == 502
    assert len([received for received in upstream.requests if "SendMail" in received.target]) == 1


@pytest.mark.parametrize("scheme,token", [("NTLM", "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA="), ("Negotiate", "YIIBBg==")])
def test_connection_bound_sign_in_is_never_shared(make_gate, upstream, scheme, token):
    gate = make_gate(node={"workers": 1}).start()
    upstream.answer = lambda received, peer: reply(body=str(peer.number).encode())
    with gate.client() as first, gate.client() as second:
        mine = first.request(post(fields=[("Authorization", f"{scheme} {token}")])).body
        assert first.request(post()).body == mine, "pinned to its client"
        for _ in range(5):
            assert second.request(post()).body != mine, "another client's requests go elsewhere"
        assert first.request(post()).body == mine
    with gate.client() as third:
        assert third.request(post()).body != mine, "nor is it pooled once its client has left"


def test_challenge_of_the_mail_server_pins_too(make_gate, upstream):
    """Exchange offers NTLM with its 401; what is signed in on that connection must stay there."""
    gate = make_gate(node={"workers": 1}).start()
    challenge = reply(401, b"", [("WWW-Authenticate", "NTLM TlRMTVNTUAACAAAA")], reason="Unauthorized")
    upstream.answer = lambda received, peer: challenge
    with gate.client() as first:
        assert first.request(post()).status == 401
        upstream.answer = lambda received, peer: reply(body=str(peer.number).encode())
        number = first.request(post()).body
        with gate.client() as second:
            assert second.request(post()).body != number


def test_held_request_is_answered_late(shared):
    release = threading.Event()

    def answer(received, peer):
        release.wait(10)
        return reply(body=b"news")
    shared.upstream.answer = answer
    with shared.gate.client() as client:
        client.send(post(command="Ping", body=PING_BODY))
        shared.upstream.wait_for(1)
        assert eventually(lambda: shared.gate.metric("easgate_held_connections") >= 1
                          or any("held" in name and value >= 1 for name, value in shared.gate.metrics().items()))
        assert client.is_quiet(0.5)
        release.set()
        assert client.read().body == b"news"


def test_client_that_leaves_frees_the_mail_server_at_once(shared):
    shared.upstream.answer = lambda received, peer: None if peer.wait_gone(5) else None
    client = shared.gate.client()
    client.send(post(command="Ping", body=PING_BODY))
    peer = shared.upstream.wait_for(1).connection
    client.close()
    assert peer.gone.wait(1), "the mail server's connection must be closed within a second"


def test_mail_server_that_leaves_frees_the_client_at_once(shared):
    shared.upstream.answer = lambda received, peer: peer.close()
    begin = time.monotonic()
    with shared.gate.client() as client:
        answer = client.request(post(command="Ping", body=PING_BODY))
        assert answer.status == 502
    assert time.monotonic() - begin < 1


def test_slow_503_of_the_mail_server_is_an_answer(shared):
    def answer(received, peer):
        time.sleep(1.5)
        return reply(503, b"busy", [("Retry-After", "5")], reason="Busy")
    shared.upstream.answer = answer
    result = shared.gate.ask(post())
    assert (result.status, result.value("retry-after"), result.body) == (503, "5", b"busy")
