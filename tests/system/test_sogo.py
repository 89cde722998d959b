"""SOGo from Debian, a real mail server, behind the gate."""

import json
import subprocess
import time

import pytest
from harness import EASGATE, eventually, options, run
from sogo import PASSWORD, USER, Sogo

pytestmark = pytest.mark.full
BASIC = ("Authorization", "Basic YWxpY2U6c2VjcmV0")


@pytest.fixture(scope="module")
def sogo(pki):
    server = Sogo(pki.upstream)
    yield server
    server.stop()


@pytest.fixture
def sogo_gate(make_gate, pki, sogo, mdm):
    gate = make_gate()
    gate.change_instance(tls=True, ssl=True, activesync_server=f"localhost:{sogo.port}", backend_ca_file=pki.upstream_ca.file)
    mdm.set("SOGOPHONE1", users=[USER])
    return gate.start()


def phone(gate, *more):
    password = gate.folder / "pw"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    return run("phone", f"https://localhost:{gate.port}", "--ca", gate.pki.gate_ca.file, "--user", USER, "--password-file",
               password, "--protocol", "14.1", *more, timeout=120)


def test_options(sogo_gate):
    with sogo_gate.tls_client(timeout=60) as client:
        answer = client.request(options([BASIC]))
        assert answer.status == 200
        assert "14.1" in answer.value("ms-asprotocolversions")


def test_a_phones_first_sync_and_a_ping(sogo_gate, sogo):
    sogo.deliver()
    done = phone(sogo_gate, "--device-id", "SOGOPHONE1", "--steps", "options,provision,foldersync,sync,ping", "--ping", "10")
    assert done.returncode == 0, done.stdout + done.stderr + sogo.log()[-3000:]
    lines = [line for line in sogo_gate.access_lines() if line["device_id"] == "SOGOPHONE1"]
    assert {"Provision", "FolderSync", "Sync", "Ping"} <= {line["command"] for line in lines}
    assert all((line["verdict"], line["status"]) == ("allow", "200") for line in lines), json.dumps(lines, indent=1)


def test_an_unknown_phone_with_the_right_password(sogo_gate):
    assert phone(sogo_gate, "--device-id", "UNKNOWN", "--steps", "foldersync").returncode == 1
    assert sogo_gate.access(device_id="UNKNOWN")["reason"] == "device_unknown"


def test_a_held_ping_ends_when_the_device_is_denied(sogo_gate, mdm):
    command = [EASGATE, "phone", f"https://localhost:{sogo_gate.port}", "--ca", sogo_gate.pki.gate_ca.file, "--user", USER,
               "--password", PASSWORD, "--protocol", "14.1", "--device-id", "SOGOPHONE1", "--steps",
               "options,provision,foldersync,sync,ping", "--ping", "10"]
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL) as process:
        eventually(lambda: sogo_gate.metric("easgate_held_connections") >= 1, timeout=60)
        mdm.set("SOGOPHONE1", "deny", users=[USER])
        begin = time.monotonic()
        assert process.wait(8) == 1
        assert time.monotonic() - begin < 2
