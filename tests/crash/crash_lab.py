"""A lab whose system is killed, and what the tests of crashes share: rounds, seeds, and looking at
all that is stored."""

import contextlib
import os
import random
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

import processes
from lab import QuickLab
from ledger import NEVER
from load import make_content
from waiting import wait_until
from wire import Refused

ACCOUNTS = ("main", "alice")


def rounds(bounded, full):
    """How many rounds to run: as many as `make check` has time for, or all; LETTERLOCK_ROUNDS
    decides otherwise."""
    return int(os.environ.get("LETTERLOCK_ROUNDS") or
               (full if os.environ.get("LETTERLOCK_CRASH") == "full" else bounded))


def new_seed(what):
    """A seed, printed; LETTERLOCK_SEED repeats one. Threads and processes still take their own
    time: a seed repeats the choices, not the moments."""
    seed = os.environ.get("LETTERLOCK_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"    {what}: LETTERLOCK_SEED={seed}", flush=True)
    return seed


def shown(figures):
    return ", ".join(f"{number} {name}" for name, number in sorted(figures.items()))


class CrashLab(QuickLab):
    def use_state_dir(self, path):
        """From the next start on."""
        self.state_dir = path
        self.configure({})

    def kill_child(self, name, chance):
        """kill -9 of one process of that name."""
        pids = self.pids(name)
        if pids:
            os.kill(chance.choice(pids), signal.SIGKILL)
        return bool(pids)

    def kill_all(self, chance):
        """kill -9 of every process. They are stopped first, so that none sees another one die."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: processes.is_stopped(self.process.pid), "stop of the parent")
        pids = [pid for _, pid in self.children()]
        chance.shuffle(pids)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.kill()
        self.process.wait()
        self.assert_nobody_left()

    def kill_parent(self):
        """kill -9 of the parent; the kernel kills its children."""
        self.children()
        self.process.kill()
        self.process.wait()
        self.assert_nobody_left()

    def read_all(self, ledger):
        """account → what POP3 gives of it."""
        return {account: self._read_account(account, ledger) for account in ACCOUNTS}

    def _read_account(self, account, ledger):
        def session():
            try:
                return self.pop3(account)
            except Refused as refused:
                # A session of before the crash may not have been given up yet.
                if "IN-USE" not in str(refused):
                    raise
                return None

        with wait_until(session, "a maildrop that nobody uses") as pop3:
            uidls = dict(line.split() for line in pop3.listing("UIDL"))
            messages = [pop3.retrieve(number) for number in uidls]
            for message, uidl in zip(messages, uidls.values()):
                ledger.read(message, account, uidl)
            pop3.command("QUIT")
        return messages

    def stored_all(self):
        """account → what its Maildir has, in the form in which it is sent."""
        return {account: [octets.replace(b"\n", b"\r\n") for octets in self.stored(account)]
                for account in ACCOUNTS}

    def try_out(self, path, ledger, chance, moment=NEVER):
        """Starts on the state directory in `path`, a disk as it was at that moment, compares, and
        takes one message more. It runs no more afterwards."""
        self.use_state_dir(path / "state")
        try:
            self.start()
            self.check(ledger, moment)
            self.send(make_content("afterwards", 2000))
            self.stop()
        finally:
            self.kill_all(chance)

    def check(self, ledger, moment=NEVER):
        """What is stored, by POP3 and by the Maildirs, held against the ledger; what POP3 gave."""
        served = self.read_all(ledger)
        wrong = ledger.discrepancies(served, moment)
        assert not wrong, self._told("by POP3", wrong)

        def agrees():
            nonlocal wrong
            wrong = ledger.discrepancies(self.stored_all(), moment)
            return not wrong

        # What could not be written when it was accepted comes into the Maildir when it can be.
        try:
            wait_until(agrees, "agreement")
        except AssertionError:
            raise AssertionError(self._told("in the Maildirs", wrong)) from None
        return served

    def _told(self, where, wrong):
        return f"{len(wrong)} discrepancies {where}:\n" + "\n".join(wrong[:20])
