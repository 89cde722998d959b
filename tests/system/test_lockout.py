"""The lock-out shield: a stale password reaches the mail server once, and the other answers come from here."""

import base64
import json
import re

import pytest
from fake_upstream import reply
from harness import eventually, options, post, run

CHALLENGE = [("WWW-Authenticate", 'Basic realm="mail.test"'), ("WWW-Authenticate", "Negotiate")]


def basic(user, password):
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


@pytest.fixture
def directory(upstream):
    """A mail server that knows one password and counts how often it refused one."""
    state = {"password": "right", "refused": 0}

    def answer(received, peer):
        value = received.value("Authorization", "")
        good = base64.b64encode(f"alice:{state['password']}".encode()).decode()
        if value.endswith(good):
            return reply()
        state["refused"] += 1 if value else 0
        return reply(401, b"who are you?", CHALLENGE)
    upstream.answer = answer
    return state


@pytest.fixture
def shielded(make_gate, directory):
    gate = make_gate()
    gate.change_instance(lockout_shield="10m")
    return gate.start()


def test_a_stale_phone_asks_the_directory_once(shielded, directory):
    """Its connections land on both workers."""
    for _ in range(30):
        answer = shielded.ask(post(password="old"))
        assert answer.status == 401
        assert answer.values("WWW-Authenticate") == [value for _, value in CHALLENGE]
    assert directory["refused"] == 1
    with shielded.client() as client:
        for _ in range(20):
            assert client.request(post(password="old", body=b"")).status == 401, "one connection, many answers"
        assert client.request(post(password="right")).status == 200, "the new password passes at once"
        assert client.request(post()).status == 401, "without a credential: the mail server asks"
        assert client.request(post(password="old")).status == 401
    assert directory["refused"] == 1
    line = shielded.access(reason="lockout_shield", count=50)
    assert (line["verdict"], line["status"], line["user"], line["device_id"]) == ("refuse", "401", "alice", "PHONE1")
    assert shielded.metric("easgate_requests_total", reason="lockout_shield") == 50
    assert shielded.metric("easgate_lockout_shield_entries", instance="mail") == 1
    assert "old" not in "".join(shielded.log_lines("Basic"))


def test_other_devices_and_users_are_not_concerned(shielded, directory, upstream):
    shielded.ask(post(password="old"))
    assert shielded.ask(post(device="PHONE2", password="right")).status == 200
    shielded.ask(post(device="PHONE2", password="old"))
    shielded.ask(options([basic("alice", "old")]))
    assert directory["refused"] == 3, "each of them for itself"
    assert shielded.ask(post(device="DENIED", password="old")).status == 403


def test_off_by_default(gate, directory):
    for _ in range(5):
        assert gate.ask(post(password="old")).status == 401
    assert directory["refused"] == 5
    assert "easgate_lockout_shield_entries{" not in gate.admin("/metrics")[1]
    assert json.loads(gate.admin("/status")[1])["instances"][0]["lockout_entries"] is None


def test_it_expires(make_gate, directory):
    gate = make_gate()
    gate.change_instance(lockout_shield="1s")
    gate.start()
    gate.ask(post(password="old"))
    directory["password"] = "old"  # somebody has changed it back
    eventually(lambda: gate.ask(post(password="old")).status == 200, timeout=5)
    assert directory["refused"] == 1


def test_unblock(shielded, directory):
    def unblock(*arguments):
        return run("unblock", "--config", shielded.config_file, *arguments)
    for device in ("PHONE1", "PHONE2"):
        shielded.ask(post(device=device, password="old"))
    listed = unblock("--list")
    assert listed.returncode == 0
    assert re.search(r"^mail +alice +PHONE1 +0 +\d+ s$", listed.stdout, re.M), listed.stdout
    assert "PHONE2" in listed.stdout
    directory["password"] = "old"
    lifted = unblock("phone1")
    assert (lifted.returncode, "PHONE1" in lifted.stdout, "PHONE2" in lifted.stdout) == (0, True, False)
    assert shielded.ask(post(device="PHONE1", password="old")).status == 200
    assert shielded.ask(post(device="PHONE2", password="old")).status == 401
    assert unblock("bob").returncode == 1
    assert unblock("--instance", "other", "alice").returncode == 1
    assert "PHONE2" in unblock("--instance", "mail", "CORP\\alice").stdout or unblock("alice").returncode == 0
    assert shielded.ask(post(device="PHONE2", password="old")).status == 200
    directory["password"] = "right"
    for device in ("PHONE1", "PHONE2"):
        shielded.ask(post(device=device, password="old"))
    everything = json.loads(unblock("--all", "--format", "json").stdout)
    assert sorted(entry["device"] for entry in everything) == ["PHONE1", "PHONE2"]
    assert unblock("--list").returncode == 0
    assert unblock("--all").returncode == 0
    for wrong in ([], ["--all", "alice"], [""]):
        assert unblock(*wrong).returncode == 64, wrong


def test_status_says_how_many(shielded):
    shielded.ask(post(password="old"))
    assert json.loads(shielded.admin("/status")[1])["instances"][0]["lockout_entries"] == 1
    status = run("status", "--config", shielded.config_file)
    assert re.search(r"shield +1 credential answered", status.stdout)


def test_a_reload_changes_the_duration_and_off_forgets(shielded, directory):
    shielded.ask(post(password="old"))
    shielded.change_instance(lockout_shield="5m")
    shielded.reload()
    shielded.ask(post(password="old"))
    assert directory["refused"] == 1, "a reload forgets nothing"
    shielded.change_instance(lockout_shield="0s")
    shielded.reload()
    eventually(lambda: (shielded.ask(post(password="old")), directory["refused"] >= 2)[1])
    shielded.change_instance(lockout_shield="10m")
    before = directory["refused"]
    shielded.reload()
    eventually(lambda: shielded.ask(post(password="old")).status == 401 and directory["refused"] > before)


def test_a_large_body_of_a_shielded_request(shielded, directory, upstream):
    shielded.ask(post(password="old"))
    count = len(upstream.requests)
    with shielded.client() as client:
        assert client.request(post(password="old", body=b"x" * 60_000)).status == 401
        assert client.request(post(password="old")).status == 401, "kept"
    assert len(upstream.requests) == count
