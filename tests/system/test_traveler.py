"""Traveler: its two prefixes, devices named or not, ActiveSync below them, answers and hang-ups at once."""

import base64

import pytest
from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, PING_BODY, eventually, post, query, run


def ask(target, user="alice", method="POST", fields=(), body=b"sync"):
    lines = [f"{method} {target} HTTP/1.1", "Host: mail.test", "User-Agent: Lotus Traveler Android 9.0/2013", *fields]
    if user:
        lines.append("Authorization: Basic " + base64.b64encode(f"{user}:pw".encode()).decode())
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body if method == "POST" else b"")


@pytest.fixture
def traveler(make_gate):
    def make(**more):
        gate = make_gate()
        gate.change_instance(enable_traveler=True, **more)
        return gate.start()
    return make


def test_off_unless_asked_for(shared):
    answer = shared.gate.ask(ask("/traveler"))
    assert answer.status == 403
    assert shared.gate.access(answer.value("x-request-id"))["reason"] == "path"
    assert shared.upstream.requests == []


def test_prefixes_methods_and_devices(traveler, upstream):
    gate = traveler()
    passing = [ask("/traveler"), ask("/servlet/traveler/a/B?x=%20y&&z"), ask("/Traveler/?deviceId=ALICES"),
               ask("/traveler?action=getStatus", method="GET"), ask("/traveler", fields=["X-DeviceId: PHONE1"])]
    for data in passing:
        assert gate.ask(data).status == 200, data
    targets = [received.target for received in upstream.requests]
    assert targets == [data.split(b" ", 2)[1].decode() for data in passing], "sent on as they came"
    assert gate.metric("easgate_traveler_unidentified_total", action="forward") == 3
    refused = {
        "path": [ask("/api/traveler"), ask("/travelers"), ask("/servlet"), ask("/traveler/x/Microsoft-Server-ActiveSync")],
        "method": [ask("/traveler", method="PUT"), ask("/traveler", method="DELETE")],
        "device_denied": [ask("/traveler?did=DENIED")], "device_unknown": [ask("/traveler?devid=NOBODY")],
        "user": [ask("/traveler?did=ALICES", user="bob")],
        # A cookie may be somebody's sign-in; whose, nobody can tell.
        "user_unreadable": [ask("/traveler?did=ALICES", user=None, fields=["Cookie: LtpaToken=QUJD"])],
        "bad_request": [ask("/traveler?did=ALICES&did=ALICES"), ask("/traveler?did=A", fields=["Device-Id: B"]),
                        ask("/traveler/%2e%2e/api"), ask("/traveler//x")]}
    for reason, requests in refused.items():
        for data in requests:
            answer = gate.ask(data)
            assert answer.status == (400 if reason == "bad_request" else 403), data
            assert gate.access(answer.value("x-request-id"))["reason"] == reason
    assert len(upstream.requests) == len(passing)


@pytest.mark.parametrize("prefix", ["/traveler", "/servlet/traveler", "/TRAVELER"])
def test_active_sync_below_a_prefix_is_judged_as_such(traveler, upstream, prefix):
    gate = traveler(traveler_unidentified="deny")
    target = f"{prefix}/microsoft-server-activesync?"
    assert gate.ask(post(target=target + query(), body=FOLDER_SYNC_BODY)).status == 200
    assert upstream.requests[0].target == f"{prefix.lower()}/Microsoft-Server-ActiveSync?{query()}"
    assert gate.ask(post(target=target + query(device="DENIED"))).status == 403
    assert gate.ask(post(target=target + query("FolderSync"), body=PING_BODY)).status == 403
    assert len(upstream.requests) == 1


def test_without_a_device_as_the_option_says(traveler, upstream):
    gate = traveler(traveler_unidentified="deny")
    answer = gate.ask(ask("/traveler"))
    assert answer.status == 403
    assert gate.access(answer.value("x-request-id"))["reason"] == "traveler_unidentified"
    assert gate.metric("easgate_traveler_unidentified_total", action="refuse") == 1
    assert upstream.requests == []


def test_learned(traveler, upstream, mdm):
    gate = traveler(traveler_unidentified="learned")
    assert gate.ask(ask("/traveler")).status == 403
    assert gate.ask(ask("/traveler", user="")).status == 200, "the mail server asks who it is"
    upstream.answer = lambda received, peer: reply(401, b"", reason="Unauthorized")
    assert gate.ask(ask("/traveler?did=ALICES")).status == 401
    assert gate.ask(ask("/traveler")).status == 403, "an answer of 401 teaches nothing"
    upstream.answer = lambda received, peer: reply()
    assert gate.ask(ask("/traveler?did=ALICES")).status == 200
    assert gate.ask(ask("/traveler")).status == 200
    assert gate.ask(ask("/traveler", user="bob")).status == 403
    mdm.set("ALICES", users=["alice"], state="deny")
    eventually(lambda: gate.ask(ask("/traveler")).status == 403)


def test_conflict_and_hang_ups_pass_at_once(traveler, upstream):
    gate = traveler()
    upstream.answer = lambda received, peer: reply(409, b"newer request", reason="Conflict")
    answer = gate.ask(ask("/traveler?did=ALICES"))
    assert (answer.status, answer.body) == (409, b"newer request")
    upstream.answer = lambda received, peer: None if peer.wait_gone(5) else None
    client = gate.client()
    client.send(ask("/traveler?did=ALICES"))
    peer = upstream.wait_for(2).connection
    client.close()
    assert peer.gone.wait(1), "the mail server's connection must be closed within a second"


def test_held_request_ends_when_its_device_is_denied(traveler, upstream, mdm):
    gate = traveler()
    upstream.answer = lambda received, peer: None if peer.wait_gone(10) else None
    with gate.client() as client:
        client.send(ask("/traveler?did=ALICES"))
        upstream.wait_for(1)
        mdm.set("ALICES", users=["alice"], state="deny")
        assert client.read().status == 403


def test_explain(traveler):
    gate = traveler()
    done = run("explain", "--config", gate.config_file, "POST /traveler?did=DENIED HTTP/1.1")
    assert done.returncode == 1 and "service   Traveler" in done.stdout and "device_denied" in done.stdout, done.stdout
