"""TLS towards clients and towards the mail server."""

import socket
import ssl
import subprocess
import time

import pytest
from fake_upstream import FakeUpstream
from harness import eventually, options, post, run
from wire_client import Closed, WireClient


@pytest.fixture
def tls_gate(make_gate):
    gate = make_gate()
    gate.change_instance(tls=True)
    return gate


@pytest.fixture
def client_certificate_gate(tls_gate, pki):
    tls_gate.change_instance(require_client_certificate=True, client_ca_file=pki.client_ca.file)
    return tls_gate


def test_request_over_tls(tls_gate, upstream):
    tls_gate.start()
    with tls_gate.tls_client() as client:
        assert client.request(post()).status == 200
        assert client.socket.version() == "TLSv1.3"
    assert upstream.requests[0].value("X-Forwarded-Proto") == "https"


@pytest.mark.parametrize("version,good", [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                          (ssl.TLSVersion.TLSv1_3, True)])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_versions(tls_gate, version, good):
    tls_gate.start()
    context = tls_gate.tls_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = version
    try:
        with WireClient(tls_gate.port, tls=context) as client:
            assert client.request(post()).status == 200 and good
    except (ssl.SSLError, Closed, OSError):
        assert not good


def test_min_version_1_3(tls_gate):
    tls_gate.change(tls={"min_version": "1.3"})
    tls_gate.start()
    context = tls_gate.tls_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, OSError)):
        WireClient(tls_gate.port, tls=context)


def test_alpn_is_http_1_1_only(tls_gate):
    tls_gate.start()
    context = tls_gate.tls_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with WireClient(tls_gate.port, tls=context) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"


def test_rsa_certificate_and_pkcs12(tls_gate, pki):
    bundle, password = tls_gate.folder / "gate.p12", tls_gate.folder / "password"
    password.write_text("sesame\n")
    password.chmod(0o600)
    subprocess.run(["openssl", "pkcs12", "-export", "-in", pki.gate_rsa.certificate, "-inkey", pki.gate_rsa.key,
                    "-passout", "pass:sesame", "-out", bundle], check=True, capture_output=True)
    bundle.chmod(0o600)
    tls_gate.settings["tls"] = {"pkcs12_file": bundle, "pkcs12_password_file": password}
    tls_gate.write()
    tls_gate.start()
    with tls_gate.tls_client() as client:
        assert client.request(post()).status == 200


def test_certificate_of_an_instance(tls_gate, pki):
    tls_gate.change_instance(certificate_file=pki.gate_second.certificate, private_key_file=pki.gate_second.key)
    tls_gate.start()
    with tls_gate.tls_client() as client:
        assert client.socket.getpeercert()["serialNumber"] == f"{pki.gate_second.x509.serial_number:X}".zfill(
            len(client.socket.getpeercert()["serialNumber"]))


def test_no_renegotiation_and_no_compression(tls_gate):
    tls_gate.start()
    context = tls_gate.tls_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with WireClient(tls_gate.port, tls=context) as client:
        assert client.socket.compression() is None
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{tls_gate.port}", "-tls1_2", "-quiet",
                           "-no_ign_eof"], input=b"R\n", capture_output=True, timeout=20, check=False)
    assert b"HTTP/1.1 200" not in done.stdout


def test_client_certificate_of_the_chosen_authority(client_certificate_gate, pki):
    client_certificate_gate.start()
    with client_certificate_gate.tls_client(pki.alice) as client:
        assert client.request(post()).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_client_certificate_missing_or_of_another_authority(client_certificate_gate, pki, upstream, who, version):
    client_certificate_gate.start()
    context = client_certificate_gate.tls_context(pki.stranger if who == "stranger" else None)
    context.maximum_version = version
    with pytest.raises((ssl.SSLError, Closed, OSError)):
        with WireClient(client_certificate_gate.port, tls=context) as client:
            client.request(post())
    assert upstream.requests == []


def test_revoked_client_certificate(client_certificate_gate, pki):
    gate = client_certificate_gate
    crl = pki.client_ca.write_crl(gate.folder / "clients.crl")
    gate.change_instance(client_crl_file=crl)
    gate.start()
    with gate.tls_client(pki.bob) as kept:
        assert kept.request(post()).status == 200
        pki.client_ca.write_crl(crl, [pki.bob])
        gate.reload()
        with pytest.raises((ssl.SSLError, Closed, OSError)), gate.tls_client(pki.bob) as client:
            client.request(post())
        with gate.tls_client(pki.alice) as client:
            assert client.request(post()).status == 200
        try:
            assert kept.request(post()).status == 403, "checked for each request, also on an open connection"
        except Closed:
            pass


def test_mail_address_of_the_certificate_is_a_claimed_name(client_certificate_gate, pki):
    client_certificate_gate.start()
    with client_certificate_gate.tls_client(pki.alice) as client:
        assert client.request(post("ALICES")).status == 200
    with client_certificate_gate.tls_client(pki.bob) as client:
        assert client.request(post("ALICES")).status == 403


def test_a_session_of_an_open_listener_does_not_open_a_closed_one(tls_gate, pki, upstream):
    """Tickets made where no certificate was asked are worth nothing where one is."""
    from ports import free_port
    port = free_port()
    tls_gate.settings["instances"].append(tls_gate.instance(
        "closed", port, tls=True, require_client_certificate=True, client_ca_file=pki.client_ca.file,
        identity_certificate_file=pki.second_identity.certificate, identity_private_key_file=pki.second_identity.key))
    tls_gate.write()
    tls_gate.start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_gate.tls_context()
        context.maximum_version = version
        with WireClient(tls_gate.port, tls=context) as client:
            assert client.request(post()).status == 200
            session = client.socket.session
        assert session is not None
        count = len(upstream.requests)
        with pytest.raises((ssl.SSLError, Closed, OSError)):
            with socket.create_connection(("127.0.0.1", port), 5) as raw:
                with context.wrap_socket(raw, server_hostname="localhost", session=session) as secured:
                    secured.sendall(post())
                    assert secured.recv(100) != b""
                    raise AssertionError("a certificate was not asked for")
        assert len(upstream.requests) == count


def test_sessions_are_resumed_on_their_own_listener(tls_gate):
    tls_gate.start()
    context = tls_gate.tls_context()
    with WireClient(tls_gate.port, tls=context) as client:
        client.request(post())
        session = client.socket.session
    with socket.create_connection(("127.0.0.1", tls_gate.port), 5) as raw:
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as secured:
            assert secured.session_reused


def test_silent_handshake_is_closed(tls_gate):
    tls_gate.change(limits={"handshake_timeout": "1s"})
    tls_gate.start()
    begin = time.monotonic()
    with tls_gate.client() as client:
        assert client.ended(4)
    assert 0.7 < time.monotonic() - begin < 3


def test_new_certificate_after_reload(tls_gate, pki):
    tls_gate.start()
    with tls_gate.tls_client() as kept:
        first = kept.socket.getpeercert()["serialNumber"]
        assert kept.request(post()).status == 200
        tls_gate.change(tls={"certificate_file": pki.gate_second.certificate, "private_key_file": pki.gate_second.key})
        tls_gate.reload()
        assert kept.request(post()).status == 200, "the open connection goes on"
    with tls_gate.tls_client() as client:
        assert client.socket.getpeercert()["serialNumber"] != first


# Towards the mail server.


@pytest.fixture
def tls_upstream(pki):
    server = FakeUpstream(pki.upstream)
    yield server
    server.stop()


def test_mail_server_over_tls(make_gate, pki, tls_upstream):
    gate = make_gate()
    gate.change_instance(ssl=True, activesync_server=f"localhost:{tls_upstream.port}", backend_ca_file=pki.upstream_ca.file)
    gate.start()
    for _ in range(3):
        assert gate.ask(post(body=b"")).status == 200
    assert len(tls_upstream.requests) == 3


def test_mail_server_by_address(make_gate, pki, tls_upstream):
    gate = make_gate()
    gate.change_instance(ssl=True, activesync_server=f"127.0.0.1:{tls_upstream.port}", backend_ca_file=pki.upstream_ca.file)
    gate.start()
    assert gate.ask(post()).status == 200


@pytest.mark.parametrize("wrong", ["authority", "name", "plain"])
def test_mail_server_that_does_not_prove_itself_is_502(make_gate, pki, upstream, tls_upstream, wrong):
    server = tls_upstream
    if wrong == "name":
        server = FakeUpstream(pki.upstream_wrong_name)
    elif wrong == "plain":
        server = upstream
    gate = make_gate()
    authority = pki.gate_ca if wrong == "authority" else pki.upstream_ca
    gate.change_instance(ssl=True, activesync_server=f"localhost:{server.port}", backend_ca_file=authority.file)
    gate.start()
    assert gate.ask(post(password="hunter2")).status == 502
    assert server.requests == []
    server.stop()


def test_backend_allow_all_certificates(make_gate, pki, tls_upstream):
    gate = make_gate()
    gate.change_instance(ssl=True, activesync_server=f"localhost:{tls_upstream.port}", backend_ca_file=pki.gate_ca.file,
                         backend_allow_all_certificates=True)
    gate.start()
    assert gate.ask(post()).status == 200
    assert any("warning" in line for line in gate.said("backend_allow_all_certificates"))


def test_mail_server_over_tls_that_closes_without_saying_so(make_gate, pki, tls_upstream):
    """An answer that ends with the connection needs close_notify to be whole."""
    gate = make_gate()
    gate.change_instance(ssl=True, activesync_server=f"localhost:{tls_upstream.port}", backend_ca_file=pki.upstream_ca.file)
    gate.start()

    def answer(received, peer):
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of i")
        socket.socket(fileno=peer.socket.detach()).close()
    tls_upstream.answer = answer
    with gate.client() as client, pytest.raises(Closed):
        answer = client.request(post())
        assert answer.status == 502
        raise Closed(b"")


def test_missing_client_ca_stops_the_start(make_gate, pki):
    """A rule that can't be kept must stop the start, not weaken the gate."""
    gate = make_gate()
    for settings in ({"require_client_certificate": True}, {"require_client_certificate": True, "client_ca_file": "gone.pem"}):
        gate.settings["instances"][0] = gate.instance(tls=True, **settings)
        gate.write()
        done = run("run", "--config", gate.config_file, timeout=20)
        assert done.returncode not in (0, None)
        assert "client_ca" in done.stderr + done.stdout


def test_key_that_others_can_read_stops_the_start(make_gate, pki):
    gate = make_gate()
    key = gate.folder / "open.key"
    key.write_bytes(pki.gate.key.read_bytes())
    key.chmod(0o644)
    gate.settings["instances"][0]["tls"] = True
    gate.change(tls={"private_key_file": key})
    done = run("run", "--config", gate.config_file, timeout=20)
    assert done.returncode != 0 and "open.key" in done.stderr + done.stdout


def test_ipv6_listener(make_gate):
    from ports import free_port
    port = free_port()
    gate = make_gate()
    gate.change_instance(listen=[f"127.0.0.1:{gate.port}", f"[::1]:{port}"])
    gate.start()
    with gate.client(port, host="::1") as client:
        assert client.request(options()).status == 200
    assert eventually(lambda: any("::1" in line["client"] for line in gate.access_lines()))
