"""Mail read by programs as people and scripts use them: fetchmail, mpop, mutt, curl."""

import os
import re
import shutil
import smtplib
import unittest

from client_programs import needs, run, run_on_terminal
from lab import PASSWORD
from mail_case import MailTest, large_message
from waiting import PATIENCE

# What clients have stumbled over: dots, bare endings, long lines, octets beyond ASCII.
MESSAGES = (
    b"Subject: 1\r\n\r\n.\r\n..dots.\r\n.end\r\n",
    b"Subject: 2\r\n\r\n",
    b"Subject: \xc3\xbc 3\r\n\r\n\xff\xfe " + b"x" * 5000 + b"\r\n\r\n\r\n",
    b"Subject: 4\r\n\r\nFrom here\r\n>From there\r\nno end of line",
)

# In one maildrop: what `make check` has time for, or `make interop`.
MANY = 1000 if os.environ.get("LETTERLOCK_INTEROP") == "full" else 50
# Before each message in fetchmail's one file; none has such a line.
MARK = b"----8<---- next ----8<----\n"


class Reading:
    """What each of them is asked to do."""

    many = MANY

    def setUp(self):
        super().setUp()
        self.inbox = self.lab.directory / "inbox"
        self.forget()
        self.addCleanup(self.forget)

    def forget(self):
        """What it has fetched, and what it remembers."""
        for path in (self.inbox, self.lab.directory / "memory"):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            path.chmod(0o755)

    def fetch(self, keep):
        """Has it fetch everything that is new to it; the messages that it has got so far, as the
        Maildir has them."""
        raise NotImplementedError

    def assert_fetched(self, fetched, stored):
        self.assertEqual(len(fetched), len(stored))
        # Not by a list's own comparison, which takes minutes to show where long ones differ.
        for got, wanted in zip(sorted(map(self.seen, fetched)), sorted(map(self.seen, stored))):
            if got != wanted:
                at = len(os.path.commonprefix([got, wanted]))
                self.fail(f"at {at}: {got[at - 50:at + 50]!r}, not {wanted[at - 50:at + 50]!r}")

    def seen(self, message):
        """What the client lets one see of it."""
        return message

    def put(self, *contents):
        for content in contents:
            self.lab.send(content.removesuffix(b"\r\n").replace(b"\r\n.", b"\r\n.."))

    def fill(self, count):
        new = self.lab.maildir() / "new"
        for number in range(count):
            path = new / f"1700000000.{number:06}.{self.id().split('.')[-1]}"
            path.write_bytes(b"Return-Path: <a@remote.example>\nSubject: %d\n\nx\n" % number)

    def test_every_octet(self):
        self.put(*MESSAGES, large_message(1 << 20))
        stored = self.lab.stored()
        self.assert_fetched(self.fetch(keep=True), stored)
        self.assertEqual(self.lab.stored(), stored)

    def test_removing(self):
        self.put(*MESSAGES)
        stored = self.lab.stored()
        self.assert_fetched(self.fetch(keep=False), stored)
        self.assert_nothing_stored()
        self.assertEqual(len(self.fetch(keep=False)), len(stored))

    def test_empty_maildrop(self):
        self.assertEqual(self.fetch(keep=True), [])

    def test_internationalized_message(self):
        """It hides neither itself nor what is behind it from a client that does not say UTF8."""
        with smtplib.SMTP("127.0.0.1", self.lab.smtp_port, timeout=PATIENCE) as client:
            client.sendmail("j\u00fcrgen@remote.example", ["any@example.com"],
                            "From: J\u00fcrgen <j\u00fcrgen@remote.example>\r\n"
                            "Subject: gr\u00fcn\r\n\r\nx\r\n".encode(),
                            mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        self.put(MESSAGES[0])
        stored = self.lab.stored()
        self.assertEqual(len(stored), 2)
        self.assert_fetched(self.fetch(keep=False), stored)
        self.assert_nothing_stored()

    def test_many_messages(self):
        self.fill(self.many)
        stored = self.lab.stored()
        self.assert_fetched(self.fetch(keep=False), stored)
        self.assert_nothing_stored()


class Remembering(Reading):
    """For those that leave messages where they are and know them again."""

    def test_each_once(self):
        self.put(MESSAGES[0])
        for _ in range(2):
            self.assertEqual(len(self.fetch(keep=True)), 1)
        self.put(MESSAGES[1])
        self.assert_fetched(self.fetch(keep=True), self.lab.stored())


class IntoMaildir:
    """For those that can write one."""

    def make_maildir(self):
        for folder in ("tmp", "new", "cur"):
            (self.inbox / folder).mkdir(exist_ok=True)
        return self.inbox

    def messages(self):
        return [path.read_bytes() for folder in ("new", "cur")
                for path in (self.inbox / folder).iterdir()]


@needs("mpop")
class MpopTest(IntoMaildir, Remembering, MailTest):
    pipelining = "on"
    authentication = "user"

    def fetch(self, keep, trust=None, succeed=True):
        configuration = self.lab.directory / "mpoprc"
        configuration.write_text(
            "account test\nhost 127.0.0.1\n"
            f"port {self.lab.pop3s_port}\ntls on\ntls_starttls off\n"
            f"tls_trust_file {(trust or self.lab.certificate).certificate}\n"
            f"auth {self.authentication}\nuser main\npassword {PASSWORD}\n"
            f"pipelining {self.pipelining}\nkeep {'on' if keep else 'off'}\n"
            f"delivery maildir {self.make_maildir()}\nreceived_header off\n"
            f"uidls_file {self.lab.directory}/memory/uidls\n")
        configuration.chmod(0o600)
        self.shown = run("mpop", f"--file={configuration}", "test", succeed=succeed)
        return self.messages()

    def test_certificate_of_another_name(self):
        self.lab.send(b"Subject: x\r\n\r\nx")
        self.assertEqual(self.fetch(keep=False, trust=self.lab.second_certificate, succeed=False),
                         [])
        self.assertIn("certificate", self.shown)
        self.assertEqual(len(self.lab.stored()), 1)


class MpopStepByStepTest(MpopTest):
    pipelining = "off"
    authentication = "plain"


@needs("fetchmail")
class FetchmailTest(Remembering, MailTest):
    """Inside TLS from the first octet."""

    tls = "ssl"

    def port(self):
        return self.lab.pop3s_port

    def fetch(self, keep):
        memory = self.lab.directory / "memory"
        collected = self.inbox / "collected"
        program = memory / "deliver"
        program.write_text(f"#!/bin/sh\n(echo '{MARK.decode().strip()}'; cat) >> {collected}\n")
        program.chmod(0o755)
        configuration = memory / "fetchmailrc"
        configuration.write_text(
            f'set idfile "{memory}/ids"\nset invisible\n'
            f"poll localhost service {self.port()} protocol pop3 uidl\n"
            f'user "main" password "{PASSWORD}" {"keep" if keep else "nokeep"} norewrite pass8bits\n'
            f'{self.tls} sslcertfile "{self.lab.certificate.certificate}" sslcertck\n'
            f'mda "{program}"\n')
        configuration.chmod(0o600)
        shown = run("fetchmail", "-f", configuration, "--nosyslog", "--pidfile", memory / "pid",
                    succeed=False, env=os.environ | {"HOME": str(memory)})
        self.assertNotRegex(shown, "(?i)error|fail")
        text = collected.read_bytes() if collected.exists() else b""
        return text.split(MARK)[1:]


class FetchmailStlsTest(FetchmailTest):
    tls = "sslproto tls1.2+"

    def port(self):
        return self.lab.pop3_port


@needs("mutt")
class MuttTest(IntoMaildir, Reading, MailTest):
    """Opens the maildrop as a mailbox, copies and removes."""

    def seen(self, message):
        header, gap, body = message.partition(b"\n\n")
        return re.sub(rb"\nContent-Length: \d+\nLines: \d+\Z", b"", header) + gap + body

    def fetch(self, keep):
        memory = self.lab.directory / "memory"
        self.make_maildir()
        configuration = memory / "muttrc"
        configuration.write_text(
            f'set pop_user="main"\nset pop_pass="{PASSWORD}"\n'
            f'set certificate_file="{self.lab.certificate.certificate}"\n'
            f'set mbox_type=Maildir\nset folder="{memory}"\nset header_cache=""\n'
            "set delete=yes\nset quit=yes\nset move=no\nset wait_key=no\nset confirmappend=no\n")
        keys = "<quit>"
        # What fails takes the keys behind it with it.
        if self.lab.stored():
            keys = (f"<tag-pattern>~A<enter><tag-prefix><copy-message>{self.inbox}<enter>" +
                    ("" if keep else "<tag-prefix><delete-message><sync-mailbox>") + keys)
        run_on_terminal(
            "mutt", "-n", "-F", configuration, "-f", f"pops://localhost:{self.lab.pop3s_port}",
            "-e", f"push '{keys}'",
            env=os.environ | {"TERM": "vt100", "HOME": str(memory), "LC_ALL": "C.UTF-8"})
        return self.messages()


@needs("curl")
class CurlTest(MailTest):
    def curl(self, path="", *arguments):
        port = self.lab.pop3s_port
        return run("curl", "--silent", "--show-error", "--cacert", self.lab.certificate.certificate,
                   "--resolve", f"mx.example.com:{port}:127.0.0.1", "--user", f"main:{PASSWORD}",
                   f"pop3s://mx.example.com:{port}/{path}", *arguments)

    def uidls(self):
        return [line.split()[1] for line in self.curl("", "-X", "UIDL").splitlines()]

    def test_every_octet(self):
        for content in MESSAGES:
            self.lab.send(content.removesuffix(b"\r\n").replace(b"\r\n.", b"\r\n.."))
        fetched = []
        for number in range(len(MESSAGES)):
            path = self.lab.directory / "fetched"
            self.curl(number + 1, "--output", path)
            fetched.append(path.read_bytes().replace(b"\r\n", b"\n"))
        self.assertEqual(fetched, self.lab.stored())

    def test_commands(self):
        for _ in range(2):
            self.lab.send(b"Subject: curl\r\n\r\n..dot\r\nend")
        self.assertEqual([line.split()[0] for line in self.curl().splitlines()], ["1", "2"])
        self.assertEqual(len(self.uidls()), 2)
        # run() reads text, which turns CR LF into LF.
        self.assertTrue(self.curl("", "-X", "TOP 1 1").endswith("Subject: curl\n\n.dot\n"))
        self.assertIn("+OK 2 ", self.curl("", "-X", "STAT", "--head", "--verbose"))

    def test_removing(self):
        for _ in range(2):
            self.lab.send(b"Subject: curl\r\n\r\nx")
        before = self.uidls()
        self.curl(1, "-X", "DELE", "--head")
        self.assertEqual(self.uidls(), before[1:])


if __name__ == "__main__":
    unittest.main()
