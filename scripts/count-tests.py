#!/usr/bin/python3
"""Adds up what scripts/test.sh ran: prints the failures by name, then `N passed, N failed`.

A doctest program counts each of its test cases, any other CTest test counts one, pytest counts its tests.
A build step counts only when it fails: what it would have built can't have passed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def counted(case):
    """(passed, failed) of one <testcase>."""
    bad = case.find("failure") is not None or case.find("error") is not None
    bad = bad or case.get("status") == "fail"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return 0, 1 if case.get("status") == "notrun" else 0
    totals = DOCTEST.search(re.sub(r"\x1b\[[0-9;]*m", "", case.findtext("system-out") or ""))
    if not totals:
        return (0, 1) if bad else (1, 0)
    passed, failed = int(totals.group(2)), int(totals.group(3))
    return passed, max(failed, 1 if bad else 0)


def count_file(path, names):
    passed = failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        good, bad = counted(case)
        passed, failed = passed + good, failed + bad
        if bad:
            names.append(f"{path.stem}: {case.get('classname', '')} {case.get('name')}")
    return passed, failed


def main():
    logs = pathlib.Path(sys.argv[1])
    passed = failed = 0
    names = []
    for line in (logs / "steps").read_text().splitlines():
        kind, name, status = line.split("\t")
        good = bad = 0
        results = logs / f"{name}.xml"
        if kind in ("ctest", "pytest") and results.is_file():
            try:
                good, bad = count_file(results, names)
            except ElementTree.ParseError:
                names.append(f"{name}: unreadable results")
                bad = 1
        elif kind == "one" and status == "0":
            good = 1
        if status != "0" and bad == 0:
            bad = 1
            names.append(f"{name}: exit status {status}")
        if kind in ("ctest", "pytest") and good + bad == 0:
            bad = 1
            names.append(f"{name}: no test ran")
        passed, failed = passed + good, failed + bad
    for name in names:
        print(f"failed: {name}")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
