"""Waiting for events: always with a deadline, never for a fixed time."""

import time

# Programs with sanitizers on a busy machine take their time; a test that passes never waits so long.
PATIENCE = 60


def wait_until(condition, what, seconds=PATIENCE):
    """The first true value of `condition()`; an error that says `what` was missed."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds} s")
        time.sleep(0.01)
