#!/usr/bin/python3
"""Instructions of each micro bench, counted by valgrind, against the budgets in budgets.json.

Usage: bench/micro/count.py [--build DIR] [--write]
Prints a table; exits 1 if a count is more than 10 % over its budget.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TIMES = 2000
TOLERANCE = 1.10


def instructions(program, name):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
                           "--toggle-collect=*operate*", program, "--repeat", name, str(TIMES)],
                          capture_output=True, text=True, timeout=600, check=True)
    return round(int(re.search(r"Collected : (\d+)", done.stderr).group(1)) / TIMES)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=HERE.parents[1] / "build" / "release")
    parser.add_argument("--write", action="store_true", help="make the counts the budgets")
    options = parser.parse_args()
    program = pathlib.Path(options.build) / "bin" / "bench-micro"
    file = HERE / "budgets.json"
    budgets = json.loads(file.read_text())
    over = 0
    for name, budget in budgets.items():
        count = instructions(program, name)
        bad = count > budget * TOLERANCE
        over += bad
        print(f"{name:16} {count:8} instructions, budget {budget}{'  OVER' if bad and not options.write else ''}",
              flush=True)
        budgets[name] = count
    if options.write:
        file.write_text(json.dumps(budgets, indent=1) + "\n")
        return 0
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
