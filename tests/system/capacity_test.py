"""Many connections at once, and more than are allowed."""

import os
import resource
import socket
import unittest

from lab import Lab
from processes import open_descriptors
from waiting import wait_until
from wire import Smtp

HELD = 2000


class CapacityTest(unittest.TestCase):
    def raise_own_limit(self, wanted):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"the hard limit of descriptors is {hard}, {wanted} are needed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_mail_flows_beside_two_thousand_open_sessions(self):
        self.raise_own_limit(3 * HELD)
        # Each worker takes its share of the limit, and the kernel does not deal evenly.
        with Lab({"limits": {"connections": str(2 * HELD)}}) as lab:
            held = []
            try:
                for _ in range(HELD):
                    held.append(lab.smtp())
                self.assertTrue(all(each.greeting.startswith("220 ") for each in held))
                lab.send(b"Subject: one more\r\n\r\nx")
                self.assertEqual(len(lab.take()), 1)
                # They are not merely open: each is served.
                for each in held:
                    each.send(b"EHLO client.example\r\n")
                for each in held:
                    self.assertTrue(each.reply().startswith("250"))
                # A reload and a message by one of them.
                self.assertIn(" reloaded ", lab.reload())
                self.assertTrue(held[-1].data(b"Subject: x\r\n\r\nx").startswith("250 "))
            finally:
                for each in held:
                    each.close()
            lab.send(b"Subject: afterwards\r\n\r\nx")
            self.assertEqual(len(lab.take()), 2)

    def test_two_thousand_silent_clients_of_pop3s(self):
        self.raise_own_limit(3 * HELD)
        with Lab({"limits": {"connections": str(2 * HELD)}}) as lab:
            held = [socket.create_connection(("127.0.0.1", lab.pop3s_port)) for _ in range(HELD)]
            try:
                lab.send(b"Subject: x\r\n\r\nx")
                self.assertEqual(len(lab.take()), 1)
            finally:
                for each in held:
                    each.close()

    def test_more_clients_than_allowed(self):
        """Those above the limit wait or are refused; when others go there is room again."""
        with Lab({"server": {"workers": "1"}, "limits": {"connections": "4"}}) as lab:
            inside = [lab.smtp() for _ in range(4)]
            for each in inside:
                each.hello()
            outside = [socket.create_connection(("127.0.0.1", lab.smtp_port)) for _ in range(20)]
            for each in outside:
                each.settimeout(0.05)
                try:
                    self.assertNotIn(b"220 ", each.recv(1000)[:4])
                except TimeoutError:
                    pass  # it waits
            for each in inside:
                self.assertTrue(each.data(b"Subject: x\r\n\r\nx").startswith("250 "))
            for each in inside + outside:
                each.close()
            self.assert_has_room(lab)
            self.assertEqual(len(lab.stored()), 4)
            self.assertEqual(lab.count_events("child.ended"), 0)

    def assert_has_room(self, lab):
        def greeted():
            with Smtp(lab.smtp_port) as session:
                return session.greeting.startswith("220 ")

        wait_until(greeted, "room for a new client")

    @unittest.skipIf(os.geteuid() != 0, "only root sees the descriptors of the processes")
    def test_large_messages_leave_nothing_open(self):
        """More of them than queued may have files open, one after the other and two at a time."""
        content = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 2000
        with Lab({"server": {"workers": "1"}, "limits": {"connections": "4"}}) as lab:
            (queued,) = lab.pids("queued")
            (smtpd,) = lab.pids("smtpd")
            with lab.smtp() as first, lab.smtp() as second:
                first.hello()
                second.hello()
                for each in (first, second) * 4:
                    self.assertTrue(each.data(content).startswith("250 "))
                lab.stored()
                before = open_descriptors(queued), open_descriptors(smtpd)
                for each in (first, second) * 40:
                    self.assertTrue(each.data(content).startswith("250 "))
                lab.stored()
                after = open_descriptors(queued), open_descriptors(smtpd)
                # Files that are given back are closed a little later: a few, not eighty.
                self.assertLess(sum(after), sum(before) + 5)
            self.assertEqual(len(lab.stored()), 88)

    def test_as_many_long_recipients_as_are_allowed(self):
        recipients = [f"{number:04}{'x' * 56}@example.com" for number in range(1000)]
        with Lab() as lab:
            with lab.smtp() as session:
                session.hello()
                answer = session.data(b"Subject: all\r\n\r\nx", recipients=recipients)
                self.assertTrue(answer.startswith("250 "), answer)
            (message,) = lab.take()
            self.assertEqual(message.count(b"\r\nDelivered-To: "), len(recipients))

    def test_limit_of_pop3(self):
        with Lab({"limits": {"connections": "2"}}) as lab:
            with lab.pop3("main") as first, lab.pop3("alice") as second:
                waiting = socket.create_connection(("127.0.0.1", lab.pop3s_port))
                for each in (first, second):
                    each.command("STAT")
                    each.command("QUIT")
                waiting.close()
            lab.pop3().close()


if __name__ == "__main__":
    unittest.main()
