#!/usr/bin/python3
"""System calls of a small request in the steady state, counted within easgate (load/count_calls.cpp).

Usage: bench/syscalls.py [--build DIR] [--connections N] [--milliseconds N]
Prints a line for a plain and a TLS upstream; exits 1 if a request takes more than 4.5. A worker that is
not busy waits for each event by itself, up to twice a request; so its epoll_wait counts only when it had
nine tenths of its core.
"""

import argparse
import json
import re
import sys
import urllib.request

sys.dont_write_bytecode = True

import run
from processes import run_load
from proxies import Easgate

AT_MOST = 4.5
BUSY = 0.9


def count(bench, kind, arguments):
    """Calls of one process, how many requests it had, those of the warm-up included, and its share of a core."""
    counts = bench.folder / f"calls-{kind}.json"
    gate = Easgate(bench, kinds=(kind,), environment={
        "LD_PRELOAD": bench.build / "lib" / "bench-count-calls.so", "EASGATE_BENCH_CALLS": counts})
    try:
        found = run_load(bench.folder, bench.program("load"), ["--port", str(gate.ports[kind]), *arguments],
                         gate.process)
        use = found["cpu_ns"] / 1e9 / found["seconds"]
        with urllib.request.urlopen(f"http://127.0.0.1:{gate.admin}/metrics", timeout=5) as answer:
            found = re.findall(r"^easgate_requests_total\{.*\} (\d+)", answer.read().decode(), re.M)
    finally:
        gate.stop()
    return json.loads(counts.read_text()), sum(map(int, found)), use


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=run.HERE.parent / "build" / "release", help="folder of the release build")
    parser.add_argument("--connections", default="64")
    parser.add_argument("--milliseconds", default=4000, type=int)
    options = parser.parse_args()
    options.easgate = None
    bench, worst = run.Bench(options), 0
    try:
        for kind in ("plain", "tls"):
            calls, requests, use = count(bench, kind, ["--connections", options.connections,
                                                       "--milliseconds", str(options.milliseconds)])
            vain = calls.pop("recv_in_vain")
            total = sum(calls.values()) / requests
            worst = max(worst, total if use > BUSY else total - calls["epoll_wait"] / requests)
            each = ", ".join(f"{name} {number / requests:.3f}" for name, number in calls.items())
            print(f"{kind:6} {total:.2f} a request of {requests}, use {use:.2f}: {each}; "
                  f"recv in vain {vain / requests:.3f}")
    finally:
        bench.close(False)
    return 1 if worst > AT_MOST else 0


if __name__ == "__main__":
    sys.exit(main())
