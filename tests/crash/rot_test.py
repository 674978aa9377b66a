"""Rotten spools: whatever has happened to the files of a state directory, the service starts, says
what it has set aside, and serves the rest: whole, once, and nothing else."""

import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

import crash_lab  # first: it knows where the modules of the system tests are
from crash_lab import ACCOUNTS
from ledger import Ledger
from load import Load, make_content, stuffed
from rot import NEEDED, Rot, kind_of
from stored_mail import StoredMail, account_ids, uidl_of
from waiting import wait_until
from wire import Refused

# What is set aside if it is something else than it should be; what else there is is not missed.
SET_ASIDE = {"identity", "accounts", "journal/N", "maildrops/N", "maildrops/N/account",
             "maildrops/N/Maildir", "maildrops/N/Maildir/tmp", "maildrops/N/Maildir/new",
             "maildrops/N/Maildir/cur"}
SECRET = b"of nobody's business"
ADDRESS = {"main": "any@example.com", "alice": "alice@example.com"}


def copied(source, target):
    """A copy with owners, modes, times and what has several names."""
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)
    return target


class RotTest(unittest.TestCase):
    MOST_HARMS = 5
    # In `make check`; the full run counts rounds.
    SECONDS = 14

    def setUp(self):
        self.seed = crash_lab.new_seed("rot")
        self.chance = random.Random(self.seed)
        # In memory where that can be: nothing here is about the disk.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="letterlock-rot-", dir=memory))
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory)
        self.outside = self.directory / "outside"
        (self.outside / "directory").mkdir(parents=True)
        for path in (self.outside / "file", self.outside / "directory/1700000000.a.b"):
            path.write_bytes(SECRET + b"\n")
        self.lab = crash_lab.CrashLab()
        self.addCleanup(self.lab.abandon)

    def test_rot_everywhere(self):
        whole = self.fill(self.directory / "whole")
        figures, harmed = Counter(), Counter()
        rounds = crash_lab.rounds(bounded=0, full=400)
        end = time.monotonic() + self.SECONDS
        number = 0
        while number < rounds or (rounds == 0 and time.monotonic() < end):
            state = copied(whole.state, self.directory / f"{number}")
            rot = Rot(state, self.chance, self.outside)
            harms = []
            for _ in range(self.chance.randint(1, self.MOST_HARMS)):
                self.harm_something(rot, state, harms, harmed)
            with self.subTest(round=number, harms="; ".join(map(str, harms))):
                self.serve(whole, state, rot, harms, figures)
            shutil.rmtree(state)
            number += 1
        print(f"    {number} rounds: {crash_lab.shown(whole.figures())}")
        print(f"    {len(harmed)} kinds of files, {crash_lab.shown(figures)}")
        self.assertGreater(number, 0)

    # ---- Before

    def fill(self, state):
        """A state directory with something of everything in it, as a kill leaves it."""
        self.lab.use_state_dir(state)
        ledger = Ledger()
        self.lab.start()
        try:
            self.live(ledger, "first-")
            self.use_by_others()
            (state / "identity").write_bytes(b"of another program\n")  # something for corrupt/
            self.lab.start()
            alice = self.lab.maildir("alice") / "new"
            with self.lab.pop3("alice") as pop3:
                pop3.command("QUIT")  # everything is in its place
            # From here on what alice gets stays in the journal, and in large/.
            mode = alice.stat().st_mode
            alice.chmod(0o555)
            self.live(ledger, "second-")
            alice.chmod(mode)
        finally:
            self.lab.kill_all(self.chance)
        number = account_ids(state)["main"]
        for left_over in ("identity.tmp", "accounts.tmp", "journal/6.tmp", "scratch/unnamed",
                          f"maildrops/{number}/Maildir/tmp/1700000000.{'0' * 32}.mx,S=1,W=1"):
            (state / left_over).write_bytes(b"half of it")
        # What is there then is what a start on it serves.
        self.lab.use_state_dir(copied(state, self.directory / "clean"))
        self.lab.start()
        self.lab.check(ledger)
        messages = {account: self.served(account) for account in ACCOUNTS}
        self.lab.stop()
        shutil.rmtree(self.directory / "clean")
        return StoredMail(state, messages)

    def live(self, ledger, name):
        with Load(self.lab, ledger, f"{self.seed} {name}", readers=(), others=False,
                  name=name) as load:
            load.wait_for_progress(30)
            for account in ACCOUNTS:
                self.remove_some(account, ledger)
            load.wait_for_progress(30)
            self.lab.kill_all(self.chance)

    def remove_some(self, account, ledger):
        with self.lab.pop3(account) as pop3:
            numbers = [line.split()[0] for line in pop3.listing("UIDL")]
            numbers = self.chance.sample(numbers, len(numbers) // 3)
            tokens = [ledger.read(pop3.retrieve(number), account) for number in numbers]
            for number in numbers:
                pop3.command(f"DELE {number}")
            ledger.removing(tokens, account)
            pop3.command("QUIT")
            ledger.removed(tokens, account)

    def use_by_others(self):
        """A mail reader has looked at some messages, and a backup has put one back."""
        for account in ACCOUNTS:
            maildir = self.lab.maildir(account)
            names = sorted(path.name for path in (maildir / "new").iterdir())
            for name in self.chance.sample(names, len(names) // 3):
                (maildir / "new" / name).rename(maildir / "cur" / f"{name}:2,S")

    # ---- A round

    def harm_something(self, rot, state, harms, harmed):
        """First what was seldom harmed before: a run of a few rounds meets all kinds of files."""
        before = set().union(*(harm.paths for harm in harms))
        kinds = {"N": []} if "." in before else {".": ["."]}
        for directory, directories, files in os.walk(state):
            for name in [*directories, *files]:
                path = os.path.relpath(os.path.join(directory, name), state)
                if path not in before:
                    kinds.setdefault(kind_of(path), []).append(path)
        kind = min(sorted(filter(kinds.get, kinds)),
                   key=lambda each: (harmed[each], self.chance.random()))
        harmed[kind] += 1
        harms.append(rot.harm(self.chance.choice(sorted(kinds[kind]))))

    def serve(self, whole, state, rot, harms, figures):
        lab, position = self.lab, len(self.lab.log())
        lab.use_state_dir(state)
        try:
            harms = self.start(harms, figures)
            serving = len(lab.log())
            served = {account: self.served(account, may_refuse=self.may_refuse(whole, account, harms))
                      for account in ACCOUNTS}
            for account in ACCOUNTS:
                self.compare(whole, account, served[account], rot, harms, figures)
            self.assert_said(whole, state, harms, position)
            for account in ACCOUNTS:
                if not self.may_refuse(whole, account, harms):
                    self.send_and_read(account)
            self.assertEqual(lab.events("child.ended", serving), [], lab.complaints())
            lab.stop()
            if self.chance.random() < 0.3:
                self.serve_again(whole, harms, figures)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{lab.log()[position:][-6000:]}") from None
        finally:
            lab.kill_all(self.chance)
        figures["rounds served"] += 1

    def serve_again(self, whole, harms, figures):
        """A second start finds nothing more to set aside, and serves the same."""
        # What was sent since the last look is in both.
        position = len(self.lab.log())
        served = []
        for _ in range(2):
            self.lab.start()
            served.append({account: self.served(account, self.may_refuse(whole, account, harms))
                           for account in ACCOUNTS})
            self.lab.stop()
        for account in ACCOUNTS:
            before, after = (each[account] for each in served)
            self.assertEqual(before is None, after is None)
            if before is not None:
                self.assertEqual(before.keys(), after.keys())
                for uidl, message in before.items():
                    self.assertIs(type(message), type(after[uidl]))
                    self.assertTrue(not isinstance(message, bytes) or message == after[uidl])
        self.assertNotIn(" is now ", self.lab.log()[position:])
        figures["rounds served again"] += 1

    def start(self, harms, figures):
        """The harms that are left: what an administrator has to put right is, if the start says so."""
        position = len(self.lab.log())
        try:
            self.lab.start()
        except AssertionError:
            wrong = [harm for harm in harms if harm.undo and harm.paths & NEEDED]
            log = self.lab.log()[position:]
            if not wrong:
                raise
            named = [path for harm in wrong for path in harm.paths]
            self.assertTrue(any(path in log for path in named) or "." in named, log)
            for harm in wrong:
                harm.undo()
            self.lab.start()
            figures["starts that needed the administrator"] += 1
            # What was in the place of something is still gone.
            for harm in wrong:
                harm.others = False
            return [harm for harm in harms if harm.one_name or harm not in wrong]
        return harms

    def may_refuse(self, whole, account, harms):
        """Whether something is in the way of that maildrop that only its owner can put right."""
        drop = f"maildrops/{whole.ids[account]}"
        return any(harm.others and path in NEEDED | {drop, f"{drop}/Maildir"} |
                   {f"{drop}/Maildir/{name}" for name in ("tmp", "new", "cur")}
                   for harm in harms for path in harm.paths)

    def served(self, account, may_refuse=False):
        """UIDL → the message, or what was said instead of it; None if there is no maildrop."""
        def session():
            try:
                return self.lab.pop3(account)
            except Refused as refused:
                if "IN-USE" in str(refused):
                    return None
                if may_refuse:
                    return refused
                raise AssertionError(f"{account} cannot log in: {refused}") from None

        pop3 = wait_until(session, "a maildrop that nobody uses")
        if isinstance(pop3, Refused):
            return None
        messages = {}
        with pop3:
            for number, uidl in (line.split() for line in pop3.listing("UIDL")):
                self.assertNotIn(uidl, messages)
                try:
                    messages[uidl] = pop3.retrieve(number)
                except (Refused, AssertionError) as wrong:  # or not of the size that was said
                    messages[uidl] = wrong
            pop3.command("QUIT")
        return messages

    def compare(self, whole, account, served, rot, harms, figures):
        if served is None:
            figures["maildrops that wait for their owner"] += 1
            return
        for uidl, message in whole.messages[account].items():
            if served.get(uidl) == message:
                figures["messages served whole"] += 1
            else:
                self.assertTrue(whole.may_miss(account, uidl, harms),
                                f"{uidl} of {account} was served as {served.get(uidl)!r:.200}")
                figures["messages lost"] += 1
        for uidl, message in served.items():
            if not isinstance(message, bytes):
                continue
            self.assertNotIn(SECRET, message)
            if uidl in whole.messages[account] or whole.may_come_back(account, uidl, harms):
                continue
            # A file that was put there is a message as good as any, and may have rotted since.
            if any(uidl_of(name) == uidl for harm in harms if harm.ranges
                   for name in map(os.path.basename, harm.paths) if name in rot.junk_names):
                continue
            content = message.replace(b"\r\n", b"\n").removesuffix(b"\n")
            self.assertIn(content, rot.junk, f"{account} was served a new {uidl}")

    def assert_said(self, whole, state, harms, position):
        """What was set aside is in the log, and whatever came into corrupt/ is named there."""
        log = self.lab.log()[position:]
        if os.path.lexists(state / "corrupt") and (whole.state / "corrupt").is_dir():
            for path in (state / "corrupt").iterdir():
                known = path.name in os.listdir(whole.state / "corrupt")
                name = os.fsencode(path.name).decode(errors="replace")  # as the log is read
                self.assertTrue(known or f"corrupt/{name}" in log or
                                any("corrupt" in harm.paths for harm in harms), name)
        replaced = {path for harm in harms if harm.replaced for path in harm.paths}
        for harm in harms:
            [path, *_] = harm.paths
            if replaced & set(map(str, Path(path).parents)):
                continue  # there is no way to it any more
            if any(path.startswith(f"maildrops/{number}") and self.may_refuse(whole, account, harms)
                   for account, number in whole.ids.items()):
                continue  # nor is there need: nobody uses that maildrop
            if harm.thing and (kind_of(path) in SET_ASIDE or path in NEEDED):
                self.assertIn(f"{path} is now ", log)
            elif "accounts" in harm.paths and harm.ranges:
                said = "accounts is now corrupt/|accounts.rebuilt"
                # It is rebuilt from the maildrops; without them only the journal's numbers are left.
                if any("maildrops" in other.paths for other in harms):
                    said += "|accounts.unknown"
                self.assertRegex(log, said)

    def send_and_read(self, account):
        content = make_content(f"afterwards-{self.chance.random()}", 2000)
        self.lab.send(stuffed(content).removesuffix(b"\r\n"), recipients=(ADDRESS[account],))
        messages = self.served(account).values()
        found = [message for message in messages
                 if isinstance(message, bytes) and message.endswith(content)]
        self.assertEqual(len(found), 1)


if __name__ == "__main__":
    unittest.main()
