"""A proxy between a function and Postgres that counts network turns: how often the client speaks after listening."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit


class CountingProxy:
    """Listens on a loopback port and passes everything on to a Postgres socket, counting as it does."""

    def __init__(self, unix_socket: str) -> None:
        self._unix_socket = unix_socket
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self._open: list[socket.socket] = []
        self.turns = 0
        self.connections = 0
        self.client_bytes = 0
        self.server_bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._closing.set()
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Hang up on everybody, as a restarting database does."""
        for each in self._open:
            # Closing alone would wait for the thread that listens to it.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._unix_socket)
            self.connections += 1
            self._open += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        client_spoke_last = False
        try:
            while True:
                readable, _, _ = select.select([client, server], [], [])
                for source in readable:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client:
                        self.turns += not client_spoke_last
                        self.client_bytes += len(data)
                        server.sendall(data)
                    else:
                        self.server_bytes += len(data)
                        client.sendall(data)
                    client_spoke_last = source is client
        except (OSError, ValueError):
            return
        finally:
            client.close()
            server.close()


@contextmanager
def counting_proxy(database_url: str) -> Iterator[tuple[CountingProxy, str]]:
    """Yield a proxy before the database of `database_url`, and the URL that goes through it."""
    parts = urlsplit(database_url)
    folder = parse_qs(parts.query)["host"][0]
    proxy = CountingProxy(f"{folder}/.s.PGSQL.5432")
    try:
        yield proxy, f"postgresql://postgres@127.0.0.1:{proxy.port}{parts.path}?sslmode=disable"
    finally:
        proxy.close()
