"""Observe mode: what it lets pass, what it doesn't, how it shows, and whom `easgate preview` lists."""

import json

import pytest
from harness import FOLDER_SYNC_BODY, PING_BODY, eventually, options, post, run


@pytest.fixture
def observer(make_gate):
    gate = make_gate(mail_user_agents={"allow": ["TestPhone*"]})
    gate.change_instance(mode="observe")
    return gate.start()


@pytest.mark.parametrize("request_bytes,reason", [
    (post("NOBODY", body=FOLDER_SYNC_BODY), "device_unknown"), (post("DENIED"), "device_denied"),
    (post("LAX"), "device_non_compliant"), (post("WIPED"), "device_wipe"), (post("ALICES", user="bob"), "user"),
    (post("ALICES", fields=[("Authorization", "Bearer abc")]), "user_unreadable"),
    (post("PHONE1", agent="Other/1"), "user_agent"), (post("DENIED", agent="Other/1"), "device_denied")])
def test_lets_pass_and_says_what_would_have_refused(observer, upstream, request_bytes, reason):
    answer = observer.ask(request_bytes)
    assert (answer.status, answer.body) == (200, b"ok")
    assert len(upstream.requests) == 1
    line = observer.access(answer.value("x-request-id") or upstream.requests[0].value("x-request-id"))
    assert (line["verdict"], line["reason"], line["status"]) == ("allow", reason, "200")
    assert observer.metric("easgate_requests_total", verdict="allow", reason=reason) == 1
    assert observer.metric("easgate_instance_observes") == 1


@pytest.mark.parametrize("request_bytes,status", [
    (post("PHONE1", target="/owa/"), 403), (post("PHONE1", command="Nonsense"), 403),
    (post("NOBODY", command="FolderSync", body=PING_BODY), 403),
    (b"GET /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: x\r\n\r\n", 403),
    (post("PHONE1", fields=[("Content-Length", "5")]), 400),
    (post("PHONE1", target="/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=A&DeviceId=B"), 400)])
def test_never_relaxes_anything_else(observer, upstream, request_bytes, status):
    assert observer.ask(request_bytes).status == status
    assert upstream.requests == []


def test_stale_states_block_observers_too(make_gate, mdm, upstream):
    gate = make_gate(mdm={"state_lifetime": "2s"})
    gate.change_instance(mode="observe")
    gate.start()
    mdm.mode = "refuse"
    mdm.stop()
    eventually(lambda: gate.ask(post("PHONE1")).status == 503)
    assert gate.ask(post("NOBODY")).status == 503


def test_a_change_ends_no_held_request(observer, mdm, upstream):
    upstream.answer = lambda received, peer: None
    with observer.client() as client:
        client.send(post("PHONE1", command="Ping", body=PING_BODY))
        upstream.wait_for(1)
        mdm.set("PHONE1", state="deny")
        eventually(lambda: "deny" in run("devices", "--config", observer.config_file, "PHONE1").stdout)
        assert client.is_quiet(0.5)
        upstream.last_peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert client.read().status == 200
    assert observer.access(device_id="PHONE1")["reason"] == "device_denied"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_preview_lists_whom_enforcing_would_cut_off(make_gate, mdm, log_format):
    gate = make_gate(log={"format": log_format})
    gate.change_instance(mode="observe")
    gate.start()
    ask = lambda: run("preview", "--config", gate.config_file)  # noqa: E731
    gate.ask(post("PHONE1"))
    gate.ask(options())
    gate.access(device_id="PHONE1")
    nobody = ask()
    assert nobody.returncode == 0 and "nobody" in nobody.stdout
    gate.ask(post("NEWPHONE", user="carol"))
    gate.ask(post("ALICES", user="bob"))
    for device in ("NEWPHONE", "ALICES"):  # two workers write their lines at different moments
        gate.access(device_id=device)
    found = ask()
    assert found.returncode == 1, found
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    assert [row[1:4] for row in rows] == [["bob", "ALICES", "user"], ["carol", "NEWPHONE", "device_unknown"]]
    as_json = run("preview", "--config", gate.config_file, "--format", "json")
    assert [json.loads(line)["device_id"] for line in as_json.stdout.splitlines()] == ["ALICES", "NEWPHONE"]
    # Put right, and back since. Workers write their lines at different moments, so it may take a request more.
    mdm.set("NEWPHONE")
    eventually(lambda: gate.ask(post("NEWPHONE", user="carol")) and "NEWPHONE" not in ask().stdout, every=0.3)
    assert "ALICES" in ask().stdout


@pytest.mark.parametrize("log", [{"access": False}, {"directory": "elsewhere"}])
def test_preview_asks_the_running_node_where_there_is_no_log(make_gate, mdm, log):
    gate = make_gate(log=log)
    gate.change_instance(mode="observe")
    gate.start()
    if "directory" in log:  # the log is gone from where the configuration says
        gate.change(log={"directory": gate.folder / "empty"})
        (gate.folder / "empty").mkdir()
    ask = lambda *more: run("preview", "--config", gate.config_file, *more)  # noqa: E731
    gate.ask(post("PHONE1"))
    nobody = ask()
    assert nobody.returncode == 0 and "by the running node" in nobody.stdout, nobody
    gate.ask(post("NEWPHONE", user="carol"))
    gate.ask(post("NEWPHONE", user="carol"))
    gate.ask(post("ALICES", user="bob"))
    found = eventually(lambda: (done := ask()).stdout.count("\n") == 3 and done)
    assert found.returncode == 1
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    assert [row[1:5] for row in rows] == [["bob", "ALICES", "user", "1"], ["carol", "NEWPHONE", "device_unknown", "2"]]
    as_json = [json.loads(line) for line in ask("--format", "json").stdout.splitlines()]
    assert [list(row) for row in as_json] == [["instance", "user", "device_id", "reason", "requests", "last_seen"]] * 2
    mdm.set("NEWPHONE")
    eventually(lambda: gate.ask(post("NEWPHONE", user="carol")) and "NEWPHONE" not in ask().stdout, every=0.1)
    gate.stop()
    gone = ask()
    assert gone.returncode == 2 and gone.stdout == ""


def test_preview_without_observers_or_log(make_gate):
    gate = make_gate()
    enforcing = run("preview", "--config", gate.config_file)
    assert enforcing.returncode == 0 and "no instance observes" in enforcing.stderr
    gate.change_instance(mode="observe")
    assert run("preview", "--config", gate.config_file).returncode == 2
    assert run("preview", "--config", gate.config_file, "--days", "0").returncode == 64
    assert run("preview").returncode == 64


def test_is_loud_about_it(observer):
    assert "ONLY OBSERVES" in observer.output()
    assert observer.said("ONLY OBSERVES")
    check = run("check", "--config", observer.config_file)
    assert check.returncode == 0 and "ONLY OBSERVES" in check.stdout + check.stderr
    assert "ONLY OBSERVES" in run("status", "--config", observer.config_file).stdout
    explained = run("explain", "--config", observer.config_file, "--header", "User-Agent: TestPhone",
                    "POST /Microsoft-Server-ActiveSync?Cmd=Sync&User=a&DeviceId=NOBODY&DeviceType=P HTTP/1.1")
    assert explained.returncode == 0 and "enforcing would refuse: device_unknown" in explained.stdout


def test_reports_name_the_reason_but_nothing_refused(observer, mdm):
    observer.ask(post("NOBODY"))
    line = eventually(lambda: [entry for entry in mdm.observations if entry.get("id") == "NOBODY"], timeout=40)[0]
    assert (line["reason"], line["refused"], line["requests"]) == ("device_unknown", 0, 1)
