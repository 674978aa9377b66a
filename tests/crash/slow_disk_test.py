"""Disks that stand still and disks that fail, under load: what waits is bounded, the rest is served,
and nothing that was promised is lost."""

import contextlib
import random
import re
import resource
import select
import unittest
from collections import Counter
from pathlib import Path

import crash_lab  # first: it knows where the modules of the system tests are
from ledger import Ledger
from load import SIZES, Load, make_content, stuffed
from recorded_disk import RecordedDisk, mounted, why_not
from waiting import PATIENCE, wait_until

MIB = 1 << 20


def most_memory(pid):
    """The most that the process has had in memory, octets."""
    status = Path(f"/proc/{pid}/status").read_text()
    most = int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024
    # AddressSanitizer keeps up to 256 MiB of what was freed.
    return most - 256 * MIB if "libasan" in Path(f"/proc/{pid}/maps").read_text() else most


class Clients:
    """Many sessions that end their messages together. `refused`: those that got another answer
    than 250 and may try again."""

    def __init__(self, ledger):
        self._ledger, self._number = ledger, 0
        self._begun, self._waiting = [], {}
        self._readable = select.poll()
        self.refused = []

    def begin(self, smtp, size):
        """A message without its end, in a session that has said hello."""
        self._number += 1
        smtp.expect("MAIL FROM:<a@remote.example>", "250")
        smtp.expect("RCPT TO:<any@example.com>", "250")
        smtp.expect("DATA", "354")
        content = make_content(f"{self._number}", size)
        smtp.send(stuffed(content))
        self._begun.append((smtp, self._ledger.will_send(f"{self._number}", content, {"main": 1})))

    def end_all(self):
        for smtp, message in self._begun:
            self._ledger.sent(message)
            smtp.send(b".\r\n")
            self._waiting[smtp.socket.fileno()] = smtp, message
            self._readable.register(smtp.socket, select.POLLIN)
        self._begun.clear()

    def wait_for_answers(self, left):
        """Until no more than `left` sessions wait for one."""
        wait_until(lambda: self._read_answers() <= left, f"answers to all but {left}")

    def leave(self, count):
        """So many of those that wait end their connection."""
        for descriptor in list(self._waiting)[:count]:
            self._take(descriptor)[0].close()

    def _read_answers(self):
        for descriptor, _ in self._readable.poll(100):
            smtp, message = self._take(descriptor)
            answer = smtp.reply()
            self._ledger.answered(message, answer)
            if not answer.startswith("250 "):
                self.refused.append(smtp)
        return len(self._waiting)

    def _take(self, descriptor):
        self._readable.unregister(descriptor)
        return self._waiting.pop(descriptor)


@unittest.skipIf(why_not(), why_not())
class DiskTest(unittest.TestCase):
    def setUp(self):
        self.seed = crash_lab.new_seed(self.id().rpartition(".")[2])
        self.chance = random.Random(self.seed)
        self.ledger = Ledger()

    def lab_on(self, disk, limits=None):
        return crash_lab.CrashLab({"limits": limits or {}}, state_dir=disk.path / "state")

    def assert_serves_others(self, lab):
        """What needs no write is answered: SMTP up to the message, and POP3 for what is there."""
        with lab.smtp() as smtp:
            smtp.hello()
            smtp.expect("MAIL FROM:<a@remote.example>", "250")
            smtp.expect("RSET", "250")
            smtp.expect("QUIT", "221")
        with lab.pop3() as pop3:
            numbers = [line.split()[0] for line in pop3.listing("UIDL")]
            self.assertNotEqual(numbers, [])
            self.ledger.read(pop3.retrieve(numbers[0]), "main")


class SlowDiskTest(DiskTest):
    def test_others_are_served(self):
        # Larger messages go into files, for which their smtpd waits as well.
        self.stand_still_under_load((2_000, 20_000, 60_000), self.assert_serves_others)

    def test_large_messages(self):
        self.stand_still_under_load(SIZES, lambda lab: None)

    def stand_still_under_load(self, sizes, look):
        senders = 12
        with RecordedDisk() as disk, self.lab_on(disk) as lab:
            with Load(lab, self.ledger, self.seed, senders=senders, readers=(), sizes=sizes) as load:
                load.wait_for_progress(20)
                for _ in range(crash_lab.rounds(bounded=2, full=30)):
                    with disk.standing_still():
                        disk.wait_for_held_flush()
                        accepted = self.ledger.count("250 ")
                        look(lab)
                        # One answer for each may have been under way; the next need that flush.
                        self.assertLessEqual(self.ledger.count("250 "), accepted + senders + 1)
                    load.wait_for_progress(senders)
            self.assertEqual(lab.count_events("child.ended"), 0, lab.complaints())
            lab.check(self.ledger)
        print(f"    {crash_lab.shown(self.ledger.figures())}")

    def test_removal_waits_for_the_disk(self):
        """+OK to QUIT is a promise as 250 is."""
        with RecordedDisk() as disk, self.lab_on(disk) as lab:
            lab.send(make_content("removed", 2000))
            with lab.pop3() as pop3, lab.pop3("alice") as other:
                pop3.command("DELE 1")
                with disk.standing_still():
                    pop3.send(b"QUIT\r\n")
                    disk.wait_for_held_flush()
                    other.command("NOOP")
                    self.assertEqual(select.select([pop3.socket], [], [], 0)[0], [])
                self.assertTrue(pop3.line().startswith(b"+OK"))

    def test_what_waits_is_bounded(self):
        """More messages than queued lets wait: the rest is refused while the disk stands still."""
        # docs/limits.md: queued lets so many deliveries wait, and 256 MiB of them.
        most, most_octets = 1024, 256 * MIB
        count = most + 60
        self.raise_own_limit(2 * count)
        with RecordedDisk() as disk, self.lab_on(disk, {"connections": str(4 * count)}) as lab, \
                contextlib.ExitStack() as sessions:
            clients = Clients(self.ledger)
            for _ in range(count):
                smtp = sessions.enter_context(lab.smtp())
                smtp.hello()
                clients.begin(smtp, size=60_000)
            with disk.standing_still():
                clients.end_all()
                disk.wait_for_held_flush()
                clients.wait_for_answers(most)
                self.assertEqual(self.ledger.count("451 "), len(clients.refused))
                # Those who were refused try again, and some of those who wait go away.
                while clients.refused:
                    clients.begin(clients.refused.pop(), size=60_000)
                clients.end_all()
                clients.wait_for_answers(most)
                clients.leave(100)
                for name, pid in lab.children():
                    self.assertLess(most_memory(pid), most_octets, name)
            clients.wait_for_answers(0)
            print(f"    {crash_lab.shown(self.ledger.figures())}")
            self.assertEqual(lab.count_events("child.ended"), 0, lab.complaints())
            lab.check(self.ledger)

    def raise_own_limit(self, wanted):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"the hard limit of descriptors is {hard}, {wanted} are needed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


class FailingDiskTest(DiskTest):
    def test_flushes_fail_and_then_the_power(self):
        """What was refused because the disk failed is not there, whatever the disk has kept."""
        figures = Counter()
        for number in range(crash_lab.rounds(bounded=1, full=30)):
            self.ledger = Ledger()
            self.fail_and_cut(f"{self.seed} {number}")
            figures += self.ledger.figures()
        print(f"    {crash_lab.shown(figures)}")

    def fail_and_cut(self, seed):
        with RecordedDisk() as disk, self.lab_on(disk) as lab:
            try:
                with Load(lab, self.ledger, seed, readers=("alice",)) as load:
                    load.wait_for_progress(20)
                    with disk.failing():
                        event = self.ledger.after_events(50)
                        self.assertTrue(event.wait(PATIENCE), "the load stands still")
                        self.assert_serves_others(lab)
                        self.assertEqual(lab.count_events("child.ended"), 0, lab.complaints())
                        lab.kill_all(self.chance)
                disk.unmount()
                history = disk.history()
                for kind in ("lost", "kept", "mixed", "torn"):
                    image = history.cut(len(history), self.chance, kind)
                    with self.subTest(kind=kind), mounted(image) as path:
                        lab.try_out(path, self.ledger, self.chance)
            finally:
                lab.kill_all(self.chance)


if __name__ == "__main__":
    unittest.main()
