"""What the demo mail server remembers: users, their mail, and what each device has seen of it."""

from __future__ import annotations

import asyncio
import datetime
import secrets
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.utils import getaddresses

PASSWORDS = {"alice": "secret", "bob": "secret"}
DOMAIN = "corp.example"

# server id: (display name, type by [MS-ASCMD] 2.2.3.186.2)
FOLDERS = {
    "1": ("Inbox", 2), "2": ("Drafts", 3), "3": ("Deleted Items", 4), "4": ("Sent Items", 5),
    "5": ("Outbox", 6), "6": ("Calendar", 8), "7": ("Contacts", 9), "8": ("Tasks", 7),
}
INBOX, SENT = "1", "4"


@dataclass
class Mail:
    sender: str
    to: str
    subject: str
    text: str
    date: str


@dataclass
class Mailbox:
    """Folders only grow, so a sync key is one more than the number of messages a device has."""

    user: str
    folders: dict[str, list[Mail]] = field(default_factory=lambda: {f: [] for f in FOLDERS})
    waiting: set[asyncio.Future] = field(default_factory=set)

    def deliver(self, folder: str, mail: Mail) -> None:
        self.folders[folder].append(mail)
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)

    def waiter(self) -> asyncio.Future:
        future = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        future.add_done_callback(self.waiting.discard)
        return future


@dataclass
class Device:
    """One (user, device id): provisioning, positions, and requests that an empty body repeats."""

    temporary_key: str = ""
    policy_key: str = ""
    information: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)  # folder: messages that the device has
    ping_heartbeat: float | None = None
    ping_folders: list[str] = field(default_factory=list)
    last_sync: bytes = b""
    sent: set[str] = field(default_factory=set)  # ClientIds of mail it has sent


def new_policy_key() -> str:
    return str(secrets.randbelow(0xFFFFFFFE) + 1)


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Store:
    def __init__(self) -> None:
        self.mailboxes = {user: Mailbox(user) for user in PASSWORDS}
        self.devices: dict[tuple[str, str], Device] = {}
        for user, mailbox in self.mailboxes.items():
            self.deliver(user, "Welcome", f"Hello {user}, this is the demo mail server.")
            assert mailbox.folders[INBOX]

    def device(self, user: str, device_id: str) -> Device:
        return self.devices.setdefault((user, device_id.upper()), Device())

    def deliver(self, user: str, subject: str, text: str) -> None:
        mail = Mail(f"postmaster@{DOMAIN}", f"{user}@{DOMAIN}", subject, text, now())
        self.mailboxes[user].deliver(INBOX, mail)

    def submit(self, user: str, mime: bytes, save_in_sent: bool) -> bool:
        """Delivers to the recipients that live here; false if the message names no recipient."""
        message = message_from_bytes(mime, policy=policy.default)
        fields = [str(v) for name in ("To", "Cc", "Bcc") for v in message.get_all(name, [])]
        addresses = [a for _, a in getaddresses(fields) if a]
        if not addresses:
            return False
        body = message.get_body(("plain", "html"))
        text = "" if body is None else body.get_content()
        mail = Mail(f"{user}@{DOMAIN}", ", ".join(addresses), str(message.get("Subject", "")), text, now())
        for name in {a.split("@")[0].lower() for a in addresses}:
            if name in self.mailboxes:
                self.mailboxes[name].deliver(INBOX, mail)
        if save_in_sent:
            self.mailboxes[user].deliver(SENT, mail)
        return True
