"""Fixtures of the system tests: certificates, an MDM server, a mail server and the gate between them."""

import pathlib
from types import SimpleNamespace

import certificates
import pytest
from fake_mdm import FakeMdm
from fake_upstream import FakeUpstream
from harness import EASGATE, Gate


def pytest_configure(config):
    config.addinivalue_line("markers", "full: long or large; only scripts/test.sh --full runs it")
    config.addinivalue_line("markers", "timing: meaningless under a sanitizer")
    if not EASGATE.is_file():
        pytest.exit(f"{EASGATE} is missing; build it or set EASGATE_BIN_DIR", 2)


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """Everything that is certified, made once."""
    folder = tmp_path_factory.mktemp("pki")
    gate_ca = certificates.Authority(folder, "gate")
    mdm_ca = certificates.Authority(folder, "mdm")
    upstream_ca = certificates.Authority(folder, "upstream")
    client_ca = certificates.Authority(folder, "client")
    return SimpleNamespace(
        folder=folder, gate_ca=gate_ca, mdm_ca=mdm_ca, upstream_ca=upstream_ca, client_ca=client_ca,
        gate=gate_ca.server("gate-server"), gate_rsa=gate_ca.server("gate-server-rsa", use_rsa=True),
        gate_second=gate_ca.server("gate-server-second"),
        mdm=mdm_ca.server("mdm-server"), upstream=upstream_ca.server("mail-server"),
        upstream_wrong_name=upstream_ca.issue("elsewhere", dns=["elsewhere.example"]),
        identity=certificates.self_signed(folder, "instance-identity"),
        second_identity=certificates.self_signed(folder, "second-identity"),
        alice=client_ca.issue("alice", client=True, email="alice@corp.example"),
        bob=client_ca.issue("bob", client=True, email="bob@corp.example"),
        stranger=certificates.Authority(folder, "stranger").issue("stranger-client", client=True))


def fill(mdm):
    """The devices that most tests use."""
    mdm.set_many([
        {"id": "PHONE1", "users": [], "state": "allow", "reason": ""},
        {"id": "PHONE2", "users": [], "state": "allow", "reason": ""},
        {"id": "DENIED", "users": [], "state": "deny", "reason": "lost"},
        {"id": "LAX", "users": [], "state": "non_compliant", "reason": "no passcode"},
        {"id": "WIPED", "users": [], "state": "wipe", "reason": ""},
        {"id": "ALICES", "users": ["alice"], "state": "allow", "reason": ""},
    ])


@pytest.fixture
def mdm(pki):
    server = FakeMdm(pki.mdm, [pki.identity, pki.second_identity])
    fill(server)
    yield server
    server.stop()


@pytest.fixture
def upstream():
    server = FakeUpstream()
    yield server
    server.stop()


@pytest.fixture
def make_gate(tmp_path, pki, mdm, upstream):
    """Makes gates that are ended after the test; not yet started."""
    made = []

    def make(**settings):
        gate = Gate(tmp_path / f"gate-{len(made)}", pki, mdm, upstream, **settings)
        made.append(gate)
        return gate

    yield make
    for gate in made:
        gate.kill()


@pytest.fixture
def gate(make_gate):
    """A running gate of the test's own."""
    return make_gate().start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, pki):
    """One running gate for a whole module, for tests that change nothing: gate, mdm, upstream."""
    mdm = FakeMdm(pki.mdm, [pki.identity])
    fill(mdm)
    upstream = FakeUpstream()
    gate = Gate(tmp_path_factory.mktemp("shared"), pki, mdm, upstream).start()
    yield SimpleNamespace(gate=gate, mdm=mdm, upstream=upstream)
    gate.kill()
    mdm.stop()
    upstream.stop()


@pytest.fixture(autouse=True)
def forget_traffic(request):
    """A shared mail server starts each test with nothing received and plain answers."""
    if "shared" in request.fixturenames:
        request.getfixturevalue("shared").upstream.reset()
    yield


@pytest.fixture(autouse=True, scope="session")
def no_left_overs():
    """Says at the end if an easgate of these tests still runs."""
    yield
    ours = [entry.name for entry in pathlib.Path("/proc").glob("[0-9]*")
            if _command(entry).startswith(str(EASGATE) + " run --config") and "/pytest-of-" in _command(entry)]
    assert not ours, f"easgate left running: {ours}"


def _command(process):
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
