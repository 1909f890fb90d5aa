"""Calls made at the same moment by real threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def at_once(count: int, call: Callable[[int], Result]) -> list[Result]:
    """Call with 0, 1, … `count` - 1 in as many threads, none of which begins before all are there."""
    barrier = threading.Barrier(count)

    def wait_and_call(number: int) -> Result:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(wait_and_call, range(count)))
