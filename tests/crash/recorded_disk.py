"""A file system on a disk that records (fuse_disk.py), and what that disk may hold when the power
fails at any moment.

What is true of a cut: writes that were done before the last flush was asked for are there. Of
those behind, a disk may have kept any, in any order, in units that it writes at once: each is
there or not by itself, and where one place was written several times, any of them may be the last
that came through. The kernel's caches above the disk are gone, as nothing of them is in the log.

What it is not: a unit is 4096 octets, or 512 in `torn` cuts, and never half written. The first 4096
octets of the disk are never torn: ext4 has its superblock there, and relies on that. No disk here
lies about a flush, unless it is asked to, and nothing rots.
"""

import bisect
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuse_disk import FLUSH, HEADER, WRITE
from lab import IS_ROOT
from waiting import PATIENCE, wait_until

SIZE = 768 << 20
UNIT, SECTOR = 4096, 512


def why_not():
    """What this machine lacks for such a disk; empty if nothing."""
    if not IS_ROOT:
        return "needs root, to mount file systems"
    missing = [name for name in ("/dev/fuse", "/dev/loop-control") if not os.path.exists(name)]
    missing += [name for name in ("mkfs.ext4", "mount", "umount") if not find(name)]
    return f"needs {', '.join(missing)}" if missing else ""


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def run(program, *arguments):
    done = subprocess.run([find(program), *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")


def copy_sparse(source, target):
    run("cp", "--sparse=always", source, target)


def unmount(path):
    """Waits for threads of killed processes that are still on their way out."""
    wait_until(lambda: subprocess.run([find("umount"), path], capture_output=True,
                                      check=False).returncode == 0, f"end of the use of {path}")


@contextlib.contextmanager
def mounted(image):
    """A directory where the file system in the file IMAGE is mounted; IMAGE is removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="letterlock-cut-"))
    try:
        run("mount", "-o", "loop", image, directory)
        try:
            yield directory
        finally:
            unmount(directory)
    finally:
        directory.rmdir()
        image.unlink()


class RecordedDisk:
    """`with RecordedDisk() as disk` has `disk.path` mounted, an ext4, empty or with what IMAGE has.

    IMAGE becomes the disk's: it is changed, and removed at the end.
    """

    def __init__(self, image=None, size=SIZE):
        self._directory = Path(tempfile.mkdtemp(prefix="letterlock-disk-"))
        self.path = self._directory / "mounted"
        self._image, self._log = self._directory / "image", self._directory / "log"
        self._base, self._device = self._directory / "base", self._directory / "device"
        self._server = self._control = None
        self._served = self._mounted = False
        self.path.mkdir()
        self._device.touch()
        if image is None:
            with self._image.open("wb") as file:
                file.truncate(size)
            run("mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0", self._image)
        else:
            shutil.move(image, self._image)
        copy_sparse(self._image, self._base)

    def __enter__(self):
        try:
            self._serve()
            run("mount", "-o", "loop", self._device, self.path)
            self._mounted = True
            return self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def _serve(self):
        self._control, other = socket.socketpair()
        self._control.settimeout(PATIENCE)
        with other:
            self._server = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("fuse_disk.py"), self._image, self._log,
                 self._device, str(other.fileno())], pass_fds=[other.fileno()])
        if self._answer() != "mounted":
            raise AssertionError("the disk cannot be served")
        self._served = True

    def unmount(self):
        """Takes the disk away; what was recorded stays until close()."""
        if self._server is not None and self._server.poll() is None:
            self._command("release")
        if self._mounted:
            # The loop device goes with it.
            unmount(self.path)
            self._mounted = False
        if self._server is not None:
            if self._served:
                unmount(self._device)
            self._server.wait(PATIENCE)
            self._control.close()
            self._server = None

    def close(self):
        self.unmount()
        shutil.rmtree(self._directory)

    # ---- The disk as hardware

    @contextlib.contextmanager
    def standing_still(self):
        """Within it no flush ends."""
        self._command("hold")
        try:
            yield
        finally:
            self._command("release")

    @contextlib.contextmanager
    def failing(self):
        """Within it every flush fails."""
        self._command("fail")
        try:
            yield
        finally:
            self._command("release")

    def _command(self, name):
        self._control.sendall(name.encode() + b"\n")
        return self._answer()

    def _answer(self):
        line = b""
        while not line.endswith(b"\n"):
            more = self._control.recv(1)
            if not more:
                return ""
            line += more
        return line[:-1].decode()

    def wait_for_held_flush(self):
        wait_until(lambda: int(self._command("status").split()[2]) > 0, "flush that is held")

    # ---- Power cuts

    def history(self):
        """What was recorded so far."""
        return History(self._log, self._base, self._directory)


class History:
    """The records of a disk, in their order."""

    def __init__(self, log, base, directory):
        self._log, self._base, self._directory = log, base, directory
        self._kinds, self._places, self.times = [], [], []
        self._read_headers()

    def __len__(self):
        return len(self.times)

    def _read_headers(self):
        """Where each record is in the log, its kind and time. A record that is not whole was never
        answered, and is left out."""
        position, end = 0, self._log.stat().st_size
        with self._log.open("rb", buffering=0) as log:
            while position + HEADER.size <= end:
                kind, length, offset, moment = HEADER.unpack(os.pread(log.fileno(), HEADER.size, position))
                if position + HEADER.size + length > end:
                    break
                self._kinds.append(kind)
                self._places.append((position, length, offset))
                self.times.append(moment)
                position += HEADER.size + length

    def index_at(self, moment):
        """How many records there were at that moment."""
        return bisect.bisect_left(self.times, moment)

    def next_flush(self, index):
        """Of the first flush at or behind that record; the end if there is none."""
        while index < len(self) and self._kinds[index] != FLUSH:
            index += 1
        return index

    def moment(self, index):
        """Whatever a client had been told before this moment was told with these first `index`
        records done."""
        return self.times[index] if index < len(self.times) else time.monotonic()

    def cut(self, index, chance, kind, honest=None):
        """A file with what the disk may hold if the power fails behind its first `index` records.

        `kind`: kept: every write came through; lost: none behind the last flush; mixed: some, by
        chance; torn: some, in sectors. `honest`: how many records there were when the disk began
        to lie about flushes.
        """
        image = self._directory / f"cut-{index}"
        copy_sparse(self._base, image)
        safe = self._covered_at(index if honest is None else honest)
        with self._log.open("rb", buffering=0) as log, image.open("r+b", buffering=0) as target:
            for at in range(index):
                if self._kinds[at] != WRITE:
                    continue
                position, length, offset = self._places[at]
                if position >= safe and kind == "lost":
                    break
                data = os.pread(log.fileno(), length, position + HEADER.size)
                if position < safe or kind == "kept":
                    os.pwrite(target.fileno(), data, offset)
                else:
                    self._write_some(target.fileno(), data, offset, chance,
                                     SECTOR if kind == "torn" else UNIT)
        return image

    def _covered_at(self, index):
        """The place in the log up to which everything was safe."""
        return max((self._places[at][2] for at in range(index) if self._kinds[at] == FLUSH), default=0)

    @staticmethod
    def _write_some(target, data, offset, chance, unit):
        share = chance.choice((0.1, 0.5, 0.9))
        at = 0
        while at < len(data):
            size = min(UNIT if offset + at < UNIT else unit - (offset + at) % unit, len(data) - at)
            if chance.random() < share:
                os.pwrite(target, data[at:at + size], offset + at)
            at += size
