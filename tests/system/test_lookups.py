"""Search and ItemOperations stay within the mailbox, unless an instance lets them out."""

import pytest
from harness import post, run

HEADER = bytes.fromhex("03016A00")


def text(value):
    return b"\x03" + value.encode() + b"\0"


def search(store, query=b""):
    return HEADER + bytes.fromhex("000F454748") + text(store) + bytes.fromhex("0149") + query + \
        bytes.fromhex("55") + text("report") + bytes.fromhex("01010101")


def fetch(store="Mailbox", more=b""):
    return HEADER + bytes.fromhex("0014454647") + text(store) + b"\x01" + more + bytes.fromhex("0101")


LINK = bytes.fromhex("001345") + text("\\\\fileserver\\share") + bytes.fromhex("010014")
WEB = bytes.fromhex("001345") + text("https://sharepoint.corp.example/a") + bytes.fromhex("010014")


@pytest.mark.parametrize("command,body", [
    ("Search", search("Mailbox")), ("Search", search("GAL")), ("ItemOperations", fetch()), ("Search", b""),
])
def test_mail_and_addresses_are_found(shared, command, body):
    assert shared.gate.ask(post(command=command, body=body)).status == 200
    assert shared.upstream.requests[0].body == body


@pytest.mark.parametrize("command,body,status,reason", [
    ("Search", search("DocumentLibrary"), 403, "document_lookup"),
    ("Search", search("documentlibrary"), 403, "document_lookup"),
    ("Search", search("Mailbox", LINK[:-1] + b"\x0f"), 403, "document_lookup"),
    ("ItemOperations", fetch("DocumentLibrary"), 403, "document_lookup"),
    ("ItemOperations", fetch(more=LINK), 403, "document_lookup"),
    ("ItemOperations", fetch(more=WEB), 403, "document_lookup"),
    ("ItemOperations", search("Mailbox"), 403, "body_root"),
    ("Search", search("GAL")[:-1], 400, "bad_request"),
    ("Search", search("GAL") + b"x", 400, "bad_request"),
    ("Search", bytes.fromhex("03016A0547414C0000000F4547488301010101"), 400, "bad_request"),
    ("Search", search("GAL" + "x" * 66_000), 413, "body_too_large"),
])
def test_documents_are_not(shared, command, body, status, reason):
    answer = shared.gate.ask(post(command=command, body=body))
    assert answer.status == status
    line = shared.gate.access(answer.value("x-request-id"))
    assert (line["reason"], line["verdict"]) == (reason, "refuse")
    assert shared.upstream.requests == []


def test_an_instance_may_allow_them(make_gate, upstream):
    gate = make_gate()
    gate.change_instance(allow_document_lookups=True)
    gate.start()
    assert gate.ask(post(command="ItemOperations", body=fetch(more=LINK))).status == 200
    assert upstream.requests[0].body == fetch(more=LINK)


def test_explain_judges_the_body(shared, tmp_path):
    request = tmp_path / "request"
    for body, status in ((fetch(), 0), (fetch(more=LINK), 1)):
        request.write_bytes(post(command="ItemOperations", body=body))
        done = run("explain", "--config", shared.gate.config_file, f"@{request}")
        assert done.returncode == status and "lookup_body" in done.stdout, done.stdout
