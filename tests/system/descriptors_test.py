"""Descriptors: how many the processes provide for, and what happens when there are none."""

import os
import resource
import unittest
from pathlib import Path

from lab import PASSWORD, QuickLab
from processes import open_descriptors
from waiting import wait_until
from wire import Pop3

# Lines that are longer than the kernel keeps for a client that does not read.
LONG = b"Subject: long\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000


def limit_of(pid):
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)


def leave_free(pid, count):
    """The process has so many descriptors left."""
    _, hard = limit_of(pid)
    used = max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + count, hard))


@unittest.skipIf(os.geteuid() != 0, "only root sees the descriptors of the processes")
class DescriptorsTest(unittest.TestCase):
    def assert_serves(self, lab):
        with lab.smtp() as session:
            session.hello()
            session.encrypt(lab.trust())
            self.assertTrue(session.data(b"Subject: x\r\n\r\nx").startswith("250 "))
        self.assertEqual(len(lab.take()), 1)

    def test_many_domains_with_certificates_of_their_own(self):
        with QuickLab({"limits": {"connections": "100"}}) as lab:
            own = {"certificate": lab.certificate.certificate, "key": lab.certificate.key}
            many = {f"domain shop{n}.example": {"catchall": "main", **own} for n in range(600)}
            lab.configure(many | {"limits": {"connections": "100"}})
            lab.stop()
            # As the system gives them to who asks for no more.
            own_limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, own_limits[0]), own_limits[1]))
            try:
                lab.start()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, own_limits)
            self.assert_serves(lab)
            self.assertIn(" reloaded ", lab.reload())
            self.assert_serves(lab)
            self.assertEqual(lab.count_events("child.ended"), 0)

    def test_a_generation_that_cannot_be_handed_out_is_refused(self):
        """Whatever it lacks descriptors for: all of it, or nothing."""
        with QuickLab() as lab:
            before = limit_of(lab.process.pid)
            refused = 0
            for free in (4, 8, 12, 16, 20, 24, 28, 32):
                with self.subTest(free=free):
                    leave_free(lab.process.pid, free)
                    refused += "reload.refused" in lab.reload()
                    resource.prlimit(lab.process.pid, resource.RLIMIT_NOFILE, before)
                    self.assert_serves(lab)
            self.assertGreater(refused, 2)
            self.assertIn(" reloaded ", lab.reload())
            self.assert_serves(lab)
            self.assertEqual(lab.count_events("child.ended"), 0)

    def test_what_a_session_of_pop3_takes_is_there_for_all(self):
        with QuickLab({"server": {"workers": "1"}}) as lab:
            for _ in range(3):
                lab.send(LONG)
            (pop3d,) = lab.pids("pop3d")
            before = open_descriptors(pop3d)
            with Pop3(lab.pop3s_port, tls=lab.trust()) as session:
                session.log_in("main", PASSWORD)
                session.send(b"RETR 1\r\n")
                session.read_to(b"\r\n.\r\n")
                session.send(b"RETR 2\r\n")
                session.line()
                wait_until(lambda: open_descriptors(pop3d) >= before + 3, "message opened ahead")
                taken = open_descriptors(pop3d) - before
            (line,) = [line for line in Path(f"/proc/{pop3d}/limits").read_text().splitlines()
                       if line.startswith("Max open files")]
            self.assertGreaterEqual(int(line.split()[3]) - before, taken * 1000)


if __name__ == "__main__":
    unittest.main()
