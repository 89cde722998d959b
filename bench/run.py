#!/usr/bin/python3
"""Compares easgate with HAProxy, nginx and a bare loop on this machine; see README.md.

Usage: bench/run.py [--build DIR] [--easgate FILE] [--rounds N] [--milliseconds N] [--cases A,B] [--hold N,N]
                    [--json FILE] [--smoke]
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cases  # noqa: E402 - the folder must be on the path first
import report  # noqa: E402
from feed import Feed  # noqa: E402
from processes import LOAD_CORE  # noqa: E402
from proxies import Certificates, Upstream  # noqa: E402


class Bench:
    """What all proxies of one run share: certificates, upstream, device table, programs, a folder."""

    def __init__(self, options):
        self.build = pathlib.Path(options.build).resolve()
        self.easgate = pathlib.Path(options.easgate or self.build / "bin" / "easgate").resolve()
        self.haproxy, self.nginx = find("haproxy"), find("nginx")
        self.devices = 10_000
        self.milliseconds = options.milliseconds
        for file in (self.easgate, *map(self.program, ("load", "upstream", "floor"))):
            if not file.is_file():
                sys.exit(f"{file} is missing: build the targets easgate and bench-programs first")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="easgate-bench-"))
        self.certificates = Certificates(self.folder)
        self.upstream = Upstream(self.folder, self.program("upstream"), self.certificates, {LOAD_CORE})
        self.feed = Feed(self.certificates.certificate("feed"), self.certificates.key("feed"), self.devices)

    def program(self, name):
        return self.build / "bin" / f"bench-{name}"

    def close(self, keep):
        self.upstream.stop()
        self.feed.stop()
        if keep:
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def find(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if not found:
        sys.exit(f"{name} is not installed")
    return found


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=HERE.parent / "build" / "release", help="folder of the release build")
    parser.add_argument("--easgate", help="another binary than the build's")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--milliseconds", type=int, default=1500, help="length of one measurement")
    parser.add_argument("--cases", default="", help=f"of {', '.join(cases.NAMES)}")
    parser.add_argument("--hold", default="", help="numbers of held Pings, such as 5000,9500; 0 = none")
    parser.add_argument("--json", help="write every single figure there")
    parser.add_argument("--baseline", action="store_true", help="make the ratios of this run those of baseline.json")
    parser.add_argument("--keep", action="store_true", help="keep the folder with configurations and logs")
    parser.add_argument("--smoke", action="store_true",
                        help="short; fails on a ratio that is 10 %% worse than in baseline.json")
    return parser.parse_args()


def main():
    options = read_arguments()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the proxy, one for load and upstream")
    if options.smoke:
        options.milliseconds = min(options.milliseconds, 500)
    bench = Bench(options)
    begin, failed = time.monotonic(), True
    try:
        if options.smoke:
            status = cases.smoke(bench, json.loads((HERE / "baseline.json").read_text()))
        else:
            figures = cases.run(bench, options)
            if options.json:
                pathlib.Path(options.json).write_text(json.dumps(figures, indent=1))
            if options.baseline:
                (HERE / "baseline.json").write_text(json.dumps(report.baseline(figures), indent=1) + "\n")
            print(report.table(figures))
            status = 0
        failed = False
    finally:
        bench.close(options.keep or failed)
    print(f"took {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
