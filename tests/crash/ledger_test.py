"""The ledger itself: whether it sees what the tests of crashes look for."""

import unittest

import crash_lab  # first: it knows where the modules of the system tests are
from ledger import Ledger

TRACE = (b"Return-Path: <a@remote.example>\r\nDelivered-To: any@example.com\r\n"
         b"Received: from client.example ([127.0.0.1]) by mx.example.com with ESMTP\r\n\tid x;\r\n")


def content(token):
    return b"X-Token: %b\r\n\r\nx\r\n" % token.encode()


class LedgerTest(unittest.TestCase):
    """One message for one account, and what may be found of it."""

    def setUp(self):
        self.ledger = Ledger()
        self.message = self.ledger.will_send("t", content("t"), {"main": 1})
        self.copy = TRACE + content("t")

    def after(self, answer):
        self.ledger.sent(self.message)
        self.ledger.answered(self.message, answer)
        return self.ledger

    def good(self, ledger, *counts, moment=float("inf")):
        """`ledger` is content with exactly these numbers of copies."""
        for count in range(4):
            wrong = ledger.discrepancies({"main": [self.copy] * count}, moment)
            self.assertEqual(not wrong, count in counts, (count, wrong))

    def test_accepted_is_there_once(self):
        self.good(self.after("250 2.0.0 x"), 1)

    def test_refused_is_not_there(self):
        self.good(self.after("451 4.3.0 x"), 0)

    def test_permanently_refused_is_complained_of(self):
        self.good(self.after("554 5.0.0 x"))

    def test_unanswered_is_there_once_at_most(self):
        self.good(self.after(""), 0, 1)

    def test_never_sent_is_not_there(self):
        self.good(self.ledger, 0)

    def test_removed_is_not_there(self):
        self.after("250 2.0.0 x").removing(["t"], "main")
        self.good(self.ledger, 0, 1)
        self.ledger.removed(["t"], "main")
        self.good(self.ledger, 0)

    def test_moments(self):
        self.after("250 2.0.0 x").removing(["t"], "main")
        self.ledger.removed(["t"], "main")
        removal = self.ledger.removals["t", "main"]
        self.good(self.ledger, 0, moment=self.message.sent)
        self.good(self.ledger, 0, 1, moment=self.message.answered)
        self.good(self.ledger, 1, moment=removal.asked)
        self.good(self.ledger, 0, 1, moment=removal.done)
        self.good(self.ledger, 0, moment=removal.done + 1)

    def test_what_was_found_is_settled(self):
        self.good(self.after("").settle({"main": [self.copy]}), 1)
        self.good(self.ledger.settle({"main": []}), 0)

    def test_later_messages_have_not_happened(self):
        ledger = self.after("250 2.0.0 x").settle({"main": []}, self.message.sent)
        self.good(ledger, 0)

    def test_other_content_is_seen(self):
        self.after("250 2.0.0 x")
        for copy in (self.copy + b"y\r\n",
                     self.copy.replace(b"Delivered", b"Delivered-To: x\r\nDelivered"),
                     self.copy.replace(b"Return", b"return"), TRACE + content("u"), b"", content("t")):
            with self.subTest(copy=copy):
                self.assertNotEqual(self.ledger.discrepancies({"main": [self.copy, copy]}), [])

    def test_copy_for_another_account_is_seen(self):
        self.after("250 2.0.0 x")
        self.assertEqual(self.ledger.discrepancies({"main": [self.copy], "alice": []}), [])
        self.assertNotEqual(self.ledger.discrepancies({"main": [self.copy], "alice": [self.copy]}), [])

    def test_uidl_that_means_another_message_is_seen(self):
        other = self.ledger.will_send("u", content("u"), {"main": 1})
        for message in (self.message, other):
            self.ledger.sent(message)
            self.ledger.answered(message, "250 2.0.0 x")
        found = {"main": [self.copy, TRACE + content("u")]}
        self.ledger.read(self.copy, "main", "1")
        self.ledger.read(self.copy, "main", "1")
        self.assertEqual(self.ledger.discrepancies(found), [])
        self.ledger.read(found["main"][1], "main", "1")
        self.assertNotEqual(self.ledger.discrepancies(found), [])


if __name__ == "__main__":
    unittest.main()
