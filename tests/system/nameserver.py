"""A name server on loopback, by UDP and TCP, that answers as a test tells it."""

import socket
import struct
import threading

A, CNAME, PTR, AAAA = 1, 5, 12, 28
NXDOMAIN, SERVFAIL = 3, 2
# In the place of records: no answer at all.
SILENCE = object()


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def encode_data(kind, data):
    if kind == A:
        return socket.inet_aton(data)
    if kind == AAAA:
        return socket.inet_pton(socket.AF_INET6, data)
    return encode_name(data)


def reverse(address):
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


class NameServer:
    """`records`: {name: [(type, data)…]}, or a response code, or SILENCE; other names do not exist.
    It may be changed at any time. `asked` has the names and types of all questions, in order."""

    def __init__(self, records=None):
        self.records = dict(records or {})
        self.asked = []
        self._changed = threading.Condition()
        while True:  # a port that is free for both
            self._stream = socket.create_server(("127.0.0.1", 0))
            self.port = self._stream.getsockname()[1]
            self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._datagrams.bind(("127.0.0.1", self.port))
                break
            except OSError:
                self._stream.close()
                self._datagrams.close()
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._serve_datagrams, self._serve_streams)]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in (self._datagrams, self._stream):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # a datagram socket has no connection; it wakes up all the same
        for thread in self._threads:
            thread.join()
        self._datagrams.close()
        self._stream.close()

    def add_host(self, address, *names, forward=None):
        """`names` of the address; each has it in turn, or has the addresses of `forward`."""
        self.records[reverse(address)] = [(PTR, name) for name in names]
        for name in names:
            self.records[name] = [(A, each) for each in (forward or [address])]

    def wait_for_question(self, name, patience):
        """Until somebody has asked for that name."""
        with self._changed:
            return self._changed.wait_for(lambda: any(each == name for each, _ in self.asked), patience)

    def _answer(self, query, by_stream):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        name, kind = ".".join(labels).lower(), struct.unpack_from(">H", query, at + 1)[0]
        with self._changed:
            self.asked.append((name, kind))
            self._changed.notify_all()
        code, answers = 0, []
        for _ in range(20):  # an alias may be its own
            found = self.records.get(name, NXDOMAIN)
            if found is SILENCE:
                return None
            if isinstance(found, int):
                code = found
                break
            answers += [(name, each, data) for each, data in found if each in (kind, CNAME)]
            name = next((data for each, data in found if each == CNAME), None)
            if name is None:
                break
        body = b"".join(encode_name(owner) + struct.pack(">HHIH", each, 1, 60, len(encode_data(each, data))) +
                        encode_data(each, data) for owner, each, data in answers)
        truncated = 0 if by_stream or len(body) < 1000 else 0x0200
        if truncated:
            answers, body = [], b""
        return (query[:2] + struct.pack(">HHHHH", 0x8180 | truncated | code, 1, len(answers), 0, 0) +
                query[12:at + 5] + body)

    def _serve_datagrams(self):
        while True:
            try:
                query, client = self._datagrams.recvfrom(4096)
            except OSError:
                return
            if not query:  # the end
                return
            answer = self._answer(query, by_stream=False)
            if answer is not None:
                self._datagrams.sendto(answer, client)

    def _serve_streams(self):
        while True:
            try:
                client, _ = self._stream.accept()
            except OSError:
                return
            with client:
                while len(size := client.recv(2)) == 2:
                    answer = self._answer(client.recv(struct.unpack(">H", size)[0]), by_stream=True)
                    if answer is None:
                        break
                    client.sendall(struct.pack(">H", len(answer)) + answer)
