"""Rot: everything that can happen to a file or directory of a state directory while nobody looks."""

import os
import re
import shutil
import stat
import struct
from dataclasses import dataclass, field

import journal_file

END = 1 << 62
PAGE = 4096
OTHER_USER = 65534
# Without these nothing can be stored, so a start that may not use them fails, and says which.
NEEDED = {".", "lock", "corrupt", "maildrops", "scratch", "journal", "large", "queue"}


@dataclass
class Harm:
    """What was done, to which paths below the state directory."""

    what: str
    paths: set  # all names of a file that was written to
    ranges: list = field(default_factory=lambda: [(0, END)])  # of its octets
    undo: object = None  # for what an administrator can put right: a function
    replaced: bool = False  # by its name there is nothing, or something else, or something locked
    thing: bool = False  # something else
    others: bool = False  # it is another user's
    one_name: bool = False  # other names of the file are as they were

    def __str__(self):
        return f"{'='.join(sorted(self.paths))} {self.what}"


def kind_of(path):
    """Which files are of one kind: numbers and ids do not count."""
    return re.sub(r"[0-9a-f]{32}|\d+", "N", path)


class Rot:
    """Harms the files below `state`; symbolic links lead to `outside`, where nobody may follow."""

    def __init__(self, state, chance, outside):
        self._state, self._chance, self._outside = state, chance, outside
        self.junk = set()  # the content of files that were added
        self.junk_names = {"inside"}

    def harm(self, path):
        """Something happens to the file or directory of that name."""
        at = self._state / path
        mode = os.lstat(at).st_mode
        choices = (Rot._deleted, Rot._another_thing)
        if stat.S_ISREG(mode):
            choices = self.OF_FILES
        elif stat.S_ISDIR(mode):
            choices = self.OF_DIRECTORIES
        if path == ".":
            choices = (Rot._junk, Rot._mode)
        done = None
        while done is None:
            act = self._chance.choice(choices)
            # Whoever is not root meets no other owners.
            if act != Rot._owner or os.geteuid() == 0:
                done = act(self, at)
        of_one = done.one_name or not stat.S_ISREG(mode)
        done.paths = {path} if of_one else self._same_file(at)
        return done

    def _same_file(self, at):
        """What is written to a file is written to it under all its names."""
        inode = os.lstat(at).st_ino
        return {os.path.relpath(os.path.join(directory, name), self._state)
                for directory, _, names in os.walk(self._state) for name in names
                if os.lstat(os.path.join(directory, name)).st_ino == inode}

    # ---- To the octets of a file

    def _change(self, at, what, edit):
        octets = bytearray(at.read_bytes())
        # Most of a segment is empty; what is not is more interesting.
        used = len(octets.rstrip(b"\0")) if self._chance.random() < 0.9 else len(octets)
        ranges = edit(octets, used) if used else []
        with at.open("r+b") as file:
            for begin, end in ranges:
                file.seek(begin)
                file.write(octets[begin:end])
        return Harm(what, set(), ranges)

    def _flip(self, at):
        def edit(octets, used):
            places = [self._chance.randrange(used) for _ in range(self._chance.choice((1, 1, 2, 20)))]
            for place in places:
                octets[place] ^= 1 << self._chance.randrange(8)
            return [(place, place + 1) for place in places]
        return self._change(at, "has flipped bits", edit)

    def _page(self, at):
        def edit(octets, used):
            begin = self._chance.randrange(used) // PAGE * PAGE
            end = min(len(octets), begin + PAGE * self._chance.choice((1, 1, 4, 64)))
            octets[begin:end] = self._chance.choice((bytes, self._chance.randbytes))(end - begin)
            return [(begin, end)]
        return self._change(at, "has lost a page", edit)

    def _later(self, at):
        """A file of a version that is to come; a segment's, or a record's, is well-formed."""
        def edit(octets, used):
            if octets.startswith(b"LLJOURN1"):
                octets[7] = ord("2")
                octets[60:64] = struct.pack("<I", journal_file.crc32c(octets[:60]))
                return [(0, 64)]
            head = octets[:64]
            for digit in re.finditer(rb"\d", head):
                octets[digit.start()] = ord("9")
            return [(0, len(head))]
        return self._change(at, "is of a later version", edit)

    def _later_record(self, at):
        if not at.read_bytes().startswith(b"LLJOURN1"):
            return None
        records = journal_file.records_of(at)
        if not records:
            return None
        record = self._chance.choice(records)

        def edit(octets, _):
            octets[record.begin + 28] = 200
            summed = octets[8:16] + octets[record.begin + 4:record.end]
            octets[record.begin:record.begin + 4] = struct.pack("<I", journal_file.crc32c(summed))
            return [(record.begin, record.end)]
        return self._change(at, "has a record of a later version", edit)

    def _cut(self, at):
        size = at.stat().st_size
        length = self._chance.choice((0, self._chance.randrange(size + 1), max(0, size - 1)))
        os.truncate(at, length)
        return Harm(f"is cut at {length}", set(), [(length, END)])

    def _longer(self, at):
        size = at.stat().st_size
        more = self._chance.choice((1, 100, PAGE, 100_000))
        with at.open("ab") as file:
            file.write(self._chance.choice((bytes, self._chance.randbytes))(more))
        return Harm(f"is longer by {more}", set(), [(size, END)])

    # ---- To what it is

    def _deleted(self, at):
        self._remove(at)
        return Harm("is gone", set(), replaced=True, one_name=True)

    def _another_thing(self, at):
        # Also a file in the place of a directory.
        was_directory = at.is_dir()
        make = self._chance.choice(self.THINGS + ((Rot._a_file,) if was_directory else ()))
        self._remove(at)
        make(self, at)
        owner = os.stat(self._state)
        # Other things leave their place, whosever they are.
        others = make == Rot._a_directory and at.stat().st_uid != owner.st_uid
        return Harm(f"is {make.__name__.strip('_').replace('_', ' ')}", set(), replaced=True,
                    one_name=True, thing=not (was_directory and at.is_dir()),
                    others=others,
                    undo=(lambda: os.chown(at, owner.st_uid, owner.st_gid)) if others else None)

    def _mode(self, at):
        before = stat.S_IMODE(at.stat().st_mode)
        at.chmod(0)
        return Harm("has mode 0", set(), replaced=True, others=True, undo=lambda: at.chmod(before))

    def _owner(self, at):
        about = at.stat()
        user = self._chance.choice((0, OTHER_USER))
        os.chown(at, user, user)
        at.chmod(stat.S_IMODE(about.st_mode))  # chown may have taken some of it

        def undo():
            os.chown(at, about.st_uid, about.st_gid)
            at.chmod(stat.S_IMODE(about.st_mode))
        return Harm(f"is of user {user}", set(), replaced=True, others=True, undo=undo)

    def _remove(self, at):
        if stat.S_ISDIR(os.lstat(at).st_mode):
            shutil.rmtree(at)
        else:
            at.unlink()

    def _a_file(self, at):
        content = b"X-Junk: " + self._chance.randbytes(self._chance.choice((0, 9, 5000))).hex().encode()
        self.junk.add(content)
        at.write_bytes(content)

    def _a_directory(self, at):
        at.mkdir()
        (at / "inside").write_bytes(b"something\n")
        self.junk.add(b"something")
        if self._chance.random() < 0.5:
            about = at.parent.stat()
            for path in (at, at / "inside"):
                os.chown(path, about.st_uid, about.st_gid)

    def _a_fifo(self, at):
        os.mkfifo(at)

    def _a_link_to_a_file(self, at):
        at.symlink_to(self._outside / "file")

    def _a_link_to_a_directory(self, at):
        at.symlink_to(self._outside / "directory")

    def _a_link_to_itself(self, at):
        at.symlink_to(at.name)

    # ---- To a directory

    def _junk(self, at):
        """Things appear in it whose names nearly are some that belong there."""
        number, token = self._chance.randrange(20), self._chance.randbytes(16).hex()
        for name in self._chance.sample((
                str(number), f"0{number}", f"{number}.tmp", token, f"{token}.{number}", ".", "x" * 255,
                f"1700000000.{token}.mx.example.com,S=12,W=12", f"{token}:2,S", "a\nb", "\udcff\udcfe",
                f"1700000000.{token}.mx.example.com,S=12,W=12:2,S", f".{token}", "accounts.tmp",
                "account", "unnamed", "identity.1", "-1", "99999999999999999999"), 4):
            if name != "." and not os.path.lexists(at / name):
                self.junk_names.add(name)
                self._chance.choice((Rot._a_file,) + self.THINGS)(self, at / name)
        return Harm("has more in it", set(), [])

    THINGS = (_a_directory, _a_fifo, _a_link_to_a_file, _a_link_to_a_directory, _a_link_to_itself)
    OF_FILES = (_flip, _flip, _flip, _page, _later, _later_record, _cut, _longer, _deleted,
                _another_thing, _another_thing, _mode, _owner)
    OF_DIRECTORIES = (_junk, _junk, _deleted, _another_thing, _mode, _owner)
