"""The HTTP/1.1 side of the demo mail server: one `Channel` a connection, requests read from it.

Reads leniently (it is the judge of what the gate sends on, so it records everything and corrects
nothing) and holds 10,000 waiting requests in one process: a waiting connection owns a few small objects
and no buffer. Not a server for anything but tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from dataclasses import dataclass, field

MAX_HEAD = 128 * 1024
READ_AHEAD = 256 * 1024  # reading pauses above this
KEPT_BODY = 4 * 1024 * 1024  # what a command may look at; larger bodies are only counted and hashed


class Gone(Exception):
    """The peer has ended or broken the connection."""


class Malformed(Exception):
    """What arrived isn't HTTP."""


class Channel(asyncio.Protocol):
    """One accepted connection: bytes in with a limit, bytes out with back-pressure, and `gone`."""

    def __init__(self, serve, number: int) -> None:
        self._serve = serve
        self.number = number
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.gone: asyncio.Future | None = None  # done once the peer's end was seen
        self._wake: asyncio.Future | None = None
        self._writable: asyncio.Future | None = None
        self._paused = False
        self.ended = False
        self.busy = False  # within a request
        self.requests = 0
        self.task: asyncio.Task | None = None

    # What asyncio calls.

    def connection_made(self, transport) -> None:
        self.transport = transport
        loop = asyncio.get_running_loop()
        self.gone = loop.create_future()
        self.task = loop.create_task(self._serve(self))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > READ_AHEAD and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._ring()

    def eof_received(self) -> bool:
        # A client of HTTP that half-closes has gone, as far as the gate is concerned.
        self._end()
        return False

    def connection_lost(self, exception) -> None:
        self._end()
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def _end(self) -> None:
        self.ended = True
        if not self.gone.done():
            self.gone.set_result(None)
        self._ring()

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # What the server calls.

    async def more(self) -> None:
        """Waits until the buffer has grown. Raises Gone."""
        if self.ended:
            raise Gone
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        self._wake = asyncio.get_running_loop().create_future()
        await self._wake
        self._wake = None

    def take(self, count: int) -> bytes:
        piece = bytes(self.buffer[:count])
        del self.buffer[:count]
        return piece

    async def until(self, mark: bytes, limit: int) -> bytes:
        """Everything up to and with `mark`."""
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            if len(self.buffer) > limit:
                raise Malformed("too long")
            start = max(0, len(self.buffer) - len(mark) + 1)
            await self.more()
        return self.take(at + len(mark))

    async def write(self, data: bytes) -> None:
        if self.ended or self.transport.is_closing():
            raise Gone
        self.transport.write(data)
        if self._writable is not None:
            await self._writable

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        """Ends by a TCP reset."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


@dataclass
class Request:
    number: int
    connection: int
    raw_head: bytes
    method: str = ""
    target: str = ""
    version: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""  # the first KEPT_BODY bytes
    body_length: int = 0
    body_sha256: str = ""
    trailer: list[str] = field(default_factory=list)
    body_read: bool = False
    early: bool = False  # answered before its body was read

    def get(self, name: str, default: str = "") -> str:
        name = name.lower()
        return next((v for n, v in self.headers if n.lower() == name), default)

    def has(self, name: str) -> bool:
        return any(n.lower() == name.lower() for n, _ in self.headers)

    @property
    def keep_alive(self) -> bool:
        tokens = {t.strip().lower() for t in self.get("Connection").split(",")}
        return "close" not in tokens and (self.version != "HTTP/1.0" or "keep-alive" in tokens)


def parse_head(raw: bytes, number: int, connection: int) -> Request:
    request = Request(number, connection, raw)
    lines = raw[:-4].decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Malformed("request line")
    request.method, request.target, request.version = parts
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed("field without a colon")
        request.headers.append((name, value.strip(" \t")))
    return request


async def read_request(channel: Channel, number: int) -> Request:
    """The next head. Raises Gone (with an empty buffer: between two requests) or Malformed."""
    channel.busy = False
    raw = await channel.until(b"\r\n\r\n", MAX_HEAD)
    channel.busy = True
    channel.requests += 1
    return parse_head(raw, number, channel.number)


async def read_body(channel: Channel, request: Request, rate: float = 0.0) -> None:
    """Reads the body by its framing; `rate` bytes a second at most where it isn't 0."""
    digest = hashlib.sha256()
    kept = bytearray()

    async def consume(count: int) -> None:
        while count:
            if not channel.buffer:
                await channel.more()
            piece = channel.take(min(count, 65536))
            count -= len(piece)
            digest.update(piece)
            request.body_length += len(piece)
            if len(kept) < KEPT_BODY:
                kept.extend(piece[: KEPT_BODY - len(kept)])
            if rate:
                await asyncio.sleep(len(piece) / rate)

    try:
        if request.get("Transfer-Encoding").lower() == "chunked":
            while True:
                line = await channel.until(b"\r\n", 4096)
                try:
                    size = int(line.split(b";")[0], 16)
                except ValueError as error:
                    raise Malformed("chunk size") from error
                if size == 0:
                    break
                await consume(size)
                if await channel.until(b"\r\n", 16) != b"\r\n":
                    raise Malformed("chunk end")
            while (line := await channel.until(b"\r\n", MAX_HEAD)) != b"\r\n":
                request.trailer.append(line[:-2].decode("latin-1"))
        elif length := request.get("Content-Length"):
            if not length.isdigit():
                raise Malformed("Content-Length")
            await consume(int(length))
        request.body_read = True
    finally:
        request.body = bytes(kept)
        request.body_sha256 = digest.hexdigest()


@dataclass
class Answer:
    status: int = 200
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    close: bool = False


REASONS = {
    200: "OK", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    449: "Retry after sending a PROVISION command", 500: "Internal Server Error",
    501: "Not Implemented", 503: "Service Unavailable",
}

# What Exchange and IIS tell about themselves in every answer; the gate must take these away.
SERVER_FIELDS = [
    ("Server", "Microsoft-IIS/10.0"), ("X-Powered-By", "ASP.NET"), ("X-AspNet-Version", "4.0.30319"),
    ("X-FEServer", "DEMO-FE01"), ("X-BEServer", "demo-be01"),
    ("X-CalculatedBETarget", "demo-be01.corp.example"), ("X-DiagInfo", "DEMO-BE01"),
]


def status_line(status: int, reason: str = "", version: str = "HTTP/1.1") -> bytes:
    return f"{version} {status} {reason or REASONS.get(status, 'Status')}\r\n".encode("latin-1")


def head_bytes(answer: Answer, version: str = "HTTP/1.1") -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in answer.headers]
    return status_line(answer.status, answer.reason, version) + "".join(lines).encode("latin-1") + b"\r\n"


async def send(channel: Channel, request: Request, answer: Answer) -> bool:
    """Sends a whole answer; true if the connection stays."""
    close = answer.close or not request.keep_alive
    headers = answer.headers + SERVER_FIELDS
    if answer.status not in (204, 304):
        headers = headers + [("Content-Length", str(len(answer.body)))]
    if close:
        headers = headers + [("Connection", "close")]
    body = b"" if request.method == "HEAD" else answer.body
    await channel.write(head_bytes(Answer(answer.status, answer.reason, headers)) + body)
    return not close
