"""How much one client may do: connections and requests of an address, a device, a user."""

import threading

from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, PATH, eventually, post, query, run
from wire_client import Closed


def limited(make_gate, **limits):
    return make_gate(limits={"device_requests": 0, **limits}).start()


def statuses(gate, requests):
    """One request a connection: they land on both workers."""
    return [gate.ask(request).status for request in requests]


def test_requests_of_a_device(make_gate):
    gate = limited(make_gate, device_requests=10)
    assert statuses(gate, [post(password="x" * 12)] * 10) == [200] * 10
    with gate.client() as client:
        for _ in range(3):
            answer = client.request(post(password="x" * 12, body=FOLDER_SYNC_BODY))
            assert answer.status == 429
            assert 1 <= int(answer.value("Retry-After")) <= 6
            assert answer.value("Content-Type").startswith("text/plain")
            assert answer.value("Connection") is None, "kept"
        assert client.request(post(device="PHONE2", password="x" * 12)).status == 200, "another device"
    line = gate.access(reason="device_requests", count=3)
    assert (line["verdict"], line["status"], line["user"], line["device_id"]) == ("refuse", "429", "alice", "PHONE1")
    assert gate.metric("easgate_requests_total", reason="device_requests") == 3
    eventually(lambda: gate.ask(post(password="x" * 12)).status == 200, timeout=8)


def test_a_stranger_does_not_use_up_what_a_phone_may_ask(make_gate, upstream):
    gate = limited(make_gate, device_requests=5, user_requests=5)
    upstream.answer = lambda received, peer: reply(401)
    for number in range(20):
        gate.ask(post(password=f"guess number {number}"))
        gate.ask(post())
    upstream.answer = lambda received, peer: reply()
    assert statuses(gate, [post(password="the right one")] * 6) == [200] * 5 + [429]


def test_requests_of_a_user(make_gate):
    gate = limited(make_gate, user_requests=4)
    both = [post(device="PHONE1", password="secret"), post(device="PHONE2", password="secret")]
    assert statuses(gate, both * 3) == [200] * 4 + [429] * 2
    assert gate.ask(post(user="bob", password="secret of bob")).status == 200
    assert gate.access(reason="user_requests", count=2)["user"] == "alice"


def test_requests_of_an_address(make_gate, upstream):
    gate = limited(make_gate, address_requests=6)
    assert statuses(gate, [post(device="STRANGER")] * 3 + [post()] * 3) == [403] * 3 + [200] * 3
    answer = gate.ask(post(device="PHONE2"))
    assert (answer.status, answer.value("Retry-After") is not None) == (429, True)
    assert len(upstream.requests) == 3
    assert gate.access(reason="address_requests")["client"] == "127.0.0.1"
    assert gate.admin("/healthz")[0] == 200, "the admin port has no such limit"


def test_what_is_malformed_stays_400(make_gate):
    gate = limited(make_gate, address_requests=1)
    gate.ask(post())
    with gate.client() as client:
        client.send(post(fields=[("Transfer-Encoding", "chunked")]))
        assert client.read().status == 400


def test_parallel_requests_are_counted_over_the_workers(make_gate):
    gate = limited(make_gate, device_requests=50)
    got = []

    def work():
        with gate.client() as client:
            for _ in range(20):
                got.append(client.request(post(password="secret")).status)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A minute's worth, and what a slow machine lets come back meanwhile.
    assert 50 <= got.count(200) <= 70 and got.count(429) == 160 - got.count(200)


def test_limits_change_with_a_reload(make_gate):
    gate = limited(make_gate)
    assert statuses(gate, [post(password="secret")] * 10) == [200] * 10
    gate.change(limits={"device_requests": 2})
    gate.reload()
    eventually(lambda: gate.ask(post(password="secret")).status == 429)
    gate.change(limits={"device_requests": 0})
    gate.reload()
    eventually(lambda: statuses(gate, [post(password="secret")] * 5) == [200] * 5)


def test_connections_of_an_address(make_gate):
    gate = limited(make_gate, address_connections=5)
    clients = [gate.client() for _ in range(5)]
    for client in clients:
        assert client.request(post()).status == 200
    with gate.client() as sixth:
        answer = sixth.request(post())
        assert (answer.status, answer.value("Connection")) == (503, "close")
        assert int(answer.value("Retry-After")) > 0
        assert sixth.is_closed()
    assert gate.access(reason="address_connections")["status"] == "503"
    for client in clients:
        assert client.request(post()).status == 200, "who was there goes on"
        client.close()
    eventually(lambda: gate.ask(post()).status == 200)


def test_an_address_far_above_its_limit_is_not_even_answered(make_gate):
    gate = make_gate(limits={"address_connections": 3})
    gate.change_instance(tls=True)
    gate.start()
    crowd = [gate.client() for _ in range(20)]  # none of them starts a handshake
    eventually(lambda: sum(client.ended(0.01) for client in crowd) >= 14)
    eventually(lambda: gate.metric("easgate_connections_refused_total") == 14)
    assert gate.metric("easgate_client_connections") == 6
    for client in crowd:
        client.close()

    def served():
        try:
            with gate.tls_client() as client:
                return client.request(post()).status == 200
        except (Closed, OSError):
            return False
    eventually(served)


def test_explain_says_what_may_come(make_gate):
    gate = make_gate(limits={"device_requests": 1200, "user_requests": 7})
    gate.change_instance(lockout_shield="10m")
    gate.start()
    explained = run("explain", "--config", gate.config_file, f"POST {PATH}?{query()} HTTP/1.1", "--header", "Host: x",
                    "--header", "Authorization: Basic YWxpY2U6b2xk")
    assert explained.returncode == 0, explained.stdout + explained.stderr
    assert "401 [lockout_shield] if the mail server refused the same password within 10m" in explained.stdout
    assert "429 [device_requests] if the device sends more than 1200 a minute" in explained.stdout
    assert "429 [user_requests]" in explained.stdout and "address_requests" not in explained.stdout
