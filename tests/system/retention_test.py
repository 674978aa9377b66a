"""Retention: old mail goes, young mail stays, and a clock that cannot be believed removes nothing."""

import os
import time
import unittest

from lab import Lab
from waiting import wait_until

DAY = 24 * 3600
KEEPS_30_DAYS = {"account main": {"retention": "30d"}}


def put(lab, age, directory="new", account="main"):
    """A message of another program, that was delivered so many days ago by its name."""
    received = int(time.time()) - age * DAY
    suffix = ":2,S" if directory == "cur" else ""
    maildir = lab.maildir(account)
    path = maildir / directory / f"{received}.foreign-{age}.elsewhere{suffix}"
    path.write_bytes(b"Subject: old\n\nnews\n")
    os.chown(path, maildir.stat().st_uid, maildir.stat().st_gid)
    path.chmod(0o640)
    return path


class RetentionTest(unittest.TestCase):
    def test_old_messages_go_and_young_ones_stay(self):
        with Lab() as lab:
            old = [put(lab, 31), put(lab, 400, "cur")]
            young = [put(lab, 29), put(lab, 0, "cur")]
            numbered = lab.maildir() / "new" / "17.numbered.elsewhere"
            numbered.write_bytes(b"Subject: not dated\n\nx\n")
            lab.send(b"Subject: today\r\n\r\nx\r\n")
            wait_until(lambda: len(lab.stored()) == 6, "the message")
            lab.configure(KEEPS_30_DAYS)
            self.assertIn(" reloaded ", lab.reload())
            wait_until(lambda: not any(path.exists() for path in old), "the old ones to go")
            wait_until(lambda: lab.events("retention.removed"), "a line in the log")
            (line,) = lab.events("retention.removed")
            self.assertIn("2 messages", line)
            self.assertTrue(all(path.exists() for path in [*young, numbered]))
            self.assertEqual(len(lab.stored()), 4)

    def test_a_start_removes_what_has_become_too_old(self):
        with Lab(KEEPS_30_DAYS) as lab:
            clock = lab.state_dir / "clock"
            wait_until(clock.exists, "the clock to be kept")
            lab.stop()
            old = put(lab, 31)
            lab.start()
            wait_until(lambda: not old.exists(), "the old one to go")

    def test_a_clock_that_has_jumped_removes_nothing(self):
        now = int(time.time())
        for kept in (f"believed {now + DAY}", f"believed {now - 8 * DAY}", f"doubted since {now}",
                     "nonsense"):
            with self.subTest(kept), Lab(KEEPS_30_DAYS) as lab:
                clock = lab.state_dir / "clock"
                wait_until(clock.exists, "the clock to be kept")
                lab.stop()
                old = put(lab, 31)
                about = clock.stat()
                clock.write_text(f"letterlock clock 1\n{kept}\n")
                os.chown(clock, about.st_uid, about.st_gid)
                lab.start()
                wait_until(lambda: lab.events("clock.doubted"), "a line in the log")
                # It is said before anything would be removed, and the doubt is kept.
                wait_until(lambda: clock.exists() and "doubted" in clock.read_text(), "the doubt to be kept")
                self.assertTrue(old.exists())
                self.assertFalse(lab.events("retention.removed"))

    def test_a_maildrop_in_use_has_its_turn_later(self):
        both = KEEPS_30_DAYS | {"account alice": {"retention": "30d"}}
        with Lab() as lab:
            used, free = put(lab, 31), put(lab, 31, account="alice")
            with lab.pop3() as session:
                lab.configure(both)
                self.assertIn(" reloaded ", lab.reload())
                # They have their turns in the order of the configuration.
                wait_until(lambda: not free.exists(), "the end of the other's turn")
                self.assertIn(b"Subject: old", session.retrieve(1))
                session.command("QUIT")
            self.assertTrue(used.exists())
            wait_until(lambda: self.removes_at_a_reload(lab, used), "the old one to go")

    def removes_at_a_reload(self, lab, path):
        # The session's end may not be known yet.
        self.assertIn(" reloaded ", lab.reload())
        return not path.exists()


if __name__ == "__main__":
    unittest.main()
