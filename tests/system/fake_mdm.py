"""An MDM server for the tests: serves device states as docs/mdm-api.md says, and misbehaves on order."""

import gzip
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse


class FakeMdm:
    """One table of device states over HTTPS with client certificates.

    `mode` orders misbehaviour: ok, status:NNN, garbage, bad_count, bad_line, cut, hang, gone (410 to
    any cursor). Changes wake requests that wait.
    """

    def __init__(self, identity, known_clients, compress=True):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(identity.certificate, identity.key)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        for client in known_clients:
            self._context.load_verify_locations(client.certificate)
        self.compress = compress
        self.mode = "ok"
        self.refuse_identity = False
        self.policy = {}
        self.requests = []      # (path with query, status) of feed requests
        self.observations = []  # one dict a line
        self.devices = {}       # id -> line
        self._changes = []      # (version, id)
        self._version = 1
        self._changed = threading.Condition()
        self._server = None
        self.port = None
        self.start()

    # What tests call.

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def set(self, device, state="allow", users=(), reason="", **more):
        self.set_many([dict({"id": device, "users": list(users), "state": state, "reason": reason}, **more)])

    def set_many(self, lines):
        """Replaces the lines of several devices in one change."""
        with self._changed:
            self._version += 1
            for line in lines:
                self.devices[line["id"]] = line
                self._changes.append((self._version, line["id"]))
            self._changed.notify_all()

    def remove(self, device):
        with self._changed:
            self._version += 1
            self.devices[device] = {"id": device, "users": [], "state": "removed"}
            self._changes.append((self._version, device))
            self._changed.notify_all()

    def wake(self):
        """Lets waiting requests look at `mode` again."""
        with self._changed:
            self._changed.notify_all()

    def forget_changes(self):
        """After this every cursor is too old."""
        with self._changed:
            self._changes = []
            self._version += 1000
            self._changed.notify_all()

    def wait_for_request(self, count=1, timeout=10):
        """Waits until `count` more feed requests have come than there are now."""
        goal, end = len(self.requests) + count, time.monotonic() + timeout
        while len(self.requests) < goal:
            assert time.monotonic() < end, f"no feed request within {timeout} s; so far {self.requests}"
            time.sleep(0.02)

    def start(self):
        """Serves; after stop() on the same port again."""
        assert self._server is None
        self._server = _Server(("127.0.0.1", self.port or 0), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self._server:
            server, self._server = self._server, None
            self.wake()
            server.shutdown()
            server.server_close()
            server.close_connections()

    # What the server does.

    def wrap(self, connection):
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def answer(self, cursor, wait, server):
        """(status, body) for a feed request; holds it while nothing changes."""
        end = time.monotonic() + wait
        with self._changed:
            begin_mode = self.mode
            while True:
                if self.mode.startswith("status:"):
                    return int(self.mode[7:]), b""
                if self.mode == "hang" and self._server is server:
                    self._changed.wait(0.2)
                    continue
                if self.mode != begin_mode or self._server is not server:
                    return 204, b""
                if cursor is None or self.mode in ("garbage", "bad_count", "bad_line", "cut"):
                    return 200, self._full()
                if self.mode == "gone" or (cursor < self._version and not self._known(cursor)):
                    return 410, b""
                if cursor < self._version:
                    return 200, self._delta(cursor)
                left = end - time.monotonic()
                if left <= 0:
                    return 204, b""
                self._changed.wait(min(left, 0.5))

    def _known(self, cursor):
        return any(version > cursor for version, _ in self._changes) and self._version < cursor + 1000

    def _first_line(self, full, count):
        if self.mode == "bad_count":
            count += 1
        return {"cursor": f"c{self._version}", "full": full, "count": count, "policy": self.policy}

    def _full(self):
        lines = [line for line in self.devices.values() if line["state"] != "removed"]
        return self._body(True, lines)

    def _delta(self, cursor):
        ids = [device for version, device in self._changes if version > cursor]
        return self._body(False, [self.devices[device] for device in ids])

    def _body(self, full, lines):
        if self.mode == "garbage":
            return b"<html>It works!</html>\n"
        texts = [json.dumps(self._first_line(full, len(lines)))] + [json.dumps(line) for line in lines]
        if self.mode == "bad_line":
            texts[-1] = '{"id": "HALF", "users": ['
        return ("\n".join(texts) + "\n").encode()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address, mdm):
        self.mdm = mdm
        self.open = set()
        super().__init__(address, _Handler)

    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(60)
        self.open.add(connection)
        wrapped = self.mdm.wrap(connection)
        self.open.add(wrapped)
        return wrapped, address

    def close_connections(self):
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass  # a client that leaves in the middle is normal here


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request.do_handshake()
        super().setup()

    def log_message(self, format, *args):  # noqa: A002 - the name is the base class's
        pass

    def _reply(self, status, body=b"", kind="application/x-ndjson", encoding=None, announce=None):
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        if status != 204:
            self.send_header("Content-Length", str(announce or len(body)))
        self.end_headers()
        self.wfile.write(body)
        if announce:
            self.close_connection = True

    def _is_stranger(self):
        return self.server.mdm.refuse_identity or not self.connection.getpeercert()

    def do_GET(self):
        mdm = self.server.mdm
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path != "/api/gateway/v1/devices":
            return self._reply(404)
        if self._is_stranger():
            mdm.requests.append((self.path, 401))
            return self._reply(401)
        since = query.get("since", [None])[0]
        cursor = int(since[1:]) if since else None
        mdm.requests.append((self.path, None))
        index = len(mdm.requests) - 1
        status, body = mdm.answer(cursor, float(query.get("wait", ["0"])[0]), self.server)
        mdm.requests[index] = (self.path, status)
        encoding = None
        if body and mdm.compress and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, encoding = gzip.compress(body), "gzip"
        announce = len(body) + 100 if mdm.mode == "cut" else None
        return self._reply(status, body, encoding=encoding, announce=announce)

    def do_POST(self):
        mdm = self.server.mdm
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = self._read_chunks()
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path != "/api/gateway/v1/observations" or self._is_stranger():
            return self._reply(404)
        mdm.observations += [json.loads(line) for line in body.splitlines() if line.strip()]
        return self._reply(204)

    def _read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            piece = self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body
            body += piece
