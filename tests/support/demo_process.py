"""Starts and stops the demo mail server for a test, and asks its control port."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

PROGRAM = Path(__file__).with_name("demo_mail_server.py")


class DemoServer:
    """`with DemoServer() as mail: mail.port ... mail.requests() ... mail.deliver("alice")`"""

    def __init__(self, *arguments: str, cert: str | os.PathLike = "", key: str | os.PathLike = "",
                 log: str | os.PathLike = "") -> None:
        command = ["/usr/bin/python3", str(PROGRAM), "--port", "0", "--control", "0", *arguments]
        if cert:
            command += ["--cert", str(cert), "--key", str(key)]
        if log:
            command += ["--log", str(log)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the demo mail server didn't start: exit {self.process.wait()}")
        ready = json.loads(line)
        self.port: int = ready["port"]
        self.control: int = ready["control"]

    def __enter__(self) -> DemoServer:
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.process.stdout.close()

    def ask(self, path: str, method: str = "GET", **arguments: str):
        url = f"http://127.0.0.1:{self.control}{path}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return json.load(answer)

    def state(self) -> dict:
        return self.ask("/state")

    def requests(self, since: int = 0) -> list[dict]:
        """What has arrived after request number `since`, as demo_tricks.describe() tells it."""
        return self.ask("/requests", since=str(since))

    def deliver(self, user: str = "alice", subject: str = "New mail") -> None:
        self.ask("/deliver", "POST", user=user, subject=subject)

    def default(self, directives: str = "") -> None:
        """Directives for every request that has no X-Demo of its own."""
        self.ask("/default", "POST", **({"x-demo": directives} if directives else {}))

    def close_idle(self) -> int:
        return self.ask("/close", "POST")["closed"]

    def wait_held(self, count: int, seconds: float = 10.0) -> None:
        """Until exactly `count` requests are held; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while (held := self.state()["held_total"]) != count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{held} requests are held, not {count}")
            time.sleep(0.05)
