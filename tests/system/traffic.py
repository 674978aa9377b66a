"""Traffic: clients that send without pause, and a ledger of what the server said to each message."""

import re
import threading
import time
from collections import Counter

from waiting import wait_until

TOKEN = re.compile(rb"^X-Token: (\S+)\r?$", re.MULTILINE)


class Traffic:
    """`with Traffic(lab) as traffic` sends until the block ends.

    Each message carries a token of its own. `accepted` are those that got 250, `refused` those that
    got another answer, `unanswered` those whose connection ended behind the last octet: of these
    the server may keep one copy (RFC 1047). `broken` says what else went wrong, in words.
    """

    def __init__(self, lab, senders=4, encrypted=1, messages_a_session=5):
        self.accepted, self.refused, self.unanswered = set(), {}, set()
        self.broken = []
        self._lab = lab
        self._messages_a_session = messages_a_session
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number, number < encrypted))
                         for number in range(senders)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_progress()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def wait_for_progress(self, messages=10, seconds=60):
        """Waits for that many further messages that got 250."""
        goal = len(self.accepted) + messages
        wait_until(lambda: len(self.accepted) >= goal, "progress of the traffic", seconds)

    def discrepancies(self, stored):
        """What is wrong with `stored`, the messages found, as a text; empty if nothing is."""
        found = Counter(match[1].decode() for match in map(TOKEN.search, stored) if match)
        lost = self.accepted - found.keys()
        twice = {token for token, count in found.items() if count > 1}
        kept = found.keys() & self.refused.keys()
        return "; ".join(f"{what}: {sorted(tokens)[:5]} of {len(tokens)}" for what, tokens in
                         (("lost", lost), ("twice", twice), ("refused but kept", kept)) if tokens)

    def _send(self, sender, encrypted):
        number = 0
        while not self._ending.is_set():
            try:
                with self._lab.smtp() as session:
                    session.hello()
                    if encrypted:
                        session.encrypt(self._lab.trust())
                    for _ in range(self._messages_a_session):
                        if self._ending.is_set():
                            break
                        number += 1
                        self._send_one(session, f"{sender}-{number}")
                    session.expect("QUIT", "221")
            except (OSError, AssertionError) as error:
                with self._lock:
                    self.broken.append(f"{type(error).__name__}: {error}")
                time.sleep(0.02)  # not to spin while nobody listens

    def _send_one(self, session, token):
        content = f"X-Token: {token}\r\n\r\n".encode() + b"a line of text\r\n" * 100
        session.expect("MAIL FROM:<a@remote.example>", "250")
        session.expect("RCPT TO:<any@example.com>", "250")
        session.expect("DATA", "354")
        session.send(content)
        try:
            # From here on the server may have the whole message.
            session.send(b".\r\n")
            answer = session.reply()
        except OSError:
            answer = ""
        with self._lock:
            if answer.startswith("250 "):
                self.accepted.add(token)
            elif answer:
                self.refused[token] = answer
            else:
                self.unanswered.add(token)
        if not answer:
            raise ConnectionError("no answer to a message")
