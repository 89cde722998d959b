"""Who passes and who doesn't: devices, users, user agents, paths; what the answers look like."""

import base64
import re

import pytest
from harness import FOLDER_SYNC_BODY, PATH, PING_BODY, eventually, options, post, query


def test_allowed_device_gets_the_mail_servers_answer(shared):
    answer = shared.gate.ask(post("PHONE1", body=FOLDER_SYNC_BODY))
    assert (answer.status, answer.body) == (200, b"ok")
    received = shared.upstream.requests[0]
    assert received.target == f"{PATH}?{query()}"
    assert received.body == FOLDER_SYNC_BODY


@pytest.mark.parametrize("device,reason", [("NOBODY", "device_unknown"), ("DENIED", "device_denied"),
                                           ("LAX", "device_non_compliant"), ("WIPED", "device_wipe")])
def test_refused_device(shared, device, reason):
    answer = shared.gate.ask(post(device, body=FOLDER_SYNC_BODY))
    assert answer.status == 403
    assert answer.value("content-type").startswith("text/plain")
    assert 0 < len(answer.body) < 300
    assert device.encode() not in answer.body and reason.encode() not in answer.body
    line = shared.gate.access(answer.value("x-request-id"))
    assert (line["verdict"], line["reason"], line["status"]) == ("refuse", reason, "403")
    assert shared.upstream.requests == []


def test_options_needs_no_device(shared):
    shared.upstream.answer = lambda received, peer: (
        b"HTTP/1.1 200 OK\r\nMS-ASProtocolVersions: 14.0,14.1\r\nContent-Length: 0\r\n\r\n")
    answer = shared.gate.ask(options())
    assert answer.status == 200
    assert answer.value("ms-asprotocolversions") == "14.0,14.1"


@pytest.mark.parametrize("spelling", [PATH, PATH.lower(), PATH.upper(), "/MICROSOFT-server-activeSYNC"])
def test_path_in_any_letter_case_is_sent_in_ours(shared, spelling):
    assert shared.gate.ask(post(target=f"{spelling}?{query()}")).status == 200
    assert shared.upstream.requests[0].target == f"{PATH}?{query()}"


@pytest.mark.parametrize("device", ["phone1", "Phone1", "PHONE1"])
def test_ids_are_compared_without_letter_case(shared, device):
    assert shared.gate.ask(post(device)).status == 200
    assert shared.upstream.requests[0].target.count(device) == 1, "the query is sent on byte for byte"


def base64_query(device, command=9, version=141, kind=b"Phone", more=b""):
    binary = bytes([version, command, 0x09, 0x04, len(device)]) + device + bytes([0, len(kind)]) + kind + more
    return base64.b64encode(binary).decode()


@pytest.mark.parametrize("device,status", [(b"PHONE1", 200), (b"phone1", 200), (b"DENIED", 403), (b"NOBODY", 403)])
def test_base64_query(shared, device, status):
    text = base64_query(device)
    answer = shared.gate.ask(post(target=f"{PATH}?{text}", version=None))
    assert answer.status == status
    assert [received.target for received in shared.upstream.requests] == ([f"{PATH}?{text}"] if status == 200 else [])


def test_base64_query_with_unknown_tags_passes(shared):
    text = base64_query(b"PHONE1", more=b"\x2a\x03abc\x08\x05alice")
    assert shared.gate.ask(post(target=f"{PATH}?{text}", version=None)).status == 200


@pytest.mark.parametrize("binary", [b"", b"\x8d", bytes([141, 9, 9, 4, 0, 0, 0]), bytes([141, 9, 9, 4, 200]) + b"PHONE1",
                                    bytes([141, 9, 9, 4, 6]) + b"PHONE1" + bytes([3, 1, 2, 3, 1]) + b"P",
                                    bytes([141, 9, 9, 4, 6]) + b"PHONE1" + bytes([0, 9]) + b"P",
                                    bytes([141, 9, 9, 4, 6]) + b"PHONE1" + bytes([0, 1]) + b"P" + bytes([1, 99, 0])])
def test_base64_query_that_contradicts_itself(shared, binary):
    text = base64.b64encode(binary).decode()
    assert shared.gate.ask(post(target=f"{PATH}?{text}", version=None)).status in (400, 403)
    assert shared.upstream.requests == []


def test_version_byte_that_contradicts_the_field(shared):
    text = base64_query(b"PHONE1", version=141)
    assert shared.gate.ask(post(target=f"{PATH}?{text}", version="12.1")).status in (400, 403)
    assert shared.upstream.requests == []


def test_sixteen_raw_bytes_equal_their_hex_digits(gate, mdm):
    raw = bytes.fromhex("00112233445566778899aabbccddeeff")
    mdm.set(raw.hex().upper())
    eventually(lambda: gate.ask(post(raw.hex())).status == 200)
    assert gate.ask(post(raw.hex().upper())).status == 200
    assert gate.ask(post(target=f"{PATH}?{base64_query(raw)}", version=None)).status == 200
    assert gate.ask(post(target=f"{PATH}?{base64_query(raw[:-1])}", version=None)).status == 403


def test_text_id_may_be_listed_as_hex_but_hex_is_never_decoded(gate, mdm):
    mdm.set(b"PHONE9".hex().upper())
    mdm.set("PHONE8")
    eventually(lambda: gate.ask(post("PHONE9")).status == 200)
    eventually(lambda: gate.ask(post("PHONE8")).status == 200)
    assert gate.ask(post(b"PHONE8".hex())).status == 403


@pytest.mark.parametrize("user,status", [
    ("alice", 200), ("ALICE", 200), ("CORP%5Calice", 200), ("alice%40corp.example", 200), ("bob", 403), ("alice2", 403),
    ("bob%40corp.example", 403)])
def test_user_of_the_query(shared, user, status):
    assert shared.gate.ask(post("ALICES", user=user)).status == status
    assert len(shared.upstream.requests) == (1 if status == 200 else 0)


@pytest.mark.parametrize("credential,status", [
    ("Basic " + base64.b64encode(b"alice:pw").decode(), 200),
    ("Basic " + base64.b64encode(b"CORP\\alice:pw").decode(), 200),
    ("basic " + base64.b64encode(b"alice:").decode(), 200),
    ("Basic " + base64.b64encode(b"bob:pw").decode(), 403),
    ("Basic " + base64.b64encode(b":pw").decode(), 403),
    ("Bearer abcdef", 403), ("Negotiate YIIBBg==", 403), ("Digest username=alice", 403), ("Fancy alice", 403)])
def test_every_name_that_is_claimed_must_be_permitted(shared, credential, status):
    answer = shared.gate.ask(post("ALICES", fields=[("Authorization", credential)]))
    assert answer.status == status or (status == 403 and answer.status == 400)
    assert len(shared.upstream.requests) == (1 if status == 200 else 0)


def test_unreadable_credentials_pass_where_the_device_names_nobody(shared):
    assert shared.gate.ask(post("PHONE1", fields=[("Authorization", "Bearer abcdef")])).status == 200


@pytest.mark.parametrize("claims,status", [
    ('{"upn":"alice@corp.example"}', 200), ('{"unique_name":"alice"}', 200), ('{"upn":"bob@corp.example"}', 403),
    ('{"upn":"alice@corp.example","unique_name":"bob"}', 403), ('{"upn":"bob","upn":"alice"}', 403), ("{}", 403)])
def test_names_of_a_bearer_token(shared, claims, status):
    parts = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode() for text in ('{"alg":"none"}', claims, "x")]
    answer = shared.gate.ask(post("ALICES", fields=[("Authorization", "Bearer " + ".".join(parts))]))
    assert answer.status == status or (status == 403 and answer.status == 400)
    assert len(shared.upstream.requests) == (1 if status == 200 else 0)


@pytest.mark.parametrize("agent,status", [("Apple-iPhone12C1/1602.92", 200), ("apple-IPHONE/1", 200), ("Outlook-iOS/2.0", 200),
                                          ("Android-SAMSUNG", 403), ("", 403), (None, 403), ("xApple-iPhone", 403)])
def test_user_agents(make_gate, upstream, agent, status):
    gate = make_gate(mail_user_agents={"allow": ["Apple-*", "Outlook-iOS/?.?"]}).start()
    assert gate.ask(post(agent=agent)).status == status
    assert len(upstream.requests) == (1 if status == 200 else 0)


def test_absent_user_agent_is_judged_by_the_last_good_one(make_gate):
    gate = make_gate(mail_user_agents={"allow": ["Good*"]}).start()
    assert gate.ask(post(agent=None)).status == 403
    assert gate.ask(post(agent="Good/1")).status == 200
    assert gate.ask(post(agent=None)).status == 200
    assert gate.ask(post("PHONE2", agent=None)).status == 403


def test_an_agent_that_the_mail_server_refused_is_not_learned(make_gate, upstream):
    gate = make_gate(mail_user_agents={"allow": ["Good*"]}).start()
    upstream.answer = lambda received, peer: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
    assert gate.ask(post(agent="Good/1")).status == 401
    assert gate.ask(post(agent=None)).status == 403


def test_a_request_without_authorization_or_version_passes(shared):
    assert shared.gate.ask(post(version=None)).status == 200


@pytest.mark.parametrize("command,body,passes", [("FolderSync", FOLDER_SYNC_BODY, True), ("FolderSync", b"", True),
                                                 ("Ping", PING_BODY, True), ("Ping", b"", True),
                                                 ("FolderSync", PING_BODY, False), ("Ping", FOLDER_SYNC_BODY, False)])
def test_root_element_must_be_the_command(shared, command, body, passes):
    answer = shared.gate.ask(post(command=command, body=body))
    assert answer.status == (200 if passes else 403)
    assert len(shared.upstream.requests) == (1 if passes else 0)


def test_refusal_keeps_the_connection(shared):
    with shared.gate.client() as client:
        ids = set()
        for _ in range(3):
            answer = client.request(post("DENIED", body=b"x" * 1000))
            assert answer.status == 403
            ids.add(answer.value("x-request-id"))
        assert client.request(post("PHONE1")).status == 200
    assert len(ids) == 3 and all(re.fullmatch(r"[A-Za-z0-9-]{8,64}", entry) for entry in ids)


def test_refusal_with_a_large_body_closes(shared):
    with shared.gate.client() as client:
        client.send_tolerant(post("DENIED", body=b"x" * 300_000)[:2000])
        assert client.read().status == 403
        assert client.ended()


def test_device_types_and_the_secure_app(make_gate, mdm):
    gate = make_gate(mail_user_agents={"allow": ["TestPhone*"], "device_types": ["Phone*", "iPhone"],
                                       "secure_email": ["SecureOne*", "TestPhone*"]})
    gate.start()
    path = "/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=alice&DeviceId=PHONE1"
    assert gate.ask(post(target=path + "&DeviceType=iphone")).status == 200
    for target in (path, path + "&DeviceType=Android"):
        assert gate.ask(post(target=target)).status == 403
    assert gate.access(reason="device_type", count=2)["status"] == "403"
    assert gate.ask(options([("User-Agent", "TestPhone")])).status == 200
    mdm.set("PHONE2")
    eventually(lambda: gate.ask(post(target=path.replace("PHONE1", "PHONE2") + "&DeviceType=Phone8",
                                     agent=None)).status == 200)
    assert gate.ask(post(target=path.replace("PHONE1", "PHONE2") + "&DeviceType=Phone8", agent="")).status == 403
