"""`easgate` from the command line: exit statuses, what is printed, and what is not."""

import json
import re

import pytest
from harness import PATH, eventually, options, post, query, run, to_yaml

POST_LINE = f"POST {PATH}?{query()} HTTP/1.1"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run"], ["check"], ["run", "--config"], ["check", "--confg", "x"],
                                       ["explain", "--config", "x"], ["version", "--nonsense"],
                                       ["check", "--config", "x", "--format", "xml"]])
def test_usage_errors_exit_64(arguments):
    done = run(*arguments)
    assert done.returncode == 64
    assert done.stderr.strip() and done.stdout == ""


@pytest.mark.parametrize("command", [None, "run", "check", "explain", "status", "devices", "version", "phone", "wbxml"])
def test_help(command):
    done = run(*([command] if command else []), "--help")
    assert done.returncode == 0 and "sage" in done.stdout


def test_version():
    done = run("version")
    assert done.returncode == 0
    for word in ("easgate", "OpenSSL", "libevent"):
        assert word.lower() in done.stdout.lower()


# check


def check(gate, *more):
    return run("check", "--config", gate.config_file, *more)


def test_check_passes(make_gate):
    gate = make_gate()
    done = check(gate)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_json(make_gate):
    done = check(make_gate(), "--format", "json")
    assert done.returncode == 0
    json.loads(done.stdout)


def test_check_online(make_gate, upstream, mdm):
    gate = make_gate()
    assert check(gate, "--online").returncode == 0
    upstream.stop()
    assert check(gate, "--online").returncode == 1
    upstream.start()
    mdm.stop()
    assert check(gate, "--online").returncode == 1


def test_check_online_beside_the_running_node(gate):
    assert check(gate, "--online").returncode == 0
    assert gate.ask(post()).status == 200


def test_check_unreadable(tmp_path):
    assert run("check", "--config", tmp_path / "gone.yaml").returncode == 2
    broken = tmp_path / "broken.yaml"
    for text in ("node: [\n", "a: 'b\n", "\t- x\n", "{"):
        broken.write_text(text)
        assert run("check", "--config", broken).returncode == 2, text
    broken.write_bytes(b"node: \xff\xfe\n")
    assert run("check", "--config", broken).returncode in (1, 2)


@pytest.mark.parametrize("old,new,words", [
    ("workers: 2", "wrkers: 2", ["wrkers", "workers"]),
    ("workers: 2", "workers: many", ["workers"]),
    ("workers: 2", "workers: 2\n  workers: 3", ["workers", "twice|double|duplicate|already|once|repeated|second"]),
    ("workers: 2", "workers: 010", ["workers"]),
    ("workers: 2", "workers: -1", ["workers"]),
    ('drain_timeout: 5s', "drain_timeout: 5", ["drain_timeout"]),
    ('drain_timeout: 5s', "drain_timeout: 5 parsecs", ["drain_timeout"]),
    ('drain_timeout: 5s', "drain_timeout: 99999999999999999999s", ["drain_timeout"]),
    ('type: "eas-proxy"', 'type: "nonsense"', ["type", "eas-proxy"]),
    ('name: "mail"', 'name: "MAIL_1"', ["name"]),
    ("tls: false", "tls: perhaps", ["tls"]),
    ("ssl: false", "ssl: [1]", ["ssl"]),
])
def test_check_names_line_column_and_key(make_gate, old, new, words):
    gate = make_gate()
    text = gate.config_file.read_text()
    assert old in text
    gate.write(text.replace(old, new, 1))
    done = check(gate)
    output = done.stdout + done.stderr
    assert done.returncode in (1, 2)
    first_changed = next(index for index, (one, two) in enumerate(
        zip(text.split("\n"), gate.config_file.read_text().split("\n")), 1) if one != two)
    assert re.search(rf"easgate\.yaml:({first_changed}|{first_changed + 1}|{first_changed - 1}):\d+", output), output
    for word in words:
        assert re.search(word, output), f"{word}: {output}"
    assert "^" in output


def test_check_reports_everything_at_once(make_gate):
    gate = make_gate()
    text = gate.config_file.read_text().replace("workers: 2", "workers: many").replace("tls: false", "tls: perhaps")
    gate.write(text.replace("ssl: false", "sssl: false"))
    output = check(gate).stdout
    assert all(word in output for word in ("workers", "tls", "sssl"))


def test_check_finds_what_files_hold(make_gate, pki, tmp_path):
    gate = make_gate()
    gate.change_instance(tls=True)
    for settings in ({"certificate_file": "/nowhere.pem"}, {"private_key_file": pki.alice.key},
                     {"certificate_file": gate.config_file}):
        before = gate.settings
        gate.change(tls=settings)
        done = check(gate)
        assert done.returncode == 1, settings
        gate.settings = before
        gate.write()


def test_run_refuses_what_check_refuses(make_gate):
    gate = make_gate()
    gate.write(gate.config_file.read_text().replace("workers: 2", "wrkers: 2"))
    done = run("run", "--config", gate.config_file, timeout=20)
    assert done.returncode not in (0, 64) and "wrkers" in done.stderr


def test_no_command_prints_a_secret(make_gate):
    gate = make_gate()
    secret = gate.folder / "password"
    secret.write_text("topsecret")
    secret.chmod(0o600)
    gate.change(tls={"pkcs12_file": "x.p12", "pkcs12_password_file": secret})
    for arguments in (("check",), ("check", "--format", "json"), ("explain",)):
        done = run(*arguments, "--config", gate.config_file, *([POST_LINE] if "explain" in arguments else []))
        assert "topsecret" not in done.stdout + done.stderr


# explain


def explain(gate, request, *more):
    return run("explain", "--config", gate.config_file, *more, request)


def test_explain_works_without_a_state_file(make_gate):
    done = explain(make_gate(), POST_LINE)
    assert done.returncode == 1 and done.stdout


def test_explain_with_states(gate):
    eventually(lambda: explain(gate, POST_LINE, "--header", "Host: x").returncode == 0)
    done = explain(gate, POST_LINE.replace("PHONE1", "DENIED"), "--header", "Host: x")
    assert done.returncode == 1 and "denied" in done.stdout
    done = explain(gate, POST_LINE.replace("PHONE1", "NOBODY"), "--header", "Host: x")
    assert done.returncode == 1 and "device_unknown" in done.stdout
    done = explain(gate, POST_LINE.replace("PHONE1", "ALICES"), "--header", "Host: x",
                   "--header", "Authorization: Basic Ym9iOnBhNTV3MHJk")
    assert done.returncode == 1 and "pa55w0rd" not in done.stdout and "Ym9i" not in done.stdout


@pytest.mark.parametrize("line,passes", [(f"OPTIONS {PATH} HTTP/1.1", True), (f"GET {PATH} HTTP/1.1", False),
                                         ("POST /owa HTTP/1.1", False), (f"{POST_LINE}\r\nX : y", False)])
def test_explain_other_requests(gate, line, passes):
    eventually(lambda: explain(gate, POST_LINE, "--header", "Host: x").returncode == 0)
    assert explain(gate, line, "--header", "Host: x").returncode == (0 if passes else 1)


def test_explain_a_whole_head(gate):
    eventually(lambda: explain(gate, POST_LINE, "--header", "Host: x").returncode == 0)
    file = gate.folder / "head"
    file.write_bytes(options())
    assert explain(gate, f"@{file}").returncode == 0
    file.write_bytes(post("DENIED"))
    assert explain(gate, f"@{file}").returncode == 1
    assert explain(gate, f"@{gate.folder}/gone").returncode not in (0,)


def test_explain_wants_a_known_instance(make_gate):
    gate = make_gate()
    assert explain(gate, POST_LINE, "--instance", "mail").returncode == 1
    assert explain(gate, POST_LINE, "--instance", "gone").returncode == 64 or explain(
        gate, POST_LINE, "--instance", "gone").stderr


# status and devices


def test_status(gate, mdm):
    done = run("status", "--config", gate.config_file)
    assert done.returncode == 0 and "mail" in done.stdout
    status = json.loads(run("status", "--config", gate.config_file, "--format", "json").stdout)
    assert json.loads(gate.admin("/status")[1]).keys() == status.keys()


def test_status_not_ready(make_gate, mdm):
    mdm.mode = "status:500"
    gate = make_gate().start(ready=False)
    assert run("status", "--config", gate.config_file).returncode == 1


def test_status_and_devices_of_a_node_that_is_not_running(make_gate):
    gate = make_gate()
    for command in ("status", "devices"):
        done = run(command, "--config", gate.config_file)
        assert done.returncode == 1 and done.stderr.strip()


def test_devices(gate):
    done = run("devices", "--config", gate.config_file)
    assert done.returncode == 0
    for word in ("PHONE1", "DENIED", "deny", "lost", "alice", "non_compliant"):
        assert word in done.stdout
    done = run("devices", "--config", gate.config_file, "DENIED")
    assert done.returncode == 0 and "PHONE1" not in done.stdout
    assert run("devices", "--config", gate.config_file, "phone1").returncode == 0
    assert run("devices", "--config", gate.config_file, "NOBODY").returncode == 1


def test_control_socket_is_private(gate):
    sockets = [file for file in gate.state_file.parent.iterdir() if file.is_socket()]
    assert len(sockets) == 1 and sockets[0].stat().st_mode & 0o777 == 0o600


def test_a_second_node_does_not_take_over_the_first(gate):
    done = run("run", "--config", gate.config_file, timeout=20)
    assert done.returncode != 0 and done.stderr.strip()
    assert gate.ask(post()).status == 200
    assert run("status", "--config", gate.config_file).returncode == 0


def test_control_socket_left_by_a_killed_node_is_no_obstacle(gate):
    gate.kill()
    gate.start()
    assert run("status", "--config", gate.config_file).returncode == 0


def test_to_yaml_of_the_harness_is_read_as_written(make_gate):
    """Guards the harness itself: quotes and backslashes survive."""
    gate = make_gate(node={"name": 'quote " and \\ back'})
    assert 'quote \\" and \\\\ back' in to_yaml(gate.settings)
