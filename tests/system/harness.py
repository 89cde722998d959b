"""Starts the real `easgate` for the tests: writes its configuration, waits until it is ready, reads its
logs and metrics, and ends it by its process id."""

import json
import os
import pathlib
import re
import shlex
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from ports import free_port
from wire_client import WireClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("EASGATE_BIN_DIR", ROOT / "build" / "release" / "bin"))
EASGATE = BIN / "easgate"
PATH = "/Microsoft-Server-ActiveSync"

# Sanitizers and two busy cores make everything slower; limits that tests wait for are not stretched.
PATIENCE = float(os.environ.get("EASGATE_TEST_PATIENCE", "15"))


def to_yaml(value, indent=0):
    """Plain values as block YAML; every text is quoted, so that nothing is read as something else."""
    pad = "  " * indent
    if isinstance(value, dict):
        if not value:
            return " {}\n"
        text = "\n" if indent else ""
        for key, entry in value.items():
            nested = isinstance(entry, (dict, list))
            text += f"{pad}{key}:" + (to_yaml(entry, indent + 1) if nested else f" {to_yaml(entry)}\n")
        return text
    if isinstance(value, list):
        if not all(isinstance(entry, dict) for entry in value):
            return " [" + ", ".join(to_yaml(entry) for entry in value) + "]\n"
        text = "\n"
        for entry in value:
            body = to_yaml(entry, indent + 1).lstrip("\n")
            text += f"{pad}- " + body[len(pad) + 2:]
        return text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    value = str(value)
    if re.fullmatch(r"\d+(ms|s|m|h|B|KiB|MiB|GiB)?", value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def merge(base, more):
    """`more` laid over `base`; maps are merged, anything else is replaced."""
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def eventually(check, timeout=PATIENCE, what=None, every=0.02):
    """Calls `check` until it returns something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, f"{what or check} didn't happen within {timeout} s"
        time.sleep(every)


def run(*arguments, timeout=60, **more):
    """Runs `easgate` to its end."""
    return subprocess.run([str(EASGATE), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          check=False, **more)


class Gate:
    """One `easgate run`, with its folder."""

    def __init__(self, folder, pki, mdm, upstream, /, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pki, self.mdm, self.upstream = pki, mdm, upstream
        self.port, self.admin_port = free_port(), free_port()
        self.config_file = self.folder / "easgate.yaml"
        self.log_directory = self.folder / "log"
        self.log_directory.mkdir(exist_ok=True)
        self.state_file = self.folder / "state" / "devices.state"
        self.state_file.parent.mkdir(exist_ok=True)
        self.settings = merge(self._defaults(), settings)
        self.prefix = []       # a command that starts easgate, such as prlimit
        self.process = None
        self.write()

    def _defaults(self):
        files = self.pki
        return {
            "node": {"name": "node-1", "workers": 2, "admin": f"127.0.0.1:{self.admin_port}", "drain_timeout": "5s"},
            "mdm": {"url": self.mdm.url, "ca_file": files.mdm_ca.file, "state_file": self.state_file},
            "tls": {"certificate_file": files.gate.certificate, "private_key_file": files.gate.key},
            "log": {"directory": self.log_directory, "level": "debug"},
            "instances": [self.instance()],
        }

    def instance(self, name="mail", port=None, **more):
        """An instance's settings: plain HTTP on both sides unless `more` says otherwise."""
        return merge({
            "name": name, "type": "eas-proxy", "listen": f"127.0.0.1:{port or self.port}", "tls": False,
            "activesync_server": f"127.0.0.1:{self.upstream.port}", "ssl": False,
            "identity_certificate_file": self.pki.identity.certificate,
            "identity_private_key_file": self.pki.identity.key,
        }, more)

    # Configuration and process.

    def write(self, text=None):
        self.config_file.write_text(to_yaml(self.settings) if text is None else text)
        self.config_file.chmod(0o640)

    def change(self, **settings):
        """Merges into the settings and writes the file; reload() or start() puts it in force."""
        self.settings = merge(self.settings, settings)
        self.write()

    def change_instance(self, index=0, **settings):
        self.settings["instances"][index] = merge(self.settings["instances"][index], settings)
        self.write()

    def start_only(self):
        """Starts the node without waiting."""
        assert self.process is None
        self._output = open(self.folder / "output", "ab")  # noqa: SIM115 - closed in _ended
        command = [*map(str, self.prefix), str(EASGATE), "run", "--config", str(self.config_file)]
        self.process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT, cwd=self.folder)

    def start(self, ready=True):
        """Starts the node; waits for /readyz, or where `ready` is false for /healthz only."""
        self.start_only()
        try:
            self.wait("/readyz" if ready else "/healthz")
        except AssertionError:
            self.kill()
            raise
        return self

    def wait(self, path, status=200, timeout=PATIENCE):
        """Waits until the admin endpoint answers `path` with `status`."""
        def check():
            assert self.process.poll() is None, f"easgate ended with {self.process.returncode}: {self.output()}"
            answer = self.admin(path)
            return answer if answer and answer[0] == status else None
        try:
            return eventually(check, timeout, f"{path} {status}")
        except AssertionError as error:
            raise AssertionError(f"{error}\nlast answer: {self.admin(path)}\n{self.output()}\n"
                                 + "\n".join(self.log_lines()[-30:])) from None

    def output(self):
        """What the node printed on standard output and error."""
        file = self.folder / "output"
        return file.read_text(errors="replace") if file.exists() else ""

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        """SIGHUP, and waits until the node has said in its log how the reload went; returns that line."""
        before = len(self.log_lines("reload"))
        self.signal(signal.SIGHUP)
        return eventually(lambda: self.log_lines("reload")[before:], what="a log line about the reload")[-1]

    def stop(self, timeout=None):
        """SIGTERM; returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self._ended(timeout or PATIENCE + 5)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"easgate didn't stop:\n{self.output()}") from None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self._ended(10)

    def _ended(self, timeout):
        status = self.process.wait(timeout)
        self.process = None
        self._output.close()
        assert "Sanitizer" not in self.output(), self.output()
        return status

    def pid(self):
        """The process id of easgate itself, also where a prefix command stands before it (they exec)."""
        return self.process.pid

    # Looking at it.

    def admin(self, path):
        """(status, text) of the admin endpoint; None if it can't be reached."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, ValueError):
            return None

    def metrics(self):
        """{name with labels: value} of /metrics."""
        status, text = self.admin("/metrics")
        assert status == 200
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def metric(self, name, **labels):
        """The sum of all series of that name that have these labels."""
        total = 0.0
        for series, value in self.metrics().items():
            if series.split("{")[0] == name and all(f'{key}="{text}"' in series for key, text in labels.items()):
                total += value
        return total

    def log_file(self):
        return self.log_directory / f"EASProxy.log.{time.strftime('%Y-%m-%d')}"

    def log_lines(self, word=""):
        """All complete lines of all log files that contain `word`."""
        lines = []
        for file in sorted(self.log_directory.glob("EASProxy.log.*")):
            lines += file.read_text(errors="surrogateescape").split("\n")[:-1]
        return [line for line in lines if word.lower() in line.lower()]

    def said(self, word):
        """Waits until a line of the log contains `word` and returns those that do: a line may be written up to a second
        after what it tells of."""
        return eventually(lambda: self.log_lines(word), what=f"a log line with {word!r}")

    def access_lines(self):
        """Access lines as dicts by the names of docs/logs.md, text and JSON alike."""
        return [parsed for parsed in map(parse_access, self.log_lines()) if parsed]

    def access(self, request_id=None, count=None, timeout=5, **wanted):
        """Waits for an access line (by request id, or by values of its fields) and returns it."""
        def check():
            found = [line for line in self.access_lines()
                     if (request_id is None or line["request_id"] == request_id)
                     and all(str(line[key]) == str(value) for key, value in wanted.items())]
            return found if len(found) >= (count or 1) else None
        return eventually(check, timeout, f"an access line with {request_id or wanted}")[-1]

    def memory_bytes(self):
        """Resident memory of the process."""
        text = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid()}/fd"))

    # Talking to it.

    def client(self, port=None, **more):
        return WireClient(port or self.port, **more)

    def tls_context(self, identity=None, trust=None):
        context = ssl.create_default_context(cafile=str(trust or self.pki.gate_ca.file))
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        return context

    def tls_client(self, identity=None, port=None, trust=None, **more):
        return WireClient(port or self.port, tls=self.tls_context(identity, trust), **more)

    def ask(self, data, port=None):
        """One request on a connection of its own."""
        with self.client(port) as client:
            return client.request(data)


ACCESS_NAMES = ["time", "kind", "node", "instance", "request_id", "client", "user", "device_id", "device_type",
                "command", "protocol", "user_agent", "verdict", "reason", "status", "bytes_in", "bytes_out",
                "total_ms", "upstream_ms"]


def split_quoted(line):
    """Splits a text access line at its spaces; a quoted value is one, without its quotes."""
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    return [quoted or plain for quoted, plain in pieces]


def parse_access(line):
    """A dict of an access line, else None."""
    if line.startswith("{"):
        fields = json.loads(line)
        values = list(fields.values())
        return dict(zip(ACCESS_NAMES, values)) if "access" in values[:2] else None
    pieces = split_quoted(line)
    if len(pieces) < 2 or pieces[1] != "access":
        return None
    assert len(pieces) == len(ACCESS_NAMES), f"{len(pieces)} values: {line}"
    return dict(zip(ACCESS_NAMES, pieces))


def query(command="FolderSync", device="PHONE1", user="alice", kind="Phone"):
    return f"Cmd={command}&User={user}&DeviceId={device}&DeviceType={kind}"


def post(device="PHONE1", command="FolderSync", user="alice", body=b"", fields=(), target=None, host="mail.test",
         version="14.1", agent="TestPhone/1.0", password=None, framing=True):
    """The bytes of an ActiveSync request. `fields`: further (name, value); `password` adds Basic."""
    import base64
    lines = [f"POST {target or PATH + '?' + query(command, device, user)} HTTP/1.1", f"Host: {host}"]
    if version:
        lines.append(f"MS-ASProtocolVersion: {version}")
    if agent is not None:
        lines.append(f"User-Agent: {agent}")
    if password is not None:
        lines.append("Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    if body:
        lines.append("Content-Type: application/vnd.ms-sync.wbxml")
    lines += [f"{name}: {value}" for name, value in fields]
    if framing:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def options(fields=()):
    lines = [f"OPTIONS {PATH} HTTP/1.1", "Host: mail.test"] + [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


# Smallest documents whose root element is that of the command ([MS-ASWBXML] 2.1.2.1).
PING_BODY = bytes.fromhex("03016a00000d45480338300001494a4b03310001" "4c03456d61696c00010101 01".replace(" ", ""))
FOLDER_SYNC_BODY = bytes.fromhex("03016a0000075652033000010 1".replace(" ", ""))
# Ping, Status 1: how the gate ends a held Ping.
NOTHING_NEW = bytes.fromhex("03016a00000d45470331000101")


def shell(arguments):
    return " ".join(shlex.quote(str(entry)) for entry in arguments)


def wait_port(port, timeout=PATIENCE):
    """Waits until something listens there."""
    def check():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    return eventually(check, timeout, f"a listener on port {port}")
