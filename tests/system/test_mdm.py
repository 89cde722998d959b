"""The companion from outside: its commands, the feed with long polls, observations, and kill -9 at any moment."""

import json
import random
import signal
import sqlite3
import stat
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from harness import eventually
from mdm_fixtures import DEVICES, OBSERVATIONS, Companion


@pytest.fixture
def companion(tmp_path, pki):
    made = Companion(tmp_path / "mdm", pki).prepare()
    yield made
    made.stop()


@pytest.fixture
def served(companion):
    return companion.start()


def cursor_of(answer):
    return "?since=" + answer.head["cursor"]


# Commands


def test_init_makes_a_private_database_and_never_overwrites(tmp_path, pki):
    companion = Companion(tmp_path, pki)
    said = companion.must("init")
    assert "instance add" in said and "run" in said
    assert stat.S_IMODE(companion.database.stat().st_mode) == 0o600
    before = companion.database.read_bytes()
    again = companion.run("init")
    assert again.returncode == 1 and "exists already" in again.stderr
    assert companion.database.read_bytes() == before


def test_commands_without_a_database_say_what_to_do(tmp_path, pki):
    companion = Companion(tmp_path, pki)
    for arguments in (["status"], ["run"], ["device", "list"], ["instance", "list"]):
        done = companion.run(*arguments)
        assert done.returncode == 1 and "easgate-mdm init" in done.stderr, arguments


def test_usage_errors_exit_64(companion):
    for arguments in ([], ["fly"], ["device"], ["device", "add"], ["instance", "add", "x"],
                      ["device", "add", "A1", "--state", "removed"], ["device", "list", "--format", "xml"],
                      ["device", "set", "A1", "--user", "a", "--any-user"]):
        done = companion.run(*arguments)
        assert done.returncode == 64 and done.stderr, arguments
    for arguments in (["--help"], ["device", "--help"], ["device", "add", "--help"], ["run", "--help"]):
        done = companion.run(*arguments)
        assert done.returncode == 0 and "--config" in companion.run("--help").stdout, arguments


def test_a_wrong_configuration_names_the_line(companion):
    companion.config_file.write_text(companion.config_file.read_text() + "databse: x\n")
    done = companion.run("status")
    assert done.returncode == 1 and "mdm.yaml:6:1" in done.stderr and "'database'" in done.stderr


def test_devices_are_added_changed_listed_and_removed(companion):
    companion.must("device", "add", "ApplDN6", "--user", "alice", "--user", "CORP\\bob", "--reason", "new phone")
    companion.must("device", "add", "B2", "--state", "deny", "--instance", "hq")
    companion.must("device", "set", "appldn6", "--state", "non_compliant")
    listed = json.loads(companion.must("device", "list", "--format", "json"))
    assert listed == [
        {"id": "ApplDN6", "instance": "hq", "users": ["alice", "CORP\\bob"], "state": "non_compliant",
         "reason": "new phone", "last_seen": None},
        {"id": "B2", "instance": "hq", "users": [], "state": "deny", "reason": "", "last_seen": None}]
    assert "ApplDN6" in companion.must("device", "list")
    companion.must("device", "set", "ApplDN6", "--any-user", "--reason", "")
    companion.must("device", "remove", "b2")
    listed = json.loads(companion.must("device", "list", "--format", "json"))
    assert [(each["id"], each["users"], each["reason"]) for each in listed] == [("ApplDN6", [], "")]
    for arguments in (["device", "add", "APPLDN6"], ["device", "set", "B2"], ["device", "remove", "B2"],
                      ["device", "list", "--instance", "nobody"]):
        done = companion.run(*arguments)
        assert done.returncode == 1 and done.stderr.startswith("easgate-mdm: "), arguments


def test_instances(companion, pki):
    assert companion.run("instance", "add", "hq", "--certificate", pki.identity.certificate).returncode == 1
    done = companion.run("instance", "add", "branch", "--certificate", pki.identity.certificate)
    assert done.returncode == 1 and "'hq'" in done.stderr
    done = companion.run("instance", "add", "branch", "--certificate", pki.identity.key)
    assert done.returncode == 1 and "private key" in done.stderr
    companion.must("instance", "add", "branch", "--certificate", pki.second_identity.certificate)
    assert "--instance" in companion.run("device", "add", "A1").stderr
    companion.must("device", "add", "A1", "--instance", "branch")
    listed = json.loads(companion.must("instance", "list", "--format", "json"))
    assert [(each["name"], each["devices"]) for each in listed] == [("branch", 1), ("hq", 0)]
    companion.must("instance", "remove", "branch")
    assert "branch" not in companion.must("instance", "list")


def test_import_takes_all_lines_or_none(companion, tmp_path):
    devices = tmp_path / "devices.csv"
    devices.write_text('id,users,state,reason\nA1,alice;bob,,\nA2,,deny,"lost, sadly"\n')
    assert "2 devices added" in companion.must("device", "import", devices)
    assert "0 devices added, 0 changed, 2 were so already" in companion.must("device", "import", devices)
    devices.write_text("id,state\nA3,allow\nA4,never\na3,deny\n")
    done = companion.run("device", "import", devices)
    assert done.returncode == 1
    assert f"{devices}:3: " in done.stderr and f"{devices}:4: " in done.stderr
    assert "A3" not in companion.must("device", "list")


# The feed


def test_an_unknown_certificate_is_refused(served, pki):
    for identity in (None, pki.second_identity, pki.stranger):
        assert served.devices(identity=identity).status == 401
        assert served.ask("POST", OBSERVATIONS, identity=identity, body=b'{"id":"A1"}\n').status == 401
    eventually(lambda: "no instance has" in served.log(), what="the log names the certificate")


def test_full_then_nothing_then_changes(served):
    served.must("device", "add", "A1", "--user", "alice")
    served.must("device", "add", "A2", "--state", "wipe", "--reason", "lost", "--key", "aB" * 32)
    for packed in (False, True):
        full = served.devices(packed=packed)
        assert full.head["full"] is True and full.head["policy"] == {"only_secure_email": False}
        assert full.devices == {"A1": {"id": "A1", "users": ["alice"], "state": "allow"},
                                "A2": {"id": "A2", "users": [], "state": "wipe", "reason": "lost",
                                       "keys": ["ab" * 32]}}
    assert served.devices(cursor_of(full)).status == 204
    served.must("device", "remove", "A1")
    served.must("device", "set", "A2", "--state", "deny")
    delta = served.devices(cursor_of(full) + "&wait=20")
    assert delta.head["full"] is False
    assert {each["id"]: each["state"] for each in delta.devices.values()} == {"A1": "removed", "A2": "deny"}
    assert served.devices(cursor_of(delta)).status == 204
    assert served.devices("?since=other").status == 410
    assert served.devices("?wait=soon").status == 400


def test_a_command_wakes_a_held_poll_within_a_second(served):
    since = cursor_of(served.devices())
    woken = {}

    def poll():
        woken["answer"] = served.devices(since + "&wait=30")
        woken["at"] = time.monotonic()

    thread = threading.Thread(target=poll)
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive()
    served.must("device", "add", "A1")
    changed = time.monotonic()
    thread.join(10)
    assert list(woken["answer"].devices) == ["A1"]
    assert woken["at"] - changed < 1


def test_a_poll_waits_as_long_as_it_asked_for(served):
    since = cursor_of(served.devices())
    begun = time.monotonic()
    assert served.devices(since + "&wait=1").status == 204
    assert 0.9 < time.monotonic() - begun < 5


def test_instances_have_lists_of_their_own(served, pki):
    served.must("instance", "add", "branch", "--certificate", pki.second_identity.certificate)
    served.must("device", "add", "A1", "--instance", "hq")
    hq, branch = served.devices(), served.devices(identity=pki.second_identity)
    assert list(hq.devices) == ["A1"] and not branch.devices
    assert served.devices(cursor_of(hq), identity=pki.second_identity).status == 410
    served.must("instance", "remove", "branch")
    assert served.devices(identity=pki.second_identity).status == 401


def test_cursors_survive_a_restart_and_a_stop_answers_held_polls(served):
    served.must("device", "add", "A1")
    since = cursor_of(served.devices())
    answers = []
    thread = threading.Thread(target=lambda: answers.append(served.devices(since + "&wait=30").status))
    thread.start()
    time.sleep(0.5)
    assert served.stop() == 0
    thread.join(10)
    assert answers == [204]
    served.start()
    assert served.devices(since).status == 204


def test_observations_are_kept(served):
    served.must("device", "add", "A1")
    report = (b'{"id":"a1","user":"alice","user_agent":"Phone","device_type":"iPhone","protocol":"16.1",'
              b'"first_seen":"2026-01-01T00:00:00Z","last_seen":"2026-01-01T00:00:09.5Z","requests":3,"refused":1}\n'
              b'not json\n{"id":"stranger"}\n{"node":"gate-1","version":"0.1.0","devices":1}\n')
    assert served.ask("POST", OBSERVATIONS, body=report).status == 204
    assert json.loads(served.must("device", "list", "--format", "json"))[0]["last_seen"] == "2026-01-01T00:00:09Z"
    status = json.loads(served.must("status", "--format", "json"))
    assert status["listening"] is True
    instance = status["instances"][0]
    assert (instance["seen"], instance["seen_unlisted"]) == (1, 1)
    assert instance["nodes"][0]["name"] == "gate-1"
    assert "gate-1" not in served.must("status") and "hq" in served.must("status")
    assert served.ask("GET", OBSERVATIONS).status == 405
    assert served.ask("POST", DEVICES).status == 405
    assert served.ask("POST", OBSERVATIONS, fields={"Content-Length": str(4 * 1024 * 1024 + 1)}).status == 413


# Durability


def write_import(path, number):
    lines = [f"BULK{number}X{index},alice,allow," for index in range(300)]
    path.write_text("id,users,state,reason\n" + "\n".join(lines) + "\n")


def test_nothing_acknowledged_is_lost_by_kill_9(served, tmp_path):
    """Commands and the server are killed at random moments; what a command said was done is there afterwards."""
    chance = random.Random(7)
    acknowledged, imports = {}, {}
    served.must("device", "add", "STEADY")
    for number in range(24):
        if number % 3 == 2:
            file = tmp_path / "devices.csv"
            write_import(file, number)
            command = served.command("device", "import", file)
        else:
            command = served.command("device", "add", f"ONE{number}", "--user", f"user{number}")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if number % 4 != 3:
            time.sleep(chance.uniform(0.001, 0.08))
            process.kill()
        said = process.communicate(timeout=60)[0]
        done = b"\n" in said
        if number % 3 == 2:
            imports[number] = done
        else:
            acknowledged[f"ONE{number}"] = done
        if number % 6 == 5:
            served.stop(number=9)
            served.start()
    assert any(acknowledged.values()) and not all(acknowledged.values())
    found = served.devices().devices
    for device, done in acknowledged.items():
        assert not done or device in found, device
    for number, done in imports.items():
        count = sum(1 for device in found if device.startswith(f"BULK{number}X"))
        assert count == 300 if done else count in (0, 300), number
    with sqlite3.connect(served.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.full
@pytest.mark.timing
def test_a_million_devices(served, tmp_path):
    """Imported in one go, sent in well under a minute, with little memory."""
    file = tmp_path / "devices.csv"
    with open(file, "w", encoding="ascii") as out:
        out.write("id,users,state,reason\n")
        for number in range(1_000_000):
            out.write(f"ApplDN{number:010d},user{number};CORP\\user{number},allow,\n")
    assert "1000000 devices added" in served.must("device", "import", file, timeout=600)
    begun = time.monotonic()
    answer = served.ask("GET", DEVICES, fields={"Accept-Encoding": "gzip"})
    took = time.monotonic() - begun
    assert answer.status == 200 and took < 60
    with open(f"/proc/{served.process.pid}/status", encoding="ascii") as lines:
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    assert peak < 150 * 1024


# Certificates that are renewed


def shown_to(companion):
    """The certificate that a new connection is shown (DER)."""
    connection = companion.connect()
    connection.connect()
    try:
        return connection.sock.getpeercert(binary_form=True)
    finally:
        connection.close()


def der(identity):
    return identity.x509.public_bytes(serialization.Encoding.DER)


def put(companion, identity):
    """Where the configuration names them: certificate and key, copied as a renewal does."""
    for name, source in (("server.crt", identity.certificate), ("server.key", identity.key)):
        (companion.folder / name).write_bytes(source.read_bytes())
        (companion.folder / name).chmod(0o600)


def hang_up(companion):
    """SIGHUP; returns what the log says about it."""
    before = companion.log().count(" reload ")
    companion.process.send_signal(signal.SIGHUP)
    eventually(lambda: companion.log().count(" reload ") > before, what="a log line about the reload")
    return [line for line in companion.log().splitlines() if " reload " in line][-1]


@pytest.fixture
def renewable(companion, pki):
    """Serves with certificate files of its own."""
    put(companion, pki.mdm)
    text = companion.config_file.read_text()
    text = text.replace(str(pki.mdm.certificate), "server.crt").replace(str(pki.mdm.key), "server.key")
    companion.config_file.write_text(text)
    return companion.start()


def test_a_renewed_certificate_is_shown_after_sighup_and_no_held_request_ends(renewable, pki):
    old = shown_to(renewable)
    assert old == der(pki.mdm)
    cursor = cursor_of(renewable.devices())
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(renewable.devices(cursor + "&wait=60")))
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive()
    renewed = pki.mdm_ca.server("mdm-server-renewed")
    put(renewable, renewed)
    assert "server.crt" in hang_up(renewable)
    eventually(lambda: shown_to(renewable) == der(renewed), what="the renewed certificate")
    assert waiting.is_alive() and not answers
    renewable.must("device", "add", "NEW1")
    waiting.join(10)
    assert answers[0].status == 200 and "NEW1" in answers[0].devices


@pytest.mark.parametrize("broken", ["certificate", "pair", "configuration"])
def test_a_reload_that_fails_keeps_the_old_certificate_and_says_why(renewable, pki, broken):
    other = pki.mdm_ca.server("mdm-server-other")
    config = renewable.config_file.read_text()
    if broken == "certificate":
        (renewable.folder / "server.crt").write_text("nonsense")
    elif broken == "pair":
        (renewable.folder / "server.crt").write_bytes(other.certificate.read_bytes())
    else:
        put(renewable, other)
        renewable.config_file.write_text(config + "nonsense: 1\n")
    said = hang_up(renewable)
    assert " error " in said and "old certificate stays in force" in said
    assert {"certificate": "server.crt", "pair": "key", "configuration": "nonsense"}[broken] in said
    assert shown_to(renewable) == der(pki.mdm)
    renewable.config_file.write_text(config)
    put(renewable, other)
    assert " info " in hang_up(renewable)
    eventually(lambda: shown_to(renewable) == der(other), what="the renewed certificate")
