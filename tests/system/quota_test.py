"""Quotas: who is refused when a maildrop is full, and when it takes mail again."""

import os
import signal
import unittest

from lab import Lab
from mail_case import large_message
from waiting import wait_until

FULL = "452 4.2.2 Mailbox full, try again later"
KIB = 1024
QUOTA = {"account main": {"quota": "100K"}}


def rcpt(lab, kibibytes, address="any@example.com"):
    """The answer to a recipient of a message of that size (0: not told); nothing is sent."""
    with lab.smtp() as session:
        session.hello()
        size = f" SIZE={kibibytes * KIB}" if kibibytes else ""
        session.expect(f"MAIL FROM:<a@client.example>{size}", "250")
        return session.command(f"RCPT TO:<{address}>")


def wait_for_rcpt(lab, answer, kibibytes):
    wait_until(lambda: rcpt(lab, kibibytes).startswith(answer), f"{answer} at RCPT")


class QuotaTest(unittest.TestCase):
    def test_a_full_maildrop_is_refused_and_no_other(self):
        with Lab(QUOTA) as lab, lab.smtp() as session:
            session.hello()
            lab.send(large_message(60 * KIB), recipients=["any@example.com"])
            # What is known to be too large is refused for its recipient alone.
            wait_for_rcpt(lab, FULL, 50)
            answer = session.data(large_message(50 * KIB), recipients=["alice@example.com"])
            self.assertTrue(answer.startswith("250 "), answer)
            # What turns out to be too large is refused for all.
            answer = session.data(large_message(50 * KIB),
                                  recipients=["any@example.com", "alice@example.com"])
            self.assertEqual(answer, FULL)
            wait_until(lambda: lab.events("message.over_quota"), "a line in the log")
            # At the next attempt the other one gets it.
            session.expect("MAIL FROM:<a@client.example>", "250")
            wait_until(lambda: session.command("RCPT TO:<any@example.com>") == FULL, FULL)
            session.expect("RCPT TO:<alice@example.com>", "250")
            session.expect("RSET", "250")
            # A smaller one has room.
            self.assertTrue(rcpt(lab, 10).startswith("250 "))
            session.expect(f"MAIL FROM:<a@client.example> SIZE={35 * KIB}", "250")
            session.expect("RCPT TO:<any@example.com>", "250")
            session.expect("DATA", "354")
            session.send(large_message(35 * KIB) + b"\r\n.\r\n")
            self.assertTrue(session.reply().startswith("250 "))
            wait_for_rcpt(lab, FULL, 10)
            self.assertEqual(len(lab.take("alice")), 1)
            # Its owner makes room.
            self.assertEqual(len(lab.take()), 2)
            wait_for_rcpt(lab, "250 ", 60)
            lab.send(large_message(60 * KIB), recipients=["any@example.com"])

    def test_one_that_has_no_room_delays_the_others_once(self):
        with Lab(QUOTA) as lab, lab.smtp() as session:
            session.hello()
            lab.send(large_message(90 * KIB), recipients=["any@example.com"])
            both = ["any@example.com", "alice@example.com"]
            content = large_message(50 * KIB)
            self.assertEqual(session.data(content, recipients=both), FULL)
            # The client tries again, as RFC 5321 section 4.5.4.1 has it: still without a size.
            wait_for_rcpt(lab, FULL, 0)
            session.expect("MAIL FROM:<a@client.example>", "250")
            self.assertEqual(session.command("RCPT TO:<any@example.com>"), FULL)
            session.expect("RSET", "250")
            answer = session.data(content, recipients=both[1:])
            self.assertTrue(answer.startswith("250 "), answer)
            self.assertEqual(len(lab.take("alice")), 1)
            self.assertEqual(len(lab.take()), 1)
            wait_for_rcpt(lab, "250 ", 0)

    def test_what_others_remove_is_seen_at_the_next_login(self):
        with Lab(QUOTA) as lab:
            lab.send(large_message(90 * KIB))
            wait_for_rcpt(lab, FULL, 20)
            wait_until(lambda: list((lab.maildir() / "new").iterdir()), "the message")
            for path in (lab.maildir() / "new").iterdir():
                path.unlink()
            lab.pop3().close()
            wait_for_rcpt(lab, "250 ", 20)

    def test_a_start_and_a_reload_know_what_is_there(self):
        lab = Lab()
        with lab:
            lab.send(large_message(90 * KIB))
            lab.configure(QUOTA)
            self.assertIn(" reloaded ", lab.reload())
            wait_for_rcpt(lab, FULL, 20)
            lab.configure({"account main": {"quota": "1M"}})
            self.assertIn(" reloaded ", lab.reload())
            wait_for_rcpt(lab, "250 ", 20)
            lab.configure(QUOTA)
            self.assertIn(" reloaded ", lab.reload())
            wait_for_rcpt(lab, FULL, 20)
            lab.configure({})
            self.assertIn(" reloaded ", lab.reload())
            wait_for_rcpt(lab, "250 ", 20)

    def test_a_queued_that_is_started_again_tells_its_smtpd(self):
        with Lab(QUOTA) as lab, lab.smtp() as session:
            session.hello()
            lab.send(large_message(90 * KIB))
            wait_for_rcpt(lab, FULL, 20)
            (queued,) = lab.pids("queued")
            os.kill(queued, signal.SIGKILL)
            wait_until(lambda: lab.pids("queued") not in ([], [queued]), "another queued")
            wait_for_rcpt(lab, FULL, 20)
            # Without a size the commit tells.
            answer = session.data(large_message(50 * KIB), recipients=["any@example.com"])
            self.assertEqual(answer, FULL)


if __name__ == "__main__":
    unittest.main()
