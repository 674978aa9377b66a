"""Mail sent and read by Python's clients, and what TLS looks like to a client."""

import poplib
import smtplib
import ssl
import unittest
import warnings

from lab import PASSWORD
from mail_case import MailTest
from waiting import PATIENCE


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

    def test_inside_tls(self):
        with smtplib.SMTP_SSL("localhost", self.lab.smtps_port, context=self.lab.trust(),
                              timeout=PATIENCE) as client:
            client.ehlo()
            self.assertFalse(client.has_extn("starttls"))
            self.assertEqual(client.docmd("STARTTLS")[0], 503)
            client.sendmail("a@remote.example", ["any@example.com"], self.MESSAGE)
        message = self.take_one()
        self.assertEqual(self.content_of(message), self.MESSAGE.encode())
        self.assertRegex(message, rb"\swith ESMTPS\s")

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


    def test_weak_ciphers_are_refused(self):
        """Whatever has no forward secrecy, or pads."""
        for ciphers in ("AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES256-GCM-SHA384"):
            context = self.lab.trust()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            for offered, is_taken in ((ciphers, False), (ciphers + ":ECDHE+AESGCM", True)):
                context.set_ciphers(offered + ":@SECLEVEL=0")
                with self.subTest(offered), self.lab.smtp() as session:
                    session.hello()
                    session.expect("STARTTLS", "220")
                    if is_taken:
                        session.start_tls(context, "example.org")  # its key is RSA
                        session.expect("NOOP", "250")
                    else:
                        with self.assertRaises((ssl.SSLError, ConnectionError)):
                            session.start_tls(context, "example.org")


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


if __name__ == "__main__":
    unittest.main()
