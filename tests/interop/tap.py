"""Tap: a port of loopback that leads to another one, and remembers what went through."""

import selectors
import socket
import threading

import waiting


class Conversation:
    """What a client and the server have said, as it came: an item for each read of a socket."""

    def __init__(self):
        self.events = []  # (whether the client said it, octets)

    def said(self):
        """By the client."""
        return [octets for is_client, octets in self.events if is_client]

    def octets(self):
        return b"".join(self.said())

    def exchanges(self):
        """[(what the client said, what it then heard)], as the one followed the other."""
        found, heard = [[b"", b""]], False
        for is_client, octets in self.events:
            if is_client and heard:
                found.append([b"", b""])
            heard = not is_client
            found[-1][heard] += octets
        return found


class Tap:
    """`with` has it open. It passes on what both sides say, and each one's end."""

    def __init__(self, port):
        self._target = port
        self.conversations = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._wake.close()
        self._thread.join(waiting.PATIENCE)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                key.data()

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target), waiting.PATIENCE)
        except OSError:
            client.close()
            return
        conversation = Conversation()
        self.conversations.append(conversation)
        self._connect(client, server, True, conversation)
        self._connect(server, client, False, conversation)

    def _connect(self, source, sink, is_client, conversation):
        def pass_on():
            try:
                octets = source.recv(1 << 16)
                conversation.events.append((is_client, octets))
                if octets:
                    return sink.sendall(octets)
            except OSError:
                pass
            self._selector.unregister(source)
            try:
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            if sink not in self._selector.get_map():  # neither says more
                source.close()
                sink.close()

        source.settimeout(waiting.PATIENCE)
        self._selector.register(source, selectors.EVENT_READ, pass_on)
