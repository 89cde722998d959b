"""A phone in a few lines of Python, for tests: the requests of a first sync over http.client."""

from __future__ import annotations

import base64
import http.client
import ssl
from urllib.parse import urlencode

import demo_query
from wbxml import Element, build, decode, encode

PATH = "/Microsoft-Server-ActiveSync"
POLICY_TYPE = "MS-EAS-Provisioning-WBXML"


class Phone:
    """Keeps one connection. `send` is any command; the others are the steps of a first sync."""

    def __init__(self, port: int, device_id: str = "PHONE0001", user: str = "alice", *,
                 password: str = "secret", version: str = "14.1", short_query: bool = False,
                 tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", timeout: float = 30.0) -> None:
        self.device_id, self.user, self.version = device_id, user, version
        self.short_query = short_query
        self.policy_key = "0"
        self.authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if tls is not None:
            self.connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
        else:
            self.connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def close(self) -> None:
        self.connection.close()

    def target(self, command: str, **parameters: str) -> str:
        if self.short_query:
            key = int(self.policy_key) if self.policy_key != "0" else None
            return PATH + "?" + demo_query.write_base64(
                self.version, command, self.device_id.encode(), "TestPhone", key)
        return PATH + "?" + urlencode({"Cmd": command, "User": self.user, "DeviceId": self.device_id,
                                       "DeviceType": "TestPhone", **parameters})

    def headers(self, command: str, content_type: str = "application/vnd.ms-sync.wbxml") -> dict[str, str]:
        fields = {"Authorization": self.authorization, "User-Agent": "TestPhone/1.0"}
        if not self.short_query:
            fields["MS-ASProtocolVersion"] = self.version
            if command != "Ping":
                fields["X-MS-PolicyKey"] = self.policy_key
        if content_type:
            fields["Content-Type"] = content_type
        return fields

    def request(self, method: str, target: str, body: bytes | None = None,
                headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        self.connection.request(method, target, body, headers or {})
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, content

    def options(self) -> tuple[int, dict[str, str], bytes]:
        return self.request("OPTIONS", PATH, None, {"Authorization": self.authorization})

    def send(self, command: str, document: Element | None = None,
             extra: dict[str, str] | None = None) -> tuple[int, Element | None]:
        """Status and root element (None where the answer has no body)."""
        body = encode(document) if document else b""
        headers = self.headers(command, "application/vnd.ms-sync.wbxml" if document else "")
        status, _, content = self.request("POST", self.target(command), body, headers | (extra or {}))
        return status, decode(content) if content and status == 200 else None

    def provision(self) -> None:
        """Both phases. Raises AssertionError where the server doesn't give a key."""
        def policy(*more: Element) -> Element:
            parts = build("Provision:Policy", build("Provision:PolicyType", POLICY_TYPE), *more)
            return build("Provision:Policies", parts)

        information = build("Settings:DeviceInformation", build("Settings:Set", build("Settings:Model", "Test")))
        first = [information, policy()] if float(self.version) >= 14.1 else [policy()]
        self.policy_key = "0"
        status, root = self.send("Provision", build("Provision:Provision", *first))
        assert status == 200 and root is not None, status
        self.policy_key = root.value("Policies", "Policy", "PolicyKey")
        acknowledged = policy(build("Provision:PolicyKey", self.policy_key), build("Provision:Status", "1"))
        status, root = self.send("Provision", build("Provision:Provision", acknowledged))
        assert status == 200 and root is not None, status
        self.policy_key = root.value("Policies", "Policy", "PolicyKey")
        assert self.policy_key

    def folder_sync(self, key: str = "0") -> tuple[int, Element | None]:
        return self.send("FolderSync", build("FolderHierarchy:FolderSync", build("FolderHierarchy:SyncKey", key)))

    def sync(self, key: str, folder: str = "1", *top: Element) -> tuple[int, Element | None]:
        collection = build("AirSync:Collection", build("AirSync:SyncKey", key), build("AirSync:CollectionId", folder))
        return self.send("Sync", build("AirSync:Sync", build("AirSync:Collections", collection), *top))

    def ping(self, heartbeat: int, folder: str = "1") -> tuple[int, Element | None]:
        watched = build("Ping:Folder", build("Ping:Id", folder), build("Ping:Class", "Email"))
        return self.send("Ping", build("Ping:Ping", build("Ping:HeartbeatInterval", str(heartbeat)),
                                       build("Ping:Folders", watched)))

    def send_mail(self, to: str, subject: str, client_id: str = "1") -> tuple[int, Element | None]:
        mime = f"To: {to}\r\nSubject: {subject}\r\n\r\nText\r\n".encode()
        if float(self.version) < 14.0:
            headers = self.headers("SendMail", "message/rfc822")
            status, _, _ = self.request("POST", self.target("SendMail", SaveInSent="T"), mime, headers)
            return status, None
        return self.send("SendMail", build(
            "ComposeMail:SendMail", build("ComposeMail:ClientId", client_id),
            build("ComposeMail:SaveInSentItems"), build("ComposeMail:Mime", mime)))
