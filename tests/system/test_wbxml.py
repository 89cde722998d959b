"""`easgate wbxml`: every way in and out, and the same reading as another decoder's."""

import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from harness import EASGATE, run

DATA = pathlib.Path(__file__).resolve().parents[1] / "support" / "eas"
FOLDER_SYNC = "03016a000007564c033134320001 01".replace(" ", "")
DOCUMENTS = {path.stem: bytes.fromhex(path.read_text()) for path in sorted((DATA / "wbxml").glob("*.hex"))}


def raw(*arguments, data=b""):
    return subprocess.run([str(EASGATE), "wbxml", *map(str, arguments)], input=data, capture_output=True, timeout=60,
                          check=False)


def test_a_hex_string_a_file_and_a_pipe(tmp_path):
    document = bytes.fromhex(FOLDER_SYNC)
    file = tmp_path / "body.bin"
    file.write_bytes(document)
    decoded = raw("decode", FOLDER_SYNC)
    assert decoded.returncode == 0 and b"<Status>142</Status>" in decoded.stdout
    for again in (raw("decode", FOLDER_SYNC.upper()), raw("decode", file), raw("decode", data=document),
                  raw("decode", "-", data=document), raw("decode", data=FOLDER_SYNC.encode() + b"\n")):
        assert (again.returncode, again.stdout) == (0, decoded.stdout), again.stderr
    text = tmp_path / "body.xml"
    text.write_bytes(decoded.stdout)
    for encoded in (raw("encode", text), raw("encode", data=decoded.stdout), raw("encode", "-", data=decoded.stdout),
                    raw("encode", decoded.stdout.hex())):
        assert (encoded.returncode, encoded.stdout) == (0, document), encoded.stderr
    assert raw("encode", "--hex", text).stdout.decode() == FOLDER_SYNC + "\n"


@pytest.mark.parametrize("way, data", [
    ("decode", b""), ("decode", b"<Sync/>"), ("decode", bytes.fromhex(FOLDER_SYNC)[:-1]),
    ("decode", bytes.fromhex(FOLDER_SYNC) + b"\0"), ("encode", b""), ("encode", b"<Sync/>"),
    ("encode", b"<Sync xmlns='AirSync:'>"), ("encode", bytes.fromhex(FOLDER_SYNC))])
def test_malformed_exits_1_and_says_where(way, data):
    done = raw(way, data=data)
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.startswith(b"easgate wbxml: " + (b"byte " if way == "decode" else b"line "))


def test_usage_exits_64(tmp_path):
    for arguments in ([], ["recode"], ["decode", "00", "11"], ["decode", tmp_path / "nowhere"], ["decode", tmp_path]):
        done = run("wbxml", *arguments)
        assert done.returncode == 64 and done.stderr.count("\n") == 1, arguments
    assert raw("decode", "03016").returncode == 1, "half a byte"


def test_every_document_comes_back_to_the_byte():
    assert len(DOCUMENTS) == 47
    for name, document in DOCUMENTS.items():
        decoded = raw("decode", data=document)
        assert decoded.returncode == 0, (name, decoded.stderr)
        assert raw("encode", data=decoded.stdout).stdout == document, name


# Its tables are older: other names for a few tags, and nothing of 16.1.
OTHER_NAMES = ("w07", "w14", "w15", "w26", "w37", "w52", "w54")


def elements(xml):
    """Depth, name and text of each element; names without letter case, for it says MIME where we say Mime."""
    def walk(element, depth):
        plain = element.get("content") is None
        yield depth, element.tag.lower(), (element.text or "").strip() if plain and len(element) == 0 else None
        for child in element:
            yield from walk(child, depth + 1)
    return list(walk(ElementTree.fromstring(xml), 0))


def test_another_decoder_reads_the_same(tmp_path):
    compared = 0
    for name, document in DOCUMENTS.items():
        if name.startswith(OTHER_NAMES):
            continue
        file = tmp_path / name
        file.write_bytes(document)
        theirs = subprocess.run(["wbxml2xml", "-l", "ACTIVESYNC", "-m", "0", "-o", "-", str(file)], capture_output=True,
                                timeout=60, check=True).stdout
        ours = elements(raw("decode", file).stdout)
        other = elements(theirs)
        assert [entry[:2] for entry in ours] == [entry[:2] for entry in other], name
        assert all(mine[2] is None or mine[2] == its[2] for mine, its in zip(ours, other)), name
        compared += 1
    assert compared == 40
