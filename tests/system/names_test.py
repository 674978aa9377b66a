"""Host names in [access] allow: smtpd, resolvd and a name server that answers as it is told."""

import contextlib
import os
import signal
import socket
import unittest

from lab import QuickLab
from nameserver import A, AAAA, CNAME, PTR, SERVFAIL, SILENCE, NameServer, reverse
from waiting import PATIENCE, wait_until

FRIEND, STRANGER, OTHER = "127.9.9.9", "127.8.8.8", "127.7.7.7"
DENIED, IN_DOUBT, WELCOME = "554 5.7.1 ", "421 4.4.3 ", "220 "


class NamesTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(NameServer())

    def lab(self, allow="mail.example.net, .example.org", **server):
        server.setdefault("resolvers", f"127.0.0.1:{self.server.port}")
        return self.enterContext(QuickLab({"access": {"allow": allow}, "server": server}))

    def greeting(self, lab, source):
        with lab.smtp(source=source) as session:
            return session.greeting

    def assert_greeted(self, lab, source, start):
        greeting = self.greeting(lab, source)
        self.assertTrue(greeting.startswith(start), f"{source}: {greeting}")

    def test_confirmed_names_may_send(self):
        self.server.add_host(FRIEND, "Mail.Example.NET")
        self.server.records["mail.example.net"] = [(A, "192.0.2.1"), (A, FRIEND)]
        self.server.add_host(OTHER, "a.b.example.org")
        lab = self.lab()
        with lab.smtp(source=FRIEND) as session:
            self.assertTrue(session.greeting.startswith(WELCOME), session.greeting)
            session.hello()
            self.assertTrue(session.data(b"Subject: x\r\n\r\nx").startswith("250 "))
        self.assert_greeted(lab, OTHER, WELCOME)

    def test_ipv6(self):
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
                port = probe.getsockname()[1]
        except OSError:
            self.skipTest("no IPv6 on loopback")
        self.server.records[".".join("1" + "0" * 31) + ".ip6.arpa"] = [(PTR, "mail.example.net")]
        self.server.records["mail.example.net"] = [(A, "127.0.0.1"), (AAAA, "::1")]
        self.lab(smtp_listen=f"[::1]:{port}")
        with socket.create_connection(("::1", port), timeout=PATIENCE) as client:
            self.assertTrue(client.recv(1000).startswith(WELCOME.encode()))
        self.assertNotIn(("mail.example.net", A), self.server.asked)

    def test_who_has_no_such_name_is_told_what_others_are(self):
        for address, names, forward in (
                ("127.1.0.1", ["mail.example.com"], None),  # another name
                ("127.1.0.2", ["mail.example.net"], ["192.0.2.1"]),  # of somebody else
                ("127.1.0.3", ["example.org"], None),  # not below it
                ("127.1.0.4", ["notexample.org"], None),
                ("127.1.0.5", [], None)):
            self.server.add_host(address, *names, forward=forward)
        self.server.records[reverse("127.1.0.6")] = [(PTR, "gone.example.org")]
        lab = self.lab()
        for last in range(1, 8):  # the last has no name at all
            self.assert_greeted(lab, f"127.1.0.{last}", DENIED)
        wait_until(lambda: lab.events("connection.refused"), "the line in the log")
        self.assertIn("why=access", lab.events("connection.refused")[0])
        # Names that may not send are not even looked up.
        self.assertNotIn(("mail.example.com", A), self.server.asked)
        self.assertNotIn(("notexample.org", A), self.server.asked)

    def test_networks_beside_names_need_no_lookup(self):
        lab = self.lab(allow=f"{FRIEND}/32, mail.example.net")
        self.assert_greeted(lab, FRIEND, WELCOME)
        self.assertEqual(self.server.asked, [])
        self.assert_greeted(lab, STRANGER, DENIED)
        self.assertEqual(self.server.asked, [(reverse(STRANGER), PTR)])

    def test_without_names_nothing_is_looked_up(self):
        lab = self.lab(allow="")
        self.assert_greeted(lab, STRANGER, WELCOME)
        lab.send(b"Subject: x\r\n\r\nx")
        self.assertEqual(self.server.asked, [])

    def test_aliases_and_many_names(self):
        # A reverse zone that is delegated in parts (RFC 2317), and an answer that needs TCP.
        self.server.records[reverse(FRIEND)] = [(CNAME, "9.0/25.9.9.127.in-addr.arpa")]
        self.server.records["9.0/25.9.9.127.in-addr.arpa"] = [
            *((PTR, f"web{number}.example.com") for number in range(30)), (PTR, "mail.example.net")]
        self.server.records["mail.example.net"] = [(CNAME, "host.example.com")]
        self.server.records["host.example.com"] = [(A, f"192.0.2.{n}") for n in range(60)] + [(A, FRIEND)]
        # More names than anybody looks at: nobody knows which come first.
        self.server.add_host(STRANGER, *(f"n{number}.example.com" for number in range(500)))
        # Aliases of each other.
        self.server.records[reverse(OTHER)] = [(PTR, "loop.example.org")]
        self.server.records["loop.example.org"] = [(CNAME, "loop2.example.org")]
        self.server.records["loop2.example.org"] = [(CNAME, "loop.example.org")]
        lab = self.lab()
        self.assert_greeted(lab, FRIEND, WELCOME)
        self.assert_greeted(lab, STRANGER, IN_DOUBT)
        self.assert_greeted(lab, OTHER, IN_DOUBT)

    def test_failures_of_the_dns_pass(self):
        self.server.records[reverse(FRIEND)] = SERVFAIL
        self.server.records[reverse(OTHER)] = [(PTR, "one.example.org"), (PTR, "two.example.org")]
        self.server.records["one.example.org"] = SILENCE
        self.server.records["two.example.org"] = [(A, "192.0.2.1")]
        lab = self.lab()
        self.assert_greeted(lab, FRIEND, IN_DOUBT)
        self.assert_greeted(lab, OTHER, IN_DOUBT)
        wait_until(lambda: lab.events("connection.refused"), "the line in the log")
        self.assertIn("why=dns", lab.events("connection.refused")[0])
        self.server.add_host(FRIEND, "mail.example.net")
        wait_until(lambda: self.greeting(lab, FRIEND).startswith(WELCOME), "the name")

    def test_silence_of_the_dns_is_waited_for_and_holds_up_nobody(self):
        self.server.records[reverse(STRANGER)] = SILENCE
        self.server.add_host(FRIEND, "mail.example.net")
        lab = self.lab()
        with socket.create_connection(("127.0.0.1", lab.smtp_port), source_address=(STRANGER, 0)) as waits:
            self.assertTrue(self.server.wait_for_question(reverse(STRANGER), PATIENCE))
            self.assert_greeted(lab, FRIEND, WELCOME)
            waits.settimeout(PATIENCE)
            self.assertTrue(waits.recv(1000).startswith(IN_DOUBT.encode()))
            self.assertEqual(waits.recv(1000), b"")
        self.server.add_host(STRANGER, "mail.example.org")
        wait_until(lambda: self.greeting(lab, STRANGER).startswith(WELCOME), "the name")

    def test_names_that_nobody_answers_for_do_not_count_against_the_server(self):
        """A resolver that is asked in vain for some names is not taken for dead: strangers with a
        dead reverse zone would keep out who has a name."""
        self.server.add_host(FRIEND, "mail.example.net")
        strangers = [f"127.5.{last // 100}.{last % 100}" for last in range(40)]
        for address in strangers:
            self.server.records[reverse(address)] = SILENCE
        lab = self.lab()
        for first in range(0, len(strangers), 10):
            with contextlib.ExitStack() as clients:
                waiting = [clients.enter_context(socket.create_connection(
                    ("127.0.0.1", lab.smtp_port), PATIENCE, (address, 0)))
                    for address in strangers[first:first + 10]]
                for each in waiting:
                    self.assertTrue(each.recv(1000).startswith(IN_DOUBT.encode()))
        self.assert_greeted(lab, FRIEND, WELCOME)

    def test_many_questions_without_an_answer_hold_up_no_other(self):
        self.server.add_host(FRIEND, "mail.example.net")
        strangers = [f"127.5.0.{last}" for last in range(1, 151)]
        for address in strangers:
            self.server.records[reverse(address)] = SILENCE
        lab = self.lab()
        with contextlib.ExitStack() as clients:
            for address in strangers:
                clients.enter_context(socket.create_connection(
                    ("127.0.0.1", lab.smtp_port), PATIENCE, (address, 0)))
            self.assert_greeted(lab, FRIEND, WELCOME)
            asked = {name for name, _ in self.server.asked}
            self.assertLessEqual({reverse(address) for address in strangers}, asked)

    def test_death_of_resolvd_costs_the_sessions_that_wait_for_it(self):
        self.server.records[reverse(FRIEND)] = SILENCE
        lab = self.lab()
        (first,) = lab.pids("resolvd")
        with socket.create_connection(("127.0.0.1", lab.smtp_port), source_address=(FRIEND, 0)) as waits:
            self.assertTrue(self.server.wait_for_question(reverse(FRIEND), PATIENCE))
            os.kill(first, signal.SIGKILL)
            waits.settimeout(PATIENCE)
            self.assertTrue(waits.recv(1000).startswith(IN_DOUBT.encode()))
        self.server.add_host(FRIEND, "mail.example.net")
        wait_until(lambda: self.greeting(lab, FRIEND).startswith(WELCOME), "a fresh resolvd")
        self.assertNotIn(first, lab.pids("resolvd"))
        wait_until(lambda: lab.events("child.ended"), "the line in the log")
        self.assertEqual(len(lab.events("child.ended")), 1)
        self.assertIn("process=resolvd", lab.events("child.ended")[0])

    def test_reload_changes_names_and_servers(self):
        self.server.add_host(FRIEND, "mail.example.net")
        lab = self.lab(allow=f"{STRANGER}/32")
        self.assert_greeted(lab, FRIEND, DENIED)
        here = {"resolvers": f"127.0.0.1:{self.server.port}"}
        lab.configure({"access": {"allow": "mail.example.net"}, "server": here})
        self.assertIn(" reloaded ", lab.reload())
        named = self.enterContext(lab.smtp(source=FRIEND))
        self.assertTrue(named.greeting.startswith(WELCOME), named.greeting)
        # Whose name is still there stays; who has none any more goes between its messages.
        lab.configure({"access": {"allow": ".example.net"}, "server": here})
        self.assertIn(" reloaded ", lab.reload())
        named.hello()
        lab.configure({"access": {"allow": "mail.example.org"}, "server": here})
        self.assertIn(" reloaded ", lab.reload())
        self.assertTrue(named.reply().startswith("421 4.7.0 "))
        # Another server that knows another name; who waits for the first one is judged by it.
        with NameServer() as other:
            other.add_host(FRIEND, "mail.example.org")
            self.server.records[reverse(FRIEND)] = SILENCE
            lab.configure({"access": {"allow": "mail.example.org"},
                           "server": {"resolvers": f"127.0.0.1:{other.port}"}})
            self.assertIn(" reloaded ", lab.reload())
            self.assert_greeted(lab, FRIEND, WELCOME)

    def test_reload_and_stop_reach_who_waits(self):
        for address in (FRIEND, OTHER):
            self.server.records[reverse(address)] = SILENCE
        lab = self.lab()
        with socket.create_connection(("127.0.0.1", lab.smtp_port), source_address=(FRIEND, 0)) as waits:
            self.assertTrue(self.server.wait_for_question(reverse(FRIEND), PATIENCE))
            lab.configure({"access": {"allow": f"{FRIEND}/32, mail.example.net"},
                           "server": {"resolvers": f"127.0.0.1:{self.server.port}"}})
            self.assertIn(" reloaded ", lab.reload())
            waits.settimeout(PATIENCE)
            self.assertTrue(waits.recv(1000).startswith(WELCOME.encode()))
        with socket.create_connection(("127.0.0.1", lab.smtp_port), source_address=(OTHER, 0)) as waits:
            self.assertTrue(self.server.wait_for_question(reverse(OTHER), PATIENCE))
            lab.process.send_signal(signal.SIGTERM)
            waits.settimeout(PATIENCE)
            self.assertTrue(waits.recv(1000).startswith(b"421 4.3.2 "))
        self.assertEqual(lab.wait_for_end(), 0)

    def test_reload_takes_tls_away_from_who_waits_for_it(self):
        servers = {"resolvers": f"127.0.0.1:{self.server.port}"}
        for allowed in "127.0.0.0/8", "mail.example.net":
            self.server.records[reverse(FRIEND)] = SILENCE
            lab = self.lab()
            workers = lab.pids("smtpd")
            with contextlib.ExitStack() as clients:
                waiting = [clients.enter_context(socket.create_connection(
                    ("127.0.0.1", lab.smtps_port), PATIENCE, (FRIEND, 0))) for _ in range(8)]
                self.assertTrue(self.server.wait_for_question(reverse(FRIEND), PATIENCE))
                no_tls = {"certificate": None, "key": None}
                lab.configure({
                    "access": {"allow": allowed}, "tls": no_tls, "domain example.org": no_tls,
                    "server": servers | {"smtps_listen": None, "pop3s_listen": None,
                                         "pop3_listen": None}})
                self.assertIn(" reloaded ", lab.reload())
                self.server.add_host(FRIEND, "mail.example.net")
                for each in waiting:
                    self.assertEqual(each.recv(1000), b"")
            self.assert_greeted(lab, FRIEND, WELCOME)
            self.assertEqual(lab.pids("smtpd"), workers)

    def test_waiting_clients_count_as_connections(self):
        self.server.records[reverse(FRIEND)] = SILENCE
        self.server.add_host(OTHER, "mail.example.net")
        limits = {"access": {"allow": "mail.example.net"}, "limits": {"connections_per_address": 1},
                  "server": {"resolvers": f"127.0.0.1:{self.server.port}"}}
        lab = self.enterContext(QuickLab(limits))
        with socket.create_connection(("127.0.0.1", lab.smtp_port), source_address=(FRIEND, 0)):
            self.assertTrue(self.server.wait_for_question(reverse(FRIEND), PATIENCE))
            self.assert_greeted(lab, FRIEND, "421 4.7.0 ")
            self.assert_greeted(lab, OTHER, WELCOME)
        wait_until(lambda: self.greeting(lab, FRIEND).startswith(IN_DOUBT), "its place")


if __name__ == "__main__":
    unittest.main()
