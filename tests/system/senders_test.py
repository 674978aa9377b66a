"""Mail sent by programs as people and scripts use them: swaks, curl, msmtp."""

import shutil
import unittest

from client_programs import needs, run
from mail_case import MailTest, large_message


def swaks_knows_tls():
    return shutil.which("swaks") and "TLS supported" in run("swaks", "--support")


needs_swaks_with_tls = unittest.skipUnless(swaks_knows_tls(), "swaks lacks Net::SSLeay")

# A header, octets beyond ASCII, the longest line of RFC 5321 §4.5.3.1.6, and dots everywhere.
MESSAGE = (b"From: a@remote.example\r\nSubject: \xc3\xa4 sent\r\n\r\n.\r\n..dots.\r\n" + b"x" * 998 +
           b"\r\n.\r\n\r\n\xff\xfe\r\n.end\r\n")


@needs("swaks")
class SwaksTest(MailTest):
    def swaks(self, *arguments, **options):
        return run("swaks", "--server", f"127.0.0.1:{self.lab.smtp_port}", "--helo", "swaks.example",
                   "--from", "a@remote.example", "--to", "any@example.com", "--header",
                   "Subject: swaks", "--body", ".dot\nend", *arguments, **options)

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

    @needs_swaks_with_tls
    def test_inside_tls(self):
        self.swaks("--server", f"127.0.0.1:{self.lab.smtps_port}", "--tls-on-connect", "--tls-verify",
                   "--tls-ca-path", self.lab.certificate.certificate)
        self.assertIn(b" with ESMTPS", self.assert_arrived())

    def test_pipelining(self):
        self.swaks("--pipeline")
        self.assert_arrived()

    @needs_swaks_with_tls
    def test_starttls_and_pipelining(self):
        self.swaks("--tls", "--pipeline")
        self.assert_arrived()

    def test_helo_alone(self):
        self.swaks("--protocol", "SMTP")
        self.assertRegex(self.assert_arrived(), rb"\swith SMTP\s")

    def test_null_reverse_path(self):
        self.swaks("--from", "<>")
        self.assertTrue(self.assert_arrived().startswith(b"Return-Path: <>\r\n"))

    def test_lmtp_is_refused(self):
        """LHLO is not ours: a client that takes us for a delivery agent hears so and sends nothing."""
        shown = self.swaks("--protocol", "LMTP", succeed=False)
        self.assertIn("<** 500 5.5.2 ", shown)
        self.assertNotIn("MAIL FROM", shown)
        self.assert_nothing_stored()

    def test_login_is_not_offered(self):
        shown = self.swaks("--auth", "--auth-user", "main", "--auth-password", "x", succeed=False)
        self.assertIn("Host did not advertise authentication", shown)
        self.assert_nothing_stored()


@needs("curl")
class CurlTest(MailTest):
    def upload(self, content, *arguments, name="mx.example.com", trust=None, sender="a@remote.example",
               recipients=("any@example.com",), succeed=True, scheme="smtp"):
        """`name` is what curl asks for; every port of it is one of ours on loopback."""
        path = self.lab.directory / "upload"
        path.write_bytes(content)
        port = self.lab.smtps_port if scheme == "smtps" else self.lab.smtp_port
        addressed = [word for each in recipients for word in ("--mail-rcpt", each)]
        return run("curl", "--silent", "--show-error", "--cacert",
                   (trust or self.lab.certificate).certificate,
                   "--resolve", f"{name}:{port}:127.0.0.1", f"{scheme}://{name}:{port}/curl.example",
                   "--mail-from", sender, *addressed, "--upload-file", path, *arguments,
                   succeed=succeed)

    def assert_passes(self, content, *arguments, **options):
        self.upload(content, *arguments, **options)
        self.assertEqual(self.content_of(self.take_one()), content)

    def test_in_clear(self):
        self.assert_passes(MESSAGE)

    def test_starttls(self):
        self.assert_passes(large_message(1 << 20) + b"\r\n", "--ssl-reqd")

    def test_starttls_of_the_second_domain(self):
        self.assert_passes(MESSAGE, "--ssl-reqd", name="mx.example.org",
                           trust=self.lab.second_certificate)

    def test_inside_tls(self):
        self.assert_passes(large_message(1 << 20) + b"\r\n", scheme="smtps")

    def test_inside_tls_to_the_second_domain(self):
        self.assert_passes(MESSAGE, name="mx.example.org", trust=self.lab.second_certificate,
                           scheme="smtps")

    def test_line_ends_of_a_file(self):
        """A bare LF is refused; --crlf is what curl has for it."""
        content = b"Subject: curl\n\n.dot\nend\n"
        self.assertIn("550", self.upload(content, "--verbose", succeed=False))
        self.assert_nothing_stored()
        self.upload(content, "--crlf")
        self.assertEqual(self.content_of(self.take_one()), content.replace(b"\n", b"\r\n"))

    def test_one_of_the_recipients_is_refused(self):
        self.upload(MESSAGE, "--mail-rcpt-allowfails",
                    recipients=["any@example.com", "old-shop@example.com", "alice@example.com"])
        for account in ("main", "alice"):
            self.assertEqual(self.content_of(self.take_one(account)), MESSAGE)

    def test_null_reverse_path(self):
        self.upload(MESSAGE, sender="")
        self.assertTrue(self.take_one().startswith(b"Return-Path: <>\r\n"))

    def test_internationalized_recipient(self):
        self.upload(MESSAGE, recipients=["j\u00fcrgen@example.com"])
        self.assertIn("\nDelivered-To: j\u00fcrgen@example.com\n".encode(), self.lab.stored()[0])


@needs("msmtp")
class MsmtpTest(MailTest):
    def msmtp(self, content, *arguments, trust=None, succeed=True):
        """msmtp reads lines that end in LF."""
        configuration = self.lab.directory / "msmtprc"
        configuration.write_text(
            f"account test\nhost 127.0.0.1\nport {self.lab.smtp_port}\ndomain msmtp.example\n"
            "from a@remote.example\ntls on\ntls_starttls on\n"
            f"tls_trust_file {(trust or self.lab.certificate).certificate}\n"
            "set_date_header off\nset_msgid_header off\n")
        configuration.chmod(0o600)
        path = self.lab.directory / "letter"
        path.write_bytes(content.replace(b"\r\n", b"\n"))
        with path.open("rb") as letter:
            return run("msmtp", f"--file={configuration}", "--account=test", *arguments,
                       stdin=letter, succeed=succeed)

    def assert_passes(self, content, *arguments):
        self.msmtp(content, *arguments)
        message = self.take_one()
        self.assertEqual(self.content_of(message), content)
        return message

    def test_starttls(self):
        self.assertRegex(self.assert_passes(MESSAGE, "any@example.com"), rb"\swith ESMTPS\s")

    def test_inside_tls(self):
        self.assertRegex(self.assert_passes(MESSAGE, f"--port={self.lab.smtps_port}",
                                            "--tls-starttls=off", "any@example.com"),
                         rb"\swith ESMTPS\s")

    def test_in_clear(self):
        self.assertRegex(self.assert_passes(MESSAGE, "--tls=off", "any@example.com"),
                         rb"\swith ESMTP\s")

    def test_large_message(self):
        self.assert_passes(b"From: a@remote.example\r\n" + large_message(1 << 20) + b"\r\n",
                           "any@example.com")

    def test_recipients_of_the_header(self):
        content = (b"From: a@remote.example\r\nTo: any@example.com,\r\n Alice <alice@example.com>\r\n"
                   b"\r\nx\r\n")
        self.msmtp(content, "--read-recipients")
        for account in ("main", "alice"):
            self.assertEqual(self.content_of(self.take_one(account)), content)

    def test_refused_recipient_stops_it(self):
        shown = self.msmtp(MESSAGE, "any@example.com", "old-shop@example.com", succeed=False)
        self.assertIn("550 5.1.1", shown)
        self.assert_nothing_stored()

    def test_certificate_of_another_name(self):
        self.assertIn("certificate", self.msmtp(MESSAGE, "any@example.com", succeed=False,
                                                trust=self.lab.second_certificate))
        self.assert_nothing_stored()

    def test_lmtp_is_refused(self):
        shown = self.msmtp(MESSAGE, "--protocol=lmtp", "any@example.com", succeed=False)
        self.assertIn("500 5.5.2", shown)
        self.assert_nothing_stored()


if __name__ == "__main__":
    unittest.main()
