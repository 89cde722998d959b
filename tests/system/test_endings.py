"""How phones are told: the ends of held requests, and refusals in ActiveSync's own words."""

import signal
import threading
import time

import pytest
from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, NOTHING_NEW, PING_BODY, eventually, options, post, run

WAITING_SYNC = bytes.fromhex("03016a00455c4f4b033132330001" "0101" "640339000101")
CHANGES_SYNC = bytes.fromhex("03016a00455c4f4b033132330001" "56070101" "0101" "640339000101")


def hold(gate, upstream, request):
    upstream.answer = lambda received, peer: peer.wait_gone(60) and None if "FolderSync" not in received.target else reply()
    client = gate.client()
    before = len(upstream.requests)
    client.send(request)
    upstream.wait_for(before + 1)
    return client


@pytest.mark.parametrize("version", ["12.1", "14.1", "16.1"])
@pytest.mark.parametrize("body", [b"", WAITING_SYNC])
def test_a_waiting_sync_ends_empty(gate, mdm, upstream, version, body):
    with hold(gate, upstream, post(command="Sync", body=body, version=version)) as client:
        mdm.set("PHONE1", "deny")
        answer = client.read()
        assert (answer.status, answer.body) == (200, b"")
        assert answer.value("content-type") is None
        assert client.request(post()).status == 403
        line = gate.access(answer.value("x-request-id"))
    assert (line["verdict"], line["reason"], line["status"]) == ("allow", "device_denied", "200")


@pytest.mark.parametrize("version,body", [("14.1", CHANGES_SYNC), ("14.1", b"\x03\x01\x6a\x00\x05"), ("12.0", WAITING_SYNC),
                                          ("2.5", b"")])
def test_a_sync_with_changes_is_never_taken_for_accepted(gate, mdm, upstream, version, body):
    with hold(gate, upstream, post(command="Sync", body=body, version=version)) as client:
        mdm.set("PHONE1", "deny")
        assert client.read().status == 403


def test_states_that_are_too_old_end_what_is_held(make_gate, mdm, upstream):
    gate = make_gate(mdm={"state_lifetime": "3s"}).start()
    with hold(gate, upstream, post(command="Ping", body=PING_BODY)) as client:
        mdm.stop()
        answer = client.read()
        assert (answer.status, answer.body) == (200, NOTHING_NEW)
        assert client.request(post()).status == 503
    assert gate.access(answer.value("x-request-id"))["reason"] == "states_stale"


@pytest.fixture
def telling(make_gate):
    gate = make_gate()
    gate.change_instance(refusal_answer="activesync")
    return gate.start()


def test_refusals_in_wbxml(telling, upstream):
    folder_sync = "03016a000007564c03{}000101"
    for request, reason, document in (
            (post("NOBODY", body=FOLDER_SYNC_BODY), "device_unknown", folder_sync.format("313239")),
            (post("DENIED", version="16.1"), "device_denied", folder_sync.format("313239")),
            (post("ALICES", user="bob"), "user", folder_sync.format("313236")),
            (post("LAX", command="Ping", body=PING_BODY), "device_non_compliant", "03016a00000d454703313239000101"),
            (post("NOBODY", command="MeetingResponse"), "device_unknown", "03016a000008474a4b0331323900010101"),
            (post(command="FolderSync", body=PING_BODY), "body_root", folder_sync.format("313033"))):
        answer = telling.ask(request)
        assert (answer.status, answer.value("content-type")) == (200, "application/vnd.ms-sync.wbxml")
        assert answer.body.hex() == document
        line = telling.access(answer.value("x-request-id"))
        assert (line["verdict"], line["reason"], line["status"]) == ("refuse", reason, "200")
    assert not upstream.requests


def test_refusals_that_only_http_can_say(telling, upstream):
    for version in ("2.5", "12.1", None):
        assert telling.ask(post("NOBODY", version=version)).status == 403
    assert telling.ask(post("NOBODY", command="GetAttachment")).status == 403
    assert telling.ask(post("NOBODY", command="Nonsense")).status == 403
    assert telling.ask(post(target="/owa/")).status == 403
    assert telling.ask(post(target="/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=A&DeviceId=B")).status == 400
    assert not upstream.requests
    assert telling.ask(options()).status == 200


def test_explain_names_the_status(telling):
    line = "POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId={}&DeviceType=P HTTP/1.1"

    def explain(device, version):
        return run("explain", "--config", telling.config_file, "--header", "Host: x", "--header",
                   f"MS-ASProtocolVersion: {version}", line.format(device))
    eventually(lambda: explain("PHONE1", "14.1").returncode == 0)
    assert "200 and the status 129" in explain("DENIED", "14.1").stdout
    done = explain("DENIED", "12.1")
    assert done.returncode == 1 and "200 and the status" not in done.stdout


def test_endings_are_spread_over_the_last_part_of_a_drain(make_gate, mdm, upstream):
    """All of them end by the time that drain_timeout is over, none before its last drain_spread, and not at once."""
    devices = [f"CROWD{number}" for number in range(30)]
    for device in devices:
        mdm.set(device, "allow")
    gate = make_gate(node={"drain_timeout": "4s", "drain_spread": "2s"}).start()
    eventually(lambda: gate.metric("easgate_devices", state="allow") >= len(devices))
    clients = [hold(gate, upstream, post(device, command="Ping", body=PING_BODY)) for device in devices]
    ended = {}

    def watch(client):
        answer = client.read()
        ended[client] = (time.monotonic(), answer)
    threads = [threading.Thread(target=watch, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    begin = time.monotonic()
    gate.signal(signal.SIGTERM)
    for thread in threads:
        thread.join(20)
    moments = sorted(moment - begin for moment, _ in ended.values())
    assert len(moments) == len(devices)
    assert all((answer.status, answer.body) == (200, NOTHING_NEW) for _, answer in ended.values())
    assert moments[0] > 1.9, "held requests have the time before the last drain_spread"
    assert moments[-1] - moments[0] > 1, "not all at once"
    for client in clients:
        client.close()
    assert gate.process.wait(10) == 0


def test_protocol_versions(make_gate, upstream):
    gate = make_gate()
    gate.change_instance(protocol_versions=["14.1", "16.1"], refusal_answer="activesync")
    gate.start()
    upstream.answer = lambda received, peer: reply(fields=[("MS-ASProtocolVersions", "2.5,12.1,14.0,14.1,16.0,16.1")])
    assert gate.ask(options()).value("ms-asprotocolversions") == "14.1,16.1"
    assert gate.ask(post()).value("ms-asprotocolversions") == "14.1,16.1"
    assert gate.ask(post(version=None)).status == 200, "the mail server asks"
    asked = len(upstream.requests)
    assert gate.ask(post(version="12.1")).status == 403
    answer = gate.ask(post(version="14.0"))
    assert (answer.status, answer.body.hex()) == (200, "03016a000007564c03313338000101")
    line = gate.access(answer.value("x-request-id"))
    assert (line["verdict"], line["reason"]) == ("refuse", "protocol_version")
    assert len(upstream.requests) == asked
    upstream.answer = lambda received, peer: reply(fields=[("MS-ASProtocolVersions", "2.5,12.1")])
    assert gate.ask(options()).value("ms-asprotocolversions") == ""
    eventually(lambda: gate.log_lines("none of them is among protocol_versions"))
    done = run("explain", "--config", gate.config_file, "--header", "Host: x", "--header", "MS-ASProtocolVersion: 14.0",
               "POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId=PHONE1&DeviceType=P HTTP/1.1")
    assert done.returncode == 1 and "protocol_version" in done.stdout
