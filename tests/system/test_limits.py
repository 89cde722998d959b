"""Everything has a limit: time, size, number; and what the node does at it."""

import os
import resource
import threading
import time

import pytest
from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, PING_BODY, eventually, post
from wire_client import Closed

WBXML = ("Content-Type", "application/vnd.ms-sync.wbxml")


def ends_after(client, low, high):
    """Waits until the server has closed, and checks when."""
    begin = time.monotonic()
    assert client.ended(high + 2), "must be closed"
    took = time.monotonic() - begin
    assert low <= took <= high, f"closed after {took:.2f} s"


def test_header_timeout_counts_the_whole_head(make_gate, upstream):
    gate = make_gate(limits={"header_timeout": "1s", "idle_timeout": "20s"}).start()
    with gate.client() as client:
        begin = time.monotonic()
        for byte in post() * 50:
            client.send_tolerant(bytes([byte]))
            time.sleep(0.05)
            if time.monotonic() - begin > 3:
                break
        assert client.ended(1), "a byte now and then doesn't buy more time"
    assert upstream.requests == []


def test_idle_timeout_before_and_between_requests(make_gate):
    gate = make_gate(limits={"idle_timeout": "1s"}).start()
    with gate.client() as client:
        ends_after(client, 0.5, 2.5)
    with gate.client() as client:
        client.request(post())
        begin = time.monotonic()
        assert client.is_closed(4)
        assert 0.5 < time.monotonic() - begin < 2.5


def test_body_timeout(make_gate):
    gate = make_gate(limits={"body_timeout": "1s"}).start()
    with gate.client() as client:
        client.send(post(body=FOLDER_SYNC_BODY + b"x" * 100)[:-50])
        ends_after(client, 0.5, 3)


@pytest.mark.timing
def test_body_rate(make_gate):
    gate = make_gate(limits={"body_rate": 500, "body_timeout": "5s"}).start()
    with gate.client() as client:
        client.send(post(body=FOLDER_SYNC_BODY + b"x" * 100_000)[:-100_000])
        begin = time.monotonic()
        while time.monotonic() - begin < 16:
            client.send_tolerant(b"x")
            time.sleep(0.2)
            if client.ended(0.01):
                break
        assert 8 < time.monotonic() - begin < 15, "too slow for a body, after 10 s"


def test_largest_body(make_gate, upstream):
    gate = make_gate(limits={"request_body": "10KiB"}).start()
    assert gate.ask(post(body=FOLDER_SYNC_BODY + b"x" * 9000)).status in (200, 403)
    count = len(upstream.requests)
    with gate.client() as client:
        client.send_tolerant(post(body=FOLDER_SYNC_BODY + b"x" * 11_000))
        assert client.read().status == 413
    chunks = b"400\r\n" + b"x" * 1024 + b"\r\n"
    body = b"%x\r\n%s\r\n" % (len(FOLDER_SYNC_BODY), FOLDER_SYNC_BODY) + chunks * 12 + b"0\r\n\r\n"
    with gate.client() as client:
        client.send_tolerant(post(framing=False, fields=[WBXML, ("Transfer-Encoding", "chunked")]) + body)
        assert client.read().status == 413
    assert len(upstream.requests) == count


def test_head_limits_are_configurable(make_gate):
    gate = make_gate(limits={"header_bytes": "2KiB", "header_count": 10}).start()
    assert gate.ask(post()).status == 200
    assert gate.ask(post(fields=[("X", "y" * 3000)])).status == 431
    assert gate.ask(post(fields=[("X", "y")] * 12)).status == 431


def test_connect_timeout(make_gate):
    """An address that swallows packets: a listener whose queue is full."""
    import socket
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        gate = make_gate(limits={"connect_timeout": "1s"})
        gate.change_instance(activesync_server=f"127.0.0.1:{port}")
        gate.start()
        begin = time.monotonic()
        assert gate.ask(post()).status in (502, 504)
        assert 0.7 < time.monotonic() - begin < 3
        for filler in fillers:
            filler.close()


def test_silent_mail_server_is_504(make_gate, upstream):
    gate = make_gate(limits={"upstream_timeout": "1s", "held_timeout": "3s"}).start()
    upstream.answer = lambda received, peer: None if peer.wait_gone(10) else None
    begin = time.monotonic()
    assert gate.ask(post()).status == 504
    assert 0.7 < time.monotonic() - begin < 2.5
    assert upstream.requests[0].connection.gone.wait(2)


def test_held_requests_have_a_limit_of_their_own(make_gate, upstream):
    gate = make_gate(limits={"upstream_timeout": "1s", "held_timeout": "3s"}).start()
    upstream.answer = lambda received, peer: None if peer.wait_gone(10) else None
    for command, body in (("Ping", PING_BODY), ("Ping", b""), ("Sync", b"")):
        begin = time.monotonic()
        with gate.client() as client:
            client.send(post(command=command, body=body))
            try:
                assert client.read().status == 504
            except Closed as closed:
                assert not closed.was_reset
        assert 2.5 < time.monotonic() - begin < 5, command


def test_client_that_does_not_read_is_cut_off(make_gate, upstream):
    gate = make_gate(limits={"write_timeout": "1s"}).start()
    upstream.answer = lambda received, peer: reply(body=b"x" * 20_000_000)
    with gate.client(receive_buffer=4096) as client:
        client.send(post())
        peer = upstream.wait_for(1).connection
        assert peer.gone.wait(8), "both sides are freed"


def test_max_connections(make_gate):
    """Accepting pauses at the limit; what is open goes on; a place that frees is taken."""
    gate = make_gate(node={"max_connections": 20, "workers": 2}).start()
    clients = [gate.client(timeout=3) for _ in range(40)]
    served = []
    for client in clients:
        client.send(post())
    for client in clients:
        try:
            client.socket.settimeout(0.3)
            served.append(client.read().status == 200)
        except (Closed, OSError):
            served.append(False)
    assert 15 <= sum(served) <= 20
    good = [client for client, fine in zip(clients, served) if fine]
    for client in good:
        client.socket.settimeout(3)
        assert client.request(post()).status == 200
        client.close()
    for client, fine in zip(clients, served):
        if not fine:
            client.socket.settimeout(5)
            try:
                assert client.read().status == 200
            except Closed:
                pass
            client.close()
    eventually(lambda: gate.ask(post()).status == 200)
    assert gate.admin("/healthz")[0] == 200


@pytest.mark.timing
def test_descriptors_run_out(make_gate, upstream):
    """Accepting pauses, no busy loop, what is held goes on, and it recovers."""
    gate = make_gate(node={"workers": 2})
    gate.prefix = ["prlimit", "--nofile=96:96"]
    gate.start()
    upstream.answer = lambda received, peer: (time.sleep(2), reply(body=b"news"))[1] if "Ping" in received.target else reply()
    with gate.client() as held:
        held.send(post(command="Ping", body=PING_BODY))
        upstream.wait_for(1)
        crowd = [gate.client(timeout=2) for _ in range(150)]
        before = cpu_seconds(gate)
        time.sleep(1.5)
        assert cpu_seconds(gate) - before < 0.5, "must not spin"
        assert held.read().body == b"news"
        for client in crowd:
            client.close()
    eventually(lambda: gate.ask(post()).status == 200, timeout=5)


def cpu_seconds(gate):
    fields = open(f"/proc/{gate.pid()}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_max_connections_that_do_not_fit_are_lowered(make_gate):
    gate = make_gate(node={"max_connections": 1_000_000})
    gate.prefix = ["prlimit", "--nofile=1024:1024"]
    gate.start()
    assert gate.said("max_connections lowered")


def test_soft_descriptor_limit_is_raised(gate):
    soft, hard = resource.prlimit(gate.pid(), resource.RLIMIT_NOFILE)
    assert soft == hard or soft >= 200_000


def test_slow_clients_do_not_disturb_others(make_gate):
    gate = make_gate(limits={"header_timeout": "5s"}).start()
    slow = []
    for number in range(300):
        client = gate.client()
        client.send((b"P", b"POST / HTTP/1.1\r\nX: ", post(body=FOLDER_SYNC_BODY)[:-5])[number % 3])
        slow.append(client)
    for _ in range(50):
        begin = time.monotonic()
        assert gate.ask(post()).status == 200
        assert time.monotonic() - begin < 1
    for client in slow:
        client.close()


def test_idle_work_costs_nothing(gate):
    clients = [gate.client() for _ in range(100)]
    time.sleep(0.5)
    before = cpu_seconds(gate)
    time.sleep(2)
    assert cpu_seconds(gate) - before < 0.1
    for client in clients:
        client.close()


def test_connections_leave_nothing_behind(gate, upstream):
    for _ in range(20):
        gate.ask(post())
    eventually(lambda: gate.ask(post()).status == 200)
    files = gate.open_files()
    for number in range(200):
        with gate.client() as client:
            client.send(post()[:30 + number % 90])
    for _ in range(100):
        gate.ask(post())
    eventually(lambda: gate.open_files() <= files + 4)


# Large bodies and memory.


def megabytes(count):
    return count * 1024 * 1024


def download(gate, upstream, size, rate=None):
    """Reads an answer of `size` bytes, at most `rate` bytes a second; returns the largest memory growth."""
    piece = b"x" * 65536

    def answer(received, peer):
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(piece)):
            peer.send(piece)
    upstream.answer = answer
    before, peak, got, begin = gate.memory_bytes(), 0, 0, time.monotonic()
    with gate.client(timeout=30) as client:
        client.send(post())
        _, fields, _ = client.read_head()
        assert dict(fields)["content-length"] == str(size)
        while got < size:
            got += len(client.take(min(65536, size - got)))
            if rate and got / rate > time.monotonic() - begin:
                time.sleep(0.01)
            if got % megabytes(1) < 65536:
                peak = max(peak, gate.memory_bytes())
    return peak - before


def test_large_download_needs_no_memory(gate, upstream):
    assert download(gate, upstream, megabytes(50)) < megabytes(8)


@pytest.mark.full
def test_200_megabytes_through_a_client_that_reads_10_a_second(gate, upstream):
    assert download(gate, upstream, megabytes(200), rate=megabytes(10)) < megabytes(4)


@pytest.mark.parametrize("chunked", [False, True])
def test_large_upload_to_a_slow_mail_server(gate, upstream, chunked):
    size, got = megabytes(30), []
    upstream.read_body = False

    def answer(received, peer):
        taken, end = len(peer.bytes), peer.bytes[-5:]
        while taken < size and not (chunked and end == b"0\r\n\r\n"):
            piece = peer.socket.recv(262144)
            taken, end = taken + len(piece), (end + piece)[-5:]
            if taken < megabytes(10):
                time.sleep(0.01)
        got.append(taken)
        return reply()
    upstream.answer = answer
    mime = ("Content-Type", "message/rfc822")
    before, peak = gate.memory_bytes(), 0
    with gate.client(timeout=30) as client:
        framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))
        client.send(post(command="SendMail", version="12.1", framing=False, fields=[mime, framing]))
        piece = b"x" * 65536
        for _ in range(size // len(piece)):
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            peak = max(peak, gate.memory_bytes())
        if chunked:
            client.send(b"0\r\n\r\n")
        assert client.read().status == 200
    assert peak - before < megabytes(8)
    assert got and got[0] >= size


@pytest.mark.timing
def test_forty_clients_that_do_not_read(gate, upstream):
    upstream.answer = lambda received, peer: reply(body=b"x" * megabytes(20))
    before = gate.memory_bytes()
    clients = []
    for _ in range(40):
        client = gate.client(receive_buffer=4096)
        client.send(post())
        clients.append(client)
    time.sleep(2)
    assert gate.memory_bytes() - before < megabytes(16)
    for client in clients:
        client.close()


def test_parallel_requests(gate, upstream):
    failures = []

    def worker(number):
        try:
            with gate.client() as client:
                for count in range(50):
                    body = FOLDER_SYNC_BODY
                    answer = client.request(post(body=body, fields=[("X-Number", f"{number}-{count}")]))
                    if (answer.status, answer.body) != (200, f"{number}-{count}".encode()):
                        failures.append(answer)
        except (Closed, OSError) as error:
            failures.append(error)
    upstream.answer = lambda received, peer: reply(body=received.value("X-Number").encode())
    threads = [threading.Thread(target=worker, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [], "every client gets its own answers"
