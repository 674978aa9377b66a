"""Running clients that are programs of their own."""

import os
import pty
import select
import shutil
import subprocess
import time
import unittest

from waiting import PATIENCE


def run(*command, succeed=True, patience=PATIENCE, **options):
    """The output of a client; stdout and stderr as one text. Whoever takes longer than `patience` is
    killed: subprocess.TimeoutExpired."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(each) for each in command], text=True, timeout=patience,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if succeed and done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def run_on_terminal(*command, **options):
    """What a program that wants a terminal has shown on it."""
    terminal, line = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        started = subprocess.Popen([str(each) for each in command], stdin=line, stdout=line,
                                   stderr=line, start_new_session=True, **options)
        os.close(line)
        shown = bytearray()
        deadline = time.monotonic() + PATIENCE
        try:
            while select.select([screen], [], [], max(0, deadline - time.monotonic()))[0]:
                shown += screen.read(1 << 16)
            started.kill()  # out of time
        except OSError:
            pass  # nobody has the line open any more
    status = started.wait()
    text = shown.decode(errors="replace")
    if status != 0:
        raise AssertionError(f"{command[0]} ended with {status}:\n{text[-4000:]}")
    return text


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")
