"""Device states: changes, their age, restarts, damage, and an MDM server that misbehaves."""

import json
import pathlib
import threading
import time

import pytest
from fake_mdm import FakeMdm
from fake_upstream import reply
from harness import NOTHING_NEW, PING_BODY, eventually, post, run
from ports import free_port
from wire_client import Closed


def hold(gate, upstream, device="PHONE1"):
    """A Ping that is held; the mail server answers never. Returns its client."""
    upstream.answer = lambda received, peer: peer.wait_gone(60) and None if "Ping" in received.target else reply()
    client = gate.client()
    before = len(upstream.requests)
    client.send(post(device, command="Ping", body=PING_BODY))
    upstream.wait_for(before + 1)
    return client


def ends_by_answer_or_clean_close(client, within):
    """How long it took until a held request ended; it must not be by a reset."""
    begin = time.monotonic()
    client.socket.settimeout(within)
    try:
        client.read()
    except Closed as closed:
        assert not closed.was_reset
    return time.monotonic() - begin


@pytest.mark.parametrize("state", ["deny", "non_compliant", "wipe", "removed", "unheard-of"])
def test_a_change_ends_the_held_ping_within_a_second(gate, mdm, upstream, state):
    with hold(gate, upstream) as client:
        peer = upstream.requests[-1].connection
        if state == "removed":
            mdm.remove("PHONE1")
        else:
            mdm.set("PHONE1", state)
        begin = time.monotonic()
        answer = client.read()
        assert time.monotonic() - begin < 1
        assert (answer.status, answer.body) == (200, NOTHING_NEW)
        assert peer.gone.wait(1), "the mail server's side ends too"
        assert client.request(post("PHONE1")).status == 403, "the connection goes on"
    assert gate.ask(post("PHONE1")).status == 403


def test_a_change_of_another_device_ends_nothing(gate, mdm, upstream):
    with hold(gate, upstream) as client:
        mdm.set("PHONE2", "deny")
        eventually(lambda: gate.ask(post("PHONE2")).status == 403)
        mdm.set("PHONE1", "allow", reason="still fine")
        assert client.is_quiet(1)


def test_losing_its_user_ends_the_held_ping(gate, mdm, upstream):
    with hold(gate, upstream) as client:
        mdm.set("PHONE1", "allow", users=["bob"])
        assert ends_by_answer_or_clean_close(client, 3) < 1


def test_many_held_pings_of_one_device_all_end(gate, mdm, upstream):
    clients = [hold(gate, upstream) for _ in range(40)]
    mdm.set("PHONE1", "deny")
    begin = time.monotonic()
    for client in clients:
        ends_by_answer_or_clean_close(client, 3)
        client.close()
    assert time.monotonic() - begin < 1.5


def test_a_new_device_is_let_in_at_once(gate, mdm):
    assert gate.ask(post("NEWPHONE")).status == 403
    mdm.set("NEWPHONE")
    begin = time.monotonic()
    eventually(lambda: gate.ask(post("NEWPHONE")).status == 200)
    assert time.monotonic() - begin < 1


def test_the_proxy_asks_for_deltas_and_waits(gate, mdm):
    eventually(lambda: any("since=" in path for path, _ in mdm.requests))
    path = next(path for path, _ in mdm.requests if "since=" in path)
    assert "wait=55" in path and "since=c" in path
    assert "since=" not in mdm.requests[0][0]


def test_wait_is_a_third_of_a_short_lifetime(make_gate, mdm):
    make_gate(mdm={"state_lifetime": "9s"}).start()
    path = eventually(lambda: next((path for path, _ in mdm.requests if "since=" in path), None))
    assert "wait=3" in path


def test_mail_goes_on_while_the_mdm_server_is_away(make_gate, mdm):
    gate = make_gate(mdm={"state_lifetime": "60s"}).start()
    mdm.stop()
    time.sleep(1)
    assert gate.ask(post()).status == 200
    assert gate.admin("/readyz")[0] == 200
    mdm.start()
    mdm.set("PHONE1", "deny")
    eventually(lambda: gate.ask(post()).status == 403, timeout=20)


def test_states_expire_and_come_back(make_gate, mdm, upstream):
    gate = make_gate(mdm={"state_lifetime": "3s"}).start()
    assert gate.ask(post()).status == 200
    mdm.stop()
    stopped = time.monotonic()
    answer = eventually(lambda: (got := gate.ask(post())).status == 503 and got, timeout=8)
    assert 1.5 < time.monotonic() - stopped < 4.5
    assert int(answer.value("retry-after")) > 0
    count = len(upstream.requests)
    assert gate.ask(post("DENIED")).status == 503, "503 also where several reasons apply"
    assert gate.ask(post(target="/owa")).status == 503
    assert gate.ask(b"POST / HTTP/1.1\r\nHost : x\r\n\r\n").status == 400, "but for what can't be read"
    assert len(upstream.requests) == count
    assert gate.admin("/readyz")[0] == 503 and gate.admin("/healthz")[0] == 200
    line = gate.access(answer.value("x-request-id"))
    assert (line["verdict"], line["reason"]) == ("refuse", "states_stale")
    mdm.start()
    gate.wait("/readyz", timeout=20)
    assert gate.ask(post()).status == 200


def test_held_requests_end_when_the_states_expire_or_at_their_next_turn(make_gate, mdm, upstream):
    """All mail traffic is blocked once the states are too old; nothing new passes."""
    gate = make_gate(mdm={"state_lifetime": "2s"}).start()
    mdm.stop()
    eventually(lambda: gate.admin("/readyz")[0] == 503, timeout=8)
    count = len(upstream.requests)
    for _ in range(10):
        assert gate.ask(post(command="Ping", body=PING_BODY)).status == 503
    assert len(upstream.requests) == count


def test_without_states_everything_is_503(make_gate, mdm, upstream):
    mdm.mode = "status:500"
    gate = make_gate().start(ready=False)
    answer = gate.ask(post())
    assert answer.status == 503 and answer.value("retry-after")
    assert gate.admin("/readyz")[0] == 503
    assert gate.access(answer.value("x-request-id"))["reason"] == "states_missing"
    mdm.mode = "ok"
    gate.wait("/readyz", timeout=10)
    assert gate.ask(post()).status == 200


def test_restart_without_the_mdm_server(make_gate, mdm):
    gate = make_gate().start()
    mdm.set("LATER", "allow")
    eventually(lambda: gate.ask(post("LATER")).status == 200)
    assert gate.stop() == 0
    mdm.stop()
    gate.start()
    assert gate.ask(post("LATER")).status == 200
    assert gate.ask(post("DENIED")).status == 403
    assert gate.ask(post("NOBODY")).status == 403


def test_kill_and_restart_without_the_mdm_server(make_gate, mdm):
    gate = make_gate().start()
    mdm.set("PHONE1", "deny")
    eventually(lambda: gate.ask(post()).status == 403)
    time.sleep(1)
    gate.kill()
    mdm.stop()
    gate.start()
    assert gate.ask(post()).status == 403
    assert gate.ask(post("PHONE2")).status == 200


def test_age_survives_a_restart(make_gate, mdm):
    gate = make_gate(mdm={"state_lifetime": "4s"}).start()
    mdm.stop()
    time.sleep(2)
    gate.stop()
    time.sleep(2.5)
    gate.start(ready=False)
    assert gate.ask(post()).status == 503


def state_files(gate):
    return [file for file in gate.state_file.parent.iterdir() if file.name.startswith("devices.state")]


def test_state_file_is_named_after_its_instance_and_private(gate):
    eventually(lambda: state_files(gate))
    assert any(file.name.startswith("devices.state.mail") for file in state_files(gate))
    assert all(file.stat().st_mode & 0o077 == 0 for file in state_files(gate) if file.is_file())


def states_and_a_later_change(make_gate, mdm):
    """A gate that has stored a full list and, after it, that PHONE1 is denied; and its state file."""
    gate = make_gate().start()
    file = pathlib.Path(f"{gate.state_file}.mail")
    eventually(file.is_file)
    before = file.stat().st_size
    mdm.set("PHONE1", "deny")
    eventually(lambda: file.stat().st_size > before)
    return gate, file


def test_a_state_file_that_was_cut_after_a_contact_is_refused(make_gate, mdm):
    gate, file = states_and_a_later_change(make_gate, mdm)
    gate.stop()
    mdm.stop()
    file.write_bytes(file.read_bytes()[:-7])
    gate.start(ready=False)
    assert gate.ask(post()).status == 503, "else PHONE1 would be let in again"
    assert gate.said("older than the contact record")


def test_an_append_that_was_killed_leaves_the_states_before_it(make_gate, mdm):
    gate, file = states_and_a_later_change(make_gate, mdm)
    gate.kill()
    mdm.stop()
    # As if the kill had come within the append: no contact record knows of it.
    pathlib.Path(f"{file}.contact").unlink(missing_ok=True)
    file.write_bytes(file.read_bytes()[:-7])
    gate.start()
    assert gate.ask(post("PHONE2")).status == 200
    assert gate.ask(post("DENIED")).status == 403
    mdm.start()
    eventually(lambda: gate.ask(post("PHONE1")).status == 403, timeout=30)
    gate.stop()
    gate.start()
    assert gate.ask(post("PHONE1")).status == 403


def test_another_mdm_server_after_a_restart_is_asked_for_everything(make_gate, mdm, pki):
    gate = make_gate().start()
    gate.stop()
    other = FakeMdm(pki.mdm, [pki.identity])
    try:
        other.set("PHONE2", "allow")
        gate.change(mdm={"url": other.url})
        gate.start()
        eventually(lambda: gate.ask(post("PHONE1")).status == 403)
        assert gate.ask(post("PHONE2")).status == 200
        assert "since=" not in other.requests[0][0], "its cursors aren't ours"
        gate.stop()
        count = len(other.requests)
        gate.start()
        eventually(lambda: len(other.requests) > count)
        assert "since=" in other.requests[count][0], "the same server is asked for changes only"
    finally:
        other.stop()


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "append", "zeros", "swap-state"])
def test_damaged_state_file_is_refused_whole(make_gate, mdm, damage):
    gate = make_gate().start()
    mdm.set_many([{"id": f"BULK{number}", "users": [], "state": "deny", "reason": ""} for number in range(200)])
    eventually(lambda: gate.metric("easgate_devices") >= 200 or "BULK199" in run(
        "devices", "--config", gate.config_file).stdout)
    gate.stop()
    mdm.stop()
    for file in state_files(gate):
        if not file.is_file() or file.stat().st_size < 64:
            continue
        data = bytearray(file.read_bytes())
        if damage == "flip":
            data[len(data) // 2] ^= 0x01
        elif damage == "cut":
            del data[-7:]
        elif damage == "empty":
            data = bytearray()
        elif damage == "append":
            data += b"x" * 9
        elif damage == "zeros":
            data[100:140] = bytes(40)
        else:
            data = data.replace(b"DENIED", b"denied")
        file.write_bytes(data)
    gate.start(ready=False)
    assert gate.admin("/readyz")[0] == 503
    assert gate.ask(post()).status == 503
    assert gate.said("the state file is not used")
    mdm.start()
    gate.wait("/readyz", timeout=20)
    assert gate.ask(post()).status == 200


@pytest.mark.parametrize("mode", ["garbage", "bad_count", "bad_line", "cut", "status:500", "status:404", "status:302", "hang"])
def test_a_bad_answer_changes_nothing(make_gate, mdm, mode):
    gate = make_gate().start()
    mdm.mode = mode
    mdm.set("PHONE1", "deny")
    mdm.set("NEWPHONE", "allow")
    time.sleep(1.5)
    assert gate.ask(post("PHONE1")).status == 200, "the old states stay in force"
    assert gate.ask(post("NEWPHONE")).status == 403
    mdm.mode = "ok"
    mdm.wake()
    eventually(lambda: gate.ask(post("PHONE1")).status == 403, timeout=30)


def test_a_cursor_that_is_too_old_starts_over(gate, mdm):
    mdm.forget_changes()
    with mdm._changed:
        mdm.devices["PHONE1"]["state"] = "deny"
        del mdm.devices["PHONE2"]
    mdm.wake()
    eventually(lambda: gate.ask(post("PHONE1")).status == 403)
    assert gate.ask(post("PHONE2")).status == 403, "a full answer replaces everything"
    assert 410 in [status for _, status in mdm.requests]


def test_identity_that_the_mdm_server_does_not_know(make_gate, mdm):
    mdm.refuse_identity = True
    gate = make_gate().start(ready=False)
    eventually(lambda: mdm.requests)
    assert gate.ask(post()).status == 503
    assert 401 in [status for _, status in mdm.requests]
    mdm.refuse_identity = False
    gate.wait("/readyz", timeout=20)


def test_mdm_server_with_a_wrong_certificate_is_not_believed(make_gate, mdm, pki):
    gate = make_gate(mdm={"ca_file": pki.upstream_ca.file}).start(ready=False)
    time.sleep(1.5)
    assert mdm.requests == []
    assert gate.ask(post()).status == 503


def test_the_next_mdm_server_of_a_list_is_tried(make_gate, mdm):
    gate = make_gate(mdm={"url": [f"https://127.0.0.1:{free_port()}", mdm.url]}).start()
    assert gate.ask(post()).status == 200


def test_retries_back_off(make_gate, mdm):
    mdm.mode = "status:500"
    make_gate().start(ready=False)
    time.sleep(5)
    assert 2 <= len(mdm.requests) <= 7, "1 s at first, then longer, with jitter"


def test_the_last_line_of_an_id_counts(gate, mdm):
    with mdm._changed:
        mdm._version += 1
        mdm._changes += [(mdm._version, "TWICE"), (mdm._version, "TWICE")]
        mdm.devices["TWICE"] = {"id": "TWICE", "users": [], "state": "allow", "ignored": {"x": [1]}}
        mdm._changed.notify_all()
    eventually(lambda: gate.ask(post("TWICE")).status == 200)


def test_only_secure_email(gate, mdm):
    assert gate.ask(post()).status == 200
    mdm.policy = {"only_secure_email": True}
    mdm.set("PHONE2", "allow", reason="touch")
    eventually(lambda: gate.ask(post()).status == 403)


def test_observations_are_reported(gate, mdm):
    gate.ask(post("PHONE1", agent="Agent/7"))
    gate.ask(post("STRANGER"))
    lines = eventually(lambda: len([line for line in mdm.observations if "id" in line]) >= 2 and mdm.observations,
                       timeout=35)
    seen = {line["id"]: line for line in lines if "id" in line}
    assert seen["PHONE1"]["user_agent"] == "Agent/7" and seen["PHONE1"]["requests"] >= 1
    assert seen["PHONE1"]["refused"] == 0 and seen["STRANGER"]["refused"] == 1
    for key in ("user", "device_type", "protocol", "first_seen", "last_seen", "reason"):
        assert key in seen["PHONE1"]
    assert "password" not in json.dumps(lines)


def test_each_identity_has_its_own_table(make_gate, pki, mdm, upstream):
    gate = make_gate()
    port = free_port()
    second = gate.instance("second", port, identity_certificate_file=pki.second_identity.certificate,
                           identity_private_key_file=pki.second_identity.key)
    gate.settings["instances"].append(second)
    gate.write()
    gate.start()
    assert gate.ask(post()).status == 200 and gate.ask(post(), port).status == 200
    assert gate.admin("/readyz?instance=mail")[0] == 200
    assert gate.admin("/readyz?instance=nonsense")[0] in (404, 503)
    names = {file.name for file in state_files(gate)}
    assert any(name.startswith("devices.state.mail") for name in names)
    assert any(name.startswith("devices.state.second") for name in names)


def test_nine_hundred_held_pings_end_within_a_second(make_gate, mdm, upstream):
    gate = make_gate().start()
    upstream.answer = lambda received, peer: peer.wait_gone(60) and None
    clients = []
    for number in range(900):
        client = gate.client()
        client.send(post(f"PHONE{1 + number % 2}", command="Ping", body=PING_BODY))
        clients.append(client)
    eventually(lambda: len(upstream.requests) >= 900, timeout=30)
    ended = []

    def watch(client):
        try:
            client.socket.settimeout(10)
            ended.append((client.read().status, time.monotonic()))
        except (Closed, OSError):
            ended.append((0, time.monotonic()))
    threads = [threading.Thread(target=watch, args=(client,)) for client in clients[::2]]
    for thread in threads:
        thread.start()
    begin = time.monotonic()
    mdm.set("PHONE1", "deny")
    for thread in threads:
        thread.join()
    late = max(moment for _, moment in ended) - begin
    assert len(ended) == 450 and late < 2, f"the last one ended after {late:.2f} s"
    assert clients[1].is_quiet(0.1)
    for client in clients:
        client.close()


def test_a_server_that_refuses_every_cursor_is_not_asked_in_a_tight_loop(make_gate, mdm):
    make_gate().start()
    before = len(mdm.requests)
    mdm.mode = "gone"
    mdm.set("PHONE1", reason="changed")
    time.sleep(3)
    assert 1 <= len(mdm.requests) - before < 12
