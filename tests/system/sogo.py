"""SOGo with its ActiveSync module as a real mail server: PostgreSQL, memcached, Dovecot, SOGo and nginx in
front, each a process of its own in a private folder, all on free ports of the loopback interface.

Needs root, since each of these programs insists on a user of its own. Nothing of the system's own
configuration is touched: SOGo reads /etc/sogo/sogo.conf only, so it gets another one in a mount
namespace of its own.
"""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

from harness import PATH, eventually, wait_port
from ports import free_port

POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
USER, PASSWORD = "alice", "secret"

SOGO_CONF = """{{
  SOGoProfileURL = "{db}/sogo_user_profile"; OCSFolderInfoURL = "{db}/sogo_folder_info";
  OCSSessionsFolderURL = "{db}/sogo_sessions_folder"; OCSEMailAlarmsFolderURL = "{db}/sogo_alarms_folder";
  OCSCacheFolderURL = "{db}/sogo_cache_folder"; OCSStoreURL = "{db}/sogo_store"; OCSAclURL = "{db}/sogo_acl";
  SOGoUserSources = ({{ type = sql; id = users; viewURL = "{db}/people"; canAuthenticate = YES; isAddressBook = YES;
                       userPasswordAlgorithm = plain; displayName = "People"; }});
  SOGoIMAPServer = "imap://127.0.0.1:{imap}"; SOGoSMTPServer = "smtp://127.0.0.1:{smtp}"; SOGoMailingMechanism = smtp;
  SOGoMailDomain = "example.test"; SOGoMemcachedHost = "127.0.0.1:{memcached}"; SOGoTimeZone = UTC; SOGoLanguage = English;
  SOGoMaximumPingInterval = 10; SOGoMaximumSyncInterval = 10; SOGoInternalSyncInterval = 2;
  WOWorkersCount = 4; WOPort = "127.0.0.1:{sogo}"; SxVMemLimit = 512;
}}
"""

DOVECOT_CONF = """
protocols = imap
base_dir = {run}/dovecot-run
log_path = {run}/dovecot.log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{run}/mail/%u
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={run}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

NGINX_CONF = """
daemon off; master_process off; pid {run}/nginx.pid; error_log {run}/nginx.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {run}/n1; proxy_temp_path {run}/n2; fastcgi_temp_path {run}/n3;
  uwsgi_temp_path {run}/n4; scgi_temp_path {run}/n5; keepalive_timeout 60s;
  server {{
    listen 127.0.0.1:{port} ssl; server_name localhost; ssl_certificate {certificate}; ssl_certificate_key {key};
    location = {path} {{ proxy_pass http://127.0.0.1:{sogo}/SOGo{path}; proxy_read_timeout 100s; }}
  }}
}}
"""

MESSAGE = b"""From: Bob <bob@example.test>\r
To: alice@example.test\r
Subject: Through the gate\r
Date: Sun, 22 Nov 2026 08:00:00 +0000\r
Message-ID: <one@example.test>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello Alice.\r
"""


class Sogo:
    """Everything up once the constructor returns; stop() ends it and deletes the folder."""

    def __init__(self, identity):
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="easgate-sogo-", dir="/tmp"))
        self.run.chmod(0o755)
        self.processes = []
        self.ports = {name: free_port() for name in ("postgres", "memcached", "imap", "smtp", "sogo", "nginx")}
        self.port = self.ports["nginx"]
        try:
            self._postgres()
            self._start("memcached", ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(self.ports["memcached"])])
            self._dovecot()
            self._sogo()
            self._nginx(identity)
            for name in ("memcached", "imap", "nginx", "sogo"):
                wait_port(self.ports[name], 60)
        except BaseException:
            self.stop()
            raise

    def deliver(self, text=MESSAGE, name="one"):
        """Puts a message into alice's inbox."""
        inbox = self.run / "mail" / USER / "new"
        part = inbox.parent / "tmp" / name
        part.write_bytes(text)
        self._give(part, "mail")
        part.rename(inbox / f"{1_700_000_000 + len(list(inbox.iterdir()))}.{name}.test")

    def log(self, name="sogo"):
        return (self.run / f"{name}.out").read_text(errors="replace")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self._end_group_members()
        shutil.rmtree(self.run, ignore_errors=True)

    def _end_group_members(self):
        """SOGo's workers outlive their parent; each process here leads a group of its own."""
        for process in self.processes:
            try:
                os.killpg(process.pid, 9)
            except (ProcessLookupError, PermissionError):
                pass

    def _start(self, name, command, **more):
        with open(self.run / f"{name}.out", "ab") as output:
            self.processes.append(subprocess.Popen([str(part) for part in command], stdout=output, stderr=output,
                                                   start_new_session=True, cwd=self.run, **more))

    @staticmethod
    def _give(path, user):
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)

    @staticmethod
    def _as(user):
        return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]

    def _postgres(self):
        data = self.run / "pg"
        data.mkdir(mode=0o700)
        self._give(data, "postgres")
        be = self._as("postgres")
        subprocess.run([*be, POSTGRES / "initdb", "-D", data, "-A", "trust", "-N", "-E", "UTF8"], check=True,
                       capture_output=True, cwd=self.run)
        port = self.ports["postgres"]
        self._start("postgres", [*be, POSTGRES / "postgres", "-D", data, "-p", port, "-k", data, "-c", "fsync=off",
                                 "-c", "listen_addresses=127.0.0.1"])
        sql = ("CREATE TABLE people (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text);"
               f"INSERT INTO people VALUES ('{USER}','{USER}','{PASSWORD}','Alice','alice@example.test');")
        psql = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-q"]
        eventually(lambda: subprocess.run([*psql, "-c", "SELECT 1"], capture_output=True, check=False).returncode == 0, 60)
        subprocess.run([*psql, "-c", "CREATE DATABASE sogo"], check=True, capture_output=True)
        subprocess.run([*psql, "-d", "sogo", "-c", sql], check=True, capture_output=True)

    def _dovecot(self):
        folder = self.run / "mail" / USER
        for part in (folder.parent, folder, folder / "new", folder / "cur", folder / "tmp"):
            part.mkdir()
            self._give(part, "mail")
        conf = self.run / "dovecot.conf"
        conf.write_text(DOVECOT_CONF.format(run=self.run, password=PASSWORD, imap=self.ports["imap"]))
        self._start("dovecot", ["/usr/sbin/dovecot", "-F", "-c", conf])

    def _sogo(self):
        conf = self.run / "sogo.conf"
        conf.write_text(SOGO_CONF.format(db=f"postgresql://postgres@127.0.0.1:{self.ports['postgres']}/sogo", **self.ports))
        be = " ".join(self._as("sogo"))
        home = self.run / "sogo-home"
        home.mkdir()
        self._give(home, "sogo")
        script = (f"mount --bind {conf} /etc/sogo/sogo.conf && HOME={home} exec {be} /usr/sbin/sogod -WONoDetach YES "
                  f"-WOLogFile - -WOPidFile {home}/sogo.pid -WOPort 127.0.0.1:{self.ports['sogo']}")
        self._start("sogo", ["unshare", "-m", "sh", "-c", script])

    def _nginx(self, identity):
        conf = self.run / "nginx.conf"
        conf.write_text(NGINX_CONF.format(run=self.run, port=self.port, sogo=self.ports["sogo"], path=PATH,
                                          certificate=identity.certificate, key=identity.key))
        self._start("nginx", ["/usr/sbin/nginx", "-e", self.run / "nginx.log", "-p", self.run, "-c", conf])
