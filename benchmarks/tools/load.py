"""A load generator: keep-alive connections that each send the next request as soon as they have the last answer.

Plain sockets in one thread. It needs some 25 microseconds of CPU for a request where the fastest server measured here
needs several hundred, so it is not what is measured; `Load.own_cpu_share` tells.
"""

import re
import resource
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from benchmarks.tools.report import median

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_RECEIVE_BYTES = 256 * 1024


class BadAnswerError(Exception):
    """The server answered something else than success: what was measured would be another thing."""


@dataclass
class Measured:
    """What one round gave. Latencies are seconds, sorted."""

    seconds: float
    latencies: list[float]
    own_cpu_seconds: float
    body_bytes: int

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def milliseconds_at(self, share: float) -> float:
        """Return the latency that this share of the requests did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


@dataclass
class _Line:
    """A connection and the request that is under way on it."""

    port: int
    socket: socket.socket
    request: bytes = b""
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0
    expected_bytes: int = 0
    is_hung_up: bool = False


def run_load(ports: int | Sequence[int], requests: Iterator[bytes], connections: int, seconds: float) -> Measured:
    """Send requests over `connections` for `seconds`, or until there are none left, and return the answers' times.

    Several ports share the connections evenly. Raises BadAnswerError for an answer that is no 2xx, OSError when a
    server hangs up again and again.
    """
    several = [ports] if isinstance(ports, int) else ports
    latencies: list[float] = []
    body_bytes, hang_ups = 0, 0
    cpu_before = _own_cpu_seconds()
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for number in range(connections):
            port = several[number % len(several)]
            line = _Line(port, stack.enter_context(_connected(port)))
            if _send_next(line, requests):
                selector.register(line.socket, selectors.EVENT_READ, line)
        while selector.get_map():
            for key, _ in selector.select():
                line = key.data
                if not _receive(line):
                    if line.is_hung_up:
                        hang_ups += 1
                        if hang_ups > connections:
                            raise ConnectionResetError("the server hangs up again and again")
                        _send_again(line, selector, stack)
                    continue
                now = time.perf_counter()
                latencies.append(now - line.sent_at)
                body_bytes = line.expected_bytes
                if now - started > seconds or not _send_next(line, requests):
                    selector.unregister(line.socket)
    return Measured(time.perf_counter() - started, sorted(latencies), _own_cpu_seconds() - cpu_before, body_bytes)


def _send_again(line: _Line, selector: selectors.BaseSelector, stack: ExitStack) -> None:
    """Send the request on a new connection, as every client does when a server gives up one that it kept."""
    selector.unregister(line.socket)
    line.socket = stack.enter_context(_connected(line.port))
    selector.register(line.socket, selectors.EVENT_READ, line)
    _send(line, line.request)


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _send_next(line: _Line, requests: Iterator[bytes]) -> bool:
    """Send the next request and tell whether there was one."""
    request = next(requests, None)
    if request is None:
        return False
    _send(line, request)
    return True


def _send(line: _Line, request: bytes) -> None:
    line.request = request
    line.received.clear()
    line.expected_bytes = 0
    line.sent_at = time.perf_counter()
    # One that the server has hung up on takes this, and says so when it is read.
    with suppress(ConnectionError):
        line.socket.sendall(request)


def _receive(line: _Line) -> bool:
    """Take what has arrived and tell whether the answer is whole."""
    try:
        data = line.socket.recv(_RECEIVE_BYTES)
    except ConnectionError:
        data = b""
    line.is_hung_up = not data
    if line.is_hung_up:
        return False
    line.received += data
    if not line.expected_bytes:
        head_end = line.received.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        head = bytes(line.received[: head_end + 2])
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 2") or length is None:
            raise BadAnswerError(bytes(line.received[:600]).decode(errors="replace"))
        line.expected_bytes = head_end + 4 + int(length[1])
    return len(line.received) >= line.expected_bytes


def _own_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def medians(rounds: list[Measured]) -> tuple[float, float, float]:
    """Return the medians over rounds of requests a second, p50 and p99 in milliseconds."""
    return (
        median(each.per_second for each in rounds),
        median(each.milliseconds_at(0.5) for each in rounds),
        median(each.milliseconds_at(0.99) for each in rounds),
    )
