#!/usr/bin/python3
"""SOGo with its ActiveSync module from Debian, as a real mail server for tests: PostgreSQL, memcached,
Dovecot, SOGo, a small SMTP server, and nginx in front with TLS, all on free ports of 127.0.0.1 and in one
temporary folder.

Needs root (the parts run as their own users, and /etc/sogo is replaced in a private mount namespace, so
the system's own file stays untouched) and the packages of `scripts/install-deps.sh --full`. Every part is
a child of this process and is stopped by its process id.

    sogo_server.py --cert server.crt --key server.key     brings it up, prints one JSON line, waits for Ctrl-C

Users: alice and bob, both with the password "secret", addresses alice@example.test and bob@example.test.
SOGo serves /SOGo/Microsoft-Server-ActiveSync; nginx publishes it as /Microsoft-Server-ActiveSync, where
phones and the gate look for it. SOGo can't read chunked requests; nginx gives them a length.
"""

from __future__ import annotations

import argparse
import imaplib
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from email.message import EmailMessage
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from server_parts import ServerParts, listens, wait_for
from smtp_sink import SmtpSink

POSTGRES = Path("/usr/lib/postgresql/15/bin")
PROGRAMS = [POSTGRES / "postgres", "/usr/bin/memcached", "/usr/sbin/dovecot", "/usr/sbin/sogod", "/usr/sbin/nginx"]
PASSWORD = "secret"
TEMPLATES = Path(__file__).resolve().parent


def missing_programs() -> list[str]:
    return [str(p) for p in PROGRAMS if not Path(p).exists()]


class SogoServer(ServerParts):
    """`with SogoServer(cert, key) as mail:` then `mail.port` speaks ActiveSync over TLS."""

    def __init__(self, cert: str | os.PathLike, key: str | os.PathLike) -> None:
        super().__init__("sogo", ["postgres", "memcached", "imap", "sogo", "nginx", "chunks"])
        self.cert, self.key = Path(cert).resolve(), Path(key).resolve()
        self.smtp: SmtpSink | None = None

    @property
    def port(self) -> int:
        return self.ports["nginx"]

    def start(self) -> None:
        for name in ("mail", "etc", "home", "run", "spool", "dovecot", "nginx"):
            (self.folder / name).mkdir()
        self._start_postgres()
        self._start("memcached", ["/usr/bin/memcached", "-u", "nobody", "-l", "127.0.0.1", "-U", "0", "-m", "16",
                                  "-p", str(self.ports["memcached"])])
        self.smtp = SmtpSink(lambda sender, to, message: self.deliver_bytes(to, message))
        self._start_dovecot()
        self._start_sogo()
        self._start_nginx()

    def stop(self) -> None:
        super().stop()
        if self.smtp is not None:
            self.smtp.close()

    def _fill(self, template: str, target: Path, **more) -> None:
        """Writes a template of this folder with @NAME@ replaced."""
        text = (TEMPLATES / template).read_text()
        values = {"folder": self.folder, "cert": self.cert, "key": self.key, "password": PASSWORD,
                  "smtp_port": self.smtp.port if self.smtp else 0,
                  **{f"{name}_port": port for name, port in self.ports.items()}, **more}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        target.write_text(text)

    def _start_postgres(self) -> None:
        data, port = self.folder / "postgres", self.ports["postgres"]
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        subprocess.run([POSTGRES / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                       check=True, user="postgres", group="postgres", extra_groups=[], cwd=data,
                       stdout=subprocess.DEVNULL)
        self._start("postgres", [POSTGRES / "postgres", "-D", data, "-p", port, "-k", data,
                                 "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
                    "postgres", signal.SIGINT)
        wait_for("PostgreSQL", lambda: self._sql("postgres", "postgres", "SELECT 1") == 0)
        self._sql("postgres", "postgres", "CREATE USER sogo", check=True)
        self._sql("postgres", "postgres", "CREATE DATABASE sogo OWNER sogo TEMPLATE template0", check=True)
        columns = "c_uid varchar(64) PRIMARY KEY, c_name varchar(64), c_password varchar(255), c_cn varchar(128), mail varchar(128)"
        rows = ",".join(f"('{u}','{u}','{PASSWORD}','{u.title()} Example','{u}@example.test')" for u in ("alice", "bob"))
        self._sql("sogo", "sogo", f"CREATE TABLE sogo_users ({columns}); INSERT INTO sogo_users VALUES {rows}", check=True)

    def _sql(self, user: str, database: str, statement: str, check: bool = False) -> int:
        done = subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.ports["postgres"]), "-U", user, "-q",
                               "-d", database, "-c", statement], stdout=subprocess.DEVNULL,
                              stderr=None if check else subprocess.DEVNULL, check=check)
        return done.returncode

    def _start_dovecot(self) -> None:
        shutil.chown(self.folder / "mail", "nobody", "nogroup")
        self._fill("dovecot.conf", self.folder / "dovecot" / "dovecot.conf")
        self._start("dovecot", ["/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot" / "dovecot.conf"])
        wait_for("Dovecot", lambda: self._imap("alice").logout()[0] == "BYE")

    def _imap(self, user: str) -> imaplib.IMAP4:
        connection = imaplib.IMAP4("127.0.0.1", self.ports["imap"])
        connection.login(user, PASSWORD)
        return connection

    def _start_sogo(self) -> None:
        self._fill("sogo.conf", self.folder / "etc" / "sogo.conf")
        for name in ("etc", "home", "log", "run", "spool"):
            for path in (self.folder / name, *(self.folder / name).iterdir()):
                shutil.chown(path, "sogo", "sogo")
        # sogod reads /etc/sogo/sogo.conf only; it sees our file there, and nobody else does.
        script = ('mount --make-rprivate / && mount --bind "$0/etc" /etc/sogo && cd "$0/home" && '
                  'HOME="$0/home" exec setpriv --reuid=sogo --regid=sogo --init-groups /usr/sbin/sogod '
                  '-WOUseWatchDog YES -WONoDetach YES -WOWorkersCount 6 -WOPort "127.0.0.1:$1" '
                  '-WOPidFile "$0/run/sogod.pid" -WOLogFile "$0/log/sogo.log"')
        self._start("sogo", ["unshare", "-m", "bash", "-c", script, self.folder, self.ports["sogo"]], patience=3)
        wait_for("SOGo", self._sogo_answers)

    def _sogo_answers(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['sogo']}/SOGo/", timeout=5) as answer:
            return answer.status == 200

    def _start_nginx(self) -> None:
        self._fill("nginx.conf", self.folder / "nginx" / "nginx.conf")
        self._start("nginx", ["/usr/sbin/nginx", "-p", self.folder / "nginx", "-e", self.folder / "log" / "nginx.err",
                              "-c", self.folder / "nginx" / "nginx.conf", "-g", "daemon off;"])
        wait_for("nginx", lambda: listens(self.port))

    def deliver(self, user: str, subject: str, text: str = "A message.\r\n") -> None:
        """New mail in `user`'s inbox, as a mail transport would put it there."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "test@example.test", f"{user}@example.test", subject
        message.set_content(text)
        self.deliver_bytes(user, message.as_bytes())

    def deliver_bytes(self, user: str, message: bytes) -> None:
        connection = self._imap(user.split("@")[0])
        # Dovecot counts changes (RFC 7162) from when somebody first asks; SOGo sees only counted mail.
        connection.status("INBOX", "(HIGHESTMODSEQ)")
        status, _ = connection.append("INBOX", None, None, message)
        assert status == "OK", status
        connection.select("INBOX")  # SOGo sees new mail once Dovecot's index has it
        connection.logout()

    def has_seen(self, text: str) -> bool:
        """Whether a request line with this text has reached nginx, that is, has passed the gate."""
        return text in (self.folder / "log" / "nginx.access").read_text(errors="replace")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cert", required=True, help="server certificate, PEM")
    parser.add_argument("--key", required=True, help="its private key, PEM")
    arguments = parser.parse_args()
    with SogoServer(arguments.cert, arguments.key) as mail:
        print(json.dumps({"port": mail.port, "ports": mail.ports, "folder": str(mail.folder)}), flush=True)
        try:
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
