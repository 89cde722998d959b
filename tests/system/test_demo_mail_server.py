"""The demo mail server itself: what the system tests of the gate rely on."""

import base64
import hashlib
import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import demo_query
import wbxml
from demo_phone import PATH, Phone
from demo_process import DemoServer
from demo_tricks import pattern
from wbxml import build


@pytest.fixture
def mail(tmp_path):
    with DemoServer(log=tmp_path / "requests.jsonl") as server:
        server.log = tmp_path / "requests.jsonl"
        yield server


def trick(mail, directives, body=None, method="POST"):
    phone = Phone(mail.port)
    answer = phone.request(method, "/anything", body, {"X-Demo": directives})
    phone.close()
    return answer


@pytest.mark.parametrize("version", ["12.1", "14.0", "14.1", "16.1"])
@pytest.mark.parametrize("short_query", [False, True])
def test_first_sync_as_a_real_client_does_it(mail, version, short_query):
    phone = Phone(mail.port, version=version, short_query=short_query)
    status, headers, body = phone.options()
    assert status == 200 and version in headers["ms-asprotocolversions"].split(",") and body == b""
    phone.provision()
    _, root = phone.folder_sync()
    folders = {f.value("DisplayName"): f.value("ServerId") for f in root.find("Changes").all("Add")}
    assert root.value("Status") == "1" and folders["Inbox"] == "1"
    _, root = phone.sync("0")
    assert root.value("Collections", "Collection", "SyncKey") == "1"
    _, root = phone.sync("1")
    added = root.find("Collections", "Collection", "Commands", "Add")
    assert added.value("ApplicationData", "Subject") == "Welcome"
    key = root.value("Collections", "Collection", "SyncKey")
    assert phone.sync(key) == (200, None), "nothing new is an empty answer"


def test_without_a_policy_key_the_phone_must_provision(mail):
    _, root = Phone(mail.port).folder_sync()
    assert root.value("Status") == "142"
    assert Phone(mail.port, version="12.1").folder_sync()[0] == 449


def test_a_wrong_policy_key_is_refused_in_phase_two(mail):
    phone = Phone(mail.port)
    phone.policy_key = "12345"
    acknowledged = build("Provision:Policy", build("Provision:PolicyType", "MS-EAS-Provisioning-WBXML"),
                         build("Provision:PolicyKey", "12345"), build("Provision:Status", "1"))
    _, root = phone.send("Provision", build("Provision:Provision", build("Provision:Policies", acknowledged)))
    assert root.value("Policies", "Policy", "Status") == "5"


@pytest.mark.parametrize("user,password", [("alice", "wrong"), ("carol", "secret"), ("", "")])
def test_sign_in_must_be_right(mail, user, password):
    status, headers, _ = Phone(mail.port, user=user, password=password).options()
    assert status == 401 and headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("user", ["alice", "CORP\\alice", "alice@corp.example"])
def test_the_ways_to_write_a_user(mail, user):
    assert Phone(mail.port, user=user).options()[0] == 200


def test_ping_waits_for_its_heartbeat(mail):
    phone = Phone(mail.port)
    started = time.monotonic()
    status, root = phone.ping(1)
    assert status == 200 and root.value("Status") == "1"
    assert 0.9 < time.monotonic() - started < 3


def test_new_mail_ends_a_ping_and_an_empty_body_repeats_it(mail):
    phone = Phone(mail.port)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(phone.ping(60)))
    thread.start()
    mail.wait_held(1)
    assert mail.state()["held"] == {"alice/PHONE0001": 1}
    mail.deliver("bob")
    time.sleep(0.2)
    assert mail.state()["held_total"] == 1, "another user's mail ends nothing"
    mail.deliver("alice")
    thread.join(5)
    assert answers[0][1].value("Status") == "2" and answers[0][1].find("Folders").all("Folder")[0].text == "1"
    assert phone.send("Ping")[1].value("Status") == "2", "still new, as the phone hasn't synced"


@pytest.mark.parametrize("heartbeat,nearest", [(30, "60"), (9999, "3540")])
def test_a_heartbeat_out_of_range_gets_the_nearest(heartbeat, nearest):
    with DemoServer("--heartbeat", "60-3540") as server:
        _, root = Phone(server.port).ping(heartbeat)
        assert (root.value("Status"), root.value("HeartbeatInterval")) == ("5", nearest)


def test_an_empty_ping_without_an_earlier_one_misses_parameters(mail):
    assert Phone(mail.port).send("Ping")[1].value("Status") == "3"


def test_hanging_up_ends_a_held_ping(mail):
    phone = Phone(mail.port)
    body = wbxml.encode(build("Ping:Ping", build("Ping:HeartbeatInterval", "60"), build(
        "Ping:Folders", build("Ping:Folder", build("Ping:Id", "1"), build("Ping:Class", "Email")))))
    phone.connection.request("POST", phone.target("Ping"), body, phone.headers("Ping"))
    mail.wait_held(1)
    phone.close()
    mail.wait_held(0)
    assert mail.state()["hang_ups"] == 1


def test_a_waiting_sync_ends_by_new_mail_and_an_empty_one_repeats_it(mail):
    phone = Phone(mail.port)
    phone.provision()
    assert phone.send("Sync")[1].value("Status") == "13"
    phone.sync("0")
    answers = []
    wait = build("AirSync:HeartbeatInterval", "60")
    thread = threading.Thread(target=lambda: answers.append(phone.sync("2", "1", wait)))
    thread.start()
    mail.wait_held(1)
    mail.deliver("alice", "Second")
    thread.join(5)
    added = answers[0][1].find("Collections", "Collection", "Commands", "Add")
    assert added.value("ApplicationData", "Subject") == "Second"
    assert phone.send("Sync")[1].find("Collections", "Collection", "Commands"), "the cached request again"


@pytest.mark.parametrize("version", ["12.1", "14.1"])
def test_mail_reaches_the_other_user(mail, version):
    phone = Phone(mail.port, version=version)
    phone.provision()
    assert phone.send_mail("bob@corp.example", "Hello Bob") == (200, None)
    assert mail.state()["mail"] == {"alice": {"1": 1, "4": 1}, "bob": {"1": 2}}
    bob = Phone(mail.port, "BOBS1", "bob")
    bob.provision()
    _, root = bob.sync("2")
    assert root.find("Collections", "Collection", "Commands", "Add").value("ApplicationData", "Subject") == "Hello Bob"


def test_mail_errors_are_told(mail):
    phone = Phone(mail.port)
    phone.provision()
    assert phone.send_mail("bob@corp.example", "Once", "id-1") == (200, None)
    assert phone.send_mail("bob@corp.example", "Once", "id-1")[1].value("Status") == "118"
    assert phone.send_mail("", "Nobody", "id-2")[1].value("Status") == "119"


def test_settings_and_unimplemented_commands(mail):
    phone = Phone(mail.port)
    phone.provision()
    _, root = phone.send("Settings", build("Settings:Settings", build(
        "Settings:UserInformation", build("Settings:Get"))))
    address = root.find("UserInformation", "Get", "Accounts", "Account", "EmailAddresses")
    assert address.value("SMTPAddress") == "alice@corp.example"
    _, root = phone.send("Search", build("Search:Search"))
    assert root.value("Status") == "137"


@pytest.mark.parametrize("bad", [b"", b"\x03\x01\x6a\x00", b"no wbxml", b"\x03\x01\x6a\x00\x00\x07\x56"])
def test_a_document_that_cannot_be_read_is_status_102(mail, bad):
    phone = Phone(mail.port)
    phone.provision()
    status, _, content = phone.request("POST", phone.target("FolderSync"), bad, phone.headers("FolderSync"))
    assert status == 200 and wbxml.decode(content).value("Status") == "102"


def test_the_log_proves_what_arrived(mail):
    body = b"x" * 70000
    trick(mail, "status=204", body)
    line = json.loads(mail.log.read_text().splitlines()[0])
    assert (line["method"], line["target"]) == ("POST", "/anything")
    assert ["X-Demo", "status=204"] in line["headers"]
    assert line["body_length"] == 70000 and line["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert mail.requests() == [line] and mail.requests(since=line["number"]) == []


def test_chunked_requests_and_trailers(mail):
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Demo: status=200\r\n\r\n"
                       b"5;e=1\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    got = mail.requests()[0]
    assert got["body_sha256"] == hashlib.sha256(b"hello!").hexdigest() and got["trailer"] == ["T: v"]


def test_pipelined_requests_are_answered_in_turn(mail):
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\nX-Demo: text=%d\r\n\r\n" % (i, i) for i in range(3)))
        got = b""
        while got.count(b"HTTP/1.1 200") < 3 or not got.endswith(b"\r\n\r\n2"):
            got += client.recv(4096)
    assert [r["target"] for r in mail.requests()] == ["/0", "/1", "/2"]


@pytest.mark.parametrize("directives", ["body=300000", "body=300000;chunked;piece=777", "body=300000;until-close",
                                        "body=300000;http10;close"])
def test_bodies_on_request(mail, directives):
    status, headers, body = trick(mail, directives)
    assert status == 200 and body == pattern(300000)
    assert ("content-length" in headers) == ("chunked" not in directives and "until-close" not in directives)


def test_statuses_fields_and_echo(mail):
    status, headers, body = trick(mail, "status=503;reason=Too%20busy;header=Retry-After:%207;text=wait%0A")
    assert (status, headers["retry-after"], body) == (503, "7", b"wait\n")
    assert trick(mail, "status=304")[0] == 304
    _, _, body = trick(mail, "echo", b"abc")
    assert json.loads(body)["body_length"] == 3


def test_raw_answers_and_informational_ones(mail):
    raw = b"HTTP/1.1 299 Odd\r\nContent-Length: 2\r\nX: a b\r\n\r\nok"
    status, headers, body = trick(mail, "raw=" + base64.b64encode(raw).decode())
    assert (status, headers["x"], body) == (299, "a b", b"ok")
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Demo: informational=103;informational=100;close\r\n\r\n")
        got = b""
        while piece := client.recv(4096):
            got += piece
    assert [line[9:12] for line in got.split(b"\r\n") if line.startswith(b"HTTP/")] == [b"103", b"100", b"200"]


def test_delay_leaves_the_answer_to_activesync(mail):
    started = time.monotonic()
    phone = Phone(mail.port)
    status, _ = phone.send("Ping", None, {"X-Demo": "delay=0.5"})
    assert status == 200 and time.monotonic() - started >= 0.5


@pytest.mark.parametrize("directives,error", [("reset", ConnectionResetError), ("body=1000;reset=10", ConnectionResetError)])
def test_resets(mail, directives, error):
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Demo: %s\r\n\r\n" % directives.encode())
        with pytest.raises(error):
            while client.recv(4096):
                pass


def test_an_answer_that_is_cut_off(mail):
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Demo: body=1000;cut=10\r\n\r\n")
        got = b""
        while piece := client.recv(4096):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"Content-Length: 1000" in head and len(body) == 10


def test_an_early_answer_comes_before_the_body(mail):
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nX-Demo: early;status=413\r\n\r\nabc")
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert not mail.requests()[0]["body_complete"]


def test_default_directives_and_closing_idle_connections(mail):
    phone = Phone(mail.port)
    mail.default("status=503")
    assert phone.options()[0] == 503
    mail.default()
    assert phone.options()[0] == 200
    assert mail.close_idle() == 1
    with pytest.raises(ConnectionError):
        phone.options()


def test_what_is_not_http_is_counted(mail):
    with socket.create_connection(("127.0.0.1", mail.port)) as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert client.recv(100) == b""
    assert mail.state()["malformed"] == 1


def test_base64_queries_are_read_both_ways():
    text = demo_query.write_base64("14.1", "SendMail", b"\x01" * 16, "SP", 7, [(7, b"\x01"), (8, b"alice")])
    query = demo_query.parse(text)
    assert query.device_id == "01" * 16 and query.policy_key == "7" and query.version == "14.1"
    assert query.command == "SendMail" and query.save_in_sent and query.user == "alice"
    # The example that [MS-ASHTTP] 2.2.1.1.1.1 publishes.
    query = demo_query.parse("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l")
    assert (query.command, query.device_id, query.device_type) == ("Sync", "v140Device", "SmartPhone")


@pytest.mark.parametrize("hexed", ["", "03016a", "03016a00", "03016a0001", "03016a0045", "03016a00454501",
                                   "03016a00450361", "03016a0045c3ffffffff0f01", "03016a000501", "03016a000545",
                                   "03016a0045040101", "03016a00c501"])
def test_broken_wbxml_is_refused(hexed):
    with pytest.raises(wbxml.WbxmlError):
        wbxml.decode(bytes.fromhex(hexed))


def test_wbxml_is_written_as_it_was_read():
    document = build("Provision:Provision", build("Settings:DeviceInformation", build(
        "Settings:Set", build("Settings:Model", "ä€"))), build("Provision:Policies"))
    assert wbxml.decode(wbxml.encode(document)).value("DeviceInformation", "Set", "Model") == "ä€"
    mime = build("ComposeMail:SendMail", build("ComposeMail:Mime", bytes(range(256)) * 2))
    assert wbxml.decode(wbxml.encode(mime)).find("Mime").content == bytes(range(256)) * 2
