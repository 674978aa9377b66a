"""What a state directory holds before rot comes to it: where each message is, and what may be missed,
come back or have changed after a harm."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import journal_file
from journal_file import ACCEPT, EXPUNGE, OWN_NAME

FOREIGN_ID = re.compile(r"^[^,:]*")


def uidl_of(name):
    """The UIDL of the message in a file of that name."""
    own = OWN_NAME.match(name)
    return own[1] if own else FOREIGN_ID.match(name)[0]


def account_ids(state):
    """name → the name of its directory."""
    lines = (state / "accounts").read_text().splitlines()[1:-1]
    return {name: number for number, name in map(str.split, lines)}


@dataclass
class StoredMail:
    """`messages`: account → UIDL → octets as they are sent, all that is there."""

    state: Path
    messages: dict
    ids: dict = field(init=False)

    def __post_init__(self):
        self.ids = account_ids(self.state)
        self._files = {}  # (account, UIDL) → where its file is
        self._accepts, self._expunges = {}, {}  # message → Record; (mailbox, name) → Record
        for account, number in self.ids.items():
            for folder in ("new", "cur"):
                path = f"maildrops/{number}/Maildir/{folder}"
                for name in os.listdir(self.state / path):
                    self._files[account, uidl_of(name)] = f"{path}/{name}"
        self._records = []
        for slot in sorted(self.state.glob("journal/[0-7]")):
            self._records += journal_file.records_of(slot)
        for record in self._records:
            if record.type == ACCEPT:
                self._accepts[record.message()] = record
            elif record.type == EXPUNGE:
                mailbox, names = record.expunged()
                self._expunges |= {(mailbox, uidl_of(name)): record for name in names}

    def figures(self):
        """What there is of everything that rot may meet: names → numbers."""
        there = [(account, uidl) for account, messages in self.messages.items() for uidl in messages]
        return {"messages": len(there),
                "of them in the journal alone": sum(key not in self._files for key in there),
                "in cur": sum("/cur/" in self._files.get(key, "") for key in there),
                "names in large": len(os.listdir(self.state / "large")),
                "expunged names in the journal": len(self._expunges)}

    def may_miss(self, account, uidl, harms):
        """Whether that message may be missing or be another one after all of these harms."""
        number = self.ids[account]
        drop = f"maildrops/{number}"
        harmed = {path for harm in harms for path in harm.paths if harm.ranges}
        if {"accounts", f"{drop}/account"} <= harmed:
            return True  # nobody knows whose it is
        around = {"maildrops", drop, f"{drop}/Maildir", f"{drop}/Maildir/new", f"{drop}/Maildir/cur",
                  f"{drop}/Maildir/tmp"}
        if around & harmed:
            return True
        file = self._files.get((account, uidl))
        if file is not None:
            return file in harmed
        if {"journal", "large", f"large/{uidl}.{number}"} & harmed:
            return True
        record = self._accepts[uidl]
        return self._is_lost(record, harms)

    def may_come_back(self, account, uidl, harms):
        """Whether that message, which is expunged, may be there again."""
        record = self._expunges.get((int(self.ids[account]), uidl))
        if record is None:
            return False
        return any("journal" in harm.paths for harm in harms) or self._is_lost(record, harms)

    def _is_lost(self, record, harms):
        """Whether the harms cost the journal that record: itself, or what its batch has before it."""
        path = f"journal/{record.slot}"
        ranges = [each for harm in harms if path in harm.paths for each in harm.ranges]
        if any(begin < journal_file.HEADER_SIZE for begin, _ in ranges):
            return True
        return any(begin < other.end and end > other.begin
                   for other in self._records
                   if other.slot == record.slot and other.batch == record.batch and
                   other.sequence <= record.sequence
                   for begin, end in ranges)
