"""A relay between nodes and a server that counts requests. Used in a pass of its own, since it costs time itself."""

import re
import socket
import threading
from collections import Counter

REQUEST = re.compile(rb"POST (/v1/fleet/[a-z-]+) HTTP/1\.1\r\n")


class Counting:
    """Listens on a free loopback port; `counts` has the requests by path."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.counts = Counter()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._relay, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, False), daemon=True).start()

    def _relay(self, source, sink, count):
        tail = b""
        try:
            while data := source.recv(1 << 18):
                if count:
                    text = tail + data
                    end = 0
                    for match in REQUEST.finditer(text):
                        self.counts[match[1].decode().removeprefix("/v1/fleet/")] += 1
                        end = match.end()
                    # A request line may be cut in two; 128 bytes hold the longest.
                    tail = text[max(end, len(text) - 128) :]
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        """Takes no more connections."""
        self._listener.close()
