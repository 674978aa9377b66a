"""A load: clients that send, read and remove without pause, and write all of it into a ledger."""

import base64
import random
import shutil
import subprocess
import threading
import time
from collections import Counter

from waiting import PATIENCE, wait_until
from wire import Refused

# Who gets what is sent to an address; as lab.SECTIONS has it.
ADDRESSES = {"any@example.com": "main", "other@example.com": "main", "info@example.net": "main",
             "alice@example.com": "alice", "any@example.org": "alice"}
# Small ones in memory, from 64 KiB on in a scratch file, from 256 KiB on in files of their own.
SIZES = (2_000,) * 12 + (20_000,) * 4 + (80_000,) * 2 + (300_000, 600_000)


def make_content(token, size):
    """Text of about that size that needs dot-stuffing, for ever the same for a token."""
    octets = random.Random(token).randbytes(size * 3 // 4)
    lines = base64.encodebytes(octets).splitlines()
    lines[::7] = [b"." + line for line in lines[::7]]
    head = (f"From: a@remote.example\r\nDate: Sun, 01 Nov 2026 00:00:00 +0000\r\n"
            f"X-Token: {token}\r\nMessage-ID: <{token}@remote.example>\r\nTo: a@example.com\r\n\r\n")
    return head.encode() + b"\r\n".join(lines) + b"\r\n"


def stuffed(content):
    return content.replace(b"\r\n.", b"\r\n..")


class Load:
    """`with Load(lab, ledger, seed) as load` works until the block ends.

    `troubles` counts, in words, what clients met beside answers to messages: refused commands and
    ended connections, which are no fault while processes are being killed.
    """

    def __init__(self, lab, ledger, seed, senders=4, readers=("main", "alice"), others=True,
                 sizes=SIZES, name=""):
        self.troubles = Counter()
        self._lab, self._ledger, self._sizes = lab, ledger, sizes
        self._ending = threading.Event()
        jobs = [(self._send, f"{name}{number}") for number in range(senders)]
        jobs += [(self._read, account) for account in readers]
        jobs += [(self._send_by_others, f"{name}o")] if others else []
        self._threads = [threading.Thread(target=job, args=(who, random.Random(f"{seed} {job} {who}")))
                         for job, who in jobs]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def wait_for_progress(self, messages=10):
        """Waits for that many further messages that got 250."""
        goal = self._ledger.count("250 ") + messages
        wait_until(lambda: self._ledger.count("250 ") >= goal, "progress of the load")

    def _again_and_again(self, work):
        while not self._ending.is_set():
            try:
                work()
            except (OSError, AssertionError, Refused) as error:
                self.troubles[f"{type(error).__name__}: {error}"[:120]] += 1
                time.sleep(0.02)  # not to spin while nobody listens

    # ---- Sending

    def _send(self, who, chance):
        numbers = iter(range(1 << 30))

        def session():
            with self._lab.smtp() as smtp:
                smtp.hello()
                if chance.random() < 0.2:
                    smtp.encrypt(self._lab.trust())
                count = chance.randint(1, 8)
                batch = [self._new(f"{who}-{next(numbers)}", chance) for _ in range(count)]
                chance.choices((self._pipelined, self._in_steps, self._in_chunks),
                               (6, 3, 1))[0](smtp, batch)
                smtp.expect("QUIT", "221")

        self._again_and_again(session)

    def _new(self, token, chance):
        content = make_content(token, chance.choice(self._sizes))
        recipients = chance.sample(sorted(ADDRESSES), chance.choice((1, 1, 1, 2, 3)))
        return content, recipients, token

    def _begin(self, content, recipients, token):
        return self._ledger.will_send(token, content, Counter(map(ADDRESSES.get, recipients)))

    def _in_steps(self, smtp, batch):
        for content, recipients, token in batch:
            self._envelope(smtp, recipients)
            smtp.expect("DATA", "354")
            message = self._begin(content, recipients, token)
            smtp.send(stuffed(content))
            self._finish(smtp, message, b".\r\n")

    def _in_chunks(self, smtp, batch):
        """RFC 3030, two chunks a message."""
        for content, recipients, token in batch:
            self._envelope(smtp, recipients)
            message = self._begin(content, recipients, token)
            half = len(content) // 2
            smtp.send(b"BDAT %d\r\n" % half + content[:half])
            answer = smtp.reply()
            if not answer.startswith("250"):
                raise AssertionError(f"a chunk was answered {answer!r}")
            self._finish(smtp, message, b"BDAT %d LAST\r\n" % (len(content) - half) + content[half:])

    def _envelope(self, smtp, recipients):
        smtp.expect("MAIL FROM:<a@remote.example>", "250")
        for recipient in recipients:
            smtp.expect(f"RCPT TO:<{recipient}>", "250")

    def _pipelined(self, smtp, batch):
        """MAIL, RCPT and DATA in one piece (RFC 2920), behind the end of the message before."""
        envelopes = [b"MAIL FROM:<a@remote.example>\r\n" +
                     b"".join(b"RCPT TO:<%b>\r\n" % each.encode() for each in recipients) + b"DATA\r\n"
                     for _, recipients, _ in batch] + [b""]
        smtp.send(envelopes[0])
        for (content, recipients, token), following in zip(batch, envelopes[1:]):
            for start in ["250"] * (1 + len(recipients)) + ["354"]:
                answer = smtp.reply()
                if not answer.startswith(start):
                    raise AssertionError(f"a pipelined command was answered {answer!r}")
            message = self._begin(content, recipients, token)
            smtp.send(stuffed(content))
            self._finish(smtp, message, b".\r\n" + following)

    def _finish(self, smtp, message, end):
        """Sends what makes the message whole, and writes down what is said to it."""
        self._ledger.sent(message)
        answer = ""
        try:
            smtp.send(end)
            answer = smtp.reply()
        finally:
            self._ledger.answered(message, answer)
        if not answer:
            raise ConnectionError("no answer to a message")

    def _send_by_others(self, who, chance):
        """Programs of other people, one after the other."""
        programs = [make for name, make in (("swaks", self._swaks), ("curl", self._curl),
                                            ("msmtp", self._msmtp)) if shutil.which(name)]
        path = self._lab.directory / f"by-others-{who}"
        number = 0
        while programs and not self._ending.is_set():
            content, recipients, token = self._new(f"{who}-{number}", chance)
            make = programs[number % len(programs)]
            # swaks adds a line end to what it reads.
            path.write_bytes(content.removesuffix(b"\r\n") if make == self._swaks else content)
            message = self._begin(content, recipients, token)
            self._ledger.sent(message)
            try:
                with path.open("rb") as file:
                    subprocess.run(make(path, recipients), stdin=file, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, timeout=PATIENCE, check=True)
                self._ledger.answered(message, "250 by its exit status")
            except subprocess.SubprocessError:
                # It does not always tell how far it came: that is no answer.
                self._ledger.answered(message, "")
            number += 1

    def _swaks(self, path, recipients):
        return ["swaks", "--server", "127.0.0.1", "--port", str(self._lab.smtp_port), "--from",
                "a@remote.example", "--to", ",".join(recipients), "--data", f"@{path}",
                "--silent", "2", "--pipeline"]

    def _curl(self, path, recipients):
        return ["curl", "--silent", "--show-error", f"smtp://127.0.0.1:{self._lab.smtp_port}",
                "--mail-from", "a@remote.example", "--upload-file", str(path),
                *[word for each in recipients for word in ("--mail-rcpt", each)]]

    def _msmtp(self, _, recipients):
        return ["msmtp", "--host=127.0.0.1", f"--port={self._lab.smtp_port}",
                "--from=a@remote.example", "--", *recipients]

    # ---- Reading and removing

    def _read(self, account, chance):
        def session():
            with self._lab.pop3(account) as pop3:
                uidls = dict(line.split() for line in pop3.listing("UIDL"))
                numbers = chance.sample(sorted(uidls), min(len(uidls), chance.randint(1, 30)))
                tokens = []
                for number in numbers:
                    token = self._ledger.read(pop3.retrieve(number), account, uidls[number])
                    if token is not None and chance.random() < 0.7:
                        pop3.command(f"DELE {number}")
                        tokens.append(token)
                    if self._ending.is_set():
                        break
                if chance.random() < 0.2:
                    return  # without QUIT nothing is removed
                self._ledger.removing(tokens, account)
                pop3.command("QUIT")
                self._ledger.removed(tokens, account)

        self._again_and_again(session)
