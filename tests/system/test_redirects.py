"""Redirects of the mail server: a phone never learns an inside name, and never goes round the gate."""

import pytest
from fake_upstream import reply
from harness import FOLDER_SYNC_BODY, eventually, post
from ports import free_port

PATH = "/Microsoft-Server-ActiveSync"


@pytest.fixture
def two(make_gate):
    """A gate with two instances: `mail`, whose server we play, and `other` at mail-o.corp.example."""
    gate = make_gate()
    gate.change_instance(public_url="https://mail.example.com")
    gate.settings["instances"].append(gate.instance(
        "other", free_port(), activesync_server="mail-o.corp.example:8443", ssl=True,
        public_url="https://other.example.com/"))
    gate.settings["instances"].append(gate.instance(
        "silent", free_port(), activesync_server="mail-s.corp.example", ssl=True))
    gate.write()
    return gate.start()


def redirect(gate, status, name, value):
    gate.upstream.answer = lambda received, peer: reply(
        status, b"<a href='https://inside.corp.example/'>there</a>", [(name, value)] if value else [])
    return gate.ask(post(body=FOLDER_SYNC_BODY))


def test_451_names_the_public_url_of_the_other_instance(two):
    answer = redirect(two, 451, "X-MS-Location", "https://Mail-O.corp.example:8443/Microsoft-Server-ActiveSync")
    assert answer.status == 451
    assert answer.value("X-MS-Location") == "https://other.example.com" + PATH
    assert answer.body == b"" and b"corp.example" not in answer.head
    assert two.access(count=1, status="451", verdict="allow")


@pytest.mark.parametrize("value", [
    "https://mail-x.corp.example/Microsoft-Server-ActiveSync", "https://mail-s.corp.example/Microsoft-Server-ActiveSync",
    "https://mail.example.com/Microsoft-Server-ActiveSync", "OWN", "mail-o.corp.example:8443", "//mail-o.corp.example:8443/",
    "https://a@mail-o.corp.example:8443/", "", None])
def test_451_to_nowhere_is_503_and_in_the_log(two, value):
    value = f"http://127.0.0.1:{two.upstream.port}{PATH}" if value == "OWN" else value
    answer = redirect(two, 451, "X-MS-Location", value)
    assert answer.status == 503
    assert b"corp.example" not in answer.head + answer.body
    assert two.access(count=1, status="503", reason="upstream_redirect")
    said = eventually(lambda: [line for line in two.log_lines("redirect") if " access " not in line])
    assert (value or "nowhere in particular") in said[0] and "instance mail" in said[0]


def test_451_with_two_locations_is_503(two):
    two.upstream.answer = lambda received, peer: reply(451, b"", [
        ("X-MS-Location", f"https://mail-o.corp.example:8443{PATH}"), ("x-ms-location", "https://inside.corp.example/")])
    assert two.ask(post()).status == 503


def test_location_of_a_3xx(two):
    assert redirect(two, 302, "Location", PATH + "/").value("Location") == PATH + "/"
    answer = redirect(two, 307, "Location", f"http://127.0.0.1:{two.upstream.port}{PATH}?a=b")
    assert answer.status == 307 and answer.value("Location") == f"https://mail.example.com{PATH}?a=b"
    long = "q=" + 1900 * "x"  # the longest that is passed on has room in our answer, and a longer one ends here
    answer = redirect(two, 307, "Location", f"http://127.0.0.1:{two.upstream.port}{PATH}?{long}")
    assert answer.status == 307 and answer.value("Location") == f"https://mail.example.com{PATH}?{long}"
    assert redirect(two, 307, "Location", f"http://127.0.0.1:{two.upstream.port}{PATH}?{long * 3}").status == 503
    for inside in ("https://inside.corp.example/", f"http://127.0.0.1:{two.upstream.port}/owa", "//inside.corp.example"):
        answer = redirect(two, 302, "Location", inside)
        assert answer.status == 503 and b"corp.example" not in answer.head
    assert redirect(two, 304, "ETag", "1").status == 304


def test_the_connection_goes_on_after_a_redirect(two):
    with two.client() as client:
        for _ in range(3):
            two.upstream.answer = lambda received, peer: reply(
                451, b"x", [("X-MS-Location", f"https://mail-o.corp.example:8443{PATH}")])
            assert client.request(post(body=FOLDER_SYNC_BODY)).status == 451
            two.upstream.answer = lambda received, peer: reply(200, b"fine")
            assert client.request(post(body=FOLDER_SYNC_BODY)).body == b"fine"
