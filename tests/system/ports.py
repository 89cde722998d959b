"""Free ports of the loopback interface."""

import socket

_given = set()


def free_port():
    """A port that nobody listens on, and that no test was given before."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
