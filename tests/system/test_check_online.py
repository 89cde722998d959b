"""`easgate check --online` against live servers: what an administrator reads when one of them is wrong."""

import json
import socket

import pytest
from fake_mdm import FakeMdm
from fake_upstream import FakeUpstream
from harness import run
from mdm_fixtures import Companion
from ports import free_port


def look(gate):
    """(exit status, {check: [(outcome, subject, detail)]}) of the JSON form; the text form says the same."""
    done = run("check", "--config", gate.config_file, "--online", "--format", "json")
    found = {}
    for entry in json.loads(done.stdout)["checks"]:
        found.setdefault(entry["check"], []).append((entry["outcome"], entry["subject"], entry["detail"]))
    text = run("check", "--config", gate.config_file, "--online").stdout
    for outcome, subject, detail in found["mail server"] + found["MDM server"]:
        assert any(line.startswith(outcome) and subject in line and detail in line for line in text.splitlines()), text
    return done.returncode, found


def the(found, check):
    """The only finding of a check, as outcome and detail."""
    (outcome, _, detail), = found[check]
    return outcome, detail


@pytest.fixture
def tls_upstream(pki):
    servers = []

    def make(identity):
        servers.append(FakeUpstream(identity))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def publish(gate, upstream, **more):
    gate.change_instance(activesync_server=f"127.0.0.1:{upstream.port}", ssl=True, **more)


# The mail server


def test_mail_server_with_a_trusted_certificate(make_gate, tls_upstream, pki):
    gate = make_gate()
    publish(gate, tls_upstream(pki.upstream), backend_ca_file=pki.upstream_ca.file)
    status, found = look(gate)
    assert status == 0
    assert the(found, "mail server") == ("ok", "answers at 127.0.0.1 with a TLS certificate that is trusted")


def test_mail_server_with_a_certificate_of_an_unknown_authority(make_gate, tls_upstream, pki):
    gate = make_gate()
    publish(gate, tls_upstream(pki.upstream), backend_ca_file=pki.gate_ca.file)
    status, found = look(gate)
    outcome, detail = the(found, "mail server")
    assert (status, outcome) == (1, "failed")
    assert "certificate isn't trusted" in detail and "backend_ca_file" in detail


def test_mail_server_with_a_certificate_for_another_name(make_gate, tls_upstream, pki):
    gate = make_gate()
    publish(gate, tls_upstream(pki.upstream_wrong_name), backend_ca_file=pki.upstream_ca.file)
    status, found = look(gate)
    outcome, detail = the(found, "mail server")
    assert (status, outcome) == (1, "failed")
    assert "for another name" in detail and "activesync_server" in detail


def test_mail_server_whose_certificate_is_not_checked_is_not_called_trusted(make_gate, tls_upstream, pki):
    gate = make_gate()
    publish(gate, tls_upstream(pki.upstream_wrong_name), backend_allow_all_certificates=True)
    status, found = look(gate)
    outcome, detail = the(found, "mail server")
    assert (status, outcome) == (0, "ok")
    assert "unchecked" in detail and "trusted" not in detail


def test_mail_server_that_speaks_no_tls(make_gate, upstream, pki):
    gate = make_gate()
    publish(gate, upstream, backend_ca_file=pki.upstream_ca.file)
    status, found = look(gate)
    outcome, detail = the(found, "mail server")
    assert (status, outcome) == (1, "failed")
    assert "port is one without TLS" in detail


def test_mail_server_that_refuses_the_connection(make_gate, upstream):
    gate = make_gate()
    upstream.stop()
    status, found = look(gate)
    outcome, detail = the(found, "mail server")
    assert (status, outcome) == (1, "failed")
    assert detail.startswith("connection refused: nothing listens there")


def test_mail_server_whose_name_is_unknown(make_gate):
    gate = make_gate()
    gate.change_instance(activesync_server="mail.invalid")
    status, found = look(gate)
    outcome, detail = the(found, "mail server")
    assert (status, outcome) == (1, "failed")
    assert "can't be resolved" in detail and "activesync_server" in detail


# The MDM server


def mdm_answer(gate):
    status, found = look(gate)
    return status, *the(found, "MDM server")


def test_mdm_server_that_knows_us(make_gate):
    assert mdm_answer(make_gate()) == (0, "ok", "")


def test_mdm_server_that_does_not_know_the_identity(make_gate, mdm):
    mdm.refuse_identity = True
    gate = make_gate()
    status, outcome, detail = mdm_answer(gate)
    assert (status, outcome) == (1, "failed")
    assert str(gate.pki.identity.certificate) in detail and "instance add" in detail


def test_mdm_server_of_an_unknown_authority(make_gate, pki):
    gate = make_gate(mdm={"ca_file": pki.upstream_ca.file})
    status, outcome, detail = mdm_answer(gate)
    assert (status, outcome) == (1, "failed")
    assert "certificate isn't trusted" in detail and "mdm.ca_file" in detail


def test_mdm_server_with_a_certificate_for_another_name(make_gate, pki):
    other = FakeMdm(pki.mdm_ca.issue("mdm-elsewhere", dns=["elsewhere.example"]), [pki.identity])
    try:
        status, outcome, detail = mdm_answer(make_gate(mdm={"url": other.url}))
    finally:
        other.stop()
    assert (status, outcome) == (1, "failed")
    assert "for another name" in detail and "mdm.url" in detail


def test_mdm_server_that_refuses_the_connection(make_gate):
    status, outcome, detail = mdm_answer(make_gate(mdm={"url": f"https://127.0.0.1:{free_port()}"}))
    assert (status, outcome) == (1, "failed")
    assert detail.startswith("connection refused")


def test_mdm_server_that_answers_something_else(make_gate, mdm):
    mdm.mode = "status:500"
    status, outcome, detail = mdm_answer(make_gate())
    assert (status, outcome) == (1, "failed")
    assert "unexpected status 500" in detail and "mdm.url" in detail


def test_one_of_two_mdm_servers_is_enough(make_gate, mdm):
    gone = f"https://127.0.0.1:{free_port()}"
    status, found = look(make_gate(mdm={"url": [gone, mdm.url]}))
    assert status == 0
    assert [(outcome, subject) for outcome, subject, _ in found["MDM server"]] == [
        ("warning", f"{gone} as mail"), ("ok", f"{mdm.url} as mail")]


def test_the_companion_as_mdm_server(make_gate, tmp_path, pki):
    companion = Companion(tmp_path / "mdm", pki).prepare().start()
    try:
        gate = make_gate(mdm={"url": f"https://127.0.0.1:{companion.port}"})
        assert mdm_answer(gate) == (0, "ok", "")
        companion.must("instance", "remove", "hq")
        status, outcome, detail = mdm_answer(gate)
    finally:
        companion.stop()
    assert (status, outcome) == (1, "failed")
    assert "instance add" in detail


# Ports


def ports(found):
    return {subject: (outcome, detail) for outcome, subject, detail in found["port"]}


def test_ports_of_our_running_node(gate):
    status, found = look(gate)
    assert status == 0
    assert ports(found) == {f"127.0.0.1:{port}": ("ok", "held by the running node")
                            for port in (gate.port, gate.admin_port)}


def test_a_port_that_a_stranger_holds(make_gate):
    gate = make_gate()
    with socket.create_server(("127.0.0.1", gate.port)):
        status, found = look(gate)
    outcome, detail = ports(found)[f"127.0.0.1:{gate.port}"]
    assert (status, outcome) == (1, "failed")
    assert "another program listens there" in detail
    assert ports(found)[f"127.0.0.1:{gate.admin_port}"] == ("ok", "")


def test_an_address_that_this_machine_does_not_have(make_gate):
    gate = make_gate()
    gate.change_instance(listen=f"192.0.2.1:{gate.port}")
    status, found = look(gate)
    outcome, detail = ports(found)[f"192.0.2.1:{gate.port}"]
    assert (status, outcome) == (1, "failed")
    assert "no such address" in detail
