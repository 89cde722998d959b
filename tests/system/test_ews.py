"""EWS: push subscriptions of users with a permitted device, and nothing else; NTLM through the gate."""

import base64
import subprocess
import sys

import pytest
from fake_upstream import reply
from harness import ROOT, run

sys.path.insert(0, str(ROOT / "tests" / "support"))
from ntlm_server import NtlmConnection, self_test  # noqa: E402

EWS = "/EWS/Exchange.asmx"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"


def soap(operation="Subscribe", header="", url="https://push.example.com/1", more=""):
    return f"""<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">{header}
<s:Body><m:{operation}><m:PushSubscriptionRequest>
<t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds>
<t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes>
<t:StatusFrequency>30</t:StatusFrequency><t:URL>{url}</t:URL>{more}
</m:PushSubscriptionRequest></m:{operation}></s:Body></s:Envelope>""".encode()


def ask(body=None, user="alice", path=EWS, fields=(), method="POST", chunked=False, kind="text/xml; charset=utf-8"):
    body = soap() if body is None else body
    lines = [f"{method} {path} HTTP/1.1", "Host: mail.test", "User-Agent: SecureMail/1.0", *fields]
    if user:
        lines.append("Authorization: Basic " + base64.b64encode(f"{user}:pw".encode()).decode())
    if body:
        lines.append(f"Content-Type: {kind}")
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 100]), body[at:at + 100])
                        for at in range(0, len(body), 100)) + b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.fixture
def ews(make_gate):
    gate = make_gate()
    gate.change_instance(allow_ews_subscriptions=True, ews_push_hosts=["push.example.com"])
    return gate.start()


def test_off_unless_asked_for(shared):
    answer = shared.gate.ask(ask())
    assert answer.status == 403
    assert shared.gate.access(answer.value("x-request-id"))["reason"] == "path"
    assert shared.upstream.requests == []


@pytest.mark.parametrize("chunked", [False, True])
def test_subscription_goes_on_unchanged(ews, upstream, chunked):
    assert ews.ask(ask(path="/ews/exchange.ASMX", chunked=chunked)).status == 200
    received = upstream.requests[0]
    assert (received.method, received.target, received.body) == ("POST", EWS, soap())
    assert received.chunked == chunked
    line = ews.access(command="EWS")
    assert (line["verdict"], line["user"]) == ("allow", "alice")


def test_body_in_pieces_and_the_next_request_behind_it(ews, upstream):
    data = ask() + ask(user="mallory")
    with ews.client() as client:
        for at in range(0, len(data), 97):
            client.send(data[at:at + 97])
        assert client.read().status == 200
        assert client.read().status == 403
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("request_bytes,reason", [
    (ask(soap("GetItem")), "ews"),
    (ask(soap("Unsubscribe")), "ews"),
    (ask(soap(header="<s:Header><t:ExchangeImpersonation/></s:Header>")), "ews"),
    (ask(soap(url="https://evil.example/")), "ews_push_host"),
    (ask(soap(url="https://127.0.0.1/")), "ews_push_host"),
    (ask(soap(more="x" * 70000)), "ews"),
    (ask(soap(more="<t:CallerData>" + "x" * 65000 + "</t:CallerData>"), chunked=True), "ews"),
    (ask(soap().replace(b"?>", b"?><!DOCTYPE a>", 1)), "ews"),
    (ask(b"<open>"), "ews"),
    (ask(soap()[:-3]), "bad_request"),
    (ask(b""), "ews"),
    (ask(b"", chunked=True), "ews"),
    (ask(kind="application/json"), "ews"),
    (ask(fields=["Content-Encoding: gzip"]), "ews"),
    (ask(fields=["X-ExchangeImpersonation: bob@corp.example"]), "ews"),
    (ask(user="bob"), "ews_user"),
    (ask(user="", fields=["Authorization: Bearer opaque"]), "ews_user"),
    (ask(method="GET", body=b""), "method"),
    (ask(path=EWS + "/x"), "path"),
    (ask(path="/EWS/Services.wsdl"), "path"),
])
def test_everything_else_is_refused(ews, upstream, request_bytes, reason):
    answer = ews.ask(request_bytes)
    assert answer.status == (400 if reason == "bad_request" else 403)
    assert ews.access(answer.value("x-request-id"))["reason"] == reason
    assert upstream.requests == []


def test_device_for_any_user_proves_nothing_and_changes_count_at_once(ews, mdm, upstream):
    from harness import eventually
    assert ews.ask(ask(user="carol")).status == 403
    mdm.set("CAROLS", users=["carol"])
    eventually(lambda: ews.ask(ask(user="carol")).status == 200)
    mdm.set("CAROLS", users=["carol"], state="deny")
    eventually(lambda: ews.ask(ask(user="carol")).status == 403)
    assert ews.ask(ask(user="alice")).status == 200


def test_reload_opens_and_closes(make_gate, upstream):
    gate = make_gate().start()
    assert gate.ask(ask()).status == 403
    gate.change_instance(allow_ews_subscriptions=True, ews_push_hosts=["push.example.com"])
    gate.reload()
    from harness import eventually
    eventually(lambda: gate.ask(ask()).status == 200, what="an index for the states in force")
    gate.change_instance(allow_ews_subscriptions=False)
    gate.reload()
    assert gate.ask(ask()).status == 403


def ntlm_upstream(upstream, passwords):
    connections = {}

    def answer(received, peer):
        connection = connections.setdefault(peer.number, NtlmConnection(passwords))
        challenge = connection.ask(received.value("Authorization"))
        if challenge:
            return reply(401, b"", [("WWW-Authenticate", challenge)], reason="Unauthorized")
        return reply(body=f"subscribed {connection.user} {peer.number}".encode())
    upstream.answer = answer


def curl(gate, folder, user, times=1):
    body = folder / "body.xml"
    body.write_bytes(soap())
    secret = folder / "curlrc"
    secret.write_text('user = "' + user.replace("\\", "\\\\") + '"\n')
    url = f"http://127.0.0.1:{gate.port}{EWS}"
    more = ["--next", "--config", secret, "--ntlm", "-sS", "-w", " %{http_code}\n",
            "-H", "Content-Type: text/xml; charset=utf-8", "--data-binary", f"@{body}", url]
    done = subprocess.run(["curl", *map(str, more[1:]), *(list(map(str, more)) * (times - 1))],
                          capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.splitlines()


def test_curl_signs_in_by_ntlm_through_the_gate(ews, upstream, tmp_path):
    self_test()
    ntlm_upstream(upstream, {"alice": "secret", "bob": "other"})
    lines = curl(ews, tmp_path, "CORP\\alice:secret", times=2)
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["200", "200"]
    assert all(line.startswith("subscribed alice") for line in lines)
    first = [received for received in upstream.requests if received.body == b""]
    assert first, "NTLM's first message comes without a body"
    assert curl(ews, tmp_path, "CORP\\alice:wrong")[0].endswith(" 401")
    before = len(upstream.requests)
    assert curl(ews, tmp_path, "CORP\\bob:other")[-1].endswith(" 403"), "no permitted device names bob"
    assert len(upstream.requests) == before + 1, "only the first message, which names nobody"
    assert "secret" not in "\n".join(ews.log_lines())


def test_signed_in_connection_is_its_clients_own(make_gate, upstream):
    gate = make_gate(node={"workers": 1})
    gate.change_instance(allow_ews_subscriptions=True, ews_push_hosts=["push.example.com"])
    gate.start()
    ntlm_upstream(upstream, {"alice": "secret"})
    type1 = "Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA="
    with gate.client() as first, gate.client() as second:
        assert first.request(ask(b"", user="", fields=[type1])).status == 401
        number = upstream.last_peer.number
        assert second.request(ask(user="")).status == 401
        assert upstream.last_peer.number != number


def test_explain(ews, tmp_path):
    head = tmp_path / "request"
    head.write_bytes(ask())
    done = run("explain", "--config", ews.config_file, f"@{head}")
    assert done.returncode == 0, done.stdout
    assert "service   EWS" in done.stdout and "ews_body" in done.stdout
    head.write_bytes(ask(soap("GetItem")))
    done = run("explain", "--config", ews.config_file, f"@{head}")
    assert done.returncode == 1 and "an operation other than Subscribe" in done.stdout, done.stdout
