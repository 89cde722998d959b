"""scripts/tidy.py finds what it is there for: one small bad tree a rule."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = "/// A thing.\n#pragma once\n"


def tidy(folder, files, headers=False):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [ROOT / "scripts" / "tidy.py", "--root", folder, "--cache", folder / "build" / "cache.json"]
    done = subprocess.run(command + ([] if headers else ["--no-headers"]), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


GOOD = {
    "proxy/base/text.h": HEADER + "int f();\n",
    "proxy/http/head.h": HEADER + '#include "proxy/base/text.h"\n',
    "proxy/http/head.cpp": '#include "proxy/http/head.h"\n// A session in a comment, and "backend" in words.\n'
                           'const char* t = "downstream TO" "DO";\n',
    "tests/unit/http/head_test.cpp": '#include "proxy/http/head.h"\n',
    "tests/unit/http/head_limits_test.cpp": '#include "proxy/http/head.h"\n',
}


def test_a_tidy_tree_passes(tmp_path):
    status, output = tidy(tmp_path, GOOD, headers=True)
    assert status == 0, output


@pytest.mark.parametrize("name,text,words", [
    ("proxy/base/a.cpp", '#include "proxy/http/head.h"\n', "proxy/base may not include proxy/http"),
    ("filters/a.cpp", '#include "proxy/net/loop.h"\n', "does not exist"),
    ("mdm/a.cpp", '#include "filters/b.h"\n', "mdm may not include filters"),
    ("proxy/http/a.cpp", '#include "head.h"\n', "not written from the root"),
    ("proxy/http/a.cpp", "#include <openssl/ssl.h>\n", "stays in proxy/net"),
    ("proxy/server/a.cpp", "#include <event2/event.h>\n", "stays in proxy/net"),
    ("proxy/config/read.cpp", "#include <yaml-cpp/yaml.h>\n", "section.cpp"),
    ("proxy/gate/relay.cpp", "#include <curl/curl.h>\n", "libcurl"),
    ("proxy/gate/relay.cpp", "#include <CLI/CLI.hpp>\n", "CLI11"),
    ("mdm/web/a.cpp", "#include <soci/soci.h>\n", "mdm/store"),
    ("proxy/base/a.cpp", "#include <regex>\n", "regex"),
    ("proxy/base/a.cpp", "int downstream_count;\n", "say client"),
    ("proxy/base/a.cpp", "class UserSession;\n", "say Connection"),
    ("proxy/base/a.cpp", "// TO" "DO: later\n", "finish it"),
    ("proxy/base/a.cpp", 'int f() { return system("x"); }\n', "no shell"),
    ("proxy/base/a.cpp", 'auto f() { return ::popen("x", "r"); }\n', "no shell"),
    ("proxy/base/a.cpp", "int f() {\n" + "    g();\n" * 80 + "}\n", "a function of 82 lines"),
    ("proxy/base/a.cpp", "namespace a {\nint A::f(int x) const {\n" + "    g();\n" * 80 + "}\n}\n", "a function of 82"),
    ("proxy/base/a.cpp", "int x;\n" * 601, "601 lines"),
    ("proxy/base/a.cpp", "int x; \n", "white space"),
    ("proxy/base/a.cpp", "\tint x;\n", "a tab"),
    ("proxy/base/a.cpp", "int x;", "no newline"),
    ("proxy/base/a.h", "#pragma once\n", "opens with what the thing is"),
    ("proxy/base/a.h", "/// A thing.\n", "#pragma once"),
    ("tests/unit/proxy/http/tail_test.cpp", "int x;\n", "no source proxy/http/tail"),
    ("tests/unit/http/tail_test.cpp", "int x;\n", "no source http/tail"),
    ("scripts/a.py", "#!/usr/bin/env python3\n", "/usr/bin/python3"),
])
def test_a_broken_rule_is_found(tmp_path, name, text, words):
    extra = {"filters/b.h": HEADER} if words.startswith("mdm") else {}
    status, output = tidy(tmp_path, {**GOOD, **extra, name: text})
    assert status == 1 and words in output and name in output, output


def test_a_header_that_leans_on_others_is_found(tmp_path):
    status, output = tidy(tmp_path, {**GOOD, "proxy/base/lean.h": HEADER + "std::string f();\n"}, headers=True)
    assert status == 1 and "lean.h:1: does not compile alone" in output


def test_a_long_table_is_not_a_function(tmp_path):
    table = "constexpr int kTable[] = {\n" + "    1,\n" * 100 + "};\nstruct S {\n" + "    int a();\n" * 100 + "};\n"
    status, output = tidy(tmp_path, {**GOOD, "proxy/base/a.cpp": table})
    assert status == 0, output
