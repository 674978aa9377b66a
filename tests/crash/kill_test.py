"""kill -9 of queued, of smtpd and of the whole system at random moments, under load."""

import random
import time
import unittest
from collections import Counter

import crash_lab  # first: it knows where the modules of the system tests are
from ledger import Ledger
from load import Load
from waiting import PATIENCE


class KillTest(unittest.TestCase):
    # Of children before the whole system: the parent pauses longer before each new start.
    CHILDREN = 3

    def test_kill_at_random_moments(self):
        seed = crash_lab.new_seed("kills")
        chance = random.Random(seed)
        rounds = crash_lab.rounds(bounded=4, full=120)
        ledger, figures = Ledger(), Counter()
        with crash_lab.CrashLab() as lab:
            for number in range(rounds):
                with Load(lab, ledger, f"{seed} {number}", name=f"{number}-") as load:
                    for _ in range(self.CHILDREN):
                        name = chance.choice(("queued", "smtpd"))
                        self.wait_for_a_moment(ledger, chance)
                        figures[f"kills of {name}"] += lab.kill_child(name, chance)
                        load.wait_for_progress()
                    self.wait_for_a_moment(ledger, chance)
                    if chance.random() < 0.3:
                        lab.kill_parent()
                        figures["kills of the parent"] += 1
                    else:
                        lab.kill_all(chance)
                        figures["kills of all"] += 1
                    while chance.random() < 0.5:
                        lab.spawn()
                        time.sleep(chance.uniform(0, 0.3))
                        lab.kill_all(chance)
                        figures["kills of all at their start"] += 1
                    lab.start()
                    load.wait_for_progress()
                figures += ledger.figures()
                ledger = ledger.settle(lab.check(ledger))
        print(f"    {rounds} rounds: {crash_lab.shown(figures)}")

    def wait_for_a_moment(self, ledger, chance):
        """Until a client has just done something, and up to 3 ms more: where its message is by then
        is chance."""
        event = ledger.after_events(chance.randint(1, 60))
        self.assertTrue(event.wait(PATIENCE), "the load stands still")
        time.sleep(chance.uniform(0, 0.003))


if __name__ == "__main__":
    unittest.main()
