"""A disk that records: serves one file through FUSE and keeps its writes and flushes in order.

    fuse_disk.py IMAGE LOG MOUNT CONTROL

serves the file IMAGE as the file MOUNT, until that is unmounted. A loop device over MOUNT is a
disk: what the kernel writes to it arrives here as writes, what it flushes as fsync, in the order
in which a disk sees them. Each is in LOG before the kernel is told that it is done, so LOG up to
any place is all that a disk can have seen when the power fails there.

LOG is a row of records: HEADER (kind, length, offset, time) and LENGTH octets. Those of a WRITE
belong at OFFSET of the disk. A FLUSH has none; its OFFSET is the place in LOG up to which all
writes were done when it was asked for. Times are CLOCK_MONOTONIC in seconds.

CONTROL is the number of a connected socket. A line that comes by it is a command, answered by a
line:

    hold     flushes are answered no more: a disk that takes its time
    fail     flushes are answered by EIO
    release  they are answered, those that wait first
    status   WRITES FLUSHES WAITING: how many there were, and how many flushes wait
"""

import ctypes
import errno
import os
import select
import signal
import socket
import stat
import struct
import sys
import time

HEADER = struct.Struct("<IIQd")
WRITE, FLUSH = 1, 2

# The kernel's side, protocol 7.31: struct fuse_in_header, fuse_out_header, fuse_read_in and
# fuse_write_in, fuse_attr_out, fuse_init_out, fuse_open_out, fuse_write_out of <linux/fuse.h>.
VERSION = (7, 31)
IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
READ_OR_WRITE = struct.Struct("<QQIIQII")
ATTRIBUTES = struct.Struct("<QIIQQQQQQ10I")
INIT_ANSWER = struct.Struct("<IIIIHHIIHH32x")
OPEN_ANSWER = struct.Struct("<QII")
WRITE_ANSWER = struct.Struct("<II")

OP_FORGET, OP_GETATTR, OP_SETATTR, OP_OPEN, OP_READ, OP_WRITE = 2, 3, 4, 14, 15, 16
OP_STATFS, OP_RELEASE, OP_FSYNC, OP_FLUSH, OP_INIT = 17, 18, 20, 25, 26
OP_INTERRUPT, OP_DESTROY, OP_BATCH_FORGET = 36, 38, 42
WITHOUT_ANSWER = (OP_FORGET, OP_INTERRUPT, OP_BATCH_FORGET)

ASYNC_READ, BIG_WRITES, MAX_PAGES = 1 << 0, 1 << 5, 1 << 22
MOST_PAGES = 256  # of a request
KEPT = 3600  # seconds for which the kernel may trust what it knows of the file: only it changes it


class Disk:
    """The image, the log, and what the kernel is answered."""

    def __init__(self, device, image, log):
        self._device, self._image, self._log = device, image, log
        self._end = 0  # of the log
        self._size = os.fstat(image).st_size
        self._waiting = []  # (request, place in the log)
        self._held = self._failing = False
        self._writes = self._flushes = 0

    def serve(self):
        """One request; false when the file was unmounted."""
        try:
            request = os.read(self._device, IN_HEADER.size + READ_OR_WRITE.size + MOST_PAGES * 4096)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                return True
            if error.errno == errno.ENODEV:
                return False
            raise
        _, operation, number, *_ = IN_HEADER.unpack_from(request)
        if operation == OP_FSYNC:
            self._flush(number)
        elif operation not in WITHOUT_ANSWER:
            try:
                self._answer(number, self._do(operation, memoryview(request)[IN_HEADER.size:]))
            except OSError as error:
                self._answer(number, error=error.errno)
        return operation != OP_DESTROY

    def command(self, line):
        """The answer to a line from CONTROL."""
        if line == b"status":
            return b"%d %d %d" % (self._writes, self._flushes, len(self._waiting))
        self._held, self._failing = line == b"hold", line == b"fail"
        if not self._held:
            waiting, self._waiting = self._waiting, []
            for number, covered in waiting:
                self._finish_flush(number, covered)
        return b"done"

    def _do(self, operation, body):
        if operation == OP_READ:
            _, offset, size, *_ = READ_OR_WRITE.unpack_from(body)
            return os.pread(self._image, size, offset)
        if operation == OP_WRITE:
            _, offset, size, *_ = READ_OR_WRITE.unpack_from(body)
            data = body[READ_OR_WRITE.size:READ_OR_WRITE.size + size]
            self._record(WRITE, offset, data)
            self._writes += 1
            os.pwrite(self._image, data, offset)
            return WRITE_ANSWER.pack(size, 0)
        if operation == OP_INIT:
            # What it offers beside this is not wanted, so its own words are not read.
            return INIT_ANSWER.pack(*VERSION, 0, ASYNC_READ | BIG_WRITES | MAX_PAGES, 64, 48,
                                    MOST_PAGES * 4096, 1, MOST_PAGES, 0)
        if operation == OP_OPEN:
            return OPEN_ANSWER.pack(0, 0, 0)
        if operation in (OP_GETATTR, OP_SETATTR):
            return ATTRIBUTES.pack(KEPT, 0, 0, 1, self._size, self._size // 512, 0, 0, 0, 0, 0, 0,
                                   stat.S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0)
        if operation == OP_STATFS:
            return bytes(80)
        if operation in (OP_RELEASE, OP_FLUSH, OP_DESTROY):
            return b""
        raise OSError(errno.ENOSYS, "not needed")

    def _flush(self, number):
        if self._held:
            self._waiting.append((number, self._end))
        else:
            self._finish_flush(number, self._end)

    def _finish_flush(self, number, covered):
        if self._failing:
            return self._answer(number, error=errno.EIO)
        self._record(FLUSH, covered, b"")
        self._flushes += 1
        self._answer(number)

    def _record(self, kind, offset, data):
        header = HEADER.pack(kind, len(data), offset, time.monotonic())
        if os.writev(self._log, (header, data)) != len(header) + len(data):
            raise OSError(errno.ENOSPC, "no room for the log")
        self._end += len(header) + len(data)

    def _answer(self, number, body=b"", error=0):
        header = OUT_HEADER.pack(OUT_HEADER.size + len(body), -error, number)
        try:
            os.writev(self._device, (header, body))
        except FileNotFoundError:
            pass  # it was interrupted and nobody waits


def mount(target):
    """The device of a FUSE mount at the file TARGET."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode={stat.S_IFREG:o},user_id={os.getuid()},group_id={os.getgid()}"
    if libc.mount(b"fuse_disk", os.fsencode(target), b"fuse", 0, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)
    return device


def main(image, log, target, control):
    control = socket.socket(fileno=int(control))
    # Ends with the mount or the control socket, not with the keyboard's signal to all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    device = mount(target)
    disk = Disk(device, os.open(image, os.O_RDWR), os.open(log, os.O_WRONLY | os.O_CREAT, 0o600))
    control.sendall(b"mounted\n")
    commands = bytearray()
    poll = select.poll()
    poll.register(device, select.POLLIN)
    poll.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == device:
                if not disk.serve():
                    return
                continue
            more = control.recv(4096)
            if not more:
                # Whoever started this is gone; the mount is not, and must not be held for ever.
                poll.unregister(control)
                disk.command(b"release")
            commands += more
            while b"\n" in commands:
                line, _, commands = commands.partition(b"\n")
                control.sendall(disk.command(bytes(line)) + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
