#!/usr/bin/python3
"""Style as a test: sizes, who includes whom, words, headers that compile alone, tests in their place.

Usage: scripts/tidy.py [--root DIR] [--no-headers] [--cache FILE]
Prints one line a problem, `path:line: what is wrong and what to do`, and exits 1 if there is any.
The rules are explained in .github/CONTRIBUTING.md; a rule changes there and here in the same commit.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

FILE_LINES_WARN = 400
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
BLOB_BYTES_MAX = 1 << 20
CODE_FOLDERS = ("proxy", "filters", "certs", "mdm", "tests", "bench")
CODE_ENDINGS = {".h", ".cpp"}
TEXT_ENDINGS = {".py", ".sh", ".md", ".yaml", ".yml", ".cmake", ".txt", ".json"} | CODE_ENDINGS
SKIPPED_FOLDERS = {"build", ".git", "__pycache__", "corpus", ".pytest_cache", ".run"}

# Left may include right, and itself. Tests, benches and the two main.cpp may include everything.
MAY_INCLUDE = {
    "proxy/base": set(),
    "proxy/http": {"proxy/base"},
    "proxy/device": {"proxy/base"},
    "proxy/log": {"proxy/base"},
    "proxy/config": {"proxy/base"},
    "certs": {"proxy/base"},
    "proxy/net": {"proxy/base", "certs"},
    "filters": {"proxy/base", "proxy/http", "proxy/device", "proxy/config"},
    "proxy/server": {"proxy/base", "proxy/http", "proxy/net", "proxy/log"},
    "proxy/upstream": {"proxy/base", "proxy/http", "proxy/net"},
    "proxy/gate": {"proxy/base", "proxy/http", "proxy/device", "proxy/log", "proxy/config", "proxy/net",
                   "proxy/server", "proxy/upstream", "filters", "certs"},
    "mdm": {"proxy/base", "proxy/http", "proxy/device", "proxy/net", "proxy/log", "proxy/server", "proxy/config",
            "certs"},
}
MAY_INCLUDE["proxy/commands"] = MAY_INCLUDE["proxy/gate"] | {"proxy/gate"}

# A library's headers (regular expression), where they may be included, and why.
LIBRARIES = [
    (r"event2/|event\.h$", ("proxy/net/",), "libevent stays in proxy/net"),
    (r"openssl/ssl\.h$", ("proxy/net/",), "OpenSSL's SSL stays in proxy/net"),
    (r"yaml-cpp/", ("proxy/config/section.cpp", "proxy/config/section_"), "yaml-cpp stays in section.cpp"),
    (r"curl/", ("proxy/gate/device_feed", "proxy/gate/feed_", "proxy/commands/"),
     "libcurl is for the device feed and the commands"),
    (r"CLI/", ("proxy/main.cpp", "mdm/main.cpp"), "CLI11 stays in one file a program"),
    (r"soci/|soci\.h$|sqlite3\.h$", ("mdm/store",), "the database stays in mdm/store"),
    (r"regex$", (), "std::regex is slow to compile and backtracks; write the few comparisons out"),
    (r"iostream$", (), "fmt prints; iostream brings static constructors"),
]

# Unit tests of something that is no source file.
TESTS_OF_DATA = {"tests/unit/config/conf_files_test.cpp"}

# Parts of identifiers that name a thing for which we have another word.
WRONG_WORDS = {
    "downstream": "say client", "frontend": "say client", "backend": "say upstream",
    "session": "say Connection or Transaction", "vhost": "say Instance", "reactor": "say Worker",
    "executor": "say Worker", "acl": "say Verdict",
}
# Identifiers that others fixed: configuration keys, and names of OpenSSL, SOCI and TLS itself.
WORDS_ALLOWED = re.compile(
    r"backend_(ca_file|allow_all_certificates|seconds|duration)\w*|\w*SSL_\w*|session_id_context\w*|\w*tls_session\w*|\w*TlsSession\w*")
SESSION_ALLOWED = ("proxy/net/tls", "proxy/net/session", "mdm/store", "tests/")

FORBIDDEN_TEXT = [
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "finish it or leave it out; plans live in the tracker"),
    (re.compile(r"\bstd::(basic_)?w?regex\b"), "no std::regex"),
    (re.compile(r"(?<![\w.>:])(::|std::)?(system|popen)\s*\("), "no shell is ever started"),
    (re.compile(r"\bstrcpy\s*\(|\bsprintf\s*\(|\bgets\s*\("), "unbounded C function"),
]


class Report:
    """Collects problems; warnings are printed but don't fail."""

    def __init__(self):
        self.errors, self.warnings = [], []

    def error(self, path, line, text):
        self.errors.append(f"{path}:{line}: {text}")

    def warn(self, path, line, text):
        self.warnings.append(f"{path}:{line}: warning: {text}")


def scrub(text):
    """C++ without comments, and with empty string and character literals; lines keep their numbers."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s\\]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)

    def blank(match):
        found = match.group(0)
        kept = "\n" * found.count("\n")
        return kept if found.startswith("/") else '""' + kept

    return pattern.sub(blank, text)


def functions(scrubbed):
    """Yields (line, number of lines) of each function body; a rough brace matcher, good to a line or two."""
    stack, header, line = [], "", 1
    for character in scrubbed:
        if character == "\n":
            line += 1
        if character == "{":
            words = re.sub(r"^(\s|#[^\n]*\n)+", "", header)
            kind = "other"
            if re.match(r'(inline\s+)?namespace\b|extern\s+""', words):
                kind = "container"
            elif re.match(r"(template\s*<.*>\s*)?(class|struct|union|enum)\b[^()]*$", words, re.S):
                kind = "container"
            elif "(" in words and not re.search(r"=\s*$", words):
                kind = "function"
            outside = all(entry[0] == "container" for entry in stack)
            stack.append((kind if outside else "other", line))
            header = ""
        elif character == "}":
            if stack:
                kind, start = stack.pop()
                if kind == "function":
                    yield start, line - start + 1
            header = ""
        elif character == ";":
            header = ""
        else:
            header += character


def folder_of(path):
    """The folder of the include rules that a path lies in, or None for tests, benches and main.cpp."""
    if path in ("proxy/main.cpp", "mdm/main.cpp"):
        return None
    parts = path.split("/")
    name = "/".join(parts[:2]) if parts[0] == "proxy" else parts[0]
    return name if name in MAY_INCLUDE else None


def check_includes(path, text, root, report):
    own = folder_of(path)
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, name = match.group(1) == '"', match.group(2)
        if quoted:
            if not (root / name).is_file():
                report.error(path, number, f'"{name}" is not written from the root, or does not exist')
            target = folder_of(name)
            if own and target and target != own and target not in MAY_INCLUDE[own]:
                report.error(path, number, f"{own} may not include {target} (.github/CONTRIBUTING.md, Layers)")
            if own and name.split("/")[0] in ("tests", "bench"):
                report.error(path, number, "the product includes nothing of its tests")
            continue
        if path.startswith(("tests/", "bench/")):
            continue
        for pattern, places, why in LIBRARIES:
            if re.match(pattern, name) and not path.startswith(places or ("\0",)):
                report.error(path, number, f"<{name}>: {why}")


def identifier_parts(identifier):
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)]


def check_words(path, scrubbed, report):
    for number, line in enumerate(scrubbed.split("\n"), 1):
        if line.lstrip().startswith("#include"):
            continue
        for identifier in re.findall(r"[A-Za-z_]\w*", line):
            if WORDS_ALLOWED.fullmatch(identifier):
                continue
            for part in identifier_parts(identifier):
                if part in WRONG_WORDS and not (part == "session" and path.startswith(SESSION_ALLOWED)):
                    report.error(path, number, f"{identifier}: {WRONG_WORDS[part]}")


def check_code(path, text, root, report):
    scrubbed = scrub(text)
    check_includes(path, text, root, report)
    check_words(path, scrubbed, report)
    for pattern, why in FORBIDDEN_TEXT[1:]:
        for match in pattern.finditer(scrubbed):
            report.error(path, scrubbed.count("\n", 0, match.start()) + 1, f"{match.group(0).strip()}: {why}")
    if path.startswith(("tests/", "bench/")):
        return
    for start, lines in functions(scrubbed):
        if lines > FUNCTION_LINES_MAX:
            report.error(path, start, f"a function of {lines} lines; {FUNCTION_LINES_MAX} at most")
    if path.endswith(".h"):
        if not text.startswith("///"):
            report.error(path, 1, "a header opens with what the thing is: a /// comment")
        if "#pragma once" not in text:
            report.error(path, 1, "#pragma once is missing")


def check_text(path, text, report):
    lines = text.count("\n")
    is_list = path.endswith((".json", ".txt", "CHANGELOG.md")) or path.startswith("tests/golden/")
    if lines > FILE_LINES_MAX and not is_list:
        report.error(path, 1, f"{lines} lines; split it ({FILE_LINES_MAX} at most, 120 is a good size)")
    elif lines > FILE_LINES_WARN and not is_list:
        report.warn(path, 1, f"{lines} lines; over {FILE_LINES_WARN} is a smell")
    pattern, why = FORBIDDEN_TEXT[0]
    for number, line in enumerate(text.split("\n"), 1):
        if pattern.search(line) and path != "scripts/tidy.py" and "tidy" not in path:
            report.error(path, number, f"{pattern.search(line).group(0)}: {why}")
        if path.startswith("tests/golden/"):
            continue
        if line != line.rstrip() and not path.endswith(".md"):
            report.error(path, number, "white space at the end of the line")
        if "\t" in line and path.split(".")[-1] in ("h", "cpp", "py"):
            report.error(path, number, "a tab; four spaces here")
    if text and not text.endswith("\n") and not path.startswith("tests/golden/"):
        report.error(path, lines + 1, "no newline at the end of the file")


def check_mirrors(paths, report):
    """Each unit test stands where its source stands (`proxy/` is left out); `name_detail_test.cpp` splits one."""
    sources = {path.rsplit(".", 1)[0] for path in paths if path.endswith((".h", ".cpp"))}
    for path in paths:
        if not path.startswith("tests/unit/") or not path.endswith("_test.cpp") or path in TESTS_OF_DATA:
            continue
        folder, name = path[len("tests/unit/"):-len("_test.cpp")].rsplit("/", 1)
        parts = name.split("_")
        stems = ["_".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if not any(f"{place}{folder}/{stem}" in sources for place in ("", "proxy/") for stem in stems):
            report.error(path, 1, f"no source {folder}/{name}.cpp or .h that this test is for")


def check_scripts(root, paths, report):
    for path in paths:
        full = root / path
        first = full.read_bytes()[:64].split(b"\n")[0]
        if first.startswith(b"#!"):
            if b"python" in first and first != b"#!/usr/bin/python3":
                report.error(path, 1, "#!/usr/bin/python3, Debian's own")
            if not os.access(full, os.X_OK):
                report.error(path, 1, "has a #! line but is not executable")


def closure(path, texts, seen):
    """The project headers that a header pulls in, itself included."""
    if path in seen or path not in texts:
        return seen
    seen.add(path)
    for name in re.findall(r'#\s*include\s*"([^"]+)"', texts[path]):
        closure(name, texts, seen)
    return seen


def compile_header(root, path):
    command = ["g++-12", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-x", "c++", "-I", str(root),
               f'-DEASGATE_TESTS_DIR="{root}/tests"', "-include", str(root / path), "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return path, done.returncode == 0, done.stderr


def check_headers(root, texts, cache_file, report):
    headers = [path for path in texts if path.endswith(".h") and not path.startswith("bench/")]
    cache = json.loads(cache_file.read_text()) if cache_file.is_file() else {}
    keys = {}
    for path in headers:
        digest = hashlib.sha256()
        for name in sorted(closure(path, texts, set())):
            digest.update(f"{name}\0{texts[name]}\0".encode())
        keys[path] = digest.hexdigest()
    due = [path for path in headers if cache.get(path) != keys[path]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, good, output in pool.map(lambda name: compile_header(root, name), due):
            if good:
                cache[path] = keys[path]
            else:
                first = next((line for line in output.split("\n") if "error" in line), output[:200])
                report.error(path, 1, f"does not compile alone: {first}")
    cache_file.parent.mkdir(parents=True, exist_ok=True)
    cache_file.write_text(json.dumps({path: cache[path] for path in headers if path in cache}))


def all_paths(root):
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        here = pathlib.Path(folder).relative_to(root)
        found += [str(here / name) for name in sorted(files)]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--no-headers", action="store_true", help="skip compiling each header alone")
    options = parser.parse_args()
    root, report = options.root.resolve(), Report()

    paths = all_paths(root)
    texts = {}
    for path in paths:
        full = root / path
        if full.stat().st_size > BLOB_BYTES_MAX:
            report.error(path, 1, "over 1 MiB: make it in the test, or keep it out")
            continue
        if full.suffix not in TEXT_ENDINGS:
            continue
        try:
            texts[path] = full.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            report.error(path, 1, "is not UTF-8")
    for path, text in texts.items():
        check_text(path, text, report)
        if path.startswith(CODE_FOLDERS) and pathlib.Path(path).suffix in CODE_ENDINGS:
            check_code(path, text, root, report)
    check_mirrors(paths, report)
    check_scripts(root, paths, report)
    if not options.no_headers:
        code = {path: text for path, text in texts.items() if path.startswith(CODE_FOLDERS)}
        check_headers(root, code, options.cache or root / "build" / "tidy-headers.json", report)

    for line in report.warnings + report.errors:
        print(line)
    print(f"{len(texts)} files, {len(report.warnings)} warnings, {len(report.errors)} problems")
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
