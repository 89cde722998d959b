"""Running it: the admin endpoint, metrics, reload, drain, signals."""

import json
import re
import signal
import socket
import time

import pytest
from fake_upstream import FakeUpstream, reply
from harness import NOTHING_NEW, PING_BODY, eventually, post
from wire_client import WireClient


def test_health_and_readiness(shared):
    assert shared.gate.admin("/healthz")[0] == 200
    assert shared.gate.admin("/readyz")[0] == 200
    assert shared.gate.admin("/readyz?instance=mail")[0] == 200
    assert shared.gate.admin("/nonsense")[0] == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/status", "/none"])
def test_admin_answers_have_a_length_and_keep_the_connection(shared, path):
    with WireClient(shared.gate.admin_port) as client:
        for _ in range(2):
            answer = client.request(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.value("content-length") == str(len(answer.body))


def test_admin_port_is_strict_too(shared):
    for data in (b"GET /healthz HTTP/1.1\r\n\r\n", b"GET /healthz HTTP/1.1\nHost: x\n\n",
                 b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
        with WireClient(shared.gate.admin_port) as client:
            client.send(data)
            assert client.read().status == 400


def test_admin_port_names_no_device_and_no_user(shared):
    shared.gate.ask(post("PHONE1", user="alice", password="x"))
    text = shared.gate.admin("/metrics")[1] + shared.gate.admin("/status")[1]
    for name in ("PHONE1", "ALICES", "DENIED", "alice"):
        assert name not in text
    assert shared.gate.admin("/devices")[0] == 404


def test_metrics(gate):
    gate.ask(post())
    gate.ask(post("DENIED"))
    # A request counts once its answer is written: the client may have that a moment earlier.
    assert eventually(lambda: gate.metric("easgate_requests_total", instance="mail", verdict="allow") == 1)
    assert eventually(lambda: gate.metric(
        "easgate_requests_total", instance="mail", verdict="refuse", reason="device_denied") == 1)
    names = {name.split("{")[0] for name in gate.metrics()}
    for wanted in (r"client.*connections", r"backend.*connections", r"held", r"handshakes", r"bytes", r"request.*bucket",
                   r"backend.*bucket", r"age", r"devices", r"sync", r"log.*error"):
        assert any(re.search(wanted, name) for name in names), wanted
    assert all(name.startswith("easgate_") for name in names)


def test_metrics_are_well_formed(shared):
    text = shared.gate.admin("/metrics")[1]
    typed = {}
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split(" ")
            assert name not in typed, f"{name} is declared twice"
            typed[name] = kind
        elif not line.startswith("#"):
            assert re.fullmatch(r'[a-z_]+(\{([a-z_]+="[^"\n]*",?)*\})? (\+Inf|NaN|[-+0-9.e]+)', line), line
            base = re.sub(r"_(bucket|sum|count)$", "", line.split("{")[0].split(" ")[0])
            assert base in typed or line.split("{")[0].split(" ")[0] in typed, line


def test_devices_by_state(shared):
    states = {name: value for name, value in shared.gate.metrics().items() if name.startswith("easgate_devices{")}
    assert sum(states.values()) == 6
    assert any('state="allow"' in name and value == 3 for name, value in states.items())


def test_status_is_json(shared):
    status = json.loads(shared.gate.admin("/status")[1])
    assert "mail" in json.dumps(status)


def test_admin_can_be_turned_off(make_gate):
    from harness import wait_port
    gate = make_gate(node={"admin": ""})
    gate.start_only()
    wait_port(gate.port)
    assert gate.admin("/healthz") is None


# Reload.


def test_reload_ends_nothing_and_puts_the_new_rules_in_force(gate, upstream):
    upstream.answer = lambda received, peer: None if b"Ping" in received.raw_head and peer.wait_gone(60) else reply()
    with gate.client() as held, gate.client() as kept:
        held.send(post(command="Ping", body=PING_BODY))
        upstream.wait_for(1)
        assert kept.request(post()).status == 200
        gate.change(mail_user_agents={"allow": ["Other*"]})
        gate.reload()
        assert kept.request(post()).status == 403, "new rules on an old connection"
        assert kept.request(post(agent="Other/1")).status == 200
        assert held.is_quiet(0.5), "a reload ends no held request"
    assert gate.ask(post()).status == 403


def test_reload_with_a_new_mail_server(gate):
    second = FakeUpstream()
    second.answer = lambda received, peer: reply(body=b"second")
    gate.change_instance(activesync_server=f"127.0.0.1:{second.port}")
    gate.reload()
    assert gate.ask(post()).body == b"second"
    second.stop()


def test_reload_with_a_new_listener(gate):
    from ports import free_port
    old, new = gate.port, free_port()
    with gate.client() as kept:
        assert kept.request(post()).status == 200
        gate.change_instance(listen=f"127.0.0.1:{new}")
        gate.reload()
        assert gate.ask(post(), new).status == 200
        assert kept.request(post()).status == 200
    with pytest.raises(OSError):
        eventually(lambda: gate.client(old).close() or False, timeout=2, every=0.2)


@pytest.mark.parametrize("text", ["", "node: [", "nonsense: 1\n", "instances: []\n", "node:\n  workers: many\n"])
def test_an_invalid_file_changes_nothing(gate, text):
    gate.write(text)
    line = gate.reload()
    assert "error" in line
    assert gate.ask(post()).status == 200
    assert gate.admin("/readyz")[0] == 200
    gate.write()
    gate.reload()
    assert gate.ask(post()).status == 200


def test_reload_with_a_missing_certificate_keeps_the_old_one(make_gate):
    gate = make_gate()
    gate.change_instance(tls=True)
    gate.start()
    gate.change(tls={"certificate_file": "/nowhere.pem"})
    gate.reload()
    with gate.tls_client() as client:
        assert client.request(post()).status == 200


def test_many_reloads_under_load_lose_nothing(gate):
    for _ in range(10):
        gate.signal(signal.SIGHUP)
        for _ in range(20):
            assert gate.ask(post()).status == 200
    before = gate.open_files()
    for _ in range(5):
        gate.reload()
    assert gate.open_files() <= before + 4


# Stopping.


def test_clean_stop(gate):
    gate.ask(post())
    begin = time.monotonic()
    assert gate.stop() == 0
    assert time.monotonic() - begin < 3
    assert gate.log_lines("access")


def test_drain(make_gate, upstream):
    """readyz first, still accepting; then no more; what runs is finished."""
    gate = make_gate(node={"drain_delay": "2s", "drain_timeout": "5s"}).start()

    def slow(received, peer):
        time.sleep(3)
        return reply(body=b"late")
    upstream.answer = slow
    with gate.client() as busy:
        busy.send(post())
        upstream.wait_for(1)
        upstream.answer = lambda received, peer: reply()
        gate.signal(signal.SIGTERM)
        gate.wait("/readyz", 503, timeout=1)
        assert gate.ask(post()).status == 200, "goes on accepting for drain_delay"
        assert busy.read().body == b"late"
        assert busy.ended(3), "and then the connection is closed"
    assert gate.process.wait(10) == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", gate.port), 1).close()


def test_held_requests_end_cleanly_at_drain(make_gate, upstream):
    gate = make_gate(node={"drain_timeout": "1s"}).start()
    upstream.answer = lambda received, peer: peer.wait_gone(60) and None
    with gate.client() as client:
        client.send(post(command="Ping", body=PING_BODY))
        upstream.wait_for(1)
        gate.signal(signal.SIGTERM)
        answer = client.read()
        assert answer.status == 200 and answer.body == NOTHING_NEW
        assert client.ended(2)
    assert gate.process.wait(10) == 0
    line = gate.access(command="Ping")
    assert (line["verdict"], line["reason"], line["status"]) == ("allow", "draining", "200")


def test_second_sigterm_stops_at_once(make_gate, upstream):
    gate = make_gate(node={"drain_delay": "30s", "drain_timeout": "30s"}).start()
    gate.signal(signal.SIGTERM)
    gate.wait("/readyz", 503, timeout=3)
    gate.signal(signal.SIGTERM)
    begin = time.monotonic()
    gate.process.wait(5)
    assert time.monotonic() - begin < 2


def test_idle_connections_do_not_hold_up_a_stop(gate):
    with gate.client() as idle:
        idle.request(post())
        begin = time.monotonic()
        assert gate.stop() == 0
        assert time.monotonic() - begin < 3
        assert idle.ended(1)


def test_root_without_a_user_is_warned_and_another_user_is_taken(make_gate):
    import os
    import pwd
    gate = make_gate()
    if os.geteuid() != 0:
        pytest.fail("runs as root only")
    gate.start()
    assert any("warning" in line for line in gate.said("running as root"))
    gate.stop()
    nobody = pwd.getpwnam("nobody")
    for folder in (gate.log_directory, gate.state_file.parent):
        for entry in [folder, *folder.iterdir()]:
            os.chown(entry, nobody.pw_uid, nobody.pw_gid)
    for entry in [gate.folder, *gate.folder.parents]:
        if "pytest" in str(entry):
            entry.chmod(entry.stat().st_mode | 0o011)
    gate.config_file.chmod(0o644)
    for file in (gate.pki.identity.key, gate.pki.gate.key):
        os.chown(file, 0, nobody.pw_gid)
        file.chmod(0o640)
    for entry in [gate.pki.folder, *gate.pki.folder.parents]:
        if "pytest" in str(entry):
            entry.chmod(entry.stat().st_mode | 0o055)
    gate.change(node={"user": "nobody"})
    gate.config_file.chmod(0o644)
    gate.start()
    status = open(f"/proc/{gate.pid()}/status").read()
    assert re.search(rf"Uid:\s+{nobody.pw_uid}\s+{nobody.pw_uid}\s+{nobody.pw_uid}", status)
    assert re.search(r"CapEff:\s+0+\b", status)
    assert gate.ask(post()).status == 200
    gate.reload()
    assert gate.ask(post()).status == 200


def test_a_second_node_with_the_same_state_file_is_refused(gate, make_gate):
    second = make_gate(mdm={"state_file": gate.state_file})
    second.start_only()
    assert second.process.wait(15) == 1
    assert f"another easgate is running with the state file {gate.state_file}.mail" in second.output()
    assert gate.ask(post()).status == 200
    gate.kill()  # the lock ends with the process, however that ended
    second.process = None
    assert second.start().ask(post()).status == 200
