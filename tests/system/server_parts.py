"""What real mail servers of the tests have in common: a temporary folder, and parts that are children of this
process, each in a process group of its own, and stopped by its process id."""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def free_ports(names: list[str]) -> dict[str, int]:
    held = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: s.getsockname()[1] for name, s in held.items()}
    for s in held.values():
        s.close()
    return ports


def wait_for(what: str, check, seconds: float = 60.0):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
        except (OSError, imaplib.IMAP4.error):
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} didn't come up within {seconds:.0f} s")
        time.sleep(0.1)


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


class ServerParts:
    """`with` starts what `start` of the class starts, and stops it in any case."""

    def __init__(self, name: str, port_names: list[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"easgate-{name}."))
        self.folder.chmod(0o755)  # the parts may run as users of their own
        (self.folder / "log").mkdir()
        self.ports = free_ports(port_names)
        self.children: list[tuple[subprocess.Popen, signal.Signals, float]] = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Ends every part: politely, in the opposite order, then not."""
        for child, polite, patience in reversed(self.children):
            if child.poll() is None:
                child.send_signal(polite)
            try:
                child.wait(patience)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            # Workers may outlive their parent; the group is one that we made.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.children.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, command: list, user: str = "", polite: signal.Signals = signal.SIGTERM,
               patience: float = 10, **more) -> subprocess.Popen:
        identity = {"user": user, "group": user, "extra_groups": []} if user else {}
        with open(self.folder / "log" / f"{name}.out", "wb") as output:
            child = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True,
                                     **identity, **more)
        self.children.append((child, polite, patience))
        return child

    def logs(self) -> str:
        """The end of every part's log, for a test that failed."""
        parts = []
        for file in sorted((self.folder / "log").iterdir()):
            parts.append(f"--- {file.name}\n" + file.read_text(errors="replace")[-3000:])
        return "\n".join(parts)
