"""Mail sent and read by clients as people use them: smtplib, poplib, swaks, curl, mpop."""

import poplib
import shutil
import smtplib
import ssl
import subprocess
import unittest
import warnings

from lab import PASSWORD
from mail_case import MailTest, large_message
from waiting import PATIENCE


def run(*command, succeed=True, **options):
    """The output of a client; stdout and stderr as one text."""
    done = subprocess.run([str(each) for each in command], text=True, timeout=PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if succeed and done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def swaks_knows_tls():
    return shutil.which("swaks") and "TLS supported" in run("swaks", "--support")


needs_swaks_with_tls = unittest.skipUnless(swaks_knows_tls(), "swaks lacks Net::SSLeay")


class SmtplibTest(MailTest):
    MESSAGE = "From: a@remote.example\r\nSubject: smtplib\r\n\r\n.dot\r\nend\r\n"

    def connect(self):
        return smtplib.SMTP("127.0.0.1", self.lab.smtp_port, timeout=PATIENCE)

    def test_in_clear(self):
        with self.connect() as client:
            client.sendmail("a@remote.example", ["any@example.com"], self.MESSAGE)
        self.assertEqual(self.content_of(self.take_one()), self.MESSAGE.encode())

    def test_starttls_with_verification(self):
        with self.connect() as client:
            client.starttls(context=self.lab.trust())
            client.sendmail("a@remote.example", ["any@example.com"], self.MESSAGE)
        self.assertEqual(self.content_of(self.take_one()), self.MESSAGE.encode())

    def test_untrusted_certificate_is_seen_by_the_client(self):
        with self.connect() as client, self.assertRaises(ssl.SSLCertVerificationError):
            client.starttls(context=ssl.create_default_context())

    def test_several_messages_in_one_session(self):
        with self.connect() as client:
            for _ in range(5):
                client.sendmail("a@remote.example", ["any@example.com"], self.MESSAGE)
        self.assertEqual(len(self.lab.take()), 5)

    def test_refused_recipient(self):
        with self.connect() as client:
            refused = client.sendmail("a@remote.example", ["b@example.com", "c@remote.example"],
                                      self.MESSAGE)
        self.assertEqual(refused["c@remote.example"][0], 550)
        self.take_one()


class TlsTest(MailTest):
    def test_certificates_are_chosen_by_name(self):
        for name, certificate in (("mx.example.com", self.lab.certificate),
                                  ("example.org", self.lab.second_certificate),
                                  ("mx.example.org", self.lab.second_certificate)):
            with self.subTest(name=name), self.lab.smtp() as session:
                session.hello()
                session.encrypt(self.lab.trust(), name)
                self.assertEqual(session.peer_fingerprint, certificate.fingerprint)
            with self.subTest(name=name), self.lab.pop3(name=name) as session:
                self.assertEqual(session.peer_fingerprint, certificate.fingerprint)

    def test_both_versions_with_both_keys(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for name in ("mx.example.com", "example.org"):
                with self.subTest(version=version, name=name), self.lab.smtp() as session:
                    context = self.lab.trust()
                    context.minimum_version = context.maximum_version = version
                    session.hello()
                    session.encrypt(context, name)
                    session.expect("NOOP", "250")

    def test_old_versions_are_refused(self):
        context = self.lab.trust()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.lab.smtp() as session:
            session.hello()
            session.expect("STARTTLS", "220")
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                session.start_tls(context)


class PoplibTest(MailTest):
    def read(self, client):
        client.user("main")
        client.pass_(PASSWORD)
        self.assertEqual(client.stat()[0], 1)
        self.assertEqual(len(client.list()[1]), 1)
        self.assertEqual(len(client.uidl()[1]), 1)
        _, lines, octets = client.retr(1)
        self.assertEqual(octets, sum(len(line) + 2 for line in lines))
        self.assertEqual(lines[-2:], [b".dot", b"end"])
        self.assertEqual(client.top(1, 1)[1], lines[:-1])
        client.dele(1)
        client.quit()
        self.assert_nothing_stored()

    def setUp(self):
        super().setUp()
        self.lab.send(b"Subject: poplib\r\n\r\n..dot\r\nend")

    def test_inside_tls(self):
        self.read(poplib.POP3_SSL("127.0.0.1", self.lab.pop3s_port, context=self.lab.trust(),
                                  timeout=PATIENCE))

    def test_stls(self):
        client = poplib.POP3("127.0.0.1", self.lab.pop3_port, timeout=PATIENCE)
        self.assertIn("STLS", client.capa())
        self.assertNotIn("USER", client.capa())
        client.stls(context=self.lab.trust())
        self.assertIn("USER", client.capa())
        self.read(client)


@needs("swaks")
class SwaksTest(MailTest):
    def swaks(self, *arguments):
        return run("swaks", "--server", f"127.0.0.1:{self.lab.smtp_port}", "--helo", "swaks.example",
                   "--from", "a@remote.example", "--to", "any@example.com", "--header",
                   "Subject: swaks", "--body", ".dot\nend", *arguments)

    def assert_arrived(self):
        message = self.take_one()
        self.assertIn(b"Subject: swaks\r\n", message)
        self.assertIn(b"\r\n\r\n.dot\r\nend\r\n", message)
        return message

    def test_in_clear(self):
        self.swaks()
        self.assert_arrived()

    @needs_swaks_with_tls
    def test_starttls(self):
        self.swaks("--tls", "--tls-verify", "--tls-ca-path", self.lab.certificate.certificate)
        self.assertIn(b" with ESMTPS", self.assert_arrived())

    def test_pipelining(self):
        self.swaks("--pipeline")
        self.assert_arrived()

    @needs_swaks_with_tls
    def test_starttls_and_pipelining(self):
        self.swaks("--tls", "--pipeline")
        self.assert_arrived()


@needs("curl")
class CurlTest(MailTest):
    def curl(self, url, *arguments, name="mx.example.com", trust=None):
        """`name` is what curl asks for; every port of it is one of ours on loopback."""
        trust = trust or self.lab.certificate
        return run("curl", "--silent", "--show-error", "--cacert", trust.certificate, "--resolve",
                   f"{name}:{url.split(':')[2].split('/')[0]}:127.0.0.1", url, *arguments)

    def upload(self, content, *arguments, **options):
        path = self.lab.directory / "upload"
        path.write_bytes(content)
        name = options.get("name", "mx.example.com")
        self.curl(f"smtp://{name}:{self.lab.smtp_port}/curl.example", "--mail-from",
                  "a@remote.example", "--mail-rcpt", "any@example.com", "--upload-file", path,
                  *arguments, **options)

    def pop3(self, path="", *arguments):
        return self.curl(f"pop3s://mx.example.com:{self.lab.pop3s_port}/{path}", "--user",
                         f"main:{PASSWORD}", *arguments)

    def test_in_clear(self):
        self.upload(b"Subject: curl\r\n\r\n.dot\r\nend\r\n")
        self.assertEqual(self.content_of(self.take_one()), b"Subject: curl\r\n\r\n.dot\r\nend\r\n")

    def test_starttls(self):
        content = large_message(1 << 20) + b"\r\n"
        self.upload(content, "--ssl-reqd")
        self.assertEqual(self.content_of(self.take_one()), content)

    def test_starttls_of_the_second_domain(self):
        self.upload(b"Subject: curl\r\n\r\nx\r\n", "--ssl-reqd", name="mx.example.org",
                    trust=self.lab.second_certificate)
        self.take_one()

    def test_reading(self):
        self.lab.send(b"Subject: curl\r\n\r\n..dot\r\nend")
        self.lab.send(b"Subject: curl\r\n\r\n..dot\r\nend")
        self.assertEqual([line.split()[0] for line in self.pop3().splitlines()], ["1", "2"])
        self.assertEqual(len(self.pop3("", "-X", "UIDL").splitlines()), 2)
        # run() reads text, which turns CR LF into LF.
        self.assertTrue(self.pop3("1").endswith("Subject: curl\n\n.dot\nend\n"))
        self.assertTrue(self.pop3("", "-X", "TOP 1 1").endswith("Subject: curl\n\n.dot\n"))
        self.assertIn("+OK 2 ", self.pop3("", "-X", "STAT", "--head", "--verbose"))

    def test_removing(self):
        self.lab.send(b"Subject: curl\r\n\r\nx")
        self.lab.send(b"Subject: curl\r\n\r\nx")
        before = [line.split()[1] for line in self.pop3("", "-X", "UIDL").splitlines()]
        self.pop3("1", "-X", "DELE", "--head")
        after = [line.split()[1] for line in self.pop3("", "-X", "UIDL").splitlines()]
        self.assertEqual(after, before[1:])


@needs("mpop")
class MpopTest(MailTest):
    def fetch(self, *arguments, trust=None):
        inbox = self.lab.directory / "inbox"
        for folder in ("tmp", "new", "cur"):
            (inbox / folder).mkdir(parents=True, exist_ok=True)
        configuration = self.lab.directory / "mpoprc"
        configuration.write_text(
            "account test\nhost 127.0.0.1\n"
            f"port {self.lab.pop3s_port}\ntls on\ntls_starttls off\n"
            f"tls_trust_file {(trust or self.lab.certificate).certificate}\n"
            f"auth user\nuser main\npassword {PASSWORD}\n"
            f"delivery maildir {inbox}\nreceived_header off\n"
            f"uidls_file {self.lab.directory}/uidls\n")
        configuration.chmod(0o600)
        output = run("mpop", f"--file={configuration}", *arguments, "test",
                     succeed=trust is None)
        fetched = [path.read_bytes() for path in sorted((inbox / "new").iterdir())]
        shutil.rmtree(inbox)
        (self.lab.directory / "uidls").unlink(missing_ok=True)
        return output, fetched

    def test_fetch_and_keep(self):
        self.lab.send(b"Subject: mpop\r\n\r\n..dot\r\nend")
        _, fetched = self.fetch("--keep=on")
        self.assertEqual(len(fetched), 1)
        self.assertTrue(fetched[0].endswith(b"Subject: mpop\n\n.dot\nend\n"))
        self.assertEqual(len(self.lab.stored()), 1)

    def test_fetch_and_remove(self):
        for number in range(10):
            self.lab.send(b"Subject: %d\r\n\r\nx" % number)
        _, fetched = self.fetch("--keep=off")
        self.assertEqual(len(fetched), 10)
        self.assert_nothing_stored()

    def test_large_message(self):
        content = large_message(1 << 20)
        self.lab.send(content)
        _, fetched = self.fetch("--keep=off")
        self.assertTrue(fetched[0].endswith(content.replace(b"\r\n", b"\n") + b"\n"))

    def test_wrong_certificate_is_seen_by_the_client(self):
        output, fetched = self.fetch(trust=self.lab.second_certificate)
        self.assertIn("certificate", output)
        self.assertEqual(fetched, [])


if __name__ == "__main__":
    unittest.main()
