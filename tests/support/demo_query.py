"""The two forms of an ActiveSync query ([MS-ASHTTP] 2.2.1.1.1.1 and 2.2.1.1.1.2), read and written."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

COMMANDS = {
    0: "Sync", 1: "SendMail", 2: "SmartForward", 3: "SmartReply", 4: "GetAttachment", 9: "FolderSync",
    10: "FolderCreate", 11: "FolderDelete", 12: "FolderUpdate", 13: "MoveItems", 14: "GetItemEstimate",
    15: "MeetingResponse", 16: "Search", 17: "Settings", 18: "Ping", 19: "ItemOperations",
    20: "Provision", 21: "ResolveRecipients", 22: "ValidateCert", 23: "Find",
}
CODES = {name: code for code, name in COMMANDS.items()}
PARAMETERS = {0: "AttachmentName", 1: "CollectionId", 3: "ItemId", 4: "LongId", 6: "Occurrence",
              7: "Options", 8: "User"}


@dataclass
class Query:
    command: str = ""
    user: str = ""
    device_id: str = ""
    device_type: str = ""
    version: str = ""  # "" where only the header can tell
    policy_key: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    base64: bool = False

    @property
    def save_in_sent(self) -> bool:
        options = self.parameters.get("Options", "\0")
        return self.parameters.get("SaveInSent") == "T" or bool(options and ord(options[0]) & 1)


def device_id_text(raw: bytes) -> str:
    """Letters and digits are the id itself; any other bytes are their upper-case hex."""
    if raw and all(chr(b).isalnum() and b < 128 for b in raw):
        return raw.decode()
    return raw.hex().upper()


def parse(query: str) -> Query:
    """Raises ValueError on what can't be read."""
    if "&" in query or "=" in query.rstrip("="):
        return _parse_plain(query)
    return _parse_base64(query)


def _parse_plain(text: str) -> Query:
    query = Query()
    for name, value in parse_qsl(text, keep_blank_values=True):
        lowered = name.lower()
        if lowered == "cmd":
            query.command = value
        elif lowered == "user":
            query.user = value
        elif lowered == "deviceid":
            query.device_id = value
        elif lowered == "devicetype":
            query.device_type = value
        else:
            query.parameters[name] = value
    return query


def _parse_base64(text: str) -> Query:
    try:
        data = base64.b64decode(unquote(text) + "=" * (-len(unquote(text)) % 4), altchars=None, validate=True)
    except binascii.Error as error:
        raise ValueError("bad base64") from error
    try:
        version, code = data[0], data[1]
        at = 4
        device, at = _block(data, at)
        key, at = _block(data, at)
        device_type, at = _block(data, at)
        query = Query(COMMANDS[code], "", device_id_text(device), device_type.decode("latin-1"),
                      f"{version // 10}.{version % 10}", base64=True)
        if key:
            query.policy_key = str(struct.unpack("<I", key)[0])
        while at < len(data):
            tag = data[at]
            value, at = _block(data, at + 1)
            if PARAMETERS.get(tag) == "User":
                query.user = value.decode("utf-8", "replace")
            elif tag in PARAMETERS:
                query.parameters[PARAMETERS[tag]] = value.decode("latin-1")
    except (IndexError, KeyError, struct.error) as error:
        raise ValueError("short or unknown") from error
    return query


def _block(data: bytes, at: int) -> tuple[bytes, int]:
    """A byte of length and so many bytes."""
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError
    return data[at + 1 : end], end


def write_base64(version: str, command: str, device_id: bytes, device_type: str,
                 policy_key: int | None = None, parameters: list[tuple[int, bytes]] | None = None) -> str:
    data = struct.pack("<BBH", int(version.replace(".", "")), CODES[command], 0x0409)
    data += bytes((len(device_id),)) + device_id
    data += b"\0" if policy_key is None else struct.pack("<BI", 4, policy_key)
    data += bytes((len(device_type),)) + device_type.encode()
    for tag, value in parameters or []:
        data += bytes((tag, len(value))) + value
    return base64.b64encode(data).decode()
