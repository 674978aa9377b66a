"""Reads segments of the journal, as docs/spool.md has them: which record is where. For files that
are whole; what is harmed afterwards is measured by it."""

import re
import struct
from dataclasses import dataclass

HEADER_SIZE = 4096
FRAME = struct.Struct("<IIQQIBBH")
ACCEPT, EXPUNGE = 1, 4
OWN_NAME = re.compile(r"^\d+\.([0-9a-f]{32})\.")


@dataclass(frozen=True)
class Record:
    slot: str
    begin: int
    end: int
    sequence: int
    batch: int
    type: int
    body: bytes

    def message(self):
        """The id of an Accept's message, as names have it."""
        return self.body[16:32].hex()

    def expunged(self):
        """The mailbox and what an Expunge says is gone from it: ids, or names of others' files."""
        mailbox, count = struct.unpack_from("<II", self.body, 16)
        names, at = set(), 24
        for _ in range(count):
            kind, length = struct.unpack_from("<BxH", self.body, at)
            name = self.body[at + 4:at + 4 + length]
            names.add(name.decode(errors="surrogateescape") if kind else name.hex())
            at += 4 + length
        return mailbox, names


def records_of(path):
    """The records of the segment at `path`, in their order."""
    octets = path.read_bytes()
    generation = struct.unpack_from("<I", octets, 8)[0]
    at, found = HEADER_SIZE, []
    while at + FRAME.size <= len(octets):
        _, length, sequence, batch, of, kind, padding, _ = FRAME.unpack_from(octets, at)
        if of != generation or not FRAME.size <= length <= len(octets) - at:
            break
        body = octets[at + FRAME.size:at + length - padding]
        found.append(Record(path.name, at, at + length, sequence, batch, kind, body))
        at += length
    return found


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = CRC_TABLE[(crc ^ octet) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crc_of_octet(crc):
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


CRC_TABLE = [_crc_of_octet(octet) for octet in range(256)]
