"""A ledger: what the server was sent and what it said, message by message, and what must be found.

Held against what is found at the end, or against what a disk held at an earlier moment: all times
are those of time.monotonic(), which is one clock for all processes of a machine.

    what the client knows                 how often each account must have it
    250                                   once
    no answer to the end of its data      once or not at all (RFC 1047)
    4xx, 5xx, or never sent as a whole    not at all
    removed, +OK to QUIT                  not at all
    removed, no +OK to QUIT               once or not at all
"""

import copy
import hashlib
import re
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

TRACE = re.compile(
    rb"\AReturn-Path: <[^\r\n]*>\r\n((?:Delivered-To: [^\r\n]+\r\n)+)"
    rb"Received: [^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")
TOKEN = re.compile(rb"^X-Token: (\S+)\r?$", re.MULTILINE)
NEVER = float("inf")


@dataclass
class Message:
    """One attempt to send a message."""

    token: str
    digest: bytes  # of its content, lines ending in CR LF
    recipients: dict  # account → how many of its addresses
    sent: float = NEVER  # before the last octets went out
    answered: float = NEVER  # after the answer to them came in
    answer: str = ""
    # What a look at the store has made sure of an attempt without an answer: account → there or not.
    settled: dict = field(default_factory=dict)


@dataclass
class Removal:
    """One account's copy was removed: the times of QUIT and of +OK."""

    asked: float = NEVER
    done: float = NEVER


@dataclass(frozen=True)
class Copy:
    """A message as it was found: in the form in which it is sent."""

    token: str
    digest: bytes
    delivered_to: int  # lines of that field

    @staticmethod
    def of(message):
        """What `message` is; a text that says what is wrong if it is none of ours."""
        trace, token = TRACE.match(message), TOKEN.search(message)
        if trace is None or token is None:
            return f"not one that was sent: {message[:200]!r}"
        content = message[trace.end():]
        return Copy(token[1].decode(), digest(content), trace[1].count(b"\n"))


def digest(content):
    return hashlib.blake2b(content, digest_size=16).digest()


class Ledger:
    """Clients write to it from their threads."""

    def __init__(self):
        self.messages = {}
        self.removals = defaultdict(Removal)  # (token, account)
        self.uidls = {}  # (account, UIDL) → token; of all times
        self.wrong = []  # what clients saw that must not be, in words
        self._lock = threading.Lock()
        self._watch = None

    # ---- Written by clients

    def will_send(self, token, content, recipients):
        with self._lock:
            self.messages[token] = Message(token, digest(content), recipients)
        return self.messages[token]

    def sent(self, message):
        """Call it before the octets go out that make the message whole."""
        message.sent = time.monotonic()
        self._happened()

    def answered(self, message, answer):
        """`answer`: the reply; empty if the connection ended."""
        if answer:
            message.answered, message.answer = time.monotonic(), answer
        if answer.startswith("5"):
            self.complain(f"{message.token} was answered {answer!r}")
        self._happened()

    def removing(self, tokens, account):
        for token in tokens:
            removal = self.removals[token, account]
            removal.asked = min(removal.asked, time.monotonic())
        self._happened()

    def removed(self, tokens, account):
        for token in tokens:
            removal = self.removals[token, account]
            removal.done = min(removal.done, time.monotonic())
        self._happened()

    def read(self, message, account, uidl=None):
        """A client has read that; its token, or none if it is not what it should be."""
        found = Copy.of(message)
        if isinstance(found, str):
            self.complain(f"{account} was given a message, {found}")
            return None
        wrong = self._wrong_copy(found, account)
        if wrong:
            self.complain(wrong)
        before = found.token if uidl is None else self.uidls.setdefault((account, uidl), found.token)
        if before != found.token:
            self.complain(f"UIDL {uidl} of {account} was {before}, is now {found.token}")
        return found.token

    def complain(self, text):
        with self._lock:
            self.wrong.append(text)

    # ---- Awaiting

    def after_events(self, count):
        """An Event that is set by the client that does the next `count`th thing."""
        event = threading.Event()
        with self._lock:
            self._watch = (count, event)
        return event

    def _happened(self):
        with self._lock:
            if self._watch is None:
                return
            count, event = self._watch
            self._watch = (count - 1, event) if count > 1 else None
        if count <= 1:
            event.set()

    def figures(self):
        """What happened since the last settle(): names → numbers."""
        answers = Counter((message.answer[:3] or "unanswered") for message in self.messages.values()
                          if message.sent < NEVER and not message.settled)
        removals = self.removals.values()
        return answers + Counter({
            "removed": sum(removal.done < NEVER for removal in removals),
            "perhaps removed": sum(removal.asked < NEVER == removal.done for removal in removals)})

    def count(self, start):
        """How many messages got an answer that begins so; "" counts those without any."""
        return sum(message.sent < NEVER and
                   (message.answer.startswith(start) if start else not message.answer)
                   for message in list(self.messages.values()))

    # ---- Held against what is found

    def discrepancies(self, found, moment=NEVER):
        """What is wrong with `found`, account → messages in the form in which they are sent, on a
        disk of that moment; a list of texts."""
        wrong, counts = list(self.wrong), defaultdict(int)
        for account, messages in found.items():
            for message in messages:
                entry = Copy.of(message)
                if isinstance(entry, str):
                    wrong.append(f"{account} has a message, {entry}")
                    continue
                counts[entry.token, account] += 1
                wrong += filter(None, [self._wrong_copy(entry, account)])
        for message in self.messages.values():
            for account in message.recipients:
                least, most = self._bounds(message, account, moment)
                count = counts[message.token, account]
                if not least <= count <= most:
                    wrong.append(f"{message.token} is {count} times at {account}, "
                                 f"not {least} to {most}: {self._story(message, account)}, "
                                 f"moment {moment}")
        return list(dict.fromkeys(wrong))

    def settle(self, found, moment=NEVER):
        """The ledger to go on with, for a store that holds `found`, good at that moment: what
        happened later has not happened, and what was not known is what was found."""
        there = {(entry.token, account) for account, messages in found.items()
                 for entry in map(Copy.of, messages) if isinstance(entry, Copy)}
        next_one = Ledger()
        next_one.uidls = self.uidls
        for message in self.messages.values():
            if message.sent >= moment:
                continue
            kept = copy.copy(message)
            kept.settled = {account: (message.token, account) in there
                            for account in message.recipients}
            next_one.messages[message.token] = kept
        return next_one

    def _bounds(self, message, account, moment):
        if account in message.settled:
            least = most = int(message.settled[account])
        elif message.answered < moment:
            least = most = int(message.answer.startswith("250 "))
        else:
            least, most = 0, int(message.sent < moment)
        removal = self.removals.get((message.token, account), Removal())
        return (0 if removal.asked < moment else least,
                0 if removal.done < moment else most)

    def _wrong_copy(self, found, account):
        message = self.messages.get(found.token)
        if message is None or account not in message.recipients:
            return f"{account} has {found.token}, which was never sent to it"
        if found.digest != message.digest:
            return f"{found.token} at {account} has another content than was sent"
        if found.delivered_to != message.recipients[account]:
            return (f"{found.token} at {account} has {found.delivered_to} Delivered-To, not "
                    f"{message.recipients[account]}")
        return ""

    def _story(self, message, account):
        removal = self.removals.get((message.token, account), Removal())
        return (f"sent {message.sent}, answered {message.answered} {message.answer!r}, "
                f"settled {message.settled.get(account)}, removed {removal.asked} {removal.done}")
