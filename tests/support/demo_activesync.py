"""The commands of the demo mail server: what a phone's first sync needs, truthfully answered.

Protocol facts are from [MS-ASCMD], [MS-ASPROV] and [MS-ASHTTP]. What isn't implemented says so by
status 137 (HTTP 501 below protocol 14.0), never by a made-up success.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass

import demo_mailbox
import demo_query
from demo_http import Answer, Channel, Gone, Request
from demo_mailbox import FOLDERS, INBOX, Device, Mail, Mailbox, Store
from wbxml import Element, WbxmlError, build, decode, encode

VERSIONS = "2.5,12.0,12.1,14.0,14.1,16.0,16.1"
POLICY_TYPE = "MS-EAS-Provisioning-WBXML"
WBXML_TYPE = "application/vnd.ms-sync.wbxml"

# Commands whose root element has a Status child, by namespace ([MS-ASCMD] 2.2.2).
STATUS_NAMESPACE = {
    "Sync": "AirSync", "SendMail": "ComposeMail", "SmartForward": "ComposeMail",
    "SmartReply": "ComposeMail", "FolderSync": "FolderHierarchy", "FolderCreate": "FolderHierarchy",
    "FolderDelete": "FolderHierarchy", "FolderUpdate": "FolderHierarchy",
    "GetItemEstimate": "GetItemEstimate", "MoveItems": "Move", "Search": "Search",
    "Settings": "Settings", "Ping": "Ping", "ItemOperations": "ItemOperations",
    "Provision": "Provision", "ResolveRecipients": "ResolveRecipients",
    "ValidateCert": "ValidateCert", "Find": "Find",
}


@dataclass
class Call:
    """One command of one device."""

    query: demo_query.Query
    version: float
    user: str
    mailbox: Mailbox
    device: Device
    request: Request
    channel: Channel


def wbxml(root: Element) -> Answer:
    return Answer(200, headers=[("Content-Type", WBXML_TYPE)], body=encode(root))


def status_answer(command: str, version: float, status: int, http: int) -> Answer:
    """An error: in the document from 14.0 on, by the HTTP status before."""
    namespace = STATUS_NAMESPACE.get(command)
    if version < 14.0 or namespace is None:
        return Answer(http)
    return wbxml(build(f"{namespace}:{command}", build(f"{namespace}:Status", str(status))))


class ActiveSync:
    def __init__(self, store: Store, provisioning: bool, shortest: float, longest: float) -> None:
        self.store = store
        self.provisioning = provisioning
        self.shortest, self.longest = shortest, longest  # heartbeat, seconds
        self.held: dict[tuple[str, str], int] = {}
        self.hang_ups = 0
        self.commands = {
            "Provision": self.provision, "FolderSync": self.folder_sync, "Sync": self.sync,
            "Ping": self.ping, "SendMail": self.send_mail, "SmartReply": self.send_mail,
            "SmartForward": self.send_mail, "Settings": self.settings,
            "GetItemEstimate": self.item_estimate,
        }

    def sign_in(self, request: Request) -> str | None:
        """The user of a right Basic sign-in; `DOMAIN\\user` and `user@domain` are the user."""
        scheme, _, value = request.get("Authorization").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            text = base64.b64decode(value, validate=True)
        except binascii.Error:
            return None
        name, _, password = text.decode("utf-8", "replace").partition(":")
        user = name.split("\\")[-1].split("@")[0].lower()
        return user if demo_mailbox.PASSWORDS.get(user) == password else None

    async def answer(self, request: Request, channel: Channel) -> Answer:
        user = self.sign_in(request)
        if user is None:
            return Answer(401, headers=[("WWW-Authenticate", 'Basic realm="demo mail server"')])
        if request.method == "OPTIONS":
            return self.options()
        if request.method != "POST":
            return Answer(501)
        try:
            query = demo_query.parse(request.target.partition("?")[2])
            version = float(query.version or request.get("MS-ASProtocolVersion", "12.1"))
        except ValueError:
            return Answer(400)
        if not query.command or not query.device_id:
            return Answer(400)
        call = Call(query, version, user, self.store.mailboxes[user],
                    self.store.device(user, query.device_id), request, channel)
        if not self._provisioned(call):
            return status_answer(query.command, version, 142, 449)
        if query.command not in self.commands:
            return status_answer(query.command, version, 137, 501)
        try:
            return await self.commands[query.command](call)
        except WbxmlError:
            return status_answer(query.command, version, 102, 400)

    def _provisioned(self, call: Call) -> bool:
        if not self.provisioning or call.query.command in ("Provision", "Ping"):
            return True
        key = call.query.policy_key or call.request.get("X-MS-PolicyKey")
        return bool(call.device.policy_key) and key == call.device.policy_key

    def options(self) -> Answer:
        names = ",".join(n for n in demo_query.CODES if n in STATUS_NAMESPACE)
        return Answer(200, headers=[
            ("Allow", "OPTIONS,POST"), ("Public", "OPTIONS,POST"), ("MS-Server-ActiveSync", "15.2"),
            ("MS-ASProtocolVersions", VERSIONS), ("MS-ASProtocolCommands", names),
            ("Set-Cookie", "X-BackEndCookie=demo; path=/Microsoft-Server-ActiveSync; secure; HttpOnly")])

    # Provision: two phases, [MS-ASPROV] 3.1.5.1.

    async def provision(self, call: Call) -> Answer:
        root = _document(call, "Provision:Provision")
        if root.find("DeviceInformation"):
            self._remember_information(call.device, root.find("DeviceInformation", "Set"))
        elif call.version >= 14.1 and root.find("Policies", "Policy", "PolicyKey") is None:
            return status_answer("Provision", call.version, 165, 400)
        asked = root.find("Policies", "Policy")
        if asked is None or asked.value("PolicyType") != POLICY_TYPE:
            return self._policy(call, "3")
        acknowledged = asked.find("PolicyKey")
        if acknowledged is None:
            call.device.temporary_key = demo_mailbox.new_policy_key()
            call.device.policy_key = ""
            return self._policy(call, "1", call.device.temporary_key, document=True)
        sent = call.query.policy_key or call.request.get("X-MS-PolicyKey")
        if not call.device.temporary_key or {sent, acknowledged.text} != {call.device.temporary_key}:
            return self._policy(call, "5")
        if asked.value("Status") not in ("1", "2"):
            return self._policy(call, "2")
        call.device.temporary_key, call.device.policy_key = "", demo_mailbox.new_policy_key()
        return self._policy(call, "1", call.device.policy_key)

    def _policy(self, call: Call, status: str, key: str = "", document: bool = False) -> Answer:
        parts = [build("Provision:PolicyType", POLICY_TYPE), build("Provision:Status", status)]
        if key:
            parts.append(build("Provision:PolicyKey", key))
        if document:
            parts.append(build("Provision:Data", build(
                "Provision:EASProvisionDoc", build("Provision:DevicePasswordEnabled", "1"),
                build("Provision:MinDevicePasswordLength", "6"), build("Provision:AttachmentsEnabled", "1"))))
        top = [build("Provision:Status", "1"),
               build("Provision:Policies", build("Provision:Policy", *parts))]
        if call.version >= 14.1 and document:
            top.insert(0, build("Settings:DeviceInformation", build("Settings:Status", "1")))
        return wbxml(build("Provision:Provision", *top))

    @staticmethod
    def _remember_information(device: Device, values: Element | None) -> None:
        if values is not None:
            device.information = {c.name.split(":")[1]: c.text for c in values.children}

    # Folders and mail.

    async def folder_sync(self, call: Call) -> Answer:
        key = _document(call, "FolderHierarchy:FolderSync").value("SyncKey")
        if key not in ("0", "1"):
            return wbxml(build("FolderHierarchy:FolderSync", build("FolderHierarchy:Status", "9")))
        added = []
        if key == "0":
            for server_id, (name, kind) in FOLDERS.items():
                added.append(build(
                    "FolderHierarchy:Add", build("FolderHierarchy:ServerId", server_id),
                    build("FolderHierarchy:ParentId", "0"), build("FolderHierarchy:DisplayName", name),
                    build("FolderHierarchy:Type", str(kind))))
        return wbxml(build(
            "FolderHierarchy:FolderSync", build("FolderHierarchy:Status", "1"),
            build("FolderHierarchy:SyncKey", "1"),
            build("FolderHierarchy:Changes", build("FolderHierarchy:Count", str(len(added))), *added)))

    async def sync(self, call: Call) -> Answer:
        if not call.request.body_length and not call.device.last_sync:
            return wbxml(build("AirSync:Sync", build("AirSync:Status", "13")))
        root = decode(call.request.body or call.device.last_sync)
        if root.name != "AirSync:Sync":
            raise WbxmlError("another command's document")
        call.device.last_sync = encode(root)
        patience = float(root.value("HeartbeatInterval", default="0"))
        patience = patience or 60 * float(root.value("Wait", default="0"))
        collections = root.find("Collections")
        asked = collections.all("Collection") if collections else []
        answered, changed = self._sync_all(call, asked)
        if not changed and patience:
            if await self._hold(call, patience):
                answered, changed = self._sync_all(call, asked)
        if not changed:
            return Answer(200)  # nothing new: an empty body, [MS-ASCMD] 2.2.1.21
        return wbxml(build("AirSync:Sync", build("AirSync:Collections", *answered)))

    def _sync_all(self, call: Call, asked: list[Element]) -> tuple[list[Element], bool]:
        results = [self._sync_one(call, collection) for collection in asked]
        return [element for element, _ in results], any(changed for _, changed in results)

    def _sync_one(self, call: Call, asked: Element) -> tuple[Element, bool]:
        """A sync key is one more than the number of messages that the device has of the folder."""
        folder, key = asked.value("CollectionId"), asked.value("SyncKey")
        parts = [build("AirSync:SyncKey", key), build("AirSync:CollectionId", folder)]
        if folder not in FOLDERS:
            return build("AirSync:Collection", *parts, build("AirSync:Status", "8")), True
        messages = call.mailbox.folders[folder]
        if not key.isdigit() or int(key) > len(messages) + 1:
            parts[0] = build("AirSync:SyncKey", "0")
            return build("AirSync:Collection", *parts, build("AirSync:Status", "3")), True
        if key == "0":
            call.device.seen[folder] = 0
            parts[0] = build("AirSync:SyncKey", "1")
            return build("AirSync:Collection", *parts, build("AirSync:Status", "1")), True
        start = int(key) - 1
        end = min(len(messages), start + int(asked.value("WindowSize", default="100") or 100))
        call.device.seen[folder] = end
        parts[0] = build("AirSync:SyncKey", str(end + 1))
        parts.append(build("AirSync:Status", "1"))
        if end < len(messages):
            parts.append(build("AirSync:MoreAvailable"))
        if end > start:
            adds = [_mail_element(folder, i, messages[i]) for i in range(start, end)]
            parts.append(build("AirSync:Commands", *adds))
        return build("AirSync:Collection", *parts), end > start

    async def ping(self, call: Call) -> Answer:
        device = call.device
        if call.request.body_length:
            root = _document(call, "Ping:Ping")
            if root.find("HeartbeatInterval"):
                device.ping_heartbeat = float(root.value("HeartbeatInterval") or 0)
            if folders := root.find("Folders"):
                device.ping_folders = [f.value("Id") for f in folders.all("Folder")]
        if device.ping_heartbeat is None or not device.ping_folders:
            return _ping_status("3")
        nearest = min(max(device.ping_heartbeat, self.shortest), self.longest)
        if nearest != device.ping_heartbeat:
            return _ping_status("5", build("Ping:HeartbeatInterval", f"{nearest:.0f}"))
        if any(f not in FOLDERS for f in device.ping_folders):
            return _ping_status("7")
        for folder in device.ping_folders:  # a folder never synced counts from now on
            device.seen.setdefault(folder, len(call.mailbox.folders[folder]))
        deadline = asyncio.get_running_loop().time() + nearest
        while True:
            changed = [f for f in device.ping_folders
                       if device.seen[f] < len(call.mailbox.folders[f])]
            if changed:
                found = [build("Ping:Folder", f) for f in changed]
                return _ping_status("2", build("Ping:Folders", *found))
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not await self._hold(call, left):
                return _ping_status("1")

    async def _hold(self, call: Call, seconds: float) -> bool:
        """Waits for new mail; false if the time is over. Raises Gone if the client went."""
        who = (call.user, call.query.device_id)
        self.held[who] = self.held.get(who, 0) + 1
        waiter = call.mailbox.waiter()
        try:
            await asyncio.wait({waiter, call.channel.gone}, timeout=seconds,
                               return_when=asyncio.FIRST_COMPLETED)
            if call.channel.gone.done():
                self.hang_ups += 1
                raise Gone
            return waiter.done()
        finally:
            waiter.cancel()
            self.held[who] -= 1
            if not self.held[who]:
                del self.held[who]

    async def item_estimate(self, call: Call) -> Answer:
        root = _document(call, "GetItemEstimate:GetItemEstimate")
        responses = []
        collections = root.find("Collections")
        for asked in collections.all("Collection") if collections else []:
            folder, key = asked.value("CollectionId"), asked.value("SyncKey")
            known = folder in FOLDERS and key.isdigit() and key != "0"
            count = max(0, len(call.mailbox.folders[folder]) + 1 - int(key)) if known else 0
            status = "1" if known else "4" if folder in FOLDERS else "2"
            responses.append(build(
                "GetItemEstimate:Response", build("GetItemEstimate:Status", status),
                build("GetItemEstimate:Collection", build("GetItemEstimate:CollectionId", folder),
                      build("GetItemEstimate:Estimate", str(count)))))
        return wbxml(build("GetItemEstimate:GetItemEstimate", *responses))

    async def send_mail(self, call: Call) -> Answer:
        command = call.query.command
        if call.request.get("Content-Type").lower().startswith("message/rfc822"):
            if call.version >= 14.0:
                return status_answer(command, call.version, 101, 400)
            sent = self.store.submit(call.user, call.request.body, call.query.save_in_sent)
            return Answer(200 if sent else 500)
        if call.version < 14.0:
            return Answer(400)
        root = _document(call, f"ComposeMail:{command}")
        client_id, mime = root.value("ClientId"), root.find("Mime")
        if mime is None or not client_id:
            return status_answer(command, call.version, 103, 400)
        if source := root.find("Source"):
            if not _known_source(call.mailbox, source):
                return status_answer(command, call.version, 150, 404)
        if client_id in call.device.sent:
            return status_answer(command, call.version, 118, 400)
        content = mime.content if isinstance(mime.content, bytes) else mime.text.encode()
        if not self.store.submit(call.user, content, root.find("SaveInSentItems") is not None):
            return status_answer(command, call.version, 119, 400)
        call.device.sent.add(client_id)
        return Answer(200)

    async def settings(self, call: Call) -> Answer:
        root = _document(call, "Settings:Settings")
        parts = [build("Settings:Status", "1")]
        if information := root.find("DeviceInformation", "Set"):
            self._remember_information(call.device, information)
            parts.append(build("Settings:DeviceInformation", build("Settings:Status", "1")))
        if root.find("UserInformation", "Get") is not None:
            address = build("Settings:SMTPAddress", f"{call.user}@{demo_mailbox.DOMAIN}")
            addresses = build("Settings:EmailAddresses", address)
            if call.version >= 14.1:
                addresses = build("Settings:Accounts", build("Settings:Account", addresses))
            parts.append(build("Settings:UserInformation", build("Settings:Status", "1"),
                               build("Settings:Get", addresses)))
        if root.find("Oof", "Get") is not None:
            state = build("Settings:Get", build("Settings:OofState", "0"))
            parts.append(build("Settings:Oof", build("Settings:Status", "1"), state))
        return wbxml(build("Settings:Settings", *parts))


def _document(call: Call, root_name: str) -> Element:
    root = decode(call.request.body)
    if root.name != root_name:
        raise WbxmlError("another command's document")
    return root


def _ping_status(status: str, *more: Element) -> Answer:
    return wbxml(build("Ping:Ping", build("Ping:Status", status), *more))


def _known_source(mailbox: Mailbox, source: Element) -> bool:
    folder, _, index = source.value("ItemId").partition(":")
    return folder in FOLDERS and index.isdigit() and int(index) <= len(mailbox.folders[folder])


def _mail_element(folder: str, index: int, mail: Mail) -> Element:
    return build(
        "AirSync:Add", build("AirSync:ServerId", f"{folder}:{index + 1}"),
        build("AirSync:ApplicationData", build("Email:To", mail.to), build("Email:From", mail.sender),
              build("Email:Subject", mail.subject), build("Email:DateReceived", mail.date),
              build("Email:Importance", "1"), build("Email:Read", "1" if folder != INBOX else "0"),
              build("AirSyncBase:Body", build("AirSyncBase:Type", "1"),
                    build("AirSyncBase:EstimatedDataSize", str(len(mail.text.encode()))),
                    build("AirSyncBase:Data", mail.text)),
              build("Email:MessageClass", "IPM.Note")))
