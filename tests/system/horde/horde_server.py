#!/usr/bin/python3
"""Horde's ActiveSync server from Debian, as a real mail server for tests: Horde's request handling, WBXML and state,
with a small mailbox of ours behind it (mailbox_driver.php), served by PHP's own web server on a free port of
127.0.0.1, in one temporary folder.

Needs the packages of `scripts/install-deps.sh --full`, not root.

    horde_server.py            brings it up, prints one JSON line, waits for Ctrl-C

Users: alice and bob, both with the password "secret", addresses alice@example.test and bob@example.test. Phones must
provision. What this server does that others don't:

* A request without the right policy key is answered with 449 in every version, and from 14.0 on that 449 has a body
  with status 142. The status stands in AirSync's code page, whatever the command.
* A Sync without news is answered with a document and the old key, where others send nothing at all.
* Device ids are upper-cased, and that of a base64 query is noted as hex, so a phone that changes its form of query is
  two devices. A query is taken for base64 where none of Cmd, DeviceId and DeviceType is in it in just this spelling.
* Any version is taken as the phone names it, 3.0 as well as 16.1.
* Garbage instead of WBXML is 200 with a status of the command, an unknown command 400, most other trouble 500.
* A name and a password are looked for in any Authorization, whatever its scheme.
* PHP's web server ends each connection after one answer, and its answers carry a Host field. It reads chunked bodies
  itself; other web servers before PHP were not tried.
* A held Ping looks for mail once a second and doesn't notice that the gate has gone; its process is busy until the
  heartbeat is over, so there are some to spare.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from email.message import EmailMessage
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from server_parts import ServerParts, wait_for

PHP = Path("/usr/bin/php")
NEEDED = [PHP, *(Path("/usr/share/php/Horde") / name for name in ("ActiveSync.php", "Rpc/ActiveSync.php", "Db.php"))]
PROCESSES = 8
# Errors go to a log, not into answers; Horde is older than what PHP 8 calls deprecated.
SETTINGS = ["-d", "display_errors=0", "-d", "log_errors=1", "-d", "error_reporting=E_ALL & ~E_DEPRECATED",
            "-d", "post_max_size=32M"]


def missing_programs() -> list[str]:
    return [str(p) for p in NEEDED if not p.exists()]


class HordeServer(ServerParts):
    """`with HordeServer() as mail:` then `mail.port` speaks ActiveSync over plain HTTP."""

    def __init__(self) -> None:
        super().__init__("horde", ["http"])

    @property
    def port(self) -> int:
        return self.ports["http"]

    def start(self) -> None:
        for user in ("alice", "bob"):
            (self.folder / "mail" / user).mkdir(parents=True)
        environment = os.environ | {"EASGATE_HORDE_FOLDER": str(self.folder), "PHP_CLI_SERVER_WORKERS": str(PROCESSES)}
        subprocess.run([PHP, *SETTINGS, HERE / "front.php"], env=environment, cwd=self.folder, check=True, timeout=60)
        self._start("php", [PHP, *SETTINGS, "-S", f"127.0.0.1:{self.port}", HERE / "front.php"], polite=signal.SIGINT,
                    patience=2, env=environment)
        wait_for("Horde", self._asks_for_a_password)

    def _asks_for_a_password(self) -> bool:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/Microsoft-Server-ActiveSync", method="OPTIONS")
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 401
        return False

    def deliver(self, user: str, subject: str, text: str = "A message.\r\n") -> None:
        """New mail in `user`'s inbox."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "test@example.test", f"{user}@example.test", subject
        message.set_content(text)
        whole = self.folder / f"new-{user}"
        whole.write_bytes(message.as_bytes())
        box, number = self.folder / "mail" / user, 1
        while (box / str(number)).exists():
            number += 1
        whole.rename(box / str(number))

    def offer_at_most(self, version: str) -> None:
        """As if Horde were set to an older version of ActiveSync; "" takes that back."""
        (self.folder / "newest_version").write_text(version)

    def requests(self, word: str = "") -> list[dict]:
        """What has arrived, that is, has passed the gate, where the target contains `word`."""
        file = self.folder / "log" / "requests"
        lines = file.read_text().splitlines() if file.exists() else []
        return [entry for entry in map(json.loads, lines) if word in entry["target"]]

    def devices(self) -> set[tuple[str, str]]:
        """The ids that Horde knows, each with its user."""
        with contextlib.closing(sqlite3.connect(self.folder / "state.sqlite", timeout=10)) as database:
            return set(database.execute("SELECT device_id, device_user FROM horde_activesync_device_users"))

    def said(self, word: str) -> int:
        """How often Horde's own log has it."""
        file = self.folder / "log" / "activesync"
        return file.read_text(errors="replace").count(word) if file.exists() else 0


def main() -> None:
    with HordeServer() as mail:
        print(json.dumps({"port": mail.port, "folder": str(mail.folder)}), flush=True)
        try:
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
