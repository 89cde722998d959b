"""Starts, watches and ends the processes of a bench: always by their own process id."""

import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

PROXY_CORE, LOAD_CORE = 0, 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(check, what, seconds=20):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} didn't happen within {seconds} s")
        time.sleep(0.02)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Process:
    """A child on given cores. Its output goes to a file, its standard output to us where `talks`."""

    def __init__(self, folder, name, command, cores, talks=False):
        self.name, self.command = name, [str(part) for part in command]
        self._log = open(pathlib.Path(folder) / f"{name}.out", "ab")  # noqa: SIM115 - closed in stop()

        def prepare():
            os.sched_setaffinity(0, cores)
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        self._process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE if talks else self._log, stderr=self._log,
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL, cwd=folder, preexec_fn=prepare, text=talks)

    @property
    def pid(self):
        return self._process.pid

    def line(self):
        """The next line the child prints; an empty text at its end."""
        return self._process.stdout.readline().strip()

    def say(self, text):
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def signal(self, number):
        self._process.send_signal(number)

    def alive(self):
        return self._process.poll() is None

    def stop(self, seconds=10):
        if self.alive():
            self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream:
                stream.close()

    def wait(self, seconds):
        return self._process.wait(seconds)

    # What the kernel says of it and its children.

    def family(self):
        """Process ids of the child and its own children (nginx has a master and workers)."""
        found = [self.pid]
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            found += [int(pid) for pid in (task / "children").read_text().split()]
        return found

    def cpu_ns(self):
        """User and system time of all threads so far."""
        total = 0
        for pid in self.family():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                try:
                    total += int((task / "schedstat").read_text().split()[0])
                except OSError:
                    pass  # a thread that has just ended
        return total

    def pss_kib(self):
        total = 0
        for pid in self.family():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
        return total


def run_load(folder, program, arguments, watched=None):
    """One run of the load client. Returns its numbers, with `cpu_ns` of the watched process."""
    client = Process(folder, "load", [program, *arguments], {LOAD_CORE}, talks=True)
    try:
        said = client.line()
        if said != "ready":
            raise RuntimeError(f"the load client said {said!r}; see {folder}/load.out; {arguments}")
        before = watched.cpu_ns() if watched else 0
        client.say("go")
        text = client.line()
        after = watched.cpu_ns() if watched else 0
    finally:
        client.stop()
    if not text:
        raise RuntimeError(f"the load client ended early; see {folder}/load.out; {arguments}")
    result = json.loads(text)
    result["cpu_ns"] = after - before
    return result


def slab_kib():
    """Kernel memory of the whole machine that sockets and the like live in."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"^Slab:\s+(\d+)", text, re.M).group(1))


SIGNAL_RELEASE = signal.SIGUSR1
