"""Peer: a foreign mail server, unpacked into a root directory of its own and running there, which
relays everything to a lab.

What it takes for example.com goes on inside TLS, verified; for example.org in clear, by a port of
the test's choice; for example.net it insists on a name that the lab's certificate does not have.
"""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import packages
from lab import free_ports
from waiting import PATIENCE, wait_until
from wire import Smtp

NEXT_HOP = "mx.example.com"
OTHER_NAME = "mx.elsewhere.example"  # the same machine
# Where the root has what a client of the lab has to trust.
TRUST = "/etc/lab.pem"
HOSTNAME = "peer.example"

RECEIVED = re.compile(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


class Peer:
    """`with` has it serving, on `port`."""

    package = None
    log_path = None  # of its log, within its root
    unverified = None  # what its log says of a certificate with a wrong name
    users = {}  # name → number; a group each

    def __init__(self, lab, clear_port):
        self.lab, self.clear_port = lab, clear_port
        self.port = free_ports(1)[0]
        self.root = Path(tempfile.mkdtemp(prefix="letterlock-peer-"))
        self._process = None

    def __enter__(self):
        # Goes away with the namespace.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.root], check=True)
        try:
            packages.unpack(self.package, self.root)
            self._furnish()
            self.configure()
            self._output = (self.root / "output").open("wb")
            self._process = self.start()
            wait_until(self._serves, "greeting of the peer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        if hasattr(self, "_output"):
            self._output.close()
        subprocess.run(["umount", "-R", "-l", self.root], check=True)
        self.root.rmdir()

    def _furnish(self):
        """What every program expects of a system."""
        for folder in ("dev", "proc", "etc", "run", "tmp", "root", "var/log", "var/spool"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "tmp").chmod(0o1777)
        if not (self.root / "var/run").exists():
            (self.root / "var/run").symlink_to("/run")
        for mount in (["--bind", "/dev", self.root / "dev"],
                      ["-t", "proc", "proc", self.root / "proc"]):
            subprocess.run(["mount", *mount], check=True)
        users = {"root": 0, "nobody": 65534} | self.users
        self.write("/etc/passwd", "".join(f"{name}:x:{number}:{number}::/:/bin/false\n"
                                          for name, number in users.items()))
        self.write("/etc/group", "".join(f"{name}:x:{number}:\n" for name, number in users.items()))
        self.write("/etc/hosts", f"127.0.0.1 localhost {NEXT_HOP} {OTHER_NAME} {HOSTNAME}\n")
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\nlookup file\n")
        self.write(TRUST, self.lab.certificate.certificate.read_text())

    def _serves(self):
        if self._process.poll() is not None:
            raise AssertionError(f"the peer has ended:\n{self._first_words()}")
        try:
            with self.session() as session:
                return session.greeting.startswith("220 ")
        except OSError:
            return False

    # ---- For the kinds of peers

    def configure(self):
        """Writes the configuration and makes the directories."""
        raise NotImplementedError

    def start(self):
        """The process that all others end with."""
        raise NotImplementedError

    def waiting(self):
        """How many messages are in its queue."""
        raise NotImplementedError

    def flush(self):
        """Has everything in the queue tried now."""
        raise NotImplementedError

    def pause(self):
        """Keeps what comes in from now on, until `resume`, which may send all of it at once."""
        raise NotImplementedError

    def resume(self):
        raise NotImplementedError

    def drop_all(self):
        """Forgets what is in its queue."""
        raise NotImplementedError

    def write(self, path, text, mode=0o644):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def make_directory(self, path, user, group, mode):
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, user, group)
        path.chmod(mode)

    def chroot(self, *command):
        return subprocess.Popen(["chroot", self.root, *command], stdin=subprocess.DEVNULL,
                                stdout=self._output, stderr=self._output)

    def run(self, *command):
        """The output of one of its commands."""
        done = subprocess.run(["chroot", self.root, *command], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    # ---- For tests

    def log(self):
        path = self.root / self.log_path.lstrip("/")
        return path.read_text(errors="replace") if path.exists() else self._first_words()

    def _first_words(self):
        return (self.root / "output").read_text(errors="replace")

    def session(self):
        return Smtp(self.port)

    def send(self, *contents, **envelope):
        """Gives it messages, over one connection; each as it is to arrive."""
        with self.session() as session:
            session.hello()
            for content in contents:
                stuffed = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
                answer = session.data(stuffed.removesuffix(b"\r\n"), **envelope)
                assert answer.startswith("250"), answer
            session.expect("QUIT", "221")

    def wait_until_empty(self):
        """Has it try again now and then, as it would by itself in longer intervals."""
        self._next_flush = time.monotonic()
        try:
            wait_until(self._has_emptied, "empty queue of the peer")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-6000:]}") from None

    def _has_emptied(self):
        if self.waiting() == 0:
            return True
        if time.monotonic() >= self._next_flush:
            self._next_flush += 0.5
            self.flush()
        return False

    def own_part(self, content):
        """What was given to it of what it has passed on: without its trace field."""
        trace = RECEIVED.match(content)
        assert trace is not None and HOSTNAME.encode() in trace.group(), content[:500]
        return content[trace.end():]
