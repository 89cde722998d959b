"""The proxies that are compared, each with its configuration and its ports: easgate, HAProxy, nginx and
our floor. The kinds of port mean the same everywhere: `plain` and `tls` tell how the upstream is asked,
`rsa` has the other certificate, `auth` asks the upstream for permission (nginx only)."""

import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

from feed import device_id
from processes import LOAD_CORE, PROXY_CORE, Process, free_port, listens, wait_for

SUITES = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"


class Certificates:
    """Self-signed ones for everybody, made anew for each bench."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("gate", "upstream", "feed", "identity"):
            self._make(name, ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        self._make("gate-rsa", ["-newkey", "rsa:2048"])

    def _make(self, name, kind):
        subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-days", "30", "-subj", f"/CN={name}",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key(name), "-out", self.certificate(name)], check=True, capture_output=True)
        self.both(name).write_bytes(self.certificate(name).read_bytes() + self.key(name).read_bytes())
        self.both(name).chmod(0o600)
        self.key(name).chmod(0o600)

    def certificate(self, name):
        return self.folder / f"{name}.crt"

    def key(self, name):
        return self.folder / f"{name}.key"

    def both(self, name):
        return self.folder / f"{name}.pem"


class Upstream(Process):
    def __init__(self, folder, program, certificates, cores):
        self.port, self.tls_port = free_port(), free_port()
        super().__init__(folder, "upstream", [
            program, "--port", self.port, "--tls-port", self.tls_port, "--certificate",
            certificates.certificate("upstream"), "--key", certificates.key("upstream")], cores, talks=True)
        if self.line() != "ready":
            raise RuntimeError("the upstream didn't start")


class Proxy:
    """A running proxy: `ports` by kind, and the process whose time counts."""

    def __init__(self, bench, name):
        self.name, self.bench = name, bench
        self.folder = bench.folder / f"{name}-{time.monotonic_ns()}"
        self.folder.mkdir()
        self.ports, self.process = {}, None

    def start(self, command, cores=frozenset({PROXY_CORE})):
        self.process = Process(self.folder, self.name, command, cores)
        for port in self.ports.values():
            wait_for(lambda port=port: self._is_up(port), f"{self.name} on port {port}")
        return self

    def _is_up(self, port):
        if not self.process.alive():
            raise RuntimeError(f"{self.name} ended; see {self.folder}")
        return listens(port)

    def process_of(self, kind):  # noqa: ARG002 - the floor has one a kind
        return self.process

    def stop(self):
        self.process.stop()


class Easgate(Proxy):
    def __init__(self, bench, name="easgate", *, workers=1, log=False, feed=None, kinds=("plain", "tls", "rsa"),
                 environment=None):
        super().__init__(bench, name)
        self.admin = free_port()
        (self.folder / "log").mkdir()
        certificates, feed = bench.certificates, feed or bench.feed
        text = f"""
node: {{name: bench, workers: {workers}, admin: "127.0.0.1:{self.admin}", max_connections: 9900, drain_timeout: 1s}}
mdm: {{url: "{feed.url}", ca_file: "{certificates.certificate("feed")}", state_file: "{self.folder}/devices.state"}}
tls: {{certificate_file: "{certificates.certificate("gate")}", private_key_file: "{certificates.key("gate")}"}}
log: {{directory: "{self.folder}/log", level: warning, access: {str(log).lower()}}}
limits: {{upstream_idle: 256, idle_timeout: 3600s}}
mail_user_agents: {{allow: ["Android*", "Apple-iPad*", "Apple-iPhone*"]}}
instances:
"""
        for kind in kinds:
            self.ports[kind] = free_port()
            tls = kind == "tls"
            text += f"""  - name: {kind}
    listen: "127.0.0.1:{self.ports[kind]}"
    activesync_server: "127.0.0.1:{bench.upstream.tls_port if tls else bench.upstream.port}"
    ssl: {str(tls).lower()}
    backend_ca_file: "{certificates.certificate("upstream") if tls else ""}"
    identity_certificate_file: "{certificates.certificate("identity")}"
    identity_private_key_file: "{certificates.key("identity")}"
"""
            if kind == "rsa":
                text += f"""    certificate_file: "{certificates.certificate("gate-rsa")}"
    private_key_file: "{certificates.key("gate-rsa")}"
"""
        file = self.folder / "easgate.yaml"
        file.write_text(text)
        file.chmod(0o640)
        settings = [f"{name}={value}" for name, value in (environment or {}).items()]
        self.start(["env", *settings, bench.easgate, "run", "--config", file],
                   {PROXY_CORE} if workers == 1 else {PROXY_CORE, LOAD_CORE})
        wait_for(self._is_ready, "easgate ready", 60)
        if workers > 1:
            self._spread_workers()

    def _spread_workers(self):
        """One worker a core; else the scheduler mostly has two of them take turns on the core without the load."""
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            worker = re.fullmatch(r"worker-(\d+)", (task / "comm").read_text().strip())
            if worker:
                os.sched_setaffinity(int(task.name), {(PROXY_CORE, LOAD_CORE)[int(worker[1]) % 2]})

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


class Haproxy(Proxy):
    def __init__(self, bench, name="haproxy", log=False):
        super().__init__(bench, name)
        certificates = bench.certificates
        ids = self.folder / "ids.map"
        ids.write_text("".join(f"{device_id(i)} 1\n" for i in range(bench.devices)))
        where = "log stdout format raw local0" if log else ""
        text = f"""global
    nbthread 1
    maxconn 9900
    ssl-default-bind-ciphersuites {SUITES}
    ssl-default-bind-ciphers {CIPHERS}
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-curves X25519:P-256
    {where}
defaults
    mode http
    timeout connect 5s
    timeout client 3700s
    timeout server 3700s
    timeout http-keep-alive 3600s
    option http-keep-alive
    http-reuse always
    {"log global" if log else ""}
    {"option httplog" if log else ""}
"""
        for kind in ("plain", "tls", "rsa"):
            self.ports[kind] = free_port()
            pem = certificates.both("gate-rsa" if kind == "rsa" else "gate")
            text += f"""frontend front-{kind}
    bind 127.0.0.1:{self.ports[kind]} ssl crt {pem} alpn http/1.1
    http-request deny deny_status 403 unless {{ url_param(DeviceId),map_str({ids},0) -m str 1 }}
    http-request set-header X-Forwarded-Proto https
    option forwardfor
    default_backend back-{"tls" if kind == "tls" else "plain"}
"""
        text += f"""backend back-plain
    server one 127.0.0.1:{bench.upstream.port}
backend back-tls
    server one 127.0.0.1:{bench.upstream.tls_port} ssl verify required ca-file {certificates.certificate("upstream")}
"""
        file = self.folder / "haproxy.cfg"
        file.write_text(text)
        self.start([bench.haproxy, "-db", "-f", file])


class Nginx(Proxy):
    def __init__(self, bench, name="nginx", log=False):
        super().__init__(bench, name)
        certificates = bench.certificates
        ids = self.folder / "ids.map"
        ids.write_text("".join(f"{device_id(i)} 1;\n" for i in range(bench.devices)))
        where = f"{self.folder}/access.log combined buffer=64k flush=1s" if log else "off"
        text = f"""daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 24000; }}
http {{
    access_log {where}; sendfile on; tcp_nodelay on;
    client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;
    uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
    map_hash_max_size 65536; map_hash_bucket_size 128;
    map $arg_DeviceId $allowed {{ default 0; include {ids}; }}
    ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; ssl_ciphers {CIPHERS};
    ssl_conf_command Ciphersuites {SUITES}; ssl_ecdh_curve X25519:P-256;
    keepalive_timeout 3600s; keepalive_requests 100000000; client_max_body_size 0;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
    proxy_read_timeout 3700s; proxy_send_timeout 3700s; proxy_max_temp_file_size 0; proxy_request_buffering off;
    proxy_ssl_trusted_certificate {certificates.certificate("upstream")}; proxy_ssl_verify on; proxy_ssl_name localhost;
    upstream plain {{ server 127.0.0.1:{bench.upstream.port};
        keepalive 256; keepalive_requests 100000000; keepalive_timeout 3600s; }}
    upstream secure {{ server 127.0.0.1:{bench.upstream.tls_port};
        keepalive 256; keepalive_requests 100000000; keepalive_timeout 3600s; }}
"""
        for kind in ("plain", "tls", "rsa", "auth"):
            self.ports[kind] = free_port()
            which = "gate-rsa" if kind == "rsa" else "gate"
            check = "auth_request /permission;" if kind == "auth" else "if ($allowed = 0) { return 403; }"
            text += f"""    server {{
        listen 127.0.0.1:{self.ports[kind]} ssl backlog=4096;
        ssl_certificate {certificates.certificate(which)}; ssl_certificate_key {certificates.key(which)};
        location / {{ {check} proxy_pass {"https://secure" if kind == "tls" else "http://plain"}; }}
        location = /permission {{ internal; proxy_pass http://plain; proxy_pass_request_body off;
            proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_set_header X-Device $arg_DeviceId; }}
    }}
"""
        file = self.folder / "nginx.conf"
        file.write_text(text + "}\n")
        self.start([bench.nginx, "-e", self.folder / "error.log", "-p", self.folder, "-c", file])


class Floor(Proxy):
    """One process a kind, because it has nothing to choose by."""

    def __init__(self, bench, name="floor"):
        super().__init__(bench, name)
        self._processes = {}
        for kind, certificate, tls, refuses in (("plain", "gate", 0, 0), ("tls", "gate", 1, 0),
                                                ("refuse", "gate", 0, 1), ("rsa", "gate-rsa", 0, 1)):
            self.ports[kind] = free_port()
            self._processes[kind] = Process(self.folder, f"floor-{kind}", [
                bench.program("floor"), "--port", self.ports[kind], "--upstream",
                bench.upstream.tls_port if tls else bench.upstream.port, "--upstream-tls", tls, "--refuse", refuses,
                "--certificate", bench.certificates.certificate(certificate),
                "--key", bench.certificates.key(certificate)], {PROXY_CORE})
            wait_for(lambda kind=kind: listens(self.ports[kind]), "floor")

    def process_of(self, kind):
        return self._processes[kind]

    def stop(self):
        for process in self._processes.values():
            process.stop()
