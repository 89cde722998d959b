"""A mail server that records every byte and answers as the test orders."""

import socket
import ssl
import threading
import time


class Received:
    """One request as it came over the wire."""

    def __init__(self, connection, head, body, chunked):
        self.connection, self.raw_head, self.body, self.chunked = connection, head, body, chunked
        lines = head.split(b"\r\n")
        self.line = lines[0].decode("latin-1")
        self.method, self.target, self.version = self.line.split(" ")
        self.fields = []
        for line in lines[1:]:
            name, value = line.split(b":", 1)
            self.fields.append((name.decode("latin-1"), value.decode("latin-1").strip()))

    def value(self, name, default=None):
        return next((value for key, value in self.fields if key.lower() == name.lower()), default)

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Peer:
    """The server's end of one connection; a test's answer function writes through it."""

    def __init__(self, connection, number):
        self.socket, self.number = connection, number
        self.gone = threading.Event()
        self.bytes = b""

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            self.gone.set()
            raise ConnectionError("the gate closed")
        self.bytes += piece

    def until(self, mark):
        while mark not in self.bytes:
            self.more()
        before, self.bytes = self.bytes.split(mark, 1)
        return before

    def take(self, size):
        while len(self.bytes) < size:
            self.more()
        taken, self.bytes = self.bytes[:size], self.bytes[size:]
        return taken

    def wait_gone(self, timeout=5):
        """Waits until the gate has closed; True if it did."""
        try:
            self.socket.settimeout(timeout)
            while self.socket.recv(65536):
                pass
        except (TimeoutError, socket.timeout):
            return False
        except OSError:
            pass
        self.gone.set()
        return True

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def reply(status=200, body=b"ok", fields=(), reason="OK"):
    """The bytes of a plain answer."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class FakeUpstream:
    """Listens on a free port. `answer(received, peer)` is called for each request; it may return bytes
    to send, or None when it has written (or means to say nothing) itself."""

    def __init__(self, identity=None):
        self._context = None
        if identity:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(identity.certificate, identity.key)
        self.answer = lambda received, peer: reply()
        self.read_body = True
        self.requests = []     # Received, in order of arrival
        self.connections = 0
        self.odd = []          # bytes that were no request we can read
        self.peers = []
        self.last_peer = None  # of the latest request
        self.port = None
        self._listener = None
        self.start()

    def start(self):
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port or 0))
        self._listener.listen(512)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """Stops listening and closes every connection."""
        if self._listener:
            listener, self._listener = self._listener, None
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        for peer in self.peers:
            peer.close()
        self.peers = []

    def reset(self):
        """Forgets what came and answers 200 again."""
        self.requests.clear()
        self.odd.clear()
        self.answer = lambda received, peer: reply()
        self.read_body = True

    def wait_for(self, count=1, timeout=5):
        """Waits until `count` requests have come in all, and returns the last of them."""
        end = time.monotonic() + timeout
        while len(self.requests) < count:
            assert time.monotonic() < end, f"{len(self.requests)} of {count} requests reached the mail server"
            time.sleep(0.005)
        return self.requests[count - 1]

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        self.connections += 1
        peer = Peer(connection, self.connections)
        self.peers.append(peer)
        try:
            while True:
                received = self._read(peer)
                self.requests.append(received)
                self.last_peer = peer
                data = self.answer(received, peer)
                if data:
                    peer.send(data)
        except (OSError, ConnectionError, ValueError) as error:
            if isinstance(error, ValueError):
                self.odd.append(peer.bytes)
        finally:
            peer.gone.set()
            peer.close()

    def _read(self, peer):
        head = peer.until(b"\r\n\r\n")
        received = Received(peer, head, b"", False)
        if not self.read_body:
            return received
        coding = received.value("Transfer-Encoding")
        if coding is not None:
            if coding.lower() != "chunked" or received.value("Content-Length") is not None:
                raise ValueError("framing with two readings")
            received.chunked = True
            received.body = self._chunks(peer)
        elif received.value("Content-Length") is not None:
            received.body = peer.take(int(received.value("Content-Length")))
        return received

    @staticmethod
    def _chunks(peer):
        body = b""
        while True:
            size = int(peer.until(b"\r\n"), 16)
            if size == 0:
                if peer.take(2) != b"\r\n":
                    raise ValueError("a trailer came through")
                return body
            body += peer.take(size)
            if peer.take(2) != b"\r\n":
                raise ValueError("a chunk without its end")
