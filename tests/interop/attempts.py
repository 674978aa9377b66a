"""What conversations say of messages, each known by its subject: taken, or sent to the end of the
content and left without an answer. Conversations are lists of (said, heard), as `tap` has them."""

import re
from collections import Counter

ACCEPTED = b"250 2.0.0 Accepted "
SUBJECT = re.compile(rb"\nSubject: (\S+)\r\n")
LAST_CHUNK = re.compile(rb"^BDAT (\d+) LAST\r\n", re.MULTILINE)
REFUSAL = re.compile(rb"^[45]\d\d ", re.MULTILINE)


def reaches_its_end(said, subject):
    """Whether the content that has `subject` (a match in `said`) was sent whole."""
    chunks = [each for each in LAST_CHUNK.finditer(said) if each.end() <= subject.start()]
    if chunks:
        return len(said) - chunks[-1].end() >= int(chunks[-1][1])
    return b"\r\n.\r\n" in said[subject.start():]


def count(conversations):
    """How often each message was taken, and how often it went unanswered."""
    taken, unanswered = Counter(), Counter()
    for said, heard in (each for conversation in conversations for each in conversation):
        for subject in SUBJECT.finditer(said):
            name = subject[1].decode()
            if ACCEPTED in heard:
                taken[name] += 1
            # MAIL and RCPT may have been accepted in front of the refusal.
            elif reaches_its_end(said, subject) and not REFUSAL.search(heard):
                unanswered[name] += 1
    return taken, unanswered
