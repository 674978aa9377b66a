"""Runs a command apart from the machine: in namespaces of its own for the network, which has
loopback and nothing else, for mounts and for processes, all of which end with the command.

As a program: apart.py COMMAND…, as root. A module of tests asks why_not()."""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

MARK = "LETTERLOCK_APART"


def why_not():
    """Nothing if this process runs apart, or the reason."""
    if os.geteuid() != 0:
        return "only root can give peers a network and a root directory of their own"
    if MARK not in os.environ:
        return "peers are started only by way of tests/interop/apart.py"
    return None


def bring_up_loopback():
    SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name, flags = struct.unpack_from("16sh", fcntl.ioctl(
            control, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0)))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", name, flags | IFF_UP))


def run_inside(command):
    """As process 1 of the namespace: waits for everybody, ends as the command does."""
    bring_up_loopback()
    # Process 1 gets only those signals that it has asked for.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    started = subprocess.Popen(command, env=os.environ | {MARK: "1"})
    while True:
        pid, status = os.wait()
        if pid == started.pid:
            return os.waitstatus_to_exitcode(status) & 0xFF


def main(command):
    if command[0] == "--inside":
        return run_inside(command[1:])
    if os.geteuid() != 0:
        # The tests say themselves why they are skipped.
        os.execvp(command[0], command)
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                          "--mount-proc", sys.executable, __file__, "--inside", *command])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
