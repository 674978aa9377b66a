"""A message's whole way, octet by octet: in by SMTP, through the Maildir, out by POP3."""

import contextlib
import email
import email.policy
import grp
import os
import pwd
import socket
import stat
import unittest
from email.utils import parsedate_to_datetime

from lab import IS_ROOT, PASSWORD
from mail_case import MailTest, large_message
from waiting import wait_until
from wire import Pop3, Refused

class ContentTest(MailTest):
    def test_plain_message(self):
        self.assert_passes(b"Subject: one\r\n\r\nHello.")

    def test_stuffed_dots(self):
        self.assert_passes(b"Subject: dots\r\n\r\n..\r\n...\r\n..x\r\nx.\r\n....")

    def test_dots_from_storage_are_stuffed_on_the_wire(self):
        self.lab.send(b"Subject: dots\r\n\r\n..\r\n..end")
        with self.lab.pop3() as session:
            session.command("RETR 1")
            self.assertTrue(session.read_to(b"\r\n.\r\n").endswith(b"\r\n\r\n..\r\n..end\r\n.\r\n"))

    def test_eight_bit(self):
        self.assert_passes("Subject: \u00fcn\u00efcode\r\n\r\n".encode() + bytes(range(128, 256)))

    def test_all_controls_but_nul_and_line_ends(self):
        controls = bytes(c for c in range(1, 32) if c not in (10, 13))
        self.assert_passes(b"Subject: controls\r\n\r\n" + controls)

    def test_empty_message(self):
        with self.lab.smtp() as session:
            session.hello()
            session.expect("MAIL FROM:<a@remote.example>", "250")
            session.expect("RCPT TO:<any@example.com>", "250")
            session.expect("DATA", "354")
            session.send(b".\r\n")
            self.assertTrue(session.reply().startswith("250 "))
        self.assertEqual(self.content_of(self.take_one()), b"")

    def test_header_without_body(self):
        self.assert_passes(b"Subject: only\r\nX-Last: field")

    def test_empty_lines_at_the_end(self):
        self.assert_passes(b"Subject: gap\r\n\r\ntext\r\n\r\n\r\n")

    def test_long_lines(self):
        self.assert_passes(b"Subject: long\r\n\r\n" + b"x" * 998 + b"\r\n" + b"y" * 300_000)

    def test_one_mebibyte(self):
        self.assert_passes(large_message(1 << 20))

    def test_twenty_mebibytes(self):
        self.assert_passes(large_message(20 << 20))

    def test_message_of_another_program_without_a_last_line_end(self):
        path = self.lab.maildir() / "new" / "1700000000.other.host"
        path.write_bytes(b"Subject: foreign\n\nno end")
        path.chmod(0o644)
        self.assertEqual(self.take_one(), b"Subject: foreign\r\n\r\nno end\r\n")

    def test_end_of_data_in_pieces(self):
        for cut in range(1, 5):
            with self.subTest(cut=cut), self.lab.smtp() as session:
                session.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                session.hello()
                session.expect("MAIL FROM:<a@remote.example>", "250")
                session.expect("RCPT TO:<any@example.com>", "250")
                session.expect("DATA", "354")
                end = b"\r\n.\r\n"
                session.send(b"Subject: cut\r\n\r\nbody" + end[:cut])
                session.send(end[cut:])
                self.assertTrue(session.reply().startswith("250 "))
                self.assertEqual(self.content_of(self.take_one()),
                                 b"Subject: cut\r\n\r\nbody\r\n")


class ChunksTest(MailTest):
    def assert_chunks_pass(self, *chunks):
        with self.lab.smtp() as session:
            session.hello()
            self.assertRegex(session.chunks(*chunks), "^250 2.0.0 Accepted ")
            session.expect("QUIT", "221")
        content = b"".join(chunks)
        self.assertEqual(self.content_of(self.take_one()),
                         content if content.endswith(b"\r\n") else content + b"\r\n")

    def test_one_chunk(self):
        self.assert_chunks_pass(b"Subject: chunk\r\n\r\nbody\r\n")

    def test_cuts_and_dots(self):
        self.assert_chunks_pass(b"Subject: cut\r", b"\n\r\n", b".\r\n..\r\n", b"", b"\r\n.\r\n.end")

    def test_ten_mebibytes(self):
        content = large_message(10 << 20)
        self.assert_chunks_pass(*(content[at:at + 999_999] for at in range(0, len(content), 999_999)))

    def test_bare_line_ends_are_refused(self):
        for content in (b"Subject: x\n\nx", b"Subject: x\r\n\r\nx\r", b"Subject: x\r\n\r\n\0\r\n"):
            with self.subTest(content=content), self.lab.smtp() as session:
                session.hello()
                self.assertTrue(session.chunks(content).startswith("550 5.6.11"))
                session.expect("NOOP", "250")
        self.assert_nothing_stored()

    def test_too_big_is_read_and_refused(self):
        with self.lab.smtp() as session:
            session.hello()
            answer = session.chunks(b"x" * (51 << 20))
            self.assertTrue(answer.startswith("552 5.3.4"), answer)
            session.expect("NOOP", "250")
        self.assert_nothing_stored()


class TraceTest(MailTest):
    def test_fields_on_top_are_well_formed(self):
        self.lab.send(b"Subject: trace\r\n\r\nbody", sender="sender@remote.example",
                      recipients=["someone@example.com"])
        message = email.message_from_bytes(self.take_one(), policy=email.policy.default)
        self.assertEqual(message.keys(), ["Return-Path", "Delivered-To", "Received", "Subject"])
        self.assertEqual(message["Return-Path"], "<sender@remote.example>")
        self.assertEqual(message["Delivered-To"], "someone@example.com")
        received, _, date = message["Received"].rpartition(";")
        for part in ("from client.example ([127.0.0.1])", "by mx.example.com", "with ESMTP",
                     "for <someone@example.com>"):
            self.assertIn(part, " ".join(received.split()))
        self.assertIsNotNone(parsedate_to_datetime(date.strip()).tzinfo)
        self.assertEqual(message.defects, [])

    def test_protocol_in_received(self):
        for hello, encrypted, protocol in (("HELO", False, "SMTP"), ("EHLO", False, "ESMTP"),
                                           ("EHLO", True, "ESMTPS")):
            with self.subTest(protocol=protocol):
                with self.lab.smtp() as session:
                    session.expect(f"{hello} client.example", "250")
                    if encrypted:
                        session.encrypt(self.lab.trust())
                    self.assertTrue(session.data(b"Subject: x\r\n\r\nx").startswith("250 "))
                self.assertIn(f" with {protocol}".encode(), b" ".join(self.take_one().split()))

    def test_recipients_do_not_learn_of_each_other(self):
        self.lab.send(b"Subject: two\r\n\r\nbody", recipients=["one@example.com", "two@example.org"])
        for account, own, other in (("main", b"one@example.com", b"two@example.org"),
                                    ("alice", b"two@example.org", b"one@example.com")):
            message = self.take_one(account)
            self.assertIn(b"Delivered-To: " + own + b"\r\n", message)
            self.assertNotIn(other, message)
            self.assertNotIn(b" for <", message)

    def test_one_copy_for_all_recipients_of_an_account(self):
        self.lab.send(b"Subject: three\r\n\r\nbody",
                      recipients=["one@example.com", "two@example.com", "info@example.net"])
        message = email.message_from_bytes(self.take_one())
        self.assertEqual(sorted(message.get_all("Delivered-To")),
                         ["info@example.net", "one@example.com", "two@example.com"])


class RoutingTest(MailTest):
    def refuse(self, recipient, start):
        with self.lab.smtp() as session:
            session.hello()
            session.expect("MAIL FROM:<a@remote.example>", "250")
            session.expect(f"RCPT TO:{recipient}", start)
            session.expect("DATA", "554 5.5.1")
        self.assert_nothing_stored()

    def test_catch_all_takes_every_local_part(self):
        for local in ("x", "any+tag", "UPPER", '"quoted local"', "a.b.c", "postmaster"):
            with self.subTest(local=local):
                self.lab.send(b"Subject: x\r\n\r\nx", recipients=[f"{local}@example.com"])
                self.take_one()

    def test_domain_in_any_case(self):
        self.lab.send(b"Subject: x\r\n\r\nx", recipients=["x@EXAMPLE.Com"])
        self.take_one()

    def test_address_of_another_account(self):
        self.lab.send(b"Subject: x\r\n\r\nx", recipients=["Alice@example.com"])
        self.take_one("alice")
        self.assertEqual(self.lab.take("main"), [])

    def test_domain_of_another_account(self):
        self.lab.send(b"Subject: x\r\n\r\nx", recipients=["any@example.org"])
        self.take_one("alice")

    def test_a_copy_for_each_account(self):
        self.lab.send(b"Subject: x\r\n\r\nx", recipients=["any@example.org", "any@example.com"])
        contents = [self.content_of(self.take_one(account)) for account in ("main", "alice")]
        self.assertEqual(contents, [b"Subject: x\r\n\r\nx\r\n"] * 2)

    def test_blocked_address(self):
        for spelling in ("<old-shop@example.com>", "<OLD-shop@example.com>",
                         '<"old-shop"@example.com>', "<spam-trap@example.com>"):
            with self.subTest(spelling=spelling):
                self.refuse(spelling, "550 5.1.1")

    def test_unknown_address_of_a_domain_without_catch_all(self):
        self.refuse("<nobody@example.net>", "550 5.1.1")
        self.lab.send(b"Subject: x\r\n\r\nx", recipients=["info@example.net"])
        self.take_one("main")

    def test_relaying_denied(self):
        for recipient in ("<a@remote.example>", "<a@sub.example.com>", "<a@[127.0.0.1]>"):
            with self.subTest(recipient=recipient):
                self.refuse(recipient, "550 5.7.1")

    def test_null_sender(self):
        self.lab.send(b"Subject: bounce\r\n\r\nx", sender="")
        self.assertTrue(self.take_one().startswith(b"Return-Path: <>\r\n"))

    def test_postmaster_without_domain(self):
        self.lab.send(b"Subject: x\r\n\r\nx", recipients=["postmaster"])
        self.assertIn(b"Delivered-To: postmaster", self.take_one())

    def test_refused_recipient_leaves_the_others(self):
        with self.lab.smtp() as session:
            session.hello()
            session.expect("MAIL FROM:<a@remote.example>", "250")
            session.expect("RCPT TO:<a@remote.example>", "550 5.7.1")
            session.expect("RCPT TO:<a@example.com>", "250")
            session.expect("DATA", "354")
            session.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            self.assertTrue(session.reply().startswith("250 "))
        self.take_one()


class RefusalTest(MailTest):
    changes = {"server": {"max_message_size": "64K"}}

    def test_declared_size_over_the_limit(self):
        with self.lab.smtp() as session:
            self.assertIn("SIZE 65536", session.hello())
            session.expect("MAIL FROM:<a@remote.example> SIZE=65537", "552 5.3.4")
            session.expect("MAIL FROM:<a@remote.example> SIZE=65536", "250")

    def test_size_over_the_limit_found_while_reading(self):
        with self.lab.smtp() as session:
            session.hello()
            self.assertTrue(session.data(b"x" * 66000).startswith("552 5.3.4"))
            self.assertTrue(session.data(b"Subject: fits\r\n\r\nx").startswith("250 "))
        self.take_one()

    def test_declared_size_that_is_a_lie(self):
        with self.lab.smtp() as session:
            session.hello()
            session.expect("MAIL FROM:<a@remote.example> SIZE=10", "250")
            session.expect("RCPT TO:<a@example.com>", "250")
            session.expect("DATA", "354")
            session.send(b"x" * 66000 + b"\r\n.\r\n")
            self.assertTrue(session.reply().startswith("552 5.3.4"))
        self.assert_nothing_stored()

    def test_smuggling(self):
        hidden = b"MAIL FROM:<evil@remote.example>\r\nRCPT TO:<any@example.com>\r\nDATA\r\nhidden"
        for name, end in (("LF . LF", b"\n.\n"), ("LF . CR LF", b"\n.\r\n"),
                          ("CR LF . LF", b"\r\n.\n"), ("CR . CR", b"\r.\r"),
                          ("CR LF . CR", b"\r\n.\r"), ("CR . CR LF", b"\r.\r\n"),
                          ("bare LF", b"\n"), ("bare CR", b"\r"), ("NUL", b"\0")):
            with self.subTest(end=name), self.lab.smtp() as session:
                session.hello()
                answer = session.data(b"Subject: x\r\n\r\nbody" + end + hidden)
                self.assertTrue(answer.startswith("550 5.6.11"), answer)
                # The session knows where the message ended: the next command is the next one.
                session.expect("NOOP", "250")
                self.assert_nothing_stored()

    def test_bare_line_ends_in_commands(self):
        for ending in (b"\n", b"\r"):
            with self.subTest(ending=ending), self.lab.smtp() as session:
                session.hello()
                session.send(b"NOOP" + ending + b"NOOP\r\n")
                self.assertTrue(session.reply().startswith("500 5.5.2"))
                session.expect("NOOP", "250")

    def test_every_reply_has_an_enhanced_code_of_its_class(self):
        """RFC 2034 §4: but for the greeting, the answers to HELO and EHLO, and 3yz."""
        without = ("EHLO", "HELO", "EHLO c", "HELO c")
        dialogue = (
            "EHLO", "HELO", "EHLO c", "HELO c", "NOOP", "HELP", "VRFY x", "EXPN x", "RSET", "FOO",
            "AUTH PLAIN x", "VRFY", "DATA", "BDAT 0 LAST", "RCPT TO:<x@example.com>",
            "MAIL FROM:a", "MAIL FROM:<a@b> SIZE=99999999999", "MAIL FROM:<\u00fc@b>",
            "MAIL FROM:<a@b>", "DATA", "RCPT TO:<x>", "RCPT TO:<x@remote.example>",
            "RCPT TO:<old-shop@example.com>", "RCPT TO:<x@example.com>", "STARTTLS", "BDAT 0 LAST",
            "BDAT x")
        with self.lab.smtp() as session:
            self.assertRegex(session.greeting, r"^220 mx\.example\.com ")
            for command in dialogue:
                reply = session.command(command)
                for line in reply.split("\n"):
                    if command in without:
                        self.assertRegex(line, r"^(250|501)[ -](?!\d\.\d)", command)
                    else:
                        self.assertRegex(line, r"^([245])\d\d[ -]\1\.\d{1,3}\.\d{1,3} ", command)
            self.assertEqual(session.reply(), "")

    def test_lines_that_end_in_lf_are_answered(self):
        with self.lab.smtp() as session:
            session.send(b"EHLO client.example\nMAIL FROM:<a@remote.example>\n")
            self.assertTrue(session.reply().startswith("500 5.5.2 Bare LF"))
            session.send(b"\r\n")
            session.expect("MAIL FROM:<a@remote.example>", "503")

    def test_commands_behind_starttls_end_the_session(self):
        with self.lab.smtp() as session:
            session.hello()
            session.send(b"STARTTLS\r\nMAIL FROM:<a@remote.example>\r\n")
            answer = session.rest()
            self.assertTrue(answer.startswith((b"421 ", b"220 ")), answer)
            self.assertNotIn(b"\r\n250", answer)
        self.assert_nothing_stored()

    def test_plaintext_instead_of_a_handshake_ends_the_session(self):
        with self.lab.smtp() as session:
            session.hello()
            session.expect("STARTTLS", "220")
            session.send(b"MAIL FROM:<a@remote.example>\r\n" * 3)
            self.assertNotIn(b"250", session.rest())

    def test_commands_behind_stls_end_the_session(self):
        with Pop3(self.lab.pop3_port) as session:
            session.send(b"STLS\r\nUSER main\r\n")
            answer = session.rest()
            self.assertNotIn(b"send the password", answer)

    def test_starttls_only_once_and_hello_again(self):
        with self.lab.smtp() as session:
            self.assertIn("STARTTLS", session.hello())
            session.expect("MAIL FROM:<a@remote.example>", "250")
            session.expect("RSET", "250")
            session.expect("STARTTLS", "220")
            session.start_tls(self.lab.trust())
            session.expect("MAIL FROM:<a@remote.example>", "503")
            self.assertNotIn("STARTTLS", session.hello())
            session.expect("STARTTLS", "503")

    def test_endless_command_line(self):
        with self.lab.smtp() as session:
            session.send(b"NOOP " + b"x" * 1_000_000 + b"\r\n")
            self.assertTrue(session.reply().startswith("500 5.5.2"))
            session.hello()

    def test_connection_lost_in_data_stores_nothing(self):
        with self.lab.smtp() as session:
            session.hello()
            session.expect("MAIL FROM:<a@remote.example>", "250")
            session.expect("RCPT TO:<a@example.com>", "250")
            session.expect("DATA", "354")
            session.send(b"Subject: half\r\n\r\nhalf a mess")
        self.lab.send(b"Subject: whole\r\n\r\nx")
        self.assertEqual(self.content_of(self.take_one()), b"Subject: whole\r\n\r\nx\r\n")


class PipeliningTest(MailTest):
    def test_whole_smtp_session_in_one_packet(self):
        with self.lab.smtp() as session:
            session.send(b"EHLO client.example\r\nMAIL FROM:<a@remote.example>\r\n"
                         b"RCPT TO:<one@example.com>\r\nRCPT TO:<one@remote.example>\r\nDATA\r\n"
                         b"Subject: one\r\n\r\n.\r\nMAIL FROM:<a@remote.example>\r\n"
                         b"RCPT TO:<two@example.org>\r\nDATA\r\nSubject: two\r\n\r\n.\r\nQUIT\r\n")
            codes = [session.reply()[:3] for _ in range(11)]
            self.assertEqual(codes, "250 250 250 550 354 250 250 250 354 250 221".split())
            self.assertEqual(session.rest(), b"")
        self.assertIn(b"Subject: one", self.take_one("main"))
        self.assertIn(b"Subject: two", self.take_one("alice"))

    def test_client_that_closes_its_half_behind_a_message(self):
        """As `... | nc` does: the message is stored, so it has to hear that."""
        for size in (10, 300_000):
            with self.subTest(size=size), self.lab.smtp() as session:
                session.send(b"EHLO client.example\r\nMAIL FROM:<a@remote.example>\r\n"
                             b"RCPT TO:<one@example.com>\r\nDATA\r\nSubject: half\r\n\r\n" +
                             (b"y" * 78 + b"\r\n") * (size // 80) + b".\r\n")
                session.socket.shutdown(socket.SHUT_WR)
                codes = [session.reply()[:3] for _ in range(5)]
                self.assertEqual(codes, "250 250 250 354 250".split())
                self.assertEqual(session.rest(), b"")
                self.assertIn(b"Subject: half", self.take_one())

    def test_whole_pop3_session_in_one_packet(self):
        self.lab.send(b"Subject: one\r\n\r\nx")
        with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as session:
            session.send(f"USER main\r\nPASS {PASSWORD}\r\nSTAT\r\nTOP 1 0\r\nDELE 1\r\nQUIT\r\n"
                         .encode())
            answer = session.rest()
        self.assertEqual(answer.count(b"\r\n+OK"), 5, answer)
        self.assert_nothing_stored()


class MaildropTest(MailTest):
    def test_wrong_password(self):
        for user, password in (("main", "wrong"), ("nobody", PASSWORD), ("alice", ""), ("main", PASSWORD + " ")):
            with self.subTest(user=user), Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as session:
                with self.assertRaises(Refused) as refused:
                    session.log_in(user, password)
                if password:
                    self.assertTrue(str(refused.exception).startswith("[AUTH]"))

    def test_login_by_domain(self):
        with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as session:
            session.log_in("mailbox@example.com", PASSWORD)

    def test_no_login_in_clear(self):
        with Pop3(self.lab.pop3_port) as session, self.assertRaises(Refused):
            session.command("USER main")

    def test_second_session_at_a_maildrop(self):
        with self.lab.pop3() as first:
            with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as second:
                with self.assertRaises(Refused) as refused:
                    second.log_in("main", PASSWORD)
                self.assertTrue(str(refused.exception).startswith("[IN-USE]"))
            with self.lab.pop3("alice"):
                pass
            first.command("QUIT")
        with self.lab.pop3():
            pass

    def test_who_leaves_without_a_login_frees_nobody_elses_maildrop(self):
        with self.lab.pop3() as holder:
            for password in (None, "wrong", PASSWORD):
                with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as other:
                    other.command("USER main")
                    if password is not None:
                        with self.assertRaises(Refused):
                            other.command(f"PASS {password}")
            with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as other:
                with self.assertRaises(Refused) as refused:
                    other.log_in("main", PASSWORD)
                self.assertTrue(str(refused.exception).startswith("[IN-USE]"))
            holder.command("QUIT")

    def test_passwords_are_in_no_log(self):
        with Pop3(self.lab.pop3s_port, tls=self.lab.trust()) as session:
            for line in ("USER main", "PASS not-this-one", "PASS misplaced-secret",
                         "AUTH PLAIN bWlzcGxhY2VkLXNlY3JldA==", "misplaced-secret"):
                with contextlib.suppress(Refused):
                    session.command(line)
            session.log_in("main", PASSWORD)
        logs = self.lab.log() + "".join(
            path.read_text() for path in (self.lab.directory / "log").iterdir())
        self.assertIn("login.refused", logs)
        for secret in ("not-this-one", "misplaced", "bWlzcGxhY2Vk", PASSWORD):
            self.assertNotIn(secret, logs)

    def test_lost_connection_frees_the_maildrop_and_deletes_nothing(self):
        self.lab.send(b"Subject: x\r\n\r\nx")
        with self.lab.pop3() as session:
            session.command("DELE 1")

        def log_in():
            try:
                return self.lab.pop3()
            except Refused:
                return None

        with wait_until(log_in, "release of the maildrop") as session:
            self.assertTrue(session.command("STAT").startswith("1 "))

    def test_deletion_at_quit_only(self):
        for number in range(3):
            self.lab.send(b"Subject: %d\r\n\r\nx" % number)
        with self.lab.pop3() as session:
            session.command("DELE 1")
            session.command("DELE 2")
            self.assertEqual(len(self.lab.stored()), 3)
            session.command("RSET")
            session.command("DELE 2")
            self.assertEqual([line.split()[0] for line in session.listing("LIST")], ["1", "3"])
            with self.assertRaises(Refused):
                session.command("RETR 2")
            session.command("QUIT")
        self.assertEqual(len(self.lab.stored()), 2)

    def test_unique_ids_stay(self):
        for number in range(3):
            self.lab.send(b"Subject: %d\r\n\r\nx" % number)
        with self.lab.pop3() as session:
            before = session.listing("UIDL")
            session.command("DELE 1")
            session.command("QUIT")
        with self.lab.pop3() as session:
            self.assertEqual([line.split()[1] for line in session.listing("UIDL")],
                             [line.split()[1] for line in before[1:]])

    def test_announced_sizes_are_those_sent(self):
        for body in (b"", b"..\r\n..", b"x" * 5000):
            self.lab.send(b"Subject: x\r\n\r\n" + body)
        with self.lab.pop3() as session:
            sizes = [int(line.split()[1]) for line in session.listing("LIST")]
            self.assertEqual(sizes, [len(session.retrieve(n)) for n in (1, 2, 3)])
            self.assertEqual(session.command("STAT"), f"3 {sum(sizes)}")

    def test_odd_numbers(self):
        self.lab.send(b"Subject: x\r\n\r\nx")
        with self.lab.pop3() as session:
            for command in ("LIST -1", "LIST 0", "LIST 2", "RETR 99999999999999999999", "DELE x",
                            "TOP 1", "TOP 1 -1", "RETR", "UIDL 1 1"):
                with self.subTest(command=command), self.assertRaises(Refused):
                    session.command(command)
            self.assertTrue(session.command("STAT").startswith("1 "))

    def test_files_can_be_read_from_the_maildir(self):
        self.lab.send(b"Subject: file\r\n\r\n..x")
        self.lab.stored()  # it comes into the Maildir behind its 250
        [path] = (self.lab.maildir() / "new").iterdir()
        self.assertTrue(path.read_bytes().endswith(b"Subject: file\n\n.x\n"))
        self.assertNotIn(b"\r", path.read_bytes())
        about = path.stat()
        self.assertEqual(stat.S_IMODE(about.st_mode), 0o640)
        self.assertIn(f",S={about.st_size},W=", path.name)

    @unittest.skipUnless(IS_ROOT, "needs root")
    def test_files_belong_to_the_group_of_mail_readers(self):
        self.lab.send(b"Subject: file\r\n\r\nx")
        self.lab.stored()  # it comes into the Maildir behind its 250
        [path] = (self.lab.maildir() / "new").iterdir()
        self.assertEqual(grp.getgrgid(path.stat().st_gid).gr_name, "letterlock")
        self.assertEqual(pwd.getpwuid(path.stat().st_uid).pw_name, "_llqueue")
        for folder in (path.parent, path.parent.parent):
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o2750)

    def test_message_moved_by_a_mail_reader_is_still_there(self):
        self.lab.send(b"Subject: moved\r\n\r\nx")
        self.lab.stored()  # it comes into the Maildir behind its 250
        [path] = (self.lab.maildir() / "new").iterdir()
        os.rename(path, self.lab.maildir() / "cur" / f"{path.name}:2,S")
        self.assertIn(b"Subject: moved", self.take_one())
        self.assert_nothing_stored()


if __name__ == "__main__":
    unittest.main()
