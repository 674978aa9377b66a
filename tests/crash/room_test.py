"""No room left: disks that run full and processes without descriptors, under load. What is refused is
refused for now, nothing is lost, and the service goes on when there is room again."""

import contextlib
import errno
import os
import random
import re
import shutil
import subprocess
import unittest
from collections import Counter
from pathlib import Path

import crash_lab  # first: it knows where the modules of the system tests are
from lab import IS_ROOT
from ledger import Ledger
from load import Load
from processes import open_descriptors
from recorded_disk import RecordedDisk, why_not
from waiting import PATIENCE, wait_until

MIB = 1 << 20


class Filler:
    """Somebody else who takes all that is left of a disk."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        with open(self._path, "wb", buffering=0) as file:
            for piece in (MIB, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), file.tell(), piece)
                        file.seek(piece, os.SEEK_CUR)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def __exit__(self, *_):
        os.unlink(self._path)


@unittest.skipIf(why_not(), why_not())
class FullDiskTest(unittest.TestCase):
    def test_full_again_and_again(self):
        seed = crash_lab.new_seed("full disks")
        chance = random.Random(seed)
        ledger, figures = Ledger(), Counter()
        with RecordedDisk() as disk, crash_lab.CrashLab(state_dir=disk.path / "state") as lab:
            for number in range(crash_lab.rounds(bounded=2, full=40)):
                with Load(lab, ledger, f"{seed} {number}", readers=("alice",), others=False,
                          name=f"{number}-") as load:
                    load.wait_for_progress(20)
                    with Filler(disk.path / "filler"):
                        wait_until(lambda: ledger.count("452 4.3.1") > 10, "refusal")
                        # Mail can be read and removed all the same, which makes room.
                        self.read_and_remove(lab, ledger)
                        if chance.random() < 0.5:
                            lab.kill_all(chance)
                            lab.start()
                            self.read_and_remove(lab, ledger)
                            figures["kills of all with a full disk"] += 1
                    load.wait_for_progress(20)
                figures += ledger.figures()
                ledger = ledger.settle(lab.check(ledger))
                if number == 0:
                    self.assertEqual(lab.count_events("child.ended"), 0, lab.complaints())
        print(f"    {crash_lab.shown(figures)}")

    def read_and_remove(self, lab, ledger):
        with lab.pop3() as pop3:
            numbers = [line.split()[0] for line in pop3.listing("UIDL")][:5]
            tokens = [ledger.read(pop3.retrieve(number), "main") for number in numbers]
            for number in numbers:
                pop3.command(f"DELE {number}")
            ledger.removing(tokens, "main")
            pop3.command("QUIT")
            ledger.removed(tokens, "main")


def limit_descriptors(pid, soft):
    """Sets the limit of a running process, as its own user: root may lack the right."""
    status = Path(f"/proc/{pid}/status").read_text()
    user, group = (int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[1])
                   for name in ("Uid", "Gid"))
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={soft}:"], check=True, user=user,
                   group=group, extra_groups=[], timeout=PATIENCE)


@unittest.skipUnless(IS_ROOT and shutil.which("prlimit"), "needs root and prlimit")
class DescriptorTest(unittest.TestCase):
    def test_none_left(self):
        """Each process in turn has no descriptor to spare for a while."""
        seed = crash_lab.new_seed("descriptors")
        chance = random.Random(seed)
        ledger, figures = Ledger(), Counter()
        names = ("smtpd", "queued", "pop3d", "authd", "keyd")
        with crash_lab.CrashLab({"server": {"workers": "1"}}) as lab:
            for number in range(crash_lab.rounds(bounded=len(names), full=20 * len(names))):
                name = names[number % len(names)]
                with self.subTest(process=name, round=number):
                    self.starve(lab, ledger, name, chance, f"{seed} {number}")
                figures += ledger.figures()
                ledger = ledger.settle(lab.check(ledger))
            figures["processes that gave up"] = lab.count_events("child.ended")
        print(f"    {crash_lab.shown(figures)}")

    def starve(self, lab, ledger, name, chance, seed):
        [pid] = lab.pids(name)
        limits = Path(f"/proc/{pid}/limits").read_text()
        before = re.search(r"^Max open files +(\d+)", limits, re.MULTILINE)[1]
        with Load(lab, ledger, seed, senders=8, name=f"{seed} ".replace(" ", "-")) as load, \
                lab.smtp() as session:
            session.hello()
            load.wait_for_progress(20)
            try:
                limit_descriptors(pid, open_descriptors(pid) + chance.randint(-3, 3))
                event, troubles = ledger.after_events(30), load.troubles.total()
                wait_until(lambda: event.is_set() or load.troubles.total() > troubles + 30,
                           "anything that goes on")
                # A process that cannot take its own links may give up, and is started again. Others
                # keep their sessions.
                if name != "smtpd":
                    session.expect("NOOP", "250")
            finally:
                # Unless it has given up. A live one that stays without will make no progress.
                with contextlib.suppress(FileNotFoundError, subprocess.CalledProcessError):
                    limit_descriptors(pid, before)
            load.wait_for_progress(20)


if __name__ == "__main__":
    unittest.main()
