"""What the service must survive: deaths of its processes, bad certificates, full disks."""

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import certificates
import processes
from lab import IS_ROOT, PROGRAMS, Lab
from traffic import Traffic
from waiting import wait_until
from wire import Pop3, Refused


def replace(path, content):
    """As a careful administrator does it: nobody sees half a file."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o600)
    new.rename(path)


def install(lab, certificate):
    replace(lab.certificate.certificate, certificate.certificate.read_bytes())
    replace(lab.certificate.key, certificate.key.read_bytes())


def served_fingerprint(lab):
    """What a new client of either service is shown; both must show the same."""
    trust = lab.trust()
    trust.check_hostname = False
    with lab.smtp() as session, Pop3(lab.pop3s_port, tls=trust) as other:
        session.hello()
        session.encrypt(trust)
        assert session.peer_fingerprint == other.peer_fingerprint
        return session.peer_fingerprint


class ReloadTest(unittest.TestCase):
    RELOADS = 50

    def test_tls_that_begins_after_a_reload_is_by_its_certificates(self):
        with Lab() as lab, lab.smtp() as mail, Pop3(lab.pop3_port) as reader:
            mail.hello()
            fresh = certificates.make(lab.directory, "fresh", ("mx.example.com", "127.0.0.1"))
            lab.trust_also(fresh)
            install(lab, fresh)
            self.assertIn(" reloaded ", lab.reload())
            mail.encrypt(lab.trust())
            reader.command("STLS")
            reader.start_tls(lab.trust())
            self.assertEqual(mail.peer_fingerprint, fresh.fingerprint)
            self.assertEqual(reader.peer_fingerprint, fresh.fingerprint)
            reader.command("CAPA")

    def break_it(self, lab, kind, good):
        """Installs a set that nobody must be served; the words that the log must have about it."""
        install(lab, good)
        if kind == 0:
            other = certificates.make(lab.directory, "other", ("mx.example.com",))
            replace(lab.certificate.key, other.key.read_bytes())
            return lab.certificate.key.name
        if kind == 1:
            replace(lab.certificate.certificate, b"-----BEGIN CERTIFICATE-----\nbm8=\n")
            return lab.certificate.certificate.name
        if kind == 2:
            lab.certificate.certificate.unlink()
            return lab.certificate.certificate.name
        if kind == 3:
            replace(lab.certificate.key, b"")
            return lab.certificate.key.name
        replace(lab.configuration_path, lab.configuration_path.read_bytes() + b"[surprise]\n")
        return "surprise"

    def test_fifty_reloads_under_load(self):
        with Lab() as lab:
            configuration = lab.configuration_path.read_bytes()
            sets = [certificates.make(lab.directory, f"set{number}", ("mx.example.com", "127.0.0.1"),
                                      algorithm)
                    for number, algorithm in enumerate((certificates.P256, certificates.RSA2048) * 2)]
            for each in sets:
                lab.trust_also(each)
            in_clear, in_tls, reader = lab.smtp(), lab.smtp(), lab.pop3("alice")
            in_clear.hello()
            in_tls.hello()
            in_tls.encrypt(lab.trust())
            served = served_fingerprint(lab)
            with Traffic(lab) as traffic:
                for number in range(self.RELOADS):
                    if number % 2 == 0:
                        good = sets[number // 2 % len(sets)]
                        install(lab, good)
                        self.assertIn(" reloaded ", lab.reload())
                        served = good.fingerprint
                    else:
                        reason = self.break_it(lab, number // 2 % 5, good)
                        result = lab.reload()
                        self.assertIn(" reload.refused why=", result)
                        self.assertIn(reason, result)
                        replace(lab.configuration_path, configuration)
                    self.assertEqual(served_fingerprint(lab), served)
                    in_clear.expect("NOOP", "250")
                    in_tls.expect("NOOP", "250")
                    reader.command("NOOP")
                traffic.wait_for_progress()
            self.assertEqual((traffic.broken, traffic.refused), ([], {}))
            self.assertEqual(traffic.discrepancies(lab.stored()), "")
            # The sessions that were open all the time do more than answer.
            for session in (in_clear, in_tls):
                answer = session.data(b"Subject: x\r\n\r\nx", recipients=["alice@example.com"])
                self.assertTrue(answer.startswith("250 "), answer)
                session.close()
            reader.command("QUIT")
            self.assertEqual(len(lab.stored("alice")), 2)
            self.assertEqual(lab.count_events("child.ended"), 0)

    def test_new_passwords_and_domains_are_taken(self):
        with Lab() as lab:
            lab.set_password("main", "changed")
            lab.configure({"domain added.example": {"catchall": "alice"}})
            lab.pop3().close()
            self.assertIn(" reloaded ", lab.reload())
            with self.assertRaises(Refused):
                lab.pop3()
            with Pop3(lab.pop3s_port, tls=lab.trust()) as session:
                session.log_in("main", "changed")
            lab.send(b"Subject: x\r\n\r\nx", recipients=["any@added.example"])
            self.assertEqual(len(lab.stored("alice")), 1)

    def test_taken_port_is_a_refused_reload(self):
        with Lab() as lab, socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            lab.configure({"server": {"smtp_listen": f"127.0.0.1:{lab.smtp_port}, 127.0.0.1:{port}"}})
            self.assertIn(f"127.0.0.1:{port}", lab.reload())
            lab.send(b"Subject: x\r\n\r\nx")


class KillTest(unittest.TestCase):
    def probe(self, lab):
        """Whether both services do their work."""
        try:
            with lab.smtp() as session, lab.pop3("alice") as reader:
                session.hello()
                session.encrypt(lab.trust())
                reader.command("STAT")
                reader.command("QUIT")
                return session.data(b"Subject: probe\r\n\r\nx").startswith("250 ")
        except (OSError, AssertionError, Refused):
            return False

    def test_every_child_in_turn_under_load(self):
        with Lab() as lab:
            before = lab.children()
            with Traffic(lab, senders=4) as traffic:
                for name, pid in before:
                    with self.subTest(process=name):
                        os.kill(pid, signal.SIGKILL)
                        died = time.monotonic()
                        wait_until(lambda: not processes.is_alive(pid), "death")
                        wait_until(lambda: len(lab.children()) == len(before) and self.probe(lab),
                                   f"service after the death of {name}", seconds=10)
                        print(f"    {name} back after {time.monotonic() - died:.1f} s", flush=True)
                        traffic.wait_for_progress()
            self.assertEqual(traffic.discrepancies(lab.stored()), "")
            self.assertEqual(lab.count_events("child.ended"), len(before), lab.complaints())
            survivors = {pid for _, pid in before} & {pid for _, pid in lab.children()}
            self.assertEqual(survivors, set())

    def test_store_killed_again_and_again(self):
        with Lab() as lab:
            with Traffic(lab, encrypted=0) as traffic:
                for _ in range(4):
                    [pid] = lab.pids("queued")
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: lab.pids("queued") not in ([], [pid]), "another queued")
                    traffic.wait_for_progress()
            self.assertEqual(traffic.discrepancies(lab.stored()), "")
            # What smtpd had asked for it asked for again, so no client noticed.
            self.assertEqual((traffic.unanswered, traffic.broken), (set(), []))

    def test_parent(self):
        with Lab() as lab:
            with Traffic(lab) as traffic:
                traffic.wait_for_progress(50)
                lab.children()
                lab.process.kill()
                lab.process.wait()
                lab.assert_nobody_left()
            lab.start()
            self.assertEqual(traffic.discrepancies(lab.stored()), "")
            with lab.pop3() as session:
                self.assertEqual(int(session.command("STAT").split()[0]), len(lab.stored()))
            lab.send(b"Subject: x\r\n\r\nx")


class StartTest(unittest.TestCase):
    def fail_to_start(self, lab):
        """What is said by a start that has to fail."""
        self.addCleanup(lab.abandon)
        lab.spawn()
        wait_until(lambda: lab.children() or lab.process.poll() is not None, "start")
        self.assertEqual(lab.wait_for_end(), 1, lab.complaints())
        lab.assert_clean()
        self.assertEqual(lab.count_events("serving"), 0)
        return lab.log()

    def test_processes_are_shown_by_name(self):
        with Lab() as lab:
            for name, pid in lab.children():
                with open(f"/proc/{pid}/comm", encoding="ascii") as shown:
                    self.assertEqual(shown.read().strip(), name)

    def test_port_that_is_taken(self):
        lab = Lab()
        with socket.create_server(("127.0.0.1", lab.pop3s_port)):
            said = self.fail_to_start(lab)
        self.assertRegex(said, rf"(?m)^letterlockd: cannot listen on 127\.0\.0\.1:{lab.pop3s_port}: ")

    def test_key_of_another_certificate(self):
        lab = Lab()
        install(lab, certificates.Certificate(lab.certificate.certificate,
                                              lab.second_certificate.key))
        said = self.fail_to_start(lab)
        self.assertRegex(said, rf"(?m)^letterlockd: .*{lab.certificate.key.name}")

    def test_broken_configuration(self):
        lab = Lab()
        lab.configure({"server": {"hostnam": "mx.example.com"}})
        self.assertRegex(self.fail_to_start(lab), r"(?m)^letterlockd: .*letterlock\.conf:\d+: .*hostnam")

    def test_missing_program(self):
        lab = Lab()
        self.addCleanup(lab.abandon)
        done = subprocess.run([PROGRAMS / "letterlockd", "-d", "-c", lab.configuration_path,
                               "-L", lab.directory], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(lab.directory), done.stderr)

    def test_second_system_at_one_state_directory(self):
        with Lab() as first:
            second = Lab(state_dir=first.state_dir)
            self.assertIn("letterlockd: ", self.fail_to_start(second))
            first.send(b"Subject: x\r\n\r\nx")


class StopTest(unittest.TestCase):
    def test_under_load(self):
        with Lab() as lab:
            idle, halfway, reader = lab.smtp(), lab.smtp(), lab.pop3("alice")
            idle.hello()
            halfway.hello()
            halfway.expect("MAIL FROM:<a@remote.example>", "250")
            halfway.expect("RCPT TO:<any@example.com>", "250")
            halfway.expect("DATA", "354")
            halfway.send(b"X-Token: halfway\r\n\r\n")
            with Traffic(lab) as traffic:
                began = time.monotonic()
                lab.process.send_signal(signal.SIGTERM)
                self.assertTrue(idle.reply().startswith("421 4.3.2"))
                self.assertTrue(reader.line().startswith(b"-ERR [SYS/TEMP]"))
                # A message that was begun may still be finished.
                halfway.send(b"x\r\n.\r\n")
                self.assertTrue(halfway.reply().startswith("250 "))
                self.assertTrue(halfway.reply().startswith("421 4.3.2"))
                self.assertEqual(lab.wait_for_end(), 0)
                self.assertLess(time.monotonic() - began, 20)
            lab.assert_clean()
            self.assertEqual(lab.count_events("child.ended"), 0, lab.complaints())
            traffic.accepted.add("halfway")
            self.assertEqual(traffic.discrepancies(lab.stored()), "")
            lab.start()

    def test_who_comes_too_late_is_refused_and_does_not_wait(self):
        def refused(port):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                return True
            return False
        with Lab() as lab:
            halfway = lab.smtp()
            halfway.hello()
            halfway.expect("MAIL FROM:<a@remote.example>", "250")
            halfway.expect("RCPT TO:<any@example.com>", "250")
            halfway.expect("DATA", "354")
            lab.process.send_signal(signal.SIGTERM)
            for port in (lab.smtp_port, lab.smtps_port, lab.pop3_port, lab.pop3s_port):
                wait_until(lambda: refused(port), "a closed port")
            halfway.send(b"x\r\n.\r\n")
            self.assertTrue(halfway.reply().startswith("250 "))
            self.assertTrue(halfway.reply().startswith("421 4.3.2"))
            self.assertEqual(lab.wait_for_end(), 0)

    def test_silent_clients_do_not_hold_it_up(self):
        with Lab() as lab:
            halfway = lab.smtp()
            halfway.hello()
            halfway.expect("MAIL FROM:<a@remote.example>", "250")
            halfway.expect("RCPT TO:<any@example.com>", "250")
            halfway.expect("DATA", "354")
            lab.process.send_signal(signal.SIGTERM)
            self.assertEqual(lab.wait_for_end(), 0)
            lab.assert_clean()
            lab.start()
            self.assertEqual(lab.stored(), [])


def mount(test, options, directory):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=755", "tmpfs", directory],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        test.skipTest(f"cannot mount: {mounted.stderr.strip()}")
    test.addCleanup(subprocess.run, ["umount", directory], check=True)


@unittest.skipUnless(IS_ROOT, "needs root, to mount a file system")
class OtherFileSystemTest(unittest.TestCase):
    """What a checkpoint would not sync is not written to."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="letterlock-state-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.state = self.directory / "state"
        with Lab(state_dir=self.state) as lab:
            self.maildir = lab.maildir()

    def mount_at(self, directory):
        owner = directory.stat()
        mount(self, "size=1m", directory)
        os.chown(directory, owner.st_uid, owner.st_gid)

    def test_one_with_all_maildrops_is_refused(self):
        self.mount_at(self.state / "maildrops")
        lab = Lab(state_dir=self.state)
        self.addCleanup(lab.abandon)
        lab.spawn()
        self.assertNotEqual(lab.wait_for_end(), 0)
        self.assertIn("maildrops: is on another file system than the state directory", lab.log())

    def test_one_with_a_maildrop_leaves_that_alone(self):
        self.mount_at(self.maildir / "new")
        with Lab(state_dir=self.state) as lab:
            self.assertIn("Maildir/new: is on another file system", lab.events("maildrop.unusable")[0])
            lab.send(b"Subject: one\r\n\r\n")
            lab.send(b"Subject: two\r\n\r\n", recipients=["alice@example.com"])
            # What has no file yet is handed out from the journal.
            self.assertEqual(len(lab.take("alice")), 1)
            self.assertEqual(list((self.maildir / "new").iterdir()), [])
            with lab.pop3() as session:
                self.assertTrue(session.command("STAT").startswith("1 "))


@unittest.skipUnless(IS_ROOT, "needs root, to mount a small file system")
class FullDiskTest(unittest.TestCase):
    def mount(self, options):
        directory = Path(tempfile.mkdtemp(prefix="letterlock-disk-"))
        self.addCleanup(directory.rmdir)
        mount(self, options, directory)
        return directory

    def send_until_full(self, lab, size, at_most):
        """The tokens that got 250 before the first 452."""
        accepted = []
        with lab.smtp() as session:
            session.hello()
            for number in range(at_most):
                session.expect("MAIL FROM:<a@remote.example>", "250")
                session.expect("RCPT TO:<any@example.com>", "250")
                answer = session.command("DATA")
                if answer.startswith("354"):
                    session.send(b"X-Token: %d\r\n\r\n" % number + (b"x" * 998 + b"\r\n") *
                                 (size // 1000) + b".\r\n")
                    answer = session.reply()
                if not answer.startswith("250 "):
                    self.assertTrue(answer.startswith("452 4.3.1"), answer)
                    return accepted
                accepted.append(number)
        self.fail("the disk never filled up")

    def assert_recovers(self, lab, accepted):
        contents = lab.take()
        self.assertEqual(sorted(int(each.partition(b"X-Token: ")[2].split()[0]) for each in contents),
                         accepted)
        lab.send(b"Subject: room again\r\n\r\nx")
        self.assertEqual(len(lab.take()), 1)

    def fill_up(self, options, size, at_most=400, **limits):
        disk = self.mount(options)
        with Lab({"limits": {key: str(value) for key, value in limits.items()}},
                 state_dir=disk / "state") as lab:
            accepted = self.send_until_full(lab, size, at_most)
            self.assertGreater(len(accepted), 0)
            with lab.pop3() as session: # which waits for what is on its way
                self.assertEqual(session.command("STAT").split()[0], str(len(accepted)))
            self.assertEqual(list((lab.maildir() / "tmp").iterdir()), [])
            self.assert_recovers(lab, accepted)

    def test_messages_up_to_the_reserve(self):
        self.fill_up("size=16m", 100_000, reserve="4M")

    def test_large_messages_up_to_the_reserve(self):
        self.fill_up("size=32m", 3_000_000, reserve="4M")

    def test_without_reserve(self):
        self.fill_up("size=8m", 100_000, reserve=0)

    def test_declared_sizes_keep_nobody_out(self):
        disk = self.mount("size=128m")
        with Lab({"server": {"max_message_size": "200M"}},
                 state_dir=disk / "state") as lab, contextlib.ExitStack() as stack:
            def begin(size):
                session = stack.enter_context(lab.smtp())
                session.hello()
                session.expect(f"MAIL FROM:<a@remote.example> SIZE={size}", "250")
                session.expect("RCPT TO:<any@example.com>", "250")
                return session.command("DATA")
            for _ in range(8): # all together are far beyond the room, and none sends anything
                self.assertTrue(begin(60_000_000).startswith("354"))
            with lab.smtp() as session:
                session.hello()
                content = b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * 10_000
                self.assertTrue(session.data(content).startswith("250 "))
            # What cannot fit is refused before it is sent.
            self.assertTrue(begin(150_000_000).startswith("452 4.3.1"))

    def test_no_inodes(self):
        self.fill_up("size=64m,nr_inodes=60", 2_000, reserve=0)

    def test_disk_that_others_fill(self):
        disk = self.mount("size=16m")
        with Lab(state_dir=disk / "state") as lab:
            with lab.smtp() as session, (disk / "other").open("wb", buffering=0) as other:
                session.hello()
                session.expect("MAIL FROM:<a@remote.example>", "250")
                session.expect("RCPT TO:<any@example.com>", "250")
                session.expect("DATA", "354")
                session.send(b"Subject: x\r\n\r\n" + b"x" * 500_000)
                with self.assertRaises(OSError) as refused:
                    while True:
                        other.write(bytes(1 << 16))
                self.assertEqual(refused.exception.errno, errno.ENOSPC)
                session.send(b"x" * 500_000 + b"\r\n.\r\n")
                answer = session.reply()
                self.assertTrue(answer.startswith("452 4.3.1"), answer)
                (disk / "other").unlink()
                other.close()
                self.assertEqual(lab.stored(), [])
                self.assertTrue(session.data(b"Subject: y\r\n\r\ny").startswith("250 "))


if __name__ == "__main__":
    unittest.main()
