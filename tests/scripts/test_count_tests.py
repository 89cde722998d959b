"""scripts/count-tests.py: what counts as passed, and that nothing that didn't run passes."""

import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "count-tests.py"
DOCTEST = "[doctest] test cases: 7 | {} passed | {} failed | 0 skipped"


def count(folder, steps, **files):
    (folder / "steps").write_text("".join("\t".join(map(str, step)) + "\n" for step in steps))
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.xml").write_text(text)
    done = subprocess.run([SCRIPT, folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip().split("\n")[-1]


def suite(*cases):
    return "<testsuite>" + "".join(cases) + "</testsuite>"


def case(output="", inside="", status="run"):
    return f'<testcase name="x" status="{status}">{inside}<system-out>{output}</system-out></testcase>'


@pytest.mark.parametrize("steps,files,status,line", [
    ([("ctest", "a", 0)], {"a": suite(case(DOCTEST.format(7, 0)), case("plain"))}, 0, "8 passed, 0 failed"),
    ([("ctest", "a", 8)], {"a": suite(case(DOCTEST.format(5, 2), "<failure/>", "fail"))}, 1, "5 passed, 2 failed"),
    ([("ctest", "a", 8)], {"a": suite(case(DOCTEST.format(7, 0), "<failure/>", "fail"))}, 1, "7 passed, 1 failed"),
    ([("ctest", "a", 8)], {"a": suite(case("crash", "<failure/>", "fail"))}, 1, "0 passed, 1 failed"),
    ([("pytest", "a", 1)], {"a": suite(case(), case("", "<error/>"), case("", "<skipped/>"))}, 1, "1 passed, 1 failed"),
    ([("pytest", "a", 0)], {}, 1, "0 passed, 1 failed"),
    ([("pytest", "a", 0)], {"a": suite()}, 1, "0 passed, 1 failed"),
    ([("pytest", "a", 2)], {"a": "<broken"}, 1, "0 passed, 1 failed"),
    ([("build", "b", 0), ("one", "q", 0)], {}, 0, "1 passed, 0 failed"),
    ([("build", "b", 1), ("one", "q", 0)], {}, 1, "1 passed, 1 failed"),
    ([("one", "q", 3)], {}, 1, "0 passed, 1 failed"),
    ([("build", "b", 0)], {}, 1, "0 passed, 0 failed"),
])
def test_count(tmp_path, steps, files, status, line):
    assert count(tmp_path, steps, **files) == (status, line)
