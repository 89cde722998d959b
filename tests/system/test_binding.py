"""Device binding: first use, the MDM server's keys, restarts, damage, the command; two requests at once."""

import json

import pytest
from harness import FOLDER_SYNC_BODY, PING_BODY, eventually, post, run

GOOD = {"body": FOLDER_SYNC_BODY, "password": "right"}


def listed(gate):
    done = run("binding", "list", "--config", gate.config_file, "--format", "json")
    assert done.returncode == 0, done.stderr
    return {one["device"]: one for one in json.loads(done.stdout)}


def bindings_file(gate):
    return gate.state_file.with_name("devices.bindings.mail")


@pytest.fixture
def bound(make_gate):
    gate = make_gate()
    gate.change_instance(bind="user")
    return gate.start()


def test_first_use_binds_the_user(bound, upstream):
    for _ in range(4):
        assert bound.ask(post(**GOOD)).status == 200
    answer = bound.ask(post(user="bob", **GOOD))
    assert answer.status == 403
    assert bound.access(reason="bound_user")["request_id"] == answer.value("x-request-id")
    assert len(upstream.requests) == 4
    assert bound.ask(post(user="ALICE", **GOOD)).status == 200
    assert bound.ask(post(user="bob", body=FOLDER_SYNC_BODY)).status == 200, "without a credential the mail server asks"
    assert listed(bound)["PHONE1"]["user"] == "alice"
    assert bound.metric("easgate_device_bindings", instance="mail") == 1
    eventually(bindings_file(bound).exists)
    bound.stop()
    bound.start()
    assert bound.ask(post(user="bob", **GOOD)).status == 403


def test_killed(bound):
    """What is bound is on disk a second later, whole, however the node ends."""
    for _ in range(3):
        for number in (1, 2):
            assert bound.ask(post(f"PHONE{number}", **GOOD)).status == 200
        eventually(lambda: bindings_file(bound).exists() and bindings_file(bound).read_text().count("alice") == 2)
        # Something is to be written while the node ends.
        assert run("binding", "remove", "--config", bound.config_file, "PHONE2").returncode == 0
        assert bound.ask(post("PHONE2", **GOOD)).status == 200
        bound.kill()
        bound.start()
        assert "PHONE1" in listed(bound)
        assert bound.ask(post("PHONE2", **GOOD)).status == 200
        assert bound.ask(post("PHONE1", user="bob", **GOOD)).status == 403
        assert bound.ask(post("PHONE2", user="bob", **GOOD)).status == 403
        assert bound.metric("easgate_device_bindings_damaged", instance="mail") == 0


def test_removed_is_bound_anew(bound):
    assert bound.ask(post(**GOOD)).status == 200
    removed = run("binding", "remove", "--config", bound.config_file, "phone1")
    assert removed.returncode == 0 and "alice" in removed.stdout
    assert bound.ask(post(user="bob", **GOOD)).status == 200
    assert bound.ask(post(**GOOD)).status == 403
    assert run("binding", "remove", "--config", bound.config_file, "OTHER").returncode == 1
    assert run("binding", "list", "--config", bound.config_file, "--instance", "x").returncode == 1


def test_a_refused_password_binds_nothing(bound, upstream):
    upstream.answer = lambda received, peer: peer.send(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
    assert bound.ask(post(user="bob", **GOOD)).status == 401
    assert listed(bound) == {}


def test_damage_refuses_open_devices_until_it_is_mended(bound, mdm):
    mdm.set("ALICES2", users=["alice"])
    assert bound.ask(post(**GOOD)).status == 200
    eventually(bindings_file(bound).exists)
    bound.stop()
    good = bindings_file(bound).read_bytes()
    bindings_file(bound).write_bytes(good.replace(b"alice", b"mallo"))
    bound.start()
    assert bound.ask(post(user="mallo", **GOOD)).status == 403
    assert bound.access(reason="binding_unknown")["status"] == "403"
    eventually(lambda: bound.ask(post("ALICES2", **GOOD)).status == 200)
    assert bound.metric("easgate_device_bindings_damaged", instance="mail") == 1
    bindings_file(bound).write_bytes(good)
    bound.reload()
    eventually(lambda: bound.ask(post(**GOOD)).status == 200)
    assert bound.ask(post(user="bob", **GOOD)).status == 403


def test_observed(bound):
    bound.change_instance(mode="observe")
    bound.reload()
    eventually(lambda: bound.metric("easgate_instance_observes") == 1)
    assert bound.ask(post(**GOOD)).status == 200
    assert bound.ask(post(user="bob", **GOOD)).status == 200
    line = bound.access(reason="bound_user")
    assert (line["verdict"], line["status"]) == ("allow", "200")
    assert listed(bound)["PHONE1"]["user"] == "alice"


def test_explained(bound):
    assert bound.ask(post(**GOOD)).status == 200
    eventually(bindings_file(bound).exists)
    for user, status in (("alice", 0), ("bob", 1)):
        request = post(user=user, **GOOD).split(b"\r\n")
        fields = [part for line in request[1:request.index(b"")] for part in ("--header", line.decode())]
        done = run("explain", "--config", bound.config_file, request[0].decode(), *fields)
        assert done.returncode == status, done.stdout + done.stderr
        assert ("bound_user" in done.stdout) == (status == 1)


def test_keys(make_gate, pki, mdm):
    gate = make_gate()
    gate.change_instance(tls=True, require_client_certificate=True, client_ca_file=pki.client_ca.file,
                         bind="certificate")
    gate.start()

    def ask(identity, device="PHONE1"):
        with gate.tls_client(identity) as client:
            return client.request(post(device, **GOOD)).status
    assert ask(pki.alice) == 200
    assert ask(pki.bob) == 403
    assert gate.access(reason="bound_key")["status"] == "403"
    assert ask(pki.alice) == 200
    key = listed(gate)["PHONE1"]["key"]
    assert len(key) == 64
    # The MDM server's keys override, at once and also for another node's first use.
    mdm.set("PHONE1", keys=["00" * 32])
    eventually(lambda: ask(pki.alice) == 403)
    mdm.set("PHONE1", keys=["00" * 32, key])
    eventually(lambda: ask(pki.alice) == 200)


def test_two_at_once_are_said(bound, upstream):
    upstream.answer = lambda received, peer: None
    ping = {"command": "Ping", "body": PING_BODY}
    with bound.client() as one:
        one.send(post(**ping))
        upstream.wait_for(1)
        with bound.client(source="127.1.0.1") as two:
            two.send(post(**ping))
            upstream.wait_for(2)
            eventually(lambda: bound.metric("easgate_held_overlaps_total", instance="mail") == 1)
            assert bound.log_lines("waits in two requests at once")


@pytest.mark.parametrize("command", [["binding"], ["binding", "remove"], ["binding", "remove", ""], ["binding", "list", "x"]])
def test_usage(command):
    assert run(*command).returncode == 64
