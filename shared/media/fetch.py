"""Downloads a provider's file and nothing else: allowed hosts only, never an internal address, never an endless body.

Built on httpcore, the transport below httpx, because it lets us choose the address that is connected to: a name is
resolved once, checked, and that very address is used, so that a second answer of the name server changes nothing. It
also knows no proxies, cookies, redirects or compression to be switched off.
"""

import ipaddress
import re
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpcore

REDIRECTS_MAX = 3
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 600.0
_LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1"))
_HOST = re.compile(r"[a-z0-9.-]+")
_TARGET = re.compile(r"[!-~]*")


class FetchError(Exception):
    """A download that did not happen.

    `code` is `source_not_allowed`, `source_expired` (403, 404, 410: ask the provider for a new link), `file_too_large`
    or `download_failed`; `transient` says whether the same address may work later; `detail` is for the log.
    """

    def __init__(self, code: str, detail: str, *, transient: bool = False) -> None:
        self.code = code
        self.transient = transient
        self.detail = detail
        super().__init__(f"{code}: {detail}")


@dataclass(frozen=True)
class _Source:
    """An address that passed the allow-list, in the parts that are connected to and sent."""

    scheme: str
    host: str
    port: int
    target: str
    may_be_internal: bool

    @property
    def url(self) -> httpcore.URL:
        return httpcore.URL(scheme=self.scheme, host=self.host, port=self.port, target=self.target)

    @property
    def text(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}{self.target}"


@contextmanager
def download(
    url: str, allowed_hosts: Sequence[str], max_bytes: int, total_seconds: float = TOTAL_SECONDS
) -> Iterator[Iterator[bytes]]:
    """Open `url` and give its body as chunks of less than 1 MB; the connection closes at the end of the block.

    `allowed_hosts` are names, for https on port 443, or `name:port`; only an entry with a port may be an internal
    address, and only `localhost:port` may be plain http. At most three redirects, each of them checked alike. The whole
    may take `total_seconds`. Raises FetchError here or while the chunks are taken, e.g. for a body that is cut off or
    longer than `max_bytes`.
    """
    deadline = time.monotonic() + total_seconds
    with _failures(), ExitStack() as stack:
        response = _follow(stack, url, allowed_hosts, deadline)
        yield _chunks(response, max_bytes, deadline)


def _follow(stack: ExitStack, url: str, allowed_hosts: Sequence[str], deadline: float) -> httpcore.Response:
    for _ in range(REDIRECTS_MAX + 1):
        source = _allowed(url, allowed_hosts)
        pool = stack.enter_context(httpcore.ConnectionPool(network_backend=_CheckedNetwork(source.may_be_internal)))
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": CONNECT_SECONDS}
        headers = [("Accept", "*/*"), ("Accept-Encoding", "identity"), ("User-Agent", "instaveo")]
        response = stack.enter_context(pool.stream("GET", source.url, headers=headers, extensions={"timeout": timeout}))
        location = _header(response, b"location")
        if response.status not in (301, 302, 303, 307, 308) or not location:
            _check_status(response.status)
            return response
        _check_time(deadline)
        url = _joined(source.text, location)
    raise FetchError("download_failed", f"more than {REDIRECTS_MAX} redirects")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise FetchError("source_not_allowed", "a redirect to no address") from None


def _allowed(url: str, allowed_hosts: Sequence[str]) -> _Source:
    """Return the parts of an allowed address. They alone are used from here on: `url` is not parsed a second time."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        raise FetchError("source_not_allowed", "not an address") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if "@" in parts.netloc or not _HOST.fullmatch(host) or not _TARGET.fullmatch(target):
        raise FetchError("source_not_allowed", "not a plain address")
    with_port = f"{host}:{port}"
    named_with_port = with_port in allowed_hosts
    if not named_with_port and not (host in allowed_hosts and port == 443):
        raise FetchError("source_not_allowed", f"{with_port} is not on the list of sources")
    if parts.scheme != "https" and not (parts.scheme == "http" and named_with_port and host in _LOOPBACK_NAMES):
        raise FetchError("source_not_allowed", f"{parts.scheme} to {with_port}")
    return _Source(parts.scheme, host, port, target, named_with_port)


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to the addresses that were checked, not to the name."""

    def __init__(self, may_be_internal: bool) -> None:
        self._may_be_internal = may_be_internal
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        error: Exception = FetchError("download_failed", f"{host} has no address", transient=True)
        for address in _addresses(host, port):
            if not self._may_be_internal and not _is_public(address):
                raise FetchError("source_not_allowed", f"{host} is the internal address {address}")
            try:
                return self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError("download_failed", f"{host} has no address: {error}", transient=True) from error
    return [str(each[4][0]) for each in found]


def _is_public(text: str) -> bool:
    """Return whether the address is on the open internet, also the IPv4 one hidden in an IPv6 one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in ipaddress.IPv6Network("64:ff9b::/96"):
            hidden = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if hidden:
            return _is_public(str(hidden))
    return address.is_global and not address.is_multicast


def _check_status(status: int) -> None:
    if status in (403, 404, 410):
        raise FetchError("source_expired", f"the source answered {status}")
    if status != 200:
        transient = status >= 500 or status in (408, 425, 429)
        raise FetchError("download_failed", f"the source answered {status}", transient=transient)


def _chunks(response: httpcore.Response, max_bytes: int, deadline: float) -> Iterator[bytes]:
    announced = _header(response, b"content-length")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise FetchError("file_too_large", f"{announced[:20]} bytes announced")
    received_bytes = 0
    with _failures():
        for chunk in response.iter_stream():
            received_bytes += len(chunk)
            if received_bytes > max_bytes:
                raise FetchError("file_too_large", f"more than {max_bytes} bytes")
            _check_time(deadline)
            yield chunk


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise FetchError("download_failed", "it took too long", transient=True)


@contextmanager
def _failures() -> Iterator[None]:
    """Tell network failures, a cut-off body among them, in our words."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise FetchError("download_failed", f"{type(error).__name__}: {error}", transient=True) from error
