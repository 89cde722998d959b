"""The server's side of NTLM over HTTP, strict, written from [MS-NLMP]: it verifies the NTLMv2 response,
and what is signed in is the connection, nothing else."""

import base64
import hashlib
import hmac
import os
import struct

SIGNATURE = b"NTLMSSP\0"
UNICODE, OEM, TARGET, NTLM, ALWAYS_SIGN = 1, 2, 4, 0x200, 0x8000
TARGET_DOMAIN, EXTENDED, TARGET_INFO = 0x10000, 0x80000, 0x800000
FLAGS = UNICODE | TARGET | NTLM | ALWAYS_SIGN | TARGET_DOMAIN | EXTENDED | TARGET_INFO


def md4(data):
    """RFC 1320; OpenSSL 3 has it no more."""
    def turn(value, by):
        value &= 0xFFFFFFFF
        return (value << by | value >> (32 - by)) & 0xFFFFFFFF

    rounds = [
        (lambda b, c, d: (b & c) | (~b & d), 0, range(16), (3, 7, 11, 19)),
        (lambda b, c, d: (b & c) | (b & d) | (c & d), 0x5A827999,
         [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], (3, 5, 9, 13)),
        (lambda b, c, d: b ^ c ^ d, 0x6ED9EBA1,
         [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15))]
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    for at in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[at:at + 64])
        a, b, c, d = state
        for function, constant, order, shifts in rounds:
            for step, word in enumerate(order):
                a = turn(a + function(b, c, d) + words[word] + constant, shifts[step % 4])
                a, b, c, d = d, a, b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def response_key(user, domain, password):
    """NTOWFv2, [MS-NLMP] 3.3.2."""
    key = md4(password.encode("utf-16-le"))
    return hmac.new(key, (user.upper() + domain).encode("utf-16-le"), hashlib.md5).digest()


def pair(kind, value):
    return struct.pack("<HH", kind, len(value)) + value


class NtlmConnection:
    """The sign-in of one connection. `passwords`: {user in lower case: password}."""

    def __init__(self, passwords, domain="CORP"):
        self.passwords, self.domain = passwords, domain
        self.challenge = None   # between the second and the third message
        self.user = None        # once signed in

    def ask(self, authorization):
        """The WWW-Authenticate value of a 401, or None if the request is its user's."""
        if authorization is None:
            return None if self.user else "NTLM"
        scheme, _, token = authorization.partition(" ")
        if scheme != "NTLM":
            return "NTLM"
        self.user = None
        message = base64.b64decode(token, validate=True)
        if message[:8] != SIGNATURE:
            return "NTLM"
        kind = struct.unpack_from("<I", message, 8)[0]
        if kind == 1:
            self.challenge = os.urandom(8)
            return "NTLM " + base64.b64encode(self._second()).decode()
        challenge, self.challenge = self.challenge, None
        if kind == 3 and challenge is not None:
            self.user = self._verify(message, challenge)
        return None if self.user else "NTLM"

    def _second(self):
        name = self.domain.encode("utf-16-le")
        info = pair(2, name) + pair(1, "MAIL".encode("utf-16-le")) + pair(0, b"")
        fixed = 48
        return (SIGNATURE + struct.pack("<I", 2) + struct.pack("<HHI", len(name), len(name), fixed)
                + struct.pack("<I", FLAGS) + self.challenge + bytes(8)
                + struct.pack("<HHI", len(info), len(info), fixed + len(name)) + name + info)

    def _verify(self, message, challenge):
        def field(at):
            length, _, offset = struct.unpack_from("<HHI", message, at)
            assert offset + length <= len(message), "a field that runs over"
            return message[offset:offset + length]

        response, domain, user = field(20), field(28), field(36)
        unicode = struct.unpack_from("<I", message, 60)[0] & UNICODE
        coding = "utf-16-le" if unicode else "latin-1"
        name, realm = user.decode(coding), domain.decode(coding)
        password = self.passwords.get(name.lower())
        if password is None or len(response) < 44:  # anything shorter is NTLMv1
            return None
        proof = hmac.new(response_key(name, realm, password), challenge + response[16:], hashlib.md5).digest()
        return name.lower() if hmac.compare_digest(proof, response[:16]) else None


def self_test():
    """[MS-NLMP] 4.2.4.1.1: the key of User in Domain with the password Password."""
    assert md4(b"abc").hex() == "a448017aaf21d8525fc10ae87aa6729d"
    assert response_key("User", "Domain", "Password").hex() == "0c868a403bfd7a93a3001ef22ef02e3f"
