"""Private keys are in keyd's memory alone, password verifiers in authd's alone.

As root the memory of every process is searched for them, after handshakes and logins that used
both. An ordinary user cannot read that memory at all, which is then what is tested.
"""

import base64
import os
import subprocess
import unittest

from lab import IS_ROOT, Lab

# AddressSanitizer reserves address space by the terabyte; what is larger than this is no data.
LARGEST_REGION = 1 << 32


def private_numbers(key_path):
    """The secret integers of a key, big-endian: an EC scalar, or RSA's exponent and primes."""
    der = subprocess.run(["openssl", "pkey", "-in", key_path, "-traditional", "-outform", "DER"],
                         capture_output=True, check=True).stdout
    strings = [value for tag, value in elements(der) if tag == 0x04]
    integers = [value.lstrip(b"\0") for tag, value in elements(der) if tag == 0x02]
    # RFC 5915 §3: version, scalar, …; RFC 8017 §A.1.2: version, n, e, d, p, q, …
    return strings[:1] or integers[3:6]


def elements(sequence):
    """The (tag, value) pairs in a DER SEQUENCE."""
    def header(octets, at):
        tag, length = octets[at], octets[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(octets[at:at + count], "big")
            at += count
        return tag, at, at + length

    _, at, end = header(sequence, 0)
    while at < end:
        tag, start, at = header(sequence, at)
        yield tag, sequence[start:at]


def private_lines(key_path, numbers):
    """The lines of the PEM file that hold octets of a private number."""
    lines = [line for line in key_path.read_text().splitlines() if not line.startswith("-")]
    der = base64.b64decode("".join(lines))
    first = min(der.index(number) for number in numbers)
    last = max(der.index(number) + len(number) for number in numbers)
    octets_a_line = len(base64.b64decode(lines[0]))
    return [line.encode() for number, line in enumerate(lines[:-1])
            if (number + 1) * octets_a_line > first and number * octets_a_line < last]


def resident_regions(pid):
    """(first, last + 1) of the readable memory that the process has touched."""
    region = None
    with open(f"/proc/{pid}/smaps") as maps:
        for line in maps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                first, _, end = words[0].partition("-")
                region = (int(first, 16), int(end, 16)) if words[1].startswith("r") else None
            elif words[0] == "Rss:" and region and words[1] != "0":
                if region[1] - region[0] <= LARGEST_REGION:
                    yield region


def memory_of(pid):
    """All of it, in pieces that overlap enough for the secrets that are looked for."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, end in resident_regions(pid):
            before = b""
            for at in range(first, end, 1 << 22):
                try:
                    memory.seek(at)
                    piece = memory.read(min(1 << 22, end - at))
                except OSError:
                    break  # a guard page, or the kernel's own
                yield before + piece
                before = piece[-1024:]


def found_in(pid, secrets):
    """The names of those that the process has in memory."""
    found = set()
    for piece in memory_of(pid):
        found.update(name for name, octets in secrets.items() if octets in piece)
    return found


class SecretsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.enterClassContext(cls.lab)
        cls.keys = {}
        for certificate in (cls.lab.certificate, cls.lab.second_certificate):
            name = certificate.key.name
            numbers = private_numbers(certificate.key)
            for index, number in enumerate(numbers):
                cls.keys[f"{name} number {index}"] = number
                cls.keys[f"{name} number {index}, little-endian"] = number[::-1]
            for index, line in enumerate(private_lines(certificate.key, numbers)):
                cls.keys[f"{name} line {index}"] = line
        lines = (cls.lab.directory / "passwd").read_text().split()
        # Without "$2b$12$", behind which all its entropy is.
        cls.verifiers = {line.split(":")[0]: line.split("$")[-1].encode() for line in lines}
        cls.use_everything()

    @classmethod
    def use_everything(cls):
        for name in ("mx.example.com", "example.org"):
            for _ in range(5):
                with cls.lab.smtp() as session:
                    session.hello()
                    session.encrypt(cls.lab.trust(), name)
                    session.data(b"Subject: x\r\n\r\nx", recipients=["a@example.com", "b@example.org"])
        for account in ("main", "alice"):
            cls.lab.take(account)
        assert " reloaded " in cls.lab.reload()

    def processes(self):
        return self.lab.children() + [("letterlockd", self.lab.process.pid)]

    @unittest.skipUnless(IS_ROOT, "needs root, to read other processes' memory")
    def test_private_keys(self):
        for name, pid in self.processes():
            with self.subTest(process=name):
                found = found_in(pid, self.keys)
                if name == "keyd":  # the control: the search finds what is there
                    for certificate in (self.lab.certificate, self.lab.second_certificate):
                        self.assertTrue(any(each.startswith(certificate.key.name)
                                            for each in found), found)
                else:
                    self.assertEqual(found, set())

    @unittest.skipUnless(IS_ROOT, "needs root, to read other processes' memory")
    def test_password_verifiers(self):
        for name, pid in self.processes():
            with self.subTest(process=name):
                self.assertEqual(found_in(pid, self.verifiers),
                                 {"main", "alice"} if name == "authd" else set())

    @unittest.skipIf(IS_ROOT, "root may read everything")
    def test_memory_cannot_be_read(self):
        for name, pid in self.lab.children():
            with self.subTest(process=name), self.assertRaises(PermissionError):
                os.open(f"/proc/{pid}/mem", os.O_RDONLY)


if __name__ == "__main__":
    unittest.main()
