"""Who may connect to port 25 and how often, with the real programs and two workers."""

import os
import signal
import unittest

from lab import Lab
from waiting import wait_until
from wire import Wire

STRANGER, NEIGHBOUR, FAR = "127.9.9.9", "127.9.9.10", "127.8.8.8"


class AccessTest(unittest.TestCase):
    def lab(self, changes):
        return self.enterContext(Lab(changes))

    def greeting(self, lab, source):
        with lab.smtp(source=source) as session:
            return session.greeting

    def open_sessions(self, lab, count, source):
        sessions = [self.enterContext(lab.smtp(source=source)) for _ in range(count)]
        for session in sessions:
            self.assertTrue(session.greeting.startswith("220 "), session.greeting)
        return sessions

    def test_connections_of_an_address_over_all_workers(self):
        lab = self.lab({"limits": {"connections_per_address": 4}})
        sessions = self.open_sessions(lab, 4, STRANGER)
        for _ in range(4):  # whichever worker takes it
            self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))
        self.assertTrue(self.greeting(lab, NEIGHBOUR).startswith("220 "))
        sessions[0].expect("QUIT", "221")
        wait_until(lambda: self.greeting(lab, STRANGER).startswith("220 "), "a place")
        wait_until(lambda: lab.events("connection.refused"), "the line in the log")
        self.assertIn(f"peer={STRANGER} why=connections", lab.events("connection.refused")[0])

    def test_fifty_connections_of_an_address_by_default(self):
        lab = self.lab({"limits": {"connections_per_address": None}})
        self.open_sessions(lab, 50, STRANGER)
        self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))

    def test_connections_of_a_network(self):
        lab = self.lab({"limits": {"connections_per_address": 1}})
        for last in range(4):
            self.open_sessions(lab, 1, f"127.9.9.{last + 1}")
        self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))
        self.assertTrue(self.greeting(lab, FAR).startswith("220 "))

    def test_what_a_dead_worker_had_open_is_forgotten(self):
        lab = self.lab({"limits": {"connections_per_address": 4}})
        self.open_sessions(lab, 4, STRANGER)
        for pid in lab.pids("smtpd"):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: lab.count_events("child.started") == 11, "fresh workers")

        def accepted():
            try:
                return self.greeting(lab, STRANGER).startswith("220 ")
            except OSError:  # nobody accepts yet
                return False
        wait_until(accepted, "a place")
        self.open_sessions(lab, 3, STRANGER)

    def test_rates(self):
        lab = self.lab({"limits": {"connection_rate": "3/h", "message_rate": "2/h"}})
        with lab.smtp(source=STRANGER) as session:
            session.hello()
            for _ in range(2):
                session.expect("MAIL FROM:<>", "250")
                session.expect("RSET", "250")
            session.expect("MAIL FROM:<>", "421 4.7.0")
            self.assertEqual(session.reply(), "")
        self.assertTrue(self.greeting(lab, STRANGER).startswith("220 "))
        self.assertTrue(self.greeting(lab, STRANGER).startswith("220 "))
        self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))
        self.assertTrue(self.greeting(lab, FAR).startswith("220 "))

    def test_reload_changes_limits(self):
        lab = self.lab({"limits": {"connections_per_address": 2}})
        first, _ = self.open_sessions(lab, 2, STRANGER)
        self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))
        lab.configure({"limits": {"connections_per_address": 3, "message_rate": "1/h"}})
        self.assertIn("reloaded", lab.reload())
        self.open_sessions(lab, 1, STRANGER)
        # Who is there stays, whatever the limit is by now, and has the new rate.
        lab.configure({"limits": {"connections_per_address": 1, "message_rate": "1/h"}})
        self.assertIn("reloaded", lab.reload())
        self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))
        first.hello()
        self.assertTrue(first.data(b"Subject: x\r\n\r\nx").startswith("250 "))
        first.expect("MAIL FROM:<>", "421 4.7.0")

    def test_offenders_are_locked_out_and_this_host_is_not(self):
        lab = self.lab({})
        for source, end in ((STRANGER, "421 4.7.0 "), ("127.0.0.1", "220 ")):
            for _ in range(11):
                with lab.smtp(source=source) as session:
                    session.expect("GET / HTTP/1.1", "500")
                    self.assertEqual(session.reply(), "")
            self.assertTrue(self.greeting(lab, source).startswith(end))
        self.assertTrue(self.greeting(lab, FAR).startswith("220 "))
        wait_until(lambda: lab.events("client.locked_out"), "the line in the log")
        self.assertEqual(len(lab.events("client.locked_out")), 1)

    def test_one_offender_does_not_lock_its_network_out(self):
        lab = self.lab({"limits": {"connections_per_address": 50}})
        for session in self.open_sessions(lab, 50, STRANGER):
            session.expect("GET / HTTP/1.1", "500")
            self.assertEqual(session.reply(), "")
        self.assertTrue(self.greeting(lab, STRANGER).startswith("421 4.7.0 "))
        self.assertTrue(self.greeting(lab, NEIGHBOUR).startswith("220 "))
        # The door's line is written behind it.
        wait_until(lambda: lab.events("connection.refused"), "the line in the log")
        self.assertEqual(len(lab.events("client.locked_out")), 1)

    def test_no_lockout(self):
        lab = self.lab({"access": {"lockout": "no"}})
        for _ in range(15):
            with lab.smtp(source=STRANGER) as session:
                session.expect("GET / HTTP/1.1", "500")
        self.assertTrue(self.greeting(lab, STRANGER).startswith("220 "))

    def test_early_talkers(self):
        lab = self.lab({"access": {"greeting_delay": "60s"}})
        with Wire(lab.smtp_port) as wire:
            wire.send(b"EHLO client.example\r\n")
            self.assertTrue(wire.line().startswith(b"554 5.5.1 "))
            self.assertEqual(wire.rest(), b"")

    def test_only_allowed_networks_connect(self):
        lab = self.lab({"access": {"allow": "127.9.9.0/24, 2001:db8::/32"}})
        self.assertTrue(self.greeting(lab, FAR).startswith("554 5.7.1 "))
        self.assertTrue(self.greeting(lab, "127.0.0.1").startswith("554 5.7.1 "))
        with lab.smtp(source=STRANGER) as session:
            session.hello()
            self.assertTrue(session.data(b"Subject: x\r\n\r\nx").startswith("250 "))

    def test_reload_withdraws_access_between_messages(self):
        lab = self.lab({})
        idle, busy = self.open_sessions(lab, 2, STRANGER)
        busy.hello()
        busy.expect("MAIL FROM:<a@remote.example>", "250")
        busy.expect("RCPT TO:<any@example.com>", "250")
        busy.expect("DATA", "354")
        lab.configure({"access": {"allow": f"{FAR}/32"}})
        self.assertIn("reloaded", lab.reload())
        self.assertTrue(idle.reply().startswith("421 4.7.0 "))
        busy.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        self.assertTrue(busy.reply().startswith("250 "))
        self.assertTrue(busy.reply().startswith("421 4.7.0 "))
        self.assertTrue(self.greeting(lab, STRANGER).startswith("554 5.7.1 "))
        self.assertTrue(self.greeting(lab, FAR).startswith("220 "))
        self.assertEqual(len(lab.stored()), 1)


if __name__ == "__main__":
    unittest.main()
