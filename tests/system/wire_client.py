"""An HTTP client that sends exactly the bytes it is told to, and reads answers strictly."""

import socket
import ssl
import time


class Answer:
    """One response: status, fields (name in lower case, value), body."""

    def __init__(self, status, fields, body, head):
        self.status, self.fields, self.body, self.head = status, fields, body, head

    def value(self, name, default=None):
        return next((value for key, value in self.fields if key == name.lower()), default)

    def values(self, name):
        return [value for key, value in self.fields if key == name.lower()]

    def __repr__(self):
        return f"Answer({self.status}, {self.fields}, {self.body[:80]!r})"


class Closed(Exception):
    """The server closed the connection before a whole answer: by a reset, or under TLS without saying so."""

    def __init__(self, got, was_reset=False, was_silent=False):
        super().__init__(f"closed (reset {was_reset}, without close_notify {was_silent}) after {got[:200]!r}")
        self.got, self.was_reset, self.was_silent = got, was_reset, was_silent


class WireClient:
    """A connection to the gate. `tls`: None for plain, else an ssl.SSLContext."""

    def __init__(self, port, tls=None, timeout=10.0, host="127.0.0.1", server_name="localhost", receive_buffer=None,
                 source=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        raw = socket.socket(family, socket.SOCK_STREAM)
        raw.settimeout(timeout)
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            raw.bind((source, 0))
        raw.connect((host, port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = raw
        if tls:
            self.socket = tls.wrap_socket(raw, server_hostname=server_name, suppress_ragged_eofs=False)
        self._bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass

    def send(self, data):
        self.socket.sendall(data)

    def send_tolerant(self, data):
        """Sends as much as the server takes; it may have answered and closed already."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def _more(self):
        try:
            piece = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise Closed(self._bytes, was_reset=True) from error
        except ssl.SSLEOFError as error:
            raise Closed(self._bytes, was_silent=True) from error
        if not piece:
            raise Closed(self._bytes)
        self._bytes += piece

    def _until(self, mark):
        while mark not in self._bytes:
            self._more()
        head, self._bytes = self._bytes.split(mark, 1)
        return head

    def take(self, size):
        while len(self._bytes) < size:
            self._more()
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def read_head(self):
        """The next head, also of an interim answer: (status, fields, raw)."""
        raw = self._until(b"\r\n\r\n")
        lines = raw.split(b"\r\n")
        version, status, *_ = lines[0].split(b" ", 2)
        assert version == b"HTTP/1.1", lines[0]
        fields = []
        for line in lines[1:]:
            name, value = line.split(b":", 1)
            fields.append((name.decode().lower(), value.strip().decode("latin-1")))
        return int(status), fields, raw

    def read_body(self, status, fields, bodiless=False):
        values = dict(fields)
        if bodiless or status in (204, 304) or status < 200:
            return b""
        if values.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        if "content-length" in values:
            return self.take(int(values["content-length"]))
        body = b""
        try:
            while True:
                self._more()
        except Closed as closed:
            assert not closed.was_reset, "the body ended in a reset"
            body, self._bytes = self._bytes, b""
        return body

    def _read_chunks(self):
        body = b""
        while True:
            size = int(self._until(b"\r\n"), 16)
            if size == 0:
                assert self.take(2) == b"\r\n", "no trailers are ever sent on"
                return body
            body += self.take(size)
            assert self.take(2) == b"\r\n"

    def read(self, bodiless=False):
        """The next final answer; interim ones are skipped."""
        status, fields, head = self.read_head()
        while status < 200:
            status, fields, head = self.read_head()
        return Answer(status, fields, self.read_body(status, fields, bodiless), head)

    def request(self, data, bodiless=False):
        self.send(data)
        return self.read(bodiless)

    def is_closed(self, within=2.0):
        """True if the server closes cleanly within so many seconds without another byte."""
        self.socket.settimeout(within)
        try:
            self._more()
        except Closed as closed:
            return not closed.was_reset
        except (TimeoutError, socket.timeout):
            return False
        return False

    def ended(self, within=2.0):
        """True if the connection ends in any way within so many seconds; further bytes are dropped."""
        end = time.monotonic() + within
        try:
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                self._more()
        except Closed:
            return True
        except OSError:
            pass
        return False

    def is_quiet(self, during=0.3):
        """True if nothing comes and the connection stays open for so long."""
        if self._bytes:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(during)
        try:
            self._more()
        except (TimeoutError, socket.timeout):
            return True
        except Closed:
            return False
        finally:
            self.socket.settimeout(before)
        return False
