"""Power cuts: what a disk may hold at a random moment of a load, or of the recovery from a cut."""

import random
import shutil
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

import crash_lab  # first: it knows where the modules of the system tests are
from ledger import NEVER, Ledger
from load import Load
from recorded_disk import RecordedDisk, mounted, why_not

KINDS = ("lost", "kept", "mixed", "mixed", "torn")


@unittest.skipIf(why_not(), why_not())
class PowerTest(unittest.TestCase):
    MESSAGES = 40  # at least, in each life
    CUTS = 4  # of each life that are looked at; one more is what the next life begins with

    def setUp(self):
        self.seed = crash_lab.new_seed("power cuts")
        self.chance = random.Random(self.seed)
        self.cuts = Counter()
        self.directory = Path(tempfile.mkdtemp(prefix="letterlock-cuts-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.lab = crash_lab.CrashLab()
        self.addCleanup(self.lab.abandon)

    def test_cuts_at_random_moments(self):
        lives = crash_lab.rounds(bounded=3, full=40)
        image, ledger, moment, figures = None, Ledger(), NEVER, Counter()
        for life in range(lives):
            with RecordedDisk(image) as disk:
                served, after = self.live(disk, ledger, moment, f"{life}-")
                figures += after.figures()
                disk.unmount()
                history = disk.history()
                behind = history.index_at(served)
                for _ in range(self.CUTS - 1):
                    self.look_at(*self.cut(history, behind, len(history)), after)
                # Before anybody was served there was only recovery, and what is known is of before.
                image, _ = self.cut(history, 0, behind)
                self.look_at(image, moment, ledger)
                image, moment = self.cut(history, behind, len(history))
                image = shutil.move(image, self.directory / "next")
                ledger = after
        print(f"    {lives} lives: {crash_lab.shown(figures + self.cuts)}")

    def test_disk_that_lies_is_found_out(self):
        """That a loss would be seen: the same on a disk that forgets what it has flushed."""
        with RecordedDisk() as disk:
            served, ledger = self.live(disk, Ledger(), NEVER, "")
            disk.unmount()
            history = disk.history()
            image = history.cut(len(history), self.chance, "lost", honest=history.index_at(served))
            with mounted(image) as path, \
                    self.assertRaisesRegex(AssertionError, "0 times at .*, not 1 to 1: .*'250 "):
                self.lab.try_out(path, ledger, self.chance)

    def live(self, disk, before, moment, name):
        """A life of the system on `disk`, which is a cut at `moment` of what `before` tells of: when
        recovery was over, and the ledger."""
        self.lab.use_state_dir(disk.path / "state")
        try:
            self.lab.start()
            served = time.monotonic()
            ledger = before.settle(self.lab.check(before, moment), moment)
            with Load(self.lab, ledger, f"{self.seed} {name}", name=name) as load:
                load.wait_for_progress(self.MESSAGES)
                if self.chance.random() < 0.3:
                    self.lab.kill_child("queued", self.chance)
                    load.wait_for_progress(self.MESSAGES)
                self.lab.kill_all(self.chance)
        finally:
            self.lab.kill_all(self.chance)
        return served, ledger

    def cut(self, history, first, last):
        """A cut behind some record between those, and its moment."""
        index = self.chance.randint(first, last)
        if self.chance.random() < 0.3:
            # Just before a flush, or just behind it.
            index = min(last, history.next_flush(index) + self.chance.randint(0, 1))
        kind = self.chance.choice(KINDS)
        self.cuts[f"cuts with unflushed writes {kind}"] += 1
        self.what = f"{kind}, {index} of {len(history)}, between {first} and {last}"
        return history.cut(index, self.chance, kind), history.moment(index)

    def look_at(self, image, moment, ledger):
        """Starts the system on what a cut left, and compares."""
        with self.subTest(cut=self.what), mounted(image) as path:
            self.lab.try_out(path, ledger, self.chance, moment)


if __name__ == "__main__":
    unittest.main()
