"""What /proc says about the processes of a system under test."""

import os
from pathlib import Path


def is_alive(pid):
    """Whether the process runs; one that only waits to be reaped does not."""
    state = _stat(pid)
    return state is not None and state[0] not in "ZX"


def is_stopped(pid):
    """Whether SIGSTOP has had its effect."""
    state = _stat(pid)
    return state is not None and state[0] == "T"


def children_of(parent):
    """[(name, pid)] of the living children, by pid."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        state = _stat(int(entry))
        if state is not None and state[0] not in "ZX" and int(state[1]) == parent:
            found.append((_name(int(entry)), int(entry)))
    return sorted(found, key=lambda child: child[1])


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def _stat(pid):
    """The fields behind the name: state, parent, …; none if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _name(pid):
    try:
        argument = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return os.path.basename(argument)
