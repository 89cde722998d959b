#!/usr/bin/python3
"""A demo mail server that speaks enough Exchange ActiveSync for a real client's first sync.

It is a demo and a test tool, not a mail server: two users (alice and bob, both with the password
"secret"), everything in memory, mail only between the two. What it speaks, it speaks truthfully: OPTIONS,
Provision in two phases, FolderSync, Sync (waiting ones too), Ping that waits, SendMail and its kin,
Settings; protocol 12.1 to 16.1, both query forms, keep-alive, chunked requests, TLS.

    demo_mail_server.py --port 0 --cert server.crt --key server.key --log requests.jsonl --control 0

prints one JSON line on standard output once it listens: {"port": 40001, "control": 40002, "pid": 4711}.

The log has one JSON line for each request that arrived, credentials included, since tests must prove what
reached it: never point it at anything but demo accounts. A test may ask for any odd answer by the field
`X-Demo` (see demo_tricks.py). The control port speaks plain HTTP on the loopback interface:

    POST /deliver?user=alice[&subject=..]   new mail; ends waiting Pings and Syncs
    GET  /state                             counts, and what is held: {"held": {"alice/DEVICE": 1}, ...}
    GET  /requests?since=N                  the log lines after number N (the last 20,000 are kept)
    POST /default?x-demo=DIRECTIVES         for every request that has no X-Demo of its own; empty: none
    POST /close                             closes every connection that waits for a request
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import resource
import signal
import ssl
import sys
import time
import traceback
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import demo_tricks
from demo_activesync import ActiveSync
from demo_http import Answer, Channel, Gone, Malformed, Request, read_body, read_request, send
from demo_mailbox import PASSWORDS, Store

ACTIVESYNC = "/microsoft-server-activesync"


class DemoMailServer:
    def __init__(self, arguments: argparse.Namespace) -> None:
        shortest, _, longest = arguments.heartbeat.partition("-")
        self.store = Store()
        self.activesync = ActiveSync(self.store, not arguments.no_provisioning,
                                     float(shortest), float(longest))
        self.log = open(arguments.log, "a", buffering=1) if arguments.log else None
        self.recent: collections.deque[dict] = collections.deque(maxlen=20000)
        self.channels: set[Channel] = set()
        self.accepted = 0
        self.requests = 0
        self.malformed = 0
        self.broken_off = 0  # connections that ended within a request
        self.default_tricks = ""

    def channel(self) -> Channel:
        self.accepted += 1
        return Channel(self.serve, self.accepted)

    async def serve(self, channel: Channel) -> None:
        self.channels.add(channel)
        try:
            while await self.serve_one(channel):
                pass
        except Gone:
            if channel.buffer:
                self.broken_off += 1
        except Malformed as error:
            self.malformed += 1
            self.note({"malformed": str(error), "connection": channel.number,
                       "bytes": bytes(channel.buffer[:2000]).decode("latin-1")})
        except Exception:  # a bug of this program: say so where a test can see it
            traceback.print_exc()
        finally:
            self.channels.discard(channel)
            channel.close()

    async def serve_one(self, channel: Channel) -> bool:
        """One request and its answer; true if the connection stays."""
        request = await read_request(channel, self.requests + 1)
        self.requests = request.number
        text = request.get("X-Demo") or self.default_tricks
        tricks = demo_tricks.parse(text) if text else None
        try:
            if tricks is not None:
                await demo_tricks.read_body_as_asked(channel, request, tricks)
            else:
                await read_body(channel, request)
        finally:
            self.note({"time": time.time(), **demo_tricks.describe(request)})
        if tricks is not None and self.is_answered_by_tricks(tricks):
            return await demo_tricks.answer(channel, request, tricks)
        if tricks is not None and not await demo_tricks.wait(channel, tricks.number("delay")):
            return False
        return await send(channel, request, await self.answer(request, channel))

    @staticmethod
    def is_answered_by_tricks(tricks: demo_tricks.Tricks) -> bool:
        """`delay` and `slurp` alone leave the answer to ActiveSync."""
        return bool(set(tricks.single) - {"delay", "slurp"} or tricks.several)

    async def answer(self, request: Request, channel: Channel) -> Answer:
        if request.target.partition("?")[0].lower() != ACTIVESYNC:
            return Answer(404)
        return await self.activesync.answer(request, channel)

    def note(self, entry: dict) -> None:
        self.recent.append(entry)
        if self.log is not None:
            self.log.write(json.dumps(entry) + "\n")

    # The control port.

    def state(self) -> dict:
        held = {f"{user}/{device}": n for (user, device), n in self.activesync.held.items()}
        return {
            "connections": len(self.channels), "accepted": self.accepted, "requests": self.requests,
            "held": held, "held_total": sum(held.values()), "hang_ups": self.activesync.hang_ups,
            "malformed": self.malformed, "broken_off": self.broken_off,
            "mail": {u: {f: len(m) for f, m in box.folders.items() if m}
                     for u, box in self.store.mailboxes.items()},
            "devices": {f"{u}/{d}": {"provisioned": bool(x.policy_key), "information": x.information}
                        for (u, d), x in self.store.devices.items()},
        }

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = urlsplit(head.split(b" ")[1].decode())
            arguments = {n: v[0] for n, v in parse_qs(target.query).items()}
            status, body = self.control_answer(target.path, arguments)
            payload = json.dumps(body).encode() + b"\n"
            writer.write(b"HTTP/1.1 %d Done\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                         b"Connection: close\r\n\r\n" % (status, len(payload)) + payload)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def control_answer(self, path: str, arguments: dict[str, str]) -> tuple[int, object]:
        if path == "/state":
            return 200, self.state()
        if path == "/requests":
            since = int(arguments.get("since", "0"))
            return 200, [r for r in self.recent if r.get("number", 0) > since]
        if path == "/deliver":
            user = arguments.get("user", "alice")
            if user not in PASSWORDS:
                return 404, {"error": "no such user"}
            subject = arguments.get("subject", "New mail")
            self.store.deliver(user, subject, "Delivered through the control port.")
            return 200, {"delivered": user}
        if path == "/default":
            self.default_tricks = arguments.get("x-demo", "")
            return 200, {"x-demo": self.default_tricks}
        if path == "/close":
            idle = [c for c in self.channels if not c.buffer and c.requests and not c.busy]
            for channel in idle:
                channel.close()
            return 200, {"closed": len(idle)}
        return 404, {"error": "unknown"}


def tls_context(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if not arguments.cert:
        return None
    # asyncio gives every TLS connection a read buffer of 256 KiB, which 10,000 held ones can't have.
    asyncio.sslproto.SSLProtocol.max_size = 16 * 1024
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def run(arguments: argparse.Namespace) -> None:
    server = DemoMailServer(arguments)
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(server.channel, arguments.host, arguments.port, backlog=4096,
                                    ssl=tls_context(arguments))
    ready = {"port": mail.sockets[0].getsockname()[1], "pid": os.getpid(), "tls": bool(arguments.cert)}
    if arguments.control is not None:
        control = await asyncio.start_server(server.control, "127.0.0.1", arguments.control)
        ready["control"] = control.sockets[0].getsockname()[1]
    print(json.dumps(ready), flush=True)
    stop = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: stop.done() or stop.set_result(None))
    await stop
    # Not wait_closed(): clients may hold their connections for as long as they like.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port, printed")
    parser.add_argument("--control", type=int, help="control port on 127.0.0.1; 0: any free one")
    parser.add_argument("--cert", help="server certificate chain, PEM; TLS if given")
    parser.add_argument("--key", help="its private key, PEM")
    parser.add_argument("--log", help="append one JSON line for each request to this file")
    parser.add_argument("--heartbeat", default="1-3540", help="shortest-longest Ping, seconds")
    parser.add_argument("--no-provisioning", action="store_true", help="serve devices without a policy key")
    arguments = parser.parse_args()
    if bool(arguments.cert) != bool(arguments.key):
        parser.error("--cert and --key belong together")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
