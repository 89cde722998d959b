#!/usr/bin/python3
"""System calls of a small request in the steady state, counted within easgate (load/count_calls.cpp).

Usage: bench/syscalls.py [--build DIR] [--connections N] [--milliseconds N]
Prints a table for a plain and a TLS upstream; exits 1 if a request takes more than 4.5.
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


def count(bench, kind, arguments):
    """Calls of one process and how many requests it had, those of the warm-up included."""
    counts = bench.folder / f"calls-{kind}.json"
    gate = Easgate(bench, kinds=(kind,), environment={
        "LD_PRELOAD": bench.build / "lib" / "bench-count-calls.so", "EASGATE_BENCH_CALLS": counts})
    try:
        run_load(bench.folder, bench.program("load"), ["--port", str(gate.ports[kind]), *arguments])
        with urllib.request.urlopen(f"http://127.0.0.1:{gate.admin}/metrics", timeout=5) as answer:
            found = re.findall(r"^easgate_requests_total\{.*\} (\d+)", answer.read().decode(), re.M)
    finally:
        gate.stop()
    return json.loads(counts.read_text()), sum(map(int, found))


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
            calls, requests = count(bench, kind, ["--connections", options.connections,
                                                  "--milliseconds", str(options.milliseconds)])
            vain = calls.pop("recv_in_vain")
            total = sum(calls.values()) / requests
            worst = max(worst, total)
            each = ", ".join(f"{name} {number / requests:.3f}" for name, number in calls.items())
            print(f"{kind:6} {total:.2f} a request of {requests}: {each}; recv in vain {vain / requests:.3f}")
    finally:
        bench.close(False)
    return 1 if worst > AT_MOST else 0


if __name__ == "__main__":
    sys.exit(main())
