"""Exactly one access line a request, counted in the log file: whatever clients and the mail server do, in any order."""

import collections
import concurrent.futures
import random
import socket
import struct
import time

import pytest
from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, PING_BODY, eventually, options, post
from hostile_cases import CASES
from wire_client import Closed

VISITS = 150

# What the mail server does with a request, by its command.
ODD_ANSWERS = {
    "MoveItems": b"garbage\r\n\r\n",
    "Search": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "ItemOperations": reply(503, b"later", [("Connection", "close")]),
    "MeetingResponse": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
}


def mail_server(received, peer):
    for command, data in ODD_ANSWERS.items():
        if f"Cmd={command}&" in received.target:
            peer.send(data)
            peer.close()
            return None
    silent = "Cmd=Ping&" in received.target or "Cmd=Settings&" in received.target
    return None if silent else reply()


class Visitor:
    """One connection of a client with a story drawn by lot. `begun` are the device ids of the requests whose head the
    gate must have read; `answers` those to requests that bear no id of ours."""

    def __init__(self, gate, number, seed):
        self.gate, self.number = gate, number
        self.dice = random.Random(f"{seed} {number}")
        self.begun, self.request_ids, self.answers = [], [], 0

    def device(self, listed=True):
        """An id that no other request has."""
        self.begun.append(f"{'KNOWN' if listed else 'OTHER'}{self.number}X{len(self.begun)}")
        return self.begun[-1]

    def visit(self):
        story = self.dice.choice([self.good, self.pipelined, self.refused, self.odd_answer, self.timed_out,
                                  self.leaves_while_waiting, self.leaves_in_the_body, self.body_ends_nowhere,
                                  self.hostile, self.hostile, self.hostile_behind_a_good_one, self.says_nothing])
        with self.gate.client(timeout=15) as client:
            try:
                story(client)
            except (Closed, OSError):
                pass

    def read(self, client):
        answer = client.read()
        self.request_ids += answer.values("X-Request-Id")
        return answer

    def good(self, client):
        for _ in range(self.dice.randint(1, 3)):
            client.send(post(self.device(), body=FOLDER_SYNC_BODY))
            assert self.read(client).status == 200

    def pipelined(self, client):
        count = self.dice.randint(2, 4)
        client.send(b"".join(post(self.device(), body=FOLDER_SYNC_BODY) for _ in range(count)))
        assert [self.read(client).status for _ in range(count)] == [200] * count

    def refused(self, client):
        client.send(post(self.device(listed=False)) + post(self.device(), target=f"/owa/?DeviceId={self.begun[0]}"))
        self.begun.pop()  # what isn't ActiveSync names no device
        self.answers += 1
        assert [self.read(client).status for _ in range(2)] == [403, 403]

    def odd_answer(self, client):
        client.send(post(self.device(), self.dice.choice(list(ODD_ANSWERS))))
        self.read(client)

    def timed_out(self, client):
        command, body = self.dice.choice([("Settings", b""), ("Ping", PING_BODY)])
        client.send(post(self.device(), command, body=body))
        self.read(client)

    def leaves_while_waiting(self, client):
        client.send(post(self.device(), "Ping", body=PING_BODY))
        time.sleep(self.dice.choice([0.05, 0.3]))
        self.hang_up(client)

    def leaves_in_the_body(self, client):
        client.send(self.unfinished())
        time.sleep(0.1)
        self.hang_up(client)

    def body_ends_nowhere(self, client):
        client.send(self.unfinished())
        self.read(client)

    def unfinished(self):
        return post(self.device(), "SendMail", fields=[("Content-Length", "5000")], framing=False) + b"\x03\x01\x6a\x00"

    def hostile(self, client):
        client.send_tolerant(self.dice.choice(CASES)[1])
        while True:
            self.read(client)
            self.answers += 1

    def hostile_behind_a_good_one(self, client):
        client.send(post(self.device(), body=FOLDER_SYNC_BODY) + b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert [self.read(client).status for _ in range(2)] == [200, 400]
        self.answers += 1

    def says_nothing(self, client):
        """OPTIONS names no device; half a head behind it begins no request."""
        client.send(options() + post("NOBODY")[:40])
        assert self.read(client).status == 200
        self.answers += 1
        self.hang_up(client)

    def hang_up(self, client):
        if self.dice.random() < 0.5:  # a reset
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


@pytest.mark.parametrize("log_format,seed", [("text", 1), ("text", 2), ("json", 3)])
def test_each_request_has_exactly_one_line_in_the_log_file(make_gate, mdm, upstream, log_format, seed):
    upstream.answer = mail_server
    mdm.set_many([{"id": f"KNOWN{number}X{index}", "users": [], "state": "allow", "reason": ""}
                  for number in range(VISITS) for index in range(5)])
    gate = make_gate(log={"format": log_format}, limits={
        "body_timeout": "1s", "upstream_timeout": "1s", "held_timeout": "2s", "idle_timeout": "5s", "header_timeout": "2s"})
    gate.start()
    visitors = [Visitor(gate, number, seed) for number in range(VISITS)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(Visitor.visit, visitors))
    begun = [device for visitor in visitors for device in visitor.begun]
    without_id = sum(visitor.answers for visitor in visitors)
    assert len(begun) > VISITS / 2 and without_id > VISITS / 10
    eventually(lambda: len(gate.access_lines()) >= len(begun) + without_id, what="a line for each request")
    gate.stop()  # whatever would still be written is on disk then
    lines = gate.access_lines()
    by_device = collections.Counter(line["device_id"] for line in lines)
    assert {device: by_device[device] for device in begun} == dict.fromkeys(begun, 1)
    assert len(lines) == len(begun) + without_id
    by_request = collections.Counter(line["request_id"] for line in lines)
    assert set(by_request.values()) == {1}
    told = [request_id for visitor in visitors for request_id in visitor.request_ids]
    assert told and {request_id: by_request[request_id] for request_id in told} == dict.fromkeys(told, 1)
