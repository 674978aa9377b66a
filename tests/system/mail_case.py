"""What the tests of mail have in common: a system for each class, and comparing by the octet."""

import re
import unittest

from lab import QuickLab

TRACE = re.compile(
    rb"\AReturn-Path: <[^\r\n]*>\r\n(?:Delivered-To: [^\r\n]+\r\n)+Received: [^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")


class MailTest(unittest.TestCase):
    """One system for all tests of a class; each begins with empty maildrops."""

    changes = {}

    @classmethod
    def setUpClass(cls):
        cls.lab = QuickLab(cls.changes)
        cls.enterClassContext(cls.lab)

    def setUp(self):
        for account in ("main", "alice"):
            for folder in ("new", "cur"):
                for path in (self.lab.maildir(account) / folder).iterdir():
                    path.unlink(missing_ok=True)  # what was read and removed may go right now

    def take_one(self, account="main"):
        messages = self.lab.take(account)
        self.assertEqual(len(messages), 1)
        return messages[0]

    def content_of(self, message):
        """The message without the trace fields that the server puts on top."""
        trace = TRACE.match(message)
        self.assertIsNotNone(trace, message[:500])
        return message[trace.end():]

    def assert_passes(self, sent, received=None):
        """`sent` goes out before CR LF . CR LF; `received` is what a reader gets of it."""
        self.lab.send(sent)
        expected = sent.replace(b"\r\n..", b"\r\n.") + b"\r\n" if received is None else received
        self.assertEqual(self.content_of(self.take_one()), expected)

    def assert_nothing_stored(self):
        self.assertEqual(self.lab.stored("main") + self.lab.stored("alice"), [])


def large_message(size):
    line = bytes(33 + i % 90 for i in range(76)) + b"\r\n"
    return b"Subject: large\r\n\r\n" + (line * (size // len(line))).removesuffix(b"\r\n")
