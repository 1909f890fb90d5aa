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
from contextlib import ExitStack
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
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    sent_at: float = 0.0
    expected_bytes: int = 0


def run_load(ports: int | Sequence[int], requests: Iterator[bytes], connections: int, seconds: float) -> Measured:
    """Send requests over `connections` for `seconds`, or until there are none left, and return the answers' times.

    Several ports share the connections evenly. Raises BadAnswerError for an answer that is no 2xx, OSError when a
    server hangs up.
    """
    latencies: list[float] = []
    body_bytes = 0
    cpu_before = _own_cpu_seconds()
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for number in range(connections):
            port = ports if isinstance(ports, int) else ports[number % len(ports)]
            line = _Line(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if _send(line, requests):
                selector.register(line.socket, selectors.EVENT_READ, line)
        while selector.get_map():
            for key, _ in selector.select():
                if not _receive(key.data):
                    continue
                now = time.perf_counter()
                latencies.append(now - key.data.sent_at)
                body_bytes = key.data.expected_bytes
                if now - started > seconds or not _send(key.data, requests):
                    selector.unregister(key.data.socket)
    return Measured(time.perf_counter() - started, sorted(latencies), _own_cpu_seconds() - cpu_before, body_bytes)


def _send(line: _Line, requests: Iterator[bytes]) -> bool:
    """Send the next request and tell whether there was one."""
    request = next(requests, None)
    if request is None:
        return False
    line.received.clear()
    line.expected_bytes = 0
    line.sent_at = time.perf_counter()
    line.socket.sendall(request)
    return True


def _receive(line: _Line) -> bool:
    """Take what has arrived and tell whether the answer is whole."""
    data = line.socket.recv(_RECEIVE_BYTES)
    if not data:
        raise OSError("the server hung up")
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
