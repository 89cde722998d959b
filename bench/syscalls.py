#!/usr/bin/python3
"""System calls of a small request in the steady state, counted within easgate (load/count_calls.cpp).

Usage: bench/syscalls.py [--build DIR] [--connections N] [--milliseconds N]
Prints a line for a plain and a TLS upstream; exits 1 if a request takes more than 4.5. A worker that is
not busy waits for each event by itself, up to twice a request; so a run in which it had less than nine tenths
of its core is made again, and five of them are a failure.
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
TRIES = 5


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


def count_busy(bench, kind, arguments):
    """Calls a request of a run with a busy worker, or None; says what it saw."""
    for _ in range(TRIES):
        calls, requests, use = count(bench, kind, arguments)
        vain = calls.pop("recv_in_vain")
        total = sum(calls.values()) / requests
        each = ", ".join(f"{name} {number / requests:.3f}" for name, number in calls.items())
        print(f"{kind:6} {total:.2f} a request of {requests}, use {use:.2f}: {each}; "
              f"recv in vain {vain / requests:.3f}")
        if use > BUSY:
            return total
    print(f"{kind}: the load never kept the worker busy; run it again on a quiet machine")
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=run.HERE.parent / "build" / "release", help="folder of the release build")
    parser.add_argument("--connections", default="64")
    parser.add_argument("--milliseconds", default=4000, type=int)
    options = parser.parse_args()
    options.easgate = None
    bench = run.Bench(options)
    arguments = ["--connections", options.connections, "--milliseconds", str(options.milliseconds)]
    try:
        found = [count_busy(bench, kind, arguments) for kind in ("plain", "tls")]
    finally:
        bench.close(False)
    return 0 if all(total is not None and total <= AT_MOST for total in found) else 1


if __name__ == "__main__":
    sys.exit(main())
