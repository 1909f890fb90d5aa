"""A network between a function and its database: passes everything on, what the client says some milliseconds late.

A process of its own, since it must not wait for anybody's interpreter:
`python -m benchmarks.tools.delay SOCKET PORT MILLISECONDS`.
"""

import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

_CHUNK_BYTES = 256 * 1024


def pass_on(source: socket.socket, target: socket.socket, delay_seconds: float) -> None:
    """Send on what arrives, each time after a pause, until one of the two hangs up."""
    with suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            # Sleeping and not a timer of poll(2), which counts in whole milliseconds.
            time.sleep(delay_seconds)
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def main(arguments: Sequence[str]) -> None:
    """Listen and serve until ended."""
    unix_socket, port, milliseconds = arguments
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            server.connect(unix_socket)
            # The whole round trip on the way there; a turn waits for it once, wherever it is spent.
            for source, target, delay in ((client, server, float(milliseconds) / 1000), (server, client, 0.0)):
                threading.Thread(target=pass_on, args=(source, target, delay), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
