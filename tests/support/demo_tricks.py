"""Answers on request: the field `X-Demo` makes the demo mail server behave as a test needs it.

    X-Demo: delay=2; status=503; body=1000; chunked

Parts are separated by `;`. What can be asked:

    delay=SECONDS       wait before the answer (a client that hangs up meanwhile is noted)
    status=N            this status instead of 200 (204 and 304 have no body)
    reason=TEXT         this reason phrase
    body=N              a body of N bytes (a repeating pattern that `pattern()` builds)
    text=TEXT           this body (percent-encoded)
    header=NAME:VALUE   one more field; percent-encoded; may be repeated
    echo                the request as it arrived, as JSON, is the body
    chunked             the body in chunks; `piece=N` bytes each (default 16384)
    trailer=NAME:VALUE  a trailer after the chunks
    pace=SECONDS        wait between two pieces
    until-close         no length; the end of the connection ends the body
    http10              the answer is HTTP/1.0
    close               Connection: close, and so it is
    hangup              the connection is closed after the answer without having said so
    informational=N     a 1xx answer first (`103`, `100`, also `101`); may be repeated
    early               the answer goes out before the request's body is read, then the connection is closed
    slurp=RATE          the request's body is read at RATE bytes a second
    hang                no answer at all, until the client goes
    cut=N               the connection ends cleanly after N bytes of the answer's body
    reset / reset=N     a TCP reset instead of the answer, or after N bytes of its body
    raw=BASE64          exactly these bytes are the answer (the connection stays, unless `close`)
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from urllib.parse import unquote

from demo_http import Answer, Channel, Gone, Request, head_bytes, read_body, status_line

_PATTERN = bytes(range(256)) * 256
_TWICE = _PATTERN * 2


def pattern(length: int) -> bytes:
    """The first `length` bytes of the body that `body=N` makes."""
    return (_PATTERN * (length // len(_PATTERN) + 1))[:length]


@dataclass
class Tricks:
    single: dict[str, str] = field(default_factory=dict)
    several: list[tuple[str, str]] = field(default_factory=list)  # header, trailer, informational

    def has(self, name: str) -> bool:
        return name in self.single

    def number(self, name: str, default: float = 0.0) -> float:
        return float(self.single.get(name) or default)

    def all(self, name: str) -> list[str]:
        return [v for n, v in self.several if n == name]


def parse(text: str) -> Tricks:
    tricks = Tricks()
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name in ("header", "trailer", "informational"):
            tricks.several.append((name, unquote(value)))
        elif name:
            tricks.single[name] = value
    return tricks


def describe(request: Request) -> dict:
    """The request as one JSON object: a line of the log and the body of `echo`."""
    return {
        "number": request.number, "connection": request.connection, "method": request.method,
        "target": request.target, "version": request.version, "headers": request.headers,
        "body_length": request.body_length, "body_sha256": request.body_sha256,
        "body_complete": request.body_read, "trailer": request.trailer,
        "head": request.raw_head.decode("latin-1"),
    }


def _fields(texts: list[str]) -> list[tuple[str, str]]:
    return [(n, v.strip()) for n, _, v in (t.partition(":") for t in texts)]


def _body(tricks: Tricks, request: Request) -> bytes | None:
    if tricks.has("echo"):
        return json.dumps(describe(request)).encode()
    if tricks.has("text"):
        return unquote(tricks.single["text"]).encode()
    return None


async def wait(channel: Channel, seconds: float) -> bool:
    """Waits; false if the peer went meanwhile."""
    done, _ = await asyncio.wait({channel.gone}, timeout=seconds)
    return not done


async def _send_body(channel: Channel, tricks: Tricks, fixed: bytes | None, length: int) -> bool:
    """Sends the body in pieces, as asked; false if the connection was ended on the way."""
    chunked = tricks.has("chunked")
    piece = int(tricks.number("piece", 16384 if chunked else 65536))
    stop = int(tricks.number("cut", tricks.number("reset", -1)))
    pace = tricks.number("pace")
    sent = 0
    while sent < length:
        count = min(piece, length - sent)
        if 0 <= stop < sent + count:
            count = stop - sent
        if fixed is not None:
            data = fixed[sent : sent + count]
        else:
            offset = sent % len(_PATTERN)
            data = _TWICE[offset : offset + count]
            while len(data) < count:
                data += _PATTERN[: count - len(data)]
        if data:
            await channel.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
        sent += count
        if sent == stop:
            channel.reset() if tricks.has("reset") else channel.close()
            return False
        if pace and not await wait(channel, pace):
            return False
    if chunked:
        trailer = "".join(f"{n}: {v}\r\n" for n, v in _fields(tricks.all("trailer")))
        await channel.write(b"0\r\n" + trailer.encode("latin-1") + b"\r\n")
    return True


async def answer(channel: Channel, request: Request, tricks: Tricks) -> bool:
    """Does what was asked; true if the connection stays. The body of the request has been read,
    unless `early` was asked."""
    if tricks.has("hang"):
        await channel.gone
        return False
    if not await wait(channel, tricks.number("delay")):
        return False
    if tricks.has("reset") and not tricks.single["reset"]:
        channel.reset()
        return False
    close = tricks.has("close") or request.early or not request.keep_alive
    if "raw" in tricks.single:
        await channel.write(base64.b64decode(tricks.single["raw"]))
        return not close
    for status in tricks.all("informational"):
        await channel.write(status_line(int(status), "Informational") + b"\r\n")
    fixed = _body(tricks, request)
    length = len(fixed) if fixed is not None else int(tricks.number("body"))
    status = int(tricks.number("status", 200))
    headers = _fields(tricks.all("header"))
    if tricks.has("until-close"):
        close = True
    elif tricks.has("chunked"):
        headers.append(("Transfer-Encoding", "chunked"))
    elif status not in (204, 304):
        headers.append(("Content-Length", str(length)))
    if close and not tricks.has("until-close"):
        headers.append(("Connection", "close"))
    version = "HTTP/1.0" if tricks.has("http10") else "HTTP/1.1"
    reason = unquote(tricks.single.get("reason", ""))
    await channel.write(head_bytes(Answer(status, reason, headers), version))
    if status not in (204, 304) and request.method != "HEAD":
        if not await _send_body(channel, tricks, fixed, length):
            return False
    if request.early:
        await _discard(channel, 2.0)
    return not (close or tricks.has("hangup"))


async def _discard(channel: Channel, seconds: float) -> None:
    """Reads on without looking, so that closing doesn't reset the connection under the answer."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (left := deadline - loop.time()) > 0:
        channel.buffer.clear()
        try:
            await asyncio.wait_for(channel.more(), left)
        except (Gone, asyncio.TimeoutError):
            return


async def read_body_as_asked(channel: Channel, request: Request, tricks: Tricks) -> None:
    if tricks.has("early"):
        request.early = True
    else:
        await read_body(channel, request, tricks.number("slurp"))
