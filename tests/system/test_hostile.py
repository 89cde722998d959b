"""Several hundred raw requests of which none may reach the mail server (hostile_cases.py)."""

import pytest
from harness import options, post
from hostile_cases import CASES, CONTROL_CASES
from wire_client import Closed


def answer_of(client, data):
    """The status of the answer; a server that answers before it has read all may reset our writing."""
    client.send_tolerant(data)
    try:
        return client.read(bodiless=data.startswith(b"HEAD")).status
    except Closed as closed:
        return f"no answer: {closed}"


@pytest.mark.parametrize("data,statuses", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_refused(shared, data, statuses):
    with shared.gate.client(timeout=5) as client:
        status = answer_of(client, data)
        assert status in statuses
        if status not in (403,):
            assert client.ended(), "the connection must be closed after what can't be read"
    assert [received.line for received in shared.upstream.requests] == []
    assert shared.upstream.odd == []


@pytest.mark.parametrize("data", [case[1] for case in CONTROL_CASES], ids=[case[0] for case in CONTROL_CASES])
def test_odd_but_right_passes(shared, data):
    with shared.gate.client(timeout=5) as client:
        assert answer_of(client, data) == 200
    assert len(shared.upstream.requests) == 1


@pytest.mark.parametrize("split", [1, 2, 7, 64])
def test_the_result_does_not_depend_on_how_the_bytes_arrive(shared, split):
    """A sample of the table, sent in pieces."""
    for _, data, statuses in [case for case in CASES if len(case[1]) < 400][::25]:
        with shared.gate.client(timeout=10) as client:
            for start in range(0, len(data), split):
                client.send_tolerant(data[start:start + split])
            assert answer_of(client, b"") in statuses
    assert shared.upstream.requests == []


def test_a_refused_body_is_not_taken_for_a_request(shared):
    """What follows a 403 is its body, never the next request."""
    inner = post()
    outer = post(device="DENIED", body=inner)
    with shared.gate.client() as client:
        assert client.request(outer).status == 403
        assert client.request(options()).status == 200
    assert [received.method for received in shared.upstream.requests] == ["OPTIONS"]


def test_nothing_after_a_400_is_read(shared):
    with shared.gate.client() as client:
        client.send_tolerant(b"POST / HTTP/1.1\r\nHost : x\r\n\r\n" + post())
        assert client.read().status == 400
        assert client.ended()
    assert shared.upstream.requests == []


def test_tls_listener_closes_plain_http(make_gate, pki, upstream):
    gate = make_gate()
    gate.change_instance(tls=True)
    gate.start()
    with gate.client() as client:
        client.send_tolerant(post())
        assert client.ended()
    assert upstream.requests == []


def test_the_hostile_table_is_large():
    """The corpus is the proof; nobody may shrink it unnoticed."""
    assert len(CASES) > 700 and len(CONTROL_CASES) > 20
