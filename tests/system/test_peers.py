"""Real programs on both sides: nginx as the mail server; curl, openssl and h2load as clients."""

import subprocess

import pytest
from harness import PATH, options, post, query, wait_port
from ports import free_port

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000; gzip on; gzip_types text/plain; gzip_min_length 1;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location {path} {{ default_type text/plain; add_header MS-ASProtocolVersions 14.1; root {folder}/www;
                       try_files /mail =404; error_page 405 =200 /mail; }}
    location = /mail {{ root {folder}/www; default_type text/plain; error_page 405 =200 /mail; }}
  }}
}}
"""


@pytest.fixture
def nginx(tmp_path, pki):
    """nginx with TLS, keep-alive, and chunked answers where the client accepts gzip."""
    folder, port = tmp_path / "nginx", free_port()
    (folder / "www").mkdir(parents=True)
    (folder / "www" / "mail").write_text("mail " * 20_000)
    for entry in (folder, folder / "www"):
        entry.chmod(0o755)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, path=PATH, certificate=pki.upstream.certificate,
                                                    key=pki.upstream.key))
    process = subprocess.Popen(["/usr/sbin/nginx", "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_port(port)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
def peer_gate(make_gate, pki, nginx):
    """TLS on both sides, nginx behind."""
    gate = make_gate()
    gate.change_instance(tls=True, ssl=True, activesync_server=f"localhost:{nginx}", backend_ca_file=pki.upstream_ca.file)
    return gate.start()


def test_nginx_behind_the_gate(peer_gate):
    with peer_gate.tls_client() as client:
        for number in range(50):
            fields = [("Accept-Encoding", "gzip")] if number % 2 else []
            answer = client.request(post(fields=fields))
            assert answer.status == 200
            assert (answer.value("transfer-encoding") == "chunked") == bool(number % 2)
            assert answer.value("server") is None


def test_curl(peer_gate, pki, tmp_path):
    url = f"https://localhost:{peer_gate.port}{PATH}?{query()}"
    body = tmp_path / "body"
    body.write_bytes(b"x" * 100_000)
    command = ["curl", "-sS", "--cacert", pki.gate_ca.file, "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "-X", "POST"]
    assert subprocess.run([*command, url], capture_output=True, text=True, timeout=20, check=True).stdout == "200 1.1"
    refused = url.replace("PHONE1", "NOBODY")
    assert subprocess.run([*command, refused], capture_output=True, text=True, timeout=20, check=True).stdout == "403 1.1"
    upload = [*command, "-H", "Content-Type: message/rfc822", "-H", "MS-ASProtocolVersion: 12.1", "--data-binary", f"@{body}",
              url.replace("FolderSync", "SendMail")]
    assert subprocess.run(upload, capture_output=True, text=True, timeout=20, check=True).stdout == "200 1.1"
    chunked = [*upload, "-H", "Transfer-Encoding: chunked"]
    assert subprocess.run(chunked, capture_output=True, text=True, timeout=20, check=True).stdout == "200 1.1"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_s_client(peer_gate, pki, version):
    done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{peer_gate.port}", version, "-CAfile",
                           pki.gate_ca.file, "-verify_return_error", "-quiet", "-ign_eof"],
                          input=options([("Connection", "close")]), capture_output=True, timeout=20, check=False)
    assert done.stdout.startswith(b"HTTP/1.1 200"), done.stderr


def test_h2load(peer_gate):
    """Thousands of requests over reused TLS connections, none lost."""
    url = f"https://localhost:{peer_gate.port}{PATH}?{query()}"
    done = subprocess.run(["h2load", "--h1", "-n", "3000", "-c", "20", "-H", "MS-ASProtocolVersion: 14.1", "-H", ":method: POST",
                           url], capture_output=True, text=True, timeout=120, check=True)
    assert "3000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    assert "3000 2xx" in done.stdout, done.stdout


