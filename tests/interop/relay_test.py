"""Other mail servers send to us what they have taken, each in its own way."""

import re
import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

import apart
import attempts
import packages
from exim_peer import Exim
from lab import PASSWORD
from mail_case import MailTest, large_message
from opensmtpd_peer import OpenSmtpd
from postfix_peer import Postfix
from tap import Tap
from waiting import wait_until
from wire import Pop3

SENDER = "sender@example.com"


def message(subject, body):
    """With all fields that a server would add."""
    return (f"From: Sender <{SENDER}>\r\nTo: any@example.com\r\nSubject: {subject}\r\n"
            f"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\nMessage-ID: <{subject}@sender.example>\r\n"
            "\r\n").encode() + body


class Relaying:
    """What each peer is asked to do."""

    peer_kind = None
    changes = {"account alice": {"quota": "1M"}}

    @classmethod
    def setUpClass(cls):
        reason = apart.why_not() or packages.why_missing(cls.peer_kind.package)
        if reason:
            raise unittest.SkipTest(reason)
        super().setUpClass()
        cls.tap = cls.enterClassContext(Tap(cls.lab.smtp_port))
        cls.peer = cls.enterClassContext(cls.peer_kind(cls.lab, cls.tap.port))

    def assert_passes(self, content, to="main", **envelope):
        """What has reached the maildrop by way of the peer."""
        self.peer.send(content, **{"sender": SENDER} | envelope)
        self.peer.wait_until_empty()
        taken = self.take_one(to)
        self.assertEqual(self.peer.own_part(self.content_of(taken)), content)
        return taken

    def test_text(self):
        taken = self.assert_passes(message("text", b"One line.\r\n"))
        self.assertRegex(taken, rb"\r\n\twith ESMTPS|\swith ESMTPS\s")

    def test_eight_bits(self):
        self.assert_passes(message("bits", "Gr\u00fc\u00dfe\r\n".encode() + b"\xfc\xff\x80\r\n"))

    def test_dots_and_longest_lines(self):
        self.assert_passes(message("dots", b".\r\n..\r\n.x\r\n" + b"x" * 998 + b"\r\n." +
                                   b"y" * 997 + b"\r\n\r\n.\r\n"))

    def test_large_message_with_attachment(self):
        lines = large_message(5_000_000).split(b"\r\n\r\n", 1)[1]
        body = (b"--=_b\r\nContent-Type: text/plain\r\n\r\nHello.\r\n--=_b\r\n"
                b"Content-Type: application/octet-stream\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" + lines + b"\r\n--=_b--\r\n")
        head, _ = message("large", b"").rsplit(b"\r\n", 1)
        self.assert_passes(head + b"MIME-Version: 1.0\r\n"
                           b"Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n" + body)

    def test_one_of_the_recipients_is_refused(self):
        content = message("three", b"x\r\n")
        self.peer.send(content, sender=SENDER, recipients=(
            "any@example.com", "alice@example.com", "old-shop@example.com"))
        self.peer.wait_until_empty()
        # Of main, who is also the sender: the message, and the report.
        reports = [each for each in self.lab.take() if each.startswith(b"Return-Path: <>\r\n")]
        self.assertEqual(len(reports), 1)
        self.assertIn(b"old-shop@example.com", reports[0])
        # It names whom it is about in its parts, never in its own header.
        self.assertNotIn(b"alice@example.com", reports[0])
        self.assertIn(b"550 5.1.1", reports[0].replace(b"550-5.1.1", b"550 5.1.1"))
        for each in self.take_one("alice"),:
            self.assertEqual(self.peer.own_part(self.content_of(each)), content)

    def test_null_reverse_path(self):
        taken = self.assert_passes(message("bounce", b"x\r\n"), sender="")
        self.assertTrue(taken.startswith(b"Return-Path: <>\r\n"))

    def test_commands_in_clear(self):
        self.assert_passes(message("clear", b"x\r\n"), recipients=["info@example.org"],
                           to="alice")
        conversation, = (each for each in self.tap.conversations
                         if b"\nSubject: clear\r\n" in each.octets())
        # It may have had another use before.
        while not conversation.said()[0].startswith(b"MAIL FROM:<"):
            conversation.events.pop(0)
        self.check_commands(*conversation.said())

    def check_commands(self, *said):
        """MAIL and what comes behind it, for one recipient: what this peer is known for."""
        raise NotImplementedError

    def test_restarts_amid_two_hundred_messages(self):
        """Each comes at least once, and more than once only if an end of data went unanswered."""
        subjects = [f"restart-{number:03}" for number in range(200)]
        self.peer.pause()
        for start in range(0, 200, 50):
            self.peer.send(*(message(subject, b"x\r\n" * 500)
                             for subject in subjects[start:start + 50]),
                           sender=SENDER, recipients=["info@example.org"])
        self.peer.resume()
        wait_until(lambda: self.attempts_answered() >= 40, "messages")
        self.lab.stop()
        self.lab.start()
        before = self.attempts_answered()
        self.peer.flush()
        wait_until(lambda: self.attempts_answered() >= before + 40, "further messages")
        self.kill()
        self.lab.start()
        self.assertLess(self.attempts_answered(), 200)
        self.peer.wait_until_empty()
        copies = Counter(attempts.SUBJECT.search(each)[1].decode() for each in self.lab.take("alice"))
        self.assertEqual(sorted(copies), subjects)
        taken, unanswered = self.attempts()
        self.assertEqual(set(taken.values()), {1})
        for subject in subjects:
            self.assertLessEqual(copies[subject], 1 + unanswered[subject], subject)

    def kill(self):
        """kill -9 of the parent; the kernel kills its children."""
        self.lab.children()
        self.lab.process.kill()
        self.lab.wait_for_end()
        self.lab.assert_nobody_left()

    def attempts(self):
        """How often the tap saw a message being taken, and sent to its end without an answer."""
        return attempts.count(each.exchanges() for each in self.tap.conversations)

    def attempts_answered(self):
        return sum(taken[1].count(attempts.ACCEPTED) for conversation in list(self.tap.conversations)
                   for taken in conversation.exchanges())

    def test_twenty_messages_in_one_connection(self):
        contents = [message(f"number-{number:02}", b"x\r\n") for number in range(20)]
        self.peer.pause()
        self.peer.send(*contents, sender=SENDER, recipients=["info@example.org"])
        self.assertEqual(self.peer.waiting(), 20)
        self.peer.resume()
        self.peer.wait_until_empty()
        taken = [self.peer.own_part(self.content_of(each)) for each in self.lab.take("alice")]
        self.assertEqual(sorted(taken), contents)
        counts = [each.octets().count(b"\nSubject: number-") for each in self.tap.conversations]
        self.assertEqual(sum(counts), 20)
        # Postfix may need one to find out that more are wanted.
        self.assertGreaterEqual(max(counts), 19)

    def test_certificate_of_another_name(self):
        self.peer.send(message("secret", b"x\r\n"), sender=SENDER,
                       recipients=["info@example.net"])
        before = len(self.peer.log())
        self.peer.flush()
        wait_until(lambda: re.search(self.peer_kind.unverified, self.peer.log()[before:]),
                   "word of the certificate")
        self.assertEqual(self.peer.waiting(), 1)
        self.assert_nothing_stored()
        self.peer.drop_all()

    def test_full_maildrop_is_tried_again(self):
        large = message("large", large_message(600_000).split(b"\r\n\r\n", 1)[1] + b"\r\n")
        self.lab.send(large.removesuffix(b"\r\n"), recipients=["alice@example.com"])
        self.peer.send(large, sender=SENDER, recipients=["alice@example.com"])
        before = len(self.peer.log())
        self.peer.flush()
        wait_until(lambda: "452 4.2.2" in self.peer.log()[before:], "word of the full maildrop")
        self.assertEqual(self.peer.waiting(), 1)
        self.assertEqual(self.content_of(self.take_one("alice")), large)
        self.peer.wait_until_empty()
        self.assertEqual(self.peer.own_part(self.content_of(self.take_one("alice"))), large)
        self.assert_nothing_stored()


class Internationalized(Relaying):
    """For peers that know SMTPUTF8."""

    def test_internationalized_addresses(self):
        content = message("utf8", "Gr\u00fc\u00dfe\r\n".encode()).replace(
            b"Subject: utf8", "Subject: f\u00fcr dich".encode())
        self.peer.send(content, sender="j\u00fcrgen@example.com", recipients=["m\u00fc@example.com"],
                       parameters=" SMTPUTF8 BODY=8BITMIME")
        self.peer.wait_until_empty()
        with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as session:
            session.command("UTF8")
            session.log_in("main", PASSWORD)
            taken = session.retrieve(1)
            session.command("DELE 1")
            session.command("QUIT")
        self.assertEqual(self.peer.own_part(self.content_of(taken)), content)
        self.assertIn("\r\nDelivered-To: m\u00fc@example.com\r\n".encode(), taken)
        self.assertRegex(taken, rb"\swith UTF8SMTPS\s")


class PostfixTest(Internationalized, MailTest):
    peer_kind = Postfix

    def check_commands(self, commands, content, *_):
        self.assertRegex(commands, rb"\AMAIL FROM:<.*\r\nRCPT TO:<.*\r\nDATA\r\n\Z")
        self.assertTrue(content.endswith(b"\r\n.\r\nQUIT\r\n"))


class EximTest(Internationalized, MailTest):
    peer_kind = Exim

    def check_commands(self, everything, *_):
        self.assertRegex(everything, rb"\AMAIL FROM:<.*\r\nRCPT TO:<.*\r\nBDAT \d+ LAST\r\n")
        self.assertTrue(everything.endswith(b"\r\nx\r\nQUIT\r\n"))


class OpenSmtpdTest(Relaying, MailTest):
    peer_kind = OpenSmtpd

    def check_commands(self, mail, rcpt, data, *_):
        self.assertEqual((mail[:11], rcpt[:9], data), (b"MAIL FROM:<", b"RCPT TO:<", b"DATA\r\n"))


if __name__ == "__main__":
    unittest.main()
