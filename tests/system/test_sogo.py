"""SOGo as a real mail server behind the gate, with nginx between them: what a phone does all day."""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "sogo"))

from real_phones import easgate_phone, hold, inbox_of, python_phone, send_in_chunks, subjects
from sogo_server import SogoServer, missing_programs

pytestmark = [pytest.mark.full, pytest.mark.timing]

STEPS = ["options", "provision", "foldersync", "sync", "ping", "sendmail"]


@pytest.fixture(scope="module")
def sogo(pki):
    if os.geteuid() != 0:
        pytest.skip("SOGo's parts are started as users of their own, which needs root")
    assert not missing_programs(), f"scripts/install-deps.sh --full installs {missing_programs()}"
    with SogoServer(pki.upstream.certificate, pki.upstream.key) as server:
        server.deliver("alice", "Welcome to SOGo")
        server.deliver("bob", "Welcome to SOGo")
        yield server


@pytest.fixture
def sogo_gate(make_gate, pki, sogo):
    """TLS on both sides; the mail server is nginx, which leads to SOGo."""
    gate = make_gate()
    gate.change_instance(tls=True, ssl=True, activesync_server=f"localhost:{sogo.port}",
                         backend_ca_file=pki.upstream_ca.file)
    return gate.start()


@pytest.mark.parametrize("options", [("--protocol", "12.1"), ("--protocol", "14.1"), ("--protocol", "14.1", "--base64")],
                         ids=["12.1", "14.1", "base64"])
def test_a_phone_does_everything(sogo_gate, sogo, options):
    status, told = easgate_phone(sogo_gate, *options, "--to", "bob@example.test")
    assert status == 0, told + sogo.logs()
    lines = told.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", step] for step in STEPS]
    assert "14.1" in lines[0] and "the server has no policy" in lines[1] and "Welcome to SOGo" in lines[3]
    assert "held" in lines[4]
    for command in ("Provision", "FolderSync", "Sync", "Ping", "SendMail"):  # workers write theirs at different moments
        sogo_gate.access(device_id="PHONE1", command=command)
    logged = [line for line in sogo_gate.access_lines() if line["device_id"] == "PHONE1"]
    assert {"Provision", "FolderSync", "Sync", "Ping", "SendMail"} == {line["command"] for line in logged}
    assert {(line["verdict"], line["status"]) for line in logged} == {("allow", "200")}


def test_mail_sent_by_one_phone_reaches_the_other(sogo_gate, sogo):
    bob = python_phone(sogo_gate, "PHONE2", "bob")
    inbox = inbox_of(bob)
    before = subjects(bob, inbox).count("Sent by easgate phone")
    status, told = easgate_phone(sogo_gate, "--steps", "sendmail", "--to", "bob@example.test")
    assert status == 0, told + sogo.logs()
    assert subjects(bob, inbox).count("Sent by easgate phone") == before + 1


def test_a_chunked_message_arrives(sogo_gate):
    """SOGo itself answers 500 to chunked requests; nginx gives them a length."""
    alice = python_phone(sogo_gate, version="12.1")
    assert send_in_chunks(alice, "bob@example.test", "in chunks", 70) == (200, b"")
    bob = python_phone(sogo_gate, "PHONE2", "bob")
    assert "in chunks" in subjects(bob, inbox_of(bob))


@pytest.mark.parametrize("mode,status", [("pass", 500), ("length", 200)])
def test_chunks_need_a_length_where_nothing_else_gives_it(sogo_gate, sogo, mode, status):
    """The recipe of docs/mail-servers.md: SOGo without an nginx that collects bodies."""
    sogo_gate.change_instance(activesync_server=f"localhost:{sogo.ports['chunks']}", upstream_chunked=mode)
    sogo_gate.reload()
    alice = python_phone(sogo_gate, version="12.1")
    for size in (70, 200_000):
        assert send_in_chunks(alice, "bob@example.test", f"{mode} {size}", size)[0] == status
    if mode == "length":
        bob = python_phone(sogo_gate, "PHONE2", "bob")
        assert {"length 70", "length 200000"} <= set(subjects(bob, inbox_of(bob)))


def test_an_unknown_phone_never_reaches_sogo(sogo_gate, sogo):
    status, told = easgate_phone(sogo_gate, device="NOBODY7")
    assert status == 1 and "refused by the gate (403, request id " in told, told
    assert sogo_gate.access(device_id="NOBODY7")["reason"] == "device_unknown"
    assert not sogo.has_seen("NOBODY7")


def test_a_wrong_password_is_answered_by_sogo(sogo_gate):
    phone = python_phone(sogo_gate, password="wrong")
    status, headers, _ = phone.options()
    assert status == 401 and "basic" in headers["www-authenticate"].lower()


def sogo_waits():
    time.sleep(3)  # SOGo tells nobody when it begins to


def test_new_mail_ends_a_held_ping(sogo_gate, sogo):
    phone = python_phone(sogo_gate)
    inbox = inbox_of(phone)
    subjects(phone, inbox)
    thread, outcome = hold(sogo_gate, phone, inbox, sogo_waits)
    sogo.deliver("alice", "While you wait")
    thread.join(30)
    status, root = outcome[0][0]
    assert status == 200 and root.value("Status") == "2", sogo.logs()
    assert [f.text for f in root.find("Folders").all("Folder")] == [inbox]
    assert "While you wait" in subjects(phone, inbox)


def test_a_change_of_state_ends_a_held_ping(sogo_gate, mdm):
    phone = python_phone(sogo_gate)
    inbox = inbox_of(phone)
    subjects(phone, inbox)
    thread, outcome = hold(sogo_gate, phone, inbox, sogo_waits)
    changed = time.monotonic()
    mdm.set("PHONE1", "non_compliant")
    thread.join(30)
    result, ended = outcome[0]
    assert ended - changed < 1.0
    status, root = result
    assert status == 200 and root.value("Status") == "1", "nothing new, says the gate"
    status, _ = python_phone(sogo_gate).folder_sync()
    assert status == 403
