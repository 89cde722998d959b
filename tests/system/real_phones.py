"""Phones for the tests with real mail servers: `easgate phone`, and the one in Python, which speak TLS to the gate."""

import http.client
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from demo_phone import Phone
from harness import EASGATE, eventually


def easgate_phone(gate, *options, user="alice", device="PHONE1"):
    """Runs `easgate phone`; (exit status, what it printed)."""
    command = [EASGATE, "phone", f"https://localhost:{gate.port}", "--user", user, "--device-id", device,
               "--ca", gate.pki.gate_ca.file, "--ping", "5", *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False,
                          env=os.environ | {"EASGATE_PHONE_PASSWORD": "secret"})
    return done.returncode, done.stdout + done.stderr


def python_phone(gate, device="PHONE1", user="alice", version="14.1", **more):
    return Phone(gate.port, device, user, version=version, tls=gate.tls_context(), host="localhost", timeout=90, **more)


def inbox_of(phone):
    _, root = phone.folder_sync()
    assert root.value("Status") == "1"
    return next(f.value("ServerId") for f in root.find("Changes").all("Add") if f.value("Type") == "2")


def subjects(phone, inbox):
    """What a phone that starts anew finds in its inbox."""
    _, root = phone.sync("0", inbox)
    found, key = [], root.value("Collections", "Collection", "SyncKey")
    while True:
        _, root = phone.sync(key, inbox)
        collection = root.find("Collections", "Collection") if root else None
        if collection is None or collection.value("SyncKey") == key:
            return found
        key = collection.value("SyncKey")
        commands = collection.find("Commands")
        found += [add.value("ApplicationData", "Subject") for add in (commands.all("Add") if commands else [])]


def hold(gate, phone, inbox, wait_until_it_waits):
    """A Ping of a minute in a thread; what came of it will be in the list, with the time."""
    outcome = []

    def wait():
        try:
            outcome.append((phone.ping(60, inbox), time.monotonic()))
        except (http.client.HTTPException, OSError) as error:
            outcome.append((error, time.monotonic()))

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: gate.metric("easgate_held_connections") >= 1, what="a held Ping")
    wait_until_it_waits()
    assert not outcome, f"the Ping didn't wait: {outcome}"
    return thread, outcome


def send_in_chunks(phone, to, subject, size):
    """SendMail of 12.1 in two chunks, with a pause in which the first one goes its way alone, else an nginx between
    may have both and know the length; the answer's status and body."""
    mime = f"To: {to}\r\nSubject: {subject}\r\n\r\n".encode() + b"x" * size + b"\r\n"

    def pieces():
        yield mime[:30]
        time.sleep(0.2)
        yield mime[30:]

    phone.connection.request("POST", phone.target("SendMail", SaveInSent="T"), pieces(),
                             phone.headers("SendMail", "message/rfc822"), encode_chunked=True)
    answer = phone.connection.getresponse()
    content = answer.read()
    phone.connection.close()
    return answer.status, content
