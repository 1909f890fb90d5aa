"""What both providers need of HTTP: a client fit for paid calls, and what a lost answer means."""

from typing import Literal

import httpx

from shared.generation.provider import GenerationError

Call = Literal["submit", "poll"]

TIMEOUT_SECONDS = 30.0
CONNECT_TIMEOUT_SECONDS = 10.0
# Failures that happen before a single byte of the request has left; after these a submission may be repeated.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def http_client(timeout_seconds: float = TIMEOUT_SECONDS) -> httpx.Client:
    """Return a client with bounded waits, no redirects, and no connection kept between calls.

    A kept connection may die unseen while the next request travels, and then nobody knows whether a paid submission
    arrived. One handshake per poll is a small price.
    """
    timeout = httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_TIMEOUT_SECONDS))
    return httpx.Client(timeout=timeout, limits=httpx.Limits(max_keepalive_connections=0))


def connection_failure(call: Call, error: httpx.RequestError) -> GenerationError:
    """Return what a call that got no answer stands for: a submission that was sent may have been taken."""
    lost = call == "submit" and not isinstance(error, _NOT_SENT)
    # A LocalProtocolError quotes the header it dislikes, which may be the token.
    said = "" if isinstance(error, httpx.LocalProtocolError) else str(error)
    code = "submission_unconfirmed" if lost else "provider_unavailable"
    return GenerationError(code, f"{call}: {type(error).__name__} {said}".rstrip())


def unreadable_answer(call: Call, answer: object) -> GenerationError:
    """Return what a 200 that says nothing stands for: a submission that got one was taken, so it is not repeated."""
    code = "submission_unconfirmed" if call == "submit" else "provider_unavailable"
    return GenerationError(code, f"{call}: unreadable answer {str(answer)[:300]!r}")
