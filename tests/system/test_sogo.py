"""SOGo as a real mail server behind the gate, with nginx between them: what a phone does all day."""

import http.client
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "sogo"), str(HERE.parent / "support")]

from demo_phone import Phone
from harness import EASGATE, eventually
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


def easgate_phone(gate, *options, user="alice", device="PHONE1"):
    """Runs `easgate phone`; (exit status, what it printed)."""
    command = [EASGATE, "phone", f"https://localhost:{gate.port}", "--user", user, "--device-id", device,
               "--ca", gate.pki.gate_ca.file, "--ping", "5", *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False,
                          env=os.environ | {"EASGATE_PHONE_PASSWORD": "secret"})
    return done.returncode, done.stdout + done.stderr


def python_phone(gate, device="PHONE1", user="alice"):
    return Phone(gate.port, device, user, version="14.1", tls=gate.tls_context(), host="localhost", timeout=90)


def inbox_of(phone):
    _, root = phone.folder_sync()
    assert root.value("Status") == "1"
    return next(f.value("ServerId") for f in root.find("Changes").all("Add") if f.value("Type") == "2")


def subjects(phone, inbox):
    """What a phone that starts anew finds in its inbox."""
    _, root = phone.sync("0", inbox)
    found, key = [], root.value("Collections", "Collection", "SyncKey")
    while True:
        _, root = phone.sync(key, inbox)
        if root is None:
            return found
        collection = root.find("Collections", "Collection")
        key = collection.value("SyncKey")
        commands = collection.find("Commands")
        found += [add.value("ApplicationData", "Subject") for add in (commands.all("Add") if commands else [])]


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
    alice = python_phone(sogo_gate)
    mime = b"To: bob@example.test\r\nSubject: in chunks\r\n\r\n" + b"x" * 70 + b"\r\n"
    alice.version = "12.1"
    alice.connection.request("POST", alice.target("SendMail", SaveInSent="T"), iter([mime[:30], mime[30:]]),
                             alice.headers("SendMail", "message/rfc822"), encode_chunked=True)
    answer = alice.connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    bob = python_phone(sogo_gate, "PHONE2", "bob")
    assert "in chunks" in subjects(bob, inbox_of(bob))


@pytest.mark.parametrize("mode,status", [("pass", 500), ("length", 200)])
def test_chunks_need_a_length_where_nothing_else_gives_it(sogo_gate, sogo, mode, status):
    """The recipe of docs/mail-servers.md: SOGo without an nginx that collects bodies."""
    sogo_gate.change_instance(activesync_server=f"localhost:{sogo.ports['chunks']}", upstream_chunked=mode)
    sogo_gate.reload()
    alice = python_phone(sogo_gate)
    alice.version = "12.1"
    for size in (70, 200_000):
        mime = f"To: bob@example.test\r\nSubject: {mode} {size}\r\n\r\n".encode() + b"x" * 69 * (size // 70) + b"\r\n"
        alice.connection.request("POST", alice.target("SendMail", SaveInSent="T"), iter([mime[:30], mime[30:]]),
                                 alice.headers("SendMail", "message/rfc822"), encode_chunked=True)
        answer = alice.connection.getresponse()
        answer.read()
        assert answer.status == status
        alice.connection.close()
    if mode == "length":
        bob = python_phone(sogo_gate, "PHONE2", "bob")
        assert {"length 70", "length 200000"} <= set(subjects(bob, inbox_of(bob)))


def test_an_unknown_phone_never_reaches_sogo(sogo_gate, sogo):
    status, told = easgate_phone(sogo_gate, device="NOBODY7")
    assert status == 1 and "refused by the gate (403, request id " in told, told
    assert sogo_gate.access(device_id="NOBODY7")["reason"] == "device_unknown"
    assert not sogo.has_seen("NOBODY7")


def test_a_wrong_password_is_answered_by_sogo(sogo_gate):
    phone = Phone(sogo_gate.port, "PHONE1", password="wrong", tls=sogo_gate.tls_context(), host="localhost")
    status, headers, _ = phone.options()
    assert status == 401 and "basic" in headers["www-authenticate"].lower()


def hold(gate, phone, inbox):
    """A Ping of a minute in a thread; what came of it will be in the list, with the time."""
    outcome = []

    def wait():
        try:
            outcome.append((phone.ping(60, inbox), time.monotonic()))
        except (http.client.HTTPException, OSError) as error:
            outcome.append((error, time.monotonic()))

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: gate.metric("easgate_held_connections") >= 1, what="a held Ping")
    time.sleep(3)  # SOGo has begun to wait; it tells nobody
    assert not outcome, f"the Ping didn't wait: {outcome}"
    return thread, outcome


def test_new_mail_ends_a_held_ping(sogo_gate, sogo):
    phone = python_phone(sogo_gate)
    inbox = inbox_of(phone)
    subjects(phone, inbox)
    thread, outcome = hold(sogo_gate, phone, inbox)
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
    thread, outcome = hold(sogo_gate, phone, inbox)
    changed = time.monotonic()
    mdm.set("PHONE1", "non_compliant")
    thread.join(30)
    result, ended = outcome[0]
    assert ended - changed < 1.0
    status, root = result
    assert status == 200 and root.value("Status") == "1", "nothing new, says the gate"
    status, _ = python_phone(sogo_gate).folder_sync()
    assert status == 403
