"""Log files: order of the fields, JSON, escaping, secrets, reopening, disks that are full or gone."""

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from harness import ACCESS_NAMES, FOLDER_SYNC_BODY, eventually, post, split_quoted


def test_fields_in_their_order(shared):
    gate = shared.gate
    shared.gate.ask(post(body=FOLDER_SYNC_BODY, agent="Agent X/1.0", password="pw"))
    request_id = shared.upstream.requests[0].value("X-Request-Id")
    raw = eventually(lambda: gate.log_lines(request_id))[-1]
    values = split_quoted(raw)
    assert len(values) == len(ACCESS_NAMES)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", values[0])
    moment = datetime.datetime.fromisoformat(values[0].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds()) < 10
    assert values[1:15] == ["access", "node-1", "mail", request_id, "127.0.0.1", "alice", "PHONE1", "Phone", "FolderSync",
                            "14.1", "Agent X/1.0", "allow", values[13], "200"]
    assert int(values[15]) >= len(FOLDER_SYNC_BODY) and int(values[16]) >= 2
    assert 0 <= int(values[18].strip('"')) <= int(values[17]) < 5000
    assert '"Agent X/1.0"' in raw


def test_one_line_a_request(gate):
    with gate.client() as client:
        for number in range(10):
            client.request(post("PHONE1" if number % 2 else "NOBODY"))
    eventually(lambda: len(gate.access_lines()) >= 10, what="ten lines")
    gate.stop()  # whatever would still be written is on disk then
    assert len(gate.access_lines()) == 10


def test_a_line_is_on_disk_within_a_second(shared):
    shared.gate.ask(post())
    request_id = shared.upstream.requests[0].value("X-Request-Id")
    time.sleep(1)
    assert shared.gate.log_lines(request_id)


def test_malformed_requests_leave_a_line_too(shared):
    answer = shared.gate.ask(b"POST / HTTP/1.1\r\nHost : x\r\n\r\n")
    line = shared.gate.access(answer.value("x-request-id"))
    assert (line["verdict"], line["status"]) == ("refuse", "400")


def test_json_lines(make_gate):
    gate = make_gate(log={"format": "json"}).start()
    answer = gate.ask(post("DENIED", agent='Quote " back \\ end'))
    gate.access(answer.value("x-request-id"))
    lines = [json.loads(line) for line in gate.log_lines()]
    assert len(lines) > 1, "events are objects too"
    access = [line for line in lines if "access" in line.values()]
    assert len(access) == 1
    assert list(access[0])[0] == "time" and len(access[0]) == len(ACCESS_NAMES)
    assert answer.value("x-request-id") in access[0].values() and 'Quote " back \\ end' in access[0].values()
    assert 403 in access[0].values() and "device_denied" in access[0].values()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_can_not_be_forged(make_gate, form):
    gate = make_gate(log={"format": form}).start()
    agents = ['x" refuse none 200', "a\\", "a\\\" b", "tab\there", "\xff\xfe\x80", "\u2028".encode().decode("latin-1"), '"', "''", "-"]
    for agent in agents:
        gate.ask(post("NOBODY", agent=agent))
    for device in ("a%22b", "%E2%80%A8", "x%20access%20y", "%1b%5b31m"):
        gate.ask(post(device))
    time.sleep(1.2)
    lines = gate.access_lines()
    assert all(line["verdict"] == "refuse" for line in lines)
    assert len(lines) >= len(agents)
    for line in gate.log_lines():
        assert line.isprintable() or not re.search(r"[\x00-\x1f\x7f]", line)
        line.encode("utf-8")


def test_passwords_and_tokens_reach_no_file_and_no_output(gate, upstream):
    fields = [("Cookie", "token=c00kiesecret"), ("Authorization", "Bearer aaaa.bearersecret.cccc"), ("X-MS-PolicyKey", "12345")]
    gate.ask(post(fields=fields, body=FOLDER_SYNC_BODY))
    gate.ask(post("ALICES", fields=fields))
    gate.ask(post(password="pa55w0rdsecret"))
    gate.ask(post("ALICES", user="bob", password="pa55w0rdsecret"))
    gate.ask(post(fields=[("Authorization", "Basic pa55w0rdsecret!")]))
    gate.ask(post(fields=[("X-Broken\x01", "pa55w0rdsecret"), ("Authorization", "Basic cGE1NXcwcmRzZWNyZXQ6eA==")]))
    upstream.stop()
    gate.ask(post(password="pa55w0rdsecret"))
    time.sleep(1.2)
    everything = "\n".join(gate.log_lines()) + gate.output() + gate.admin("/metrics")[1] + gate.admin("/status")[1]
    for secret in ("secret", "cGE1NXcwcmRzZWNyZXQ", "YWxpY2U6"):
        assert secret not in everything


def test_file_name_is_the_local_date_and_nothing_else_lives_there(gate):
    gate.ask(post())
    eventually(lambda: gate.log_lines("access"))
    assert [file.name for file in gate.log_directory.iterdir()] == [gate.log_file().name]


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_reopening(gate, number):
    gate.ask(post())
    eventually(lambda: gate.log_lines("access"))
    moved = gate.folder / "moved.log"
    gate.log_file().rename(moved)
    gate.signal(number)
    eventually(lambda: gate.ask(post("NOBODY")) and gate.log_file().exists() and gate.log_lines("access"))
    assert moved.read_text()


def test_log_directory_that_is_gone_never_stops_mail(gate):
    gate.ask(post())
    shutil.rmtree(gate.log_directory)
    gate.signal(signal.SIGUSR1)
    for _ in range(50):
        assert gate.ask(post()).status == 200
    eventually(lambda: any(value > 0 for name, value in gate.metrics().items() if "log" in name and
                           ("error" in name or "lost" in name)), what="lost lines being counted")
    gate.log_directory.mkdir()
    eventually(lambda: gate.ask(post()).status == 200 and gate.log_lines("access"), what="writing resumed by itself")


def test_full_disk_never_stops_mail(make_gate):
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small tmpfs and needs root")
    gate = make_gate()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", gate.log_directory], check=True)
    try:
        gate.start()
        filler = gate.log_directory / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 512)
            except OSError:
                pass
        begin = time.monotonic()
        for _ in range(200):
            assert gate.ask(post()).status == 200
        assert time.monotonic() - begin < 20
        eventually(lambda: any(value > 0 for name, value in gate.metrics().items() if "log" in name and
                               ("error" in name or "lost" in name)))
        filler.unlink()
        eventually(lambda: gate.ask(post("NOBODY")).status == 403 and gate.log_lines("NOBODY"),
                   what="writing resumed by itself")
        assert gate.stop() == 0
    finally:
        gate.kill()
        subprocess.run(["umount", gate.log_directory], check=True)


def test_access_lines_can_be_turned_off(make_gate):
    gate = make_gate(log={"access": False}).start()
    gate.ask(post())
    time.sleep(1.2)
    assert gate.access_lines() == []
