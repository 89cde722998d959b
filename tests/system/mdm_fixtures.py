"""Starts the real `easgate-mdm` for the tests: its configuration, its commands, its server, and a gate's requests."""

import gzip
import http.client
import json
import pathlib
import signal
import ssl
import subprocess
from types import SimpleNamespace

from harness import BIN, PATIENCE, eventually
from ports import free_port

EASGATE_MDM = BIN / "easgate-mdm"
DEVICES = "/api/gateway/v1/devices"
OBSERVATIONS = "/api/gateway/v1/observations"


class Companion:
    """One `easgate-mdm` with its folder. `prepare()` makes the database and one instance, hq."""

    def __init__(self, folder, pki):
        self.folder, self.pki = pathlib.Path(folder), pki
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.config_file = self.folder / "mdm.yaml"
        self.database = self.folder / "data" / "mdm.db"
        self.process = None
        self.config_file.write_text(
            f"listen: 127.0.0.1:{self.port}\ndatabase: data/mdm.db\ncertificate_file: {pki.mdm.certificate}\n"
            f"private_key_file: {pki.mdm.key}\nlog: {{directory: log, level: debug}}\n")
        (self.folder / "log").mkdir(exist_ok=True)

    def command(self, *arguments):
        """The argument vector of a command."""
        return [str(EASGATE_MDM), *map(str, arguments), "--config", str(self.config_file)]

    def run(self, *arguments, timeout=120):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False)

    def must(self, *arguments, timeout=120):
        done = self.run(*arguments, timeout=timeout)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def prepare(self):
        self.must("init")
        self.must("instance", "add", "hq", "--certificate", self.pki.identity.certificate)
        return self

    def start(self):
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(self.command("run"), stdout=errors, stderr=errors)
        eventually(self._listens, what="the companion listens")
        return self

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "stderr").read_text()
        try:
            return self.ask("GET", "/", identity=None).status == 404
        except OSError:
            return False

    def stop(self, number=signal.SIGTERM):
        """Ends the server if it runs; returns its exit status."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(number)
        return process.wait(PATIENCE)

    def log(self):
        return "".join(file.read_text() for file in sorted((self.folder / "log").iterdir()))

    def connect(self, identity="hq"):
        """A connection that shows a certificate: that of hq unless another or none is given."""
        context = ssl.create_default_context(cafile=self.pki.mdm_ca.file)
        if identity is not None:
            shown = self.pki.identity if identity == "hq" else identity
            context.load_cert_chain(shown.certificate, shown.key)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE + 30, context=context)

    def ask(self, method, path, identity="hq", body=None, fields=None):
        connection = self.connect(identity)
        try:
            connection.request(method, path, body=body, headers=fields or {})
            answer = connection.getresponse()
            return SimpleNamespace(status=answer.status, fields=answer.headers, body=answer.read())
        finally:
            connection.close()

    def devices(self, query="", identity="hq", packed=False):
        """The answer of the feed, taken apart: status, head, and devices by id."""
        answer = self.ask("GET", DEVICES + query, identity, fields={"Accept-Encoding": "gzip"} if packed else {})
        answer.head, answer.devices = None, {}
        if answer.status != 200:
            return answer
        assert answer.fields["Content-Type"] == "application/x-ndjson"
        assert answer.fields["Content-Encoding"] == ("gzip" if packed else None)
        text = gzip.decompress(answer.body) if packed else answer.body
        assert text.endswith(b"\n")
        lines = [json.loads(line) for line in text.decode().splitlines()]
        answer.head = lines[0]
        answer.devices = {line["id"]: line for line in lines[1:]}
        assert answer.head["count"] == len(lines) - 1 == len(answer.devices)
        return answer
