"""An SMTP server (RFC 5321, the least of it) that hands each message to a function; for tests."""

from __future__ import annotations

import re
import socketserver
import threading
from typing import Callable


class _Handler(socketserver.StreamRequestHandler):
    """One connection, one command a line; enough for a submission without TLS and sign-in."""

    timeout = 30

    def handle(self) -> None:
        self.sender, self.recipients = "", []
        self.reply(220, "sink")
        while line := self.rfile.readline(4096):
            if not self.command(line.decode("latin-1").rstrip("\r\n")):
                return

    def reply(self, code: int, text: str) -> None:
        self.wfile.write(f"{code} {text}\r\n".encode())

    def command(self, line: str) -> bool:
        verb = line[:4].upper()
        address = re.search(r"<([^>]*)>", line)
        if verb == "QUIT":
            self.reply(221, "bye")
            return False
        if verb == "MAIL":
            self.sender, self.recipients = address[1] if address else "", []
        elif verb == "RCPT" and address:
            self.recipients.append(address[1])
        elif verb == "DATA":
            self.reply(354, "go on")
            self.receive()
        elif verb not in ("HELO", "EHLO", "RSET", "NOOP"):
            self.reply(502, "not known here")
            return True
        self.reply(250, "ok")
        return True

    def receive(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        for recipient in self.recipients:
            self.server.deliver(self.sender, recipient, b"".join(lines))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class SmtpSink:
    def __init__(self, deliver: Callable[[str, str, bytes], None]) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.deliver = deliver
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
