"""Bodies of unknown length, for a mail server that must know it."""

import os
import pathlib
import threading

import pytest
from fake_upstream import reply
from harness import eventually, post, query

HEADER = bytes.fromhex("03016A00001545500300")


def mail(size):
    return HEADER[:-1] + b"m" * size + bytes.fromhex("000101")


def head(command="SendMail", device="PHONE1"):
    return (f"POST /Microsoft-Server-ActiveSync?{query(command, device)} HTTP/1.1\r\nHost: mail.test\r\n"
            "MS-ASProtocolVersion: 14.1\r\nTransfer-Encoding: chunked\r\n\r\n").encode()


def chunks(body, size=10_000):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size))


END = b"0\r\n\r\n"


@pytest.fixture
def spooling(make_gate):
    def make(**limits):
        gate = make_gate(limits=limits, node={"workers": 2})
        gate.change_instance(upstream_chunked="length")
        return gate.start()
    return make


def test_passes_in_chunks_unless_asked_for(shared):
    assert shared.gate.ask(head() + chunks(mail(100)) + END).status == 200
    assert shared.upstream.requests[0].chunked


@pytest.mark.parametrize("size", [0, 50, 70_000, 3_000_000])
def test_a_chunked_body_arrives_with_its_length(spooling, upstream, size):
    gate = spooling()
    body = mail(size) if size else b""
    assert gate.ask(head() + chunks(body) + END).status == 200
    received = upstream.requests[0]
    assert (received.chunked, received.value("Content-Length"), received.body) == (False, str(len(body)), body)
    where = "file" if size > 65_536 else "memory"
    assert gate.metric("easgate_spooled_bodies_total", **{"in": where}) == 1
    assert not [path for path in gate.state_file.parent.iterdir() if "spool" in path.name]
    line = gate.access(command="SendMail")
    assert (line["verdict"], line["bytes_in"]) == ("allow", str(len(body)))


def kept_in_files(gate):
    """The sizes of the files without a name that the gate holds."""
    folder = pathlib.Path(f"/proc/{gate.pid()}/fd")
    return [(folder / name).stat().st_size for name in os.listdir(folder)
            if os.path.lexists(folder / name) and str(gate.state_file.parent) in os.readlink(folder / name)
            and "(deleted)" in os.readlink(folder / name)]


def test_limits(spooling, upstream):
    gate = spooling(spool_memory="1KiB", spool_body="100KiB", spool_total="150KiB")
    answer = gate.ask(head() + chunks(mail(110_000)) + END)
    assert answer.status == 413
    assert gate.access(answer.value("x-request-id"))["reason"] == "body_too_large"
    with gate.client() as first, gate.client() as second:
        for client, device in ((first, "PHONE1"), (second, "PHONE2")):
            client.send(head(device=device) + chunks(mail(70_000)))
        eventually(lambda: [size >= 65_536 for size in kept_in_files(gate)] == [True, True], what="two bodies kept")
        answer = gate.ask(head() + chunks(mail(70_000)) + END)
        assert answer.status == 503 and answer.value("retry-after")
        assert gate.access(answer.value("x-request-id"))["reason"] == "overloaded"
        first.send(END)
        assert first.read().status == 200
    eventually(lambda: gate.ask(head() + chunks(mail(90_000)) + END).status == 200, what="room again")
    assert kept_in_files(gate) == []


def test_a_full_disk(make_gate, upstream):
    """A file system of 256 KiB of its own: what doesn't fit is answered 503, and the room comes back."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small tmpfs and needs root")
    gate = make_gate(limits={"spool_memory": "4KiB"}, node={"workers": 2})
    gate.change_instance(upstream_chunked="length")
    mount = f"mount -t tmpfs -o size=256k none '{gate.state_file.parent}' && exec \"$@\""
    gate.prefix = ["unshare", "--mount", "sh", "-c", mount, "sh"]
    gate.start()
    for _ in range(3):
        answer = gate.ask(head() + chunks(mail(400_000)) + END)
        assert answer.status == 503 and answer.value("retry-after")
        assert gate.access(answer.value("x-request-id"))["reason"] == "overloaded"
        assert gate.ask(head() + chunks(mail(150_000)) + END).status == 200
    assert "No space left on device" in gate.said("a body can't be kept")[0]
    assert [len(received.body) for received in upstream.requests] == [len(mail(150_000))] * 3
    assert kept_in_files(gate) == []


def test_a_stranger_keeps_nothing(spooling, upstream):
    gate = spooling(spool_total="100KiB", spool_body="100KiB")
    with gate.client() as client:
        client.send(head(device="NOBODY7"))
        assert client.read().status == 403
    with gate.client() as client:
        client.send(head(command="FolderSync") + chunks(mail(10)))
        assert client.read().status == 403
    assert upstream.requests == []


def test_judged_again_when_it_is_whole(make_gate, upstream, mdm):
    gate = make_gate(node={"workers": 1})  # whose answer tells that it has the new states
    gate.change_instance(upstream_chunked="length")
    gate.start()
    with gate.client() as client:
        client.send(head() + chunks(mail(100)))
        mdm.set("PHONE1", "deny")
        eventually(lambda: gate.ask(post()).status == 403)
        client.send(END)
        answer = client.read()
    assert answer.status == 403
    assert gate.access(answer.value("x-request-id"))["reason"] == "device_denied"
    assert not [received for received in upstream.requests if "SendMail" in received.target]


def test_many_at_a_time(spooling, upstream):
    gate = spooling(spool_memory="4KiB")
    upstream.answer = lambda received, peer: reply(body=str(len(received.body)).encode())
    failed = []

    def send(number):
        body = mail(1000 * number)
        with gate.client() as client:
            for _ in range(3):
                answer = client.request(head(device=f"PHONE{1 + number % 2}") + chunks(body, 777) + END)
                if answer.status != 200 or answer.body != str(len(body)).encode():
                    failed.append((number, answer))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
