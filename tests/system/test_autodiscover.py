"""Autodiscover: closed, answered by the gate, or forwarded with what Exchange could misread refused."""

import base64
import json
import xml.etree.ElementTree as ElementTree

import pytest
from fake_upstream import reply
from harness import eventually, run

XML = "/autodiscover/autodiscover.xml"
JSON = "/autodiscover/autodiscover.json"
BASE = "http://schemas.microsoft.com/exchange/autodiscover/"


def document(address="alice@corp.example", schema="mobilesync", before=""):
    return f"""{before}<Autodiscover xmlns="{BASE}{schema}/requestschema/2006"><Request>
<EMailAddress>{address}</EMailAddress>
<AcceptableResponseSchema>{BASE}{schema}/responseschema/2006</AcceptableResponseSchema>
</Request></Autodiscover>""".encode()


def ask(method="POST", target=XML, body=b"", user="", fields=(), host="autodiscover.corp.example"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    if user:
        lines.append("Authorization: Basic " + base64.b64encode(f"{user}:pw".encode()).decode())
    if body:
        lines += ["Content-Type: text/xml", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.fixture
def answering(make_gate):
    gate = make_gate()
    gate.change_instance(autodiscover="answer", public_url="https://mail.example.com")
    return gate.start()


@pytest.fixture
def forwarding(make_gate, mdm):
    mdm.set_many([{"id": "PHONE1", "users": [], "state": "removed"}, {"id": "PHONE2", "users": [], "state": "removed"}])
    gate = make_gate()
    gate.change_instance(autodiscover="forward")
    return gate.start()


def texts(answer):
    root = ElementTree.fromstring(answer.body)
    return {element.tag.rpartition("}")[2]: element.text for element in root.iter()}


def test_off_unless_asked_for(shared):
    for target in (XML, JSON, "/Autodiscover/Autodiscover.xml"):
        answer = shared.gate.ask(ask("GET", target))
        assert answer.status == 403
        assert shared.gate.access(answer.value("x-request-id"))["reason"] == "path"
    assert shared.upstream.requests == []


@pytest.mark.parametrize("user", ["", "alice", "mallory"])
def test_version_1_is_answered_with_the_public_url(answering, upstream, user):
    answer = answering.ask(ask(body=document(), target="/AutoDiscover/AutoDiscover.xml", user=user))
    assert answer.status == 200 and answer.value("content-type").startswith("text/xml")
    found = texts(answer)
    url = "https://mail.example.com/Microsoft-Server-ActiveSync"
    assert (found["Type"], found["Url"], found["Name"]) == ("MobileSync", url, url)
    assert found["EMailAddress"] == "alice@corp.example"
    line = answering.access(answer.value("x-request-id"))
    assert (line["command"], line["verdict"], line["status"]) == ("Autodiscover", "allow", "200")
    assert upstream.requests == []
    assert answering.metric("easgate_autodiscover_requests_total", action="answer") == 1


def test_version_2_is_answered_with_the_public_url(answering, upstream):
    for target in (JSON + "?Email=alice@corp.example&Protocol=ActiveSync&RedirectCount=3",
                   JSON.upper() + "?protocol=activesync&email=alice%40corp.example"):
        answer = answering.ask(ask("GET", target))
        assert answer.status == 200 and answer.value("content-type").startswith("application/json")
        assert json.loads(answer.body) == {"Protocol": "ActiveSync",
                                           "Url": "https://mail.example.com/Microsoft-Server-ActiveSync"}
    assert upstream.requests == []


@pytest.mark.parametrize("target,code", [
    (JSON + "?Email=a@b&Protocol=Ews", "InvalidProtocol"),
    (JSON + "?Email=a@b", "MandatoryParameterMissing"),
    (JSON + "?Protocol=ActiveSync", "MandatoryParameterMissing"),
    (JSON, "MandatoryParameterMissing"),
])
def test_version_2_answers_errors_as_microsoft_does(answering, target, code):
    with answering.client() as client:
        answer = client.request(ask("GET", target))
        assert answer.status == 400 and json.loads(answer.body)["ErrorCode"] == code
        assert client.request(ask("GET", JSON + "?Email=a@b&Protocol=ActiveSync")).status == 200


@pytest.mark.parametrize("request_bytes,code", [
    (ask("GET"), "600"), (ask(), "600"), (ask(body=b"hello"), "600"), (ask(body=document("alice")), "600"),
    (ask(body=document(before="<!DOCTYPE a [<!ENTITY e 'x'>]>")), "600"),
    (ask(body=document().decode().encode("utf-16")), "600"), (ask(body=document(schema="outlook")), "601"),
], ids=["get", "empty", "no-xml", "no-address", "doctype", "utf-16", "outlook"])
def test_version_1_answers_errors_as_exchange_does(answering, request_bytes, code):
    answer = answering.ask(request_bytes)
    assert answer.status == 200
    assert texts(answer)["ErrorCode"] == code


def test_what_is_echoed_is_escaped(answering):
    answer = answering.ask(ask(body=document("o&apos;neil&amp;&#x26;co@corp.example")))
    assert texts(answer)["EMailAddress"] == "o'neil&&co@corp.example"
    assert b"&&" not in answer.body


@pytest.mark.parametrize("request_bytes,status,reason", [
    (ask("GET", JSON + "?@evil.example/powershell"), 403, "autodiscover"),
    (ask("GET", JSON + "?Email=a@b&x=@y"), 403, "autodiscover"),
    (ask("GET", JSON + "?Email=a@b&email=c@d"), 403, "autodiscover"),
    (ask("GET", JSON + "?a=b?@c"), 400, "bad_request"),
    (ask("GET", JSON + "@evil.example"), 403, "path"),
    (ask("GET", "/autodiscover/autodiscover%2ejson"), 400, "bad_request"),
    (ask("GET", JSON + "/v1.0/a@b"), 403, "path"),
    (ask("PUT"), 403, "method"), (ask("POST", JSON), 403, "method"), (ask("OPTIONS"), 403, "method"),
    (ask(body=document("a" * 70_000)), 413, "body_too_large"),
])
def test_what_is_refused_although_it_would_be_answered_here(answering, upstream, request_bytes, status, reason):
    answer = answering.ask(request_bytes)
    assert answer.status == status
    assert answering.access(answer.value("x-request-id"))["reason"] == reason
    assert upstream.requests == []


def test_without_public_url_the_host_that_was_asked(make_gate, pki):
    gate = make_gate()
    gate.change_instance(autodiscover="answer")
    gate.start()
    answer = gate.ask(ask(body=document(), host="autodiscover.corp.example:8443"))
    assert texts(answer)["Url"] == "http://autodiscover.corp.example:8443/Microsoft-Server-ActiveSync"


def test_forwarded_in_our_spelling_and_back_unchanged(forwarding, upstream):
    body = b"<Autodiscover>https://inside.corp.local/</Autodiscover>"
    upstream.answer = lambda received, peer: reply(body=body)
    answer = forwarding.ask(ask(target="/AUTODISCOVER/autodiscover.XML", body=document(), user="alice"))
    assert (answer.status, answer.body) == (200, body)
    received = upstream.requests[0]
    assert (received.method, received.target, received.body) == ("POST", XML, document())
    upstream.answer = lambda received, peer: reply(302, b"", [("Location", "https://elsewhere.example/x")])
    assert forwarding.ask(ask("GET")).value("location") == "https://elsewhere.example/x"
    assert forwarding.ask(ask("GET", JSON + "?Protocol=ActiveSync")).status == 302
    assert forwarding.metric("easgate_autodiscover_requests_total", action="forward") == 3


@pytest.mark.parametrize("request_bytes,status,reason", [
    (ask("GET", JSON + "?Email=a@b&Protocol=ActiveSync"), 403, "autodiscover"),
    (ask("GET", JSON + "?Email=a%40b"), 403, "autodiscover"), (ask("GET", JSON + "?Email=a%2540b"), 403, "autodiscover"),
    (ask(target=XML + "?@evil.example/mapi/nspi"), 403, "autodiscover"),
    (ask("GET", JSON + "?a?@b"), 400, "bad_request"),
    (ask("GET", JSON, fields=["Cookie: Email=autodiscover/autodiscover.json?@evil.example"]), 403, "autodiscover"),
    (ask(body=document("a" * 70_000)), 413, "body_too_large"),
    (ask(body=document(), user="mallory"), 403, "user"),
    (ask(body=document(), fields=["Authorization: Bearer opaque"]), 403, "user_unreadable"),
])
def test_never_forwarded(forwarding, upstream, request_bytes, status, reason):
    answer = forwarding.ask(request_bytes)
    assert answer.status == status
    assert forwarding.access(answer.value("x-request-id"))["reason"] == reason
    assert upstream.requests == []


def test_a_device_for_any_user_lets_any_user_be_forwarded(forwarding, mdm):
    assert forwarding.ask(ask(body=document(), user="mallory")).status == 403
    mdm.set("PHONE1", users=[])
    eventually(lambda: forwarding.ask(ask(body=document(), user="mallory")).status == 200)
    mdm.set("PHONE1", users=[], state="deny")
    eventually(lambda: forwarding.ask(ask(body=document(), user="mallory")).status == 403)


def test_explain(answering):
    done = run("explain", "--config", answering.config_file, f"GET {JSON}?Email=a@b HTTP/1.1")
    assert done.returncode == 0 and "by this gate" in done.stdout, done.stdout
    done = run("explain", "--config", answering.config_file, f"GET {JSON}?@x HTTP/1.1")
    assert done.returncode == 1 and "[autodiscover]" in done.stdout, done.stdout
