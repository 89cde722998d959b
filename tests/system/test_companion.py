"""easgate-mdm and easgate together: what an administrator does there is what phones meet here."""

import hashlib
import json
import subprocess
import time

import pytest
from harness import BIN, FOLDER_SYNC_BODY, PING_BODY, Gate, eventually, post, run, to_yaml, wait_port
from ports import free_port
from wire_client import Closed


class Companion:
    """`easgate-mdm` with a database of its own; stands in for FakeMdm."""

    def __init__(self, folder, pki):
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        self.config = folder / "mdm.yaml"
        self.config.write_text(to_yaml({
            "listen": f"127.0.0.1:{self.port}", "certificate_file": pki.mdm.certificate, "private_key_file": pki.mdm.key,
            "database": folder / "mdm.db", "log": {"directory": folder}}))
        self.config.chmod(0o640)
        self.url = f"https://127.0.0.1:{self.port}"
        self.process = None
        assert self.run("init").returncode == 0
        done = self.run("instance", "add", "mail", "--certificate", pki.identity.certificate)
        assert done.returncode == 0, done.stderr

    def run(self, *arguments, timeout=60):
        return subprocess.run([BIN / "easgate-mdm", "--config", self.config, *map(str, arguments)], capture_output=True,
                              text=True, timeout=timeout, check=False)

    def device(self, *arguments):
        done = self.run("device", *arguments)
        assert done.returncode == 0, done.stderr + done.stdout

    def start(self):
        self.process = subprocess.Popen([BIN / "easgate-mdm", "--config", self.config, "run"],
                                        stdout=open(self.folder / "output", "ab"), stderr=subprocess.STDOUT)
        wait_port(self.port)
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def companion(tmp_path, pki):
    server = Companion(tmp_path / "mdm", pki)
    yield server
    server.kill()


@pytest.fixture
def gate_of(tmp_path, pki, companion, upstream):
    made = Gate(tmp_path / "gate", pki, companion, upstream)
    yield made
    made.kill()


def test_keys_reach_the_gate(companion, gate_of, pki):
    gate_of.change_instance(tls=True, require_client_certificate=True, client_ca_file=pki.client_ca.file, bind="certificate")
    companion.device("add", "PHONE1", "--key", "00" * 32)
    companion.start()
    gate_of.start()

    def ask(identity):
        with gate_of.tls_client(identity) as client:
            return client.request(post("PHONE1", body=FOLDER_SYNC_BODY, password="right")).status
    assert ask(pki.alice) == 403
    assert gate_of.access(reason="bound_key")["device_id"] == "PHONE1"
    public = subprocess.run(["openssl", "x509", "-in", pki.alice.certificate, "-noout", "-pubkey"],
                            capture_output=True, check=True).stdout
    key = hashlib.sha256(subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public,
                                        capture_output=True, check=True).stdout).hexdigest()
    companion.device("set", "PHONE1", "--key", "00" * 32, "--key", key.upper())
    eventually(lambda: ask(pki.alice) == 200, timeout=3)
    assert ask(pki.bob) == 403

    def reason_at_gate():
        done = run("devices", "--config", gate_of.config_file, "PHONE1", "--format", "json")
        return json.loads(done.stdout)[0]["reason"]
    # What isn't named stays.
    companion.device("set", "PHONE1", "--reason", "moved")
    eventually(lambda: reason_at_gate() == "moved", timeout=3)
    assert (ask(pki.bob), ask(pki.alice)) == (403, 200)
    file = companion.folder / "phones.csv"
    file.write_text("id,reason\nPHONE1,moved again\n")
    companion.device("import", file)
    eventually(lambda: reason_at_gate() == "moved again", timeout=3)
    assert (ask(pki.bob), ask(pki.alice)) == (403, 200)
    file.write_text(f"id,keys\nPHONE1,{'00' * 32}\n")
    companion.device("import", file)
    eventually(lambda: ask(pki.alice) == 403, timeout=3)
    companion.device("set", "PHONE1", "--any-key")
    eventually(lambda: ask(pki.bob) == 200, timeout=3)
    assert companion.run("device", "set", "PHONE1", "--key", "12").returncode == 64


def test_states_reach_the_gate(companion, gate_of):
    companion.device("add", "PHONE1", "--user", "alice")
    companion.device("add", "PHONE2", "--state", "deny", "--reason", "lost")
    companion.start()
    gate_of.start()
    assert gate_of.ask(post("PHONE1")).status == 200
    assert gate_of.ask(post("PHONE1", user="bob")).status == 403
    assert gate_of.ask(post("PHONE2")).status == 403
    companion.device("set", "PHONE2", "--state", "allow")
    eventually(lambda: gate_of.ask(post("PHONE2")).status == 200, timeout=3)
    companion.device("remove", "PHONE1")
    eventually(lambda: gate_of.ask(post("PHONE1")).status == 403, timeout=3)


def test_a_change_ends_a_held_ping_within_a_second(companion, gate_of, upstream):
    companion.device("add", "PHONE1")
    companion.start()
    gate_of.start()
    upstream.answer = lambda received, peer: peer.wait_gone(60) and None
    with gate_of.client() as client:
        client.send(post(command="Ping", body=PING_BODY))
        upstream.wait_for(1)
        companion.device("set", "PHONE1", "--state", "non_compliant")
        begin = time.monotonic()
        try:
            client.read()
        except Closed as closed:
            assert not closed.was_reset
        assert time.monotonic() - begin < 1


def test_nothing_acknowledged_is_lost_by_a_kill(companion, gate_of):
    companion.start()
    for number in range(5):
        companion.device("add", f"KEPT{number}")
        companion.kill()
        companion.start()
    listed = companion.run("device", "list").stdout
    assert all(f"KEPT{number}" in listed for number in range(5))
    gate_of.start()
    assert gate_of.ask(post("KEPT4")).status == 200


def test_an_identity_that_was_not_uploaded_gets_nothing(companion, gate_of, pki):
    companion.device("add", "PHONE1")
    companion.start()
    gate_of.change_instance(identity_certificate_file=pki.second_identity.certificate,
                            identity_private_key_file=pki.second_identity.key)
    gate_of.start(ready=False)
    time.sleep(1.5)
    assert gate_of.ask(post()).status == 503


def test_csv_import(companion, gate_of):
    file = companion.folder / "phones.csv"
    file.write_text('id,users,state,reason\nCSV1,alice;bob,allow,\nCSV2,,deny,"lost, stolen"\n')
    companion.device("import", file)
    companion.start()
    gate_of.start()
    assert gate_of.ask(post("CSV1", user="bob")).status == 200
    assert gate_of.ask(post("CSV1", user="carol")).status == 403
    assert gate_of.ask(post("CSV2")).status == 403


@pytest.mark.full
def test_a_million_devices(companion, gate_of):
    """Full sync in under 60 s, 160 bytes a device, and changes go on arriving within a second."""
    file = companion.folder / "million.csv"
    with open(file, "w") as out:
        out.write("id,users,state,reason\n")
        for number in range(1_000_000):
            out.write(f"DEVICE{number:012d},user{number}@corp.example,allow,\n")
    done = companion.run("device", "import", file, timeout=600)
    assert done.returncode == 0, done.stderr
    companion.start()
    begin = time.monotonic()
    gate_of.start_only()
    gate_of.wait("/readyz", timeout=90)
    assert time.monotonic() - begin < 60
    assert gate_of.metric("easgate_devices") == 1_000_000
    def last_phone():
        return gate_of.ask(post("DEVICE000000999999", user="user999999%40corp.example")).status

    assert last_phone() == 200
    # The first change comes while the table is still being stored.
    for state, status in (("deny", 403), ("allow", 200), ("non_compliant", 403)):
        companion.device("set", "DEVICE000000999999", "--state", state)
        begin = time.monotonic()
        eventually(lambda wanted=status: last_phone() == wanted)
        assert time.monotonic() - begin < 1.5
    gate_of.stop()
    companion.kill()
    gate_of.start()
    assert gate_of.memory_bytes() < 300 * 1024 * 1024, "table and program, without the peak of the first load"
