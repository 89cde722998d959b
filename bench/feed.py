"""Serves a table of devices to easgate as docs/mdm-api.md says; just enough for the bench."""

import http.server
import ssl
import threading
import time
import urllib.parse

TO_64_BITS = (1 << 64) - 1


def device_id(number):
    """The same text as device_id() in load/http.cpp."""
    return f"APPL{number:012X}{number * 0x9E3779B97F4A7C15 & TO_64_BITS:016X}"


class Feed:
    """A table of `count` devices, each of one user, that never changes."""

    def __init__(self, certificate, key, count):
        lines = [f'{{"cursor":"c1","full":true,"count":{count},"policy":{{}}}}']
        lines += [f'{{"id":"{device_id(i)}","users":["user{i:07}"],"state":"allow","reason":""}}'
                  for i in range(count)]
        self.body = ("\n".join(lines) + "\n").encode()
        self.ended = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.feed = self
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True).start()

    def stop(self):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):  # noqa: A002 - the name is the base class's
        pass

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        feed = self.server.feed
        if "since" in query:
            feed.ended.wait(float(query.get("wait", ["0"])[0]))
            time.sleep(0.05)
            self.send_response(204)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(feed.body)))
        self.end_headers()
        self.wfile.write(feed.body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(204)
        self.end_headers()
