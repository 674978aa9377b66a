"""libpop3 without Letterlock: the example server with real clients, and the library as installed."""

import os
import poplib
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from client_programs import needs, run
from lab import TREE
from mail_case import large_message
from waiting import PATIENCE
from wire import Pop3, Refused

BUILD = TREE / os.environ.get("OUT", "out/test")
RELEASE = TREE / "out/release"
PASSWORD = "open sesame"


class Server:
    """The example, over a directory of its own."""

    def __init__(self, *options, program=BUILD / "examples/pop3_server"):
        self.directory = Path(tempfile.mkdtemp(prefix="letterlock-library-"))
        self.messages = self.directory / "messages"
        self.messages.mkdir()
        self.errors = (self.directory / "errors").open("w+")
        self.process = subprocess.Popen([program, *options, "0", self.messages, "me"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.process.stdin.write(PASSWORD + "\n")
        self.process.stdin.close()
        self.port = int(self.process.stdout.readline().rsplit(":")[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.errors.seek(0)
        errors = self.errors.read()
        self.errors.close()
        shutil.rmtree(self.directory)
        assert errors == "", errors

    def put(self, name, content):
        (self.messages / name).write_bytes(content)

    def log_in(self):
        session = Pop3(self.port)
        session.log_in("me", PASSWORD)
        return session


@unittest.skipUnless((BUILD / "examples/pop3_server").exists(), "the example is not built")
class ExampleTest(unittest.TestCase):
    def test_poplib(self):
        with Server("-d") as server:
            server.put("b", b"Subject: b\n\n.dot\nend")
            server.put("a", b"Subject: a\n\n")
            server.put(".hidden", b"Subject: hidden\n\n")
            server.put("not an id", b"Subject: space\n\n")
            client = poplib.POP3("127.0.0.1", server.port, timeout=PATIENCE)
            self.assertIn("PIPELINING", client.capa())
            client.user("me")
            client.pass_(PASSWORD)
            self.assertEqual(client.stat(), (2, 14 + 25))
            self.assertEqual([line.split()[1] for line in client.uidl()[1]], [b"a", b"b"])
            self.assertEqual(client.retr(2)[1], [b"Subject: b", b"", b".dot", b"end"])
            self.assertEqual(client.top(2, 1)[1], [b"Subject: b", b"", b".dot"])
            client.dele(1)
            client.quit()
            self.assertEqual(sorted(path.name for path in server.messages.iterdir()),
                             [".hidden", "b", "not an id"])

    def test_sizes_are_those_of_what_is_sent(self):
        with Server() as server:
            # Line ends of both kinds, cut by the pieces in which files are read.
            for number, content in enumerate((b"A: b\r\n\r\nx\r\n", b"A: b\n\nx\n", b"A: b\r\n\nx\r\ny",
                                              b"x" * 65535 + b"\r\ny\r\n", b"")):
                server.put(f"{number}", content)
            with server.log_in() as session:
                listed = [int(line.split()[1]) for line in session.listing("LIST")]
                sent = [len(session.retrieve(number)) for number in range(1, len(listed) + 1)]
                self.assertEqual(listed, sent)  # and what RETR announces, too
                self.assertEqual(session.command("STAT"), f"{len(sent)} {sum(sent)}")

    def test_without_deletion(self):
        with Server() as server:
            server.put("a", b"Subject: a\n\n")
            with server.log_in() as session:
                session.command("DELE 1")
                with self.assertRaises(Refused):
                    session.command("QUIT")
            self.assertTrue((server.messages / "a").exists())

    def test_one_session_at_a_time(self):
        with Server() as server, server.log_in() as first:
            with Pop3(server.port) as second:
                with self.assertRaises(Refused) as refused:
                    second.log_in("me", PASSWORD)
                self.assertTrue(str(refused.exception).startswith("[IN-USE]"))
            first.command("QUIT")
            with server.log_in():
                pass

    def test_wrong_password(self):
        with Server() as server, Pop3(server.port) as session:
            with self.assertRaises(Refused) as refused:
                session.log_in("me", PASSWORD + " ")
            self.assertTrue(str(refused.exception).startswith("[AUTH]"))

    def test_message_that_went(self):
        with Server() as server:
            server.put("a", b"Subject: a\n\n")
            with server.log_in() as session:
                (server.messages / "a").unlink()
                with self.assertRaises(Refused) as refused:
                    session.command("RETR 1")
                self.assertTrue(str(refused.exception).startswith("[SYS/PERM]"))

    def test_many_clients(self):
        """More than are served at a time, none of which reads what it has asked for."""
        content = large_message(1 << 20).replace(b"\r\n", b"\n")
        with Server() as server:
            server.put("a", content)
            clients = []
            for _ in range(120):
                client = Pop3.__new__(Pop3)
                super(Pop3, client).__init__(server.port)
                client.send(b"CAPA\r\n" * 100)
                clients.append(client)
            for client in clients:
                client.close()
            with server.log_in() as session:
                self.assertEqual(session.retrieve(1), content.replace(b"\n", b"\r\n") + b"\r\n")

    def test_whole_session_in_one_packet(self):
        with Server("-d") as server:
            for name in "abcdefghij":
                server.put(name, b"Subject: %s\n\nx\n" % name.encode())
            with Pop3(server.port) as session:
                session.send(f"USER me\r\nPASS {PASSWORD}\r\nLIST\r\n".encode() +
                             b"".join(b"RETR %d\r\nDELE %d\r\n" % (n, n) for n in range(10, 0, -1)) +
                             b"QUIT\r\n")
                answer = session.rest()
            self.assertEqual(answer.count(b"Subject: "), 10)
            self.assertTrue(answer.endswith(b"+OK goodbye\r\n"))
            self.assertEqual(list(server.messages.iterdir()), [])

    @needs("curl")
    def test_curl(self):
        with Server() as server:
            server.put("a", b"Subject: a\n\n.dot\n")
            url = f"pop3://127.0.0.1:{server.port}/"
            for options in (), ("--sasl-ir",):
                common = ("curl", "--silent", "--show-error", "--user", f"me:{PASSWORD}", *options)
                self.assertEqual(run(*common, url).split(), ["1", "20"])
                self.assertEqual(run(*common, url + "1"), "Subject: a\n\n.dot\n")

    @needs("mpop")
    def test_mpop(self):
        content = large_message(1 << 20).replace(b"\r\n", b"\n") + b"\n"
        for method in ("user", "plain"):
            with self.subTest(auth=method), Server("-d") as server:
                server.put("a", content)
                server.put("b", b"Subject: b\n\nx\n")
                inbox = server.directory / "inbox"
                for folder in ("tmp", "new", "cur"):
                    (inbox / folder).mkdir(parents=True)
                configuration = server.directory / "mpoprc"
                configuration.write_text(
                    f"account test\nhost 127.0.0.1\nport {server.port}\ntls off\nauth {method}\n"
                    f"user me\npassword {PASSWORD}\ndelivery maildir {inbox}\n"
                    f"received_header off\nuidls_file {server.directory}/uidls\n")
                configuration.chmod(0o600)
                run("mpop", f"--file={configuration}", "--keep=off", "test")
                self.assertEqual(sorted(path.read_bytes() for path in (inbox / "new").iterdir()),
                                 sorted([content, b"Subject: b\n\nx\n"]))
                self.assertEqual(list(server.messages.iterdir()), [])

    @needs("fetchmail")
    def test_fetchmail(self):
        with Server("-d") as server:
            for number in range(20):
                server.put(f"id-{number:02}", b"Subject: %d\n\n.dot\nx\n" % number)
            inbox = server.directory / "inbox"
            configuration = server.directory / "fetchmailrc"
            configuration.write_text(
                f"poll 127.0.0.1 protocol pop3 port {server.port} auth password uidl\n"
                f'  user "me" password "{PASSWORD}" sslproto "" fetchall no rewrite\n'
                f'  mda "cat >> {inbox}"\n')
            configuration.chmod(0o600)
            home = {**os.environ, "FETCHMAILHOME": str(server.directory)}
            run("fetchmail", "-f", configuration, "--nosyslog", env=home)
            fetched = inbox.read_text()
            self.assertEqual([fetched.count(f"Subject: {number}\n") for number in range(20)], [1] * 20)
            self.assertEqual(fetched.count("\n.dot\n"), 20)
            self.assertEqual(list(server.messages.iterdir()), [])


@unittest.skipUnless((RELEASE / "libpop3.a").exists() and shutil.which("g++"),
                     "there is no release build")
class InstalledTest(unittest.TestCase):
    """What is installed is all that a program needs."""

    def test_program_from_installed_files_alone(self):
        with tempfile.TemporaryDirectory(prefix="letterlock-installed-") as root:
            root = Path(root)
            run("sh", "build/install", RELEASE, root, "/usr", "/usr/share/man", cwd=TREE)
            program = root / "pop3_server"
            run("g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", root / "usr/include",
                root / "usr/share/examples/letterlock/pop3_server.cc", "-L", root / "usr/lib",
                "-lpop3", "-o", program, cwd=root)
            pages = root / "usr/share/man"
            self.assertTrue((pages / "man3/libpop3.3").exists())
            self.assertIn("/usr/libexec/letterlock", (pages / "man8/letterlockd.8").read_text())
            self.assertEqual([page for page in pages.rglob("*.[358]")
                              if "/usr/local/libexec" in page.read_text()], [])
            with Server(program=program) as server:
                server.put("a", b"Subject: a\n\nx\n")
                with server.log_in() as session:
                    self.assertEqual(session.retrieve(1), b"Subject: a\r\n\r\nx\r\n")
            run("sh", "build/uninstall", root, "/usr", "/usr/share/man", cwd=TREE)
            self.assertEqual([path for path in (root / "usr").rglob("*") if path.is_file()], [])


if __name__ == "__main__":
    unittest.main()
