"""Clients that show every octet: for what real clients hide or would never do."""

import socket
import ssl

from certificates import fingerprint
from waiting import PATIENCE


class Wire:
    """A connection that reads by lines. Its end reads as an empty line."""

    def __init__(self, port, tls=None, name="127.0.0.1", patience=PATIENCE, source="127.0.0.1"):
        """`tls`: an SSLContext for TLS from the first octet; `name`: the server's name for it;
        `source`: the client's address, any of 127.0.0.0/8."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience,
                                               source_address=(source, 0))
        self._received = bytearray()
        if tls is not None:
            self.start_tls(tls, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def start_tls(self, context, name="127.0.0.1"):
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    @property
    def peer_fingerprint(self):
        return fingerprint(self.socket.getpeercert(binary_form=True))

    def send(self, octets):
        self.socket.sendall(octets)

    def _fill(self):
        try:
            more = self.socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLEOFError):
            more = b""
        self._received += more
        return bool(more)

    def _take(self, count):
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def line(self):
        """One line without its end, which must be CR LF."""
        while (end := self._received.find(b"\n")) < 0:
            if not self._fill():
                return self._take(len(self._received))
        line = self._take(end + 1)
        if not line.endswith(b"\r\n"):
            raise AssertionError(f"a line without CR LF: {line!r}")
        return line[:-2]

    def rest(self):
        """Everything up to the end of the connection."""
        while self._fill():
            pass
        return self._take(len(self._received))

    def read_to(self, end):
        """Everything up to and with `end`."""
        start = 0
        while (at := self._received.find(end, start)) < 0:
            start = max(0, len(self._received) - len(end))
            if not self._fill():
                raise ConnectionError(f"the connection ended before {end!r}")
        return self._take(at + len(end))


class Smtp(Wire):
    """An SMTP session; greeted, but nothing said yet."""

    def __init__(self, port, **options):
        super().__init__(port, **options)
        self.greeting = self.reply()

    def reply(self):
        """The reply's lines joined by LF; empty when the connection has ended."""
        lines = []
        while True:
            lines.append(self.line().decode())
            if lines[-1][3:4] != "-":
                return "\n".join(lines)

    def command(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def expect(self, line, start):
        answer = self.command(line)
        if not answer.startswith(start):
            raise AssertionError(f"{line!r} was answered {answer!r}, not {start!r}")
        return answer

    def hello(self):
        return self.expect("EHLO client.example", "250")

    def encrypt(self, context, name="127.0.0.1"):
        self.expect("STARTTLS", "220")
        self.start_tls(context, name)
        return self.hello()

    def data(self, content, sender="a@remote.example", recipients=("any@example.com",),
             parameters=""):
        """The reply to a message whose `content` goes out as it is, with CR LF . CR LF behind;
        `parameters` stand behind MAIL."""
        self.expect(f"MAIL FROM:<{sender}>{parameters}", "250")
        for recipient in recipients:
            self.expect(f"RCPT TO:<{recipient}>", "250")
        self.expect("DATA", "354")
        self.send(content + b"\r\n.\r\n")
        return self.reply()


    def chunks(self, *chunks, sender="a@remote.example", recipients=("any@example.com",)):
        """The reply to a message that goes out as BDAT chunks, the last of them marked so."""
        self.expect(f"MAIL FROM:<{sender}>", "250")
        for recipient in recipients:
            self.expect(f"RCPT TO:<{recipient}>", "250")
        for chunk in chunks[:-1]:
            self.send(b"BDAT %d\r\n" % len(chunk) + chunk)
        self.send(b"BDAT %d LAST\r\n" % len(chunks[-1]) + chunks[-1])
        for _ in chunks[:-1]:
            answer = self.reply()
            if not answer.startswith("250 "):
                return answer
        return self.reply()


class Refused(Exception):
    """A -ERR; its text is the argument."""


class Pop3(Wire):
    """A POP3 session."""

    def __init__(self, port, **options):
        super().__init__(port, **options)
        self.greeting = self.line()

    def command(self, line):
        """The text behind +OK."""
        self.send(line.encode() + b"\r\n")
        answer = self.line().decode()
        if answer.startswith("-ERR "):
            raise Refused(answer[5:])
        if not answer.startswith("+OK"):
            raise ConnectionError(f"{line!r} was answered {answer!r}")
        return answer[4:]

    def log_in(self, user, password):
        self.command(f"USER {user}")
        return self.command(f"PASS {password}")

    def listing(self, line):
        """The lines of a multi-line answer."""
        self.command(line)
        lines = []
        while (entry := self.line()) != b".":
            if not entry:
                raise ConnectionError(f"the connection ended in the answer to {line!r}")
            lines.append(entry.decode())
        return lines

    def retrieve(self, number):
        """A message's octets, with the dots that the protocol added taken away."""
        octets = int(self.command(f"RETR {number}").split()[0])
        # The end of the answer's line is the one that a message without octets ends in.
        self._received[:0] = b"\r\n"
        stuffed = self.read_to(b"\r\n.\r\n")[:-3]
        message = stuffed.replace(b"\r\n.", b"\r\n")[2:]
        if len(message) != octets:
            raise AssertionError(f"{octets} octets announced, {len(message)} sent")
        return message
