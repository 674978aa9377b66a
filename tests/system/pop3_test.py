"""POP3 beyond the daily round: AUTH PLAIN, UTF8, pipelining, large maildrops, other programs."""

import base64
import os
import poplib
import signal
import smtplib
import unittest

from lab import PASSWORD
from mail_case import MailTest
from processes import open_descriptors
from waiting import PATIENCE, wait_until
from wire import Pop3, Refused

INTERNATIONAL = "From: a@remote.example\r\nSubject: gr\u00fcn\r\n\r\nb\u00f6dy\r\n".encode()


def plain(user, password, acting_as=""):
    return base64.b64encode(f"{acting_as}\0{user}\0{password}".encode()).decode()


class AuthTest(MailTest):
    def session(self):
        return Pop3(self.lab.pop3s_port, tls=self.lab.trust())

    def test_with_initial_response(self):
        with self.session() as session:
            self.assertTrue(session.command(f"AUTH PLAIN {plain('main', PASSWORD)}")
                            .startswith("maildrop has 0"))

    def test_without_initial_response(self):
        with self.session() as session:
            session.send(b"AUTH PLAIN\r\n")
            self.assertEqual(session.line(), b"+ ")
            session.command(plain("main", PASSWORD, "main"))
            session.command("STAT")

    def test_cancelled(self):
        with self.session() as session:
            session.send(b"AUTH PLAIN\r\n*\r\n")
            self.assertEqual(session.line(), b"+ ")
            self.assertEqual(session.line(), b"-ERR cancelled")
            session.log_in("main", PASSWORD)

    def test_refusals(self):
        for response, code in ((plain("main", "wrong"), "[AUTH]"), (plain("nobody", "x"), "[AUTH]"),
                               (plain("main", PASSWORD, "alice"), "[AUTH]"), ("nonsense", "not")):
            with self.subTest(response=response), self.session() as session:
                with self.assertRaises(Refused) as refused:
                    session.command(f"AUTH PLAIN {response}")
                self.assertTrue(str(refused.exception).startswith(code), refused.exception)

    def test_not_in_clear(self):
        with Pop3(self.lab.pop3_port) as session:
            self.assertNotIn("SASL PLAIN", session.listing("CAPA"))
            with self.assertRaises(Refused):
                session.command(f"AUTH PLAIN {plain('main', PASSWORD)}")

    def test_too_many_bad_commands(self):
        with self.session() as session:
            session.send(b"bad\r\n" * 25)
            answers = session.rest().splitlines()
        self.assertEqual(answers, [b"-ERR unknown command"] * 19 +
                         [b"-ERR unknown command; too many bad commands"])


class InternationalTest(MailTest):
    def send(self):
        with smtplib.SMTP("127.0.0.1", self.lab.smtp_port, timeout=PATIENCE) as client:
            client.sendmail("a@remote.example", ["any@example.com"], INTERNATIONAL,
                            mail_options=["SMTPUTF8", "BODY=8BITMIME"])

    def client(self):
        return poplib.POP3_SSL("127.0.0.1", self.lab.pop3s_port, context=self.lab.trust(),
                               timeout=PATIENCE)

    def test_given_with_utf8_and_without(self):
        """No client that is in use says UTF8."""
        self.send()
        for says_utf8 in (True, False):
            with self.subTest(says_utf8=says_utf8):
                client = self.client()
                self.assertIn("UTF8", client.capa())
                if says_utf8:
                    client.utf8()
                client.user("main")
                client.pass_(PASSWORD)
                _, lines, octets = client.retr(1)
                self.assertEqual(octets, client.stat()[1])
                self.assertTrue(b"\r\n".join(lines).endswith(INTERNATIONAL.strip()))
                self.assertIn("Subject: gr\u00fcn".encode(), client.top(1, 0)[1])
                client.quit()

    def test_stls_comes_before_utf8(self):
        with Pop3(self.lab.pop3_port) as session:
            session.command("UTF8")
            with self.assertRaises(Refused):
                session.command("STLS")


class MaildropTest(MailTest):
    def put(self, number, content):
        """A file as another program would put it there; no name is used twice."""
        path = self.lab.maildir() / "new" / f"1700000000.{number:06}.{self.id().split('.')[-1]}"
        path.write_bytes(content)
        return path

    def test_large_maildrop(self):
        count = 10_000
        for number in range(count):
            self.put(number, b"Subject: %d\n\n" % number)
        with self.lab.pop3() as session:
            messages, octets = map(int, session.command("STAT").split())
            self.assertEqual(messages, count)
            sizes = session.listing("LIST")
            self.assertEqual(len(sizes), count)
            self.assertEqual(sum(int(line.split()[1]) for line in sizes), octets)
            ids = [line.split() for line in session.listing("UIDL")]
            self.assertEqual([int(number) for number, _ in ids], list(range(1, count + 1)))
            self.assertEqual(len({uidl for _, uidl in ids}), count)
            session.command(f"DELE {count}")
            session.command("DELE 1")
            self.assertEqual(len(session.listing("UIDL")), count - 2)
            self.assertEqual(len(session.listing("LIST")), count - 2)
            left = octets - int(sizes[0].split()[1]) - int(sizes[-1].split()[1])
            self.assertEqual(session.command("STAT"), f"{count - 2} {left}")
            session.command("RSET")
            self.assertEqual(session.command("STAT"), f"{count} {octets}")

    def test_pipelined_retrieval(self):
        """Short and long messages, in order and not, each as it was stored."""
        contents = [b"Subject: %d\n\n" % number + (b"%d .\n.\n" % number) * (number ** 3 % 9000)
                    for number in range(60)]
        for number, content in enumerate(contents):
            self.put(number, content)
        order = list(range(60)) + list(range(59, -1, -1)) + [7] * 5 + list(range(0, 60, 7))
        with self.lab.pop3() as session:
            session.send(b"".join(b"RETR %d\r\n" % (number + 1) for number in order))
            for number in order:
                size = int(session.line().split()[1])
                stuffed = b"\r\n" + session.read_to(b"\r\n.\r\n")[:-3]
                message = stuffed.replace(b"\r\n.", b"\r\n")[2:]
                self.assertEqual(len(message), size)
                self.assertEqual(message, contents[number].replace(b"\n", b"\r\n"))
            session.command("QUIT")

    def test_foreign_line_ends(self):
        """Lines that end in CR LF, LF or nothing, each sent with CR LF, and counted so."""
        self.put(0, b"Subject: x\r\n\r\n.one\r\ntwo\nthree\r")
        with self.lab.pop3() as session:
            sent = b"Subject: x\r\n\r\n.one\r\ntwo\r\nthree\r\n"
            self.assertEqual(session.listing("LIST"), [f"1 {len(sent)}"])
            session.command("RETR 1")
            self.assertEqual(session.read_to(b"\r\n.\r\n")[:-3], sent.replace(b".one", b"..one"))
            session.command("TOP 1 9")
            self.assertEqual(session.read_to(b"\r\n.\r\n")[:-3], sent.replace(b".one", b"..one"))
            session.command("DELE 1")
            session.command("QUIT")

    def test_removed_by_another_program(self):
        paths = [self.put(number, b"Subject: %d\n\nx\n" % number) for number in range(3)]
        with self.lab.pop3() as session:
            paths[1].unlink()
            session.retrieve(1)
            for command in ("RETR 2", "TOP 2 0"):
                with self.assertRaises(Refused) as refused:
                    session.command(command)
                self.assertTrue(str(refused.exception).startswith("[SYS/PERM] "))
            session.retrieve(3)
            for number in (1, 2, 3):
                session.command(f"DELE {number}")
            session.command("QUIT")
        self.assert_nothing_stored()

    def test_unique_ids_never_come_back(self):
        """Outlook and others take a message for one that they have, whatever is in it."""
        seen = []
        for content in (b"Subject: same\r\n\r\nx",) * 3:
            self.lab.send(content)
            with self.lab.pop3() as session:
                seen += [line.split()[1] for line in session.listing("UIDL")]
                session.command("DELE 1")
                session.command("QUIT")
            self.lab.stop()
            self.lab.start()
        self.assertEqual(len(seen), 3)
        self.assertEqual(len(set(seen)), 3)


if __name__ == "__main__":
    unittest.main()


class ConnectionsTest(MailTest):
    changes = {"limits": {"connections_per_address": "8"}}

    def test_connections_of_an_address_over_all_workers(self):
        for _ in range(8):
            session = self.enterContext(Pop3(self.lab.pop3_port))
            self.assertTrue(session.greeting.startswith(b"+OK "), session.greeting)
        for _ in range(4):  # whichever worker takes it
            with Pop3(self.lab.pop3_port) as session:
                self.assertTrue(session.greeting.startswith(b"-ERR [SYS/TEMP] "), session.greeting)
        with Pop3(self.lab.pop3_port, source="127.9.9.9") as session:
            self.assertTrue(session.greeting.startswith(b"+OK "), session.greeting)
        with self.assertRaises(OSError):  # nothing is said before TLS
            Pop3(self.lab.pop3s_port, tls=self.lab.trust())


class WorkersTest(MailTest):
    """Two pop3d processes, which the clients do not notice."""

    def setUp(self):
        super().setUp()
        self.lab.send(b"Subject: one\r\n\r\n")

    def test_a_maildrop_is_one_sessions_whichever_worker_has_it(self):
        with self.lab.pop3() as holder:
            for _ in range(6):
                with self.assertRaises(Refused) as refused:
                    self.lab.pop3()
                self.assertTrue(str(refused.exception).startswith("[IN-USE]"), refused.exception)
            holder.command("QUIT")
        self.take_one()

    def test_one_that_dies_takes_its_own_sessions_along(self):
        pids = self.lab.pids("pop3d")
        self.assertEqual(len(pids), 2)
        idle = open_descriptors(pids[0])
        sessions = [self.enterContext(Pop3(self.lab.pop3_port)) for _ in range(8)]
        its_own = open_descriptors(pids[0]) - idle
        started = self.lab.count_events("child.started")
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: self.lab.count_events("child.started") > started, "a fresh worker")
        left = 0
        for session in sessions:
            try:
                session.command("CAPA")
                left += 1
            except OSError:
                pass
        self.assertEqual(left, len(sessions) - its_own)
        self.take_one()
