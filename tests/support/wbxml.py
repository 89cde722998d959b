"""ActiveSync's binary XML for tests: just the pages that the demo mail server and the system tests need.

An element is `Element(name, content)`; the name is `Namespace:Tag` ([MS-ASWBXML] 2.1.2.1), the content
None (`<x/>`), a str (inline text), bytes (opaque) or a list of elements. A token that isn't in the tables
is kept as `7:3F` (page and token), so that decoding and encoding give back the same bytes.

This is test code: the gate has a reader of its own, and the two must not share mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

HEADER = b"\x03\x01\x6a\x00"  # WBXML 1.3, public id 1, UTF-8, no string table
MAX_DEPTH = 32

SWITCH_PAGE, END, STR_I, OPAQUE = 0x00, 0x01, 0x03, 0xC3

# page: (namespace, "TOKEN:Tag ...") from [MS-ASWBXML] 2.1.2.1.
_PAGES = {
    0: ("AirSync", "05:Sync 06:Responses 07:Add 08:Change 09:Delete 0A:Fetch 0B:SyncKey 0C:ClientId"
        " 0D:ServerId 0E:Status 0F:Collection 10:Class 12:CollectionId 13:GetChanges 14:MoreAvailable"
        " 15:WindowSize 16:Commands 17:Options 18:FilterType 1C:Collections 1D:ApplicationData"
        " 1E:DeletesAsMoves 22:MIMESupport 23:MIMETruncation 24:Wait 25:Limit 26:Partial"
        " 29:HeartbeatInterval"),
    2: ("Email", "0F:DateReceived 11:DisplayTo 12:Importance 13:MessageClass 14:Subject 15:Read 16:To"
        " 17:Cc 18:From 19:ReplyTo 35:ThreadTopic 39:InternetCPID"),
    5: ("Move", "05:MoveItems 0A:Response 0B:Status"),
    6: ("GetItemEstimate", "05:GetItemEstimate 07:Collections 08:Collection 09:Class 0A:CollectionId"
        " 0C:Estimate 0D:Response 0E:Status"),
    7: ("FolderHierarchy", "07:DisplayName 08:ServerId 09:ParentId 0A:Type 0C:Status 0E:Changes 0F:Add"
        " 10:Delete 11:Update 12:SyncKey 13:FolderCreate 14:FolderDelete 15:FolderUpdate 16:FolderSync"
        " 17:Count"),
    8: ("MeetingResponse", "07:MeetingResponse 08:RequestId 09:Request 0A:Result 0B:Status"),
    10: ("ResolveRecipients", "05:ResolveRecipients 06:Response 07:Status 10:To"),
    11: ("ValidateCert", "05:ValidateCert 0A:Status"),
    13: ("Ping", "05:Ping 07:Status 08:HeartbeatInterval 09:Folders 0A:Folder 0B:Id 0C:Class"
         " 0D:MaxFolders"),
    14: ("Provision", "05:Provision 06:Policies 07:Policy 08:PolicyType 09:PolicyKey 0A:Data 0B:Status"
         " 0C:RemoteWipe 0D:EASProvisionDoc 0E:DevicePasswordEnabled"
         " 0F:AlphanumericDevicePasswordRequired 10:RequireStorageCardEncryption 13:AttachmentsEnabled"
         " 14:MinDevicePasswordLength 15:MaxInactivityTimeDeviceLock 18:AllowSimpleDevicePassword"),
    15: ("Search", "05:Search 07:Store 08:Name 09:Query 0C:Status 0D:Response"),
    17: ("AirSyncBase", "05:BodyPreference 06:Type 07:TruncationSize 0A:Body 0B:Data"
         " 0C:EstimatedDataSize 0D:Truncated 16:NativeBodyType"),
    18: ("Settings", "05:Settings 06:Status 07:Get 08:Set 09:Oof 0A:OofState 16:DeviceInformation"
         " 17:Model 18:IMEI 19:FriendlyName 1A:OS 1B:OSLanguage 1C:PhoneNumber 1D:UserInformation"
         " 1E:EmailAddresses 1F:SMTPAddress 20:UserAgent 22:MobileOperator 23:PrimarySmtpAddress"
         " 24:Accounts 25:Account"),
    20: ("ItemOperations", "05:ItemOperations 06:Fetch 07:Store 0B:Properties 0D:Status 0E:Response"),
    21: ("ComposeMail", "05:SendMail 06:SmartForward 07:SmartReply 08:SaveInSentItems 09:ReplaceMime"
         " 0B:Source 0C:FolderId 0D:ItemId 0E:LongId 10:Mime 11:ClientId 12:Status"),
    25: ("Find", "05:Find 0A:Status"),
}

_NAMES: dict[tuple[int, int], str] = {}
_TOKENS: dict[str, tuple[int, int]] = {}
for _page, (_namespace, _tags) in _PAGES.items():
    for _entry in _tags.split():
        _token, _tag = _entry.split(":")
        _NAMES[_page, int(_token, 16)] = f"{_namespace}:{_tag}"
        _TOKENS[f"{_namespace}:{_tag}"] = (_page, int(_token, 16))


class WbxmlError(ValueError):
    """The bytes are not a document that ActiveSync allows."""


Content = Union[None, str, bytes, list["Element"]]


@dataclass
class Element:
    name: str
    content: Content = None

    @property
    def children(self) -> list[Element]:
        return self.content if isinstance(self.content, list) else []

    @property
    def text(self) -> str:
        if isinstance(self.content, bytes):
            return self.content.decode("utf-8", "replace")
        return self.content if isinstance(self.content, str) else ""

    def find(self, *path: str) -> Element | None:
        """The first element under here along `path` (tags without namespace), or None."""
        here: Element | None = self
        for tag in path:
            here = next((c for c in here.children if c.name.split(":")[1] == tag), None)
            if here is None:
                return None
        return here

    def all(self, tag: str) -> list[Element]:
        return [c for c in self.children if c.name.split(":")[1] == tag]

    def value(self, *path: str, default: str = "") -> str:
        found = self.find(*path)
        return default if found is None else found.text


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(5):
        if at >= len(data):
            raise WbxmlError("number is cut off")
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at
    raise WbxmlError("number is too long")


def _write_length(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.insert(0, value & 0x7F | 0x80)
    return bytes(groups)


def _inline_text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise WbxmlError("text has no end")
    try:
        return data[at:end].decode("utf-8"), end + 1
    except UnicodeDecodeError as error:
        raise WbxmlError("text is not UTF-8") from error


def _append_leaf(element: Element, content: str | bytes) -> None:
    if isinstance(element.content, list) and element.content:
        raise WbxmlError("text beside elements")
    if isinstance(element.content, (str, bytes)):
        if type(element.content) is not type(content):
            raise WbxmlError("text beside opaque bytes")
        content = element.content + content
    element.content = content


def decode(data: bytes) -> Element:
    """The root element. Raises WbxmlError unless the document is whole and ends with its root."""
    if data[:4] != HEADER:
        raise WbxmlError("not the header that ActiveSync uses")
    root: Element | None = None
    stack: list[Element] = []
    page, at = 0, 4
    while at < len(data):
        if root is not None and not stack:
            raise WbxmlError("bytes after the root element")
        byte = data[at]
        at += 1
        if byte == SWITCH_PAGE:
            if at >= len(data):
                raise WbxmlError("page is cut off")
            page, at = data[at], at + 1
        elif byte == END:
            if not stack:
                raise WbxmlError("end without an element")
            stack.pop()
        elif byte in (STR_I, OPAQUE):
            if not stack:
                raise WbxmlError("content outside the root element")
            if byte == STR_I:
                text, at = _inline_text(data, at)
                _append_leaf(stack[-1], text)
            else:
                length, at = _read_length(data, at)
                if length > len(data) - at:
                    raise WbxmlError("opaque bytes are cut off")
                _append_leaf(stack[-1], data[at : at + length])
                at += length
        elif byte & 0x80 or byte & 0x3F < 5:
            raise WbxmlError(f"token {byte:#04x} is not used by ActiveSync")
        else:
            token = byte & 0x3F
            element = Element(_NAMES.get((page, token), f"{page}:{token:02X}"))
            if stack:
                parent = stack[-1]
                if isinstance(parent.content, (str, bytes)):
                    raise WbxmlError("an element beside text")
                parent.content = parent.children + [element]
            else:
                root = element
            if byte & 0x40:
                element.content = []
                stack.append(element)
                if len(stack) > MAX_DEPTH:
                    raise WbxmlError("too deep")
    if root is None or stack:
        raise WbxmlError("document is cut off")
    return root


def encode(root: Element) -> bytes:
    out = bytearray(HEADER)
    _encode_into(out, root, 0)
    return bytes(out)


def _encode_into(out: bytearray, element: Element, page: int) -> int:
    """Appends `element`; returns the page in force after it."""
    if element.name in _TOKENS:
        own_page, token = _TOKENS[element.name]
    else:
        own_page_text, token_text = element.name.split(":")
        own_page, token = int(own_page_text), int(token_text, 16)
    if own_page != page:
        out += bytes((SWITCH_PAGE, own_page))
        page = own_page
    if element.content is None:
        out.append(token)
        return page
    out.append(token | 0x40)
    if isinstance(element.content, str):
        out += bytes((STR_I,)) + element.content.encode() + b"\0"
    elif isinstance(element.content, bytes):
        out += bytes((OPAQUE,)) + _write_length(len(element.content)) + element.content
    else:
        for child in element.content:
            page = _encode_into(out, child, page)
    out.append(END)
    return page


def build(name: str, *content: Union[str, bytes, Element]) -> Element:
    """`build("Ping:Ping", build("Ping:Status", "1"))`: no content, one text, or elements."""
    if not content:
        return Element(name)
    if len(content) == 1 and isinstance(content[0], (str, bytes)):
        return Element(name, content[0])
    return Element(name, [c for c in content if isinstance(c, Element)])
