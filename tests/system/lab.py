"""Lab: the whole system in a throw-away directory, on free loopback ports.

Started by root it runs as installed, with users and root directories of its own; started by an
ordinary user without those. The programs are those of $LETTERLOCK_BIN.
"""

import copy
import functools
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

import certificates
import processes
from waiting import PATIENCE, wait_until
from wire import Pop3, Refused, Smtp

TREE = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("LETTERLOCK_BIN", TREE / "out/test/bin")).absolute()
IS_ROOT = os.geteuid() == 0

PASSWORD = "correct horse"
# bcrypt of it at the least cost that is allowed.
QUICK_VERIFIER = "$2b$04$3aumo/WdMFVVElrxpOR7b.6d7Ze8MUv1iN2G5vI4wKycMZdyQGBCe"
# Not what it says of its own end, when a process is killed while it looks for leaks.
SANITIZER_REPORT = re.compile("AddressSanitizer|LeakSanitizer: |runtime error")

# Two people and three domains; the second domain has a certificate of its own.
SECTIONS = {
    "server": {"hostname": "mx.example.com", "workers": "2"},
    "tls": {},
    "account main": {},
    "account alice": {},
    "domain example.com": {"catchall": "main", "block": "old-shop, spam-trap"},
    "domain example.org": {"catchall": "alice"},
    "domain example.net": {"catchall": "no"},
    "address alice@example.com": {"account": "alice"},
    "address info@example.net": {"account": "main"},
    # The reserve of a test's disk is its own affair, and all of its clients have one address.
    "limits": {"reserve": "0", "connections_per_address": "65535"},
}


def free_ports(count):
    """Ports that nobody listens on; where possible below those that the system gives to outgoing
    connections, so that a server that is started again finds them free."""
    outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    end = outgoing if outgoing > 20000 else 65536
    held = []
    while len(held) < count:
        attempt = socket.socket()
        try:
            attempt.bind(("127.0.0.1", random.randrange(10000, end)))
            held.append(attempt)
        except OSError:
            attempt.close()
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@functools.cache
def make_users():
    """What an installation has done: the users that root's system needs."""
    if IS_ROOT:
        subprocess.run(["sh", TREE / "build/create-users"], check=True)


class Lab:
    """`with Lab() as lab` has it serving; `stop` at its end fails on whatever was left behind."""

    def __init__(self, changes=None, state_dir=None):
        """`changes`: {section: {key: value}} over SECTIONS; None as a value takes a key away.
        `state_dir`: a directory of the caller's to keep the mail in."""
        make_users()
        self.directory = Path(tempfile.mkdtemp(prefix="letterlock-"))
        self.state_dir = state_dir or self.directory / "state"
        self.stderr_path = self.directory / "stderr"
        self.configuration_path = self.directory / "letterlock.conf"
        self.smtp_port, self.smtps_port, self.pop3_port, self.pop3s_port = free_ports(4)
        self.process = None
        self._pids = set()
        self.certificate = certificates.make(
            self.directory, "default", ("mx.example.com", "localhost", "127.0.0.1"))
        self.second_certificate = certificates.make(
            self.directory, "second", ("example.org", "mx.example.org"), certificates.RSA2048)
        self._trusted = ""
        self.trust_also(self.certificate)
        self.trust_also(self.second_certificate)
        self.configure(changes or {})
        for account in ("main", "alice"):
            self.set_password(account, PASSWORD)

    # ---- Configuration

    def configure(self, changes):
        sections = copy.deepcopy(SECTIONS)
        sections["server"] |= {
            "state_dir": self.state_dir,
            "log_dir": self.directory / "log",
            "passwords": self.directory / "passwd",
            "smtp_listen": f"127.0.0.1:{self.smtp_port}",
            "smtps_listen": f"127.0.0.1:{self.smtps_port}",
            "pop3_listen": f"127.0.0.1:{self.pop3_port}",
            "pop3s_listen": f"127.0.0.1:{self.pop3s_port}",
        }
        sections["tls"] = {"certificate": self.certificate.certificate, "key": self.certificate.key}
        sections["domain example.org"] |= {"certificate": self.second_certificate.certificate,
                                           "key": self.second_certificate.key}
        for section, keys in changes.items():
            sections.setdefault(section, {}).update(keys)
        lines = []
        for section, keys in sections.items():
            stated = [f"{key} = {value}" for key, value in keys.items() if value is not None]
            if stated or not keys:
                lines += [f"[{section}]", *stated]
        self.configuration_path.write_text("\n".join(lines) + "\n")
        self.configuration_path.chmod(0o600)

    def set_password(self, account, password):
        subprocess.run([PROGRAMS / "letterlock", "-c", self.configuration_path, "passwd", account],
                       input=password + "\n", text=True, check=True, capture_output=True,
                       timeout=PATIENCE)

    # ---- Start and end

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.abandon()
            raise

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self.abandon()

    def spawn(self):
        """Starts the parent without waiting for it to serve."""
        log = open(self.stderr_path, "ab")
        with log:
            self.process = subprocess.Popen(
                [PROGRAMS / "letterlockd", "-d", "-c", self.configuration_path, "-L", PROGRAMS],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def start(self):
        serving = self.count_events("serving")
        self.spawn()
        wait_until(lambda: self.count_events("serving") > serving or self.process.poll() is not None,
                   "start")
        if self.process.poll() is not None:
            raise AssertionError(f"the start failed:\n{self.complaints()}")
        self.children()
        return self

    def stop(self):
        """SIGTERM, and everything that an orderly end is: in time, with status 0, nobody left,
        nothing that a sanitizer complained of."""
        self.children()
        self.process.send_signal(signal.SIGTERM)
        status = self.wait_for_end()
        assert status == 0, f"exit status {status}:\n{self.complaints()}"
        self.assert_clean()

    def wait_for_end(self):
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.complaints()}") from None

    def assert_nobody_left(self):
        wait_until(lambda: not any(map(processes.is_alive, self._pids)), "end of all processes")
        self._pids.clear()  # before the numbers are somebody else's

    def assert_clean(self):
        self.assert_nobody_left()
        report = SANITIZER_REPORT.search(self.log())
        assert report is None, f"a sanitizer's report:\n{self.log()[report.start():][:4000]}"

    def abandon(self):
        """Ends what still runs and removes everything."""
        if self.process is not None and self.process.poll() is None:
            self.children()
            self.process.kill()
            self.process.wait()
            self.assert_nobody_left()
        shutil.rmtree(self.directory)

    # ---- What goes on inside

    def children(self):
        """[(name, pid)] of the processes below the parent."""
        found = processes.children_of(self.process.pid)
        self._pids.update(pid for _, pid in found)
        return found

    def pids(self, name):
        return [pid for child, pid in self.children() if child == name]

    def log(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def complaints(self):
        """What is in the log beside news, for messages of tests; not more than can be read."""
        lines = [line for line in self.log().splitlines() if " info " not in line]
        return "\n".join(lines[-40:])

    def events(self, name, position=0):
        """The lines of that event, from an offset of the log's text."""
        return re.findall(rf"^\S+ \S+ [a-z]+ {re.escape(name)}(?: .*)?$", self.log()[position:],
                          re.MULTILINE)

    def count_events(self, name):
        return len(self.events(name))

    def reload(self):
        """SIGHUP; the event that it ended in, "reloaded …" or "reload.refused …"."""
        position = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.events("reloaded", position) + self.events("reload.refused", position),
                   "end of the reload")
        return (self.events("reloaded", position) + self.events("reload.refused", position))[0]

    def maildir(self, account="main"):
        for line in (self.state_dir / "accounts").read_text().splitlines()[1:]:
            number, name = line.split()
            if name == account:
                return self.state_dir / "maildrops" / number / "Maildir"
        raise KeyError(account)

    def stored(self, account="main"):
        """Everything in the account's Maildir, as it is on disk.

        A message that got its 250 is in the journal, and comes into the Maildir behind it. A
        session with the maildrop begins when all of them are there."""
        try:
            with self.pop3(account) as session:
                session.command("QUIT")
        except (AssertionError, OSError, Refused):
            pass  # in use by a session that has waited for the same, or nobody serves
        maildir = self.maildir(account)
        return [path.read_bytes() for folder in ("new", "cur")
                for path in sorted((maildir / folder).iterdir())]

    # ---- Clients

    def trust_also(self, certificate):
        self._trusted += certificate.certificate.read_text()

    def trust(self):
        """A client's context that trusts the lab's certificates and nothing else."""
        return ssl.create_default_context(cadata=self._trusted)

    def smtp(self, **options):
        return Smtp(self.smtp_port, **options)

    def pop3(self, account="main", **options):
        """A POP3 session inside TLS that is logged in."""
        session = Pop3(self.pop3s_port, tls=self.trust(), **options)
        try:
            session.log_in(account, PASSWORD)
        except BaseException:
            session.close()
            raise
        return session

    def send(self, content, **envelope):
        """Sends `content` as it is; the server must take it."""
        with self.smtp() as session:
            session.hello()
            answer = session.data(content, **envelope)
            assert answer.startswith("250 "), answer
            session.expect("QUIT", "221")

    def take(self, account="main"):
        """Reads all messages of the account and removes them."""
        with self.pop3(account) as session:
            count = int(session.command("STAT").split()[0])
            messages = [session.retrieve(number + 1) for number in range(count)]
            for number in range(count):
                session.command(f"DELE {number + 1}")
            session.command("QUIT")
        return messages


class QuickLab(Lab):
    """For tests that are not about passwords: a login costs next to nothing."""

    def set_password(self, account, password):
        if password != PASSWORD:
            return super().set_password(account, password)
        path = self.directory / "passwd"
        kept = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in kept if not line.startswith(f"{account}:")]
        path.write_text("\n".join([*kept, f"{account}:{QUICK_VERIFIER}"]) + "\n")
        path.chmod(0o600)
        return None
